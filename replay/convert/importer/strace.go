package importer

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// maxHalf bounds the beginning of a call that messages cut off again and again.
const maxHalf = 64 << 10

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
	told    map[int32]bool             // ids that strace said it attached to
	half    []byte                     // beginning of a line that a message of strace split
	text    straceText
	untimed bool
}

type straceThread struct {
	*thread
	open    *openCall
	abi     abi.ABI
	seen    bool // a line was about it
	called  bool // it has entered a call
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

	// Of a call whose line was cut: its enter as long as it waits, and its
	// arguments as far as they stood before the cut.
	enter *node
	order int64
	cut   []byte
}

// settle lets the enter of a call go as it is.
func (o *openCall) settle() *node {
	n := o.enter
	o.enter = nil
	if n == nil || n.at < 0 || n.order != o.order {
		return nil
	}
	n.pending = false
	return n
}

func newStrace(im *importer) *strace {
	im.lack("cpu", "container")
	s := &strace{importer: im, clock: newClock(im.opt.Date), threads: map[int32]*straceThread{},
		cloners: map[*straceThread]struct{}{}, told: map[int32]bool{}}
	return s
}

func (s *strace) begin(src *Source) {
	if src.TID != 0 {
		s.current = s.thread(src.TID, "")
		if s.main == nil {
			s.main = s.current
			s.main.join(s.main.thread)
		}
		s.of(src.TID, "", true, false)
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

func (s *strace) line(b []byte) error {
	b = bytes.TrimLeft(b, " \t")
	if s.half != nil {
		b = append(s.half, b...)
		s.half = nil
	}
	if before, goesOn, ok := s.message(b); ok {
		switch {
		case len(before) == 0:
			return errIgnore
		case len(before) > maxHalf:
			return errForm
		case goesOn: // the call does in the next line
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
	t := s.of(id, string(comm), labelled, s.text.resumed && s.text.kind != straceSuperseded)
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

// straceMessage is what strace says of itself, at the end of a line: "strace:
// Process 12 attached", "/usr/bin/strace: …", and as it was before 4.10
// "Process 12 suspended".
var straceMessage = regexp.MustCompile(`(?:(?:/[\w.+-]+)*/)?(?:strace: )?Process (\d+) (attached(?: with (\d+) threads)?(?: - interrupt to quit)?` +
	`|attached \(waiting for parent\)|detached|suspended|resumed(?: \(parent \d+ ready\))?|created.*|leaving ptrace stop|Untraced)$`)

// maxMessage is how long a message of strace may be.
const maxMessage = 300

// ownMessage begins a line that is nothing else.
var ownMessage = regexp.MustCompile(`^(?:(?:/[\w.+-]+)*/)?strace: `)

// message takes a message of strace off the end of a line. goesOn says that
// the call before it does, in the next line.
func (s *strace) message(b []byte) (before []byte, goesOn, ok bool) {
	var m []int
	at := bytes.LastIndex(b, []byte("Process "))
	if at >= 0 {
		at = max(0, at-maxMessage) // room for the path of strace
		m = straceMessage.FindSubmatchIndex(b[at:min(len(b), at+2*maxMessage)])
	}
	if m == nil {
		return nil, false, bytes.Contains(b[:min(len(b), maxMessage)], []byte("strace: ")) && ownMessage.Match(b)
	}
	before = bytes.TrimSuffix(b[:at+m[0]], []byte("^C"))
	b = b[at:]
	id, _, _ := leadingID(b[m[2]:m[3]])
	what := b[m[4]:m[5]]
	switch {
	case m[6] >= 0:
		t := s.thread(id, "")
		s.main, s.current = t, t
		t.join(t.thread)
		n, _, _ := leadingID(b[m[6]:m[7]])
		s.attach = int(n) - 1
	case bytes.HasPrefix(what, []byte("attached")):
		t := s.thread(id, "")
		s.told[id] = true
		if s.main == nil && len(before) == 0 { // -p
			s.main, s.current = t, t
			t.join(t.thread)
		}
	case bytes.HasPrefix(what, []byte("detached")):
		if t := s.threads[id]; t != nil && len(before) == 0 {
			s.gone(t)
		}
		return before, false, true
	}
	return before, true, true
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
	args, detail := decode.Parse(t.abi, nr, x.args[:min(x.nargs, len(x.args))])
	s.importer.args(&ev, args, detail)
	if cloneNames[name] {
		const cloneThread = 0x10000
		o.clone, o.thread = true, bytes.Contains(x.all, []byte("CLONE_THREAD")) || name == "clone" && args[0]&cloneThread != 0
	}
	if strings.HasPrefix(name, "execve") {
		o.path = firstString(x.all)
	}
	if t.open != nil {
		t.open.settle()
	}
	t.open, t.called = o, true
	delete(s.cloners, t)
	if o.clone {
		s.cloners[t] = struct{}{}
	}
	n := s.out.add(ts, t.thread, ev)
	if x.kind == straceUnfinished && format.ArgumentsUnknown(detail) {
		n.pending = true
		o.enter, o.order, o.cut = n, n.order, bytes.Clone(x.all)
	}
}

// whole reads the arguments of a cut call again, with what followed the cut.
func (s *strace) whole(o *openCall) {
	n := o.settle()
	if n == nil {
		return
	}
	var x straceText
	rest := s.text.all
	if bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("=>")) { // what the call changed of its arguments, which stood before
		rest = nil
	}
	x.splitArgs(append(o.cut, rest...))
	args, detail := decode.Parse(o.abi, o.nr, x.args[:min(x.nargs, len(x.args))])
	s.importer.args(&n.ev, args, detail)
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
		if o != nil {
			o.settle()
		}
		return nil // the thread ended inside the call: its enter stays without an exit
	}
	if o == nil || o.name != x.name {
		// The call was entered before strace attached.
		nr, name := s.call(t.abi, x.name)
		if o != nil {
			o.settle()
		} else if t.called {
			s.orphan(ts, 0)
		}
		t.open = nil
		delete(s.cloners, t)
		t.exit = s.out.add(ts, t.thread, format.Event{Kind: format.Exit, ABI: t.abi, Nr: nr, Syscall: name, Ret: x.ret})
		if o != nil {
			return errors.New("resumed call is not the one that began: " + o.name)
		}
		return nil
	}
	s.whole(o)
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
