package latency

import (
	"cmp"
	"slices"

	"systape/format"
	"systape/replay"
)

// WaitMode says what becomes of calls that wait by nature (see
// [replay.WaitsByNature]): epoll_wait and its like would drown all others.
type WaitMode uint8

// The modes.
const (
	WaitMixed WaitMode = iota // treated as all others
	WaitApart                 // never in one group with others
	WaitOnly                  // they alone are counted
	WaitNone                  // they are left out
)

// StatusSet is a set of call statuses; bit s stands for the status s.
type StatusSet uint32

// Statuses returns the set of the given ones.
func Statuses(s ...replay.Status) (set StatusSet) {
	for _, st := range s {
		set |= 1 << st
	}
	return set
}

// Finished are the statuses whose duration was measured from end to end. They
// are what statistics rest on unless asked otherwise.
func Finished() StatusSet { return Statuses(replay.OK, replay.Restarted) }

// LowerBounds are the statuses whose duration is a lower bound of a call that
// began within the capture: right-censored, in the words of statistics. Calls
// that were open when the capture began are not among them: the longer a call
// takes the likelier it is to be met that way, so they would bend the
// percentiles upwards.
func LowerBounds() StatusSet { return Statuses(replay.OpenAtEnd, replay.Killed) }

// Options say how a [Table] groups and what it counts. Names is required.
type Options struct {
	Symbols *format.SymbolTable // what the Symbols of the calls mean
	By      []Key               // none: all calls are one group
	Nodes   []string            // the machines that ByNode tells apart, at most 16 Mi
	Waits   WaitMode
	// Use is the set of statuses to count; 0 means Finished. Those of
	// LowerBounds are never counted as finished, see OmitOpen.
	Use StatusSet
	// OmitOpen leaves calls out whose duration is only a lower bound. By
	// default they are counted apart and enter the percentiles.
	OmitOpen bool
	// MaxBytes bounds the memory of all groups; 0 means 96 MiB. When it is
	// reached, the groups with the least time become one row, see [Table.Joined].
	MaxBytes int64
}

const (
	defaultMaxBytes = 96 << 20
	groupMem        = 192 + 288 // a Group, and the Row that becomes of it
	keyMem          = 64        // its key and its slots, which stay when it is joined
)

// Group holds what was counted of the calls that share all keys.
type Group struct {
	Done   Histogram  // of the calls that ended
	Open   *Histogram // of lower bounds; nil when there are none
	Errors int64      // calls of Done that returned an error
	exact  *replay.Counted
	key    packed
	waits  bool
}

func (g *Group) ns() int64 {
	t := g.Done.Sum()
	if g.Open != nil {
		t += min(g.Open.Sum(), 1<<63-1-t)
	}
	return t
}

// Table groups calls and keeps a histogram of each group. Its memory is
// bounded however many groups and calls there are.
type Table struct {
	opt    Options
	sel    selector
	keyer  keyer
	index  index
	groups []*Group // by number of the key; several may be the same, other
	sym    []*Group // by Symbol, when system calls are the only key
	bySym  bool
	bytes  int64
	other  *Group
	joined int
	more   bool // there are groups in other that were not counted
	first  int64
	last   int64
	any    bool
}

// NewTable returns an empty table.
func NewTable(opt Options) *Table {
	if opt.Use == 0 {
		opt.Use = Finished()
		if !opt.OmitOpen {
			opt.Use |= LowerBounds()
		}
	}
	if opt.OmitOpen {
		opt.Use &^= LowerBounds()
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = defaultMaxBytes
	}
	t := &Table{opt: opt, other: &Group{}, sel: newSelector(opt.Symbols, opt.Use, opt.Waits)}
	t.bySym = len(opt.By) == 1 && opt.By[0] == BySyscall
	t.keyer = newKeyer(opt.By, opt.Waits == WaitApart && !slices.Contains(opt.By, BySyscall), opt.Nodes)
	return t
}

// From says that the calls which come next are of this machine, by its number in
// Options.Nodes. Until then they are of the first.
func (t *Table) From(node int) { t.keyer.node = uint64(node) }

// Add counts calls.
func (t *Table) Add(calls []replay.Call) {
	// What the call before was counted as, calls coming in runs; of use when
	// system calls are the only key.
	var g *Group
	var cl class
	var last struct {
		syscall format.Symbol
		status  replay.Status
	}
	for i := range calls {
		c := &calls[i]
		if g == nil || c.Syscall != last.syscall || c.Status != last.status {
			is, waits := t.sel.pick(c)
			if is == skipped {
				continue
			}
			cl, g = is, nil
			if t.bySym && int(c.Syscall) < len(t.sym) {
				g = t.sym[c.Syscall]
			}
			if g == nil {
				g = t.group(c, waits)
			}
			last.syscall, last.status = c.Syscall, c.Status
		}
		if !t.any || c.StartNS < t.first {
			t.first = c.StartNS
		}
		if end := c.StartNS + c.DurNS; !t.any || end > t.last {
			t.last, t.any = end, true
		}
		if cl == finished {
			t.bytes += int64(g.Done.record(c.DurNS))
			if c.Ret < 0 && c.Errno() != 0 {
				g.Errors++
			}
		} else {
			if g.Open == nil {
				g.Open = new(Histogram)
				t.bytes += groupMem / 2
			}
			t.bytes += int64(g.Open.record(c.DurNS))
		}
		if t.bytes > t.opt.MaxBytes {
			t.join()
			g = nil
		}
		if !t.bySym {
			g = nil
		}
	}
}

