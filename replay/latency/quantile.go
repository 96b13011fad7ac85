package latency

import (
	"iter"
	"math"
)

// Quantile is a percentile with its honesty: where too many calls had not
// finished, all that is known is that it lies above NS.
type Quantile struct {
	NS    int64
	Above bool // the percentile is longer than NS by an unknown amount
}

// Share is a share of all calls in thousand-millionths, so that 99.9 % is
// exact: Share(999_000_000).
type Share int64

const whole Share = 1_000_000_000

// The percentiles that every table shows.
const (
	P50  Share = 500_000_000
	P90  Share = 900_000_000
	P99  Share = 990_000_000
	P999 Share = 999_000_000
)

// Percentiles lists the shares of the percentiles that every table shows.
func Percentiles() [4]Share { return [4]Share{P50, P90, P99, P999} }

// Quantile returns the duration that the given share of the calls did not
// exceed: the ⌈share·n⌉-th shortest one (the nearest rank, as SQL's
// percentile_disc), at most [MaxRelativeError] off; where that
// is the shortest or the longest, exactly. It is 0 when h is empty.
func (h *Histogram) Quantile(share Share) Quantile {
	return Survival(h, nil, share)[0]
}

// Interval returns between which durations the quantile of all calls lies, 95
// times of 100, when h holds some of them that were drawn by lot, each by
// itself. It goes by ranks alone, so it holds whatever the distribution: how
// many of n calls are below the quantile is binomial. Both are 0 when h is empty.
func (h *Histogram) Interval(share Share) (low, high int64) {
	if h.n == 0 {
		return 0, 0
	}
	q, n := float64(share)/float64(whole), float64(h.n)
	margin := 1.96 * math.Sqrt(n*q*(1-q))
	rank := func(r float64) Share { return Share(min(max(r/n, 0), 1) * float64(whole)) }
	low, high = h.Quantile(rank(math.Floor(n*q-margin))).NS, h.Quantile(rank(math.Ceil(n*q+margin)+1)).NS
	if n*q-margin < 1 {
		low = h.Min()
	}
	return low, high
}

// Survival returns the quantiles of durations of which some are known
// exactly (done) and some only as a lower bound (open: calls that had not
// returned when the capture ended or their thread was killed), by the
// product-limit estimator of Kaplan and Meier (J. Amer. Statist. Assoc. 53,
// 1958). shares must ascend. open may be nil; then the result is that of
// [Histogram.Quantile].
//
// The estimator is applied to buckets. A call that ended and one that was
// still open in the same bucket are taken to be in this order, as is usual
// for ties. A share that the curve does not reach is above the longest
// duration seen.
func Survival(done, open *Histogram, shares ...Share) []Quantile {
	out := make([]Quantile, len(shares))
	if open == nil {
		open = new(Histogram)
	}
	if done.n+open.n == 0 {
		return out
	}
	c := curve{base: 1, baseRisk: float64(done.n + open.n)}
	i := 0
	for bucket, n := range BothBuckets(done, open) {
		for c.ended(n[0]); i < len(shares) && c.reached(shares[i], 0); i++ {
			switch {
			case bucket == Bucket(done.max) && !c.reached(shares[i], 1): // not without the longest call of all
				out[i].NS = done.max
			case bucket == Bucket(done.min) && c.reached(shares[i], n[0]-1): // with the shortest alone
				out[i].NS = done.min
			default:
				out[i].NS = min(max(BucketValue(bucket), done.min), done.max)
			}
		}
		c.left(n[1])
	}
	for ; i < len(shares); i++ {
		out[i] = Quantile{NS: max(done.max, open.max), Above: true}
	}
	return out
}

// curve is the share of calls that last longer than the buckets seen so far.
// Between two losses of open calls the product telescopes into one fraction,
// so that without any the result is the plain rank and not a product of
// thousands of rounded factors.
type curve struct {
	base     float64 // the curve after the last loss
	baseRisk float64 // calls that were still running then
	since    float64 // calls that have ended since
}

// value is the curve as if without of the calls that ended last had not.
func (c *curve) value(without uint64) float64 {
	if c.baseRisk == 0 {
		return c.base
	}
	return c.base * (c.baseRisk - c.since + float64(without)) / c.baseRisk
}

func (c *curve) ended(n uint64) { c.since += float64(n) }

func (c *curve) left(n uint64) {
	if n != 0 {
		c.base, c.baseRisk, c.since = c.value(0), c.baseRisk-c.since-float64(n), 0
	}
}

func (c *curve) reached(s Share, without uint64) bool {
	const rounding = 1 + 1e-12 // far below one call in a thousand million, far above that of a few hundred products
	return c.value(without) <= float64(whole-s)/float64(whole)*rounding
}

// BothBuckets yields the buckets that occur in a or b, shortest durations first,
// with the count of each. Either may be nil.
func BothBuckets(a, b *Histogram) iter.Seq2[int, [2]uint64] {
	return func(yield func(int, [2]uint64) bool) {
		if a == nil {
			a = new(Histogram)
		}
		if b == nil || b.n == 0 {
			for k, n := range a.Buckets() {
				if !yield(k, [2]uint64{n, 0}) {
					return
				}
			}
			return
		}
		next, stop := iter.Pull2(b.Buckets())
		defer stop()
		kb, nb, ok := next()
		for ka, na := range a.Buckets() {
			for ok && kb < ka {
				if !yield(kb, [2]uint64{0, nb}) {
					return
				}
				kb, nb, ok = next()
			}
			n := [2]uint64{na, 0}
			if ok && kb == ka {
				n[1] = nb
				kb, nb, ok = next()
			}
			if !yield(ka, n) {
				return
			}
		}
		for ok {
			if !yield(kb, [2]uint64{0, nb}) {
				return
			}
			kb, nb, ok = next()
		}
	}
}
