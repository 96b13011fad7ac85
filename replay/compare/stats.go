package compare

import (
	"math"
	"slices"

	"systape/replay/latency"
)

// pairedT tests whether the differences of paired stretches have the mean 0.
// It returns the two-sided p, 1 when nothing varies and nothing differs.
func pairedT(d []float64) (mean, p float64) {
	n := float64(len(d))
	if n < 3 {
		return 0, 1
	}
	for _, x := range d {
		mean += x
	}
	mean /= n
	ss := 0.0
	for _, x := range d {
		ss += (x - mean) * (x - mean)
	}
	if mean == 0 {
		return 0, 1
	}
	se := math.Sqrt(ss / (n - 1) / n)
	if se == 0 {
		return mean, 0
	}
	return mean, studentP(mean/se, n-1)
}

// studentP is the two-sided p of Student's t: the regularized incomplete beta
// function I_x(f/2, 1/2) at x = f/(f+t²).
func studentP(t, f float64) float64 {
	return incompleteBeta(f/(f+t*t), f/2, 0.5)
}

// incompleteBeta is I_x(a,b) by Lentz's continued fraction (Press et al.,
// Numerical Recipes, 6.4).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	c, d := 1.0, 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	h := d
	step := func(num float64) float64 {
		d = 1 + num*d
		if math.Abs(d) < tiny {
			d = tiny
		}
		c = 1 + num/c
		if math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		h *= d * c
		return d * c
	}
	for m := 1.0; m <= 300; m++ {
		step(m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)))
		if del := step(-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))); math.Abs(del-1) < 1e-12 {
			break
		}
	}
	return front * h
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
