package latency_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"systape/replay/latency"
)

// durations returns n log-normal durations around 2 µs, like those of a real
// mix of calls.
func durations(n int) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	d := make([]int64, n)
	for i := range d {
		d[i] = int64(math.Exp(7.6 + 1.5*r.NormFloat64()))
	}
	return d
}

func BenchmarkRecord(b *testing.B) {
	d := durations(1 << 16)
	var h latency.Histogram
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Record(d[i&(1<<16-1)])
	}
}

func BenchmarkQuantiles(b *testing.B) {
	var h latency.Histogram
	for _, d := range durations(1 << 16) {
		h.Record(d)
	}
	p := latency.Percentiles()
	for b.Loop() {
		latency.Survival(&h, nil, p[:]...)
	}
}

func BenchmarkMerge(b *testing.B) {
	var h latency.Histogram
	for _, d := range durations(1 << 16) {
		h.Record(d)
	}
	for b.Loop() {
		var sum latency.Histogram
		sum.Merge(&h)
	}
}
