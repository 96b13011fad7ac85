package capture

import (
	"bufio"
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"systape/format"
)

// openBefore returns what is open in the processes to be recorded, if paths
// are and descriptors can be followed. A command is none of them yet.
// pids are those that are recorded from the beginning, their descendants too.
func (r *Recording) openBefore(proc *procFS, pids []int32) (open []openFile) {
	if r.opt.Paths != AllPaths || r.opt.held() || len(r.opt.Command) > 0 && !r.opt.All || r.kernel.InPIDNamespace() {
		return nil
	}
	if r.opt.All {
		pids = proc.processes()
	}
	return proc.allOpen(pids, time.Time{})
}

// stillOpen returns what was open in both of two looks: what changed between
// them may have changed before its calls were recorded. Sockets have the
// addresses of now.
func (p *procFS) stillOpen(before, after []openFile) []openFile {
	was := make(map[openFile]bool, len(before))
	for _, o := range before {
		was[o] = true
	}
	open := slices.DeleteFunc(after, func(o openFile) bool { return !was[o] })
	p.nameSockets(open)
	return open
}

// tellOpen has rows written of what was open, before the first event of the
// processes.
func (r *Recording) tellOpen(at uint64, open []openFile) {
	for i := range open {
		r.merger.notice(notice{first: at, last: at, kind: format.FD, open: &open[i]})
	}
}

// inherited returns what a command gets from the recorder, if paths are
// recorded: its standard files, and what the recorder itself was given.
func (r *Recording) inherited(proc *procFS, files Files) []openFile {
	if r.opt.Paths != AllPaths || r.opt.held() || r.kernel.InPIDNamespace() {
		return nil
	}
	self := int32(os.Getpid())
	own := proc.openOf(nil, self, self, proc.path("self"), true, true)
	open := slices.DeleteFunc(slices.Clone(own), func(o openFile) bool {
		return o.fd >= 0 && (o.fd <= 2 || o.flags&unix.O_CLOEXEC != 0)
	})
	for n, f := range []*os.File{files.In, files.Out, files.Err} {
		if f == nil {
			continue // /dev/null, which os/exec opens
		}
		fd := int64(f.Fd())
		if i := slices.IndexFunc(own, func(o openFile) bool { return o.fd == fd }); i >= 0 {
			o := own[i]
			o.fd, o.flags = int64(n), o.flags&^unix.O_CLOEXEC
			open = append(open, o)
		}
	}
	proc.nameSockets(open)
	return open
}

// processes returns the ids of all processes but the recorder.
func (p *procFS) processes() (pids []int32) {
	entries, _ := os.ReadDir(p.proc)
	for _, e := range entries {
		if pid, err := strconv.ParseInt(e.Name(), 10, 32); err == nil && int(pid) != os.Getpid() {
			pids = append(pids, int32(pid))
		}
	}
	return pids
}

// allOpen returns what processes have open, and what they share. It looks no
// further at an instant, if one is given.
func (p *procFS) allOpen(pids []int32, until time.Time) (open []openFile) {
	var first []openFile // of each process
	for _, pid := range pids {
		if !until.IsZero() && time.Now().After(until) {
			break
		}
		n := len(open)
		if open = p.open(open, pid); len(open) > n {
			first = append(first, open[n])
		}
	}
	for _, kind := range sharing {
		for pid, with := range shared(first, kind.compare) {
			open = slices.DeleteFunc(open, func(o openFile) bool {
				return o.pid == pid && o.tid == pid && (o.fd >= 0) == (kind.compare == kcmpFiles) && (o.fd >= format.FDRoot)
			})
			open = append(open, openFile{pid: pid, tid: pid, fd: kind.fd, flags: int64(with)})
		}
	}
	return open
}

// What kcmp compares (include/uapi/linux/kcmp.h).
const (
	kcmpFiles = 2
	kcmpFS    = 3
)

// kcmp compares what two threads have: 0, the same; 1 and 2, one order or the
// other; ok is false where that is not told.
func kcmp(a, b int32, what int) (order int, ok bool) {
	r, _, err := unix.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), uintptr(what), 0, 0, 0)
	return int(r), err == 0 && r <= 2
}

