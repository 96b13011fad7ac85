package latency

import (
	"cmp"
	"slices"

	"systape/format"
	"systape/replay"
)

// Threads adds up how much of its life each thread spent in system calls.
type Threads struct {
	names  *format.SymbolTable
	byTID  map[int32]*lifetime
	all    []*lifetime
	other  lifetime
	missed int
	sel    selector
}

type lifetime struct {
	pid, tid     int32
	comm         format.Symbol
	first, last  int64
	calls        int64
	errors       int64
	work, wait   int64
	open         int64
	calledMost   []calledSum
	ended, begun bool
}

type calledSum struct {
	syscall format.Symbol
	calls   int64
	ns      int64
}

const maxThreads = 1 << 17

// NewThreads returns an empty list of threads. Of opt, Names, Waits and
// OmitOpen are used.
func NewThreads(opt Options) *Threads {
	use := Finished()
	if !opt.OmitOpen {
		use |= LowerBounds() | Statuses(replay.OpenAtStart)
	}
	return &Threads{names: opt.Symbols, byTID: map[int32]*lifetime{}, sel: newSelector(opt.Symbols, use, opt.Waits)}
}

// Add counts calls, which must come in the order in which they ended.
func (t *Threads) Add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		waits := t.sel.waits.of(c.Syscall)
		if !t.sel.wanted(waits) {
			continue
		}
		th := t.byTID[c.TID]
		if th == nil || th.ended || th.pid != c.PID && c.Status == replay.ChildReturn {
			if len(t.all) < maxThreads {
				th = &lifetime{pid: c.PID, tid: c.TID}
				t.all = append(t.all, th)
			} else {
				th = &t.other
				t.missed++
			}
			t.byTID[c.TID] = th
			if len(t.byTID) > 2*maxThreads {
				clear(t.byTID)
			}
		}
		th.add(c, t.sel.class[c.Status], waits)
		if th == &t.other {
			th.ended = false
		}
	}
}

func (th *lifetime) add(c *replay.Call, cl class, waits bool) {
	end := c.StartNS + c.DurNS
	if !th.begun || c.StartNS < th.first {
		th.first, th.begun = c.StartNS, true
	}
	th.last = max(th.last, end)
	th.comm = c.Comm
	th.ended = c.Status == replay.NoReturn || c.Status == replay.Killed
	if c.Status.HasEnter() || c.Status == replay.OpenAtStart {
		th.calls++
	}
	if c.Errno() != 0 {
		th.errors++
	}
	if cl == skipped {
		return
	}
	if cl == open {
		th.open++
	}
	if waits {
		th.wait += c.DurNS
	} else {
		th.work += c.DurNS
	}
	for i := range th.calledMost {
		if s := &th.calledMost[i]; s.syscall == c.Syscall {
			s.calls++
			s.ns += c.DurNS
			return
		}
	}
	th.calledMost = append(th.calledMost, calledSum{c.Syscall, 1, c.DurNS})
}

// ThreadRow is one thread's life as far as the capture saw it.
type ThreadRow struct {
	PID, TID int32
	Comm     string // its last name
	FirstNS  int64  // start of its first call
	LastNS   int64  // end of its last one
	Calls    int64
	Errors   int64
	WorkNS   int64 // in calls that do not wait by nature
	WaitNS   int64 // in calls that do
	Open     int64 // calls of which only a lower bound is in WorkNS and WaitNS
	// MostTime and MostCalls are the system calls that took most of its
	// time and that it made most often; "" when it made none.
	MostTime, MostCalls   string
	MostTimeNS, MostCount int64
	Threads               int // not 0: the row stands for this many threads, for which there was no room
}

// AliveNS returns the time from its first to its last call.
func (r *ThreadRow) AliveNS() int64 { return r.LastNS - r.FirstNS }

// PerSecond returns its calls per second of that time.
func (r *ThreadRow) PerSecond() float64 {
	if r.AliveNS() <= 0 {
		return 0
	}
	return float64(r.Calls) / float64(r.AliveNS()) * 1e9
}

// Rows returns all threads, those with most time at work in the kernel first,
// then with most waiting, then by id. Threads for which there was no room
// come last as one.
func (t *Threads) Rows() []ThreadRow {
	rows := make([]ThreadRow, 0, len(t.all)+1)
	for _, th := range t.all {
		rows = append(rows, th.row(t.names))
	}
	slices.SortFunc(rows, func(a, b ThreadRow) int {
		return cmp.Or(cmp.Compare(b.WorkNS, a.WorkNS), cmp.Compare(b.WaitNS, a.WaitNS), cmp.Compare(a.PID, b.PID),
			cmp.Compare(a.TID, b.TID), cmp.Compare(a.FirstNS, b.FirstNS))
	})
	if t.missed > 0 {
		r := t.other.row(t.names)
		r.PID, r.TID, r.Comm, r.Threads = 0, 0, "", t.missed
		rows = append(rows, r)
	}
	return rows
}

func (th *lifetime) row(names *format.SymbolTable) ThreadRow {
	r := ThreadRow{
		PID: th.pid, TID: th.tid, Comm: names.String(th.comm), FirstNS: th.first, LastNS: th.last, Calls: th.calls,
		Errors: th.errors, WorkNS: th.work, WaitNS: th.wait, Open: th.open,
	}
	for i, s := range th.calledMost {
		if i == 0 || s.ns > r.MostTimeNS {
			r.MostTime, r.MostTimeNS = names.String(s.syscall), s.ns
		}
		if s.calls > r.MostCount {
			r.MostCalls, r.MostCount = names.String(s.syscall), s.calls
		}
	}
	return r
}
