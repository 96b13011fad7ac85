package compare_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/sequences"
)

// program makes the calls of a made-up server: a start, then requests in a
// few threads, with a little chance in everything.
type program struct {
	seed     uint64
	requests int
	extra    []string // called once in each request
	slow     float64  // factor on the duration of write
	all      float64  // factor on all durations
	only     []string // nothing but these calls
	failing  int      // every n-th openat fails
	once     []string // called once in the whole run
}

func (p program) calls(names *format.SymbolTable) []replay.Call {
	r := rand.New(rand.NewPCG(p.seed, 7))
	var out []replay.Call
	now := int64(1_000_000)
	add := func(tid int32, name string, mean float64, ret int64) {
		if len(p.only) > 0 && !slices.Contains(p.only, name) {
			return
		}
		if p.all != 0 {
			mean *= p.all
		}
		if name == "write" && p.slow != 0 {
			mean *= p.slow
		}
		d := int64(mean * (0.5 + r.ExpFloat64()))
		n := int64(2 * len(out))
		out = append(out, replay.Call{StartNS: now, DurNS: d, EnterSeq: n, ExitSeq: n + 1, Continues: -1, PID: 10, TID: tid, Ret: ret, Syscall: names.InternString(name)})
		now += d + 500
	}
	for range 40 {
		add(10, "mmap", 3000, 0)
		add(10, "openat", 5000, 3)
		add(10, "close", 500, 0)
	}
	for i := range p.requests {
		tid := int32(11 + r.IntN(4))
		add(tid, "accept4", 50000, 4)
		for range 1 + r.IntN(3) {
			add(tid, "read", 1500, 100)
		}
		ret := int64(5)
		if p.failing > 0 && i%p.failing == 0 {
			ret = -2
		}
		add(tid, "openat", 5000, ret)
		add(tid, "write", 4000, 100)
		for _, name := range p.extra {
			add(tid, name, 1000, 0)
		}
		for range r.IntN(4) { // contention comes and goes
			add(tid, "futex", 800, 0)
		}
		add(tid, "close", 500, 0)
		if i == p.requests/2 {
			for _, name := range p.once {
				add(tid, name, 1000, 0)
			}
		}
	}
	return out
}

func side(t *testing.T, a *sequences.Alphabet, runs ...program) *compare.Side {
	t.Helper()
	s := compare.NewSide(3, sequences.NewCodec(3), a)
	for _, p := range runs {
		names := format.NewSymbolTable()
		fill(t, s, a, p.calls(names), names)
	}
	return s
}

func fill(t *testing.T, s *compare.Side, a *sequences.Alphabet, calls []replay.Call, names *format.SymbolTable) {
	t.Helper()
	fillTimed(t, s, a, calls, names, true)
}

func fillTimed(t *testing.T, s *compare.Side, a *sequences.Alphabet, calls []replay.Call, names *format.SymbolTable, timed bool) {
	t.Helper()
	st, err := sequences.NewStreams(sequences.Options{MaxN: 3}, a, s)
	if err != nil {
		t.Fatal(err)
	}
	s.Begin(names, timed)
	st.Push(format.NewBatch(names, 0), calls)
	st.Finish(nil)
	s.Spanned(calls[len(calls)-1].StartNS - calls[0].StartNS)
}

func run(t *testing.T, x, y []program) *compare.Result {
	t.Helper()
	a := sequences.NewAlphabet()
	return compare.Compare(side(t, a, x...), side(t, a, y...))
}

// kinds lists what a verdict names, by kind; "in general" stands for what is
// about all calls.
func kinds(r *compare.Result) map[compare.Kind]string {
	out := map[compare.Kind]string{}
	for _, d := range r.Differences {
		if len(d.Calls) == 0 {
			out[d.Kind] += " in general"
		}
		for _, c := range d.Calls {
			out[d.Kind] += " " + c.Name
		}
	}
	return out
}

