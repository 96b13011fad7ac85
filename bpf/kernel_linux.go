package bpf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// Kernel is the loaded kernel side. Its methods may be used by one goroutine
// at a time, AddTarget and SetLauncher apart. Ids are the initial pid
// namespace's, but for SetLauncher's.
type Kernel struct {
	Hook    string  // "tp_btf" or "raw_tracepoint"
	Writers Writers // how the programs of one CPU share its buffer
	Buffers []Buffer

	here       *surroundings
	collection *ebpf.Collection
	links      map[string]link.Link
	bell       *ringbuf.Reader
	ring       ringbuf.Record
	memory     []byte
	cgroups    []*os.File
}

func (k *Kernel) fillFilters(cfg Config) error {
	one := uint32(1)
	for _, name := range cfg.Comms {
		var comm [16]byte
		copy(comm[:15], name)
		if err := k.collection.Maps["comms"].Put(comm, one); err != nil {
			return fmt.Errorf("filter by name %q: %w", name, err)
		}
	}
	for _, uid := range cfg.UIDs {
		if err := k.collection.Maps["uids"].Put(uid, one); err != nil {
			return fmt.Errorf("filter by user %d: %w", uid, err)
		}
	}
	for i, path := range cfg.Cgroups {
		dir, err := os.Open(filepath.Clean(path))
		if err != nil {
			return fmt.Errorf("filter by cgroup: %w", err)
		}
		k.cgroups = append(k.cgroups, dir)
		if err := k.collection.Maps["cgroups"].Put(uint32(i), uint32(dir.Fd())); err != nil {
			return fmt.Errorf("filter by cgroup %s: %w", path, err)
		}
	}
	for _, path := range cfg.CgroupsV1 {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("filter by cgroup: %w", err)
		}
		id := info.Sys().(*syscall.Stat_t).Ino
		if err := k.collection.Maps["cgroup_ids"].Put(id, one); err != nil {
			return fmt.Errorf("filter by cgroup %s: %w", path, err)
		}
	}
	return nil
}

// Attach hangs the programs of the named tracepoints in.
func (k *Kernel) Attach(names ...string) error {
	for _, name := range names {
		if err := k.attach(name, name); err != nil {
			return err
		}
		for _, spare := range spares[name] { // programs run in the order of attaching
			if k.collection.Programs[spare] == nil {
				continue
			}
			if err := k.attach(name, spare); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *Kernel) attach(tracepoint, program string) error {
	var l link.Link
	var err error
	if k.collection.Programs[program] == nil && slices.Contains(Places, tracepoint) {
		return nil // the kernel has no cgroups
	}
	if k.Hook == "tp_btf" {
		l, err = link.AttachTracing(link.TracingOptions{Program: k.collection.Programs[program], AttachType: ebpf.AttachTraceRawTp})
	} else {
		l, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: k.collection.Programs[program]})
	}
	if errors.Is(err, os.ErrNotExist) && slices.Contains(Places, tracepoint) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("attach to tracepoint %s: %w", tracepoint, err)
	}
	k.links[program] = l
	return nil
}

// Detach takes the programs of the named tracepoints out. A program that runs
// at this moment on another CPU still finishes.
func (k *Kernel) Detach(names ...string) error {
	var errs []error
	for _, name := range names {
		for _, program := range append([]string{name}, spares[name]...) {
			if l := k.links[program]; l != nil {
				errs = append(errs, l.Close())
				delete(k.links, program)
			}
		}
	}
	return errors.Join(errs...)
}

// Open has events of a class recorded from now on, on every CPU.
func (k *Kernel) Open(c Class) {
	for i := range k.Buffers {
		k.Buffers[i].Open(c)
	}
}

// Shut ends what Open began, within microseconds; see [Buffer.Shut].
func (k *Kernel) Shut(c Class) {
	for i := range k.Buffers {
		k.Buffers[i].Shut(c)
	}
}

