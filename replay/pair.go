package replay

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"systape/format"
)

// PairOptions says what a [Pairer] knows about its capture beforehand.
type PairOptions struct {
	// Meta is what the capture says about itself; nil when it says nothing.
	Meta *format.Meta
	// Late are the losses whose rows come later in the stream than the time
	// they are dated at; see [LateLosses]. Without them, calls that ended
	// before such a row have been given out as if nothing had been lost, and
	// the coverage says how many rows came late.
	Late []Loss
	// Growing says that Meta is of a stream whose end is still to come, so
	// that it cannot tell yet when enters stopped. From version 2 on the
	// stream has a row that tells it in time; before, exits that may have been
	// entered later are held back until [Pairer.Learn] or Finish.
	Growing bool
}

// Limits against captures that no kernel can have written: PID_MAX_LIMIT of
// include/linux/threads.h bounds the live threads, and this many calls open
// at once take 160 MB.
const (
	maxThreads = 4 << 20
	maxOpen    = 1 << 20
	maxHeld    = 1 << 16
)

// Pairer turns a stream of events into calls. It keeps 24 bytes for each live
// thread and one Call for each that is inside a call; nothing else grows. It
// allocates only when there are more of them than ever before.
//
// The rule, for each thread on its own, in stream order:
//
//	(1) An enter opens a call. An exit with the same number and ABI closes it:
//	    ok, or restarted when it returns -512…-516, or sigreturn (whose exit
//	    carries -1, not its number). execve may change the ABI, and its exit
//	    then carries the new one's number.
//	(2) An exit that does not fit the open call means that a tracer rewrote
//	    the call: mismatch, one call with both halves.
//	(3) An exit with no call open is the child's side of a fork when it is the
//	    thread's first and says so (child_return); it was open at the start
//	    when nothing of the thread was seen since enters are recorded; it was
//	    entered when they no longer were if it comes after that instant
//	    (enter_after_end); otherwise it was refused before it could enter
//	    (denied). A refusal that is the first thing seen of a thread looks like
//	    a call that was open at the start.
//	(4) An enter while a call is open closes that one without an exit:
//	    no_return when it was exit or exit_group, sigreturn when it was that,
//	    and otherwise exit_lost.
//	(5) The end of a thread closes its call: no_return or killed. A fork row
//	    for a live thread id says that its end was missed: the id is reused.
//	    An execve by another thread than the leader takes the leader's id: its
//	    open call moves there. The end of the capture closes what is left:
//	    no_return or open_at_end. (A fatal signal, or execve and exit_group of
//	    a sibling, mostly make a call return a restart code before its thread
//	    ends: it is restarted, and nothing continues it.)
//	(6) A loss overrides all of it. Where the recorder names the threads that
//	    lost events (format.ThreadLost, from version 2 on), it concerns
//	    these, from their row before to the next. Otherwise every thread may
//	    have been on any CPU, so a loss concerns each thread whose last event
//	    lies before the loss's end. For such a thread, an exit after an enter closes nothing if an
//	    exit may be missing between them, for then the exit may belong to a
//	    later call of the same number: they become exit_lost and enter_lost.
//	    An exit alone is enter_lost if an enter may be missing before it. An
//	    open call whose thread or capture ends is exit_lost if an exit may be
//	    missing. Losses that hold only enters cannot spoil a pair: the thread
//	    was inside the call all the time.
//	(7) A recorder that filters by name, user or cgroup and looks at each event
//	    by itself (format.Request.Floating; none does since whole_calls) lets a thread leave the filter inside one call and come back
//	    inside another: a call in which the thread got a name that the filter
//	    does not let through, or could change its user, is treated as under
//	    (6). A move to another cgroup and back shows nowhere; it is the one
//	    thing that this rule cannot see.
//	(8) Of a selection that another program made any row may have been left out:
//	    an exit alone is enter_lost, and an enter alone exit_lost.
//
// So a duration that is given out as ok was measured, whatever was lost. What
// (6) gives up is small: a loss spoils the calls that are open while it lasts.
type Pairer struct {
	classes *classTable
	threads threads
	open    []Call  // calls that have not ended, by thread.slot
	spare   []int32 // indexes of open that are not in use
	loss    losses
	links   map[int32]*interrupted // by tid; threads with flagInterrupted
	cov     Coverage

	begin    int64              // enters are recorded from here on
	end      int64              // and up to here
	exitsEnd int64              // exits up to here; 0: not known
	floating bool               // threads may come under the filter, or leave it, in the middle of a call
	holds    bool               // enters stand where their exits do, which tell when they were
	comms    []string           // the names that the filter lets through
	linking  bool               // every call of a thread is in the capture
	cut      bool               // the capture begins with another part than the first
	partial  bool               // any row may have been left out of the capture
	source   format.Selection   // what a selection says of the capture it was taken from
	seen     map[int64]struct{} // seq of exits of threads that were seen before
	waiting  bool               // end is not known yet
	held     []Call             // exits whose status depends on end
	started  bool
	now      int64 // time of the latest row
	row      int64 // seq of the next row when the column is not read

	rows  rows // of the batch at hand
	zeros zeros
}

