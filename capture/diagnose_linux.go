package capture

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// diagnose turns an error of loading or attaching into one that names the
// cause and the next step. The kernel answers most refusals with EPERM or
// EINVAL alone; what it means is in the process's capabilities, the
// lockdown state and the version.
func diagnose(err error) error {
	e := &SetupError{Err: err}
	if old := kernelTooOld(); old != "" {
		e.Err = fmt.Errorf("recording needs Linux 5.12 or later, this is %s: %w", old, err)
		e.Hint = "record on a newer kernel; captures can be analysed anywhere"
		return e
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		e.NoPermission = true
		missing := missingCapabilities()
		switch {
		case len(missing) > 0:
			e.Err = fmt.Errorf("recording needs rights that this process does not have (%s)", strings.Join(missing, ", "))
			e.Hint = "run it with sudo, or give the program the rights once:\n" +
				"  sudo setcap cap_bpf,cap_perfmon+ep " + executable()
		case lockdown() == "confidentiality":
			e.Err = errors.New("the kernel is locked down (confidentiality), which forbids to read its memory")
			e.Hint = "boot with lockdown=integrity, see kernel_lockdown(7)"
		default:
			e.Hint = "inside a container the runtime may forbid bpf(2): run it with --privileged --pid=host, or on the host"
		}
		return e
	}
	if errors.Is(err, unix.ENOSYS) {
		e.Err = fmt.Errorf("this kernel has no bpf(2): %w", err)
		e.Hint = "recording needs a kernel built with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS"
		return e
	}
	if errors.Is(err, unix.ENOMEM) {
		e.Hint = "ask for smaller kernel buffers with --buffer 1MiB"
		return e
	}
	e.Hint = "systape records through raw tracepoints (CONFIG_BPF_EVENTS, CONFIG_FTRACE_SYSCALLS); see the kernel's configuration"
	return e
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

// kernelTooOld returns the kernel's release when it is older than 5.12, the
// first with atomic compare-and-exchange for BPF; else "".
func kernelTooOld() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return ""
	}
	if major < 5 || major == 5 && minor < 12 {
		return release
	}
	return ""
}
