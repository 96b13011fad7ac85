package latency

import (
	"math"
	"math/bits"
)

// Section is the rows of a table that belong together: calls that work, or
// calls that wait by nature.
type Section struct {
	Waits bool
	Rows  []Row
	Calls int64 // that ended
	NS    int64 // their time, lower bounds included
	Open  int64 // lower bounds
}

// Sections splits rows by Row.Waits, calls that work first, each in the order
// it has. A section without rows is left out.
func Sections(rows []Row) []Section {
	s := [2]Section{{}, {Waits: true}}
	for _, row := range rows {
		s := &s[section(row.Waits)]
		s.Rows = append(s.Rows, row)
		s.Calls += row.Count
		s.NS += row.TotalNS + row.CensoredNS
		s.Open += row.Censored
	}
	var out []Section
	for i := range s {
		if len(s[i].Rows) > 0 {
			out = append(out, s[i])
		}
	}
	return out
}

// Bar is one bar of a histogram by powers of two: the calls that took LowNS
// and more, but less than twice as much. The lowest is of 0 ns alone.
type Bar struct {
	LowNS int64
	Done  int64 // calls that ended
	Open  int64 // lower bounds
}

// HighNS returns where the next bar begins.
func (b Bar) HighNS() int64 {
	if b.LowNS > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return max(1, 2*b.LowNS)
}

// Bars sums the buckets of a group by powers of two, from its shortest to its
// longest duration, gaps included.
func (r *Row) Bars() []Bar {
	var done, open [64]int64
	first, last := 64, -1
	count := func(h *Histogram, into *[64]int64) {
		if h == nil {
			return
		}
		for b, n := range h.Buckets() {
			low, _ := BucketRange(b)
			i := bits.Len64(uint64(low))
			into[i] += int64(n)
			first, last = min(first, i), max(last, i)
		}
	}
	count(r.Done, &done)
	count(r.Open, &open)
	var bars []Bar
	for i := first; i <= last; i++ {
		low := int64(0)
		if i > 0 {
			low = 1 << (i - 1)
		}
		bars = append(bars, Bar{low, done[i], open[i]})
	}
	return bars
}
