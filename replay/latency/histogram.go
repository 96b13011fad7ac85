package latency

import (
	"iter"
	"math"
	"slices"
)

// Histogram counts durations by the bucket rule (see [Bucket]) and keeps
// their exact count, minimum, maximum, sum and sum of squares. The zero value
// is empty and ready. Histograms merge without loss, in any order.
//
// It starts as a short list of the buckets that occur, because a capture
// grouped by thread has tens of thousands of groups with a handful of calls
// each; a group that turns out to be busy or varied gets an array over the
// powers of two that occur. It never takes more than 15 kB.
type Histogram struct {
	n        uint64
	min, max int64
	sums     sums
	few      []uint32 // bucket<<countBits | count, in the order of first occurrence
	window   []uint32 // counts of the buckets from base on, whole powers of two; nil while few serves
	base     int
	carry    map[int]uint64 // what no longer fits into window, in multiples of 2³²
}

const (
	countBits = 20
	countMask = 1<<countBits - 1
	fewMax    = 64   // buckets in the list
	fewCalls  = 1024 // calls after which the search through the list costs more than the array
)

// Record counts one duration in nanoseconds; a negative one counts as 0.
func (h *Histogram) Record(ns int64) { h.record(ns) }

// record returns by how many bytes the histogram has grown.
func (h *Histogram) record(ns int64) int {
	ns = max(ns, 0)
	if h.n == 0 {
		h.min, h.max = ns, ns
	} else if ns < h.min {
		h.min = ns
	} else if ns > h.max {
		h.max = ns
	}
	h.n++
	h.sums.add(uint64(ns))
	b := Bucket(ns)
	if i := b - h.base; uint(i) < uint(len(h.window)) && h.window[i] != math.MaxUint32 {
		h.window[i]++
		return 0
	}
	return h.count(b, 1)
}

// count adds n to a bucket, choosing and changing the storage as needed, and
// returns by how many bytes it has grown.
func (h *Histogram) count(bucket int, n uint64) (grown int) {
	if h.window != nil {
		if i := bucket - h.base; i < 0 || i >= len(h.window) {
			grown = h.widen(bucket)
		}
		c := &h.window[bucket-h.base]
		n += uint64(*c)
		*c = uint32(n)
		if n > math.MaxUint32 {
			if h.carry == nil {
				h.carry = map[int]uint64{}
			}
			h.carry[bucket] += n &^ math.MaxUint32
		}
		return grown
	}
	for i, e := range h.few {
		if int(e>>countBits) == bucket {
			if n > uint64(countMask-e&countMask) || h.n > fewCalls {
				break
			}
			h.few[i] += uint32(n)
			return 0
		}
	}
	if len(h.few) < fewMax && n <= countMask && h.n <= fewCalls {
		before := cap(h.few)
		h.few = append(h.few, uint32(bucket)<<countBits|uint32(n))
		return (cap(h.few) - before) * 4
	}
	few := h.few
	h.few = nil
	grown = h.widen(bucket) - cap(few)*4
	for _, e := range few {
		grown += h.count(int(e>>countBits), uint64(e&countMask))
	}
	return grown + h.count(bucket, n)
}

// widen makes the window hold a bucket and returns by how many bytes it grew.
func (h *Histogram) widen(bucket int) int {
	low := bucket &^ (Precision - 1)
	high := low + Precision
	if h.window != nil {
		low, high = min(low, h.base), max(high, h.base+len(h.window))
	}
	w := make([]uint32, high-low)
	copy(w[max(0, h.base-low):], h.window)
	grown := 4 * (len(w) - len(h.window))
	h.window, h.base = w, low
	return grown
}

// AddBucket counts n durations of one bucket, of which the sum, the shortest
// and the longest are known. Everything but Stddev stays exact: it takes them
// for n times their mean, which is at most [MaxRelativeError] off.
func (h *Histogram) AddBucket(bucket int, n uint64, sum, shortest, longest int64) {
	if n == 0 {
		return
	}
	if h.n == 0 {
		h.min, h.max = shortest, longest
	}
	h.min, h.max = min(h.min, shortest), max(h.max, longest)
	h.n += n
	h.sums.addMany(n, uint64(sum))
	h.count(bucket, n)
}

// Merge adds everything that o has counted. o is unchanged.
func (h *Histogram) Merge(o *Histogram) { h.merge(o) }

func (h *Histogram) merge(o *Histogram) (grown int) {
	if o.n == 0 {
		return 0
	}
	if h.n == 0 {
		h.min, h.max = o.min, o.max
	}
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	h.n += o.n
	h.sums.merge(&o.sums)
	for b, n := range o.Buckets() {
		grown += h.count(b, n)
	}
	return grown
}

// Buckets yields the buckets that occur, shortest durations first, with their
// counts.
func (h *Histogram) Buckets() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		few := slices.Clone(h.few)
		slices.Sort(few)
		for _, e := range few {
			if !yield(int(e>>countBits), uint64(e&countMask)) {
				return
			}
		}
		for i, c := range h.window {
			b := h.base + i
			n := uint64(c)
			if h.carry != nil {
				n += h.carry[b]
			}
			if n != 0 && !yield(b, n) {
				return
			}
		}
	}
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() int64 { return int64(h.n) }

// Min returns the shortest duration, exactly; 0 when there is none.
func (h *Histogram) Min() int64 { return h.min }

// Max returns the longest duration, exactly; 0 when there is none.
func (h *Histogram) Max() int64 { return h.max }

// Sum returns the exact sum of all durations in nanoseconds, or the largest
// int64 when it is more than that (292 years).
func (h *Histogram) Sum() int64 { return h.sums.total() }

// Mean returns the arithmetic mean in nanoseconds, 0 when there is none.
func (h *Histogram) Mean() float64 { return h.sums.mean(h.n) }

// Stddev returns the standard deviation of the durations in nanoseconds,
// dividing by their count and not by one less. It is computed from exact
// integer sums, so it does not suffer from cancellation.
func (h *Histogram) Stddev() float64 { return h.sums.stddev(h.n) }

// Reset empties the histogram and returns its memory.
func (h *Histogram) Reset() { *h = Histogram{} }

func round(x float64) int64 { return int64(math.Round(x)) }
