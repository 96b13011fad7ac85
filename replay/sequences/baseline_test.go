package sequences_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"systape/format/abi"
	"systape/replay/sequences"
)

func encode(t *testing.T, b *sequences.Baseline) string {
	t.Helper()
	var buf bytes.Buffer
	if err := b.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestBaselineRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, symbols := range []int{3, 40, 3000} {
		b := train(t, sequences.BaselineOptions{N: []int{2, 6}, Order: 3}, sequences.Options{WithErrors: true, By: sequences.ByProcess, SkipContinued: true, Native: abi.ARM64}, nil)
		tr, a := b.Train()
		st := feed(t, sequences.Options{MaxN: 6, Native: abi.ARM64, HaveNative: true}, a, randomLists(r, 10, 200, symbols), tr)
		tr.Done(sequences.Lesson{Name: "more", Capture: "0123"}, st.Taken())
		b.Tool = "systape test"
		cal, err := sequences.NewCalibrator(0.9)
		if err != nil {
			t.Fatal(err)
		}
		b.Calibration = cal.Result()
		text := encode(t, b)
		back, err := sequences.DecodeBaseline(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(t, back); got != text {
			t.Errorf("%d symbols: another baseline comes back", symbols)
		}
		if back.ABI != abi.ARM64 || !back.WithErrors || back.By != sequences.ByProcess || !back.SkipContinued || len(back.Lessons) != 2 {
			t.Errorf("%d symbols: %+v", symbols, back)
		}
	}
}

// Whatever is wrong with a file, it is refused with the place, never taken
// for a smaller baseline.
func TestDamagedBaselinesAreRefused(t *testing.T) {
	good := encode(t, train(t, sequences.BaselineOptions{N: []int{3}, Order: 1}, sequences.Options{}, strings.Fields("a b c a b d")))
	if _, err := sequences.DecodeBaseline(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"systape_baseline": 1`, `"other": 1`, "systape_baseline is missing"},
		{`"systape_baseline": 1`, `"systape_baseline": 3`, "version 3"},
		{`"abi": "x86_64"`, `"abi": "vax"`, "unknown abi"},
		{`"by": "thread"`, `"by": "cpu"`, "unknown grouping"},
		{`"order": "entry"`, `"order": "exit"`, "only entry"},
		{`"restarts": "keep"`, `"restarts": "drop"`, "want keep or fold"},
		{`"markov_order": 1`, `"markov_order": 12`, "markov model of order 12"},
		{`"markov_order": 1`, `"markov_order": 2`, ""},
		{`"markov_order": 1`, `"markov_order": 4`, "windows of 4 calls are missing"},
		{`"1 a b c"`, `"1 a b"`, "want a count and 3 calls"},
		{`"1 a b c"`, `"x a b c"`, "not a positive number"},
		{`"1 a b c"`, `"0 a b c"`, "not a positive number"},
		{`"1 a b c"`, `"1 a b z"`, "not among the symbols"},
		{`"1 a b c"`, `"1 a b d"`, "occurs twice"},
		{`"1 a b c"`, `"9223372036854775807 a b c"`, "add up to too much"},
		{`"n": [`, `"n": 3, "x": [`, "read JSON"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("no %s in\n%s", c.old, good)
		}
		_, err := sequences.DecodeBaseline(strings.NewReader(strings.Replace(good, c.old, c.new, 1)))
		if c.want == "" {
			if err == nil {
				continue
			}
		} else if err != nil && strings.Contains(err.Error(), c.want) {
			continue
		}
		t.Errorf("%s instead of %s: %v, want %q", c.new, c.old, err, c.want)
	}
	for n := range len(good) - 1 {
		if _, err := sequences.DecodeBaseline(strings.NewReader(good[:n])); err == nil {
			t.Fatalf("cut off after %d bytes and not refused", n)
		}
	}
}

func TestFits(t *testing.T) {
	b := train(t, sequences.BaselineOptions{}, sequences.Options{}, []string{"a"})
	for _, c := range []struct {
		opt  sequences.Options
		want string
	}{
		{sequences.Options{HaveNative: true}, ""},
		{sequences.Options{HaveNative: true, Native: abi.ARM64}, "of x86_64 calls and the capture of arm64"},
		{sequences.Options{By: sequences.ByCapture}, "made by thread"},
		{sequences.Options{WithErrors: true}, "does not keep failed calls apart"},
		{sequences.Options{SkipContinued: true}, "counts restarted calls"},
		{sequences.Options{Paths: []string{"/etc/*"}}, `apart by the paths [] and the capture is to be scored by ["/etc/*"]`},
	} {
		err := b.Fits(c.opt)
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%+v: %v, want %q", c.opt, err, c.want)
		}
	}
}

func TestCalibrationIsByNearestRank(t *testing.T) {
	for _, c := range []struct {
		quantile float64
		n        int
		want     float64 // of the bits 1 … n
		enough   bool
	}{{0.99, 100, 99, true}, {0.99, 99, 99, false}, {0.9, 10, 9, true}, {0.5, 5, 3, true}, {0.5, 1, 1, false}, {0.95, 20, 19, true}, {0.95, 19, 19, false}} {
		cal, err := sequences.NewCalibrator(c.quantile)
		if err != nil {
			t.Fatal(err)
		}
		for i := c.n; i > 0; i-- {
			cal.Stream(&sequences.StreamScore{Calls: 1, Bits: float64(i)})
		}
		r := cal.Result()
		if got := r.Streams.Thresholds["bits_mean"]; got != c.want || r.Streams.Enough != c.enough || r.Streams.Count != c.n {
			t.Errorf("quantile %v of %d: %v, enough %v; want %v, %v", c.quantile, c.n, got, r.Streams.Enough, c.want, c.enough)
		}
	}
	for _, q := range []float64{0, 1, -1, 2} {
		if _, err := sequences.NewCalibrator(q); err == nil {
			t.Errorf("quantile %v is taken", q)
		}
	}
}

// A finding names the thread, the time and the place in the thread.
func TestFindingsNameThePlace(t *testing.T) {
	loop := strings.Fields(strings.Repeat("poll read write ", 40))
	b := train(t, sequences.BaselineOptions{N: []int{3, 6}, Order: 2}, sequences.Options{}, loop)
	a := b.Alphabet()
	sc := sequences.NewScorer(b, a, func(*sequences.Stream) (string, string) { return "web", "" }, sequences.ScoreOptions{})
	st, err := sequences.NewStreams(b.Options(), a, sc)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript()
	var from, to int64
	for i := range 120 {
		s.call(7, loop[i])
		if i == 59 {
			for k, name := range []string{"openat", "read", "close"} {
				c := s.call(7, name)
				if k == 0 {
					from = c.StartNS
				}
			}
		}
	}
	s.call(8, "poll")
	s.push(st)
	st.Finish(nil)
	to = from + 10*7 // the last window with a new call ends 5 calls after close
	r := sc.Result()
	if len(r.Findings) != 1 {
		t.Fatalf("%d findings: %+v", len(r.Findings), r.Findings)
	}
	f := r.Findings[0]
	// The first new window is that of 3 calls ending with openat, the call
	// at position 60; it begins the finding with the window of 6 around it.
	if f.TID != 7 || f.Comm != "web" || f.FromAt != 55 || f.FromTS != from-50 || f.ToAt != 67 || f.ToTS != to || f.Novel != 8 || f.Unknown != 2 {
		t.Errorf("%+v; openat was at %d", f, from)
	}
	if !equal(f.Calls[5:8], []string{"openat", "read", "close"}) || f.More != 0 || len(f.Calls) != 13 {
		t.Errorf("calls %v", f.Calls)
	}
	if len(r.Unknown) != 2 || r.Unknown[0].Name != "close" || r.Unknown[0].First.TID != 7 || r.Unknown[1].First.TS != from {
		t.Errorf("unknown calls %+v", r.Unknown)
	}
	if g := r.Total.Frames[0]; g.Max != 8 || g.TID != 7 || g.FromAt != 60 || g.ToAt != 67 || g.FromTS != from || g.ToTS != to {
		t.Errorf("locality frame %+v", g)
	}
}

func FuzzDecodeBaseline(f *testing.F) {
	f.Add(`{"systape_baseline": 1, "abi": "x86_64", "by": "thread", "order": "entry", "restarts": "keep", "n": [2], "markov_order": 1, "symbols": ["a", "b"], "windows": {"1": ["1 a", "1 b"], "2": ["1 a b"]}}`)
	f.Add(`{"systape_baseline": 1, "abi": "arm64", "by": "process", "order": "entry", "restarts": "fold", "n": [1], "markov_order": 0, "symbols": [], "windows": {"1": []}}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := sequences.DecodeBaseline(strings.NewReader(text))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := b.Encode(&once); err != nil {
			t.Fatal(err)
		}
		back, err := sequences.DecodeBaseline(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatalf("what Encode wrote is refused: %v\n%s", err, once.String())
		}
		if back.Encode(&twice); !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("another baseline comes back")
		}
		a := b.Alphabet()
		feed(t, b.Options(), a, [][]string{{"a", "b", "c", "a", "b"}}, sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{}))
	})
}

