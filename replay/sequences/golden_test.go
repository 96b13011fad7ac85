package sequences_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"systape/replay/sequences"
)

// golden holds the figures of testdata/golden.json, which were computed by
// hand-checked code outside this project from the two sequences of the
// literature.
type golden struct {
	Normal, Test []string
	LookAhead3   struct {
		PairsInDB   int `json:"pairs_in_db"`
		PairsTested int `json:"pairs_tested"`
		Mismatched  int
		Share       float64
	}
	K2        stide     `json:"stide_k2"`
	K3        stide     `json:"stide_k3"`
	K6        stide     `json:"stide_k6"`
	Laplace   markov    `json:"markov_o1_laplace"`
	O1        markov    `json:"markov_o1_wb"`
	O2        markov    `json:"markov_o2_wb"`
	Entropy   entropies `json:"entropy_rate_normal"`
	UnknownCl struct {
		Test []string
		K2   []int     `json:"stide_k2"`
		Bits []float64 `json:"markov_o1_wb_bits"`
	} `json:"unknown_call"`
	Short struct {
		Test     []string
		Fraction float64 `json:"stide_k6_fraction"`
	} `json:"short_sequence"`
}

type stide struct {
	DB         int
	Mismatch   []int
	Fraction   float64
	MaxL2      int   `json:"max_lfc_L2"`
	MaxL20     int   `json:"max_lfc_L20"`
	MinHamming []int `json:"min_hamming"`
}

type markov struct {
	V        int
	Bits     []float64
	MeanBits float64 `json:"mean_bits"`
}

type entropies struct {
	Bits         float64
	Pairs, Edges int
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.5e-6 }

// windowSink compares every window of one length with a baseline, the way a
// user of the library would.
type windowSink struct {
	b        *sequences.Baseline
	alphabet *sequences.Alphabet
	n        int
	mismatch []int
	hamming  []int
	l2, l20  *sequences.Locality
}

func (w *windowSink) Step(s *sequences.Stream, st *sequences.Step) {
	if s.Window.Filled() < w.n {
		return
	}
	ids := s.Window.Last(w.n)
	miss := w.b.Known(w.alphabet.Names(ids)...) == 0
	_, d := w.b.Nearest(w.n, ids)
	w.hamming = append(w.hamming, d)
	w.mismatch = append(w.mismatch, map[bool]int{true: 1}[miss])
	w.l2.Push(miss, st.TS, s.Calls-1)
	w.l20.Push(miss, st.TS, s.Calls-1)
}

func (w *windowSink) End(*sequences.Stream) {}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestGoldenWindows(t *testing.T) {
	g := readGolden(t)
	for n, want := range map[int]stide{2: g.K2, 3: g.K3, 6: g.K6} {
		b := train(t, sequences.BaselineOptions{N: []int{n}}, sequences.Options{}, g.Normal)
		if _, got := b.Windows(n); got != want.DB {
			t.Errorf("n=%d: %d distinct windows, want %d", n, got, want.DB)
		}
		a := b.Alphabet()
		w := &windowSink{b: b, alphabet: a, n: n, l2: sequences.NewLocality(2), l20: sequences.NewLocality(20)}
		sc := sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{})
		feed(t, b.Options(), a, [][]string{g.Test}, w, sc)
		if !equal(w.mismatch, want.Mismatch) {
			t.Errorf("n=%d: mismatches %v, want %v", n, w.mismatch, want.Mismatch)
		}
		if !equal(w.hamming, want.MinHamming) {
			t.Errorf("n=%d: minimum Hamming distances %v, want %v", n, w.hamming, want.MinHamming)
		}
		if w.l2.Max != want.MaxL2 || w.l20.Max != want.MaxL20 {
			t.Errorf("n=%d: locality frames %d and %d, want %d and %d", n, w.l2.Max, w.l20.Max, want.MaxL2, want.MaxL20)
		}
		r := sc.Result()
		if got := r.Total.Windows[0].Share(); !near(got, want.Fraction) {
			t.Errorf("n=%d: novel share %v, want %v", n, got, want.Fraction)
		}
		if got := r.Total.Frames[0].Max; got != want.MaxL20 {
			t.Errorf("n=%d: the scorer's frame of 20 has %d, want %d", n, got, want.MaxL20)
		}
	}
}

func noNames(*sequences.Stream) (string, string) { return "", "" }

