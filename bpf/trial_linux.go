package bpf

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// trialCall is a program that runs at a system call of this thread: the kernel
// is asked by doing it. How ids and clocks translate and whether programs are
// preempted depends on namespaces and configurations of which a version string
// says nothing.
type trialCall struct {
	number     uintptr // that no table of the kernel has: the call fails with ENOSYS
	collection *ebpf.Collection
	hook       link.Link
	memory     []byte
	result     *trialTrialResult
}

func newTrialCall(program string) (c *trialCall, err error) {
	c = &trialCall{number: uintptr(0x53000 + unix.Gettid()&0xfff)}
	begun := c
	defer func() {
		if err != nil {
			begun.close()
		}
	}()
	spec, err := loadTrial()
	if err != nil {
		return nil, err
	}
	for name := range spec.Programs {
		if name != program {
			delete(spec.Programs, name)
		}
	}
	if err := spec.Variables["number"].Set(uint32(c.number)); err != nil {
		return nil, err
	}
	if c.collection, err = ebpf.NewCollection(spec); err != nil {
		return nil, err
	}
	if c.memory, err = unix.Mmap(c.collection.Maps["results"].FD(), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	c.result = (*trialTrialResult)(unsafe.Pointer(unsafe.SliceData(c.memory)))
	c.hook, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: c.collection.Programs[program]})
	return c, err
}

func (c *trialCall) make() error {
	unix.RawSyscall(c.number, 0, 0, 0)
	if c.result.Began == 0 {
		return errors.New("no program ran at a system call") // seccomp(2) refuses unknown calls
	}
	return nil
}

func (c *trialCall) close() {
	if c.memory != nil {
		unix.Munmap(c.memory)
	}
	go func() { // detaching waits for all CPUs, up to a fifth of a second
		if c.hook != nil {
			c.hook.Close()
		}
		if c.collection != nil {
			c.collection.Close()
		}
	}()
}

// identity is who this thread is for the kernel, and when.
type identity struct {
	pidTgid uint64        // the thread's, in the initial namespace
	behind  time.Duration // the kernel's CLOCK_MONOTONIC minus ours, give or take slack
	slack   time.Duration
}

// identify must be called from a locked thread.
func identify() (identity, error) {
	c, err := newTrialCall("ask")
	if err != nil {
		return identity{}, err
	}
	defer c.close()
	before := monotonic()
	err = c.make()
	after := monotonic()
	return identity{
		pidTgid: c.result.PidTgid,
		behind:  time.Duration(c.result.Began) - (before+after)/2,
		slack:   (after-before)/2 + 1,
	}, err
}

type answer uint8

const (
	unknown answer = iota
	yes
	no
)

// tryPreemption finds out whether a program at a system call can be preempted:
// one stays there for a while, and in its middle the timer of a thread of
// higher priority goes off, on the same CPU. Either that thread runs before
// the program has ended, or at once afterwards. Without the right to raise a
// thread's priority, without timers of high resolution or bpf_loop (5.17)
// nothing can be said.
func tryPreemption() (answer, error) {
	var resolution unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC, &resolution); err != nil || resolution.Nano() != 1 {
		return unknown, errors.New("timers have a low resolution")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := newTrialCall("linger")
	if err != nil {
		return unknown, err
	}
	defer c.close()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return unknown, err
	}
	cpu, _, err := getCPU()
	if err != nil {
		return unknown, err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return unknown, err
	}
	defer unix.SchedSetaffinity(0, &before)
	if runtime.GOMAXPROCS(0) < 2 { // the intruder waits without telling the scheduler
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	unpreempted := 0
	for range 5 {
		began, due, ran, err := c.intrude(one)
		if err != nil {
			return unknown, err
		}
		wait, stayed := due-began, time.Duration(c.result.Ended-c.result.Began)
		switch {
		case wait < lingers/12 || wait > lingers/2:
			// One of the two came too late.
		case c.result.Seen != 0 && stayed > wait/2: // it was there when the other began
			return yes, nil
		case c.result.Seen == 0 && ran > began+lingers && ran < began+2*lingers:
			if unpreempted++; unpreempted == 2 {
				return no, nil
			}
		}
	}
	return unknown, errors.New("the machine is too busy")
}

const lingers = 600 * time.Microsecond // STAY_NS of trial.bpf.c

// intrude makes the call while a thread of high priority sleeps on the same
// CPU, until a little after the call has begun. It returns when the call
// began, when that thread was due and when it ran.
//
// The scheduler is not told that both wait, since it would let neither run
// again at once; so neither may wait for the other.
func (c *trialCall) intrude(cpu unix.CPUSet) (began, due, ran time.Duration, err error) {
	var wait sync.WaitGroup
	ready := make(chan error)
	wait.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its priority
		err := unix.SchedSetaffinity(0, &cpu)
		if err == nil {
			const fifo = 1 // include/uapi/linux/sched.h
			err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: fifo, Priority: 1}, 0)
		}
		due = monotonic() + 3*time.Millisecond
		ready <- err
		if err != nil {
			return
		}
		sleepUntil(due)
		at := monotonic()
		atomic.StoreUint64(&c.result.Intruded, 1)
		ran = at
	})
	*c.result = trialTrialResult{}
	if err = <-ready; err == nil {
		sleepUntil(due - lingers/3)
		began = monotonic()
		err = c.make()
	}
	wait.Wait()
	return began, due, ran, err
}

func sleepUntil(t time.Duration) {
	at := syscall.NsecToTimespec(int64(t))
	unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(ptr(&at)), 0, 0, 0)
}

func getCPU() (cpu, node int, err error) {
	var c, n uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(ptr(&c)), uintptr(ptr(&n)), 0); errno != 0 {
		return 0, 0, errno
	}
	return int(c), int(n), nil
}

// kernelTypes is the kernel's BTF.
var kernelTypes = sync.OnceValues(btf.LoadKernelSpec)

// haveKfunc reports whether the kernel has the function for programs.
func haveKfunc(name string) bool {
	kernel, err := kernelTypes()
	if err != nil {
		return false
	}
	var f *btf.Func
	return kernel.TypeByName(name, &f) == nil
}

func monotonic() time.Duration {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(ptr(&t)), 0)
	return time.Duration(t.Nano())
}

// initialPIDNamespace reports whether this process's ids are the kernel's own.
// The initial namespace's inode is fixed (include/linux/proc_ns.h: PROC_PID_INIT_INO).
func initialPIDNamespace() bool {
	name, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return true
	}
	return name == fmt.Sprintf("pid:[%d]", uint32(0xEFFFFFFC))
}
