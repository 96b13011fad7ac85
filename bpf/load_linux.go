package bpf

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// attempt is one way to record that a kernel may or may not know.
type attempt struct {
	hook    string // "tp_btf" or "raw_tracepoint"
	writers Writers
}

// attempts yields the ways to record, best first. tp_btf reads registers and
// tasks directly; it needs BTF and bpf_get_current_task_btf (5.11). What a
// program has to fear from others on its CPU is found out by trying:
//
//   - Before 6.13 tracepoints ran with preemption off, and kernels from 6.10 on
//     have the functions that switch it off. So where these are missing,
//     nothing is to be feared.
//   - Where they are there, the programs hold preemption off unless a trial
//     shows that it is off anyway.
//   - Without BTF, unless the trial shows the same, places are taken by compare
//     and exchange, which costs some nanoseconds, where the kernel has it (5.12).
func attempts(cfg *Config) iter.Seq[attempt] {
	preemptible := sync.OnceValue(func() answer {
		a, _ := tryPreemption() // not to know is an answer
		return a
	})
	return func(yield func(attempt) bool) {
		btf := !cfg.NoBTF && haveBTF()
		if w := cfg.Writers; w != nil {
			if btf {
				yield(attempt{"tp_btf", *w})
			} else {
				yield(attempt{"raw_tracepoint", *w})
			}
			return
		}
		if btf {
			w := WritersHold
			if !haveKfunc("bpf_preempt_disable") || preemptible() == no {
				w = WritersAlone
			}
			if !yield(attempt{"tp_btf", w}) {
				return
			}
		}
		if preemptible() != no && !yield(attempt{"raw_tracepoint", WritersMixed}) {
			return
		}
		yield(attempt{"raw_tracepoint", WritersAlone})
	}
}

// Load puts the programs into the kernel and maps the buffers. It attaches
// nothing yet, and all classes are shut. Errors are the kernel's own, wrapped;
// see capture for what to tell the user.
func Load(cfg Config) (*Kernel, error) {
	if cfg.BufferBytes < 64<<10 || cfg.BufferBytes&(cfg.BufferBytes-1) != 0 {
		return nil, fmt.Errorf("buffer of %d bytes: not a power of two of at least 65536", cfg.BufferBytes)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count cpus: %w", err)
	}
	here, err := lookAround()
	if err != nil {
		return nil, err
	}
	var errs []error
	for a := range attempts(&cfg) {
		k, err := load(cfg, a, cpus, here)
		if err == nil {
			return k, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.hook, err))
		if !isRefusal(err) {
			return nil, errs[0]
		}
	}
	return nil, errors.Join(errs...)
}

// isRefusal reports whether another way to record may do better.
func isRefusal(err error) bool {
	return ProgramsRefused(err) || errors.Is(err, syscall.EINVAL) || errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, syscall.ENOTSUP)
}

// ProgramsRefused reports whether an error of Load is the verifier's.
func ProgramsRefused(err error) bool {
	var refusal *ebpf.VerifierError
	return errors.As(err, &refusal)
}

