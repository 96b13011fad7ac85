package importer

import (
	"errors"
	"strings"

	"systape/format"
	"systape/format/abi"
)

type straceThread struct {
	*thread
	open    *openCall
	abi     abi.ABI
	seen    bool // a line was about it
	called  bool // it has entered a call
	ended   bool
	execOld int32 // the thread id under which the open execve was entered, if not tid
}

// thread returns the thread with an id, making it if it is new.
func (s *strace) thread(id int32, comm string) *straceThread {
	t := s.threads[id]
	if t == nil || t.ended {
		t = &straceThread{thread: &thread{tid: id}, abi: s.opt.ABI}
		s.threads[id] = t
	}
	if comm != "" {
		t.comm = comm
	}
	return t
}

// of returns the thread that a line is about. Lines have ids only while
// strace follows more than one thread, so the first lines' thread may get its
// id later, and a line without one is about the thread that is left. resumed
// says that the line ends a call.
func (s *strace) of(id int32, comm string, labelled, resumed bool) *straceThread {
	if !labelled {
		if s.current == nil || s.current.ended {
			s.current = s.alone()
		}
		return s.current
	}
	t := s.threads[id]
	if m := s.main; t == nil && m != nil && m.tid == 0 && !s.told[id] && (m.open == nil || !m.open.clone ||
		m.open.child != 0 || len(s.told) > 0 || resumed && m.open.name == s.text.name) {
		// An id that nothing tells of is that of the thread that had none,
		// unless it is inside the call that may have made this one.
		m.tid = id
		s.threads[id] = m
	}
	t = s.thread(id, comm)
	if comm == "" {
		s.lack("comm")
	}
	if s.main == nil {
		s.main = t
		t.join(t.thread)
	}
	if !t.seen && t.leader == nil {
		switch parent, several := s.cloning(t); {
		case parent != nil:
			s.born(parent, t, max(s.clock.last, parent.open.ts))
		case several: // the call that returns this id will tell
		case s.attach > 0:
			s.attach--
			t.join(s.main.thread)
		default:
			s.out.guess(t.thread)
		}
	}
	t.seen = true
	return t
}

// alone returns the thread of a line without id.
func (s *strace) alone() *straceThread {
	if s.main == nil {
		s.lack("comm")
		s.main = &straceThread{thread: &thread{}, abi: s.opt.ABI, seen: true}
		s.main.join(s.main.thread)
		return s.main
	}
	var only *straceThread
	for _, t := range s.threads {
		if !t.ended && (only == nil || t.lastTS > only.lastTS || t.lastTS == only.lastTS && t.tid < only.tid) {
			only = t
		}
	}
	if only == nil {
		only = s.main
	}
	return only
}

// cloning returns the thread that is inside a call that makes a thread, if
// only one is.
func (s *strace) cloning(child *straceThread) (parent *straceThread, several bool) {
	for t := range s.cloners {
		if t == child || t.open.child != 0 {
			continue
		}
		if parent != nil {
			return nil, true
		}
		parent = t
	}
	return parent, false
}

// join makes t a thread of a process.
func (t *straceThread) join(leader *thread) {
	t.leader, t.pid = leader, 0
	leader.members++
}

// born says that parent made child.
func (s *strace) born(parent, child *straceThread, ts int64) {
	o := parent.open
	o.child = child.tid
	switch {
	case !o.thread:
		child.join(child.thread)
	case parent.leader != nil:
		child.join(parent.leader)
	default:
		child.pid = parent.pid
	}
	child.abi = parent.abi
	if child.comm == "" {
		child.comm = parent.comm
	}
	s.out.add(ts, parent.thread, format.Event{Kind: format.Fork, ABI: parent.abi}).child = child.thread
}

// made notes the child that a call returned, unless its own lines said so
// before.
func (s *strace) made(t *straceThread, o *openCall, child int32, ts int64) {
	if o.child == child {
		return
	}
	c := s.threads[child]
	if c == nil || c.ended && c.leader != nil {
		c = s.thread(child, "")
	}
	if c.leader == nil {
		t.open = o
		s.born(t, c, ts)
		t.open = nil
		if c.ended {
			delete(s.threads, child)
		}
	}
}

// gone notes that there will be no more lines about a thread, whose end the
// text does not tell.
func (s *strace) gone(t *straceThread) {
	if t.open != nil {
		t.open.settle()
	}
	t.ended = true
	delete(s.threads, t.tid)
	delete(s.cloners, t)
	if t.leader != nil {
		t.leader.members--
	}
	if s.current == t {
		s.current = nil
	}
}

// end writes the end of a thread.
func (s *strace) end(t *straceThread, ts int64) {
	x := &s.text
	code := int64(x.code) << 8
	if x.kind == straceKilled {
		code = int64(x.code)
		if x.core {
			code |= 0x80
		}
	}
	if t.open != nil {
		t.open.settle()
	}
	t.ended, t.open = true, nil
	if t.leader != nil { // else the call that made it has not returned yet, and will tell
		delete(s.threads, t.tid)
	}
	group := int64(1)
	if t.leader != nil {
		if t.leader.members--; t.leader.members > 0 {
			group = 0
		}
	}
	delete(s.cloners, t)
	s.out.add(ts, t.thread, format.Event{Kind: format.ThreadEnd, ABI: t.abi, Args: [6]int64{code, group}})
	if s.current == t {
		s.current = nil
	}
}

// superseded handles an execve by another thread than the leader: the thread
// goes on under the leader's id.
func (s *strace) superseded(leader *straceThread, ts int64) error {
	by := s.threads[s.text.pid]
	s.out.add(ts, leader.thread, format.Event{Kind: format.ThreadEnd, ABI: leader.abi})
	if by == nil {
		leader.open = nil
		return errors.New("superseded by a thread that was not seen")
	}
	o := by.open
	if o == nil && leader.open != nil && strings.HasPrefix(leader.open.name, "execve") {
		o = leader.open
	}
	if o == nil {
		o = &openCall{name: "execve", nr: s.number(leader.abi, "execve"), abi: leader.abi, ts: ts}
	}
	o.settle()
	if leader.open != nil {
		leader.open.settle()
	}
	by.open, by.ended = nil, true
	delete(s.threads, by.tid)
	next := &straceThread{thread: &thread{tid: leader.tid, comm: leader.comm, lastTS: ts}, abi: leader.abi, seen: true, open: o}
	next.join(next.thread)
	delete(s.cloners, by)
	delete(s.cloners, leader)
	s.threads[leader.tid] = next
	if s.main == leader {
		s.main = next
	}
	if s.current == leader || s.current == by {
		s.current = next
	}
	next.execOld = by.tid
	return nil
}
