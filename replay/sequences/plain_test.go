package sequences_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"systape/replay/sequences"
)

// The plain implementations below share no code with the package: maps of
// joined names, written to be checked by reading.

func plainWindows(n int, lists [][]string) map[string]int64 {
	out := map[string]int64{}
	for _, l := range lists {
		for i := 0; i+n <= len(l); i++ {
			out[strings.Join(l[i:i+n], " ")]++
		}
	}
	return out
}

// plainProbability is Witten and Bell's formula as it stands in the book.
func plainProbability(order int, train [][]string, vocabulary int, history []string, call string) float64 {
	if len(history) > order {
		history = history[len(history)-order:]
	}
	count := func(h []string) (n, types, hit float64) {
		seen := map[string]bool{}
		for _, l := range train {
			for i := len(h); i < len(l); i++ {
				if slices.Equal(l[i-len(h):i], h) {
					n++
					seen[l[i]] = true
					if l[i] == call {
						hit++
					}
				}
			}
		}
		return n, float64(len(seen)), hit
	}
	p := 1 / float64(vocabulary+1)
	for k := 0; k <= len(history); k++ {
		n, types, hit := count(history[len(history)-k:])
		if n > 0 {
			p = (hit + types*p) / (n + types)
		}
	}
	return p
}

func randomLists(r *rand.Rand, lists, length, symbols int) [][]string {
	out := make([][]string, lists)
	for i := range out {
		l := make([]string, r.IntN(length+1))
		for k := range l {
			l[k] = fmt.Sprint("s", int(float64(symbols)*math.Pow(r.Float64(), 3)))
		}
		out[i] = l
	}
	return out
}

func TestCounterAgreesWithPlainOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, symbols := range []int{1, 4, 60, 300, 5000} { // 60 is near the limit of 10 packed calls, 5000 above that of 6
		lists := randomLists(r, 20, 400, symbols)
		for n := 1; n <= sequences.MaxN; n++ {
			a := sequences.NewAlphabet()
			c := sequences.NewCounter(n, sequences.NewCodec(max(n, 2)), a)
			feed(t, sequences.Options{MaxN: max(n, 2)}, a, lists, c)
			want := plainWindows(n, lists)
			got := map[string]int64{}
			list, _ := c.Sequences(sequences.MostFirst, 0, nil)
			total := int64(0)
			for i, s := range list {
				got[strings.Join(a.Names(s.IDs), " ")] = s.Count
				total += s.Count
				if i > 0 && list[i-1].Count < s.Count {
					t.Fatalf("n=%d: not sorted", n)
				}
			}
			if len(got) != len(want) || c.Distinct() != len(want) || total != c.Windows() {
				t.Fatalf("%d symbols, n=%d: %d distinct of %d, want %d", symbols, n, len(got), total, len(want))
			}
			for k, v := range want {
				if got[k] != v {
					t.Fatalf("%d symbols, n=%d: %q %d times, want %d", symbols, n, k, got[k], v)
				}
			}
			top, matched := c.Sequences(sequences.RarestFirst, 7, func(n int64, _ float64) bool { return n <= 2 })
			all, _ := c.Sequences(sequences.RarestFirst, 0, func(n int64, _ float64) bool { return n <= 2 })
			if matched != len(all) || len(top) != min(7, len(all)) {
				t.Fatalf("n=%d: %d of %d rare windows, %d in all", n, len(top), matched, len(all))
			}
			for i := range top {
				if !slices.Equal(top[i].IDs, all[i].IDs) {
					t.Fatalf("n=%d: rare window %d differs", n, i)
				}
			}
		}
	}
}

func TestTransitionsAgreeWithPlainOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	lists := randomLists(r, 30, 100, 12)
	a := sequences.NewAlphabet()
	c := sequences.NewCounter(3, sequences.NewCodec(6), a)
	feed(t, sequences.Options{}, a, lists, c)
	want := plainWindows(2, lists)
	from := map[string]float64{}
	for k, n := range want {
		from[strings.Fields(k)[0]] += float64(n)
	}
	h, all := 0.0, 0.0
	for _, n := range want {
		all += float64(n)
	}
	got := c.Transitions()
	if len(got) != len(want) {
		t.Fatalf("%d transitions, want %d", len(got), len(want))
	}
	for _, tr := range got {
		k := a.Name(tr.From) + " " + a.Name(tr.To)
		p := float64(want[k]) / from[a.Name(tr.From)]
		if tr.Count != want[k] || math.Abs(tr.P-p) > 1e-12 {
			t.Errorf("%s: %d p=%v, want %d p=%v", k, tr.Count, tr.P, want[k], p)
		}
		h -= float64(want[k]) / all * math.Log2(p)
	}
	if _, rate := c.Entropy(); math.Abs(rate-h) > 1e-9 {
		t.Errorf("entropy rate %v, want %v", rate, h)
	}
}

func TestScorerAgreesWithPlainOne(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for round := range 12 {
		symbols := []int{5, 30, 2000}[round%3]
		training := randomLists(r, 8, 120, symbols)
		test := randomLists(r, 4, 150, symbols+symbols/4)
		order := 1 + round%4
		b := train(t, sequences.BaselineOptions{N: []int{3, 6}, Order: order}, sequences.Options{}, training...)
		a := b.Alphabet()
		sc := sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{})
		feed(t, b.Options(), a, test, sc)
		res := sc.Result()

		vocabulary := len(plainWindows(1, training))
		known := map[int]map[string]int64{3: plainWindows(3, training), 6: plainWindows(6, training)}
		var calls, unknown int64
		var bits, worst float64
		novel, windows := map[int]int64{}, map[int]int64{}
		maxFrame := map[int]int{}
		for _, l := range test {
			var miss []int
			var each []float64
			for i := range l {
				calls++
				if plainWindows(1, training)[l[i]] == 0 {
					unknown++
				}
				bit := -math.Log2(plainProbability(order, training, vocabulary, l[:i], l[i]))
				bits += bit
				each = append(each, bit)
				sum := 0.0
				for _, v := range each[max(0, len(each)-20):] {
					sum += v
				}
				worst = max(worst, sum/20)
				for _, n := range []int{3, 6} {
					if i+1 < n {
						continue
					}
					windows[n]++
					m := 0
					if known[n][strings.Join(l[i+1-n:i+1], " ")] == 0 {
						novel[n]++
						m = 1
					}
					if n == 6 {
						miss = append(miss, m)
					}
				}
			}
			for _, size := range sequences.Frames {
				for i := range miss {
					sum := 0
					for _, m := range miss[max(0, i+1-size) : i+1] {
						sum += m
					}
					maxFrame[size] = max(maxFrame[size], sum)
				}
			}
		}
		g := &res.Total
		if g.Calls != calls || g.Unknown != unknown {
			t.Fatalf("round %d: %d calls, %d unknown, want %d and %d", round, g.Calls, g.Unknown, calls, unknown)
		}
		for i, n := range []int{3, 6} {
			if g.Windows[i].Windows != windows[n] || g.Windows[i].Novel != novel[n] {
				t.Errorf("round %d: n=%d: %d of %d novel, want %d of %d", round, n, g.Windows[i].Novel, g.Windows[i].Windows, novel[n], windows[n])
			}
		}
		for i, size := range sequences.Frames {
			if g.Frames[i].Max != maxFrame[size] {
				t.Errorf("round %d: frame of %d has %d, want %d", round, size, g.Frames[i].Max, maxFrame[size])
			}
		}
		if math.Abs(g.Bits-bits) > 1e-6 || math.Abs(g.WorstBits-worst) > 1e-9 {
			t.Errorf("round %d: %v bits, worst %v, want %v and %v", round, g.Bits, g.WorstBits, bits, worst)
		}
		for _, f := range res.Findings {
			if f.Window == nil {
				continue
			}
			d := 6
			for k := range known[6] {
				diff := 0
				for i, c := range strings.Fields(k) {
					if c != f.Window[i] {
						diff++
					}
				}
				d = min(d, diff)
			}
			if f.Distance != d {
				t.Errorf("round %d: %v: nearest known window at distance %d, want %d", round, f.Window, f.Distance, d)
			}
		}
	}
}