// The same program run again and again, with other lengths and other
// chances, never differs from itself.
func TestTheSameProgramDoesNotDiffer(t *testing.T) {
	for _, c := range []struct {
		only  []string // nothing: all calls
		pairs uint64
	}{{nil, 30}, {[]string{"write"}, 18}, {[]string{"openat", "close"}, 18}, {[]string{"read", "write", "openat"}, 18}, {[]string{"read", "write", "openat", "futex"}, 18}} {
		for seed := range c.pairs {
			r := run(t, []program{{seed: seed, requests: 300, only: c.only}}, []program{{seed: seed + 1000, requests: 300 + int(seed)*10, only: c.only}})
			if len(r.Differences) > 0 || len(r.OneSided) > 0 {
				t.Errorf("%v, seed %d: the same program differs: %v", c.only, seed, kinds(r))
			}
		}
	}
	r := run(t, []program{{seed: 1, requests: 200}, {seed: 2, requests: 300}}, []program{{seed: 3, requests: 400}})
	if len(r.Differences) > 0 {
		t.Errorf("two runs against one: %v", r.Differences)
	}
}

// The threads of one run, divided at random into two halves, do not differ.
func TestHalvesOfOneRunDoNotDiffer(t *testing.T) {
	for seed := range uint64(10) {
		names := format.NewSymbolTable()
		all := program{seed: seed, requests: 1500}.calls(names)
		r := rand.New(rand.NewPCG(seed, 1))
		half := map[int64]int{}
		var parts [2][]replay.Call
		for i := range all {
			c := all[i]
			if c.TID == 10 {
				continue
			}
			k := c.EnterSeq / 400 // stretches of calls, so that sequences stay whole
			if _, ok := half[k]; !ok {
				half[k] = r.IntN(2)
			}
			parts[half[k]] = append(parts[half[k]], c)
		}
		a := sequences.NewAlphabet()
		x, y := compare.NewSide(3, sequences.NewCodec(3), a), compare.NewSide(3, sequences.NewCodec(3), a)
		fill(t, x, a, parts[0], names)
		fill(t, y, a, parts[1], names)
		if d := compare.Compare(x, y).Differences; len(d) > 0 {
			t.Errorf("seed %d: %v", seed, d)
		}
	}
}

func TestDifferencesAreFound(t *testing.T) {
	base := []program{{seed: 1, requests: 400}}
	for _, c := range []struct {
		name string
		b    program
		want map[compare.Kind]string
	}{
		{"a new call in every request", program{seed: 2, requests: 400, extra: []string{"fsync"}}, map[compare.Kind]string{compare.NewCall: "fsync"}},
		{"a shell once", program{seed: 2, requests: 400, once: []string{"vfork", "execve", "dup2", "wait4"}}, map[compare.Kind]string{compare.NewCall: "vfork"}},
		{"a call twice as often", program{seed: 2, requests: 400, extra: []string{"read", "read", "read"}}, map[compare.Kind]string{compare.Frequency: "read"}},
		{"a slower call", program{seed: 2, requests: 400, slow: 3}, map[compare.Kind]string{compare.Latency: "write"}},
		{"failures", program{seed: 2, requests: 400, failing: 3}, map[compare.Kind]string{compare.Errors: "openat"}},
		{"another machine", program{seed: 2, requests: 400, all: 3}, map[compare.Kind]string{compare.Latency: "in general"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := kinds(run(t, base, []program{c.b}))
			for k, text := range c.want {
				if !strings.Contains(got[k], text) {
					t.Errorf("%s: got %q, want something with %q", k, got[k], text)
				}
			}
			if _, ok := got[compare.Latency]; ok && c.want[compare.Latency] == "" {
				t.Errorf("latency: %s", got[compare.Latency])
			}
		})
	}
	// and the other way round
	if got := kinds(run(t, []program{{seed: 2, requests: 400, extra: []string{"fsync"}}}, base)); !strings.Contains(got[compare.Vanished], "fsync") {
		t.Errorf("vanished: %q", got)
	}
}

func TestComparisonIsDeterministic(t *testing.T) {
	x, y := []program{{seed: 1, requests: 200}}, []program{{seed: 2, requests: 200, slow: 2}}
	a, b := run(t, x, y), run(t, x, y)
	if !reflect.DeepEqual(kinds(a), kinds(b)) || !reflect.DeepEqual(a.Grams, b.Grams) || a.Divergences[0] != b.Divergences[0] || a.Divergences[1] != b.Divergences[1] {
		t.Error("the same captures compare differently")
	}
}

func TestEmptySides(t *testing.T) {
	a := sequences.NewAlphabet()
	x, y := compare.NewSide(3, sequences.NewCodec(3), a), compare.NewSide(3, sequences.NewCodec(3), a)
	if r := compare.Compare(x, y); len(r.Differences) != 0 || len(r.Calls) != 0 {
		t.Errorf("%+v", r)
	}
}
