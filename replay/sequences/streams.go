package sequences

import (
	"errors"
	"fmt"
	"slices"

	"systape/format"
	"systape/replay"
)

// A Stream is the calls of one thread, from its first to its last (or of one
// process, container or capture). It is cut where calls may be missing and
// where another program begins.
type Stream struct {
	PID, TID  int32 // TID is 0 for streams of processes, both are for larger ones
	Comm      format.Symbol
	Container format.Symbol
	Number    int    // position among all streams of the capture, from 0
	Slot      int    // small number, used again after the stream's end: where a [Keeper] keeps its state of the stream
	Calls     int64  // steps so far, the current one included
	Window    Window // calls since the last cut, the current one included

	key     int64
	lastSeq int64
	lastEnd int64 // capture time up to which nothing can be missing
	hole    bool  // calls may be missing before the next step
	exec    bool  // the next step is another program's first
	over    bool  // End was called
	touched int64 // the Push of its last call
	marks   []mark
}

// A mark is an event about a thread that its later calls do not share.
type mark struct {
	seq int64
	end bool // the thread ended, or its id was given to another one
	gap bool // calls of the thread alone are missing; with neither, another program began
}

// Step is one call of a stream.
type Step struct {
	ID        ID
	TS        int64 // capture time of the enter
	PID, TID  int32
	Comm      format.Symbol
	Container format.Symbol
	Begins    Begins
}

// Begins says whether a step follows upon the stream's last one, and if not,
// why.
type Begins uint8

// The reasons. After a gap, what went before is not known to be an end.
const (
	Follows   Begins = iota
	FirstCall        // the stream begins
	AfterGap         // calls may be missing before the step
	AfterExec        // the process executed another program
)

// An Observer receives streams step by step. Steps of different streams alternate.
type Observer interface {
	// Step is called for every call. s.Window already ends with it. Neither
	// argument may be kept.
	Step(s *Stream, step *Step)
	// End is called once for each stream, after its last step.
	End(s *Stream)
}

// A CallObserver also wants the calls themselves, when they have ended, in the
// order in which they ended. The symbol is the one that Step has or will get.
type CallObserver interface {
	Call(id ID, c *replay.Call)
}

// Taken says which calls the streams are made of.
type Taken struct {
	Calls      int64 // entered and counted
	NotEntered int64 // exits only: child_return, open_at_start, denied, enter_lost; they are not steps
	Continued  int64 // continuations of interrupted calls that SkipContinued left out
	Refused    int64 // left out by Accept
	Assumed    int64 // still running after 262,144 later calls were entered: counted as if they had not failed (not ByThread)
	Streams    int64
	Cuts       int64 // places where a stream was cut because calls may be missing
	Programs   int64 // places where a stream was cut because the process executed another program
}

// Add adds what the streams of another capture are made of.
func (t *Taken) Add(o Taken) {
	t.Calls += o.Calls
	t.NotEntered += o.NotEntered
	t.Continued += o.Continued
	t.Refused += o.Refused
	t.Assumed += o.Assumed
	t.Streams += o.Streams
	t.Cuts += o.Cuts
	t.Programs += o.Programs
}

// Streams divides the events and calls of a capture into streams. Memory is
// bounded, with a Store for idle threads, however long the capture and however
// many threads live at a time.
type Streams struct {
	opt       Options
	alphabet  *Alphabet
	sym       symbolizer
	codec     Codec
	observers []Observer
	calls     []CallObserver
	keepers   []Keeper
	byKey     map[int64]*Stream
	away      map[int64]place // streams in the store
	state     []byte
	pushes    int64
	recent    *Stream
	free      []int // slots
	slots     int
	ended     []*Stream
	gaps      gaps
	order     order
	taken     Taken
	step      Step
}

