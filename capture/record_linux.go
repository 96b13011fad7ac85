package capture

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

const (
	pollEvery   = 20 * time.Millisecond  // when no doorbell rings
	flushEvery  = 200 * time.Millisecond // what waits longer in a batch goes to the spool
	lookEvery   = 250 * time.Millisecond // at what the processes that are recorded have become
	anchorEvery = 10 * time.Second
	judgeEvery  = 100 * time.Millisecond

	// Up to so many events a second for each CPU but one there is time for
	// work in the background; sealing takes about half a microsecond for one.
	backgroundRate = 250_000

	batchRows  = 16 << 10
	batches    = 4
	maxAnchors = 1000 // then every second one is dropped and the interval doubles
)

// Recording is a recording that has begun.
type Recording struct {
	opt     Options
	kernel  *bpf.Kernel
	merger  *merger
	command *command
	meta    format.Meta

	spool   *format.SpoolWriter
	out     *queuedFile
	full    chan *format.Batch
	free    chan *format.Batch
	spooled chan error

	began  time.Time
	took   atomic.Int64 // ns, once the recording has ended
	busy   atomic.Bool
	events atomic.Int64
	lost   atomic.Int64
	bytes  atomic.Int64
}

// Status is how a recording stands.
type Status struct {
	Elapsed time.Duration // of recording, what comes after it not counted
	Events  int64         // rows written, lost rows not counted
	Lost    int64         // events lost
	Bytes   int64         // of the spool
}

// Status may be called at any time from any goroutine.
func (r *Recording) Status() Status {
	elapsed := time.Duration(r.took.Load())
	if elapsed == 0 {
		elapsed = time.Since(r.began)
	}
	return Status{Elapsed: elapsed, Events: r.events.Load(), Lost: r.lost.Load(), Bytes: r.bytes.Load()}
}

// Committed returns how many bytes of the spool have been written to the
// file, ending with a whole batch: what a [format.Sealer] may read.
func (r *Recording) Committed() int64 { return r.out.Written() }

// Start loads the kernel side, attaches it and starts the command, if there
// is one. The spool is written to out. A *[SetupError] says what is missing.
func Start(opt Options, files Files, out *os.File) (r *Recording, err error) {
	if err := opt.validate(); err != nil {
		return nil, &SetupError{Err: err, Usage: true}
	}
	if err := checkPIDs(opt.PIDs); err != nil {
		return nil, err
	}
	proc := newProcFS()
	cgroups, err := proc.cgroupDirs(opt.Cgroups, opt.Containers)
	if err != nil {
		return nil, err
	}
	cfg := bpf.Config{
		SelfTGID:       uint32(os.Getpid()),
		FilterPIDs:     !opt.All,
		FollowChildren: opt.Follow || len(opt.Command) > 0,
		Comms:          opt.Comms,
		UIDs:           opt.UIDs,
		Cgroups:        cgroups,
		Arguments:      argumentCounts(),
		Preemptible:    preemptible(),
		NoBTF:          opt.NoBTF,
	}
	if opt.Syscalls != nil {
		cfg.Syscalls = syscallFilter(opt.Syscalls)
	}
	cpus := possibleCPUs()
	if opt.Buffer == 0 {
		opt.Buffer = bufferSize(cpus)
	}
	cfg.BufferBytes = int(opt.Buffer)
	// Needed before 5.11, where a refusal shows at load. The command is not to
	// inherit it.
	var memlock unix.Rlimit
	known := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &memlock) == nil
	unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	kernel, err := bpf.Load(cfg)
	if known {
		unix.Setrlimit(unix.RLIMIT_MEMLOCK, &memlock)
	}
	if err != nil {
		return nil, diagnose(err)
	}
	r = &Recording{opt: opt, kernel: kernel, began: time.Now()}
	defer func() {
		if err != nil {
			kernel.Close()
		}
	}()
	for _, pid := range opt.PIDs {
		if err := kernel.AddTarget(uint32(pid)); err != nil {
			return nil, err
		}
	}

	mono, real := readClocks()
	offset := real - int64(mono)
	r.meta = r.firstMeta(offset, cpus)
	names := format.NewNames()
	r.merger = newMerger(kernel.Buffers, nativeABI(), offset, proc, format.NewBatch(names, batchRows), r.handOver)
	r.merger.clock = monotonic
	if kernel.Hook == "raw_tracepoint" {
		r.merger.live = map[int32]int{}
	}
	r.anchor()
	if err := r.attach(bpf.Lives); err != nil {
		return nil, diagnose(err)
	}
	if len(opt.Command) == 0 || opt.All {
		pids := opt.PIDs
		if opt.All {
			pids = nil
		}
		proc.existing(pids, func(pid, tid int32, comm, container string) {
			r.merger.know(pid, tid, comm, container)
		})
	}
	if err := r.attach(bpf.Exits); err != nil {
		return nil, diagnose(err)
	}
	if err := r.attach(bpf.Enter); err != nil {
		return nil, diagnose(err)
	}

	r.out = newQueuedFile(out)
	if r.spool, err = format.NewSpoolWriter(r.out, &r.meta); err != nil {
		r.out.Close()
		return nil, err
	}
	r.out.Flush()
	r.full, r.free, r.spooled = make(chan *format.Batch, batches), make(chan *format.Batch, batches), make(chan error, 1)
	for range batches - 1 {
		r.free <- format.NewBatch(names, batchRows)
	}
	go r.writeSpool()
	if len(opt.Command) > 0 {
		if r.command, err = launch(kernel, opt.Command, files); err != nil {
			close(r.full)
			<-r.spooled
			r.out.Close()
			return nil, err
		}
		// Until its execve the child has our name.
		own, child := int32(os.Getpid()), int32(r.command.cmd.Process.Pid)
		comm, container := proc.thread(own, own)
		r.merger.know(child, child, comm, container)
	}
	return r, nil
}

