package sequences

import (
	"cmp"
	"iter"
	"slices"

	"systape/replay"
)

// Place is where something was seen first.
type Place struct {
	TS       int64 // capture time of the enter of the last call
	PID, TID int32
}

// Count is how often a window occurred, and where it did first.
type Count struct {
	N     int64
	First Place
}

// Counter counts the windows of n calls, the transitions from call to call,
// and the calls at which streams begin and end.
type Counter struct {
	alphabet *Alphabet
	n        int
	windows  *Table[Count]
	pairs    *Table[int64]
	symbols  []SymbolCount // by ID
	last     []ID          // by the stream's slot
	total    int64         // windows, those without room included
	steps    int64
}

// SymbolCount is what is known about one symbol.
type SymbolCount struct {
	Calls   int64 // steps
	Starts  int64 // steps at which a stream, or another program in it, began
	Ends    int64 // steps after which it ended
	TimedNS int64 // time inside the calls whose enter and exit are known
	Timed   int64 // how many these are
}

// NewCounter returns a counter of windows of n calls. The alphabet and the
// codec are those of the streams.
func NewCounter(n int, c Codec, alphabet *Alphabet) *Counter {
	return &Counter{alphabet: alphabet, n: n, windows: NewTable[Count](c, n), pairs: NewTable[int64](c, 2)}
}

// Step implements [Observer].
func (c *Counter) Step(s *Stream, st *Step) {
	for len(c.last) <= s.Slot {
		c.last = append(c.last, 0)
	}
	c.grow(st.ID)
	c.steps++
	c.symbols[st.ID].Calls++
	switch st.Begins {
	case Follows:
		if p := c.pairs.At(&s.Window); p != nil {
			*p++
		}
	case AfterExec:
		c.symbols[c.last[s.Slot]].Ends++
		c.symbols[st.ID].Starts++
	case FirstCall:
		c.symbols[st.ID].Starts++
	}
	c.last[s.Slot] = st.ID
	if s.Window.Filled() < c.n {
		return
	}
	c.total++
	if w := c.windows.At(&s.Window); w != nil {
		if w.N == 0 {
			w.First = Place{st.TS, st.PID, st.TID}
		}
		w.N++
	}
}

// End implements [Observer].
func (c *Counter) End(s *Stream) {
	if s.Slot < len(c.last) && c.last[s.Slot] != 0 {
		c.symbols[c.last[s.Slot]].Ends++
		c.last[s.Slot] = 0
	}
}

// Held implements [Keeper]. A call's number is next to nothing.
func (c *Counter) Held() int64 { return 0 }

// Move implements [Keeper].
func (c *Counter) Move(slot int, s *State) {
	for len(c.last) <= slot {
		c.last = append(c.last, 0)
	}
	integer(s, &c.last[slot])
	if !s.Reading() {
		c.last[slot] = 0
	}
}

// Call implements [CallObserver].
func (c *Counter) Call(id ID, call *replay.Call) {
	if call.Status == replay.OK || call.Status == replay.Restarted {
		c.grow(id)
		c.symbols[id].Timed++
		c.symbols[id].TimedNS += call.DurNS
	}
}

func (c *Counter) grow(id ID) {
	for len(c.symbols) <= int(id) {
		c.symbols = append(c.symbols, SymbolCount{})
	}
}

// Windows returns how many windows there were, Distinct how many different
// ones, and Denied how many of them found no room in the table.
func (c *Counter) Windows() int64 { return c.total }
func (c *Counter) Distinct() int  { return c.windows.Len() }
func (c *Counter) Denied() int64  { return c.windows.Denied }

// Symbol returns the counts of one symbol.
func (c *Counter) Symbol(id ID) SymbolCount {
	if int(id) < len(c.symbols) {
		return c.symbols[id]
	}
	return SymbolCount{}
}

// Sequence is one distinct window.
type Sequence struct {
	IDs   []ID
	Count int64
	Share float64 // of all windows
	First Place
}

// Order says by what sequences are sorted; ties are decided by the names of
// their calls.
type Order uint8

// The orders.
const (
	MostFirst Order = iota
	RarestFirst
)

// Sequences returns the distinct windows for which keep says yes (nil means
// all), at most limit of them (0 means all) in the given order, and how many
// there were.
func (c *Counter) Sequences(o Order, limit int, keep func(count int64, share float64) bool) (list []Sequence, matched int) {
	all, matched := c.EachSequence(o, limit, keep)
	list = make([]Sequence, 0, min(matched, max(limit, 0)))
	for s := range all {
		s.IDs = slices.Clone(s.IDs)
		list = append(list, *s)
	}
	return list, matched
}