func load(cfg Config, a attempt, cpus int, here *surroundings) (k *Kernel, err error) {
	k = &Kernel{Hook: a.hook, Writers: a.writers, here: here, links: map[string]link.Link{}}
	loaded := k
	defer func() {
		if err != nil {
			loaded.Close()
		}
	}()
	read := loadWithBTF
	if a.hook == "raw_tracepoint" {
		read = loadWithoutBTF
	}
	spec, err := read()
	if err != nil {
		return nil, fmt.Errorf("read the embedded programs: %w", err)
	}
	for _, name := range Places {
		if a.hook == "tp_btf" && !haveTracepoint(name) {
			delete(spec.Programs, name)
		}
	}
	set := setter{spec: spec}
	if a.hook == "raw_tracepoint" {
		at, err := discoverOffsets(here)
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
	if !cfg.RecordSelf {
		set.set("self_tgid", here.self)
	}
	if cfg.Texts != TextsNever {
		set.set("text_when", uint32(cfg.Texts))
		set.set("text_bytes", uint32(cfg.TextBytes))
		set.set("text_arguments", cfg.textArguments())
		set.set("socket_texts", cfg.socketTexts())
	}
	set.set("filter_cgroups", uint32(len(cfg.Cgroups)))
	set.set("writers", uint32(a.writers))
	if cfg.Syscalls != nil {
		set.set("wanted", cfg.Syscalls.wanted())
	}
	set.set("filters", uint32(cfg.filters()))
	set.set("least_duration", uint64(cfg.LeastDuration))
	set.set("sample_seed", cfg.SampleSeed)
	if len(cfg.CommPatterns) > 0 {
		names, err := compilePatterns(cfg.CommPatterns)
		if err != nil {
			return nil, err
		}
		set.set("comm_words", names.words)
		set.set("comm_starts", names.starts)
		set.set("comm_ends", names.ends)
		set.set("comm_stays", names.stays)
		set.set("comm_steps", names.steps)
	}
	if len(cfg.CgroupsV1) > 0 {
		offsets, err := cgroupOffsets(cfg.Controller)
		if err != nil {
			return nil, err
		}
		for name, offset := range offsets {
			set.set(name, offset)
		}
	}
	if cfg.Counted() {
		spec.Maps["calls"].MaxEntries = maxCalls
		spec.Maps["counts"].MaxEntries = maxCounts
	}

	spec.Maps["doorbell"].MaxEntries = uint32(max(os.Getpagesize(), 4096))
	targets := spec.Maps["targets"]
	if !cfg.FilterPIDs {
		targets.MaxEntries = 1
	}
	if a.hook == "raw_tracepoint" {
		// Before 6.1 the kernel warns of anything else (kernel/bpf/verifier.c:
		// check_map_prealloc), which stops a machine with panic_on_warn.
		targets.Flags = 0
	}
	threads := pidMax()
	spec.Maps["thread_states"].ValueSize = threads
	set.set("thread_mask", threads-1)

	buffers, parts, err := newBuffers(spec.Maps["buffers"], cfg.BufferBytes, cfg.PartBytes, cpus)
	if err != nil {
		return nil, err
	}
	defer buffers.Close() // the collection has its own
	part := cfg.BufferBytes / parts
	set.set("ring_bytes", uint64(cfg.BufferBytes))
	set.set("ring_mask", uint64(cfg.BufferBytes-8))
	set.set("wake_bytes", uint64(cfg.BufferBytes/8))
	set.set("parts", uint32(parts))
	set.set("part_mask", uint64(part-8))
	set.set("part_shift", log2(part))
	if set.err != nil {
		return nil, set.err
	}
	if a.writers == WritersAlone {
		for _, spares := range spares {
			for _, name := range spares {
				delete(spec.Programs, name)
			}
		}
	}
	if a.writers != WritersMixed {
		for _, p := range spec.Programs {
			withoutExchange(p.Instructions)
		}
	}
	if k.collection, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"buffers": buffers}}); err != nil {
		return nil, fmt.Errorf("load the programs: %w", err)
	}
	if err := k.fillFilters(cfg); err != nil {
		return nil, err
	}
	if k.bell, err = ringbuf.NewReader(k.collection.Maps["doorbell"]); err != nil {
		return nil, fmt.Errorf("open the doorbell: %w", err)
	}
	stride := int(buffers.ValueSize()) * parts
	k.memory, err = syscall.Mmap(k.collection.Maps["buffers"].FD(), 0, stride*cpus, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the buffers of %d cpus: %w", cpus, err)
	}
	for cpu := range cpus {
		b := NewBuffer(int32(cpu), k.memory[cpu*stride:][:stride], parts)
		for c := range Classes {
			b.Shut(c)
		}
		k.Buffers = append(k.Buffers, b)
	}
	return k, nil
}

// How many threads may be in calls, and how many calls of processes are counted
// apart, where whole calls are looked at. The memory is taken at load.
const (
	maxCalls  = 64 << 10
	maxCounts = 16 << 10
)

// newBuffers makes the map of all buffers, in as few parts as the kernel
// allows. Before 6.0 a value of an array map has at most 4 MiB (kernel/bpf/
// arraymap.c: KMALLOC_MAX_SIZE), control page and slack included.
func newBuffers(spec *ebpf.MapSpec, bytes, partBytes, cpus int) (*ebpf.Map, int, error) {
	part := bytes
	if partBytes > 0 {
		part = min(part, partBytes)
	}
	for {
		spec.MaxEntries = uint32(cpus * (bytes / part))
		spec.ValueSize = uint32(ControlBytes + part + SlackBytes)
		m, err := ebpf.NewMap(spec)
		if errors.Is(err, syscall.E2BIG) && part > 64<<10 {
			part /= 2
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("make buffers of %d bytes for %d cpus: %w", bytes, cpus, err)
		}
		return m, bytes / part, nil
	}
}

// withoutExchange takes the compare-and-exchange out of programs that never
// come to it: kernels before 5.12 refuse it all the same.
func withoutExchange(program asm.Instructions) {
	for i := range program {
		if ins := &program[i]; ins.OpCode.AtomicOp() == asm.CmpXchg {
			nothing := asm.Mov.Imm(asm.R0, 0)
			ins.OpCode, ins.Dst, ins.Src, ins.Offset, ins.Constant = nothing.OpCode, nothing.Dst, nothing.Src, nothing.Offset, nothing.Constant
		}
	}
}

// haveTracepoint reports whether the kernel's BTF describes a tracepoint.
func haveTracepoint(name string) bool {
	types, err := kernelTypes()
	if err != nil {
		return false
	}
	_, err = types.AnyTypeByName("btf_trace_" + name)
	return err == nil
}

func haveBTF() bool {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	return err == nil
}

// pidMax returns how many thread ids there may be, as a power of two.
func pidMax() uint32 {
	const limit = 4 << 20 // include/linux/threads.h: PID_MAX_LIMIT
	text, _ := os.ReadFile("/proc/sys/kernel/pid_max")
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n <= 0 || n > limit {
		return limit
	}
	return 1 << log2(2*n-1)
}

func log2(n int) (bits uint64) {
	for ; n > 1; n >>= 1 {
		bits++
	}
	return bits
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

func ptr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
