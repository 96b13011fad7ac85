package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf"
	"systape/format"
)

const (
	pollEvery  = 20 * time.Millisecond  // when no doorbell rings
	flushEvery = 200 * time.Millisecond // what waits longer in a batch goes to the spool
	lookEvery  = 250 * time.Millisecond // at what the processes that are recorded have become
	judgeEvery = 100 * time.Millisecond
)

// Recording is a recording that has begun.
type Recording struct {
	opt     Options
	kernel  *bpf.Kernel
	wall    anchors
	merger  *merger
	command *command
	meta    format.Meta

	spool    *format.SpoolWriter
	out      *queuedFile
	counting *counting // exact numbers of calls; nil where all are recorded
	flight   *flight   // nil: the recording goes to a file at once
	sampling *sampling // nil where no call is left out by lot
	probes   probeCost
	proc     *procFS
	looks    looks
	stall    span // the latest stretch in which the disk kept the merger waiting

	beginSpool func(io.Writer, *format.Meta) (*format.SpoolWriter, error)
	partBegan  time.Time
	turn       atomic.Bool // asked to go on in another part
	sealed     atomic.Pointer[sealedPart]

	began   time.Time
	took    atomic.Int64 // ns, once the recording has ended
	busy    atomic.Bool
	events  atomic.Int64
	lost    atomic.Int64
	lostBy  [format.Causes]atomic.Int64
	left    []int32 // processes of the command that run on
	bytes   atomic.Int64
	refused atomic.Pointer[format.Filtered]
	drawn   atomic.Int64
}

// Status may be called at any time from any goroutine.
func (r *Recording) Status() Status {
	elapsed := time.Duration(r.took.Load())
	if elapsed == 0 {
		elapsed = time.Since(r.began)
	}
	s := Status{Elapsed: elapsed, Events: r.events.Load(), Lost: r.lost.Load(), Bytes: r.bytes.Load()}
	for c := range s.LostBy {
		s.LostBy[c] = r.lostBy[c].Load()
	}
	s.Share = 1
	if drawn := r.drawn.Load(); drawn > 0 {
		s.Share = float64(drawn) / float64(bpf.ShareAll)
	}
	if f := r.refused.Load(); f != nil {
		s.Filtered = *f
	}
	s.Flight = r.flightStatus()
	return s
}

// wasSealed says how far a part, from 1, has been sealed.
func (r *Recording) wasSealed(part int, spool, capture int64) {
	r.sealed.Store(&sealedPart{part, spool, capture})
}

// clock reads the clock of the records.
func (r *Recording) clock() uint64 { return monotonic() + uint64(r.kernel.ClockBehind()) }

// captureTime turns a reading of that clock into capture time.
func (r *Recording) captureTime(mono uint64) int64 { return int64(mono) + r.meta.Clock.OffsetNS }

func (r *Recording) anchor() {
	now, _ := r.lookAtClocks(0)
	r.meta.Clock.Anchors = r.wall.keep(r.meta.Clock.Anchors, now)
}

// lookAtClocks reads both clocks; ok says that they were read within a time of
// each other, in ns.
func (r *Recording) lookAtClocks(within uint64) (now format.Anchor, ok bool) {
	mono, real, apart := readClocks(within)
	return format.Anchor{TS: r.captureTime(mono + uint64(r.kernel.ClockBehind())), RealNS: real}, apart <= within
}

// watchClock looks for steps of the wall clock.
func (r *Recording) watchClock() {
	if now, ok := r.lookAtClocks(uint64(wallStep) / 10); ok {
		r.meta.Clock.Anchors = r.wall.look(r.meta.Clock.Anchors, now)
	}
}

// Busy reports whether recording needs the machine for itself: a buffer or what
// waits for the disk is so full that work in the background would cost events.
func (r *Recording) Busy() bool { return r.busy.Load() }

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
	defer urgent(-20)()

	runErr := r.loop(ctx)
	r.took.Store(int64(time.Since(r.began)))
	r.left = r.survivors()
	r.probes.end()
	err := r.stop()
	if runErr == nil {
		runErr = r.lookAtCounts(r.clock())
	}
	if runErr == nil {
		_, runErr = r.poll() // up to the end of enters
		r.merger.limit = 0
		for range 10 {
			time.Sleep(time.Millisecond)
			if runErr != nil {
				break
			}
			if _, runErr = r.poll(); r.merger.drained() {
				break
			}
		}
	}
	if runErr == nil {
		runErr = r.merger.flush()
	}
	r.anchor()
	meta := r.meta
	meta.Counts = r.counts()
	filteredErr := r.lookAtFilters()
	meta.Filtered = r.refused.Load()
	if runErr == nil {
		runErr = filteredErr
	}
	c := cost()
	if total, runs := r.kernel.RunTime(); runs > 0 {
		c.ProbeNSPerCall = 2 * float64(total.Nanoseconds()) / float64(runs)
	}
	meta.Cost = &c
	meta.Part.Rows = r.merger.seq() - meta.Part.FirstSeq
	meta.Complete = runErr == nil && err == nil
	switch {
	case runErr != nil:
	case r.flight != nil:
		runErr = r.land(&meta)
	default:
		runErr = r.spool.Close(&meta)
	}
	if closeErr := r.out.Close(); runErr == nil {
		runErr = closeErr
	}
	r.bytes.Store(r.out.Total())
	return &meta, errors.Join(runErr, err, r.kernel.Close())
}

