package pace_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"systape/replay/pace"
)

// fake is a clock that jumps to whatever is waited for. late is added to
// every wait, as on a busy machine. keys are pressed at their times.
type fake struct {
	mu   sync.Mutex
	now  time.Time
	late time.Duration
	wait int
	keys []press
	ch   chan pace.Command
}

type press struct {
	at  time.Duration // since the start
	cmd pace.Command
}

const nothing = pace.Command(99)

var epoch = time.Unix(1000, 0)

func newFake(keys ...press) *fake {
	return &fake{now: epoch, keys: keys, ch: make(chan pace.Command)}
}

func (f *fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fake) set(now time.Time) {
	f.mu.Lock()
	f.now = now
	f.mu.Unlock()
}

func (f *fake) Timer(at time.Time) (<-chan time.Time, func()) {
	f.wait++
	if len(f.keys) > 0 && !epoch.Add(f.keys[0].at).After(at) {
		// Until the next wait, the user is awake. When a command is received
		// the one before it has been obeyed; only then does the clock move.
		keys := f.keys
		f.keys = nil
		f.set(epoch.Add(keys[0].at))
		go func() {
			for i, k := range keys {
				if i > 0 {
					f.ch <- nothing
					f.set(epoch.Add(k.at))
				}
				f.ch <- k.cmd
			}
		}()
		return nil, func() {}
	}
	f.set(at.Add(f.late))
	c := make(chan time.Time, 1)
	c <- at.Add(f.late)
	return c, func() {}
}

// shown plays lines at capture times and returns when each was shown.
func shown(t *testing.T, f *fake, speed float64, times ...time.Duration) []time.Duration {
	t.Helper()
	p := pace.NewPacer(f, speed, f.ch)
	var got []time.Duration
	for _, ts := range times {
		if err := p.Wait(context.Background(), int64(ts)+5e18); err != nil {
			t.Fatal(err)
		}
		got = append(got, f.now.Sub(epoch))
	}
	return got
}