func (r *Recording) firstMeta(offset int64, cpus int) format.Meta {
	id := make([]byte, 16)
	rand.Read(id)
	o := &r.opt
	m := format.Meta{
		Version:   format.Version,
		CaptureID: hex.EncodeToString(id),
		Tool:      o.Tool,
		Host:      host(cpus),
		Clock:     format.Clock{OffsetNS: offset},
		Part:      format.Part{Number: 1, Rows: -1, Last: true},
		Request: format.Request{
			Command: o.Command, PIDs: o.PIDs, Follow: o.Follow || len(o.Command) > 0, All: o.All,
			Comms: o.Comms, UIDs: o.UIDs, Cgroups: o.Cgroups, Containers: o.Containers,
			Sample: 1, BufferSize: o.Buffer, DurationNS: int64(o.Duration), Hook: r.kernel.Hook,
		},
	}
	if o.Syscalls != nil {
		m.Request.Syscalls = o.Syscalls.String()
	}
	return m
}

// now returns capture time.
func (r *Recording) now() int64 { return int64(monotonic()) + r.meta.Clock.OffsetNS }

func (r *Recording) anchor() {
	mono, real := readClocks()
	a := &r.meta.Clock.Anchors
	*a = append(*a, format.Anchor{TS: int64(mono) + r.meta.Clock.OffsetNS, RealNS: real})
	if len(*a) > maxAnchors {
		kept := (*a)[:0]
		for i := 0; i < len(*a); i += 2 {
			kept = append(kept, (*a)[i])
		}
		*a = kept
	}
}

// attach notes when a program certainly ran: after the call.
func (r *Recording) attach(names []string) error {
	for _, name := range names {
		if err := r.kernel.Attach(name); err != nil {
			return err
		}
		r.meta.Probes = append(r.meta.Probes, format.Probe{Name: name, AttachNS: r.now()})
	}
	return nil
}

// detach notes until when a program certainly ran: before the call.
func (r *Recording) detach(names []string) error {
	var errs []error
	for _, name := range names {
		for i := range r.meta.Probes {
			if r.meta.Probes[i].Name == name {
				r.meta.Probes[i].DetachNS = r.now()
			}
		}
		errs = append(errs, r.kernel.Detach(name))
	}
	return errors.Join(errs...)
}

// Busy reports whether recording needs the machine for itself: events come so
// fast, or a buffer is so full, that work in the background would cost some.
func (r *Recording) Busy() bool { return r.busy.Load() }

// judge goes by the events of the time since the last look, and by the
// fullest buffer.
func (r *Recording) judge(events int64, d time.Duration, fullest uint64) {
	limit := backgroundRate * max(1, float64(runtime.NumCPU()-1))
	r.busy.Store(float64(events)/d.Seconds() > limit || fullest > uint64(r.opt.Buffer)/4)
}

// Done is closed when the recorded command has ended; nil without a command.
func (r *Recording) Done() <-chan struct{} {
	if r.command == nil {
		return nil
	}
	return r.command.done
}

// ExitCode returns the command's exit code, or 128 + the signal that ended
// it, once Done is closed.
func (r *Recording) ExitCode() int { return r.command.code }

