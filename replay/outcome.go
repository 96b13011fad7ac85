package replay

import (
	"fmt"
	"slices"

	"systape/format"
	"systape/format/abi"
)

// This file is what the rule of the Pairer says about events that are not
// simply an enter and the exit that belongs to it.

// interruptedByEnter closes the open call of t because another one begins
// (rule 4). The slot stays with the thread.
func (p *Pairer) interruptedByEnter(t *thread, seq int64, out []Call) []Call {
	c := p.open[t.slot]
	c.EndSeq = seq
	switch p.classes.of(c.ABI, c.Nr) {
	case classExit:
		c.Status = NoReturn
	case classSigreturn:
		c.Status = Sigreturn
		if p.mayHaveReturned(t, &c) {
			c.Status = ExitLost
		}
	default:
		c.Status = ExitLost
		if !p.mayHaveReturned(t, &c) {
			p.cov.Unexplained++
		}
	}
	c.DurNS = 0
	p.cov.ByStatus[c.Status]++
	return append(out, c)
}

// mayHaveReturned reports whether the exit of t's open call c may be missing,
// as its next row lets one think.
func (p *Pairer) mayHaveReturned(t *thread, c *Call) bool {
	return t.flags&flagLost != 0 || p.loss.mayHideReturn(c.StartNS)
}

// mayHaveEntered reports whether an enter of t may be missing since its latest
// row.
func (p *Pairer) mayHaveEntered(t *thread) bool {
	return t.flags&flagLost != 0 || p.loss.mayHideEnter(t.last)
}

// exitSlowly handles an exit with a call open where something is unusual.
func (p *Pairer) exitSlowly(t *thread, b *format.Batch, i int, hasArgs bool, out []Call) []Call {
	c := p.open[t.slot]
	p.spare = append(p.spare, t.slot)
	t.slot = -1
	class := p.classes.of(c.ABI, c.Nr)
	if p.loss.mayHideCall(c.StartNS) || t.flags&(flagMoved|flagLost) != 0 {
		c.Status, c.EndSeq = ExitLost, p.seq(b, i)
		p.cov.ByStatus[ExitLost]++
		out = append(out, c)
		x := p.exitOnly(b, i)
		x.Status = EnterLost
		if p.firstReturn(t, b, i) {
			x.Status = ChildReturn
		}
		p.cov.ByStatus[x.Status]++
		t.flags &^= flagNew | flagExeced | flagMoved | flagLost
		return append(out, x)
	}
	c.ExitSeq, c.CPUExit, c.Ret = p.seq(b, i), b.CPU[i], b.Ret[i]
	c.EndSeq = c.ExitSeq
	c.learn(column(b.Detail, i))
	if e := column(b.Args[format.ExitEntered], i); e != 0 {
		c.StartNS = min(e, p.now)
	}
	c.DurNS = p.now - c.StartNS
	nr, a := b.Nr[i], b.ABI[i]
	same := nr == c.Nr && a == c.ABI
	switch {
	case class == classSigreturn && (same || nr == -1):
		c.Status = Sigreturn
		if t.flags&flagInterrupted != 0 {
			p.handlerReturned(t, &c)
		}
	case same && isRestart(c.Ret):
		c.Status = Restarted
		if p.linking {
			p.interrupt(t, &c, hasArgs)
		}
	case same:
		c.Status = OK
	case class == classExec && (nr == c.Nr || p.classes.of(a, nr) == classExec):
		// x86 pretends that the call was the new ABI's execve, also when it
		// was execveat (set_personality_64bit and __set_personality_ia32 in
		// arch/x86/kernel/process_64.c at v6.12); arm64 keeps the number
		// (start_thread_common in arch/arm64/include/asm/processor.h).
		c.Status = OK
	default:
		c.Status = Mismatch
		c.Detail = fmt.Sprintf("returned as %s %s", a, abi.NameOr(a, nr))
	}
	t.flags &^= flagNew | flagExeced | flagMoved
	p.cov.ByStatus[c.Status]++
	return append(out, c)
}

// letsThrough reports whether the filter by names, if there is one, lets the
// thread of a rename row through with its new name.
func (p *Pairer) letsThrough(b *format.Batch, i int) bool {
	if len(p.comms) == 0 {
		return true
	}
	if i >= len(b.Comm) {
		return false
	}
	const kept = 15 // bytes of a name that the kernel keeps (TASK_COMM_LEN less one)
	name := b.Symbols.String(b.Comm[i])
	return slices.ContainsFunc(p.comms, func(c string) bool { return c[:min(len(c), kept)] == name })
}

