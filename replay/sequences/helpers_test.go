package sequences_test

import (
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/sequences"
)

// script is a capture made of plain words, for tests: rows in the order of
// time, calls that take a nanosecond.
type script struct {
	names *format.SymbolTable
	batch *format.Batch
	calls []replay.Call
	seq   int64
	clock int64
}

func newScript() *script {
	n := format.NewSymbolTable()
	return &script{names: n, batch: format.NewBatch(n, 16)}
}

// call enters and leaves one call.
func (s *script) call(tid int32, name string) *replay.Call {
	return s.callIn(tid, tid, name)
}

func (s *script) callIn(pid, tid int32, name string) *replay.Call {
	s.clock += 10
	s.batch.Append(format.Event{TS: s.clock, Seq: s.seq, Kind: format.Enter, PID: pid, TID: tid, Syscall: name})
	s.batch.Append(format.Event{TS: s.clock + 1, Seq: s.seq + 1, Kind: format.Exit, PID: pid, TID: tid, Syscall: name})
	sym := s.names.InternString(name)
	s.calls = append(s.calls, replay.Call{StartNS: s.clock, DurNS: 1, EnterSeq: s.seq, ExitSeq: s.seq + 1, Continues: -1,
		PID: pid, TID: tid, Syscall: sym})
	s.seq += 2
	return &s.calls[len(s.calls)-1]
}

func (s *script) event(e format.Event) {
	s.clock += 10
	if e.TS == 0 {
		e.TS = s.clock
	}
	e.Seq, e.Nr = s.seq, -1
	s.seq++
	s.batch.Append(e)
}

func (s *script) lost(first, last, enters, exits int64) {
	e := format.Event{TS: first, Kind: format.Lost}
	e.Args = [6]int64{enters + exits, first, last, enters, exits}
	s.event(e)
}

func (s *script) end(tid int32) { s.event(format.Event{Kind: format.ThreadEnd, PID: tid, TID: tid}) }

// push hands everything written so far to the streams and starts afresh.
func (s *script) push(st *sequences.Streams) {
	st.Push(s.batch, s.calls)
	s.batch.Reset()
	s.calls = s.calls[:0]
}

// feed sends each list as the calls of one thread.
func feed(t *testing.T, opt sequences.Options, a *sequences.Alphabet, lists [][]string, observers ...sequences.Observer) *sequences.Streams {
	t.Helper()
	st, err := sequences.NewStreams(opt, a, observers...)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript()
	for i, l := range lists {
		for _, name := range l {
			s.call(int32(i+1), name)
		}
		s.push(st)
	}
	st.Finish(nil)
	return st
}

// train makes a baseline of the lists.
func train(t *testing.T, o sequences.BaselineOptions, opt sequences.Options, lists ...[]string) *sequences.Baseline {
	t.Helper()
	b, err := sequences.NewBaseline(o, opt)
	if err != nil {
		t.Fatal(err)
	}
	tr, a := b.Train()
	st := feed(t, b.Options(), a, lists, tr)
	tr.Done(sequences.Lesson{Name: "test"}, st.Taken())
	return b
}

// steps writes down what the streams did, for tests of the division.
type steps struct {
	alphabet *sequences.Alphabet
	streams  map[int]*[]string
	ended    []int
}

func newSteps(a *sequences.Alphabet) *steps {
	return &steps{alphabet: a, streams: map[int]*[]string{}}
}

func (s *steps) Step(st *sequences.Stream, step *sequences.Step) {
	l := s.streams[st.Number]
	if l == nil {
		l = new([]string)
		s.streams[st.Number] = l
	}
	switch step.Begins {
	case sequences.AfterGap:
		*l = append(*l, "|gap|")
	case sequences.AfterExec:
		*l = append(*l, "|exec|")
	}
	*l = append(*l, s.alphabet.Name(step.ID))
}

func (s *steps) End(st *sequences.Stream) { s.ended = append(s.ended, st.Number) }