// shared returns which processes share what with another of them, the one with
// the least id.
func shared(processes []openFile, what int) map[int32]int32 {
	pids := make([]int32, 0, len(processes))
	for _, o := range processes {
		pids = append(pids, o.pid)
	}
	// Whose order the kernel does not tell stands nowhere in particular, and shares with none.
	slices.SortFunc(pids, func(a, b int32) int {
		switch order, _ := kcmp(a, b, what); order {
		case 1:
			return -1
		case 2:
			return 1
		}
		return cmp.Compare(a, b)
	})
	with := map[int32]int32{}
	for i := 1; i < len(pids); i++ {
		if order, ok := kcmp(pids[i-1], pids[i], what); ok && order == 0 {
			with[pids[i]] = pids[i-1]
			if first, more := with[pids[i-1]]; more {
				with[pids[i]] = first
			}
		}
	}
	return with
}

// open appends what a process has open, its directories first, and what threads
// of it have that share theirs with no other. Of one that has ended there is nothing.
func (p *procFS) open(open []openFile, pid int32) []openFile {
	process := strconv.Itoa(int(pid))
	open = p.openOf(open, pid, pid, p.path(process), true, true)
	alone := [2]apart{{pid}, {pid}}
	threads, _ := os.ReadDir(p.path(process, "task"))
	for _, e := range threads {
		tid, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil || int32(tid) == pid {
			continue
		}
		var own [2]bool
		for i, kind := range sharing {
			with := alone[i].with(int32(tid), kind.compare)
			if own[i] = with == int32(tid); !own[i] && with != pid {
				open = append(open, openFile{pid, int32(tid), kind.fd, int64(with), ""})
			}
		}
		open = p.openOf(open, pid, int32(tid), p.path(process, "task", e.Name()), own[0], own[1])
	}
	return open
}

// sharing is what threads can share, and the number of the row that says so.
var sharing = [...]struct {
	compare int
	fd      int64
}{{kcmpFiles, format.FDSharesFiles}, {kcmpFS, format.FDSharesDirs}}

// apart are threads of a process that share nothing of a kind with each other,
// the first one the leader.
type apart []int32

// with returns the thread with which another shares, itself if there is none.
func (a *apart) with(tid int32, what int) int32 {
	for _, t := range *a {
		if order, ok := kcmp(t, tid, what); !ok {
			return (*a)[0] // as nearly all threads do
		} else if order == 0 {
			return t
		}
	}
	*a = append(*a, tid)
	return tid
}

// openOf appends what a thread has open: its descriptors, its directories.
func (p *procFS) openOf(open []openFile, pid, tid int32, below string, files, dirs bool) []openFile {
	for _, dir := range []struct {
		fd   int64
		link string
	}{{format.FDCwd, "/cwd"}, {format.FDRoot, "/root"}} {
		if !dirs {
			break
		}
		if name, err := os.Readlink(below + dir.link); err == nil {
			open = append(open, openFile{pid, tid, dir.fd, deleted(below+dir.link, below+"/root", name), name})
		}
	}
	if !files {
		return open
	}
	list, _ := os.ReadDir(below + "/fd")
	for _, e := range list {
		fd, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		name, err := os.Readlink(below + "/fd/" + e.Name())
		if err != nil {
			continue // closed since
		}
		if strings.HasPrefix(name, "/memfd:") { // /proc says so of every one, and the call that makes it does not
			name = strings.TrimSuffix(name, " (deleted)")
		}
		flags := flagsOf(below+"/fdinfo/"+e.Name()) | deleted(below+"/fd/"+e.Name(), below+"/root", name)
		open = append(open, openFile{pid, tid, fd, flags, name})
	}
	return open
}

// deleted returns [format.FDDeleted] where what a link of /proc leads to was removed:
// a name may end in the word that /proc puts behind it by itself.
func deleted(link, root, name string) int64 {
	if !strings.HasPrefix(name, "/") || !strings.HasSuffix(name, format.DeletedSuffix) {
		return 0
	}
	var is, named unix.Stat_t
	if unix.Stat(link, &is) == nil && unix.Lstat(root+name, &named) == nil && is.Dev == named.Dev && is.Ino == named.Ino {
		return 0
	}
	return format.FDDeleted
}

// flagsOf returns how a descriptor was opened, as its file below /proc/PID/fdinfo
// says (Documentation/filesystems/proc.rst, 3.8).
func flagsOf(info string) int64 {
	file, err := os.Open(info)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if octal, ok := strings.CutPrefix(lines.Text(), "flags:"); ok {
			flags, _ := strconv.ParseInt(strings.TrimSpace(octal), 8, 64)
			return flags
		}
	}
	return 0
}
