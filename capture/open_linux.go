package capture

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"

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
	for _, pid := range pids {
		open = proc.open(open, pid)
	}
	return open
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
	own := proc.open(nil, int32(os.Getpid()))
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

// open appends what a process has open, its directories first. Of one that has
// ended there is nothing.
func (p *procFS) open(open []openFile, pid int32) []openFile {
	process := strconv.Itoa(int(pid))
	for _, dir := range []struct {
		fd   int64
		link string
	}{{format.FDCwd, "cwd"}, {format.FDRoot, "root"}} {
		if name, err := os.Readlink(p.path(process, dir.link)); err == nil {
			open = append(open, openFile{pid, dir.fd, 0, name})
		}
	}
	list, _ := os.ReadDir(p.path(process, "fd"))
	for _, e := range list {
		fd, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		name, err := os.Readlink(p.path(process, "fd", e.Name()))
		if err != nil {
			continue // closed since
		}
		open = append(open, openFile{pid, fd, p.flags(process, e.Name()), name})
	}
	return open
}

// flags returns how a descriptor was opened, as /proc/PID/fdinfo says
// (Documentation/filesystems/proc.rst, 3.8).
func (p *procFS) flags(process, fd string) int64 {
	file, err := os.Open(p.path(process, "fdinfo", fd))
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
