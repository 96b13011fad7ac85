package seccomp

import (
	"slices"
	"strings"

	"systape/format/abi"
)

// Runtime is what starts the program under the filter, and so calls under it
// itself: from installing the filter to executing the program.
type Runtime struct {
	Name  string
	Calls []string
	Note  string // where the list is from
}

// Runtimes are those that are known, by name. The calls of runc were recorded
// with systape, between the prctl that installs the filter and the execve, in
// 24 starts of runc 1.1.5 with and without noNewPrivileges; fchown is of its
// fixStdioPermissions, which only calls it for other users. The last line is
// what its Go runtime may call at any time.
var Runtimes = []Runtime{
	{Name: "runc", Note: "what runc itself calls between installing the filter and executing the program", Calls: strings.Fields(`
		capget capset chdir close epoll_ctl epoll_pwait execve faccessat2 fchown fcntl fstat fstatfs futex getcwd getdents64 getpid
		getppid nanosleep newfstatat openat prctl read setgid setgroups setuid write
		exit_group madvise mmap munmap rt_sigprocmask rt_sigreturn sched_yield sigaltstack tgkill`)},
	{Name: "none"},
}

// Starts reports whether a thread of this name is a container runtime's that makes
// the container and has not executed its program yet: runc calls itself
// runc:[0:PARENT] to runc:[2:INIT] then (libcontainer/nsenter/nsexec.c). What it
// calls there, mount and pivot_root and the like, it calls before it installs
// the filter.
func Starts(comm string) bool {
	return comm == "runc" || comm == "crun" || strings.HasPrefix(comm, "runc:[")
}

// RuntimeOf returns the runtime of that name.
func RuntimeOf(name string) (r Runtime, ok bool) {
	i := slices.IndexFunc(Runtimes, func(r Runtime) bool { return r.Name == name })
	if i < 0 {
		return r, false
	}
	return Runtimes[i], true
}

// kernelIssued are calls that the kernel has a thread make by itself: after a
// signal was handled, and to go on with what it interrupted. Which process
// meets them is chance, so they are in every profile.
var kernelIssued = []string{"restart_syscall", "rt_sigreturn"}

// BuildOptions say what a profile is made for.
type BuildOptions struct {
	Native  abi.ABI // of programs made for the machine
	Action  string  // what becomes of all other calls, such as SCMP_ACT_ERRNO
	Runtime Runtime
}

// Built is a profile and what is in it that was not seen.
type Built struct {
	Profile *Profile
	Names   []string // that were seen
	Kernel  []string // that the kernel issues, beyond those
	Added   []string // that the runtime needs, beyond those
	Left    []*Seen  // that have no name, so that no profile can allow them
	Refused []*Seen  // that were only ever refused, and stay so
	ABIs    []abi.ABI
	Wider   []string // of several ABIs: names that were seen under some of them only
}

// Build makes the profile that allows what was seen.
func Build(calls []*Seen, o BuildOptions) *Built {
	b := &Built{Profile: &Profile{DefaultAction: o.Action}, ABIs: []abi.ABI{o.Native}}
	under := map[string]int{}
	for _, s := range calls {
		switch {
		case s.Count == 0:
			b.Refused = append(b.Refused, s)
			continue
		case !s.Named:
			b.Left = append(b.Left, s)
			continue
		}
		if !slices.Contains(b.ABIs, s.ABI) {
			b.ABIs = append(b.ABIs, s.ABI)
		}
		under[s.Name]++
	}
	for name, n := range under {
		b.Names = append(b.Names, name)
		if n < len(b.ABIs) {
			b.Wider = append(b.Wider, name)
		}
	}
	slices.Sort(b.Names)
	slices.Sort(b.Wider)
	if len(b.ABIs) < 2 {
		b.Wider = nil
	}
	beyond := func(names []string) (more []string) {
		for _, n := range names {
			if under[n] == 0 {
				under[n], more = 1, append(more, n)
			}
		}
		return more
	}
	b.Kernel = beyond(kernelIssued)
	b.Added = beyond(o.Runtime.Calls)
	for _, a := range b.ABIs {
		b.Profile.Architectures = append(b.Profile.Architectures, archOf(a).scmp)
	}
	if o.Action == "SCMP_ACT_ERRNO" {
		eperm := uint(1)
		b.Profile.DefaultErrnoRet = &eperm
	}
	for _, r := range []Rule{
		{Names: b.Names, Comment: "recorded"},
		{Names: b.Kernel, Comment: "what the kernel has a thread call after signals"},
		{Names: b.Added, Comment: o.Runtime.Note},
	} {
		if len(r.Names) > 0 {
			r.Action = "SCMP_ACT_ALLOW"
			b.Profile.Syscalls = append(b.Profile.Syscalls, r)
		}
	}
	return b
}

// systemd names ABIs (systemd.unit(5), SystemCallArchitectures=).
var systemdArch = map[abi.ABI]string{abi.X86_64: "x86-64", abi.I386: "x86", abi.X32: "x32", abi.ARM64: "arm64", abi.ARM: "arm"}

// Systemd writes the same as settings of a systemd service. systemd itself
// needs nothing more: it installs the filter last, and lets execve, exit,
// sigreturn and the like pass by itself (systemd.exec(5)).
func (b *Built) Systemd() string {
	var t strings.Builder
	t.WriteString("[Service]\nSystemCallArchitectures=")
	for i, a := range b.ABIs {
		if i > 0 {
			t.WriteByte(' ')
		}
		t.WriteString(systemdArch[a])
	}
	t.WriteString("\n")
	if b.Profile.DefaultAction == "SCMP_ACT_ERRNO" {
		t.WriteString("SystemCallErrorNumber=EPERM\n")
	}
	names := slices.Sorted(slices.Values(slices.Concat(b.Names, b.Kernel, b.Added)))
	line := ""
	for i, n := range names {
		line += " " + n
		if i == len(names)-1 || len(line) > 80 {
			t.WriteString("SystemCallFilter=" + line[1:] + "\n")
			line = ""
		}
	}
	return t.String()
}
