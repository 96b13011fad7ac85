package capture

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf/floor"
)

// CountCalls calls getppid for so many seconds on the last of the CPUs that
// this process may use: the recorder has the others to itself. It returns the
// nanoseconds of CPU time for each call, and how many there were.
func CountCalls(seconds float64) (nsPerCall float64, calls int) {
	runtime.LockOSThread()
	var allowed, one unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) == nil {
		for cpu := len(allowed)*64 - 1; cpu >= 0; cpu-- {
			if allowed.IsSet(cpu) {
				one.Set(cpu)
				break
			}
		}
		unix.SchedSetaffinity(0, &one)
	}
	used := func() int64 {
		var t unix.Timespec
		unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
		return t.Nano()
	}
	began, before := time.Now(), used()
	for time.Since(began).Seconds() < seconds {
		for range 10_000 {
			unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		calls += 10_000
	}
	return float64(used()-before) / float64(calls), calls
}

// lookAtOverhead measures in rounds, because machines drift.
func lookAtOverhead(ctx context.Context, e *Examination, opt ExamineOptions) {
	if !e.CanRecord() {
		e.add("overhead", FindingNote, "not measured: see what fails above", "")
		return
	}
	const rounds = 3
	var bare, least, added []float64
	var o Overhead
	var cpu time.Duration
	var spool int64
	withFloor := exists("/sys/kernel/btf/vmlinux")
	for range rounds {
		plain, err := bareLoad(ctx, opt.Load)
		if err != nil {
			e.add("overhead", FindingNote, "not measured: "+err.Error(), "")
			return
		}
		bare = append(bare, plain)
		if withFloor {
			ns, err := floorLoad(ctx, opt.Load)
			if withFloor = err == nil; err == nil {
				least = append(least, ns-plain)
			}
		}
		r, err := recordedLoad(ctx, opt)
		if err != nil {
			e.fail("overhead", err)
			return
		}
		added = append(added, r.ns-plain)
		o.Events += r.status.Events
		o.Lost += r.status.Lost
		spool += r.status.Bytes
		cpu += r.cpu
	}
	o.BareNS, o.AddedNS = median(bare), median(added)
	if withFloor {
		o.FloorNS = median(least)
	}
	o.CPUPerEvent = float64(cpu) / float64(o.Events)
	o.BytesPerEvent = float64(spool) / float64(o.Events)
	e.Overhead = &o
	found := fmt.Sprintf("a call of %.0f ns takes %.0f ns more", o.BareNS, o.AddedNS)
	if o.FloorNS > 0 {
		found += fmt.Sprintf(" (%.2f × the %.0f ns of probes that only fill a ring buffer)", o.AddedNS/o.FloorNS, o.FloorNS)
	}
	found += fmt.Sprintf("; the recorder needs %.0f ns of CPU and %.1f bytes of spool an event", o.CPUPerEvent, o.BytesPerEvent)
	if o.Lost > 0 {
		e.add("overhead", FindingNote, fmt.Sprintf("%s; it lost %d of %d events of a loop at full speed", found, o.Lost, o.Lost+o.Events),
			"filter with -e, or give it larger buffers with --buffer")
		return
	}
	e.add("overhead", FindingOK, fmt.Sprintf("%s; %d events of a loop at full speed, none lost", found, o.Events), "")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// bareLoad runs the load and returns the nanoseconds of a call.
func bareLoad(ctx context.Context, load []string) (float64, error) {
	text, err := exec.CommandContext(ctx, load[0], load[1:]...).Output()
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", load[0], err)
	}
	return loadResult(text)
}

func loadResult(text []byte) (ns float64, err error) {
	var calls int
	if _, err := fmt.Fscan(bytes.NewReader(text), &ns, &calls); err != nil || calls == 0 {
		return 0, fmt.Errorf("the load printed %q", text)
	}
	return ns, nil
}

func floorLoad(ctx context.Context, load []string) (float64, error) {
	p, err := floor.Attach(floor.Shared)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	return bareLoad(ctx, load)
}

// recordedLoad is a recording of the load as a user would make it, into a spool
// that has no name.
type loadRecording struct {
	ns     float64
	status Status
	cpu    time.Duration
}

func recordedLoad(ctx context.Context, opt ExamineOptions) (l loadRecording, err error) {
	spool, err := os.CreateTemp(opt.Dir, ".systape-doctor-*")
	if err != nil {
		return l, err
	}
	os.Remove(spool.Name())
	defer spool.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return l, err
	}
	defer read.Close()
	r, err := Start(Options{Command: opt.Load, Tool: "systape doctor"}, Files{Out: write, Err: os.Stderr}, spool)
	write.Close()
	if err != nil {
		return l, err
	}
	before := cost().CPUSeconds
	if _, err := r.Run(ctx); err != nil {
		return l, err
	}
	l.cpu = time.Duration((cost().CPUSeconds - before) * 1e9)
	l.status = r.Status()
	text := make([]byte, 100)
	n, _ := read.Read(text)
	l.ns, err = loadResult(text[:n])
	return l, err
}