func TestSpeed(t *testing.T) {
	s := time.Second
	times := []time.Duration{0, s, s, 4 * s, 10 * s}
	for _, c := range []struct {
		rule  string
		speed float64
		want  []time.Duration
	}{
		{"1x is as recorded", 1, []time.Duration{0, s, s, 4 * s, 10 * s}},
		{"10x is ten times as fast", 10, []time.Duration{0, s / 10, s / 10, 4 * s / 10, s}},
		{"0.1x is ten times as slow", 0.1, []time.Duration{0, 10 * s, 10 * s, 40 * s, 100 * s}},
		{"max waits for nothing", pace.Max, []time.Duration{0, 0, 0, 0, 0}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := shown(t, newFake(), c.speed, times...)
			for i := range got {
				if d := got[i] - c.want[i]; d > time.Microsecond || d < -time.Microsecond {
					t.Errorf("line %d was shown after %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

// However late every single wait ends, the last line is late by one wait.
func TestNoDrift(t *testing.T) {
	f := newFake()
	f.late = 300 * time.Microsecond
	p := pace.NewPacer(f, 10, nil)
	r := rand.New(rand.NewPCG(1, 1))
	ts := int64(0)
	for ts < int64(time.Hour) {
		ts += r.Int64N(int64(20 * time.Millisecond))
		if err := p.Wait(context.Background(), ts); err != nil {
			t.Fatal(err)
		}
		// The first line of this loop is the origin, at most 20 ms in.
		due := epoch.Add(time.Duration(ts) / 10)
		if late := f.now.Sub(due); late > f.late || late < -2*time.Millisecond-f.late {
			t.Fatalf("the line at %v is %v late", time.Duration(ts), late)
		}
	}
	if f.wait < 100_000 {
		t.Errorf("only %d waits: the test shows nothing", f.wait)
	}
}

func TestKeys(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		rule string
		keys []press
		want []time.Duration // of lines at 0, 1, 2, 3 s
	}{
		{"faster counts from where the replay is", []press{{s / 2, pace.Faster}}, []time.Duration{0, 3 * s / 4, 5 * s / 4, 7 * s / 4}},
		{"slower too", []press{{3 * s / 2, pace.Slower}}, []time.Duration{0, s, 5 * s / 2, 9 * s / 2}},
		{"skip shows the next line now", []press{{s / 4, pace.Skip}}, []time.Duration{0, s / 4, 5 * s / 4, 9 * s / 4}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := shown(t, newFake(c.keys...), 1, 0, s, 2*s, 3*s)
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("line %d was shown after %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestPause(t *testing.T) {
	f := newFake()
	p := pace.NewPacer(f, 1, f.ch)
	ctx := context.Background()
	step := func(ts time.Duration) {
		t.Helper()
		if err := p.Wait(ctx, int64(ts)); err != nil {
			t.Fatal(err)
		}
	}
	step(0)
	// Pause half a second before a line, go on a minute later.
	f.keys = []press{{500 * time.Millisecond, pace.Pause}, {time.Minute, pace.Pause}}
	step(time.Second)
	start := time.Minute + 500*time.Millisecond
	if got := f.now.Sub(epoch); got != start {
		t.Errorf("the line was shown after %v, want the other half second after the pause", got)
	}
}

func TestSteps(t *testing.T) {
	f := newFake()
	commands := make(chan pace.Command, 16)
	p := pace.NewPacer(f, 1, commands)
	ctx := context.Background()
	step := func(ts time.Duration) {
		t.Helper()
		if err := p.Wait(ctx, int64(ts)); err != nil {
			t.Fatal(err)
		}
	}
	step(0)
	commands <- pace.Step
	commands <- pace.Step
	step(2 * time.Second)
	step(3 * time.Second)
	if got := f.now.Sub(epoch); got != 0 {
		t.Errorf("two steps took %v, want no time", got)
	}
	if p.Speed() >= 0 {
		t.Error("the replay goes on after steps")
	}
	if p.Ready(int64(4 * time.Second)) {
		t.Error("a line is ready although the replay is paused")
	}
	commands <- pace.Pause
	step(4 * time.Second)
	if got := f.now.Sub(epoch); got != time.Second {
		t.Errorf("the line after the steps was shown after %v, want 1s", got)
	}
	commands <- pace.Quit
	if err := p.Wait(ctx, int64(5*time.Second)); !errors.Is(err, pace.ErrQuit) {
		t.Errorf("got %v, want ErrQuit", err)
	}
}

func TestQuitAtFullSpeed(t *testing.T) {
	f := newFake()
	commands := make(chan pace.Command, 1)
	p := pace.NewPacer(f, pace.Max, commands)
	if !p.Ready(1) {
		t.Error("nothing to wait for, yet not ready")
	}
	commands <- pace.Quit
	if p.Ready(2) {
		t.Error("ready although a command waits")
	}
	if err := p.Wait(context.Background(), 2); !errors.Is(err, pace.ErrQuit) {
		t.Errorf("got %v, want ErrQuit", err)
	}
}

func TestCancelEndsWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := pace.NewPacer(pace.System{}, 1, nil)
	if err := p.Wait(ctx, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- p.Wait(ctx, int64(time.Hour)) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestLoop(t *testing.T) {
	f := newFake()
	p := pace.NewPacer(f, 1, nil)
	for range 3 {
		for _, ts := range []time.Duration{time.Hour, time.Hour + time.Second} {
			if err := p.Wait(context.Background(), int64(ts)); err != nil {
				t.Fatal(err)
			}
		}
		p.Restart()
	}
	if got := f.now.Sub(epoch); got != 3*time.Second {
		t.Errorf("three rounds of a second took %v", got)
	}
}

func TestParseSpeed(t *testing.T) {
	for in, want := range map[string]float64{"1x": 1, "0.1x": 0.1, "10x": 10, "2": 2, "max": pace.Max, "1e3x": 1000} {
		got, err := pace.ParseSpeed(in)
		if err != nil || got != want {
			t.Errorf("ParseSpeed(%q) = %v, %v, want %v", in, got, err, want)
		}
		if again, err := pace.ParseSpeed(pace.FormatSpeed(got)); err != nil || again != want {
			t.Errorf("%q is written as %s", in, pace.FormatSpeed(got))
		}
	}
	for _, in := range []string{"", "x", "0", "0x", "-1x", "NaN", "Inf", "fast", "1e9x", "1y"} {
		if v, err := pace.ParseSpeed(in); err == nil {
			t.Errorf("ParseSpeed(%q) = %v, want an error", in, v)
		}
	}
}

// BenchmarkPacing plays 60 s of capture time at 10x on the machine's clock
// and says how late the last of 60,000 lines was, and the latest of all.
func BenchmarkPacing(b *testing.B) {
	for b.Loop() {
		p := pace.NewPacer(pace.System{}, 10, nil)
		ctx := context.Background()
		start := time.Now()
		var last, most time.Duration
		for i := range 60_001 {
			ts := int64(i) * int64(time.Millisecond)
			if !p.Ready(ts) {
				if err := p.Wait(ctx, ts); err != nil {
					b.Fatal(err)
				}
			}
			last = time.Since(start) - time.Duration(ts)/10
			most = max(most, last)
		}
		b.ReportMetric(float64(last.Microseconds())/1000, "ms-late-at-end")
		b.ReportMetric(float64(most.Microseconds())/1000, "ms-late-at-most")
	}
}
