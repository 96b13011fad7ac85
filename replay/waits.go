package replay

import (
	"maps"
	"slices"
)

// waits lists the calls that wait by nature: for time to pass, for another
// thread or process, or for data that someone else sends. A long one says
// nothing about the work the kernel did. The choice is by name only, for a
// capture does not know what a file descriptor stands for:
//
//   - read, recv and their kin are in: on sockets, pipes and terminals they
//     wait for a peer, and on files they seldom last long enough to matter;
//   - write, send, connect and their kin are not: they wait for a peer only
//     when a buffer is full or a handshake is slow, which is what one looks for;
//   - fsync, openat, mmap, close and others that wait for a device are not:
//     that time is work done for the caller;
//   - flock is in, for it does nothing but take a lock. fcntl, ioctl and
//     futex-like uses of other calls are not: most of what they do is not
//     waiting;
//   - vfork is in: the parent sleeps until the child has called execve or
//     exit. clone with CLONE_VFORK cannot be told by name;
//   - restart_syscall is in: what it continues waited.
var waits = map[string]bool{
	// for time
	"nanosleep": true, "clock_nanosleep": true, "clock_nanosleep_time64": true, "pause": true, "restart_syscall": true,
	// for another thread
	"futex": true, "futex_time64": true, "futex_wait": true, "futex_waitv": true, "flock": true,
	"semop": true, "semtimedop": true, "semtimedop_time64": true,
	// for another process
	"wait4": true, "waitid": true, "waitpid": true, "vfork": true,
	// for a signal
	"rt_sigsuspend": true, "sigsuspend": true, "rt_sigtimedwait": true, "rt_sigtimedwait_time64": true,
	// for one of several things
	"poll": true, "ppoll": true, "ppoll_time64": true, "select": true, "_newselect": true, "pselect6": true, "pselect6_time64": true,
	"epoll_wait": true, "epoll_pwait": true, "epoll_pwait2": true, "epoll_wait_old": true,
	"io_getevents": true, "io_pgetevents": true, "io_pgetevents_time64": true, "io_uring_enter": true,
	// for a peer
	"accept": true, "accept4": true,
	"recv": true, "recvfrom": true, "recvmsg": true, "recvmmsg": true, "recvmmsg_time64": true,
	"read": true, "readv": true, "msgrcv": true, "mq_timedreceive": true, "mq_timedreceive_time64": true,
}

// WaitsByNature reports whether a system call waits by nature, such as
// epoll_wait or nanosleep, so that its duration must not be taken for work.
// It knows the names of every ABI.
func WaitsByNature(syscall string) bool { return waits[syscall] }

// WaitNames lists the calls that wait by nature, in the order of their names.
func WaitNames() []string { return slices.Sorted(maps.Keys(waits)) }
