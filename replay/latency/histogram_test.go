package latency_test

import (
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"systape/replay/latency"
)

func TestBucketsTileAllDurations(t *testing.T) {
	next := int64(0)
	for b := range latency.NumBuckets {
		low, width := latency.BucketRange(b)
		if low != next {
			t.Fatalf("bucket %d begins at %d, want %d", b, low, next)
		}
		last := low + width - 1
		for _, ns := range []int64{low, low + width/2, last} {
			if got := latency.Bucket(ns); got != b {
				t.Fatalf("Bucket(%d) = %d, want %d", ns, got, b)
			}
		}
		v := latency.BucketValue(b)
		for _, ns := range []int64{low, last} {
			if diff := math.Abs(float64(v - ns)); diff > latency.MaxRelativeError*float64(ns) {
				t.Fatalf("bucket %d stands for %d, which is %.4f of %d away", b, v, diff/float64(ns), ns)
			}
		}
		next = last + 1
	}
	if next != math.MinInt64 { // one past the largest int64
		t.Errorf("the last bucket ends before %d, want it to hold the largest duration", next)
	}
	if got := latency.Bucket(-5); got != 0 {
		t.Errorf("Bucket(-5) = %d, want 0", got)
	}
}

// TestBucketRuleAsDocumented computes the rule the way the package
// documentation states it.
func TestBucketRuleAsDocumented(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		ns := r.Int64() >> r.IntN(63)
		want := ns
		if ns >= 128 {
			e := int64(len(big.NewInt(ns).Text(2)) - 1)
			want = (e-6)*64 + ns>>(e-6)
		}
		if got := int64(latency.Bucket(ns)); got != want {
			t.Fatalf("Bucket(%d) = %d, want %d", ns, got, want)
		}
	}
}

var distributions = map[string]func(*rand.Rand) int64{
	"uniform":    func(r *rand.Rand) int64 { return r.Int64N(1_000_000) },
	"log-normal": func(r *rand.Rand) int64 { return int64(math.Exp(8 + 2.5*r.NormFloat64())) },
	"bimodal": func(r *rand.Rand) int64 {
		if r.IntN(10) == 0 {
			return 50_000_000 + r.Int64N(1_000_000)
		}
		return 300 + r.Int64N(200)
	},
	"constant":  func(*rand.Rand) int64 { return 123_456_789 },
	"tiny":      func(r *rand.Rand) int64 { return r.Int64N(3) },
	"huge":      func(r *rand.Rand) int64 { return math.MaxInt64 - r.Int64N(1<<40) },
	"all sizes": func(r *rand.Rand) int64 { return r.Int64() >> r.IntN(63) },
}

func TestQuantileWithinBound(t *testing.T) {
	shares := []latency.Share{1, 10_000_000, 250_000_000, latency.P50, latency.P90, latency.P99, latency.P999, 999_999_999, 1_000_000_000}
	for name, draw := range distributions {
		for _, n := range []int{1, 2, 3, 63, 64, 65, 1000, 1025, 100_000} {
			r := rand.New(rand.NewPCG(uint64(n), 9))
			var h latency.Histogram
			values := make([]int64, n)
			for i := range values {
				values[i] = draw(r)
				h.Record(values[i])
			}
			slices.Sort(values)
			for _, s := range shares {
				rank := new(big.Int).Mul(big.NewInt(int64(s)), big.NewInt(int64(n)))
				rank.Add(rank, big.NewInt(999_999_999)).Div(rank, big.NewInt(1_000_000_000))
				want := values[max(rank.Int64(), 1)-1]
				got := h.Quantile(s)
				if r := rank.Int64(); (r <= 1 || r == int64(n)) && got.NS != want {
					t.Errorf("%s, n=%d: quantile %d, of rank %d, is %d, want exactly %d", name, n, s, r, got.NS, want)
				}
				if got.Above {
					t.Fatalf("%s, n=%d: quantile %d is marked unreached", name, n, s)
				}
				if diff := math.Abs(float64(got.NS) - float64(want)); diff > latency.MaxRelativeError*float64(want) {
					t.Errorf("%s, n=%d: quantile %d is %d, want %d within %.2f %%", name, n, s, got.NS, want, 100*latency.MaxRelativeError)
				}
			}
		}
	}
}

func TestOneValueIsExact(t *testing.T) {
	for _, v := range []int64{0, 1, 127, 128, 129, 999_999, 1 << 40, math.MaxInt64} {
		var h latency.Histogram
		h.Record(v)
		for _, s := range latency.Percentiles() {
			if got := h.Quantile(s); got != (latency.Quantile{NS: v}) {
				t.Errorf("quantile %d of the single value %d is %v", s, v, got)
			}
		}
		if h.Min() != v || h.Max() != v || h.Sum() != v || h.Count() != 1 || h.Stddev() != 0 || h.Mean() != float64(v) {
			t.Errorf("single value %d: count %d min %d max %d sum %d mean %g stddev %g", v, h.Count(), h.Min(), h.Max(), h.Sum(), h.Mean(), h.Stddev())
		}
	}
}

func TestEmptyHistogram(t *testing.T) {
	var h latency.Histogram
	if h.Count() != 0 || h.Min() != 0 || h.Max() != 0 || h.Sum() != 0 || h.Mean() != 0 || h.Stddev() != 0 || h.Quantile(latency.P50) != (latency.Quantile{}) {
		t.Error("an empty histogram is not all zero")
	}
	var o latency.Histogram
	o.Record(7)
	o.Merge(&h)
	if o.Min() != 7 || o.Count() != 1 {
		t.Errorf("merging an empty histogram changed min to %d, count to %d", o.Min(), o.Count())
	}
}

