package capture

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// procFS answers from /proc and from the cgroup file system.
type procFS struct {
	proc     string // "/proc"
	mount    string // of cgroup v2
	runtimes runtimes

	// ownName says that /proc has other ids than records (a pid namespace). A
	// thread that nothing is known of is then the command, which still has
	// our name: all others come by its forks.
	ownName bool
}

func newProcFS() *procFS {
	return &procFS{proc: "/proc", mount: cgroupMount()}
}

// cgroupMount returns where the unified hierarchy is mounted.
func cgroupMount() string {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	return "/sys/fs/cgroup"
}

func (p *procFS) path(parts ...string) string {
	return p.proc + "/" + strings.Join(parts, "/")
}

// thread implements resolver. What has ended in the meantime has no name.
func (p *procFS) thread(pid, tid int32) (comm, cgroups string) {
	if p.ownName {
		pid = int32(os.Getpid())
		tid = pid
	}
	process := strconv.Itoa(int(pid))
	name, _ := os.ReadFile(p.path(process, "task", strconv.Itoa(int(tid)), "comm"))
	file, _ := os.ReadFile(p.path(process, "cgroup"))
	return strings.TrimSuffix(string(name), "\n"), string(file)
}

// cgroups implements resolver.
func (p *procFS) cgroups(pid int32) string {
	if p.ownName {
		return ""
	}
	file, _ := os.ReadFile(p.path(strconv.Itoa(int(pid)), "cgroup"))
	return string(file)
}

// cgroupPath implements resolver. A cgroup's id is its directory's inode
// (kernel include/linux/cgroup.h: cgroup_id).
func (p *procFS) cgroupPath(id uint64) (path string, ok bool) {
	filepath.WalkDir(p.mount, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if st, is := info.Sys().(*syscall.Stat_t); is && st.Ino == id {
			path, ok = "/"+strings.Trim(strings.TrimPrefix(dir, p.mount), "/"), true
			return fs.SkipAll
		}
		return nil
	})
	return path, ok
}

// existing calls f for every thread there is; pids narrows it to some
// processes, nil means all.
func (p *procFS) existing(pids []int32, f func(pid, tid int32, comm, cgroups string)) {
	processes := make([]string, 0, len(pids))
	for _, pid := range pids {
		processes = append(processes, strconv.Itoa(int(pid)))
	}
	if pids == nil {
		entries, _ := os.ReadDir(p.proc)
		for _, e := range entries {
			processes = append(processes, e.Name())
		}
	}
	for _, process := range processes {
		pid, err := strconv.Atoi(process)
		if err != nil {
			continue
		}
		threads, err := os.ReadDir(p.path(process, "task"))
		if err != nil {
			continue // ended since
		}
		cgroups := p.cgroups(int32(pid))
		for _, t := range threads {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			comm, err := os.ReadFile(p.path(process, "task", t.Name(), "comm"))
			if err == nil {
				f(int32(pid), int32(tid), strings.TrimSuffix(string(comm), "\n"), cgroups)
			}
		}
	}
}

// descendants returns the processes that descend from those given, which are not among them.
func (p *procFS) descendants(pids []int32) []int32 {
	children := map[int32][]int32{}
	entries, _ := os.ReadDir(p.proc)
	for _, e := range entries {
		pid, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(p.path(e.Name(), "stat"))
		if err != nil {
			continue // ended since
		}
		// proc_pid_stat(5): pid (comm) state ppid; a name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		parent, _ := strconv.ParseInt(fields[1], 10, 32)
		children[int32(parent)] = append(children[int32(parent)], int32(pid))
	}
	var all []int32
	seen := map[int32]bool{}
	for _, pid := range pids {
		seen[pid] = true
	}
	for queue := slices.Clone(pids); len(queue) > 0; queue = queue[1:] {
		for _, child := range children[queue[0]] {
			if !seen[child] {
				seen[child] = true
				all, queue = append(all, child), append(queue, child)
			}
		}
	}
	return all
}
