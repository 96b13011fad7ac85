package latency_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"systape/replay/latency"
)

// Of a workload of two kinds of calls, fast ones and slow ones, a tenth is
// drawn by lot, a hundred times: the true percentiles lie within the intervals
// that are stated, in 95 of them and more.
func TestIntervalsOfSamplesHoldTheTruth(t *testing.T) {
	const calls, one, seeds = 40_000, 10, 100
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]int64, calls)
	for i := range all {
		median := 600.0 // ns, of what a cache answers
		if r.IntN(20) == 0 {
			median = 3e6 // of what a disk does
		}
		all[i] = int64(median * math.Exp(0.4*r.NormFloat64()))
	}
	var whole latency.Histogram
	for _, ns := range all {
		whole.Record(ns)
	}
	held := map[latency.Share]int{}
	for seed := range uint64(seeds) {
		draw := rand.New(rand.NewPCG(seed, 7))
		var sample latency.Histogram
		for _, ns := range all {
			if draw.IntN(one) == 0 {
				sample.Record(ns)
			}
		}
		for _, share := range latency.Percentiles() {
			low, high := sample.Interval(share)
			q := sample.Quantile(share).NS
			if low > q || high < q {
				t.Fatalf("seed %d: the estimate %d of %d is outside %d to %d", seed, q, share, low, high)
			}
			if truth := whole.Quantile(share).NS; low <= truth && truth <= high {
				held[share]++
			}
		}
	}
	for _, share := range latency.Percentiles() {
		if held[share] < 95 {
			t.Errorf("percentile %v: within its interval for %d of %d seeds", share, held[share], seeds)
		}
	}
	// An interval that held everything would say nothing.
	var sample latency.Histogram
	for _, ns := range slices.Clone(all)[:calls/one] {
		sample.Record(ns)
	}
	if low, high := sample.Interval(latency.P50); float64(high-low) > 0.1*float64(low) {
		t.Errorf("the median is said to lie from %d to %d", low, high)
	}
}
