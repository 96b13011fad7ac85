package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

type taskOffsets struct{ pid, flags uint32 }

// discoverOffsets looks for the ids of one of our own threads in the kernel's
// description of it. A thread that is not its process's leader has two
// different ids side by side (include/linux/sched.h: pid, then tgid), which
// makes a chance hit unlikely; two threads make sure.
func discoverOffsets(here *surroundings) (taskOffsets, error) {
	first, err := findIDs(here)
	if err != nil {
		return taskOffsets{}, err
	}
	second, err := findIDs(here)
	if err != nil {
		return taskOffsets{}, err
	}
	flags, err := flagsOffset()
	if err != nil {
		return taskOffsets{}, err
	}
	for _, a := range first {
		for _, b := range second {
			if a == b {
				return taskOffsets{pid: a, flags: flags}, nil
			}
		}
	}
	return taskOffsets{}, errors.New("the ids are not where they are on any kernel known")
}

// flagsOffset returns where thread_info keeps what tells a compat call.
// thread_info is the first member of task_struct on both architectures
// (CONFIG_THREAD_INFO_IN_TASK).
func flagsOffset() (uint32, error) {
	if runtime.GOARCH == "arm64" {
		return 0, nil // arch/arm64/include/asm/thread_info.h: flags is the first member
	}
	// arch/x86/include/asm/thread_info.h: flags, then status; from v5.11 on
	// syscall_work stands between them.
	major, minor, err := kernelVersion()
	if err != nil {
		return 0, err
	}
	if major > 5 || major == 5 && minor >= 11 {
		return 16, nil
	}
	return 8, nil
}

func kernelVersion() (major, minor int, err error) {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return 0, 0, fmt.Errorf("ask for the kernel's version: %w", err)
	}
	var release []byte
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		release = append(release, byte(c))
	}
	if _, err := fmt.Sscanf(string(release), "%d.%d", &major, &minor); err != nil {
		return 0, 0, fmt.Errorf("kernel version %q: %w", release, err)
	}
	return major, minor, nil
}

// findIDs returns every offset at which the description of a fresh thread
// holds its id followed by its process's.
func findIDs(here *surroundings) ([]uint32, error) {
	type result struct {
		at  []uint32
		err error
	}
	done := make(chan result)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the next
		// call gets another one.
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() {
			// The process's leader will not do; leave it locked here and ask again elsewhere.
			at, err := findIDs(here)
			done <- result{at, err}
			return
		}
		at, err := idsOfThisThread(here)
		done <- result{at, err}
	}()
	r := <-done
	return r.at, r.err
}

func idsOfThisThread(here *surroundings) ([]uint32, error) {
	spec, err := loadDiscover()
	if err != nil {
		return nil, err
	}
	tid, tgid := uint32(syscall.Gettid()), uint32(syscall.Getpid())
	if here.inside { // task_struct has the initial namespace's ids
		id, err := identify()
		if err != nil {
			return nil, err
		}
		tid, tgid = uint32(id.pidTgid), uint32(id.pidTgid>>32)
	}
	if err := spec.Variables["asking_pid_tgid"].Set(uint64(tgid)<<32 | uint64(tid)); err != nil {
		return nil, err
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: c.Programs["discover"]})
	if err != nil {
		return nil, err
	}
	syscall.Getppid()
	l.Close()
	task, err := c.Maps["task_bytes"].LookupBytes(uint32(0))
	if err != nil {
		return nil, err
	}
	var at []uint32
	for i := 0; i+8 <= len(task); i += 4 {
		if binary.NativeEndian.Uint32(task[i:]) == tid && binary.NativeEndian.Uint32(task[i+4:]) == tgid {
			at = append(at, uint32(i))
		}
	}
	return at, nil
}