func (r *Recording) loop(ctx context.Context) error {
	var deadline <-chan time.Time
	if r.opt.Duration > 0 {
		timer := time.NewTimer(r.opt.Duration)
		defer timer.Stop()
		deadline = timer.C
	}
	flushed, looked, watched, judged, counted := time.Now(), time.Now(), time.Now(), time.Now(), time.Now()
	done, ended := r.Done(), false
	var fullest uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-deadline:
			return nil
		case <-done:
			if !r.opt.WaitAll {
				return nil
			}
			done, ended = nil, true
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
		r.probes.look(r.kernel, now)
		if err := r.adapt(now); err != nil {
			return err
		}
		if now.Sub(counted) >= countEvery {
			if err := r.lookAtFilters(); err != nil {
				return err
			}
			if r.flight == nil { // which looks at counts at every cut
				if err := r.lookAtCounts(r.clock()); err != nil {
					return err
				}
			}
			counted = now
		}
		if now.Sub(judged) >= judgeEvery {
			r.busy.Store(fullest > uint64(r.opt.Buffer)/4 || r.out.Behind())
			judged, fullest = now, 0
		}
		if now.Sub(flushed) >= flushEvery {
			if err := r.merger.flush(); err != nil {
				return err
			}
			if err := r.out.Flush(); err != nil {
				return err
			}
			if r.flight != nil {
				r.flight.watch.hung(r.captureTime(r.merger.mark))
			}
			flushed = now
		}
		if err := r.rotateIfDue(now); err != nil {
			return err
		}
		if err := r.fly(now); err != nil {
			return err
		}
		if now.Sub(looked) >= lookEvery {
			if len(r.opt.PIDs) > 0 && !r.targetsAlive() {
				return nil
			}
			if ended && !r.targetsAlive() {
				return nil
			}
			looked = now
		}
		if now.Sub(watched) >= pollEvery {
			r.watchClock()
			watched = now
		}
	}
}

// Survivors returns, once Run has ended, the processes that the recorded command
// started and that run on, by their ids; 0 for ids of another pid namespace,
// where without BTF none is known.
func (r *Recording) Survivors() []int32 { return r.left }

func (r *Recording) survivors() (left []int32) {
	if r.command == nil || r.opt.All {
		return nil
	}
	inside := r.kernel.InPIDNamespace()
	if inside && !endsKnown(r.kernel) {
		return nil
	}
	for _, tgid := range r.kernel.Targets() {
		switch {
		case inside:
			left = append(left, 0)
		case int(tgid) != r.PID() && !hasEnded(int(tgid)):
			left = append(left, int32(tgid))
		}
	}
	return left
}

// endsKnown reports whether the kernel side sees which thread is the last of its process.
func endsKnown(k *bpf.Kernel) bool { return k.Hook == "tp_btf" }

// hasEnded reports whether a process is gone, or waits to be seen by its parent.
// One whose first thread has ended but not its others has the same letter.
func hasEnded(pid int) bool {
	const state, threads = 0, 17 // among the fields behind the name (proc_pid_stat(5))
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if err != nil || len(fields) <= threads {
		return true
	}
	dead := bytes.ContainsAny(fields[state], "ZXx")
	n, err := strconv.Atoi(string(fields[threads]))
	return dead && err == nil && n <= 1
}

func (r *Recording) poll() (fullest uint64, err error) {
	fullest, err = r.merger.poll(r.clock())
	r.lost.Store(r.merger.lost)
	for c := range r.lostBy {
		r.lostBy[c].Store(r.merger.lostBy[c])
	}
	r.events.Store(r.merger.seq() - r.merger.told)
	r.bytes.Store(r.out.Total())
	return fullest, err
}

// targetsAlive forgets the processes that have ended and reports whether any
// is left. The kernel side forgets them itself where it can tell.
func (r *Recording) targetsAlive() bool {
	if r.kernel.InPIDNamespace() { // where the ids are not ours
		return len(r.kernel.Targets()) > 0
	}
	alive := false
	for _, tgid := range r.kernel.Targets() {
		// What waits for its parent can still be signalled. Of many one that
		// lives is enough, so the look into /proc is for few.
		if errors.Is(unix.Kill(int(tgid), 0), unix.ESRCH) || !alive && hasEnded(int(tgid)) {
			r.kernel.RemoveTarget(tgid)
		} else {
			alive = true
		}
	}
	return alive
}
