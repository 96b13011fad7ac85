package importer

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"systape/format"
	"systape/format/abi"
)

// strace reads strace's text: one line a call, or two when other threads come
// between its beginning and its end.
//
// Lines stand where something begins or ends, so they are in the order of
// time. A call on one line has the time at which it was entered; when it
// returned is known from -T only. Where it is not, the exit has the time of
// the enter, and the capture says that exit times are missing.
type strace struct {
	*importer
	clock   clock
	threads map[int32]*straceThread
	main    *straceThread
	current *straceThread              // the one that lines without an id are about
	cloners map[*straceThread]struct{} // those inside a call that makes a thread
	attach  int                        // threads of main that strace announced and that have not been seen
	half    []byte                     // beginning of a line that a message of strace split
	text    straceText
	untimed bool
}

type straceThread struct {
	*thread
	open    *openCall
	abi     abi.ABI
	seen    bool // a line was about it
	ended   bool
	execOld int32 // the thread id under which the open execve was entered, if not tid
}

// openCall is a call that was entered and has not returned.
type openCall struct {
	name   string
	nr     int32
	abi    abi.ABI
	ts     int64
	path   string // execve
	clone  bool
	thread bool  // clone: the child is a thread
	child  int32 // clone: its id, once it has been seen
}

func newStrace(im *importer) *strace {
	im.lack("cpu", "container")
	s := &strace{importer: im, clock: newClock(im.opt.Date), threads: map[int32]*straceThread{}, cloners: map[*straceThread]struct{}{}}
	return s
}

func (s *strace) begin(src *Source) {
	if src.TID != 0 {
		s.current = s.thread(src.TID, "")
		if s.main == nil {
			s.main = s.current
			s.main.join(s.main.thread)
		}
		s.of(src.TID, "", true)
		return
	}
	s.current = nil
}

func (s *strace) stamp(line []byte) (int64, bool) {
	_, _, rest, _ := straceID(line)
	ns, kind, _, _ := parseStamp(rest)
	return ns, kind == epoch || kind == timeOfDay
}

// straceID reads "[pid N] " or "N " with the thread's name after N if -Y
// was given.
func straceID(b []byte) (id int32, comm, rest []byte, ok bool) {
	t := bytes.TrimLeft(b, " ")
	end := []byte(" ")
	if r, cut := bytes.CutPrefix(t, []byte("[pid")); cut {
		t, end = bytes.TrimLeft(r, " "), []byte("]")
	}
	id, rest, ok = leadingID(t)
	if !ok {
		return 0, nil, b, false
	}
	if bytes.HasPrefix(rest, []byte("<")) {
		i := bytes.Index(rest, append([]byte(">"), end...))
		if i < 0 {
			return 0, nil, b, false
		}
		comm, rest = rest[1:i], rest[i+1:]
	}
	if !bytes.HasPrefix(rest, end) {
		return 0, nil, b, false
	}
	if end[0] == ' ' && id >= minEpoch { // -ttt without fractions
		return 0, nil, b, false
	}
	rest = bytes.TrimLeft(rest[1:], " ")
	if end[0] == ']' && bytes.HasPrefix(rest, []byte("[pid")) {
		// On a terminal, strace may have begun a line when it had to tell of
		// another thread; then it begins it again.
		if id, comm, again, ok := straceID(rest); ok {
			return id, comm, again, true
		}
	}
	return id, comm, rest, true
}

// stracePath is what stands before "strace: " when it was called by a path.
var stracePath = regexp.MustCompile(`(?:/[\w.+-]+)*/$`)

