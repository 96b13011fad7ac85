package sequences_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"systape/replay/sequences"
)

func TestFoldReadsLikeAProgram(t *testing.T) {
	for _, c := range []struct{ calls, want string }{
		{"", ""},
		{"read", "read"},
		{"read read", "read×2"},
		{"poll read write poll read write", "(poll read write)×2"},
		{"open " + strings.Repeat("poll read write ", 592) + "close", "open (poll read write)×592 close"},
		{strings.Repeat(strings.Repeat("read write ", 3)+"poll ", 10), "((read write)×3 poll)×10"},
		{"a b a b a", "(a b)×2 a"},
		{"a a b a a b a a b", "(a×2 b)×3"},
	} {
		if got := sequences.FoldNames(strings.Fields(c.calls)); got != c.want {
			t.Errorf("%.60q folds to %q, want %q", c.calls, got, c.want)
		}
	}
}

func TestFoldLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for round := range 300 {
		f := sequences.NewFolder()
		var want []sequences.ID
		push := func(id sequences.ID) {
			want = append(want, id)
			f.Push(id)
		}
		for range r.IntN(30) {
			body := make([]sequences.ID, 1+r.IntN(5))
			for i := range body {
				body[i] = sequences.ID(1 + r.IntN(3))
			}
			for range 1 + r.IntN(6) {
				for _, id := range body {
					push(id)
				}
			}
			if r.IntN(6) == 0 && len(want) > 0 {
				f.Break()
				want = append(want, 0)
			}
		}
		var got []sequences.ID
		f.Expand(func(id sequences.ID) bool { got = append(got, id); return true })
		if len(want) > 1 && want[len(want)-1] == 0 && want[len(want)-2] == 0 {
			continue // two breaks in a row are one
		}
		clean := want[:0:0]
		for i, id := range want {
			if id == 0 && i > 0 && want[i-1] == 0 {
				continue
			}
			clean = append(clean, id)
		}
		if !equal(got, clean) {
			t.Fatalf("round %d: folded and expanded\n got %v\nwant %v", round, got, clean)
		}
	}
}

// A stream that never repeats itself must not fill the memory, and what it
// leaves out must be said.
func TestFoldIsBounded(t *testing.T) {
	f, a := sequences.NewFolder(), sequences.NewAlphabet()
	r := rand.New(rand.NewPCG(1, 2))
	ids := []sequences.ID{a.ID("a"), a.ID("b"), a.ID("c"), a.ID("d"), a.ID("e")}
	const n = 200_000
	for range n {
		f.Push(ids[r.IntN(len(ids))])
	}
	kept := int64(0)
	f.Expand(func(sequences.ID) bool { kept++; return true })
	if kept+f.More() != n || f.More() == 0 {
		t.Errorf("%d calls kept and %d left out of %d", kept, f.More(), n)
	}
	text, more := f.Text(a, 100)
	if len(text) > 200 || more < f.More() {
		t.Errorf("%d bytes of text, %d left out", len(text), more)
	}
}

func TestLoopsAreFoundWhereverTheyAre(t *testing.T) {
	f, a := sequences.NewFolder(), sequences.NewAlphabet()
	for _, name := range strings.Fields("start " + strings.Repeat("poll read ", 5) + "mid mid " + strings.Repeat("poll read ", 3) + "end") {
		f.Push(a.ID(name))
	}
	got := f.Loops(a, 5)
	if len(got) != 2 || got[0] != (sequences.Loop{Text: "(poll read)×8", Times: 8, Calls: 16}) || got[1].Text != "mid×2" {
		t.Errorf("loops %+v", got)
	}
}
