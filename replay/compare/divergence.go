package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"systape/replay/sequences"
)

// Divergence is the Jensen–Shannon divergence of windows of n calls.
type Divergence struct {
	N        int
	Bits     float64
	ByChance float64 // mean of the same with stretches exchanged at random; NaN: not tested
	P        float64
}

// Gram is a window of calls and how often each side has it.
type Gram struct {
	Calls []string
	Count [2]int64
	Bits  float64 // its part of the divergence
}

const permutations = 999

func (r *Result) divergences(a, b *Side) {
	r.Divergences = append(r.Divergences,
		exchanged(a, b, 1, func(s *slice, yield func(pair, float64)) {
			for id, n := range s.count {
				yield(pair{to: sequences.ID(id)}, float64(n))
			}
		}),
		exchanged(a, b, 2, func(s *slice, yield func(pair, float64)) {
			for p, n := range s.pairs {
				yield(p, float64(n))
			}
		}))
	var bits float64
	r.Grams, bits, r.NewGrams, r.GoneGrams = grams(a.alphabet, a.windows(), b.windows())
	if a.N > 2 {
		r.Divergences = append(r.Divergences, Divergence{N: a.N, Bits: bits, ByChance: math.NaN(), P: math.NaN()})
	}
	r.Edges, _, r.NewEdges, r.GoneEdges = grams(a.alphabet, a.edges(), b.edges())
}

// exchanged computes the divergence, and how large it is when paired
// stretches of the two sides are exchanged at random: as large as that it is
// by chance. The order of the exchanges is fixed, so the result is too.
func exchanged(a, b *Side, n int, each func(*slice, func(pair, float64))) Divergence {
	index := map[pair]int{}
	var keys []pair
	for _, s := range []*Side{a, b} {
		for i := range s.slices {
			each(&s.slices[i], func(p pair, _ float64) {
				if _, ok := index[p]; !ok {
					index[p] = 0
					keys = append(keys, p)
				}
			})
		}
	}
	slices.SortFunc(keys, func(x, y pair) int { return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to)) })
	for i, k := range keys {
		index[k] = i
	}
	dense := func(s *Side) [Bins][]float64 {
		var out [Bins][]float64
		for i := range out {
			out[i] = make([]float64, len(keys))
		}
		rows := make([]map[int]float64, len(s.slices))
		for i := range s.slices {
			rows[i] = map[int]float64{}
			each(&s.slices[i], func(p pair, v float64) { rows[i][index[p]] += v })
		}
		total, pos := 0.0, 0.0
		for i := range s.slices {
			total += float64(s.slices[i].calls)
		}
		for i := range s.slices {
			w := float64(s.slices[i].calls)
			if w == 0 {
				continue
			}
			from, to := pos/total*Bins, (pos+w)/total*Bins
			pos += w
			for bin := int(from); bin < Bins && float64(bin) < to; bin++ {
				part := (min(to, float64(bin+1)) - max(from, float64(bin))) / (to - from)
				for k, v := range rows[i] {
					out[bin][k] += v * part
				}
			}
		}
		return out
	}
	da, db := dense(a), dense(b)
	sum := func(swap uint32) float64 {
		x, y := make([]float64, len(keys)), make([]float64, len(keys))
		nx, ny := 0.0, 0.0
		for bin := range Bins {
			p, q := da[bin], db[bin]
			// Stretches count alike, whatever the lengths of the captures.
			tp, tq := total(p), total(q)
			if tp == 0 || tq == 0 {
				continue
			}
			if swap>>bin&1 == 1 {
				p, q, tp, tq = q, p, tq, tp
			}
			for k := range keys {
				x[k] += p[k] / tp
				y[k] += q[k] / tq
			}
			nx++
			ny++
		}
		d := 0.0
		for k := range keys {
			d += divergence(x[k], y[k], nx, ny)
		}
		return d
	}
	out := Divergence{N: n, Bits: sum(0)}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	as := 1
	mean := 0.0
	for range permutations {
		d := sum(rng.Uint32N(1 << Bins))
		mean += d / permutations
		if d >= out.Bits-1e-12 {
			as++
		}
	}
	out.ByChance, out.P = mean, float64(as)/(permutations+1)
	return out
}

func total(x []float64) float64 {
	t := 0.0
	for _, v := range x {
		t += v
	}
	return t
}

// counted is a list of windows with their counts.
type counted struct {
	list  []sequences.Sequence
	total int64
}

func (s *Side) windows() counted {
	l, _ := s.counter.Sequences(sequences.MostFirst, 0, nil)
	return counted{l, s.counter.Windows()}
}

func (s *Side) edges() counted {
	var c counted
	for _, t := range s.counter.Transitions() {
		c.list = append(c.list, sequences.Sequence{IDs: []sequences.ID{t.From, t.To}, Count: t.Count})
		c.total += t.Count
	}
	return c
}

// topGrams is how many windows are kept for showing.
const topGrams = 50

func grams(alphabet *sequences.Alphabet, a, b counted) (top []Gram, bits float64, fresh, gone int) {
	type both struct {
		ids   []sequences.ID
		count [2]int64
	}
	byKey := make(map[string]*both, len(a.list))
	var keys []*both
	var key []byte
	for i, c := range []counted{a, b} {
		for _, s := range c.list {
			key = key[:0]
			for _, id := range s.IDs {
				key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
			}
			x := byKey[string(key)]
			if x == nil {
				x = &both{ids: s.IDs}
				byKey[string(key)] = x
				keys = append(keys, x)
			}
			x.count[i] = s.Count
		}
	}
	all := make([]Gram, 0, len(keys))
	for _, x := range keys {
		d := divergence(float64(x.count[0]), float64(x.count[1]), float64(a.total), float64(b.total))
		bits += d
		switch {
		case x.count[0] == 0:
			fresh++
		case x.count[1] == 0:
			gone++
		}
		if d > 0 {
			all = append(all, Gram{Calls: alphabet.Names(x.ids), Count: x.count, Bits: d})
		}
	}
	slices.SortFunc(all, func(x, y Gram) int {
		return cmp.Or(cmp.Compare(y.Bits, x.Bits), slices.Compare(x.Calls, y.Calls))
	})
	return all[:min(len(all), topGrams)], bits, fresh, gone
}