func (s *strace) line(b []byte) error {
	if s.half != nil {
		b = append(s.half, b...)
		s.half = nil
	}
	if i := bytes.Index(b, []byte("strace: ")); i >= 0 {
		before := bytes.TrimSuffix(stracePath.ReplaceAll(b[:i], nil), []byte("^C"))
		attached, isNote := s.note(b[i:], len(before) == 0)
		switch {
		case !isNote:
		case len(before) == 0:
			return errIgnore
		case attached: // the call goes on in the next line
			s.half = bytes.Clone(before)
			return errIgnore
		default:
			b = append(bytes.Clone(before), unfinished...)
		}
	}
	id, comm, rest, labelled := straceID(b)
	ns, kind, grain, rest := parseStamp(rest)
	rest = s.skipBrackets(rest)
	if bytes.HasPrefix(rest, []byte("[ Process PID=")) {
		return s.personality(rest)
	}
	if err := s.text.parse(rest, s.opt.ABI); err != nil {
		return err
	}
	if s.text.kind == straceNote {
		return errIgnore
	}
	t := s.of(id, string(comm), labelled)
	ts := s.clock.at(ns, kind, grain)
	if kind == noStamp {
		s.untimed = true
		s.out.ordinal = s.out.ordinal || !s.clock.started
	}
	if t.lastTS > ts && t.lastTS-ts < grain { // two instants within one unit of the clock
		ts = t.lastTS
	}
	if t.exit != nil && t.exit.ts > ts {
		s.out.move(t.exit, ts)
	}
	t.lastTS = ts
	err := s.apply(t, ts)
	s.out.advance(min(ts, s.clock.last))
	return err
}

// skipBrackets skips the instruction pointer (-i) and the number (-n).
func (s *strace) skipBrackets(b []byte) []byte {
	for bytes.HasPrefix(b, []byte("[")) {
		i := bytes.IndexByte(b, ']')
		if i < 0 || len(bytes.Trim(b[1:i], " 0123456789abcdefx?")) > 0 {
			return b
		}
		b = bytes.TrimLeft(b[i+1:], " ")
	}
	return b
}

// note reads a message of strace itself. alone says that the line begins
// with it; elsewhere only those about processes are recognised.
func (s *strace) note(b []byte, alone bool) (attached, ok bool) {
	rest, isProcess := bytes.CutPrefix(b[len("strace: "):], []byte("Process "))
	id, rest, isID := leadingID(rest)
	switch {
	case !isProcess || !isID:
		return false, alone
	case bytes.Equal(rest, []byte(" attached")):
		t := s.thread(id, "")
		if s.main == nil { // -p
			s.main, s.current = t, t
			t.join(t.thread)
		}
		return true, true
	case bytes.HasPrefix(rest, []byte(" attached with ")):
		t := s.thread(id, "")
		s.main, s.current = t, t
		t.join(t.thread)
		n, _, _ := leadingID(rest[len(" attached with "):])
		s.attach = int(n) - 1
		return true, true
	}
	return false, alone || bytes.Equal(rest, []byte(" detached"))
}

func (s *strace) personality(b []byte) error {
	id, rest, ok := leadingID(b[len("[ Process PID="):])
	if !ok {
		return errForm
	}
	t := s.thread(id, "")
	switch {
	case bytes.Contains(rest, []byte("32 bit")):
		t.abi = either(s.opt.ABI == abi.ARM64, abi.ARM, abi.I386)
	case bytes.Contains(rest, []byte("x32")):
		t.abi = abi.X32
	default:
		t.abi = s.opt.ABI
	}
	return errIgnore
}