// Signal passes a signal on to the command.
func (r *Recording) Signal(s os.Signal) error { return r.command.cmd.Process.Signal(s) }

// Run records until ctx is done, the command or the processes given by id
// have ended, or the duration is over. It then detaches, writes what is left
// and returns the closing metadata. The spool is complete unless an error is
// returned; what was written before it stays.
func (r *Recording) Run(ctx context.Context) (*format.Meta, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Setpriority(unix.PRIO_PROCESS, 0, -10) // of this thread; refused without rights, which does no harm
	defer unix.Setpriority(unix.PRIO_PROCESS, 0, 0)

	runErr := r.loop(ctx)
	r.took.Store(int64(time.Since(r.began)))
	// Enters first: an enter without its exit would be an open call.
	err := r.detach(bpf.Enter)
	time.Sleep(2 * time.Millisecond) // calls under way come back
	err = errors.Join(err, r.detach(bpf.Exits), r.detach(bpf.Lives))
	if runErr == nil {
		// A program may still run when its link is gone; an RCU grace period
		// later none does, and every record is finished.
		for range 10 {
			time.Sleep(2 * time.Millisecond)
			if _, runErr = r.poll(); runErr != nil || r.drained() {
				break
			}
		}
	}
	if runErr == nil {
		runErr = r.merger.flush()
	}
	close(r.full)
	if spoolErr := <-r.spooled; runErr == nil || errors.Is(runErr, errSpool) {
		runErr = spoolErr
	}
	r.anchor()
	meta := r.meta
	meta.Counts = r.counts()
	c := cost()
	if total, runs := r.kernel.RunTime(); runs > 0 {
		c.ProbeNSPerCall = 2 * float64(total.Nanoseconds()) / float64(runs)
	}
	meta.Cost = &c
	meta.Part.Rows = r.merger.seq
	meta.Complete = runErr == nil && err == nil
	if runErr == nil {
		runErr = r.spool.Close(&meta)
	}
	if closeErr := r.out.Close(); runErr == nil || errors.Is(runErr, errSpool) {
		runErr = closeErr
	}
	r.bytes.Store(r.out.Written())
	return &meta, errors.Join(runErr, err, r.kernel.Close())
}

// errSpool means that the spooler has stopped; it says why itself.
var errSpool = errors.New("the spool cannot be written")

func (r *Recording) loop(ctx context.Context) error {
	var deadline <-chan time.Time
	if r.opt.Duration > 0 {
		timer := time.NewTimer(r.opt.Duration)
		defer timer.Stop()
		deadline = timer.C
	}
	flushed, looked, anchored, judged := time.Now(), time.Now(), time.Now(), time.Now()
	interval, seq := anchorEvery, int64(0)
	var fullest uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-deadline:
			return nil
		case <-r.Done():
			return nil
		default:
		}
		if err := r.kernel.Wait(pollEvery); err != nil {
			return err
		}
		used, err := r.poll()
		if err != nil {
			return err
		}
		fullest = max(fullest, used)
		now := time.Now()
		if d := now.Sub(judged); d >= judgeEvery {
			r.judge(r.merger.seq-seq, d, fullest)
			judged, seq, fullest = now, r.merger.seq, 0
		}
		if now.Sub(flushed) >= flushEvery {
			if err := r.merger.flush(); err != nil {
				return err
			}
			flushed = now
		}
		if now.Sub(looked) >= lookEvery {
			if len(r.opt.PIDs) > 0 && !r.targetsAlive() {
				return nil
			}
			looked = now
		}
		if now.Sub(anchored) >= interval {
			r.anchor()
			anchored = now
			if len(r.meta.Clock.Anchors) >= maxAnchors {
				interval *= 2
			}
		}
	}
}

func (r *Recording) poll() (fullest uint64, err error) {
	fullest, err = r.merger.poll(monotonic())
	var lost uint64
	for i := range r.merger.sources {
		for _, n := range r.merger.sources[i].reported {
			lost += n
		}
	}
	r.lost.Store(int64(lost))
	r.events.Store(r.merger.seq - r.merger.lostRows)
	r.bytes.Store(r.out.Written())
	return fullest, err
}

// drained reports whether every record has been read.
func (r *Recording) drained() bool {
	for i := range r.merger.sources {
		s := &r.merger.sources[i]
		if s.pos != atomic.LoadUint64(&s.Control.Head) || s.gapStart != 0 {
			return false
		}
	}
	return true
}

