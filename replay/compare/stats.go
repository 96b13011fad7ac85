package compare

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"

	"systape/replay/latency"
)

// pairedT tests whether the differences of paired stretches have the mean 0.
// It returns the two-sided p, 1 when nothing varies and nothing differs.
func pairedT(d []float64) (mean, p float64) {
	n := float64(len(d))
	if n < 3 {
		return 0, 1
	}
	mean, deviation := stat.MeanStdDev(d, nil)
	if mean == 0 {
		return 0, 1
	}
	se := stat.StdErr(deviation, n)
	if se == 0 {
		return mean, 0
	}
	return mean, studentP(mean/se, n-1)
}

// studentP is the two-sided p of Student's t: the regularized incomplete beta
// function I_x(f/2, 1/2) at x = f/(f+t²).
func studentP(t, f float64) float64 {
	return mathext.RegIncBeta(f/2, 0.5, f/(f+t*t))
}

// mannWhitney compares two histograms: Cliff's delta is the probability that
// a duration of b is longer than one of a, less that of the opposite; p is that
// of the rank-sum test by the normal approximation, ties corrected.
func mannWhitney(a, b *latency.Histogram) (delta, p float64) {
	na, nb := float64(a.Count()), float64(b.Count())
	if na == 0 || nb == 0 {
		return 0, 1
	}
	u, below, ties := 0.0, 0.0, 0.0
	for _, n := range latency.BothBuckets(a, b) {
		x, y := float64(n[0]), float64(n[1])
		u += y * (below + x/2)
		below += x
		t := x + y
		ties += t*t*t - t
	}
	delta = 2*u/(na*nb) - 1
	n := na + nb
	variance := na * nb / 12 * (n + 1 - ties/(n*(n-1)))
	if n < 2 || variance <= 0 {
		return delta, 1
	}
	z := (math.Abs(u-na*nb/2) - 0.5) / math.Sqrt(variance)
	return delta, math.Erfc(max(z, 0) / math.Sqrt2)
}

// adjust corrects p values for their number by Benjamini and Hochberg's rule:
// among the tests with an adjusted value below x, a share of at most x is
// expected to be false.
func adjust(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(p))
	least, m := 1.0, float64(len(p))
	for i, k := range order {
		least = min(least, p[k]*m/(m-float64(i)))
		out[k] = least
	}
	return out
}

// divergence is the Jensen–Shannon divergence in bits, from 0 (the same
// distribution) to 1 (nothing in common): the sum of terms over all outcomes.
func divergence(a, b, na, nb float64) float64 {
	if na == 0 || nb == 0 {
		return 0
	}
	p, q := a/na, b/nb
	m := (p + q) / 2
	d := 0.0
	if p > 0 {
		d += p * math.Log2(p/m) / 2
	}
	if q > 0 {
		d += q * math.Log2(q/m) / 2
	}
	return d
}