func TestGoldenLookAhead(t *testing.T) {
	g := readGolden(t)
	a := sequences.NewAlphabet()
	l := sequences.NewLookAhead(3)
	ids := func(names []string) (out []sequences.ID) {
		for _, n := range names {
			out = append(out, a.ID(n))
		}
		return out
	}
	l.Train(ids(g.Normal))
	unknown, pairs := l.Score(ids(g.Test))
	if l.Len() != g.LookAhead3.PairsInDB || unknown != g.LookAhead3.Mismatched || pairs != g.LookAhead3.PairsTested {
		t.Errorf("%d pairs known, %d of %d unknown; want %+v", l.Len(), unknown, pairs, g.LookAhead3)
	}
	if got := float64(unknown) / float64(pairs); !near(got, g.LookAhead3.Share) {
		t.Errorf("share %v, want %v", got, g.LookAhead3.Share)
	}
}

// bitsSink writes down the bits of every call.
type bitsSink struct {
	bits func(*sequences.Window) float64
	got  []float64
}

func (b *bitsSink) Step(s *sequences.Stream, _ *sequences.Step) {
	b.got = append(b.got, b.bits(&s.Window))
}
func (b *bitsSink) End(*sequences.Stream) {}

func TestGoldenMarkov(t *testing.T) {
	g := readGolden(t)
	check := func(name string, order int, laplace bool, test []string, want []float64, mean float64) {
		t.Helper()
		b := train(t, sequences.BaselineOptions{N: []int{3}, Order: order}, sequences.Options{}, g.Normal)
		s := &bitsSink{bits: b.Markov().Bits}
		if laplace {
			s.bits = b.Markov().LaplaceBits
		}
		a := b.Alphabet()
		sc := sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{})
		feed(t, b.Options(), a, [][]string{test}, s, sc)
		if len(s.got) != len(want) {
			t.Fatalf("%s: %d values, want %d", name, len(s.got), len(want))
		}
		for i := range want {
			if !near(s.got[i], want[i]) {
				t.Errorf("%s: call %d (%s) costs %.6f bits, want %.6f", name, i, test[i], s.got[i], want[i])
			}
		}
		sum := 0.0
		for _, b := range s.got {
			sum += b
		}
		if got := sum / float64(len(s.got)); mean > 0 && !near(got, mean) {
			t.Errorf("%s: mean %.6f bits, want %.6f", name, got, mean)
		}
		if got := sc.Result().Total.MeanBits(); !laplace && mean > 0 && !near(got, mean) {
			t.Errorf("%s: the scorer's mean is %.6f bits, want %.6f", name, got, mean)
		}
		if b.Symbols()+1 != g.O1.V {
			t.Errorf("%s: V is %d, want %d", name, b.Symbols()+1, g.O1.V)
		}
	}
	check("laplace, order 1", 1, true, g.Test, g.Laplace.Bits, g.Laplace.MeanBits)
	check("witten-bell, order 1", 1, false, g.Test, g.O1.Bits, g.O1.MeanBits)
	check("witten-bell, order 2", 2, false, g.Test, g.O2.Bits, g.O2.MeanBits)
	check("unknown call", 1, false, g.UnknownCl.Test, g.UnknownCl.Bits, 0)
}

func TestGoldenEntropyUnknownShort(t *testing.T) {
	g := readGolden(t)
	a := sequences.NewAlphabet()
	c := sequences.NewCounter(2, sequences.NewCodec(6), a)
	feed(t, sequences.Options{}, a, [][]string{g.Normal}, c)
	if _, rate := c.Entropy(); !near(rate, g.Entropy.Bits) {
		t.Errorf("entropy rate %.6f, want %.6f", rate, g.Entropy.Bits)
	}
	if int(c.Windows()) != g.Entropy.Pairs || len(c.Transitions()) != g.Entropy.Edges {
		t.Errorf("%d pairs, %d edges, want %d and %d", c.Windows(), len(c.Transitions()), g.Entropy.Pairs, g.Entropy.Edges)
	}

	b := train(t, sequences.BaselineOptions{N: []int{2}}, sequences.Options{}, g.Normal)
	al := b.Alphabet()
	w := &windowSink{b: b, alphabet: al, n: 2, l2: sequences.NewLocality(2), l20: sequences.NewLocality(20)}
	feed(t, b.Options(), al, [][]string{g.UnknownCl.Test}, w)
	if !equal(w.mismatch, g.UnknownCl.K2) {
		t.Errorf("unknown call: mismatches %v, want %v", w.mismatch, g.UnknownCl.K2)
	}

	b = train(t, sequences.BaselineOptions{N: []int{6}}, sequences.Options{}, g.Normal)
	al = b.Alphabet()
	sc := sequences.NewScorer(b, al, noNames, sequences.ScoreOptions{})
	feed(t, b.Options(), al, [][]string{g.Short.Test}, sc)
	if got := sc.Result().Total.Windows[0].Share(); got != g.Short.Fraction {
		t.Errorf("short sequence: novel share %v, want %v", got, g.Short.Fraction)
	}
}