// NewPairer returns a Pairer for one capture.
func NewPairer(opt PairOptions) *Pairer {
	p := &Pairer{
		classes: newClassTable(),
		links:   map[int32]*interrupted{},
		begin:   math.MinInt64, end: math.MaxInt64, now: math.MinInt64,
		linking: true,
	}
	p.threads.init()
	p.partial = opt.Meta != nil && opt.Meta.Selection != nil && !opt.Meta.Selection.Calls
	p.loss.init(opt.Late, opt.Meta != nil && opt.Meta.Version >= 2 && opt.Meta.Imported == nil && !p.partial)
	if opt.Meta != nil {
		p.Learn(opt.Meta)
		p.waiting = opt.Growing && opt.Meta.Version < 2 && p.end == math.MaxInt64
	}
	return p
}

// Learn takes what the capture says about itself when that was not known in
// the beginning: a spool has the instants of detaching at its end. It is to be
// called before Finish.
func (p *Pairer) Learn(m *format.Meta) {
	for _, probe := range m.Probes {
		switch probe.Name {
		case "sys_enter":
			p.begin = probe.AttachNS
			if probe.DetachNS != 0 {
				p.end = probe.DetachNS
			}
		case "sys_exit":
			p.exitsEnd = probe.DetachNS
		}
	}
	r := &m.Request
	p.comms = r.Comms
	p.floating, p.holds = r.Floating(), r.Held()
	p.linking = Linked(m)
	if m.Selection != nil {
		p.source, p.seen = *m.Selection, map[int64]struct{}{}
		for _, seq := range m.Selection.Seen {
			p.seen[seq] = struct{}{}
		}
	}
	if !p.started {
		p.row = m.Part.FirstSeq
		if p.cut = m.Part.Rotation && p.row > 0; p.cut { // the parts before are not here
			p.begin = math.MinInt64
		}
	}
}

