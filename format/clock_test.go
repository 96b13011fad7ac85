package format_test

import (
	"math/rand/v2"
	"testing"

	"systape/format"
)

const second = int64(1e9)

func wall(pairs ...int64) format.WallClock {
	var c format.Clock
	for i := 0; i < len(pairs); i += 2 {
		c.Anchors = append(c.Anchors, format.Anchor{TS: pairs[i] * second, RealNS: pairs[i+1] * second})
	}
	return c.Wall()
}

// TestWallClock: the laptop was closed for an hour between the anchors at 20
// and 30 s, and its clock was set back by 5 s between those at 40 and 50 s.
func TestWallClock(t *testing.T) {
	w := wall(10, 10, 20, 20, 30, 3630, 40, 3640, 50, 3645)
	for _, c := range []struct{ ts, real int64 }{
		{5, 5}, {10, 10}, {20, 20}, {25, 25}, {30, 3630}, {35, 3635}, {40, 3640}, {45, 3645}, {50, 3645}, {60, 3655},
	} {
		if got := w.At(c.ts * second); got != c.real*second {
			t.Errorf("at %d s the clock showed %d s, want %d", c.ts, got/second, c.real)
		}
	}
	for _, c := range []struct{ real, first, last int64 }{
		{5, 5, 5}, {25, 25, 25}, {30, 30, 30}, {2000, 30, 30}, {3629, 30, 30}, {3635, 35, 35}, {3644, 44, 44},
		{3645, 45, 50}, {3649, 49, 54}, {3650, 55, 55}, {3651, 56, 56},
	} {
		if first, last := w.Capture(c.real * second); first != c.first*second || last != c.last*second {
			t.Errorf("the clock showed %d s at %d s and last at %d s, want %d and %d", c.real, first/second, last/second, c.first, c.last)
		}
	}
	// Set back to before the beginning, and twice over the same time.
	again := wall(10, 10, 20, 20, 21, 5, 31, 15, 32, 3, 62, 33)
	for _, c := range []struct{ real, first, last int64 }{{2, 2, 2}, {4, 4, 33}, {6, 6, 35}, {12, 12, 41}, {18, 18, 47}, {25, 54, 54}, {40, 69, 69}} {
		if first, last := again.Capture(c.real * second); first != c.first*second || last != c.last*second {
			t.Errorf("the clock showed %d s at %d s and last at %d s, want %d and %d", c.real, first/second, last/second, c.first, c.last)
		}
	}
	if got, want := w.Moved(), 3595*second; got != want {
		t.Errorf("the clock moved by %d, want %d", got, want)
	}
}

// TestWallClockThatAgrees: without a difference that means something, capture
// time is the time of day to the nanosecond.
func TestWallClockThatAgrees(t *testing.T) {
	same := format.Clock{Anchors: []format.Anchor{{TS: 10 * second, RealNS: 10*second + 80}, {TS: 20 * second, RealNS: 20*second + 1900}}}
	for _, w := range []format.WallClock{same.Wall(), {}, (&format.Clock{}).Wall()} {
		first, last := w.Capture(12345)
		if w.At(12345) != 12345 || first != 12345 || last != 12345 || w.Moved() != 0 {
			t.Errorf("%v: capture time is not what the clock shows", w)
		}
	}
}

// TestWallClockTurnsBack: At and Capture undo each other while a clock runs
// fast, by 300 parts in a million.
func TestWallClockTurnsBack(t *testing.T) {
	var c format.Clock
	for i := range int64(100) {
		ts := i * 10 * second
		c.Anchors = append(c.Anchors, format.Anchor{TS: ts, RealNS: ts + ts*300/1_000_000})
	}
	w := c.Wall()
	last := int64(-1)
	for range 10_000 {
		ts := rand.Int64N(1200 * second)
		if back, last := w.Capture(w.At(ts)); back < ts-1 || back > ts+1 || last != back {
			t.Fatalf("capture time %d became %d and %d", ts, back, last)
		}
		last = max(last, w.At(ts))
	}
	if last < 1100*second {
		t.Fatal("nothing was tried")
	}
}

// TestWallClockIsHostile: anchors of a file may say anything.
func TestWallClockIsHostile(t *testing.T) {
	c := format.Clock{Anchors: []format.Anchor{{TS: 1 << 62, RealNS: -1 << 62}, {TS: -1 << 62, RealNS: 1 << 62}, {TS: 1 << 62, RealNS: 0}, {}}}
	w := c.Wall()
	for _, ts := range []int64{0, 1, -1, 1 << 62, -1 << 62} {
		w.At(ts)
		w.Capture(ts)
	}
}