// exitAlone handles an exit with no call open (rules 3 and 6).
func (p *Pairer) exitAlone(t *thread, b *format.Batch, i int, out []Call) []Call {
	c := p.exitOnly(b, i)
	if _, ok := p.seen[c.ExitSeq]; ok {
		t.last = max(t.last, p.now)
	}
	switch {
	case p.firstReturn(t, b, i):
		c.Status = ChildReturn
	case p.partial || p.mayHaveEntered(t):
		c.Status = EnterLost
	case t.last < p.begin:
		// Nothing is known of the thread since enters are recorded. It has
		// been inside the call since then, unless the filter let it in only
		// now, or it computed all the time and entered after the last enter.
		c.Status = OpenAtStart
		if p.now > p.begin && p.now <= p.end && !p.floating {
			c.StartNS, c.DurNS = p.begin, p.now-p.begin
		}
	case p.now > p.end:
		c.Status = EnterAfterEnd
	case p.floating:
		c.Status = OpenAtStart
	default:
		c.Status = Denied
	}
	if t.flags&flagInterrupted != 0 {
		p.refused(t)
	}
	t.flags &^= flagNew | flagExeced | flagLost
	if c.Status == Denied && p.waiting {
		return p.hold(c, out)
	}
	p.cov.ByStatus[c.Status]++
	return append(out, c)
}

// hold keeps back an exit that was either refused or entered when enters were
// no longer recorded, while it is not known when that was.
func (p *Pairer) hold(c Call, out []Call) []Call {
	if len(p.held) == maxHeld {
		p.cov.ByStatus[Denied] += maxHeld / 2
		out = append(out, p.held[:maxHeld/2]...)
		p.held = append(p.held[:0], p.held[maxHeld/2:]...)
	}
	p.held = append(p.held, c)
	return out
}

// letGo gives out what was held back, now that p.end is known or nothing will
// tell it.
func (p *Pairer) letGo(out []Call) []Call {
	for _, c := range p.held {
		if c.StartNS > p.end {
			c.Status = EnterAfterEnd
		}
		p.cov.ByStatus[c.Status]++
		out = append(out, c)
	}
	p.held, p.waiting = nil, false
	return out
}

// firstReturn tells the exit of a new thread that never entered: fork and its
// kin return 0 in the child only, and a process that the kernel itself starts
// (a usermode helper) returns from an execve that no one called.
func (p *Pairer) firstReturn(t *thread, b *format.Batch, i int) bool {
	switch p.classes.of(b.ABI[i], b.Nr[i]) {
	case classSpawn:
		return b.Ret[i] == 0
	case classExec:
		return t.flags&(flagNew|flagExeced) == flagNew|flagExeced && !p.mayHaveEntered(t)
	}
	return false
}

// ended closes the open call of a thread that is no more (rule 5). dated says
// that the end is the row at hand; otherwise it was some time before. It
// frees the slot. seq is that of the row that tells of the end.
func (p *Pairer) ended(t *thread, seq int64, dated bool, out []Call) []Call {
	c := p.open[t.slot]
	c.EndSeq = seq
	p.spare = append(p.spare, t.slot)
	t.slot = -1
	c.DurNS = 0
	switch {
	case p.classes.of(c.ABI, c.Nr) == classExit:
		c.Status = NoReturn
	case p.partial, dated && p.mayHaveReturned(t, &c), !dated && p.loss.mayHideEnd(c.StartNS):
		c.Status = ExitLost
	default:
		c.Status = Killed
	}
	if dated && c.Status != ExitLost {
		c.DurNS = p.now - c.StartNS
	}
	p.cov.ByStatus[c.Status]++
	return append(out, c)
}

// exec handles an exec row: the thread lives on, perhaps under the leader's id.
func (p *Pairer) exec(b *format.Batch, i int, out []Call) ([]Call, error) {
	tid, old := b.TID[i], int32(b.Args[format.ExecOldTID][i])
	t := p.threads.get(tid)
	if t == nil {
		return out, p.tooMany("threads", maxThreads)
	}
	p.forget(t) // the new program starts without handlers
	lost := t.flags & flagLost
	if old != tid {
		if t.slot >= 0 {
			out = p.ended(t, p.seq(b, i), false, out)
		}
		if was := p.threads.find(old); was != nil {
			p.forget(was)
			slot, last, flags := was.slot, was.last, was.flags
			p.threads.remove(old)
			*t = thread{tid: tid, slot: slot, last: last, flags: flags}
		} else {
			*t = thread{tid: tid, slot: -1, last: unseen}
		}
	}
	t.flags |= flagExeced | lost
	if t.slot >= 0 && len(b.Detail) > 0 {
		if c := &p.open[t.slot]; p.classes.of(c.ABI, c.Nr) == classExec {
			c.Detail = b.Detail[i]
		}
	}
	return out, nil
}

// forget drops what links calls of a thread that is no more.
func (p *Pairer) forget(t *thread) {
	if t.flags&flagInterrupted != 0 {
		delete(p.links, t.tid)
		t.flags &^= flagInterrupted
	}
}
