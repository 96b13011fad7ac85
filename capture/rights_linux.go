package capture

import (
	"fmt"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"systape/bpf"
)

// Kept are the rights that a recorder needs after loading, if it has them: to
// write where the user who called sudo may, and give the files to that user; to
// read names in /proc; to get its turns. (include/uapi/linux/capability.h)
var keptRights = []int{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_SYS_PTRACE, unix.CAP_SYS_NICE}

// dropRights gives up, for all threads and for good, what only loading needed.
// Where the kernel asks for CAP_BPF even to read from a map that is open
// (kernel.unprivileged_bpf_disabled before 5.19), that stays, too.
func dropRights(k *bpf.Kernel) error {
	kept := keptRights
	if k.NeedsRights() {
		kept = append([]int{capBPF, capSysAdmin}, kept...)
	}
	var keep uint64
	for _, c := range kept {
		keep |= 1 << c
	}
	if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err == unix.ENOTSUP {
		return nil // built with cgo, which systape is not: Go does not know all threads
	} else if err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	last, err := strconv.Atoi(setting("/proc/sys/kernel/cap_last_cap"))
	if err != nil {
		last = capBPF
	}
	for c := 0; c <= last; c++ {
		if keep>>c&1 == 0 {
			allThreads(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c)) // refused without CAP_SETPCAP, where no_new_privs must do
		}
	}
	allThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return fmt.Errorf("read rights: %w", err)
	}
	for i := range have {
		of := uint32(keep >> (32 * i))
		have[i] = unix.CapUserData{Effective: have[i].Effective & of, Permitted: have[i].Permitted & of}
	}
	if err := allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&have[0]))); err != nil {
		return fmt.Errorf("give up rights: %w", err)
	}
	return nil
}

// allThreads makes a call in every thread of the process: rights are a thread's.
func allThreads(call, arg0, arg1 uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall6(call, arg0, arg1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
