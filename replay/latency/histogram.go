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
// each; a group that turns out to be busy or varied gets arrays, one for each
// power of two that occurs. It never takes more than 31 kB.
type Histogram struct {
	n        uint64
	min, max int64
	sums     sums
	few      []uint64 // bucket<<countBits | count, in the order of first occurrence
	dense    *[NumBuckets / Precision]*octave
}

// octave counts the durations of one power of two.
type octave [Precision]uint64

const (
	countBits = 48
	countMask = 1<<countBits - 1
	fewMax    = 32   // buckets in the list
	fewCalls  = 1024 // calls after which the search through the list costs more than the arrays
	octaveMem = Precision * 8
	denseMem  = NumBuckets / Precision * 8
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
	if h.dense != nil {
		if o := h.dense[b>>octaveShift]; o != nil {
			o[b&(Precision-1)]++
			return 0
		}
	}
	return h.count(b, 1)
}

// count adds n to a bucket, choosing and changing the storage as needed, and
// returns by how many bytes it has grown.
func (h *Histogram) count(bucket int, n uint64) int {
	if h.dense != nil {
		o, grown := h.dense[bucket>>octaveShift], 0
		if o == nil {
			o, grown = new(octave), octaveMem
			h.dense[bucket>>octaveShift] = o
		}
		o[bucket&(Precision-1)] += n
		return grown
	}
	for i, e := range h.few {
		if int(e>>countBits) == bucket {
			if n > countMask-e&countMask || h.n > fewCalls {
				break
			}
			h.few[i] += n
			return 0
		}
	}
	if len(h.few) < fewMax && n <= countMask && h.n <= fewCalls {
		before := cap(h.few)
		h.few = append(h.few, uint64(bucket)<<countBits|n)
		return (cap(h.few) - before) * 8
	}
	grown := denseMem - cap(h.few)*8
	few := h.few
	h.dense, h.few = new([NumBuckets / Precision]*octave), nil
	for _, e := range few {
		grown += h.count(int(e>>countBits), e&countMask)
	}
	return grown + h.count(bucket, n)
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
			if !yield(int(e>>countBits), e&countMask) {
				return
			}
		}
		if h.dense == nil {
			return
		}
		for i, o := range h.dense {
			if o == nil {
				continue
			}
			for j, n := range o {
				if n != 0 && !yield(i<<octaveShift+j, n) {
					return
				}
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
