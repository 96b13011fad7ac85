package capture

import (
	"testing"

	"systape/format"
)

// watched looks at a clock that real makes of capture time, every 20 ms.
func watched(from, to int64, real func(ts int64) int64) []format.Anchor {
	w := anchors{every: int64(anchorEvery)}
	list := w.keep(nil, format.Anchor{TS: from, RealNS: real(from)})
	const look = 20_000_000
	for ts := from + look; ts < to; ts += look {
		list = w.look(list, format.Anchor{TS: ts, RealNS: real(ts)})
	}
	return w.keep(list, format.Anchor{TS: to, RealNS: real(to)})
}

const second = int64(1e9)

// A clock that is set is told on both sides of the step to 20 ms, however small
// the step is beyond what a clock runs fast or slow, and also when it is set
// back before the next regular anchor.
func TestStepsOfTheClockAreSeen(t *testing.T) {
	type step struct{ at, by int64 }
	for _, c := range []struct {
		name  string
		steps []step
		ppm   int64
	}{
		{"none", nil, 0},
		{"fast", nil, 500},
		{"slow", nil, -500},
		{"back by 50 ms", []step{{33_337_000_000, -50_000_000}}, 0},
		{"forth by 50 ms, slow", []step{{33_337_000_000, 50_000_000}}, -500},
		{"back by 5 s", []step{{12*second + 7, -5 * second}}, 100},
		{"forth and back", []step{{41 * second, 3600 * second}, {42 * second, -3600 * second}}, 0},
		{"asleep", []step{{20 * second, 3600 * second}}, 0},
		{"every second", func() (s []step) {
			for i := range int64(90) {
				s = append(s, step{i * second, 100_000_000 - i%3*150_000_000})
			}
			return s
		}(), 0},
	} {
		real := func(ts int64) int64 {
			at := ts + ts*c.ppm/1_000_000
			for _, s := range c.steps {
				if ts >= s.at {
					at += s.by
				}
			}
			return at
		}
		list := watched(0, 100*second, real)
		if most := 11 + 2*len(c.steps); len(list) > most {
			t.Errorf("%s: %d anchors, want at most %d", c.name, len(list), most)
		}
		wall := (&format.Clock{Anchors: list}).Wall()
		wrong := int64(0)
		for ts := int64(0); ts < 100*second; ts += 1_000_003 {
			if d := wall.At(ts) - real(ts); d > 2_000_000 || d < -2_000_000 {
				wrong += 1_000_003
			}
		}
		if most := int64(len(c.steps)) * 21_000_000; wrong > most {
			t.Errorf("%s: for %d ms the time of day is another one, want at most %d", c.name, wrong/1e6, most/1e6)
		}
	}
}

// However long a recording, and however often its clock is set, the anchors stay
// bounded; what few steps there are stays where it was.
func TestAnchorsAreBounded(t *testing.T) {
	const day = 24 * 3600 * second
	w := anchors{every: int64(anchorEvery)}
	var list []format.Anchor
	real := func(ts int64) int64 {
		if ts >= 3*3600*second {
			return ts - 7*second
		}
		return ts
	}
	for ts := int64(0); ts < 3*day; ts += 500_000_000 {
		if list = w.look(list, format.Anchor{TS: ts, RealNS: real(ts)}); len(list) > maxAnchors {
			t.Fatalf("%d anchors", len(list))
		}
	}
	wall := (&format.Clock{Anchors: list}).Wall()
	for _, ts := range []int64{3*3600*second - second, 3*3600*second + 1} {
		if got := wall.At(ts); got != real(ts) {
			t.Errorf("at %d the clock showed %d, told is %d", ts, real(ts), got)
		}
	}
	for i := range int64(100_000) { // set at every look
		if list = w.look(list, format.Anchor{TS: 3*day + i*20_000_000, RealNS: 3*day + i*20_000_000 + i%2*second}); len(list) > maxAnchors {
			t.Fatalf("%d anchors", len(list))
		}
	}
}