// Push appends to out the calls that end in b and returns it. The calls hold
// Symbols of b.Names; every batch of a capture must use the same table. Calls
// come in the order in which they end, which within a thread is also the
// order in which they began. An error means that b cannot be part of a
// capture; the pairer must not be used afterwards.
func (p *Pairer) Push(b *format.Batch, out []Call) ([]Call, error) {
	if err := checkColumns(b); err != nil {
		return out, err
	}
	if !p.started && b.N > 0 {
		p.started = true
		if p.begin == math.MinInt64 {
			p.begin = cmp.Or(p.source.Begin, b.TS[0])
			if p.cut {
				p.begin-- // its first row may be the end of a call
			}
		}
		if len(b.Seq) > 0 {
			p.row = b.Seq[0]
		}
	}
	r := p.rowsOf(b)
	ts, kind, tids, cpus, abis, nrs, rets := r.ts, r.kind, r.tids, r.cpus, r.abis, r.nrs, r.rets
	pids, syscalls, comms, containers, details := r.pids, r.syscalls, r.comms, r.containers, r.details
	arg0, arg1, arg2, arg3, arg4, arg5 := r.args[0], r.args[1], r.args[2], r.args[3], r.args[4], r.args[5]
	kind, tids, cpus, abis, nrs, rets = kind[:len(ts)], tids[:len(ts)], cpus[:len(ts)], abis[:len(ts)], nrs[:len(ts)], rets[:len(ts)]
	for i := 0; i < len(ts); i++ {
		if calls := p.straight(r, i); calls > 0 {
			out = p.takeStraight(r, i, calls, out)
			i += 2*calls - 1
			continue
		}
		now := ts[i]
		if now < p.now {
			return out, fmt.Errorf("row %d of the capture: time %d comes after %d", p.row, now, p.now)
		}
		p.now = now
		if now >= p.loss.next {
			p.loss.advance(now)
		}
		switch kind[i] {
		case format.Enter:
			p.cov.Enters++
			t := p.threads.get(tids[i])
			if t == nil {
				return out, p.tooMany("threads", maxThreads)
			}
			if t.slot >= 0 {
				out = p.interruptedByEnter(t, p.seq(b, i), out)
			} else {
				if t.slot = p.newSlot(); t.slot < 0 {
					return out, p.tooMany("open calls", maxOpen)
				}
			}
			t.last = now
			c := &p.open[t.slot]
			*c = Call{
				StartNS: now, EnterSeq: p.seq(b, i), ExitSeq: -1, EndSeq: -1, Continues: -1,
				Args: [6]int64{arg0[i], arg1[i], arg2[i], arg3[i], arg4[i], arg5[i]},
				PID:  pids[i], TID: tids[i], CPUEnter: cpus[i], CPUExit: -1, Nr: nrs[i], ABI: abis[i],
				Syscall: syscalls[i], Comm: comms[i], Container: containers[i],
			}
			if details != nil {
				c.Told = details[i]
			}
			if t.flags != 0 {
				if t.flags&flagInterrupted != 0 {
					p.link(t, c, r.hasArgs)
				}
				t.flags &^= flagNew | flagExeced | flagMoved | flagLost
			}
			if p.floating && p.classes.of(c.ABI, c.Nr) == classCreds {
				t.flags |= flagMoved
			}
		case format.Exit:
			p.cov.Exits++
			t := p.threads.get(tids[i])
			if t == nil {
				return out, p.tooMany("threads", maxThreads)
			}
			if t.slot < 0 {
				out = p.exitAlone(t, b, i, out)
				t.last = now
				break
			}
			c := &p.open[t.slot]
			if c.Nr != nrs[i] || c.ABI != abis[i] || p.loss.unsafe >= c.StartNS || t.flags != 0 || isRestart(rets[i]) || p.classes.of(c.ABI, c.Nr) == classSigreturn {
				out = p.exitSlowly(t, b, i, r.hasArgs, out)
				t.last = now
				break
			}
			out = append(out, *c)
			c = &out[len(out)-1]
			if e := arg0[i]; e != 0 {
				c.StartNS = min(e, now) // the enter was held until now
			}
			c.DurNS, c.ExitSeq, c.CPUExit, c.Ret = now-c.StartNS, p.seq(b, i), cpus[i], rets[i]
			c.EndSeq = c.ExitSeq
			if details != nil {
				c.learn(details[i])
			}
			p.cov.ByStatus[OK]++
			p.spare = append(p.spare, t.slot)
			t.slot, t.last = -1, now
		case format.Lost:
			if len(b.Args[format.LostExits]) < b.N {
				return out, fmt.Errorf("row %d of the capture: events were lost, but the capture says that none were", p.row)
			}
			l := LossAt(b, i)
			p.cov.addLoss(l)
			if p.loss.add(l, now) {
				p.cov.LateLosses++
			}
		case format.Fork:
			t := p.threads.get(int32(b.Args[format.ForkTID][i]))
			if t == nil {
				return out, p.tooMany("threads", maxThreads)
			}
			if t.slot >= 0 {
				out = p.ended(t, p.seq(b, i), false, out)
			}
			p.forget(t)
			*t = thread{tid: t.tid, slot: -1, last: now, flags: flagNew}
		case format.Exec:
			var err error
			if out, err = p.exec(b, i, out); err != nil {
				return out, err
			}
		case format.Rename:
			if p.floating && !p.letsThrough(b, i) {
				if t := p.threads.find(tids[i]); t != nil {
					t.flags |= flagMoved
				}
			}
		case format.Mark:
			var err error
			if out, err = p.mark(b, i, out); err != nil {
				return out, err
			}
		case format.ThreadEnd:
			if t := p.threads.find(tids[i]); t != nil {
				if t.slot >= 0 {
					out = p.ended(t, p.seq(b, i), true, out)
				}
				p.forget(t)
				p.threads.remove(t.tid)
			}
		case kindUntil:
			if t := p.threads.find(tids[i]); t != nil {
				t.last = arg0[i]
			}
		}
		p.row++
	}
	return out, nil
}

