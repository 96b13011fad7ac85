package replay_test

import (
	"math/rand/v2"
	"slices"

	"systape/format"
	"systape/format/abi"
)

// A simulation is a small Linux: threads on two CPUs that make calls, fork,
// replace themselves, are interrupted and killed, with few thread ids, so that
// these come again soon, and few numbers and arguments, so that a wrong pair
// looks right. It knows what every event belongs to.
type simulation struct {
	rnd     *rand.Rand
	now     int64
	threads []*simThread
	events  []format.Event
	truth   []simTruth // of events
	freeIDs []int32
	unclear bool // handlers may leave by longjmp, and calls have the same arguments
}

// simTruth is what an event really is.
type simTruth struct {
	call   *simCall
	denied bool // an exit that was refused
	child  bool // an exit on the child's side
}

type simCall struct {
	enter, exit int // indexes of events; -1: none
	nr          int32
	args        [6]int64
	continues   *simCall
	ended       int64 // when its thread ended inside it
}

type simThread struct {
	pid, tid int32
	cpu      int32
	call     *simCall
	forked   bool     // the open clone has its child
	born     int32    // number of the call that the child has yet to return from
	again    *simCall // what the kernel issues next
	frames   []simFrame
	handler  bool // the next call is the first of a handler
}

// simFrame is what rt_sigreturn goes back to.
type simFrame struct {
	restart *simCall
	ax      int64
}

const (
	nrRead, nrWrite, nrSigreturn, nrNanosleep, nrGetpid, nrClone, nrExecve, nrExit, nrFutex, nrRestart, nrExitGroup = 0, 1, 15, 35, 39, 56, 59, 60, 202, 219, 231
)

// simulate runs a simulation until it has made n events.
func simulate(seed uint64, n int) *simulation {
	s := &simulation{rnd: rand.New(rand.NewPCG(seed, 1)), now: 1000, unclear: seed%2 == 1}
	for id := int32(20); id > 10; id-- {
		s.freeIDs = append(s.freeIDs, id)
	}
	for id := int32(1); id <= 3; id++ { // the first one never ends
		t := &simThread{pid: id, tid: id}
		s.threads = append(s.threads, t)
		s.emit(t, format.Event{Kind: format.Fork, Nr: -1, Args: [6]int64{int64(id), int64(id)}}, simTruth{})
	}
	for len(s.events) < n {
		s.step(s.threads[s.rnd.IntN(len(s.threads))])
	}
	return s
}

// emit adds a row of t. A thread is mostly where it was before.
func (s *simulation) emit(t *simThread, e format.Event, truth simTruth) int {
	s.now += 1 + int64(s.rnd.IntN(20))
	if s.rnd.IntN(6) == 0 {
		t.cpu ^= 1
	}
	e.TS, e.CPU, e.PID, e.TID = s.now, t.cpu, t.pid, t.tid
	s.events = append(s.events, e)
	s.truth = append(s.truth, truth)
	return len(s.events) - 1
}

func (s *simulation) enter(t *simThread, nr int32, args [6]int64) *simCall {
	c := &simCall{enter: -1, exit: -1, nr: nr, args: args, continues: t.again}
	t.again, t.call, t.handler = nil, c, false
	c.enter = s.emit(t, format.Event{Kind: format.Enter, Nr: nr, Args: args, Syscall: abi.NameOr(abi.X86_64, nr)}, simTruth{call: c})
	return c
}

func (s *simulation) exit(t *simThread, nr int32, ret int64) {
	t.call.exit = s.emit(t, format.Event{Kind: format.Exit, Nr: nr, Ret: ret, Syscall: abi.NameOr(abi.X86_64, nr)}, simTruth{call: t.call})
	t.call = nil
}

func (s *simulation) exitAlone(t *simThread, nr int32, ret int64, truth simTruth) {
	s.emit(t, format.Event{Kind: format.Exit, Nr: nr, Ret: ret, Syscall: abi.NameOr(abi.X86_64, nr)}, truth)
}

func (s *simulation) step(t *simThread) {
	switch {
	case t.born != 0:
		s.exitAlone(t, t.born, 0, simTruth{child: true})
		t.born = 0
	case t.call != nil:
		s.leave(t)
	case t.again != nil:
		nr, args := t.again.nr, t.again.args
		if s.events[t.again.exit].Ret == -516 {
			nr, args = nrRestart, [6]int64{}
		}
		s.enter(t, nr, args)
	default:
		s.begin(t)
	}
}

