package capture

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"systape/format"
	"systape/format/abi"
)

// watch looks for triggers in the rows that are written, of which nearly all are
// done with by one look into a table: whether any trigger asks for their call.
type watch struct {
	triggers []Trigger
	rates    []rate
	names    *format.SymbolTable
	fire     func(fired)

	wants    []want // by code of a call
	turn     int    // of the codes
	pages    [1 << 12]*[1 << 10]openCall
	used     []*[1 << 10]openCall
	shortest time.Duration // of the durations that triggers ask for
}

// want says which triggers ask for a call, as bits; other: for a row of another
// kind, that it matters.
type want struct {
	enter, exit uint64
	other       bool
}

// maxTriggers is how many bits there are.
const maxTriggers = 64

// openCall is a call that has not returned, and by which triggers it is timed.
type openCall struct {
	entered  int64 // capture time; 0: none is open
	triggers uint64
	pid, tid int32
	syscall  format.Symbol
	comm     format.Symbol
}

// fired is that a trigger has.
type fired struct {
	trigger  *Trigger
	at       int64 // capture time
	pid, tid int32
	comm     format.Symbol
	what     string
}

func newWatch(triggers []Trigger, names *format.SymbolTable, fire func(fired)) *watch {
	w := &watch{triggers: triggers, rates: make([]rate, len(triggers)), names: names, fire: fire}
	for i := range triggers {
		if t := &triggers[i]; t.slow() && (w.shortest == 0 || t.longer < w.shortest) {
			w.shortest = t.longer
		}
	}
	return w
}

// look looks at the rows of a batch.
func (w *watch) look(b *format.CodedBatch) {
	if len(w.triggers) == 0 {
		return
	}
	if b.Calls.Turn != w.turn {
		w.wants, w.turn = w.wants[:0], b.Calls.Turn
	}
	for i := len(w.wants); i < len(b.Calls.Rows); i++ {
		w.wants = append(w.wants, w.wantOf(&b.Calls.Rows[i]))
	}
	wants := w.wants
	for i, code := range b.Call[:b.N] {
		switch n := &wants[code]; {
		case n.enter != 0:
			w.entered(b, i, n.enter)
		case n.exit != 0:
			w.returned(b, i, n.exit)
		case n.other:
			w.other(b, i)
		}
	}
}

// wantOf says which triggers ask for rows of a kind and call.
func (w *watch) wantOf(c *format.Call) (n want) {
	for i := range w.triggers {
		t := &w.triggers[i]
		switch c.Kind {
		case format.Enter:
			if t.calls != nil && t.calls.Has(c.ABI, c.Nr) && (t.slow() && returns(c) || t.rate > 0 && t.errno == 0) {
				n.enter |= 1 << i
			}
		case format.Exit:
			if t.calls != nil && t.calls.Has(c.ABI, c.Nr) && (t.slow() || t.errno != 0) {
				n.exit |= 1 << i
			}
		case format.Lost, format.Fork, format.Exec, format.ThreadEnd:
			n.other = true
		}
	}
	return n
}

// returns reports whether a call comes back as itself.
func returns(c *format.Call) bool {
	switch name, _ := abi.Name(c.ABI, c.Nr); name {
	case "exit", "exit_group", "rt_sigreturn", "sigreturn":
		return false
	}
	return true
}

func (w *watch) entered(b *format.CodedBatch, i int, triggers uint64) {
	thread := &b.Threads.Rows[b.Thread[i]]
	slow := uint64(0)
	for rest := triggers; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros64(rest)
		switch t := &w.triggers[k]; {
		case t.slow():
			slow |= 1 << k
		case w.rates[k].add(b.TS[i], t.rate):
			w.fire(fired{t, b.TS[i], 0, 0, 0, fmt.Sprintf("more than %d in a second", t.rate)})
		}
	}
	if slow != 0 {
		*w.open(thread.TID) = openCall{b.TS[i], slow, thread.PID, thread.TID, b.Calls.Rows[b.Call[i]].Syscall, thread.Comm}
	}
}