func either[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
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
// id later.
func (s *strace) of(id int32, comm string, labelled bool) *straceThread {
	if !labelled {
		if s.current == nil || s.current.ended {
			s.current = s.alone()
		}
		return s.current
	}
	t := s.threads[id]
	if m := s.main; t == nil && m != nil && m.tid == 0 && (m.open == nil || !m.open.clone) {
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

var cloneNames = map[string]bool{"clone": true, "clone3": true, "fork": true, "vfork": true, "clone2": true}

func (s *strace) apply(t *straceThread, ts int64) error {
	x := &s.text
	switch x.kind {
	case straceSignal:
		s.res.Signals++
		return errIgnore
	case straceNote:
		return errIgnore
	case straceExited, straceKilled:
		s.end(t, ts)
		return nil
	case straceSuperseded:
		return s.superseded(t, ts)
	case straceCall, straceUnfinished, straceAbandoned:
		if x.resumed {
			return s.resumed(t, ts)
		}
		if x.name == "???" {
			return errIgnore
		}
		s.enter(t, ts)
		if x.kind == straceCall {
			s.exit(t, ts, ts, true)
		}
		return nil
	}
	return s.resumed(t, ts)
}

// enter writes the beginning of a call.
func (s *strace) enter(t *straceThread, ts int64) {
	x := &s.text
	nr, name := s.call(t.abi, x.name)
	o := &openCall{name: name, nr: nr, abi: t.abi, ts: ts}
	ev := format.Event{Kind: format.Enter, ABI: t.abi, Nr: nr, Syscall: name}
	s.args(&ev, nr)
	if cloneNames[name] {
		o.clone, o.thread = true, bytes.Contains(x.all, []byte("CLONE_THREAD"))
		if name == "clone" && !o.thread && x.nargs > 0 {
			if flags, ok := parseArg(x.args[0]); ok {
				o.thread = flags&0x10000 != 0 // CLONE_THREAD, -X raw
			}
		}
	}
	if strings.HasPrefix(name, "execve") {
		o.path = firstString(x.all)
	}
	t.open = o
	delete(s.cloners, t)
	if o.clone {
		s.cloners[t] = struct{}{}
	}
	s.out.add(ts, t.thread, ev)
}

// call finds name and number. strace calls unknown ones syscall_0x1ff.
func (s *strace) call(a abi.ABI, name string) (int32, string) {
	if hex, ok := strings.CutPrefix(name, "syscall_"); ok {
		if n, ok := parseInteger([]byte(hex)); ok && n >= -1 && n <= 1<<31-1 {
			return int32(n), s.name(a, int32(n))
		}
	}
	return s.number(a, name), name
}

// args stores the arguments that stand for register values.
func (s *strace) args(ev *format.Event, nr int32) {
	x := &s.text
	takes := abi.NumArgs(ev.ABI, nr)
	for i := range min(takes, 6) {
		if i < x.nargs && x.args[i] != nil {
			if v, ok := parseArg(x.args[i]); ok {
				ev.Args[i] = v
				continue
			}
		}
		s.noArg[i] = true
	}
}

// exit writes the end of the open call. A call on one line has ended by -T's
// duration after its beginning, or at an unknown time.
func (s *strace) exit(t *straceThread, ts, line int64, oneLine bool) {
	x, o := &s.text, t.open
	t.open = nil
	delete(s.cloners, t)
	if x.durNS >= 0 && s.clock.kind != noStamp {
		ts = o.ts + x.durNS
		if !oneLine { // the line stands where the call ended, and its time is cut off, not rounded
			ts = max(min(ts, line+s.clock.grain), s.out.last)
		}
	} else if oneLine {
		s.lack("exit ts_ns")
	}
	if o.clone && x.ret > 0 && x.ret <= 1<<31-1 {
		s.made(t, o, int32(x.ret), max(o.ts, min(ts, line)))
	}
	a := o.abi
	if strings.HasPrefix(o.name, "execve") && x.ret == 0 {
		old := t.execOld // 0: the thread's own
		t.execOld = 0
		s.out.add(ts, t.thread, format.Event{Kind: format.Exec, ABI: a, Args: [6]int64{int64(old)}, Detail: o.path})
	}
	n := s.out.add(ts, t.thread, format.Event{Kind: format.Exit, ABI: a, Nr: o.nr, Syscall: o.name, Ret: x.ret})
	t.exit, t.lastTS = n, max(ts, t.lastTS)
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

// resumed ends the call that an earlier line began.
func (s *strace) resumed(t *straceThread, ts int64) error {
	x := &s.text
	o := t.open
	if x.kind == straceAbandoned || x.kind == straceUnfinished {
		return nil // the thread ended inside the call: its enter stays without an exit
	}
	if o == nil || o.name != x.name {
		// The call was entered before strace attached.
		nr, name := s.call(t.abi, x.name)
		t.open = nil
		delete(s.cloners, t)
		t.exit = s.out.add(ts, t.thread, format.Event{Kind: format.Exit, ABI: t.abi, Nr: nr, Syscall: name, Ret: x.ret})
		if o != nil {
			return errors.New("resumed call is not the one that began: " + o.name)
		}
		return nil
	}
	s.exit(t, ts, ts, false)
	return nil
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

func (s *strace) finish() {
	if s.half != nil {
		s.res.Skipped++
	}
	switch {
	case s.untimed:
		s.lack("ts_ns", "exit ts_ns")
	case s.clock.kind == relative, s.clock.kind == timeOfDay && !s.clock.dated:
		s.lack("date")
	}
	if s.main != nil && s.main.tid == 0 {
		s.lack("tid", "pid")
		s.main.tid = 1
	}
}
