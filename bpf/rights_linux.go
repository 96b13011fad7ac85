package bpf

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// NeedsRights reports whether reading from the loaded programs and maps takes
// rights of their own: since 5.19 an open descriptor is enough (kernel/bpf/
// syscall.c: __sys_bpf). It is found out by a thread that lays its rights down
// and takes them up again: what the whole process does with rights afterwards
// must come out the same in every thread (syscall.AllThreadsSyscall).
func (k *Kernel) NeedsRights() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return true
	}
	without := have
	for i := range without {
		without[i].Effective = 0
	}
	if err := unix.Capset(&header, &without[0]); err != nil {
		return true
	}
	_, read := k.collection.Programs[Enters[0]].Stats()
	written := k.collection.Maps["targets"].Delete(uint32(0)) // no process has this id
	if err := unix.Capset(&header, &have[0]); err != nil {
		return true
	}
	return errors.Is(read, unix.EPERM) || errors.Is(written, unix.EPERM)
}
