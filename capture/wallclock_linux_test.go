package capture_test

import (
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"systape/capture"
	"systape/format"
	"systape/internal/kerneltest"
)

// The clock is set back by 80 ms while recording: what ran before has the time
// of day of then, and what ran after the other.
func TestClockIsSetWhileRecording(t *testing.T) {
	kerneltest.Require(t)
	const step = int64(-80 * time.Millisecond)
	var by, looks atomic.Int64
	machine := capture.Realtime()
	defer capture.SetRealtime(func() int64 {
		looks.Add(1)
		return machine() + by.Load()
	})()
	seen := func() { // by the recorder, as it is now: a look takes at most eight readings
		for from := looks.Load(); looks.Load() < from+20; {
			time.Sleep(time.Millisecond)
		}
	}
	run := func(name string) {
		if err := exec.Command("/bin/" + name).Run(); err != nil {
			t.Error(err)
		}
	}
	r := record(t, capture.Options{All: true}, func() {
		run("true")
		seen()
		by.Store(step)
		seen()
		run("pwd")
	})
	wall := r.meta.Clock.Wall()
	if moved := wall.Moved(); moved < step-1e6 || moved > step+1e6 {
		t.Errorf("the clock moved by %d ns, want %d: %v", moved, step, r.meta.Clock.Anchors)
	}
	for name, want := range map[string]int64{"true": 0, "pwd": step} {
		n := 0
		for _, e := range r.events {
			if e.Kind != format.Exec || e.Comm != name {
				continue
			}
			n++
			if d := wall.At(e.TS) - e.TS; d < want-1e6 || d > want+1e6 {
				t.Errorf("%s ran with the clock %d ns off, told is %d", name, want, d)
			}
		}
		if n == 0 {
			t.Errorf("%s was not seen", name)
		}
	}
}
