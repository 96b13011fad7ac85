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

// topGrams is how many windows are kept for showing.
const topGrams = 50

// counted is windows of one side, to go over and to look into.
type counted struct {
	each  func(yield func(ids []sequences.ID, n int64))
	count func(ids []sequences.ID) int64
	total int64
}

func (s *Side) windows() counted {
	return counted{s.counter.Each, s.counter.CountOf, s.counter.Windows()}
}

func (s *Side) edges() counted {
	var total int64
	s.counter.EachTransition(func(_ []sequences.ID, n int64) { total += n })
	return counted{s.counter.EachTransition, s.counter.TransitionsOf, total}
}

// grams compares windows of two sides, without holding them all at once.
func grams(alphabet *sequences.Alphabet, a, b counted) (top []Gram, bits float64, fresh, gone int) {
	type gram struct {
		ids   [sequences.MaxN]sequences.ID
		n     int
		count [2]int64
		bits  float64
	}
	compare := func(x, y gram) int {
		return cmp.Or(cmp.Compare(y.bits, x.bits), slices.Compare(alphabet.Names(x.ids[:x.n]), alphabet.Names(y.ids[:y.n])))
	}
	var most []gram
	add := func(ids []sequences.ID, x, y int64) {
		d := divergence(float64(x), float64(y), float64(a.total), float64(b.total))
		bits += d
		if d == 0 || len(most) >= topGrams && d < most[topGrams-1].bits {
			return
		}
		g := gram{n: len(ids), count: [2]int64{x, y}, bits: d}
		copy(g.ids[:], ids)
		at, _ := slices.BinarySearchFunc(most, g, compare)
		most = slices.Insert(most, at, g)
		most = most[:min(len(most), topGrams)]
	}
	a.each(func(ids []sequences.ID, n int64) {
		other := b.count(ids)
		if other == 0 {
			gone++
		}
		add(ids, n, other)
	})
	b.each(func(ids []sequences.ID, n int64) {
		if a.count(ids) == 0 {
			fresh++
			add(ids, 0, n)
		}
	})
	for i := range most {
		g := &most[i]
		top = append(top, Gram{Calls: alphabet.Names(g.ids[:g.n]), Count: g.count, Bits: g.bits})
	}
	return top, bits, fresh, gone
}