// Finish appends to out the calls that are still open at the end of the
// capture, in the order in which they were entered, and returns it. Where out is
// empty it may be another slice that it returns.
func (p *Pairer) Finish(out []Call) []Call {
	out = p.letGo(out)
	end := p.now
	if p.exitsEnd != 0 {
		end = max(end, p.exitsEnd)
	}
	end = max(end, p.source.End)
	var inside []int32
	for i := range p.threads.list {
		if t := &p.threads.list[i]; t.slot >= 0 {
			inside = append(inside, t.slot)
		}
	}
	slices.Sort(inside)
	for n, slot := range inside { // they move up: where they are many, they are not copied
		c := &p.open[n]
		*c = p.open[slot]
		c.DurNS = 0
		switch {
		case p.classes.of(c.ABI, c.Nr) == classExit:
			c.Status = NoReturn
		case p.partial || p.loss.mayHideEnd(c.StartNS):
			c.Status = ExitLost
		default:
			c.Status, c.DurNS = OpenAtEnd, end-c.StartNS
		}
		p.cov.ByStatus[c.Status]++
	}
	last := p.open[:len(inside)]
	p.threads.init()
	p.open, p.spare = nil, nil
	clear(p.links)
	slices.SortFunc(last, func(a, b Call) int { return cmp.Compare(a.EnterSeq, b.EnterSeq) })
	if len(out) == 0 {
		return last
	}
	return append(out, last...)
}

// Coverage returns what became of the events pushed so far. Calls that are
// still open are not in it before Finish.
func (p *Pairer) Coverage() Coverage {
	c := p.cov
	c.sum()
	return c
}

// OpenBefore reports whether a call that was entered before the capture time
// ts has not ended yet: a reader that wants only such calls may stop when
// there is none.
func (p *Pairer) OpenBefore(ts int64) bool {
	for i := range p.threads.list {
		if t := &p.threads.list[i]; t.slot >= 0 && p.open[t.slot].StartNS < ts {
			return true
		}
	}
	return false
}

// newSlot returns an index of p.open, -1 when there are too many.
func (p *Pairer) newSlot() int32 {
	if n := len(p.spare); n > 0 {
		s := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return s
	}
	if len(p.open) >= maxOpen {
		return -1
	}
	p.open = append(p.open, Call{})
	return int32(len(p.open) - 1)
}

func (p *Pairer) tooMany(what string, limit int) error {
	return fmt.Errorf("row %d of the capture: more than %d %s at once", p.row, limit, what)
}

func (p *Pairer) seq(b *format.Batch, i int) int64 {
	if len(b.Seq) > 0 {
		return b.Seq[i]
	}
	return p.row
}
