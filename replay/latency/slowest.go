package latency

import (
	"cmp"
	"container/heap"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// Slowest keeps the calls that took longest, with what their threads called
// before and after. Calls that wait by nature have a list of their own when
// Options.Waits is WaitApart.
type Slowest struct {
	n       int
	around  int
	sel     selector
	better  func(a, b *replay.Call) int // above 0: a is rather kept than b
	lists   [2]slowHeap                 // by section
	threads contexts
	node    int
}

// SlowCall is one call among the slowest.
type SlowCall struct {
	replay.Call
	Node       int        // of which machine, see Slowest.From
	LowerBound bool       // the call was not seen from end to end: it took at least DurNS
	Before     []Neighbor // what its thread called before, oldest first
	After      []Neighbor // what its thread called after, oldest first
}

// Neighbor is a call of the same thread next to a slow one.
type Neighbor struct {
	StartNS int64
	DurNS   int64
	Ret     int64
	NoRet   bool // Ret is not what the call returned
	Syscall format.Symbol
	Errno   int
	Status  replay.Status
	Nr      int32
	ABI     abi.ABI
	Args    [6]int64
	Detail  string // as of the call, like Told
	Told    string
}

// NewSlowest returns an empty list of the n slowest calls, each with up to
// around neighbours on either side. Calls open at the start are candidates
// too: what was seen of them is a fact.
func NewSlowest(n, around int, opt Options) *Slowest {
	return newSlowest(n, around, opt, compareSlow)
}

// NewEarliest is [NewSlowest] for the n calls that began first, which come first.
func NewEarliest(n, around int, opt Options) *Slowest {
	return newSlowest(n, around, opt, func(a, b *replay.Call) int {
		return cmp.Or(cmp.Compare(b.StartNS, a.StartNS), cmp.Compare(b.TID, a.TID), cmp.Compare(b.EnterSeq, a.EnterSeq))
	})
}

func newSlowest(n, around int, opt Options, better func(a, b *replay.Call) int) *Slowest {
	if opt.Use == 0 {
		opt.Use = Finished()
		if !opt.OmitOpen {
			opt.Use |= LowerBounds() | Statuses(replay.OpenAtStart)
		}
	}
	if opt.OmitOpen {
		opt.Use &^= LowerBounds() | Statuses(replay.OpenAtStart)
	}
	return &Slowest{n: n, around: around, sel: newSelector(opt.Symbols, opt.Use, opt.Waits), better: better,
		lists: [2]slowHeap{{better: better}, {better: better}}, threads: newContexts()}
}

// From says that the calls which come next are of this machine, whose threads may
// have the ids of another's. Until then they are of machine 0.
func (s *Slowest) From(node int) {
	s.node = node
	s.threads = newContexts()
}

// Add looks at calls, which must come in the order in which they ended.
func (s *Slowest) Add(calls []replay.Call) { s.AddChosen(calls, nil) }

// AddChosen is Add where only those of the calls are looked for that chosen, asked
// for their place once if they count, is true of: all others are their
// neighbours. nil chooses all.
func (s *Slowest) AddChosen(calls []replay.Call, chosen func(i int) bool) {
	for i := range calls {
		c := &calls[i]
		t := s.threads.of(c.TID, s.kept)
		if c.Status == replay.ChildReturn { // a new thread, perhaps with the id of an old one
			*t = context{}
		}
		near := Neighbor{StartNS: c.StartNS, DurNS: c.DurNS, Ret: c.Ret, NoRet: !c.HasResult(), Syscall: c.Syscall, Errno: c.Errno(), Status: c.Status,
			Nr: c.Nr, ABI: c.ABI, Args: c.Args, Detail: c.Detail, Told: c.Told}
		if len(t.wanted) > 0 {
			t.wanted = slices.DeleteFunc(t.wanted, func(slow *SlowCall) bool {
				slow.After = append(slow.After, near)
				return len(slow.After) >= s.around
			})
		}
		if cl, waits := s.sel.pick(c); cl != skipped && (chosen == nil || chosen(i)) {
			s.consider(c, t, &s.lists[s.sel.section(waits)])
		}
		if s.around > 0 {
			if len(t.before) == s.around {
				copy(t.before, t.before[1:])
				t.before = t.before[:s.around-1]
			}
			if t.before == nil {
				t.before = make([]Neighbor, 0, s.around)
			}
			t.before = append(t.before, near)
		}
		if c.Status == replay.NoReturn || c.Status == replay.Killed || c.Status == replay.OpenAtEnd {
			s.threads.remove(c.TID)
		}
	}
}

// Waiting reports whether any of the calls that are kept may get further
// neighbours.
func (s *Slowest) Waiting() bool {
	for t := range s.threads.all() {
		if slices.ContainsFunc(t.wanted, s.kept) {
			return true
		}
	}
	return false
}

// kept reports whether a call is still among those that are kept.
func (s *Slowest) kept(slow *SlowCall) bool {
	return slices.Contains(s.lists[0].calls, slow) || slices.Contains(s.lists[1].calls, slow)
}

func (s *Slowest) consider(c *replay.Call, t *context, list *slowHeap) {
	if s.n <= 0 || len(list.calls) == s.n && s.better(c, &list.calls[0].Call) <= 0 {
		return
	}
	slow := &SlowCall{Call: *c, Node: s.node, Before: slices.Clone(t.before)}
	slow.LowerBound = s.sel.class[c.Status] == open || c.Status == replay.OpenAtStart
	if len(list.calls) == s.n {
		heap.Pop(list)
	}
	heap.Push(list, slow)
	if s.around > 0 {
		t.wanted = append(t.wanted, slow)
	}
}

// Calls returns the slowest calls, the slowest first. waits chooses the list
// of calls that wait by nature, which is empty unless they are kept apart.
func (s *Slowest) Calls(waits bool) []SlowCall {
	var out []SlowCall
	for _, c := range s.lists[section(waits)].calls {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b SlowCall) int { return s.better(&b.Call, &a.Call) })
	return out
}

func compareSlow(a, b *replay.Call) int {
	return cmp.Or(cmp.Compare(a.DurNS, b.DurNS), cmp.Compare(b.StartNS, a.StartNS), cmp.Compare(b.TID, a.TID), cmp.Compare(b.EnterSeq, a.EnterSeq))
}

// slowHeap has the call first that is rather given up.
type slowHeap struct {
	better func(a, b *replay.Call) int
	calls  []*SlowCall
}

func (h *slowHeap) Len() int           { return len(h.calls) }
func (h *slowHeap) Less(i, j int) bool { return h.better(&h.calls[i].Call, &h.calls[j].Call) < 0 }
func (h *slowHeap) Swap(i, j int)      { h.calls[i], h.calls[j] = h.calls[j], h.calls[i] }
func (h *slowHeap) Push(x any)         { h.calls = append(h.calls, x.(*SlowCall)) }
func (h *slowHeap) Pop() any {
	last := len(h.calls) - 1
	x := h.calls[last]
	h.calls = h.calls[:last]
	return x
}
