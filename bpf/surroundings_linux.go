package bpf

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// surroundings is where this process stands with respect to the kernel.
type surroundings struct {
	self   uint32        // thread-group id in the initial pid namespace
	inside bool          // this process lives in another pid namespace
	behind time.Duration // the kernel's CLOCK_MONOTONIC minus ours: not 0 in a time namespace
}

// lookAround finds out about namespaces.
func lookAround() (*surroundings, error) {
	s := &surroundings{self: uint32(unix.Getpid()), inside: !initialPIDNamespace()}
	if !s.inside && !timeNamespace() {
		return s, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id, err := identify()
	if err != nil {
		return nil, fmt.Errorf("find out about this process's namespaces: %w", err)
	}
	s.self = uint32(id.pidTgid >> 32)
	s.behind = clockOffset(id)
	return s, nil
}

// timeNamespace reports whether this process may have a clock of its own. The
// initial namespace's inode is fixed (include/linux/proc_ns.h: PROC_TIME_INIT_INO).
func timeNamespace() bool {
	name, err := os.Readlink("/proc/self/ns/time")
	return err == nil && name != fmt.Sprintf("time:[%d]", uint32(0xEFFFFFFA))
}

// clockOffset returns how much the kernel's CLOCK_MONOTONIC differs from this
// process's: exactly as /proc tells if that is what identify measured, as
// measured otherwise (the file is about the namespace of children, which
// unshare(2) makes another than the process's own).
func clockOffset(id identity) time.Duration {
	near := func(d time.Duration) bool { return (id.behind - d).Abs() <= id.slack }
	if near(0) {
		return 0
	}
	text, _ := os.ReadFile("/proc/self/timens_offsets")
	for line := range strings.Lines(string(text)) {
		var seconds, ns int64
		if _, err := fmt.Sscanf(line, "monotonic %d %d", &seconds, &ns); err == nil {
			if d := -time.Duration(seconds*int64(time.Second) + ns); near(d) {
				return d
			}
		}
	}
	return id.behind
}