// targetsAlive forgets the processes that have ended and reports whether any
// is left. The kernel side forgets them itself where it can tell.
func (r *Recording) targetsAlive() bool {
	alive := false
	for _, tgid := range r.kernel.Targets() {
		if errors.Is(unix.Kill(int(tgid), 0), unix.ESRCH) {
			r.kernel.RemoveTarget(tgid)
		} else {
			alive = true
		}
	}
	return alive
}

// handOver gives a full batch to the spooler and takes an empty one.
func (r *Recording) handOver(b *format.Batch) (*format.Batch, error) {
	r.full <- b
	next := <-r.free
	if next == nil {
		return nil, errSpool
	}
	return next, nil
}

// writeSpool is the spooler. After an error it lets go of what comes.
func (r *Recording) writeSpool() {
	var failed error
	for b := range r.full {
		if failed == nil {
			if failed = r.spool.Write(b); failed == nil {
				failed = r.out.Flush()
			}
		}
		if failed != nil {
			r.free <- nil
			continue
		}
		r.free <- b
	}
	r.spooled <- failed
}

func (r *Recording) counts() *format.Counts {
	c := &format.Counts{}
	for i := range r.merger.sources {
		s := &r.merger.sources[i]
		seen, lost := &s.Control.Seen, &s.Control.Lost
		c.PerCPU = append(c.PerCPU, format.CPUCounts{
			CPU:    s.CPU,
			Enters: int64(seen[bpf.ClassEnter]), Exits: int64(seen[bpf.ClassExit]), Lifecycle: int64(seen[bpf.ClassLifecycle]),
			LostEnters: int64(lost[bpf.ClassEnter]), LostExits: int64(lost[bpf.ClassExit]), LostLifecycle: int64(lost[bpf.ClassLifecycle]),
		})
	}
	return c
}

func argumentCounts() (counts [2][bpf.TableSize]uint8) {
	tables := [2]abi.ABI{nativeABI(), compatABI()}
	for i, a := range tables {
		for nr := range counts[i] {
			counts[i][nr] = uint8(abi.NumArgs(a, int32(nr)))
		}
	}
	if nativeABI() == abi.X86_64 {
		// The calls that only x32 has stand above those of x86_64.
		for nr := int32(512); nr < 548; nr++ {
			counts[0][nr] = uint8(abi.NumArgs(abi.X32, nr|0x40000000))
		}
	}
	return counts
}

func compatABI() abi.ABI {
	if nativeABI() == abi.ARM64 {
		return abi.ARM
	}
	return abi.I386
}

func syscallFilter(set *abi.Set) *bpf.SyscallFilter {
	f := &bpf.SyscallFilter{}
	for i, a := range [2]abi.ABI{nativeABI(), compatABI()} {
		for nr := range f.Wanted[i] {
			f.Wanted[i][nr] = set.Has(a, int32(nr))
		}
	}
	f.Unlisted = set.Has(nativeABI(), 1<<20)
	// The exit of rt_sigreturn shows no number on x86 (arch/x86/kernel/signal_64.c,
	// restore_sigcontext: orig_ax = -1).
	f.Negative = set.Has(nativeABI(), -1) || set.HasName("rt_sigreturn")
	return f
}

func possibleCPUs() int {
	var first, last int
	text, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		return runtime.NumCPU()
	}
	if n, _ := fmt.Sscanf(string(text), "%d-%d", &first, &last); n == 2 {
		return last + 1
	}
	return first + 1
}

// cgroupDirs returns the directories of the cgroups to record.
func (p *procFS) cgroupDirs(paths, containers []string) ([]string, error) {
	var dirs []string
	for _, path := range paths {
		dir := filepath.Join(p.cgroups, path)
		if len(path) > len(p.cgroups) && path[:len(p.cgroups)] == p.cgroups {
			dir = path
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, &SetupError{Err: fmt.Errorf("no cgroup %q below %s", path, p.cgroups), Hint: "give the path as in /proc/PID/cgroup, after 0::", Usage: true}
		}
		dirs = append(dirs, dir)
	}
	for _, name := range containers {
		found := p.containerDirs(name)
		if len(found) == 0 {
			return nil, &SetupError{Err: fmt.Errorf("no running container %q", name), Hint: "give the id (docker ps) or its beginning, or the cgroup with --cgroup", Usage: true}
		}
		dirs = append(dirs, found...)
	}
	if len(dirs) > 16 {
		return nil, &SetupError{Err: fmt.Errorf("%d cgroups are more than the 16 that one recording can tell apart", len(dirs)), Usage: true}
	}
	return dirs, nil
}

var _ io.Writer = (*queuedFile)(nil)
