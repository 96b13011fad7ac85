package sequences

import (
	"sort"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// maxWaiting bounds how many later calls wait for one that has not returned.
const maxWaiting = 1 << 18

// order puts the calls of several threads into the order in which they were
// entered. Calls become known when they end; their enters come in order. When
// the enter tells everything (immediate), nothing waits. Otherwise a slot is
// kept for every enter until its call has ended.
type order struct {
	immediate bool
	slots     []waiting // by seq
	head      int
}

type waiting struct {
	seq       int64
	ts        int64
	pid, tid  int32
	nr        int32
	syscall   format.Symbol
	comm      format.Symbol
	container format.Symbol
	id        ID
	kind      format.Kind
	abi       abi.ABI
	state     uint8
}

const (
	pending uint8 = iota // the call has not ended
	ready
	dropped
)

func (s *Streams) pushOrdered(b *format.Batch, calls []replay.Call) {
	for i, k := range b.Kind {
		switch k {
		case format.Lost:
			s.gaps.addRow(b, i)
		case format.Enter:
			w := waiting{seq: b.Seq[i], ts: b.TS[i], pid: b.PID[i], tid: b.TID[i], syscall: b.Syscall[i], kind: k, abi: b.ABI[i]}
			if i < len(b.Nr) {
				w.nr = b.Nr[i]
			}
			if i < len(b.Comm) {
				w.comm = b.Comm[i]
			}
			if i < len(b.Container) {
				w.container = b.Container[i]
			}
			if s.order.immediate {
				w.id = s.sym.name(w.abi, w.syscall)
				s.orderedStep(&w)
			} else {
				s.order.slots = append(s.order.slots, w)
			}
		case format.Exec, format.ThreadEnd:
			if s.opt.By != ByProcess || k == format.ThreadEnd && b.Args[format.EndGroup][i] == 0 {
				continue
			}
			w := waiting{seq: b.Seq[i], pid: b.PID[i], kind: k, state: ready}
			if s.order.immediate {
				s.orderedMark(&w)
			} else {
				s.order.slots = append(s.order.slots, w)
			}
		}
	}
	s.fill(calls)
	s.release(maxWaiting)
}

func (s *Streams) finishOrdered(calls []replay.Call) {
	s.fill(calls)
	s.release(0)
}

// fill notes the calls that have ended in their slots.
func (s *Streams) fill(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		if !c.Status.HasEnter() {
			s.taken.NotEntered++
			continue
		}
		state, id := ready, ID(0)
		switch {
		case s.opt.SkipContinued && c.Continues >= 0:
			s.taken.Continued++
			state = dropped
		case s.opt.Accept != nil && !s.opt.Accept(c):
			s.taken.Refused++
			state = dropped
		default:
			id = s.sym.call(c)
			for _, k := range s.calls {
				k.Call(id, c)
			}
		}
		if s.order.immediate {
			continue
		}
		live := s.order.slots[s.order.head:]
		j := sort.Search(len(live), func(j int) bool { return live[j].seq >= c.EnterSeq })
		if j < len(live) && live[j].seq == c.EnterSeq {
			live[j].state, live[j].id = state, id
		}
	}
}

// release takes the slots at the head whose calls have ended, and others too
// when more than limit would wait behind them.
func (s *Streams) release(limit int) {
	o := &s.order
	for o.head < len(o.slots) {
		w := &o.slots[o.head]
		if w.state == pending {
			if len(o.slots)-o.head <= limit {
				break
			}
			s.assume(w)
		}
		o.head++
		switch {
		case w.kind != format.Enter:
			s.orderedMark(w)
		case w.state == ready:
			s.orderedStep(w)
		}
	}
	if o.head > len(o.slots)/2 {
		o.slots = append(o.slots[:0], o.slots[o.head:]...)
		o.head = 0
	}
}

// assume decides about a call that has been running for very long by what
// its enter says.
func (s *Streams) assume(w *waiting) {
	w.state, w.id = ready, s.sym.name(w.abi, w.syscall)
	if s.opt.Accept != nil {
		c := replay.Call{StartNS: w.ts, EnterSeq: w.seq, ExitSeq: -1, Continues: -1, PID: w.pid, TID: w.tid, Nr: w.nr,
			Syscall: w.syscall, Comm: w.comm, Container: w.container, ABI: w.abi, Status: replay.OpenAtEnd, CPUExit: -1}
		if !s.opt.Accept(&c) {
			w.state = dropped
			return
		}
	}
	s.taken.Assumed++
}

func (s *Streams) orderedMark(w *waiting) {
	st := s.find(int64(w.pid))
	switch {
	case st == nil:
	case w.kind == format.Exec:
		s.newProgram(st)
	default:
		s.end(st)
	}
}

func (s *Streams) orderedStep(w *waiting) {
	var key int64
	switch s.opt.By {
	case ByProcess:
		key = int64(w.pid)
	case ByContainer:
		key = int64(w.container)
	}
	st := s.recent
	if st == nil || st.key != key || st.over {
		if st = s.find(key); st == nil {
			st = s.add(key)
		}
		s.recent = st
	}
	switch s.opt.By {
	case ByProcess:
		st.PID, st.Comm, st.Container = w.pid, w.comm, w.container
	case ByContainer:
		st.Container = w.container
	}
	if st.lastSeq >= 0 && s.gaps.between(st.lastEnd, w.ts) {
		st.hole = true
	}
	st.lastSeq, st.lastEnd = w.seq, w.ts
	s.step = Step{ID: w.id, TS: w.ts, PID: w.pid, TID: w.tid, Comm: w.comm, Container: w.container}
	s.emit(st)
}
