// Package text turns calls and events into lines to read: a transcript in
// order of time, as strace writes one, with what systape knows beyond that.
// It renders into memory of the caller and allocates nothing per line.
package text

import (
	"sort"

	"systape/format"
	"systape/replay"
	"systape/replay/files"
)

// Form says how much of a call a line tells.
type Form uint8

const (
	Whole   Form = iota // enter and exit, or the one half that there is
	Begun               // the enter of a call whose end comes in a later line
	Resumed             // the end of a call that was Begun before
	Notice              // no call: a row about threads or loss
)

// Line is one line of a transcript. Its memory is reused after the function
// that was given it returns.
type Line struct {
	Form Form
	TS   int64 // capture time that the line stands at: the call's start, or its end when Resumed or without start
	Due  int64 // capture time at which all that the line says is known; never less than that of the line before
	Call replay.Call
	Row  *format.Event // Notice: the row
}

// ReorderOptions says which lines a [Reorderer] makes.
type ReorderOptions struct {
	// Patience is how long, in capture time, a line waits for the end of a
	// call that began before it. Then that call's line is cut in two:
	// Begun where it started, Resumed where it ended.
	Patience int64
	// Window bounds how many lines wait; it is the bound on memory.
	Window int
	// Filter chooses calls; nil chooses all. One that asks how calls end, or
	// what they are about, keeps every call whole: its line stands at its start if it can wait
	// there, and else at its end.
	Filter *replay.Filter
	// Notices are the kinds of rows that have a line of their own, one bit
	// for each, as 1<<format.Lost.
	Notices uint
	// Linked says that the capture holds every call of a thread (see
	// [replay.Linked]): then a restart_syscall that comes directly after a call
	// continues that one, which is known before it has ended.
	Linked bool
	// Named tells what the enter of a row of the batch at hand names; nil: it
	// is not followed.
	Named func(row int) *files.Named
}

// Reorderer brings the calls of a [replay.Pairer], which come in the order of
// their ends, into the order of their starts, without holding more than a
// bounded number of them. The result depends on the capture alone, not on how
// it is cut into batches.
type Reorderer struct {
	opt   ReorderOptions
	names *format.SymbolTable
	whole bool
	// ring holds lines that wait, in order of seq; its length is a power of 2.
	ring       []waiting
	head, tail int
	due, now   int64
	// stopped are the threads whose latest call waits for restart_syscall, and
	// the seq of its enter.
	stopped map[int32]int64
}

type waiting struct {
	seq  int64 // of the row that made it
	done bool
	void bool // nothing to show
	line Line
}

// NewReorderer returns a Reorderer for one capture.
func NewReorderer(opt ReorderOptions) *Reorderer {
	if opt.Window <= 0 {
		opt.Window = 1 << 14
	}
	n := 64
	for n < opt.Window {
		n *= 2
	}
	w := &Reorderer{opt: opt, ring: make([]waiting, n), stopped: map[int32]int64{}}
	w.whole = opt.Filter != nil && (opt.Filter.HasOutcome() || opt.Filter.HasFile())
	return w
}

// Push takes a batch and the calls that the pairer found to end in it, and
// gives emit every line that can be told now. It needs the columns of
// [Columns].
func (w *Reorderer) Push(b *format.Batch, calls []replay.Call, emit func(*Line) error) error {
	w.names = b.Symbols
	for i := range b.N {
		now := b.TS[i]
		w.now = now
		if err := w.release(now, emit); err != nil {
			return err
		}
		for len(calls) > 0 && calls[0].EndSeq <= b.Seq[i] {
			w.stop(&calls[0])
			if err := w.end(&calls[0], b.Seq[i], now, emit); err != nil {
				return err
			}
			calls = calls[1:]
		}
		if b.Kind[i] == format.Lost {
			clear(w.stopped)
		}
		switch k := b.Kind[i]; {
		case k == format.Enter:
			if err := w.begin(b, i, emit); err != nil {
				return err
			}
		case k != format.Exit && w.opt.Notices&(1<<k) != 0 && Notable(w.opt.Filter, b, i):
			e := b.At(i)
			if err := w.add(b.Seq[i], now, &Line{Form: Notice, TS: now, Due: now, Row: &e}, emit); err != nil {
				return err
			}
		}
	}
	for i := range calls {
		w.stop(&calls[i])
		if err := w.end(&calls[i], b.Seq[b.N-1], b.TS[b.N-1], emit); err != nil {
			return err
		}
	}
	// Also at the end of a batch, so that a capture that is still being
	// recorded shows all that is known.
	return w.release(w.now, emit)
}

// stop notes that c has ended, and whether restart_syscall is to follow. What a
// handler does between the two is a call as well.
func (w *Reorderer) stop(c *replay.Call) {
	const erestartRestartblock = -516 // include/linux/errno.h
	switch {
	case w.opt.Linked && c.Status == replay.Restarted && c.Ret == erestartRestartblock:
		w.stopped[c.TID] = c.EnterSeq
	case len(w.stopped) > 0:
		delete(w.stopped, c.TID)
	}
}

// Notable reports whether row i of b, which is no call, belongs to what a
// filter of calls asks for: rows of the threads and the time that it chooses,
// if it does not ask for certain calls or outcomes. Losses in that time
// always do, for they say why something may not be there.
func Notable(f *replay.Filter, b *format.Batch, i int) bool {
	if f == nil || f.Empty() {
		return true
	}
	at := b.TS[i]
	if b.Kind[i] == format.Lost {
		return at >= f.From && (f.To == 0 || at < f.To)
	}
	if f.Syscalls != nil || f.HasFile() || f.HasOutcome() {
		return false
	}
	c := replay.Call{StartNS: at, PID: b.PID[i], TID: b.TID[i], Comm: b.Comm[i]}
	if len(b.Container) > i {
		c.Container = b.Container[i]
	}
	return f.MatchSubject(&c, b.Symbols)
}

