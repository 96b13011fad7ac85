package compare

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"systape/replay"
	"systape/replay/latency"
	"systape/replay/sequences"
	"systape/replay/units"
)

// What counts as a difference: it must be too large for chance, after
// correction for the number of tests, and large enough to matter.
const (
	Significance  = 0.01 // adjusted p, or p of a permutation test
	LeastRatio    = 1.5  // of shares, error rates and median durations
	LeastShare    = 0.002
	LeastErrors   = 0.02  // of the calls of that name
	LeastDelta    = 0.474 // Cliff's delta of durations: large, by Romano et al. 2006
	LeastTimed    = 30    // durations on both sides, to judge them
	LeastTime     = 0.001 // of the time that the captures cover: what a call's longer or shorter median comes to
	LeastJSD      = 0.01  // bits, beyond what chance gives
	LeastNewCalls = 3     // different new calls together
	permutations  = 999
)

// Kind says what a difference is about.
type Kind string

// The kinds of differences.
const (
	NewCall   Kind = "new"
	Vanished  Kind = "vanished"
	Frequency Kind = "frequency"
	Errors    Kind = "errors"
	Latency   Kind = "latency"
	Sequences Kind = "sequences"
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{NewCall, Vanished, Frequency, Errors, Latency, Sequences} }

// Result is a comparison.
type Result struct {
	Differences []Difference // empty: the two sides do not differ
	Calls       []Call       // all calls of either side, the most frequent first
	Divergences []Divergence // of single calls, pairs and windows of n
	Grams       []Gram       // windows of n that differ the most
	Edges       []Gram       // transitions that differ the most
	NewEdges    int          // transitions that only b has
	GoneEdges   int          // transitions that only a has
	NewGrams    int          // windows of n that only b has
	GoneGrams   int
	Pace        float64  // how much slower calls are on side b in general: the median of the ratios of their median durations; 0: not known
	Windows     [2]int64 // windows of n
	Distinct    [2]int
	span        float64 // ns that the shorter side covers
}

// Difference is one thing in which b differs from a.
type Difference struct {
	Kind Kind
	Text string
}

// Call holds one call's figures on both sides.
type Call struct {
	Name       string
	Count      [2]int64
	Share      [2]float64 // of all calls
	PerSecond  [2]float64
	ShareQ     float64 // adjusted p of the shares' difference
	Errors     [2]int64
	ErrorRate  [2]float64 // of the calls that returned
	ErrorsQ    float64
	NewErrors  []int // errno that only b has
	Ended      [2]int64
	MedianNS   [2]int64
	P99NS      [2]int64
	Delta      float64 // Cliff's delta of durations; positive: b is slower
	LatencyQ   float64 // adjusted p of the rank-sum test
	Waits      bool    // waits by nature: its duration is no work
	Differs    []Kind
	stretchedP float64
}

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

// Compare compares b with a. The two have the same alphabet.
func Compare(a, b *Side, native func(errno int) string) *Result {
	r := &Result{Windows: [2]int64{a.counter.Windows(), b.counter.Windows()}, Distinct: [2]int{a.counter.Distinct(), b.counter.Distinct()}}
	r.calls(a, b)
	r.divergences(a, b)
	r.span = float64(min(a.spanNS, b.spanNS))
	r.pace()
	r.judgeCalls(a, b, native)
	r.judgeSequences()
	return r
}

