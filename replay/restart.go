package replay

import (
	"slices"

	"systape/format"
	"systape/format/abi"
)

// The codes that the kernel uses among itself for an interrupted call
// (include/linux/errno.h at v6.12). Signal delivery, which comes after the
// exit tracepoint, decides what becomes of it.
const (
	erestartsys          = 512 // issued again, unless a handler without SA_RESTART ran
	erestartnointr       = 513 // always issued again
	erestartnohand       = 514 // issued again, unless a handler ran
	erestartRestartblock = 516 // restart_syscall is issued, unless a handler ran
	eintr                = 4   // what the program gets otherwise
)

// isRestart tells the codes that never reach a program.
func isRestart(ret int64) bool { return ret <= -erestartsys && ret >= -erestartRestartblock }

// Linked reports whether a capture holds every call of its threads, so that it
// can be told which call continues an interrupted one.
func Linked(m *format.Meta) bool {
	return m.Request.Gapless() && (m.Selection == nil || m.Selection.Threads)
}

// interrupted is the stack of a thread's calls that returned a restart code
// and may still be continued: a handler's own calls may be interrupted too.
//
// What continues a call is told by the next event of its thread:
//
//	(1) Directly after the interrupted call comes restart_syscall (after -516)
//	    or the same call with the same six arguments (after the other codes):
//	    that one continues it.
//	(2) Anything else that enters is a handler's call. When a handler returns,
//	    the exit of rt_sigreturn shows the register that it restores: -EINTR
//	    when the interrupted call is over, and when it will be issued again its
//	    number (x86: handle_signal in arch/x86/kernel/signal.c sets ax to
//	    orig_ax before it builds the frame) or its first argument (arm64:
//	    do_signal puts orig_x0 back). Only after the latter, and only if the
//	    next event enters the same call with the same arguments, that one
//	    continues it.
//
// This may miss a link: when a handler leaves by longjmp or its frame was
// rewritten, or when a handler's call that was interrupted is identical to the
// one that the handler interrupted. But a later call of the same number that
// the program itself made after EINTR is not linked. One case cannot be told apart: a handler that
// makes no call of its own, leaves by longjmp, and a program that then issues
// the identical call at once.
//
// Links need every call of the thread: there are none in captures that were
// filtered by call or by what may change during a call, or sampled, nor
// across a loss.
type interrupted struct {
	calls [8]interruptedCall // the latest, if there are more
	n     int
}

type interruptedCall struct {
	seq, end int64
	args     [6]int64
	ret      int64
	nr       int32
	abi      abi.ABI
	state    uint8
	hasArgs  bool
}

const (
	stateFresh    = iota // nothing happened in the thread since
	stateHandler         // a handler is running
	stateReturned        // the handler returned, and the kernel issues the call again
)

// interrupt notes that c returned a restart code.
func (p *Pairer) interrupt(t *thread, c *Call, hasArgs bool) {
	s := p.links[t.tid]
	if s == nil {
		s = new(interrupted)
		p.links[t.tid] = s
	}
	t.flags |= flagInterrupted
	if s.n == len(s.calls) {
		copy(s.calls[:], s.calls[1:])
		s.n--
	}
	s.calls[s.n] = interruptedCall{seq: c.EnterSeq, end: c.StartNS + c.DurNS, args: c.Args, ret: c.Ret, nr: c.Nr, abi: c.ABI, hasArgs: hasArgs}
	s.n++
}

