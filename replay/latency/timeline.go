package latency

import (
	"cmp"
	"math"
	"slices"

	"systape/replay"
)

// Timeline counts calls by when they began, as [Table] does, and so has the
// figures of any stretch of time without another look at the calls. Time is cut
// into slots: the first begins at the timeline's origin, and each is the step
// long, or ten, a hundred … times that. Where memory runs out, the oldest slots
// are joined by tens, so that what came last is known most finely.
type Timeline struct {
	opt    Options
	origin int64
	step   int64
	slots  []*slot // in order of time, apart
	last   *slot   // that calls came to last
	keyer  keyer   // of all tables: they agree about what a key stands for
	bytes  int64
	extent Extent
	calls  int64
}

// slot is one stretch of time with what began in it.
type slot struct {
	start, width int64 // ns since the origin
	table        *Table
	extent       Extent
	calls        int64 // all that were added, whatever their status
	errors       int64
}

const (
	maxSlots = 4096
	slotMem  = 2048 // of a slot without groups
	freshest = 128  // slots that stay as fine as they are as long as there are others to join
	tenfold  = 10
	latest   = 1 << 61 // what begins later counts there
)

// NewTimeline returns an empty timeline whose finest slots are stepNS long and
// begin at originNS, [replay.Session.Begin]. opt.MaxBytes bounds all of it.
func NewTimeline(originNS, stepNS int64, opt Options) *Timeline {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = defaultMaxBytes
	}
	return &Timeline{opt: opt, origin: originNS, step: max(stepNS, 1), keyer: NewTable(opt).keyer}
}

// Add counts calls, in whatever order. What began before the origin counts in
// the first slot.
func (t *Timeline) Add(calls []replay.Call) {
	t.extent.Add(calls)
	t.calls += int64(len(calls))
	for len(calls) > 0 {
		s := t.slot(t.since(&calls[0]))
		n := 1
		for n < len(calls) && s.holds(t.since(&calls[n])) {
			n++
		}
		t.add(s, calls[:n])
		calls = calls[n:]
		if t.bytes > t.opt.MaxBytes || len(t.slots) > maxSlots {
			t.coarsen()
		}
	}
}

// since returns when a call began, counted from the origin.
func (t *Timeline) since(c *replay.Call) int64 { return min(max(c.BeganNS()-t.origin, 0), latest) }

func (s *slot) holds(since int64) bool { return since >= s.start && since-s.start < s.width }

func (t *Timeline) add(s *slot, calls []replay.Call) {
	before := s.table.bytes
	s.table.Add(calls)
	t.bytes += s.table.bytes - before
	s.extent.Add(calls)
	s.calls += int64(len(calls))
	for i := range calls {
		if calls[i].Errno() != 0 {
			s.errors++
		}
	}
	if t.last != s {
		if t.last != nil {
			t.last.table.settle()
		}
		t.last = s
	}
}

// settle gives up what makes adding fast.
func (t *Table) settle() { t.sym, t.sel.waits.known = nil, nil }

// slot finds the slot of a time, or makes one.
func (t *Timeline) slot(since int64) *slot {
	if t.last != nil && t.last.holds(since) {
		return t.last
	}
	at, found := slices.BinarySearchFunc(t.slots, since, func(s *slot, since int64) int {
		if s.holds(since) {
			return 0
		}
		return cmp.Compare(s.start, since)
	})
	if found {
		return t.slots[at]
	}
	// As wide as its neighbour before, if that leaves room up to the one behind.
	width := t.step
	if at > 0 {
		width = t.slots[at-1].width
	}
	for width > t.step && (at == len(t.slots) || floor(since, width)+width > t.slots[at].start) {
		width /= tenfold
	}
	s := t.newSlot(floor(since, width), width)
	t.slots = slices.Insert(t.slots, at, s)
	return s
}

func (t *Timeline) newSlot(start, width int64) *slot {
	opt := t.opt
	opt.MaxBytes = max(t.opt.MaxBytes/8, 1)
	s := &slot{start: start, width: width, table: NewTable(opt)}
	s.table.keyer = t.keyer
	t.bytes += slotMem
	return s
}