// Skipped returns for how many events of each class the kernel ran no program,
// since the beginning and on all CPUs: where programs can be preempted, it
// skips one while another task stands inside it. No filter has been asked
// about these events, and the recorder's own are among them. An event that is
// on its way to a spare program counts until that has run.
func (k *Kernel) Skipped() (skipped [Classes]uint64) {
	var stoodIn [Classes]uint64
	if err := k.collection.Variables["stood_in"].Get(&stoodIn); err != nil {
		return skipped
	}
	for c, names := range [Classes][]string{ClassEnter: Enters, ClassExit: Exits, ClassLifecycle: Lifecycle} {
		for _, name := range names {
			if stats, err := k.collection.Programs[name].Stats(); err == nil {
				skipped[c] += stats.RecursionMisses
			}
		}
		// A spare may have stood in since its counter was read before.
		skipped[c] -= min(skipped[c], stoodIn[c])
	}
	return skipped
}

// ClockBehind returns the clock of the records minus this process's
// CLOCK_MONOTONIC: 0 but in a time namespace.
func (k *Kernel) ClockBehind() time.Duration { return k.here.behind }

// InPIDNamespace reports whether this process lives in another pid namespace
// than the initial one, whose ids the records have.
func (k *Kernel) InPIDNamespace() bool { return k.here.inside }

// AddTarget has the process recorded.
func (k *Kernel) AddTarget(tgid uint32) error {
	if err := k.collection.Maps["targets"].Put(tgid, withBTFTargetTARGET_RECORD); err != nil {
		return fmt.Errorf("add process %d: %w", tgid, err)
	}
	return nil
}

// Targets returns the processes that are being recorded by id.
func (k *Kernel) Targets() []uint32 {
	var tgids []uint32
	var tgid uint32
	var flags targetFlags
	all := k.collection.Maps["targets"].Iterate()
	for all.Next(&tgid, &flags) {
		tgids = append(tgids, tgid)
	}
	return tgids
}

// RemoveTarget ends the recording of a process.
func (k *Kernel) RemoveTarget(tgid uint32) {
	k.collection.Maps["targets"].Delete(tgid) // gone already is as good
}

// SetLauncher names the calling thread, by its id, as the one whose next child
// is to be recorded from its execve on; 0 names none.
func (k *Kernel) SetLauncher(tid uint32) error {
	if tid != 0 && k.here.inside {
		id, err := identify()
		if err != nil {
			return fmt.Errorf("name the launching thread: %w", err)
		}
		tid = uint32(id.pidTgid)
	}
	if err := k.collection.Variables["launcher"].Set(tid); err != nil {
		return fmt.Errorf("name the launching thread: %w", err)
	}
	return nil
}

// Wait returns when a buffer is one eighth full, or after d.
func (k *Kernel) Wait(d time.Duration) error {
	k.bell.SetDeadline(time.Now().Add(d))
	err := k.bell.ReadInto(&k.ring)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return fmt.Errorf("wait for the doorbell: %w", err)
}

// Seen returns how many enters have passed the filters so far.
func (k *Kernel) Seen() (enters int64) {
	for i := range k.Buffers {
		enters += int64(atomic.LoadUint64(&k.Buffers[i].Control.Seen[ClassEnter]))
	}
	return enters
}

// RunTimeCounting has the kernel count how long programs run until it is closed.
type RunTimeCounting struct{ io.Closer }

// CountRunTime begins that, for all programs of the machine (Linux 5.8, CAP_SYS_ADMIN).
func CountRunTime() (*RunTimeCounting, error) {
	c, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return nil, fmt.Errorf("count the run time of programs: %w", err)
	}
	return &RunTimeCounting{c}, nil
}

// RunTime returns how long the programs of system calls have run and how
// often, while [CountRunTime] or kernel.bpf_stats_enabled had it counted.
func (k *Kernel) RunTime() (time.Duration, uint64) {
	var total time.Duration
	var runs uint64
	for _, name := range []string{"sys_enter", "sys_exit"} {
		if stats, err := k.collection.Programs[name].Stats(); err == nil {
			total += stats.Runtime
			runs += stats.RunCount
		}
	}
	return total, runs
}

// Close detaches everything and frees the buffers.
func (k *Kernel) Close() error {
	var errs []error
	for name, l := range k.links {
		errs = append(errs, l.Close())
		delete(k.links, name)
	}
	if k.bell != nil {
		errs = append(errs, k.bell.Close())
	}
	if k.memory != nil {
		errs = append(errs, syscall.Munmap(k.memory))
		k.memory, k.Buffers = nil, nil
	}
	for _, dir := range k.cgroups {
		dir.Close()
	}
	if k.collection != nil {
		k.collection.Close()
	}
	return errors.Join(errs...)
}