// link sets c.Continues if c, which is about to be entered, continues the
// latest interrupted call of its thread.
func (p *Pairer) link(t *thread, c *Call, hasArgs bool) {
	s := p.links[t.tid]
	r := &s.calls[s.n-1]
	if p.loss.mayHideEnter(r.end) || p.loss.mayHideReturn(r.end) {
		p.forget(t)
		return
	}
	switch r.state {
	case stateHandler:
		return
	case stateFresh:
		again := c.Nr == r.nr && r.ret != -erestartRestartblock && hasArgs && r.hasArgs && c.Args == r.args
		if c.ABI == r.abi && (again || r.ret == -erestartRestartblock && p.classes.of(c.ABI, c.Nr) == classRestart) {
			break
		}
		r.state = stateHandler
		return
	case stateReturned:
		same := func(r *interruptedCall) bool {
			return hasArgs && r.hasArgs && c.ABI == r.abi && c.Nr == r.nr && c.Args == r.args
		}
		if !same(r) || slices.ContainsFunc(s.calls[:s.n-1], func(o interruptedCall) bool { return same(&o) }) {
			p.pop(t, s)
			return
		}
	}
	c.Continues = r.seq
	p.pop(t, s)
}

// refused notes that an exit without enter came: a handler is running, or the
// call that was to be issued again was refused.
func (p *Pairer) refused(t *thread) {
	s := p.links[t.tid]
	switch r := &s.calls[s.n-1]; r.state {
	case stateFresh:
		r.state = stateHandler
	case stateReturned:
		p.pop(t, s)
	}
}

// handlerReturned looks at the exit c of an rt_sigreturn: whether it ends the
// handler that interrupted the latest interrupted call.
func (p *Pairer) handlerReturned(t *thread, c *Call) {
	s := p.links[t.tid]
	r := &s.calls[s.n-1]
	restored := int64(r.nr)
	switch r.abi {
	case abi.ARM64:
		restored = r.args[0]
	case abi.ARM:
		restored = int64(int32(r.args[0]))
	}
	switch {
	case c.Ret == -eintr, r.ret == -erestartRestartblock && c.Ret == restored:
		p.pop(t, s)
	case c.Ret == restored && (r.abi != abi.ARM64 && r.abi != abi.ARM || r.hasArgs):
		r.state = stateReturned
	case r.state == stateReturned:
		p.pop(t, s)
	}
}

func (p *Pairer) pop(t *thread, s *interrupted) {
	if s.n--; s.n == 0 {
		p.forget(t)
	}
}

// Chain is an interrupted call with all that continued it, as the program saw
// it: one call.
type Chain struct {
	Attempts int   // calls in the chain so far
	FirstSeq int64 // EnterSeq of the first
	StartNS  int64 // when the first was entered
	TotalNS  int64 // from there to the latest exit, the time in handlers included
	InCallNS int64 // the sum of the attempts' own durations
}

// Chains follows restarted calls to what continues them. The zero value is
// ready. It keeps the chains that may go on: at most eight for each thread.
type Chains struct {
	open map[int32][]openChain // by tid, latest last
}

type openChain struct {
	last int64 // EnterSeq of the latest attempt
	Chain
}

// Add takes the next call of a capture, in the order of the Pairer, and
// returns the chain that it ends so far: one attempt if it continues nothing.
func (s *Chains) Add(c *Call) Chain {
	chain := Chain{Attempts: 1, FirstSeq: c.EnterSeq, StartNS: c.StartNS, TotalNS: c.DurNS, InCallNS: c.DurNS}
	list := s.open[c.TID]
	if c.Continues >= 0 {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].last == c.Continues {
				was := list[i].Chain
				chain = Chain{was.Attempts + 1, was.FirstSeq, was.StartNS, c.StartNS + c.DurNS - was.StartNS, was.InCallNS + c.DurNS}
				list = append(list[:i], list[i+1:]...)
				break
			}
		}
	}
	switch {
	case c.Status == Restarted:
		if len(list) == len(interrupted{}.calls) {
			list = append(list[:0], list[1:]...)
		}
		list = append(list, openChain{c.EnterSeq, chain})
	case c.Status == NoReturn || c.Status == Killed:
		list = nil
	}
	if len(list) > 0 {
		if s.open == nil {
			s.open = map[int32][]openChain{}
		}
		s.open[c.TID] = list
	} else if s.open != nil {
		delete(s.open, c.TID)
	}
	return chain
}