// EachSequence is Sequences one by one, for the many that do not fit into
// memory twice. A Sequence is valid until the next one.
func (c *Counter) EachSequence(o Order, limit int, keep func(count int64, share float64) bool) (all iter.Seq[*Sequence], matched int) {
	var x, y [MaxN]ID
	less := func(a, b *uint32) int {
		_, m := c.windows.at(*a, x[:c.n])
		_, n := c.windows.at(*b, y[:c.n])
		d := cmp.Compare(n.N, m.N)
		if o == RarestFirst {
			d = -d
		}
		if d != 0 {
			return d
		}
		return compareNames(c.alphabet, c.windows.ids(*a, x[:c.n]), c.windows.ids(*b, y[:c.n]))
	}
	top := topList[uint32]{limit: limit, less: less}
	share := func(n int64) float64 { return float64(n) / float64(c.total) }
	for place := range c.windows.places() {
		if _, w := c.windows.at(place, x[:c.n]); keep == nil || keep(w.N, share(w.N)) {
			matched++
			top.add(place, func(*uint32) {})
		}
	}
	return func(yield func(*Sequence) bool) {
		var s Sequence
		ids := make([]ID, c.n)
		for _, place := range top.sorted() {
			calls, w := c.windows.at(place, ids)
			s = Sequence{IDs: calls, Count: w.N, Share: share(w.N), First: w.First}
			if !yield(&s) {
				return
			}
		}
	}, matched
}

// Each calls yield with every distinct window and its count, in no particular
// order. The calls are valid until yield returns.
func (c *Counter) Each(yield func(ids []ID, n int64)) {
	for ids, w := range c.windows.All() {
		yield(ids, w.N)
	}
}

// CountOf returns how often a window occurred.
func (c *Counter) CountOf(ids []ID) int64 {
	if w := c.windows.Lookup(ids); w != nil {
		return w.N
	}
	return 0
}

// EachTransition is Each of the transitions, as windows of two calls.
func (c *Counter) EachTransition(yield func(ids []ID, n int64)) {
	for ids, n := range c.pairs.All() {
		yield(ids, *n)
	}
}

// TransitionsOf returns how often the second of two calls followed the first.
func (c *Counter) TransitionsOf(ids []ID) int64 {
	if n := c.pairs.Lookup(ids); n != nil {
		return *n
	}
	return 0
}

func compareNames(a *Alphabet, x, y []ID) int {
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return cmp.Compare(a.Name(x[i]), a.Name(y[i]))
		}
	}
	return cmp.Compare(len(x), len(y))
}

// Transition is how often one call followed upon another.
type Transition struct {
	From, To ID
	Count    int64
	P        float64 // among all calls that followed upon From
}

// Transitions returns every transition, most frequent first.
func (c *Counter) Transitions() []Transition {
	out := make([]Transition, 0, c.pairs.Len())
	from := make([]int64, c.alphabet.Len()+1)
	for ids, n := range c.pairs.All() {
		out = append(out, Transition{From: ids[0], To: ids[1], Count: *n})
		from[ids[0]] += *n
	}
	for i := range out {
		out[i].P = float64(out[i].Count) / float64(from[out[i].From])
	}
	slices.SortFunc(out, func(a, b Transition) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareNames(c.alphabet, []ID{a.From, a.To}, []ID{b.From, b.To}))
	})
	return out
}

// topList keeps the best limit elements of what it is given, all if limit
// is 0.
type topList[T any] struct {
	limit int
	less  func(a, b *T) int
	list  []T
	full  bool // the first limit elements are sorted, and no worse one is needed
}

// add takes v; own makes it independent of memory that is used again, and is
// called only if v stays.
func (t *topList[T]) add(v T, own func(*T)) {
	if t.full && t.less(&v, &t.list[t.limit-1]) >= 0 {
		return
	}
	own(&v)
	t.list = append(t.list, v)
	if t.limit > 0 && len(t.list)/2 >= t.limit {
		t.list = t.sorted()
		t.full = true
	}
}

func (t *topList[T]) sorted() []T {
	slices.SortFunc(t.list, func(a, b T) int { return t.less(&a, &b) })
	if t.limit > 0 && len(t.list) > t.limit {
		t.list = t.list[:t.limit]
	}
	return t.list
}
