package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Config says what is to be recorded. It is fixed at load: the verifier
// removes the code of every filter that is not used.
type Config struct {
	BufferBytes    int                 // of each CPU; a power of two, at least 64 KiB
	SelfTGID       uint32              // never recorded
	FilterPIDs     bool                // only processes given to AddTarget, and the launched command
	FollowChildren bool                // processes that a target starts become targets
	Comms          []string            // only threads of these names
	UIDs           []uint32            // only threads of these users
	Cgroups        []string            // only threads below these cgroup v2 directories, at most 16
	Syscalls       *SyscallFilter      // nil: all
	Arguments      [2][TableSize]uint8 // how many arguments each call takes, native and compat
	Preemptible    bool                // the kernel may preempt programs (PREEMPT_RT)
	NoBTF          bool                // use the variant for kernels without BTF even if this one has it
}

// SyscallFilter says which numbers are recorded.
type SyscallFilter struct {
	Wanted   [2][TableSize]bool // native and compat
	Unlisted bool               // numbers of TableSize and more
	Negative bool               // number -1: exits of rt_sigreturn and of refused calls
}

// Kernel is the loaded kernel side. Its methods may be used by one goroutine
// at a time, AddTarget and SetLauncher apart.
type Kernel struct {
	Hook    string // "tp_btf" or "raw_tracepoint"
	Buffers []Buffer

	collection *ebpf.Collection
	links      map[string]link.Link
	bell       *ringbuf.Reader
	ring       ringbuf.Record
	memory     []byte
	cgroups    []*os.File
}

// Load puts the programs into the kernel and maps the buffers. It attaches
// nothing yet. Errors are the kernel's own, wrapped; see capture for what to
// tell the user.
func Load(cfg Config) (k *Kernel, err error) {
	if cfg.BufferBytes < 64<<10 || cfg.BufferBytes&(cfg.BufferBytes-1) != 0 {
		return nil, fmt.Errorf("buffer of %d bytes: not a power of two of at least 65536", cfg.BufferBytes)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count cpus: %w", err)
	}
	k = &Kernel{Hook: "tp_btf", links: map[string]link.Link{}}
	loaded := k
	defer func() {
		if err != nil {
			loaded.Close()
		}
	}()

	load := loadWithBTF
	if cfg.NoBTF || !haveBTF() {
		k.Hook, load = "raw_tracepoint", loadWithoutBTF
	}
	spec, err := load()
	if err != nil {
		return nil, fmt.Errorf("read the embedded programs: %w", err)
	}
	set := setter{spec: spec}
	if k.Hook == "raw_tracepoint" {
		at, err := discoverOffsets()
		if err != nil {
			return nil, fmt.Errorf("find out where the kernel keeps thread ids: %w", err)
		}
		set.set("offset_pid", at.pid)
		set.set("offset_flags", at.flags)
	}
	var counts [2 * TableSize]uint8
	copy(counts[:TableSize], cfg.Arguments[0][:])
	copy(counts[TableSize:], cfg.Arguments[1][:])
	set.set("argument_counts", counts)
	set.set("ring_bytes", uint64(cfg.BufferBytes))
	set.set("ring_mask", uint64(cfg.BufferBytes-8))
	set.set("wake_bytes", uint64(cfg.BufferBytes/8))
	set.set("self_tgid", cfg.SelfTGID)
	set.set("filter_cgroups", uint32(len(cfg.Cgroups)))
	set.set("preemptible", flag(cfg.Preemptible))
	if f := cfg.Syscalls; f != nil {
		var wanted [2 * TableSize / 64]uint64
		for abi := range f.Wanted {
			for nr, want := range f.Wanted[abi] {
				if want {
					i := abi*TableSize + nr
					wanted[i/64] |= 1 << (i % 64)
				}
			}
		}
		set.set("wanted", wanted)
	}
	set.set("filters", cfg.filters())
	if set.err != nil {
		return nil, set.err
	}
	buffers := spec.Maps["buffers"]
	buffers.MaxEntries = uint32(cpus)
	buffers.ValueSize = uint32(ControlBytes + cfg.BufferBytes + SlackBytes)

	if k.collection, err = ebpf.NewCollection(spec); err != nil {
		return nil, fmt.Errorf("load the programs: %w", err)
	}
	if err := k.fillFilters(cfg); err != nil {
		return nil, err
	}
	if k.bell, err = ringbuf.NewReader(k.collection.Maps["doorbell"]); err != nil {
		return nil, fmt.Errorf("open the doorbell: %w", err)
	}
	stride := int(buffers.ValueSize)
	k.memory, err = syscall.Mmap(k.collection.Maps["buffers"].FD(), 0, stride*cpus, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the buffers of %d cpus: %w", cpus, err)
	}
	for cpu := range cpus {
		k.Buffers = append(k.Buffers, NewBuffer(int32(cpu), k.memory[cpu*stride:][:stride]))
	}
	return k, nil
}

func haveBTF() bool {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	return err == nil
}

// filters are the bits of enum filter.
func (c *Config) filters() (bits uint32) {
	for i, on := range []bool{
		c.FilterPIDs, len(c.Comms) > 0, len(c.UIDs) > 0, len(c.Cgroups) > 0, c.Syscalls != nil, c.FollowChildren,
		c.Syscalls != nil && c.Syscalls.Unlisted, c.Syscalls != nil && c.Syscalls.Negative,
	} {
		if on {
			bits |= 1 << i
		}
	}
	return bits
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

// setter gives values to the constants of a spec and keeps the first error.
type setter struct {
	spec *ebpf.CollectionSpec
	err  error
}

func (s *setter) set(name string, value any) {
	v := s.spec.Variables[name]
	if v == nil || s.err != nil {
		if s.err == nil {
			s.err = fmt.Errorf("internal error: no constant %s", name)
		}
		return
	}
	if err := v.Set(value); err != nil {
		s.err = fmt.Errorf("set constant %s: %w", name, err)
	}
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
	return nil
}

// Attach hangs the programs of the named tracepoints in.
func (k *Kernel) Attach(names ...string) error {
	for _, name := range names {
		var l link.Link
		var err error
		if k.Hook == "tp_btf" {
			l, err = link.AttachTracing(link.TracingOptions{Program: k.collection.Programs[name], AttachType: ebpf.AttachTraceRawTp})
		} else {
			l, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: k.collection.Programs[name]})
		}
		if err != nil {
			return fmt.Errorf("attach to tracepoint %s: %w", name, err)
		}
		k.links[name] = l
	}
	return nil
}

// Detach takes the programs of the named tracepoints out. A program that runs
// at this moment on another CPU still finishes.
func (k *Kernel) Detach(names ...string) error {
	var errs []error
	for _, name := range names {
		if l := k.links[name]; l != nil {
			errs = append(errs, l.Close())
			delete(k.links, name)
		}
	}
	return errors.Join(errs...)
}

// AddTarget has the process recorded.
func (k *Kernel) AddTarget(tgid uint32) error {
	const record = uint32(1)
	if err := k.collection.Maps["targets"].Put(tgid, record); err != nil {
		return fmt.Errorf("add process %d: %w", tgid, err)
	}
	return nil
}

// SetLauncher names the thread whose next child is to be recorded from its
// execve on; 0 names none.
func (k *Kernel) SetLauncher(tid uint32) error {
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

// RunTime returns how long the programs of system calls have run and how
// often, once statistics are switched on (see EnableStats).
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

// Targets returns the processes that are being recorded by id.
func (k *Kernel) Targets() []uint32 {
	var tgids []uint32
	var tgid, flags uint32
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
