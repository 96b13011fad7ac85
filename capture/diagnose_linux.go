package capture

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"systape/bpf"
)

// diagnose turns an error of loading or attaching into one that names the
// cause and the next step. The kernel answers most refusals with EPERM or
// EINVAL alone, and libraries guess; what it means is in the process's limits,
// mounts and capabilities, the lockdown state and the version. What the user
// can change comes first.
func diagnose(err error) error {
	refused := bpf.ProgramsRefused(err)
	denied := !refused && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES))
	missing := missingCapabilities()
	files, few := fewFiles()
	old := kernelTooOld()
	e := &SetupError{Err: err}
	switch {
	case !exists("/proc/self/status"):
		e.Err = errors.New("recording needs /proc, which is not mounted here")
		e.Hint = "mount -t proc proc /proc"
	case !exists("/sys/devices/system/cpu/possible"):
		e.Err = errors.New("recording needs /sys, which is not mounted here")
		e.Hint = "mount -t sysfs sysfs /sys"
	case few:
		e.Err = fmt.Errorf("this process may open %d files only, recording needs %d", files, filesNeeded)
		e.Hint = fmt.Sprintf("ulimit -n %d", max(1024, filesNeeded))
	case denied && len(missing) > 0:
		e.NoPermission = true
		e.Err = fmt.Errorf("recording needs rights that this process does not have (%s)", strings.Join(missing, ", "))
		e.Hint = "run it with sudo, or give the program the rights once:\n" +
			"  sudo setcap cap_bpf,cap_perfmon+ep " + executable()
	case old != "":
		e.Err = fmt.Errorf("recording needs Linux %s or later, this is %s: %w", oldestKernel(), old, err)
		e.Hint = "record on a newer kernel; captures can be analysed anywhere"
	case denied && lockdown() == "confidentiality":
		e.NoPermission = true
		e.Err = errors.New("the kernel is locked down (confidentiality), which forbids to read its memory")
		e.Hint = "boot with lockdown=integrity, see kernel_lockdown(7)"
	case denied:
		e.NoPermission = true
		e.Hint = "inside a container the runtime may forbid bpf(2): run it with --privileged --pid=host, or on the host"
	case errors.Is(err, unix.ENOSYS):
		e.Err = fmt.Errorf("this kernel has no bpf(2): %w", err)
		e.Hint = "recording needs a kernel built with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS"
	case errors.Is(err, unix.ENOMEM):
		e.Hint = "ask for smaller kernel buffers with --buffer 1MiB"
	case errors.Is(err, unix.ENOENT):
		e.Hint = "systape records through raw tracepoints (CONFIG_BPF_EVENTS, CONFIG_FTRACE_SYSCALLS); see the kernel's configuration"
	case refused:
		e.Err = fmt.Errorf("the kernel does not accept the recorder's programs: %w", err)
		e.Hint = "please report this with the kernel's version: uname -rv"
	}
	return e
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// filesNeeded is how many descriptors the recorder may have open at a time,
// for maps, programs, links and its own files, with some to spare.
const filesNeeded = 64

// fewFiles returns the limit of open files and whether it is too low.
func fewFiles() (limit uint64, few bool) {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0, false
	}
	return r.Cur, r.Cur < filesNeeded
}

func executable() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return "systape"
}

// The capabilities that matter, by number (include/uapi/linux/capability.h).
const (
	capSysAdmin = 21
	capPerfmon  = 38
	capBPF      = 39
)

// missingCapabilities names what bpf(2) asks for and this process lacks.
// CAP_SYS_ADMIN alone is enough.
func missingCapabilities() []string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		var set uint64
		if _, err := fmt.Sscanf(line, "CapEff: %x", &set); err != nil {
			continue
		}
		if set>>capSysAdmin&1 == 1 {
			return nil
		}
		var missing []string
		if set>>capBPF&1 == 0 {
			missing = append(missing, "CAP_BPF")
		}
		if set>>capPerfmon&1 == 0 {
			missing = append(missing, "CAP_PERFMON")
		}
		return missing
	}
	return nil
}

// lockdown returns the word in brackets of the lockdown file: none,
// integrity or confidentiality.
func lockdown() string {
	state, _ := os.ReadFile("/sys/kernel/security/lockdown")
	_, rest, _ := strings.Cut(string(state), "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

// oldestKernel is the first that records here: the first with the BPF ring
// buffer, on arm64 the first with atomic exchange for BPF.
func oldestKernel() string {
	if runtime.GOARCH == "arm64" {
		return "5.12"
	}
	return "5.8"
}

// kernelTooOld returns the kernel's release when it is older than that; else "".
func kernelTooOld() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	release := unix.ByteSliceToString(u.Release[:])
	var have, need [2]int
	fmt.Sscanf(oldestKernel(), "%d.%d", &need[0], &need[1])
	if _, err := fmt.Sscanf(release, "%d.%d", &have[0], &have[1]); err != nil || slices.Compare(have[:], need[:]) >= 0 {
		return ""
	}
	return release
}
