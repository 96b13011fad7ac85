package capture

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"systape/format"
	"systape/format/abi"
)

// host describes this machine.
func host(cpus int) format.Host {
	var u unix.Utsname
	unix.Uname(&u)
	h := format.Host{
		Name:   unix.ByteSliceToString(u.Nodename[:]),
		Kernel: unix.ByteSliceToString(u.Release[:]),
		Arch:   unix.ByteSliceToString(u.Machine[:]),
		CPUs:   cpus,
	}
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		h.BootID = strings.TrimSpace(string(id))
	}
	if release, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(release)) {
			if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				h.Distribution = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return h
}

// nativeABI returns the 64-bit ABI of the machine.
func nativeABI() abi.ABI {
	if runtime.GOARCH == "arm64" {
		return abi.ARM64
	}
	return abi.X86_64
}

// monotonic reads CLOCK_MONOTONIC, which is the clock of the records but in a
// time namespace.
func monotonic() uint64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return uint64(t.Nano())
}

// realtime reads the wall clock; tests have their own.
var realtime = func() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &t)
	return t.Nano()
}

// readClocks returns one instant by both clocks. Of several readings it takes
// the one that CLOCK_MONOTONIC encloses most tightly, or the first that it
// encloses within a time; apart is how tightly, in ns.
func readClocks(within uint64) (mono uint64, real int64, apart uint64) {
	apart = ^uint64(0)
	for range 8 {
		before := monotonic()
		r := realtime()
		after := monotonic()
		if after-before < apart {
			apart, mono, real = after-before, before+(after-before)/2, r
		}
		if apart <= within {
			break
		}
	}
	return mono, real, apart
}

// cost returns what this process has used so far.
func cost() format.Cost {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return format.Cost{}
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	user, system := seconds(u.Utime), seconds(u.Stime)
	return format.Cost{CPUSeconds: user + system, UserSeconds: user, SystemSeconds: system, PeakRSSBytes: u.Maxrss << 10}
}

// bufferSize divides the memory for kernel buffers among the CPUs: 128 MiB in
// all, or a sixteenth of a small machine's memory; not above 64 MiB for one, a
// quarter of a second at the highest speeds, and never below 1 MiB. With what
// waits for the disk the recorder stays below 256 MiB.
func bufferSize(cpus int) int64 {
	all := int64(128 << 20)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		all = min(all, int64(uint64(info.Totalram)*uint64(info.Unit)/16))
	}
	size := int64(64 << 20)
	for size > 1<<20 && size*int64(cpus) > all {
		size /= 2
	}
	return size
}

func checkPIDs(pids []int32) error {
	for _, pid := range pids {
		if unix.Kill(int(pid), 0) == unix.ESRCH { // /proc may hide it from who may not record it anyway
			return &SetupError{Err: fmt.Errorf("no process has the id %d", pid), Hint: "list the processes with 'ps -e'", Usage: true}
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var tgid int32
			if _, err := fmt.Sscanf(line, "Tgid: %d", &tgid); err == nil && tgid != pid {
				return &SetupError{Err: fmt.Errorf("%d is a thread of process %d", pid, tgid),
					Hint: fmt.Sprintf("record the process with -p %d, then look at the thread with --tid %d", tgid, pid), Usage: true}
			}
		}
		if hasEnded(int(pid)) {
			return &SetupError{Err: fmt.Errorf("process %d has ended: it only waits for its parent to ask how", pid), Hint: "list the processes with 'ps -e'", Usage: true}
		}
	}
	return nil
}