// begin lets a thread that is in user space do something.
func (s *simulation) begin(t *simThread) {
	args := [6]int64{int64(s.rnd.IntN(2)), 4096}
	if t.handler || !s.unclear {
		// A handler's first call never looks like the one it interrupted: that
		// case cannot be told apart, see interrupted.
		args[0] = 100 + s.now
	}
	switch p := s.rnd.IntN(100); {
	case p < 55:
		s.enter(t, []int32{nrRead, nrRead, nrWrite, nrGetpid, nrFutex, nrNanosleep}[s.rnd.IntN(6)], args)
	case p < 62:
		s.exitAlone(t, []int32{nrRead, nrWrite, nrClone, nrExecve}[s.rnd.IntN(4)], -1, simTruth{denied: true})
		t.handler = false
	case p < 70:
		s.enter(t, nrClone, [6]int64{17})
	case p < 74:
		s.enter(t, nrExecve, [6]int64{1, 2, 3})
	case p < 77 && t.tid != 1:
		s.enter(t, nrExit, [6]int64{})
	case p < 78 && t.pid != 1:
		s.enter(t, nrExitGroup, [6]int64{})
	case p < 93 && len(t.frames) > 0:
		s.enter(t, nrSigreturn, [6]int64{})
	case p < 96 && s.unclear && len(t.frames) > 0 && !t.handler:
		t.frames = t.frames[:len(t.frames)-1]
	default: // a signal in user space
		t.frames = append(t.frames, simFrame{ax: 1000 + int64(s.rnd.IntN(1000))})
		t.handler = true
	}
}

// leave lets a thread that is inside a call go on, or not.
func (s *simulation) leave(t *simThread) {
	c := t.call
	switch c.nr {
	case nrExit:
		s.end(t)
	case nrExitGroup:
		for _, o := range s.group(t) {
			s.end(o)
		}
	case nrClone:
		if t.forked || len(s.freeIDs) == 0 {
			ret := int64(99)
			if !t.forked {
				ret = -11
			}
			t.forked = false
			s.exit(t, nrClone, ret)
			return
		}
		child := &simThread{tid: s.newID(), cpu: t.cpu, born: nrClone}
		child.pid = t.pid
		if s.rnd.IntN(3) == 0 {
			child.pid = child.tid
		}
		s.emit(t, format.Event{Kind: format.Fork, Nr: -1, Args: [6]int64{int64(child.pid), int64(child.tid)}}, simTruth{})
		t.forked = true
		s.threads = append(s.threads, child)
	case nrExecve:
		if s.rnd.IntN(3) == 0 {
			s.exit(t, nrExecve, -2)
			return
		}
		old := t.tid
		for _, o := range s.group(t) {
			if o == t {
				continue
			}
			s.end(o)
		}
		if t.tid != t.pid {
			s.freeIDs = append([]int32{t.tid}, s.freeIDs...)
			t.tid = t.pid
		}
		t.frames, t.handler = nil, false
		s.emit(t, format.Event{Kind: format.Exec, Nr: -1, Args: [6]int64{int64(old)}, Detail: "/bin/true"}, simTruth{})
		s.exit(t, nrExecve, 0)
	case nrSigreturn:
		f := t.frames[len(t.frames)-1]
		t.frames = t.frames[:len(t.frames)-1]
		s.exit(t, -1, f.ax)
		t.again = f.restart
	default:
		switch p := s.rnd.IntN(100); {
		case p < 60:
			s.exit(t, c.nr, int64(s.rnd.IntN(3)))
		case p < 80:
			s.interrupt(t, c)
		case p < 83 && t.tid != 1:
			s.end(t)
		}
	}
}

// interrupt ends a call with a restart code and decides what follows.
func (s *simulation) interrupt(t *simThread, c *simCall) {
	ret := int64(-512)
	if c.nr == nrNanosleep || c.nr == nrRestart {
		ret = -516
	}
	s.exit(t, c.nr, ret)
	switch p := s.rnd.IntN(3); {
	case p == 0:
		t.again = c
	case p == 1 && ret == -512:
		t.frames = append(t.frames, simFrame{restart: c, ax: int64(c.nr)})
		t.handler = true
	default:
		t.frames = append(t.frames, simFrame{ax: -4})
		t.handler = true
	}
}

// group returns the threads of t's process, t last.
func (s *simulation) group(t *simThread) []*simThread {
	var g []*simThread
	for _, o := range s.threads {
		if o.pid == t.pid && o != t {
			g = append(g, o)
		}
	}
	return append(g, t)
}

func (s *simulation) end(t *simThread) {
	i := s.emit(t, format.Event{Kind: format.ThreadEnd, Nr: -1}, simTruth{})
	if t.call != nil {
		t.call.ended = s.events[i].TS
	}
	s.threads = slices.DeleteFunc(s.threads, func(o *simThread) bool { return o == t })
	if t.tid != t.pid {
		s.freeIDs = append([]int32{t.tid}, s.freeIDs...)
	}
	// A leader's id is not given away while its process has a thread.
	if len(s.group(t)) == 1 {
		s.freeIDs = append([]int32{t.pid}, s.freeIDs...)
	}
}

// newID returns one of the ids that were given back lately, as if they had
// come round.
func (s *simulation) newID() int32 {
	i := s.rnd.IntN(min(3, len(s.freeIDs)))
	id := s.freeIDs[i]
	s.freeIDs = slices.Delete(s.freeIDs, i, i+1)
	return id
}
