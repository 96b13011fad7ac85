package capture

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf"
)

// Examine looks at all that recording depends on here: by reading what the
// kernel tells, and by trying. It takes about five seconds when it measures,
// else one.
func Examine(ctx context.Context, opt ExamineOptions) Examination {
	var e Examination
	for _, look := range []func(*Examination){
		lookAtSystem, lookAtRights, lookAtLockdown, lookAtBTF, lookAtPrograms, lookAtNamespaces, lookAtProc,
		lookAtCgroups, lookAtClock, lookAtLimits, lookAtMemory, lookAtTurns,
	} {
		look(&e)
	}
	lookAtDisk(&e, opt.Dir)
	if len(opt.Load) > 0 {
		lookAtOverhead(ctx, &e, opt)
	}
	return e
}

// setting reads a file of /proc or /sys of one line; "" if it cannot be read.
func setting(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

func lookAtSystem(e *Examination) {
	h := host(possibleCPUs())
	var u unix.Utsname
	unix.Uname(&u)
	found := fmt.Sprintf("Linux %s %s, %s, %d CPUs", h.Kernel, h.Arch, strings.TrimSpace(unix.ByteSliceToString(u.Version[:])), h.CPUs)
	if h.Distribution != "" {
		found += ", " + h.Distribution
	}
	for _, missing := range []struct{ path, next string }{
		{"/proc/self/status", "mount -t proc proc /proc"},
		{"/sys/devices/system/cpu/possible", "mount -t sysfs sysfs /sys"},
	} {
		if !exists(missing.path) {
			e.add("system", FindingFails, missing.path+" is not there", "  "+missing.next)
			return
		}
	}
	if old := kernelTooOld(); old != "" {
		e.add("system", FindingFails, fmt.Sprintf("Linux %s; recording needs %s or later", old, oldestKernel()), "record on a newer kernel; captures can be analysed anywhere")
		return
	}
	e.add("system", FindingOK, found, "")
}

func lookAtRights(e *Examination) {
	missing := missingCapabilities()
	switch {
	case len(missing) > 0:
		e.add("rights", FindingFails, fmt.Sprintf("user %d without %s; with them, systape records and this command also tries the programs and measures", os.Geteuid(), strings.Join(missing, " and ")),
			"run it with sudo, or give the program the rights once:\n  sudo setcap cap_bpf,cap_perfmon+ep "+executable())
	case os.Geteuid() != 0:
		e.add("rights", FindingOK, fmt.Sprintf("user %d with the capabilities for bpf(2)", os.Geteuid()), "")
	default:
		e.add("rights", FindingOK, "root", "")
	}
	if statusLine("Seccomp") == "2" {
		e.add("seccomp", FindingNote, "this process is under a seccomp filter: calls that it refuses are refused to us, too", "in a container: --security-opt seccomp=unconfined, if bpf(2) is refused")
	}
}

// statusLine returns a field of this process (proc_pid_status(5)).
func statusLine(name string) string {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func lookAtLockdown(e *Examination) {
	switch state := lockdown(); {
	case state == "confidentiality":
		e.add("lockdown", FindingFails, "confidentiality: the kernel's memory may not be read", "boot with lockdown=integrity, see kernel_lockdown(7)")
	case state == "":
		e.add("lockdown", FindingOK, "none that can be seen", "")
	default:
		e.add("lockdown", FindingOK, state, "")
	}
}

func lookAtBTF(e *Examination) {
	if info, err := os.Stat("/sys/kernel/btf/vmlinux"); err == nil {
		e.add("btf", FindingOK, fmt.Sprintf("the kernel has type information (%d KiB)", info.Size()>>10), "")
		return
	}
	e.add("btf", FindingNote, "the kernel has no type information (CONFIG_DEBUG_INFO_BTF): raw_tracepoint instead of tp_btf, some nanoseconds more a call", "")
}

// lookAtPrograms lets the kernel say what it thinks of the programs.
func lookAtPrograms(e *Examination) {
	if len(missingCapabilities()) > 0 {
		e.add("programs", FindingNote, "not tried without rights", "")
		return
	}
	var before unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before) == nil { // see Start
		unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		defer unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before)
	}
	began := time.Now()
	kernel, err := bpf.Load(bpf.Config{FilterPIDs: true, Arguments: argumentCounts(), BufferBytes: 64 << 10})
	if err != nil {
		e.fail("programs", diagnose(err))
		return
	}
	defer kernel.Close()
	if err := kernel.Attach(bpf.Exits...); err != nil {
		e.fail("programs", diagnose(err))
		return
	}
	writers := map[bpf.Writers]string{
		bpf.WritersAlone: "not preempted",
		bpf.WritersHold:  "preemption is held off",
		bpf.WritersMixed: "places are taken by compare and exchange",
	}[kernel.Writers]
	e.add("programs", FindingOK, fmt.Sprintf("accepted and attached by %s, %s, in %d ms", kernel.Hook, writers, time.Since(began).Milliseconds()), "")
	if setting("/proc/sys/net/core/bpf_jit_enable") == "0" {
		e.add("jit", FindingNote, "programs are interpreted, which costs several times as much", "  sysctl net.core.bpf_jit_enable=1")
	}
	if setting("/proc/sys/kernel/bpf_stats_enabled") == "1" {
		e.add("statistics", FindingNote, "the kernel measures every run of a BPF program, which costs some 20 ns each", "  sysctl kernel.bpf_stats_enabled=0")
	}
}

// fail adds what Start would have said.
func (e *Examination) fail(name string, err error) {
	var setup *SetupError
	next := ""
	if errors.As(err, &setup) {
		next = setup.Hint
	}
	e.add(name, FindingFails, err.Error(), next)
}