// coarsen joins slots until a quarter of the memory is free.
func (t *Timeline) coarsen() {
	for (t.bytes > t.opt.MaxBytes/4*3 || len(t.slots) > maxSlots/4*3) && len(t.slots) > 1 {
		at := map[int64]int{} // slots of a width
		for _, s := range t.slots {
			at[s.width]++
		}
		finest, width := int64(math.MaxInt64), int64(math.MaxInt64)
		for w, n := range at {
			finest = min(finest, w)
			if n > freshest {
				width = min(width, w)
			}
		}
		if width == math.MaxInt64 {
			width = finest // whatever there is
		}
		if width > latest/tenfold {
			return
		}
		t.join(width, max(at[width]/2, 1))
	}
}

// join makes slots of a width ten times as wide, the first n of them and what
// lies with these in one slot then.
func (t *Timeline) join(width int64, n int) {
	joined := t.slots[:0:0]
	wide := width * tenfold
	for _, s := range t.slots {
		start := floor(s.start, wide)
		if k := len(joined); k > 0 && joined[k-1].holds(s.start) {
			t.merge(joined[k-1], s)
			continue
		}
		if s.width <= width && n > 0 {
			s.start, s.width = start, wide
			n--
		}
		joined = append(joined, s)
	}
	t.slots, t.last = joined, nil
}

func (t *Timeline) merge(s, o *slot) {
	before := s.table.bytes
	s.table.Merge(o.table)
	s.table.settle()
	t.bytes += s.table.bytes - before - o.table.bytes - slotMem
	s.extent.Merge(&o.extent)
	s.calls += o.calls
	s.errors += o.errors
}

// Span returns when the timeline begins, and until when there were calls.
func (t *Timeline) Span() (from, to int64) {
	return t.origin, max(t.origin, t.extent.Last)
}

// Calls returns how many calls were added.
func (t *Timeline) Calls() int64 { return t.calls }

// MemoryBytes returns about how much the timeline takes.
func (t *Timeline) MemoryBytes() int64 { return t.bytes }

// Window is what a timeline knows of a stretch of time.
type Window struct {
	From, To int64  // capture time; wider than what was asked for where the slots are
	Table    *Table // what [Table] holds after it was given the calls that began then
	Extent   Extent // of all these calls, whatever their status
	Calls    int64  // how many these are
	Errors   int64  // that returned one
}

// Window returns the figures of what began in from ≤ t < to, capture time. Its
// bounds are moved outwards to those of slots.
func (t *Timeline) Window(from, to int64) Window {
	opt := t.opt
	opt.MaxBytes /= 2
	w := Window{From: from, To: to, Table: NewTable(opt)}
	w.Table.keyer = t.keyer
	for _, s := range t.slots {
		low, high := t.bounds(s)
		if high <= from || low >= to {
			continue
		}
		w.From, w.To = min(w.From, low), max(w.To, high)
		w.Table.Merge(s.table)
		w.Extent.Merge(&s.extent)
		w.Calls += s.calls
		w.Errors += s.errors
	}
	return w
}

// All returns the figures of all calls.
func (t *Timeline) All() Window {
	w := t.Window(math.MinInt64, math.MaxInt64)
	w.From, w.To = t.Span()
	return w
}

func (t *Timeline) bounds(s *slot) (low, high int64) {
	low = t.origin + min(s.start, math.MaxInt64-t.origin)
	return low, low + min(s.width, math.MaxInt64-low)
}

// Stretch is how much began in a stretch of time.
type Stretch struct {
	Calls, Errors float64
}

// Over cuts from ≤ t < to into n equal stretches and says how much began in each.
// What a slot holds that is wider than a stretch is spread over it.
func (t *Timeline) Over(from, to int64, n int) []Stretch {
	list := make([]Stretch, max(n, 0))
	if n <= 0 || to <= from {
		return list
	}
	length := float64(to-from) / float64(n)
	for _, s := range t.slots {
		low, high := t.bounds(s)
		if high <= from || low >= to {
			continue
		}
		first := min(int(float64(max(low, from)-from)/length), n-1)
		last := first
		if float64(high-low) > length {
			last = max(first, min(int(math.Ceil(float64(min(high, to)-from)/length))-1, n-1))
		}
		for i := first; i <= last; i++ {
			list[i].Calls += float64(s.calls) / float64(last-first+1)
			list[i].Errors += float64(s.errors) / float64(last-first+1)
		}
	}
	return list
}