func (r *Result) calls(a, b *Side) {
	var shareP, errorP, latencyP []float64
	sa, sb := a.Seconds(), b.Seconds()
	binA, binB := a.bins(func(s *slice) float64 { return float64(s.calls) }), b.bins(func(s *slice) float64 { return float64(s.calls) })
	for id := sequences.ID(1); int(id) <= a.alphabet.Len(); id++ {
		ka, kb := a.call(id), b.call(id)
		if ka.count == 0 && kb.count == 0 {
			continue
		}
		c := Call{Name: a.alphabet.Name(id), Count: [2]int64{ka.count, kb.count},
			Errors: [2]int64{ka.errors, kb.errors}, Ended: [2]int64{ka.hist.Count(), kb.hist.Count()}, Waits: waits(a.alphabet.Name(id))}
		for i, s := range []*Side{a, b} {
			k := s.call(id)
			c.Share[i] = ratio(float64(k.count), float64(s.Calls))
			c.ErrorRate[i] = ratio(float64(k.errors), float64(k.hist.Count()))
			c.PerSecond[i] = ratio(float64(k.count), []float64{sa, sb}[i])
			if k.hist.Count() > 0 {
				c.MedianNS[i], c.P99NS[i] = k.hist.Quantile(latency.P50).NS, k.hist.Quantile(latency.P99).NS
			}
		}
		for e := range kb.errnos {
			if ka.errnos[e] == 0 {
				c.NewErrors = append(c.NewErrors, e)
			}
		}
		slices.Sort(c.NewErrors)

		count := func(s *slice) float64 { return elem(s.count, id) }
		shareP = append(shareP, pairedShares(a.bins(count), binA, b.bins(count), binB))
		errs := func(s *slice) float64 { return elem(s.errs, id) }
		timed := func(s *slice) float64 { return elem(s.timed, id) }
		errorP = append(errorP, pairedShares(a.bins(errs), a.bins(timed), b.bins(errs), b.bins(timed)))
		logs := func(s *slice) float64 { return elem(s.log, id) }
		c.stretchedP = pairedShares(a.bins(logs), a.bins(timed), b.bins(logs), b.bins(timed))
		var p float64
		c.Delta, p = mannWhitney(&ka.hist, &kb.hist)
		latencyP = append(latencyP, p)
		r.Calls = append(r.Calls, c)
	}
	for i, q := range adjust(shareP) {
		r.Calls[i].ShareQ = q
	}
	for i, q := range adjust(errorP) {
		r.Calls[i].ErrorsQ = q
	}
	for i, q := range adjust(latencyP) {
		r.Calls[i].LatencyQ = q
	}
	slices.SortStableFunc(r.Calls, func(x, y Call) int {
		return cmp.Or(cmp.Compare(max(y.Share[0], y.Share[1]), max(x.Share[0], x.Share[1])), cmp.Compare(x.Name, y.Name))
	})
}

// waits says whose durations tell about others. read is left in: it waits
// for files more often than for peers.
func waits(name string) bool {
	return replay.WaitsByNature(name) && name != "read" && name != "readv"
}