// NewStreams returns streams whose symbols are numbered by alphabet.
func NewStreams(opt Options, alphabet *Alphabet, observers ...Observer) (*Streams, error) {
	if opt.MaxN == 0 {
		opt.MaxN = 6
	}
	if opt.MaxN < 1 || opt.MaxN > MaxN {
		return nil, fmt.Errorf("windows of %d calls: want 1 to %d", opt.MaxN, MaxN)
	}
	if slices.Contains(opt.Paths, "") {
		return nil, errors.New("an empty rule for paths")
	}
	if opt.By >= numBys {
		return nil, fmt.Errorf("unknown grouping %d", opt.By)
	}
	s := &Streams{
		opt: opt, alphabet: alphabet, codec: NewCodec(opt.MaxN), observers: observers, byKey: map[int64]*Stream{},
		sym: symbolizer{alphabet: alphabet, withErrors: opt.WithErrors, paths: opt.Paths, native: opt.Native, haveNative: opt.HaveNative},
	}
	s.sym.reset(nil)
	s.gaps.init(opt.Late)
	s.order.immediate = opt.Accept == nil && !opt.WithErrors && len(opt.Paths) == 0 && !opt.SkipContinued
	for _, k := range observers {
		if c, ok := k.(CallObserver); ok {
			s.calls = append(s.calls, c)
		}
		if c, ok := k.(Keeper); ok {
			s.keepers = append(s.keepers, c)
		}
	}
	return s, nil
}

// Taken returns what was counted so far.
func (s *Streams) Taken() Taken { return s.taken }

// Push takes a batch of events and the calls that the pairer completed with
// it. The batch must hold [Columns].
func (s *Streams) Push(b *format.Batch, calls []replay.Call) {
	if s.sym.names != b.Symbols {
		s.sym.reset(b.Symbols)
	}
	for _, st := range s.ended {
		if n := len(st.marks); n > 0 && st.marks[n-1].end { // no call came after the end
			s.end(st)
		}
	}
	s.ended = s.ended[:0]
	s.settle()
	if s.opt.By != ByThread {
		s.pushOrdered(b, calls)
		return
	}
	for i, k := range b.Kind {
		if k > format.Exit {
			s.event(b, i, k)
		}
	}
	for i := range calls {
		s.threadCall(&calls[i])
	}
}

// Finish takes the calls that the pairer gave at the end and ends all streams.
func (s *Streams) Finish(calls []replay.Call) {
	if s.opt.By != ByThread {
		s.finishOrdered(calls)
	} else {
		for i := range calls {
			s.threadCall(&calls[i])
		}
	}
	for _, key := range s.remaining() {
		if st := s.find(key); st != nil {
			s.end(st)
		}
	}
}

// Err returns why the result is not whole: the store failed. It is nil
// otherwise.
func (s *Streams) Err() error {
	if s.opt.Store == nil {
		return nil
	}
	return s.opt.Store.Err()
}

func (s *Streams) event(b *format.Batch, i int, k format.Kind) {
	switch k {
	case format.Lost:
		if b.TID[i] != 0 { // imported: of this thread
			s.mark(int64(b.TID[i]), mark{seq: b.Seq[i], gap: true})
			return
		}
		s.gaps.addRow(b, i)
	case format.Exec:
		s.mark(int64(b.TID[i]), mark{seq: b.Seq[i]})
		if old := b.Args[format.ExecOldTID][i]; old != int64(b.TID[i]) {
			s.mark(old, mark{seq: b.Seq[i]})
		}
	case format.Fork:
		s.mark(b.Args[format.ForkTID][i], mark{seq: b.Seq[i], end: true})
	case format.ThreadEnd:
		s.ended = append(s.ended, s.mark(int64(b.TID[i]), mark{seq: b.Seq[i], end: true}))
	}
}

// mark notes an event for the thread's later calls. The thread may not have
// made a call yet: its calls of this batch come after the events.
func (s *Streams) mark(tid int64, m mark) *Stream {
	st := s.find(tid)
	if st == nil {
		st = s.add(tid)
	}
	st.marks = append(st.marks, m)
	return st
}

