package top

import (
	"math"
	"time"
)

// Windows are 1, 2 or 5 times a power of ten nanoseconds long, and begin at
// multiples of their length since the first event.

// Ladder reports whether a window may be so long.
func Ladder(ns int64) bool { return ns > 0 && ns == floorLadder(ns) }

// floorLadder returns the longest window that is not longer than ns.
func floorLadder(ns int64) int64 {
	best := int64(1)
	for p := int64(1); p <= math.MaxInt64/100; p *= 10 {
		for _, m := range []int64{1, 2, 5} {
			if m*p <= ns {
				best = m * p
			}
		}
	}
	return best
}

const (
	shortest = int64(time.Microsecond)
	longest  = int64(1000 * time.Hour)
)

// longer and shorter return the next window of the ladder.
func longer(ns int64) int64 {
	for _, m := range []int64{2, 5, 10} {
		if p := power(ns); m*p > ns {
			return min(m*p, floorLadder(longest))
		}
	}
	return ns
}

func shorter(ns int64) int64 { return max(floorLadder(ns-1), shortest) }

// power returns the power of ten in a window: a timeline whose slots are so long
// has it and its multiples.
func power(ns int64) int64 {
	p := int64(1)
	for p <= ns/10 {
		p *= 10
	}
	return p
}

// stepFor returns how fine a timeline is to be for windows of a length: so that it
// has also windows a little shorter.
func stepFor(everyNS int64) int64 { return max(power(everyNS)/10, 1) }

// windowFor returns a window that cuts a span into some dozen.
func windowFor(spanNS int64) int64 { return max(floorLadder(spanNS/20), shortest) }