// pairedShares tests whether shares differ, stretch by stretch; stretches
// in which one side has none of the whole are left out.
func pairedShares(a, wholeA, b, wholeB [Bins]float64) float64 {
	var d []float64
	for i := range a {
		if wholeA[i] > 0 && wholeB[i] > 0 {
			d = append(d, b[i]/wholeB[i]-a[i]/wholeA[i])
		}
	}
	_, p := pairedT(d)
	return p
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (r *Result) judgeCalls(a, b *Side, errnoName func(int) string) {
	differ := func(c *Call, k Kind, format string, args ...any) {
		c.Differs = append(c.Differs, k)
		r.Differences = append(r.Differences, Difference{k, fmt.Sprintf(format, args...)})
	}
	var fresh, gone []string
	for i := range r.Calls {
		c := &r.Calls[i]
		switch {
		case c.Count[0] == 0:
			fresh = append(fresh, fmt.Sprintf("%s (%d)", c.Name, c.Count[1]))
		case c.Count[1] == 0:
			gone = append(gone, fmt.Sprintf("%s (%d)", c.Name, c.Count[0]))
		}
	}
	// A call that one side lacks may be rare on both: the probability that
	// all n of them fell to one side, if it is equally frequent on both, is
	// the n-th power of that side's part of all calls.
	all := float64(a.Calls + b.Calls)
	for i, list := range [2][]string{gone, fresh} {
		part := ratio(float64([2]int64{a.Calls, b.Calls}[i]), all)
		kind, text := Vanished, "calls that only the first side has: "
		if i == 1 {
			kind, text = NewCall, "calls that only the second side has: "
		}
		sure := len(list) >= LeastNewCalls
		for k := range r.Calls {
			c := &r.Calls[k]
			if c.Count[1-i] == 0 && math.Pow(part, float64(c.Count[i])) < Significance {
				sure = true
			}
		}
		if !sure {
			continue
		}
		for k := range r.Calls {
			if c := &r.Calls[k]; c.Count[1-i] == 0 {
				c.Differs = append(c.Differs, kind)
			}
		}
		r.Differences = append(r.Differences, Difference{kind, text + strings.Join(list, ", ")})
	}
	for i := range r.Calls {
		c := &r.Calls[i]
		if c.Count[0] > 0 && c.Count[1] > 0 && c.ShareQ < Significance && far(c.Share[0], c.Share[1], LeastRatio) && math.Abs(c.Share[1]-c.Share[0]) >= LeastShare {
			differ(c, Frequency, "%s is %s of the calls, before %s", c.Name, units.ShareOf(c.Share[1]), units.ShareOf(c.Share[0]))
		}
		if c.ErrorsQ < Significance && far(c.ErrorRate[0], c.ErrorRate[1], LeastRatio) && math.Abs(c.ErrorRate[1]-c.ErrorRate[0]) >= LeastErrors {
			text := ""
			if len(c.NewErrors) > 0 {
				var names []string
				for _, e := range c.NewErrors {
					names = append(names, errnoName(e))
				}
				text = "; new: " + strings.Join(names, " ")
			}
			differ(c, Errors, "%s fails in %s of its calls, before in %s%s", c.Name, units.ShareOf(c.ErrorRate[1]), units.ShareOf(c.ErrorRate[0]), text)
		}
		if r.latencyDiffers(c) {
			word := "slower"
			if c.Delta < 0 {
				word = "faster"
			}
			differ(c, Latency, "%s is %s: median %s, before %s", c.Name, word, units.Duration(c.MedianNS[1]), units.Duration(c.MedianNS[0]))
		}
	}
}

// pace finds what all calls share: another load, another frequency or
// another machine makes all of them slower or faster.
func (r *Result) pace() {
	var ratios []float64
	for i := range r.Calls {
		if c := &r.Calls[i]; c.judged() {
			ratios = append(ratios, float64(c.MedianNS[1])/float64(c.MedianNS[0]))
		}
	}
	if len(ratios) == 0 {
		return
	}
	slices.Sort(ratios)
	r.Pace = ratios[len(ratios)/2]
	if len(ratios) >= 5 && (r.Pace >= 2 || r.Pace <= 0.5) {
		r.Differences = append(r.Differences, Difference{Latency, fmt.Sprintf("calls in general take %.2f times as long: another load or another machine", r.Pace)})
	}
}

// judged reports whether the durations of a call can be compared.
func (c *Call) judged() bool {
	return !c.Waits && c.Ended[0] >= LeastTimed && c.Ended[1] >= LeastTimed && c.MedianNS[0] > 0 && c.MedianNS[1] > 0
}

// latencyDiffers judges a call's durations, both as they are and by what is
// left when all calls' common pace is taken away.
func (r *Result) latencyDiffers(c *Call) bool {
	if !c.judged() || c.LatencyQ >= Significance || c.stretchedP >= Significance || math.Abs(c.Delta) < LeastDelta {
		return false
	}
	change := math.Abs(float64(c.MedianNS[1]-c.MedianNS[0])) * float64(min(c.Count[0], c.Count[1]))
	if change < LeastTime*r.span {
		return false
	}
	raw := float64(c.MedianNS[1]) / float64(c.MedianNS[0])
	own := raw / r.Pace
	return raw >= LeastRatio && own >= LeastRatio || raw <= 1/LeastRatio && own <= 1/LeastRatio
}

// far reports whether the larger of two values is at least k times the other.
func far(a, b, k float64) bool { return max(a, b) >= k*min(a, b) && a != b }

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

func (r *Result) judgeSequences() {
	for _, d := range r.Divergences {
		if d.P < Significance && d.Bits-d.ByChance >= LeastJSD {
			what := "what is called"
			if d.N == 2 {
				what = "what follows upon what"
			}
			r.Differences = append(r.Differences, Difference{Sequences, fmt.Sprintf("%s diverges by %.3f bits, %.3f by chance", what, d.Bits, d.ByChance)})
		}
	}
}