func lookAtNamespaces(e *Examination) {
	var inside []string
	for _, ns := range []struct {
		name  string
		inode uint32 // of the initial one (include/linux/proc_ns.h)
	}{{"pid", 0xEFFFFFFC}, {"time", 0xEFFFFFFA}, {"user", 0xEFFFFFFD}, {"cgroup", 0xEFFFFFFB}} {
		link, err := os.Readlink("/proc/self/ns/" + ns.name)
		if err == nil && link != fmt.Sprintf("%s:[%d]", ns.name, ns.inode) {
			inside = append(inside, ns.name)
		}
	}
	switch words := strings.Join(inside, ", "); {
	case len(inside) == 0:
		e.add("namespaces", FindingOK, "the machine's own", "")
	case strings.HasPrefix(words, "pid"):
		e.add("namespaces", FindingNote, "own namespaces (a container): "+words+"; only 'record -- COMMAND' works here, -a and -p do not", "run it in a container with --pid=host, or on the host")
	case strings.Contains(words, "time"):
		e.add("namespaces", FindingNote, "own namespaces: "+words+"; times are translated", "")
	default:
		e.add("namespaces", FindingNote, "own namespaces: "+words, "")
	}
}

// lookAtProc finds out whether names and cgroups of other users' processes can
// be read.
func lookAtProc(e *Examination) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[1] != "/proc" || !strings.Contains(f[3], "hidepid=") || strings.Contains(f[3], "hidepid=0") || strings.Contains(f[3], "hidepid=off") {
			continue
		}
		if os.Geteuid() != 0 {
			e.add("proc", FindingNote, "/proc hides processes of others ("+f[3]+"): threads that ran before the recording have no name", "record as root, or add CAP_SYS_PTRACE")
			return
		}
	}
	e.add("proc", FindingOK, "names of running threads can be read", "")
}

func lookAtCgroups(e *Examination) {
	v2 := exists(cgroupMount() + "/cgroup.controllers")
	switch own := setting("/proc/self/cgroup"); {
	case v2:
		e.add("cgroups", FindingOK, "version 2 at "+cgroupMount(), "")
	case own == "":
		e.add("cgroups", FindingNote, "none: containers have no names here", "")
	default:
		e.add("cgroups", FindingNote, "version 2 is not mounted: a container is known by version 1, where --cgroup and --container may not find it", "  mount -t cgroup2 none /sys/fs/cgroup/unified")
	}
}

func lookAtClock(e *Examination) {
	const rounds, times = 20, 1000
	each := math.MaxFloat64 // of the round that nobody disturbed
	for range rounds {
		began := time.Now()
		for range times {
			time.Since(began)
		}
		each = min(each, float64(time.Since(began))/times)
	}
	source := setting("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if source == "" {
		source = "unknown"
	}
	var resolution unix.Timespec
	unix.ClockGetres(unix.CLOCK_MONOTONIC, &resolution)
	found := fmt.Sprintf("%s, %.0f ns a reading, resolution %d ns", source, each, resolution.Nano())
	if each > 500 || resolution.Nano() > 1000 {
		e.add("clock", FindingNote, found+": each event reads the clock once", "see 'clocksource=' in the kernel's parameters; the processor's own counter (tsc) is the fastest")
		return
	}
	e.add("clock", FindingOK, found, "")
}

func lookAtLimits(e *Examination) {
	if files, few := fewFiles(); few {
		e.add("limits", FindingFails, fmt.Sprintf("this process may open %d files only, recording needs %d", files, filesNeeded), fmt.Sprintf("  ulimit -n %d", max(1024, filesNeeded)))
	}
	var size unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &size) == nil && size.Cur != unix.RLIM_INFINITY {
		e.add("limits", FindingNote, fmt.Sprintf("files may have %d MiB at most: a recording ends there", size.Cur>>20), "  ulimit -f unlimited")
	}
	if len(e.Checks) == 0 || e.Checks[len(e.Checks)-1].Name != "limits" {
		e.add("limits", FindingOK, "open files and sizes of files are enough", "")
	}
}

// lookAtMemory compares what is free, for this cgroup too, with what a recorder
// takes.
func lookAtMemory(e *Examination) {
	cpus := possibleCPUs()
	each := bufferSize(cpus)
	need := int64(cpus)*each + 128<<20
	found := fmt.Sprintf("kernel buffers of %d MiB for each of %d CPUs", each>>20, cpus)
	free := int64(-1)
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(info)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			free = kib << 10
		}
	}
	_, path, _ := strings.Cut(setting("/proc/self/cgroup"), "0::")
	path, _, _ = strings.Cut(path, "\n")
	var limit, used int64
	if n, _ := fmt.Sscan(setting(cgroupMount()+path+"/memory.max"), &limit); n == 1 {
		fmt.Sscan(setting(cgroupMount()+path+"/memory.current"), &used)
		free = min(free, limit-used)
		found += fmt.Sprintf(", the cgroup has %d MiB", limit>>20)
	}
	found += fmt.Sprintf(", %d MiB are free", free>>20)
	if free >= 0 && free < need {
		e.add("memory", FindingNote, found, fmt.Sprintf("record with smaller buffers: --buffer %dMiB", max(1, each>>22)))
		return
	}
	e.add("memory", FindingOK, found, "")
}

// lookAtTurns tries whether the recorder may put itself before others.
func lookAtTurns(e *Examination) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err == nil {
		err = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
		unix.Setpriority(unix.PRIO_PROCESS, 0, 20-before) // getpriority(2) returns 20 - nice
	}
	if err != nil {
		e.add("turns", FindingNote, "the recorder may not raise its priority: on a full machine it loses events", "run it as root, or add CAP_SYS_NICE")
		return
	}
	e.add("turns", FindingOK, "the recorder may put itself before others", "")
}