// Where calls hardly repeat there is no end of new windows: training says so,
// and what it holds is bounded, also when it is read.
func TestBaselineIsBounded(t *testing.T) {
	b, err := sequences.NewBaseline(sequences.BaselineOptions{Order: 3}, sequences.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr, a := b.Train()
	st, err := sequences.NewStreams(b.Options(), a, tr)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	s := newScript()
	for i := range 180_000 {
		s.call(7, "call"+strconv.Itoa(r.IntN(200)))
		if i%10_000 == 9_999 {
			s.push(st)
		}
	}
	st.Finish(nil)
	sum := 0
	for n := 1; n <= 6; n++ {
		_, distinct := b.Windows(n)
		sum += distinct
	}
	if sum != sequences.MaxBaseline || tr.Denied == 0 {
		t.Errorf("%d windows, %d had no room; want %d", sum, tr.Denied, sequences.MaxBaseline)
	}
	more := bytes.Replace([]byte(encode(t, b)), []byte(`"6": [`), []byte(`"6": ["1 call0 call0 call0 call0 call0 call0",`), 1)
	if _, err := sequences.DecodeBaseline(bytes.NewReader(more)); err == nil || !strings.Contains(err.Error(), "distinct windows") {
		t.Errorf("a baseline with too many windows: %v", err)
	}
}

// Names of other tools may be anything: what is written is read again.
func TestBaselineNamesAreWords(t *testing.T) {
	for _, name := range []string{"read", "", "two words", "tab\tline\n", `back\slash`, `\s`, `\\s`, "\x1b[31m", "no\u00a0break\u0085", "naïve"} {
		word := sequences.WordOf(name)
		if word == "" || strings.Contains(word, " ") || sequences.NameOf(word) != name {
			t.Errorf("%q is written %q and read %q", name, word, sequences.NameOf(word))
		}
	}
	if got := sequences.WordOf("openat"); got != "openat" {
		t.Errorf("openat is written %q", got)
	}
}