// threadCall adds one call to its thread's stream. Calls of one thread come
// in the order in which they were entered.
func (s *Streams) threadCall(c *replay.Call) {
	seq := c.EnterSeq
	if seq < 0 {
		seq = c.ExitSeq
	}
	st := s.recent
	if st == nil || st.key != int64(c.TID) || st.over {
		st = s.find(int64(c.TID))
	}
	if st != nil && len(st.marks) > 0 && st.marks[0].seq < seq {
		st = s.applyMarks(st, seq)
	}
	if !c.Status.HasEnter() {
		s.taken.NotEntered++
		if st != nil {
			switch c.Status {
			case replay.ChildReturn: // another thread now has this id
				if st.Calls > 0 {
					s.renew(st)
				}
			case replay.EnterLost:
				st.hole = true
				st.lastEnd = c.StartNS + c.DurNS
			}
		}
		return
	}
	if s.opt.SkipContinued && c.Continues >= 0 {
		s.taken.Continued++
		s.advance(st, c)
		return
	}
	if s.opt.Accept != nil && !s.opt.Accept(c) {
		s.taken.Refused++
		s.advance(st, c)
		return
	}
	if st == nil {
		st = s.add(int64(c.TID))
	}
	s.recent = st
	st.PID, st.TID, st.Container = c.PID, c.TID, c.Container
	if c.Comm != 0 {
		st.Comm = c.Comm
	}
	id := s.sym.call(c)
	for _, k := range s.calls {
		k.Call(id, c)
	}
	s.step = Step{ID: id, TS: c.StartNS, PID: c.PID, TID: c.TID, Comm: c.Comm, Container: c.Container}
	s.advance(st, c)
	s.emit(st)
}

// advance notes whether something may be missing between the stream's last
// call and c, and up to when nothing is missing now. While a thread is
// inside a call it enters no other, so only the time between one call's exit
// and the next one's enter counts.
func (s *Streams) advance(st *Stream, c *replay.Call) {
	if st == nil {
		return
	}
	if st.lastSeq >= 0 && s.gaps.between(st.lastEnd, c.StartNS) {
		st.hole = true
	}
	st.lastSeq = c.EnterSeq
	st.lastEnd = c.StartNS
	if c.ExitSeq >= 0 {
		st.lastEnd += c.DurNS
	}
}

// applyMarks applies the marks before seq and returns the stream that a call
// at seq belongs to.
func (s *Streams) applyMarks(st *Stream, seq int64) *Stream {
	for len(st.marks) > 0 && st.marks[0].seq < seq {
		m := st.marks[0]
		if st.marks = st.marks[1:]; len(st.marks) == 0 {
			st.marks = nil
		}
		switch {
		case m.gap:
			st.hole = true
		case !m.end:
			s.newProgram(st)
		case st.Calls > 0:
			st = s.renew(st)
		}
	}
	return st
}

// renew ends a stream and returns the one that now has its key, with the
// marks that are still to come.
func (s *Streams) renew(st *Stream) *Stream {
	marks := st.marks
	s.end(st)
	st = s.add(st.key)
	st.marks = marks
	s.over(st)
	return st
}

// over sees to it that a stream that will end in this batch is ended before
// the next one.
func (s *Streams) over(st *Stream) {
	for _, m := range st.marks {
		if m.end {
			s.ended = append(s.ended, st)
			return
		}
	}
}

func (s *Streams) newProgram(st *Stream) {
	if st.Calls > 0 && !st.exec {
		s.taken.Programs++
		st.exec = true
	}
}

// add makes the stream for a key. It is counted when its first step comes.
func (s *Streams) add(key int64) *Stream {
	st := &Stream{key: key, lastSeq: -1}
	s.byKey[key] = st
	return st
}

func (s *Streams) begin(st *Stream) {
	st.Number = int(s.taken.Streams)
	s.taken.Streams++
	s.takeSlot(st)
}

func (s *Streams) takeSlot(st *Stream) {
	if n := len(s.free); n > 0 {
		st.Slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		st.Slot = s.slots
		s.slots++
	}
}

func (s *Streams) end(st *Stream) {
	if st.over {
		return
	}
	st.over = true
	if s.byKey[st.key] == st {
		delete(s.byKey, st.key)
	}
	if st.Calls == 0 {
		return
	}
	for _, k := range s.observers {
		k.End(st)
	}
	s.free = append(s.free, st.Slot)
}

func (s *Streams) emit(st *Stream) {
	if st.Calls == 0 {
		s.begin(st)
	}
	s.step.Begins = Follows
	switch {
	case st.Calls == 0:
		s.step.Begins = FirstCall
	case st.exec:
		s.step.Begins = AfterExec
	case st.hole:
		s.step.Begins = AfterGap
		s.taken.Cuts++
	}
	if s.step.Begins != Follows {
		st.Window.Reset()
		st.hole, st.exec = false, false
	}
	st.Window.Push(s.codec, s.step.ID)
	st.Calls++
	st.touched = s.pushes
	s.taken.Calls++
	for _, k := range s.observers {
		k.Step(st, &s.step)
	}
}