// Finish takes the calls that were open at the end and gives emit the rest.
func (w *Reorderer) Finish(calls []replay.Call, emit func(*Line) error) error {
	for i := range calls {
		c := &calls[i]
		w.now = max(w.now, c.StartNS+c.DurNS)
		if err := w.end(c, 1<<62, w.now, emit); err != nil {
			return err
		}
	}
	for w.head < w.tail {
		if err := w.pop(w.due, emit); err != nil {
			return err
		}
	}
	return nil
}

func (w *Reorderer) at(i int) *waiting { return &w.ring[i&(len(w.ring)-1)] }

// slot returns a place at the end of the ring, making room if it is full.
func (w *Reorderer) slot(now int64, emit func(*Line) error) (*waiting, error) {
	if w.tail-w.head == w.opt.Window {
		if err := w.pop(now, emit); err != nil {
			return nil, err
		}
	}
	w.tail++
	return w.at(w.tail - 1), nil
}

// add lets a line stand that has nothing to wait for.
func (w *Reorderer) add(seq, now int64, l *Line, emit func(*Line) error) error {
	s, err := w.slot(now, emit)
	if err != nil {
		return err
	}
	s.seq, s.done, s.void, s.line = seq, true, false, *l
	return nil
}

// begin lets the line of a call wait for its end.
func (w *Reorderer) begin(b *format.Batch, i int, emit func(*Line) error) error {
	c := replay.Call{StartNS: b.TS[i], EnterSeq: b.Seq[i], ExitSeq: -1, EndSeq: -1, Continues: -1, CPUExit: -1, Status: replay.OpenAtEnd,
		PID: b.PID[i], TID: b.TID[i], CPUEnter: b.CPU[i], Nr: b.Nr[i], ABI: b.ABI[i], Syscall: b.Syscall[i], Comm: b.Comm[i]}
	for k := range c.Args {
		c.Args[k] = b.Args[k][i]
	}
	if len(b.Container) > i {
		c.Container = b.Container[i]
	}
	if w.opt.Named != nil {
		c.Files = w.opt.Named(i)
	}
	if len(w.stopped) > 0 && isRestartSyscall(w.names.String(c.Syscall)) {
		if seq, ok := w.stopped[c.TID]; ok {
			c.Continues = seq
		}
	}
	if f := w.opt.Filter; f != nil && !f.HasFile() && !f.MatchSubject(&c, w.names) { // what the call is about may be known only at its end
		return nil
	}
	s, err := w.slot(b.TS[i], emit)
	if err != nil {
		return err
	}
	s.seq, s.done, s.void = c.EnterSeq, false, false
	s.line = Line{Form: Begun, TS: c.StartNS, Due: c.StartNS, Call: c}
	return nil
}

// end completes the line of c, or adds one if it does not wait any more.
func (w *Reorderer) end(c *replay.Call, seq, now int64, emit func(*Line) error) error {
	s := w.find(c.EnterSeq)
	if f := w.opt.Filter; f != nil && !f.Match(c, w.names) {
		if s != nil {
			s.done, s.void = true, true
		}
		return nil
	}
	end := now
	if c.ExitSeq >= 0 || c.DurNS > 0 {
		end = c.StartNS + c.DurNS
	}
	if s != nil {
		s.done = true
		s.line = Line{Form: Whole, TS: c.StartNS, Due: end, Call: *c}
		return nil
	}
	l := Line{Form: Whole, TS: end, Due: end, Call: *c}
	switch {
	case c.EnterSeq < 0:
	case w.whole:
		l.TS = c.StartNS
	case c.Status == replay.OpenAtEnd:
		return nil // its line says unfinished, and so it is
	default:
		l.Form = Resumed
	}
	return w.add(seq, now, &l, emit)
}

// find returns the line that waits for the end of the call entered at seq.
func (w *Reorderer) find(seq int64) *waiting {
	if seq < 0 || w.head == w.tail || seq < w.at(w.head).seq {
		return nil
	}
	// Most calls end soon: their enter is among the latest rows.
	for i := w.tail - 1; i >= w.head && i >= w.tail-4; i-- {
		if s := w.at(i); s.seq == seq && s.line.Form == Begun && !s.done {
			return s
		}
	}
	n := w.tail - w.head
	for i := w.head + sort.Search(n, func(i int) bool { return w.at(w.head+i).seq >= seq }); i < w.tail; i++ {
		s := w.at(i)
		if s.seq != seq {
			break
		}
		if s.line.Form == Begun && !s.done {
			return s
		}
	}
	return nil
}

// release gives out the lines at the head that need not wait longer at now.
func (w *Reorderer) release(now int64, emit func(*Line) error) error {
	for w.head < w.tail {
		s := w.at(w.head)
		if !s.done && (w.tail-w.head < 2 || now-w.at(w.head+1).line.TS <= w.opt.Patience) {
			return nil
		}
		if err := w.pop(now, emit); err != nil {
			return err
		}
	}
	return nil
}

// pop gives out the line at the head as it is known at now.
func (w *Reorderer) pop(now int64, emit func(*Line) error) error {
	s := w.at(w.head)
	w.head++
	if s.void || !s.done && w.whole {
		return nil
	}
	if !s.done {
		s.line.Form, s.line.Due = Begun, now
	}
	w.due = max(w.due, s.line.Due)
	s.line.Due = w.due
	return emit(&s.line)
}
