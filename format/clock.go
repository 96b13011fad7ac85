package format

import "sort"

// WallClock turns capture time into the time of day that the recorded machine
// showed, and back, by the anchors of a [Clock]. The two part when the machine
// is suspended (CLOCK_MONOTONIC stands still meanwhile; Linux
// kernel/time/timekeeping.c, timekeeping_resume, at v6.12) or its clock is set.
type WallClock struct {
	// knots are the corners of the line that the time of day draws over
	// capture time, in order of TS; a jump has two with the same TS. Empty:
	// the two times are the same.
	knots []Anchor
}

// What anchors differ by without meaning anything: two readings are not one
// instant, and a disciplined clock runs up to 500 parts in a million fast or
// slow (MAXFREQ of include/linux/timex.h at v6.12).
const (
	wallNoise = 1_000_000 // ns
	wallSlew  = 1000      // one part in so many
)

// Wall returns the wall clock of a recording. Without anchors, or as long as
// they agree with capture time to a millisecond, capture time is what it shows.
func (c *Clock) Wall() WallClock {
	var w WallClock
	apart := false
	for _, a := range c.Anchors {
		if d := a.RealNS - a.TS; d > wallNoise || d < -wallNoise {
			apart = true
		}
		if n := len(w.knots); n > 0 {
			last := w.knots[n-1]
			span := a.TS - last.TS
			if span <= 0 {
				continue // no recorder writes that
			}
			if jump := a.RealNS - last.RealNS - span; jump > wallNoise+span/wallSlew || jump < -wallNoise-span/wallSlew {
				w.knots = append(w.knots, Anchor{TS: a.TS, RealNS: last.RealNS + span})
			}
		}
		w.knots = append(w.knots, a)
	}
	if !apart {
		w.knots = nil
	}
	return w
}

// Moved returns by how much the wall clock moved against capture time while
// the recording ran, in ns.
func (w WallClock) Moved() int64 {
	if len(w.knots) == 0 {
		return 0
	}
	first, last := w.knots[0], w.knots[len(w.knots)-1]
	return (last.RealNS - last.TS) - (first.RealNS - first.TS)
}

// At returns the time of day, in ns since the UNIX epoch, at a capture time.
// Between two anchors a clock that ran fast or slow is told in proportion; of
// a jump it is not known when it came, and it is taken to have come last.
func (w WallClock) At(ts int64) int64 {
	if len(w.knots) == 0 {
		return ts
	}
	i := sort.Search(len(w.knots), func(i int) bool { return w.knots[i].TS > ts })
	if i == 0 || i == len(w.knots) {
		k := w.knots[max(i-1, 0)]
		return k.RealNS + ts - k.TS
	}
	a, b := w.knots[i-1], w.knots[i]
	return a.RealNS + scale(ts-a.TS, b.TS-a.TS, b.RealNS-a.RealNS)
}

// Capture is the inverse of At: the capture time at which the clock showed a
// time of day first, and at which it did last. They differ where the clock was
// set back. A time of day that a jump left out is the instant of the jump.
func (w WallClock) Capture(real int64) (first, last int64) {
	n := len(w.knots)
	if n == 0 {
		return real, real
	}
	end := w.knots[n-1]
	first, last = end.TS+real-end.RealNS, end.TS+real-end.RealNS
	if begin := w.knots[0]; real < begin.RealNS {
		first = begin.TS + real - begin.RealNS
	} else {
		for i := 1; i < n; i++ {
			if real < w.knots[i].RealNS {
				first = w.between(i, real)
				break
			}
		}
	}
	for i := n; i > 0; i-- {
		if real < w.knots[i-1].RealNS {
			continue
		}
		if i < n {
			last = w.between(i, real)
		}
		return first, last
	}
	return first, first
}

// between returns when the clock showed a time of day between two knots, the
// second of which has the index i.
func (w WallClock) between(i int, real int64) int64 {
	a, b := w.knots[i-1], w.knots[i]
	return a.TS + scale(max(real-a.RealNS, 0), b.RealNS-a.RealNS, b.TS-a.TS)
}

// scale returns x·to/from, for 0 ≤ x < from. Anchors lie seconds to hours
// apart and run within a part in a thousand of each other, so the correction
// alone is rounded.
func scale(x, from, to int64) int64 {
	return x + int64(float64(x)*(float64(to-from)/float64(from)))
}
