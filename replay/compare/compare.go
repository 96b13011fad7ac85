package compare

import (
	"cmp"
	"math"
	"slices"

	"systape/replay/sequences"
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

// Result is a comparison of side b, whose figures have the index 1, with side
// a, whose figures have the index 0.
type Result struct {
	// Differences are the verdict: what differs by more than chance and by
	// enough to matter, what concerns all calls first, then what changed most
	// in time, then sequences. Empty: the two sides do not differ.
	Differences []Difference
	// OneSided are the calls, and the errors of calls, that one side alone
	// has, however rare: new ones first. They are facts, not a verdict.
	OneSided    []OneSided
	Calls       []Call       // all calls of either side, those that took most time first, those that wait by nature last
	Divergences []Divergence // of single calls, pairs and windows of n
	Grams       []Gram       // windows of n that differ the most
	Edges       []Gram       // transitions that differ the most
	NewEdges    int          // transitions that only b has
	GoneEdges   int          // transitions that only a has
	NewGrams    int          // windows of n that only b has
	GoneGrams   int          // windows of n that only a has
	// Pace is how much longer calls take on side b in general: the median of
	// the ratios of the median durations of Paced kinds of calls. 0: not known.
	Pace     float64
	Paced    int
	Windows  [2]int64 // windows of n
	Distinct [2]int
	span     float64 // ns that the shorter side covers
}

// Difference is one thing in which b differs from a.
type Difference struct {
	Kind Kind
	// Calls are those that it is about: all that one side lacks of [NewCall]
	// and [Vanished], else one. None: it is about calls in general, by
	// Result.Pace if Latency, by Divergence if Sequences.
	Calls      []*Call
	Divergence *Divergence
}

// Compare compares b with a. The two have the same alphabet.
func Compare(a, b *Side) *Result {
	r := &Result{Windows: [2]int64{a.counter.Windows(), b.counter.Windows()}, Distinct: [2]int{a.counter.Distinct(), b.counter.Distinct()}}
	r.calls(a, b)
	r.divergences(a, b)
	r.span = float64(min(a.spanNS, b.spanNS))
	r.pace()
	r.judge(a, b)
	r.oneSided(a, b)
	return r
}

// OneSided is a call, or an error of a call, that one side alone has.
type OneSided struct {
	Call  *Call
	Errno int   // 0: the call itself
	Side  int   // that has it; 1: it is new
	Count int64 // calls, or failures
	First sequences.Place
	Comm  string // of the thread that made the first one
	Told  bool   // one of the Differences tells of it
}

// oneSided lists what one side alone has.
func (r *Result) oneSided(a, b *Side) {
	for _, side := range [2]int{1, 0} {
		s, other := [2]*Side{a, b}[side], [2]*Side{a, b}[1-side]
		var calls, errs []OneSided
		for i := range r.Calls {
			c := &r.Calls[i]
			k, o := s.call(c.id), other.call(c.id)
			if k.count > 0 && o.count == 0 {
				calls = append(calls, OneSided{Call: c, Side: side, Count: k.count, First: k.first, Comm: k.comm,
					Told: slices.Contains(c.Differs, [2]Kind{Vanished, NewCall}[side])})
				continue
			}
			for errno, f := range k.errnos {
				if o.errnos[errno] == nil {
					errs = append(errs, OneSided{Call: c, Errno: errno, Side: side, Count: f.count, First: f.first, Comm: f.comm,
						Told: slices.Contains(c.Differs, Errors) && (c.ErrorRate[side] > c.ErrorRate[1-side])})
				}
			}
		}
		slices.SortStableFunc(errs, func(x, y OneSided) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Call.Name, y.Call.Name), cmp.Compare(x.Errno, y.Errno))
		})
		r.OneSided = append(append(r.OneSided, calls...), errs...)
	}
}

// weight is the time that a difference is about, for its place in the list.
func (d *Difference) weight() float64 {
	switch {
	case d.Kind == Sequences:
		return -1
	case len(d.Calls) == 0:
		return math.Inf(1)
	}
	w := 0.0
	for _, c := range d.Calls {
		if !c.Waits {
			w += math.Abs(float64(c.TotalNS[1]) - float64(c.TotalNS[0]))
		}
	}
	return w
}
