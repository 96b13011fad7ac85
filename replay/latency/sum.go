package latency

import (
	"math"
	"math/big"
	"math/bits"
)

// sums holds Σx in 128 and Σx² in 192 bits. Integers, because they make the
// sum of parts equal to the sum of the whole in any order and the variance
// free of cancellation; these widths, because 2⁶⁴ durations of 2⁶³ ns fit.
type sums struct {
	x  [2]uint64 // least significant word first
	xx [3]uint64
}

func (s *sums) add(x uint64) {
	var c uint64
	s.x[0], c = bits.Add64(s.x[0], x, 0)
	s.x[1] += c
	hi, lo := bits.Mul64(x, x)
	s.xx[0], c = bits.Add64(s.xx[0], lo, 0)
	s.xx[1], c = bits.Add64(s.xx[1], hi, c)
	s.xx[2] += c
}

// addMany adds n values of which only the sum is known, for the squares as if
// all were their mean.
func (s *sums) addMany(n, sum uint64) {
	var c uint64
	s.x[0], c = bits.Add64(s.x[0], sum, 0)
	s.x[1] += c
	mean := sum / n
	hi, lo := bits.Mul64(mean, mean)
	carry, low := bits.Mul64(lo, n)
	top, mid := bits.Mul64(hi, n)
	mid, c = bits.Add64(mid, carry, 0)
	top += c
	s.xx[0], c = bits.Add64(s.xx[0], low, 0)
	s.xx[1], c = bits.Add64(s.xx[1], mid, c)
	s.xx[2], _ = bits.Add64(s.xx[2], top, c)
}

func (s *sums) merge(o *sums) {
	var c uint64
	s.x[0], c = bits.Add64(s.x[0], o.x[0], 0)
	s.x[1], _ = bits.Add64(s.x[1], o.x[1], c)
	s.xx[0], c = bits.Add64(s.xx[0], o.xx[0], 0)
	s.xx[1], c = bits.Add64(s.xx[1], o.xx[1], c)
	s.xx[2], _ = bits.Add64(s.xx[2], o.xx[2], c)
}

// total returns Σx, or the largest int64 (292 years) where it does not fit.
func (s *sums) total() int64 {
	if s.x[1] != 0 || s.x[0] > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(s.x[0])
}

// mean returns Σx/n to the precision of a float64.
func (s *sums) mean(n uint64) float64 {
	if n == 0 {
		return 0
	}
	if s.x[1] == 0 {
		return float64(s.x[0]) / float64(n)
	}
	return (math.Ldexp(float64(s.x[1]), 64) + float64(s.x[0])) / float64(n)
}

// stddev returns the standard deviation of all n values (not the estimate
// from a sample): √(n·Σx² - (Σx)²)/n, exact up to the last step.
func (s *sums) stddev(n uint64) float64 {
	if n == 0 {
		return 0
	}
	x, xx, count := words(s.x[:]), words(s.xx[:]), new(big.Int).SetUint64(n)
	xx.Mul(xx, count)
	xx.Sub(xx, x.Mul(x, x))
	f, _ := new(big.Float).SetInt(xx).Float64()
	return math.Sqrt(f) / float64(n)
}

func words(w []uint64) *big.Int {
	v := new(big.Int)
	for i := len(w) - 1; i >= 0; i-- {
		v.Lsh(v, 64)
		v.Or(v, new(big.Int).SetUint64(w[i]))
	}
	return v
}
