package sequences

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Entropy returns the entropy of the calls in bits, H = -Σ p(a) log2 p(a),
// and the entropy rate of the transitions: how many bits the next call tells
// when the one before it is known, H1 = -Σ p(a) p(b|a) log2 p(b|a), where
// p(a) is the share of the transitions that leave a.
func (c *Counter) Entropy() (calls, rate float64) {
	counts := make([]int64, 0, len(c.symbols))
	for i := range c.symbols {
		counts = append(counts, c.symbols[i].Calls)
	}
	return entropy(counts), entropyRate(c.Transitions())
}

func entropy(counts []int64) float64 {
	var total int64
	for _, n := range counts {
		total += n
	}
	shares := make([]float64, len(counts))
	for i, n := range counts {
		shares[i] = float64(n) / float64(max(total, 1))
	}
	return stat.Entropy(shares) / math.Ln2
}

// entropyRate adds in the order of the list, so that the same transitions
// give the same bits.
func entropyRate(transitions []Transition) float64 {
	var total int64
	for _, t := range transitions {
		total += t.Count
	}
	h := 0.0
	for _, t := range transitions {
		h -= float64(t.Count) / float64(total) * math.Log2(t.P)
	}
	return h
}
