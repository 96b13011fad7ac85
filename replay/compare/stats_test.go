package compare

import (
	"math"
	"testing"

	"systape/replay/latency"
)

// The expected values here and below are SciPy's: stats.t.sf, ttest_1samp,
// mannwhitneyu(method="asymptotic") and false_discovery_control.
func TestStudent(t *testing.T) {
	for _, c := range []struct{ t, f, want float64 }{
		{0, 15, 1}, {1, 15, 0.3331701359}, {2.131450, 15, 0.04999995705}, {4, 15, 0.00115931685}, {2.776445, 4, 0.05000000538}, {30, 15, 8.314807194e-15},
	} {
		if got := studentP(c.t, c.f); math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("t=%v f=%v: p %v, want %v", c.t, c.f, got, c.want)
		}
	}
}

func TestPairedT(t *testing.T) {
	mean, p := pairedT([]float64{1, 2, 3, 4, 5})
	if mean != 3 || math.Abs(p-0.0132356) > 1e-5 {
		t.Errorf("mean %v p %v, want 3 and 0.01324", mean, p)
	}
	if _, p := pairedT([]float64{0, 0, 0}); p != 1 {
		t.Errorf("no difference: p %v", p)
	}
	if _, p := pairedT([]float64{2, 2, 2}); p != 0 {
		t.Errorf("always the same difference: p %v", p)
	}
}

func TestMannWhitney(t *testing.T) {
	h := func(v ...int64) *latency.Histogram {
		x := &latency.Histogram{}
		for _, n := range v {
			x.Record(n)
		}
		return x
	}
	// Small values have buckets of their own, so ranks are exact.
	delta, p := mannWhitney(h(1, 2, 3, 4, 5, 6), h(4, 5, 6, 7, 8, 9))
	if math.Abs(delta-0.75) > 1e-12 || math.Abs(p-0.03637858037) > 1e-9 {
		t.Errorf("delta %v p %v, want 0.75 and 0.036379", delta, p)
	}
	if delta, p := mannWhitney(h(5, 5, 5), h(5, 5)); delta != 0 || p != 1 {
		t.Errorf("all equal: delta %v p %v", delta, p)
	}
	if delta, _ := mannWhitney(h(1, 2), h(1000, 2000)); delta != 1 {
		t.Errorf("apart: delta %v", delta)
	}
	if _, p := mannWhitney(h(), h(1)); p != 1 {
		t.Errorf("empty: p %v", p)
	}
}

func TestAdjust(t *testing.T) {
	got := adjust([]float64{0.01, 0.04, 0.03, 0.005, 0.5})
	for i, want := range []float64{0.025, 0.05, 0.05, 0.025, 0.5} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("%d: %v, want %v", i, got[i], want)
		}
	}
}

func TestDivergence(t *testing.T) {
	if d := divergence(1, 0, 1, 1) + divergence(0, 1, 1, 1); math.Abs(d-1) > 1e-12 {
		t.Errorf("nothing in common: %v bits, want 1", d)
	}
	if d := divergence(3, 6, 10, 20); d != 0 {
		t.Errorf("the same share: %v bits, want 0", d)
	}
}

func TestBinsKeepTotals(t *testing.T) {
	for _, n := range []int{1, 5, 15, 16, 17, 63, 64} {
		s := &Side{}
		for i := range n {
			s.slices = append(s.slices, slice{calls: int64(1 + i%7)})
		}
		sum := 0.0
		for _, v := range s.bins(func(x *slice) float64 { return float64(x.calls) }) {
			sum += v
		}
		want := 0.0
		for i := range n {
			want += float64(1 + i%7)
		}
		if math.Abs(sum-want) > 1e-9 {
			t.Errorf("%d slices: %v calls in the stretches, want %v", n, sum, want)
		}
	}
}