func (w *watch) returned(b *format.CodedBatch, i int, triggers uint64) {
	thread, call := &b.Threads.Rows[b.Thread[i]], &b.Calls.Rows[b.Call[i]]
	open := w.open(thread.TID)
	entered, timed := open.entered, open.triggers
	if open.syscall != call.Syscall {
		entered = 0
	}
	if b.Used > format.ExitEntered && b.Args[format.ExitEntered][i] != 0 { // the enter was held until now
		entered, timed = b.Args[format.ExitEntered][i], triggers
	}
	open.entered = 0
	for rest := triggers; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros64(rest)
		t := &w.triggers[k]
		took := time.Duration(b.TS[i] - entered)
		if !t.matchesErrno(b.Ret[i]) || t.slow() && (entered == 0 || took <= t.longer || timed>>k&1 == 0) {
			continue
		}
		f := fired{t, b.TS[i], thread.PID, thread.TID, thread.Comm, ""}
		name := w.names.String(call.Syscall)
		switch {
		case t.slow():
			f.what = fmt.Sprintf("%s took %v", name, took)
		case t.rate == 0:
			f.what = fmt.Sprintf("%s returned %d %s", name, b.Ret[i], abi.ErrnoName(call.ABI, int(-b.Ret[i])))
		case w.rates[k].add(b.TS[i], t.rate):
			f.pid, f.tid, f.comm = 0, 0, 0
			f.what = fmt.Sprintf("more than %d in a second", t.rate)
		default:
			continue
		}
		w.fire(f)
	}
}

// other looks at a row about the life of a thread, or a loss.
func (w *watch) other(b *format.CodedBatch, i int) {
	thread := &b.Threads.Rows[b.Thread[i]]
	arg := func(k int) int64 {
		if k >= b.Used {
			return 0
		}
		return b.Args[k][i]
	}
	f := fired{at: b.TS[i], pid: thread.PID, tid: thread.TID, comm: thread.Comm}
	switch b.Calls.Rows[b.Call[i]].Kind {
	case format.Lost: // exits may be among them
		for _, page := range w.used {
			clear(page[:])
		}
	case format.Fork:
		w.open(int32(arg(format.ForkTID))).entered = 0
	case format.Exec:
		w.open(int32(arg(format.ExecOldTID))).entered = 0
		file := w.names.String(thread.Comm) // where the kernel does not tell the file
		if at, ok := slices.BinarySearch(b.DetailAt, int32(i)); ok {
			file = b.Detail[at]
		}
		for k := range w.triggers {
			if t := &w.triggers[k]; t.kind == triggerExec && t.matchesProgram(file) {
				f.trigger, f.what = t, "ran "+file
				w.fire(f)
			}
		}
	case format.ThreadEnd:
		w.open(thread.TID).entered = 0
		code := arg(format.EndCode)
		if arg(format.EndGroup) != 1 || code < 0 {
			return
		}
		status, exited := exitStatus(code)
		for k := range w.triggers {
			t := &w.triggers[k]
			switch {
			case t.kind == triggerExit && exited && (status == t.code || t.code < 0 && status != 0):
				f.what = fmt.Sprintf("ended with status %d", status)
			case t.kind == triggerSignal && !exited && (fatalSignal(code) == t.code || t.code < 0):
				f.what = "was ended by " + abi.SignalName(abi.X86_64, fatalSignal(code))
			default:
				continue
			}
			f.trigger = t
			w.fire(f)
		}
	}
}

// hung looks for calls that have lasted too long and not returned by now, capture
// time up to which all rows have been looked at.
func (w *watch) hung(now int64) {
	if w.shortest == 0 {
		return
	}
	for _, page := range w.used {
		for i := range page {
			open := &page[i]
			if open.entered == 0 || time.Duration(now-open.entered) <= w.shortest {
				continue
			}
			for rest := open.triggers; rest != 0; rest &= rest - 1 {
				k := bits.TrailingZeros64(rest)
				t := &w.triggers[k]
				took := time.Duration(now - open.entered)
				if t.errno != 0 || took <= t.longer {
					continue
				}
				open.triggers &^= 1 << k
				w.fire(fired{t, now, open.pid, open.tid, open.comm, fmt.Sprintf("%s has taken %v so far", w.names.String(open.syscall), took)})
			}
		}
	}
}

// open returns the place of a thread's call.
func (w *watch) open(tid int32) *openCall {
	i := uint32(tid) >> 10 & (1<<12 - 1)
	page := w.pages[i]
	if page == nil {
		page = new([1 << 10]openCall)
		w.pages[i] = page
		w.used = append(w.used, page)
	}
	return &page[uint32(tid)&(1<<10-1)]
}

// rate counts in tenths of a second.
type rate struct {
	tenth int64 // of capture time, the latest
	n     [10]int64
	sum   int64
}

// add counts one more at a time, and reports whether there were more than so
// many in the second before, which then begins anew.
func (r *rate) add(at, most int64) bool {
	const tenth = 1e8 // ns
	for now := at / tenth; r.tenth < now; {
		if now-r.tenth >= int64(len(r.n)) {
			*r = rate{tenth: now}
			break
		}
		r.tenth++
		oldest := &r.n[r.tenth%int64(len(r.n))]
		r.sum -= *oldest
		*oldest = 0
	}
	r.n[r.tenth%int64(len(r.n))]++
	if r.sum++; r.sum <= most {
		return false
	}
	*r = rate{tenth: r.tenth}
	return true
}
