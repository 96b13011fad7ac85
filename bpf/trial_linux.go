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
	number     uintptr // that no table of the kernel has, nor the next: the call fails with ENOSYS
	collection *ebpf.Collection
	hooks      []link.Link
	memory     []byte
	result     *trialTrialResult
}

// newTrialCall loads the programs of names, each with its tracepoint.
func newTrialCall(programs map[string]string) (c *trialCall, err error) {
	c = &trialCall{number: uintptr(0x53000 + 2*(unix.Gettid()&0xfff))}
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
		if programs[name] == "" {
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
	for program, tracepoint := range programs {
		hook, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: c.collection.Programs[program]})
		if err != nil {
			return nil, err
		}
		c.hooks = append(c.hooks, hook)
	}
	return c, nil
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
		for _, hook := range c.hooks {
			hook.Close()
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
	c, err := newTrialCall(map[string]string{"ask": "sys_enter"})
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
// the program goes on, or at once after its end. Without the right to raise a
// thread's priority, without timers of high resolution or bpf_loop (5.17)
// nothing can be said.
func tryPreemption() (answer, error) {
	var resolution unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC, &resolution); err != nil || resolution.Nano() != 1 {
		return unknown, errors.New("timers have a low resolution")
	}
	i, err := newIntrusion()
	if err != nil {
		return unknown, err
	}
	defer i.close()
	unpreempted := 0
	for range 5 {
		ran, err := i.try(0)
		if err != nil {
			return unknown, err
		}
		switch i.call.result.preempted(ran) {
		case yes:
			return yes, nil
		case no:
			if unpreempted++; unpreempted == 2 {
				return no, nil
			}
		}
	}
	return unknown, errors.New("the machine is too busy")
}

// preempted tells what a try has shown, the intruder having run at ran. A machine
// on which others run too delays interrupts as it likes, so times prove nothing:
// only a program that was interrupted to wake the intruder, and went on, does.
func (r *trialTrialResult) preempted(ran time.Duration) answer {
	switch {
	case r.Woken == 0 || r.Ended <= r.Woken:
		return unknown
	case r.Seen != 0:
		return yes
	case ran > time.Duration(r.Ended)+lingers:
		return unknown // it would not have been let in by the scheduler either
	}
	return no
}

const lingers = 600 * time.Microsecond // STAY_NS of trial.bpf.c

// intrusion binds the goroutine to its thread, and this to its CPU, until close.
type intrusion struct {
	call        *trialCall
	before, cpu unix.CPUSet
	priority    uint32 // above that of this thread
	procs       int    // as GOMAXPROCS was
}

func newIntrusion() (i *intrusion, err error) {
	runtime.LockOSThread()
	defer func() {
		if err != nil {
			runtime.UnlockOSThread()
		}
	}()
	i = &intrusion{priority: 1}
	own, err := unix.SchedGetAttr(0, 0)
	switch {
	case err != nil:
		return nil, err
	case own.Policy == unix.SCHED_FIFO || own.Policy == unix.SCHED_RR:
		i.priority = own.Priority + 1
	case own.Policy == unix.SCHED_DEADLINE:
		return nil, errors.New("nothing has a higher priority")
	}
	if err := unix.SchedGetaffinity(0, &i.before); err != nil {
		return nil, err
	}
	cpu, _, err := getCPU()
	if err != nil {
		return nil, err
	}
	if i.call, err = newTrialCall(map[string]string{"linger": "sys_enter", "woken": "sched_waking"}); err != nil {
		return nil, err
	}
	i.cpu.Set(cpu)
	if err := unix.SchedSetaffinity(0, &i.cpu); err != nil {
		i.call.close()
		return nil, err
	}
	if i.procs = runtime.GOMAXPROCS(0); i.procs < 2 { // the intruder waits without telling the scheduler
		runtime.GOMAXPROCS(2)
	}
	return i, nil
}

func (i *intrusion) close() {
	if i.procs < 2 {
		runtime.GOMAXPROCS(i.procs)
	}
	unix.SchedSetaffinity(0, &i.before)
	i.call.close()
	runtime.UnlockOSThread()
}

// try makes the call while a thread of higher priority sleeps on the same CPU,
// until a little after the call has begun, and by late longer. It returns when
// that thread ran.
//
// The scheduler is not told that both wait, since it would let neither run
// again at once; so neither may wait for the other.
func (i *intrusion) try(late time.Duration) (ran time.Duration, err error) {
	var wait sync.WaitGroup
	var due time.Duration
	ready := make(chan error)
	result := i.call.result
	*result = trialTrialResult{}
	wait.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its priority
		err := unix.SchedSetaffinity(0, &i.cpu)
		if err == nil {
			err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: i.priority}, 0)
		}
		unix.RawSyscall(i.call.number+1, 0, 0, 0)
		due = monotonic() + 3*time.Millisecond
		ready <- err
		if err != nil {
			return
		}
		sleepUntil(due + late)
		at := monotonic()
		atomic.StoreUint64(&result.Intruded, 1)
		ran = at
	})
	if err = <-ready; err == nil {
		sleepUntil(due - lingers/3)
		err = i.call.make()
	}
	wait.Wait()
	return ran, err
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