// AddGroup counts the calls whose durations h holds and which share everything
// that the table asks of c: names, ids, error and status.
func (t *Table) AddGroup(c *replay.Call, h *Histogram) {
	cl, waits := t.sel.pick(c)
	if cl == skipped || h.n == 0 {
		return
	}
	g := t.group(c, waits)
	if cl == finished {
		t.bytes += int64(g.Done.merge(h))
		if c.Ret < 0 && c.Errno() != 0 {
			g.Errors += h.Count()
		}
	} else {
		if g.Open == nil {
			g.Open = new(Histogram)
			t.bytes += groupMem / 2
		}
		t.bytes += int64(g.Open.merge(h))
	}
	if t.bytes > t.opt.MaxBytes {
		t.join()
	}
}

// AddCounted has the numbers of calls, their errors and their total time taken
// from exact counts, of which the calls that are added are a sample; From tells
// of which machine they are. ok is false when the table groups by what counts do
// not tell.
func (t *Table) AddCounted(counted []replay.Counted) (ok bool) {
	for _, k := range t.opt.By {
		if k != BySyscall && k != ByPID && k != ByContainer && k != ByNode {
			return false
		}
	}
	if t.opt.Use&^LowerBounds() != Finished() {
		return false
	}
	for _, c := range counted {
		name := t.opt.Symbols.String(c.Syscall)
		if name == "rt_sigreturn" || name == "sigreturn" || c.PID == 0 && slices.Contains(t.opt.By, ByPID) {
			continue // no table has these as finished calls; those of nobody's own
		}
		call := replay.Call{PID: c.PID, Nr: c.Nr, ABI: c.ABI, Syscall: c.Syscall, Container: c.Container}
		cl, waits := t.sel.pick(&call) // status ok
		if cl == skipped {
			continue
		}
		g := t.group(&call, waits)
		if g.exact == nil {
			g.exact = &replay.Counted{}
		}
		g.exact.Calls += c.Calls
		g.exact.Errors += c.Errors
		g.exact.TotalNS += c.TotalNS
	}
	return true
}

// group finds the group of a call.
func (t *Table) group(c *replay.Call, waits bool) *Group {
	g := t.grouped(t.keyer.pack(c, waits), waits)
	if t.bySym && !(g == t.other && t.more) {
		for int(c.Syscall) >= len(t.sym) {
			t.sym = append(t.sym, nil)
		}
		t.sym[c.Syscall] = g
	}
	return g
}

// grouped finds the group of a key.
func (t *Table) grouped(k packed, waits bool) *Group {
	if int64(len(t.index.keys)) >= t.opt.MaxBytes/4/keyMem {
		if n, ok := t.index.has(k); ok {
			return t.groups[n]
		}
		t.more = true
		return t.other
	}
	n, fresh := t.index.find(k)
	if fresh {
		t.groups = append(t.groups, &Group{key: k, waits: waits})
		t.bytes += groupMem + keyMem
	}
	return t.groups[n]
}

// join merges the groups with the least time into other until a quarter of
// the memory is free. Keys, which take at most another quarter, stay: a
// joined group must be recognised.
func (t *Table) join() {
	order := make([]int, 0, len(t.groups))
	for n, g := range t.groups {
		if g != t.other {
			order = append(order, n)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(t.groups[a].ns(), t.groups[b].ns()), cmp.Compare(a, b))
	})
	for _, n := range order {
		if t.bytes <= t.opt.MaxBytes/4*3 {
			break
		}
		t.bytes -= t.groups[n].mem()
		t.bytes += int64(t.other.merge(t.groups[n]))
		t.groups[n] = t.other
		t.joined++
	}
	clear(t.sym) // it is filled again from groups
}

func (g *Group) mem() int64 {
	m := groupMem + g.Done.mem()
	if g.Open != nil {
		m += groupMem/2 + g.Open.mem()
	}
	return m
}

func (h *Histogram) mem() int64 { return int64(cap(h.few)*4 + len(h.window)*4) }

func (g *Group) merge(o *Group) (grown int) {
	grown = g.Done.merge(&o.Done)
	g.Errors += o.Errors
	if o.exact != nil {
		if g.exact == nil {
			g.exact = &replay.Counted{}
		}
		g.exact.Calls += o.exact.Calls
		g.exact.Errors += o.exact.Errors
		g.exact.TotalNS += o.exact.TotalNS
	}
	if o.Open != nil {
		if g.Open == nil {
			g.Open = new(Histogram)
		}
		grown += g.Open.merge(o.Open)
	}
	return grown
}

// Merge adds what another table has counted, which must have the same options
// and, where it groups by path, know the same paths: those of one [Timeline].
// o is unchanged.
func (t *Table) Merge(o *Table) {
	if !o.any {
		return
	}
	if !t.any {
		t.first, t.last = o.first, o.last
	}
	t.first, t.last, t.any = min(t.first, o.first), max(t.last, o.last), true
	for i, g := range o.groups {
		if g == o.other {
			continue
		}
		t.bytes += int64(t.grouped(o.index.keys[i], g.waits).merge(g))
		if t.bytes > t.opt.MaxBytes {
			t.join()
		}
	}
	if o.joined > 0 || o.more {
		t.bytes += int64(t.other.merge(o.other))
		t.joined, t.more = t.joined+o.joined, t.more || o.more
	}
}

// Joined returns how many groups had to be joined into one to keep the memory
// bounded, 0 when none. more is true when there were further groups in it,
// too many to count.
func (t *Table) Joined() (n int, more bool) { return t.joined, t.more }

// Reset empties the table for the next interval; it keeps what it knows of names.
func (t *Table) Reset() {
	t.index.reset()
	clear(t.groups)
	t.groups = t.groups[:0]
	clear(t.sym)
	t.other, t.joined, t.more, t.bytes, t.any = &Group{}, 0, false, 0, false
	t.first, t.last = 0, 0
}