func TestMomentsAreExact(t *testing.T) {
	for name, draw := range distributions {
		r := rand.New(rand.NewPCG(5, 6))
		var h latency.Histogram
		sum, squares := new(big.Float).SetPrec(400), new(big.Float).SetPrec(400)
		const n = 5000
		values := make([]int64, n)
		for i := range values {
			values[i] = draw(r)
			h.Record(values[i])
			sum.Add(sum, new(big.Float).SetInt64(values[i]))
		}
		mean := new(big.Float).SetPrec(400).Quo(sum, big.NewFloat(n))
		for _, v := range values {
			d := new(big.Float).SetPrec(400).Sub(new(big.Float).SetInt64(v), mean)
			squares.Add(squares, d.Mul(d, d))
		}
		wantMean, _ := mean.Float64()
		variance, _ := squares.Quo(squares, big.NewFloat(n)).Float64()
		if got, want := h.Mean(), wantMean; math.Abs(got-want) > 1e-15*want {
			t.Errorf("%s: mean %g, want %g", name, got, want)
		}
		if got, want := h.Stddev(), math.Sqrt(variance); math.Abs(got-want) > 1e-12*want {
			t.Errorf("%s: standard deviation %g, want %g", name, got, want)
		}
		wantSum, acc := sum.Int64()
		if acc != big.Exact {
			wantSum = math.MaxInt64
		}
		if got := h.Sum(); got != wantSum {
			t.Errorf("%s: sum %d, want %d", name, got, wantSum)
		}
		if got, want := h.Min(), slices.Min(values); got != want {
			t.Errorf("%s: min %d, want %d", name, got, want)
		}
		if got, want := h.Max(), slices.Max(values); got != want {
			t.Errorf("%s: max %d, want %d", name, got, want)
		}
	}
}

type content struct {
	count, min, max, sum int64
	mean, stddev         float64
}

func contentOf(h *latency.Histogram) (content, map[int]uint64) {
	return content{h.Count(), h.Min(), h.Max(), h.Sum(), h.Mean(), h.Stddev()}, maps.Collect(h.Buckets())
}

// TestMergeIsExact cuts values into parts and merges these in another order.
// The parts are of all sizes, so lists and arrays are merged into each other.
func TestMergeIsExact(t *testing.T) {
	for name, draw := range distributions {
		r := rand.New(rand.NewPCG(7, 8))
		for round := range 10 {
			values := make([]int64, 1+r.IntN(4000))
			var whole latency.Histogram
			for i := range values {
				values[i] = draw(r)
				whole.Record(values[i])
			}
			var parts []*latency.Histogram
			for rest := values; len(rest) > 0; {
				n := 1 + r.IntN(len(rest))
				p := new(latency.Histogram)
				for _, v := range rest[:n] {
					p.Record(v)
				}
				parts, rest = append(parts, p), rest[n:]
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			var merged latency.Histogram
			for _, p := range parts {
				merged.Merge(p)
			}
			want, wantBuckets := contentOf(&whole)
			got, gotBuckets := contentOf(&merged)
			if got != want || !maps.Equal(gotBuckets, wantBuckets) {
				t.Fatalf("%s, round %d, %d parts: merged %+v, want %+v", name, round, len(parts), got, want)
			}
		}
	}
}

func TestBucketsCountEverything(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1023, 1024, 1025, 5000} {
		r := rand.New(rand.NewPCG(uint64(n), 1))
		var h latency.Histogram
		want := map[int]uint64{}
		for range n {
			v := distributions["log-normal"](r)
			h.Record(v)
			want[latency.Bucket(v)]++
		}
		last := -1
		for b := range h.Buckets() {
			if b <= last {
				t.Fatalf("n=%d: bucket %d after %d", n, b, last)
			}
			last = b
		}
		if got := maps.Collect(h.Buckets()); !maps.Equal(got, want) {
			t.Errorf("n=%d: got %d buckets %v, want %d", n, len(got), got, len(want))
		}
	}
}

// times returns a histogram with everything that h holds n times over.
func times(h *latency.Histogram, n uint64) *latency.Histogram {
	double, sum := new(latency.Histogram), new(latency.Histogram)
	double.Merge(h)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			sum.Merge(double)
		}
		twice := new(latency.Histogram)
		twice.Merge(double)
		twice.Merge(double)
		double = twice
	}
	return sum
}

func TestCountsBeyond32Bits(t *testing.T) {
	for _, values := range [][]int64{{5}, durations(2000)} { // a list, an array
		var h latency.Histogram
		for _, v := range values {
			h.Record(v)
		}
		const n = 1<<40 + 12_345
		many := maps.Collect(times(&h, n).Buckets())
		for bucket, one := range h.Buckets() {
			if got, want := many[bucket], one*n; got != want {
				t.Fatalf("bucket %d, %d times over, holds %d, want %d", bucket, n, got, want)
			}
		}
	}
}

// TestRecordOver32Bits records one by one over the border of 32 bits.
func TestRecordOver32Bits(t *testing.T) {
	var seven, h latency.Histogram
	seven.Record(7)
	for _, v := range durations(2000) {
		h.Record(v)
	}
	const below = 1<<32 - 100
	h.Merge(times(&seven, below))
	for i := range uint64(200) {
		if got, want := maps.Collect(h.Buckets())[7], below+i; got != want {
			t.Fatalf("after %d more, the bucket of 7 ns holds %d, want %d", i, got, want)
		}
		h.Record(7)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var h latency.Histogram
	d := durations(4096)
	for _, v := range d {
		h.Record(v)
	}
	if got := testing.AllocsPerRun(100, func() {
		for _, v := range d {
			h.Record(v)
		}
	}); got != 0 {
		t.Errorf("%g allocations in 4,096 calls of Record on a warm histogram, want 0", got)
	}
}
