package importer

import "bytes"

// maxHalf bounds the beginning of a call that messages cut off again and again.
const maxHalf = 64 << 10

// strace reads strace's text: one line a call, or two when other threads come
// between its beginning and its end.
//
// Lines stand where something begins or ends, so they are in the order of
// time. A call on one line has the time at which it was entered; when it
// returned is known from -T only. Where it is not, the exit has the time of
// the enter, and the capture says that exit times are missing.
//
// A text with -T and without times has durations all the same: what one line
// tells has ended before the next line begins, so the durations are laid one
// after the other, and calls cut by other lines last at least as long as what
// those tell.
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
	spans   bool // no times, but durations
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
		if !s.clock.started {
			s.out.ordinal = true
			ts = s.span()
		}
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

// span returns the time of a line of a text without times: past all that the
// lines before it tell, if there are durations.
func (s *strace) span() int64 {
	switch {
	case s.spans:
		s.clock.last++
	case s.text.durNS >= 0:
		s.spans = true
		s.clock.last = s.out.added // which have been numbered
	}
	return s.clock.last
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

func either[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

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

func (s *strace) finish() {
	if s.half != nil {
		s.res.Skipped++
	}
	switch {
	case s.spans:
		s.lack("ts_ns")
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
