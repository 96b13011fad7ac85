package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"

	"systape/format"
)

// ErrStop, returned by a function that a [Session] calls, ends the pass
// without being an error: enough was seen.
var ErrStop = errors.New("enough was seen")

// Options say what a [Session] reads and gives.
type Options struct {
	// Columns are those that the caller wants to find in calls and batches;
	// what pairing and the filter need comes by itself. 0: only that.
	Columns format.Columns
	// Filter chooses the calls that [Session.Each] and [Session.Calls] give.
	Filter Filter
	// Files asks for [Call.Files]. A filter that asks for paths or types of
	// descriptors brings it by itself.
	Files bool
	// Since and Until bound the rows that are read, capture time in ns; row groups
	// outside are passed over, so that a part is read without all that came before
	// it. Calls entered before Since come without their begin, those that Until
	// cuts off have not ended, and descriptors opened before are not known. 0: no bound.
	Since, Until int64
	// Nodes are names of machines, whose recordings alone are read; nil: all are.
	Nodes []string
	// Symbols gets the capture's names; nil: a new table.
	Symbols *format.SymbolTable
	// Stdin is what the path "-" reads; nil: os.Stdin.
	Stdin io.Reader
	// Live gives what comes from a pipe as it comes. Without it a pipe is
	// copied to a temporary file first, because what a capture says late, its
	// losses above all, is then known in time.
	Live bool
	// Workers is how many goroutines share the work of a pass; 0: as many as
	// there are CPUs (GOMAXPROCS). What comes out is the same with any.
	Workers int
	// Warn is told what does not keep from reading; may be nil.
	Warn func(error)
}

// Session is the one way over a capture. It chooses the columns, looks for
// losses that are told late and for what a spool says only at its end, pairs,
// finishes, and says what share of the calls the result rests on:
//
//	s, err := replay.Open([]string{"trace.parquet"}, replay.Options{Columns: format.ColSyscall})
//	…
//	defer s.Close()
//	for c, err := range s.Calls(ctx) {
//		…
//	}
//	fmt.Println(s.Coverage())
//
// It gives one pass, by one of Run, Each and Calls, from fast to convenient, or
// the calls in another order, by ByStart.
// It is not for use by several goroutines.
type Session struct {
	// Filter may be changed until the pass begins: a bound of time that
	// counts from [Session.Begin] is known only then.
	Filter Filter

	reader   *format.Reader
	meta     *format.Meta // of reader, as known before the pass, or after it
	workers  int
	symbols  *format.SymbolTable
	warn     func(error)
	pipe     *Pipe
	growing  bool          // a pipe is read as it comes
	first    *format.Batch // the first batch, when Begin had to look at it
	late     []Loss
	closing  *format.Meta // what a first pass found at the end; may be nil
	end      error        // the ErrIncomplete that ended the pass
	told     bool         // the user knows that the capture is incomplete
	coverage Coverage     // of the calls that the subject of Filter chose
	pairing  Coverage     // of all calls
	spans    lossSpans
	files    bool       // Options.Files
	follow   *following // nil: descriptors are not followed
	noteAt   int64      // see NoteFiles
	asked    func(pid int32) bool
	counts   counts
	read     int64                          // rows so far
	most     int64                          // rows after which the pass ends; 0: the capture's end
	reopen   func() (*format.Reader, error) // for another pass; nil: there can be none
	more     func() bool                    // of Among; nil: the pass ends behind the last call that can be chosen
}

// Open opens the capture that the paths make up, as [format.Open] does. The
// caller must Close the session.
func Open(paths []string, opt Options) (s *Session, err error) {
	s = &Session{Filter: opt.Filter, symbols: opt.Symbols, warn: opt.Warn, workers: opt.Workers, files: opt.Files || opt.Filter.HasFile()}
	if s.workers == 0 {
		s.workers = runtime.GOMAXPROCS(0)
	}
	if s.symbols == nil {
		s.symbols = format.NewSymbolTable()
	}
	if s.warn == nil {
		s.warn = func(error) {}
	}
	twice := !slices.Contains(paths, "-")
	stdin := opt.Stdin
	s.growing = !twice && opt.Live
	if !twice && !opt.Live {
		if s.pipe, err = HoldPipe(stdin); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				s.pipe.Close()
			}
		}()
		twice = true
	}
	open := func(o format.ReadOptions) (*format.Reader, error) {
		o.Stdin, o.Nodes = stdin, opt.Nodes
		if s.pipe != nil {
			o.Stdin = s.pipe.File()
		}
		return format.Open(paths, o)
	}
	need := opt.Columns | opt.Filter.columns()
	if s.files {
		need |= followColumns
	}
	ro := format.ReadOptions{Columns: PairColumns(need, nil), From: opt.Since, To: opt.Until, Symbols: s.symbols, Warn: s.Warn}
	if s.reader, err = open(ro); err != nil {
		return s, err
	}
	m := s.reader.Meta()
	s.meta = m
	if !twice {
		return s, nil
	}
	defer func() {
		again := ro
		again.Warn = nil
		s.reopen = func() (*format.Reader, error) { return open(again) }
	}()
	if mayTellLate(m) {
		lost, err := s.lookAhead(open)
		if err != nil {
			s.reader.Close()
			return s, err
		}
		if !lost {
			m = nothingLost(m)
		}
	}
	if fewer := PairColumns(need, m); fewer != ro.Columns {
		s.reader.Close()
		ro.Columns, ro.Warn = fewer, nil
		s.reader, err = open(ro)
	}
	return s, err
}

// mayTellLate reports whether the rows of a capture may know what its metadata
// does not say: losses, or the end of a recording.
func mayTellLate(m *format.Meta) bool {
	return !m.Complete || !m.Counts.NothingLost()
}

// nothingLost returns m as it would be if it told that nothing was lost, which
// counts from before they had a sum of all losses leave open: a look at the rows
// has shown it.
func nothingLost(m *format.Meta) *format.Meta {
	if m.Counts == nil || m.Counts.Total().Lost() != 0 {
		return m
	}
	told, counts := *m, *m.Counts
	counts.Lost, told.Counts = new(int64), &counts
	return &told
}

// lookAhead goes over the capture for lost rows that stand later than the
// time they tell of, and for what a spool says only at its end. It reports
// whether there are lost rows, or may be where it could not read.
func (s *Session) lookAhead(open func(format.ReadOptions) (*format.Reader, error)) (lost bool, err error) {
	r, err := open(format.ReadOptions{
		Columns: format.ColTS | format.ColKind | format.ColCPU | format.ColArg0 | format.ColArg1 | format.ColArg2 | format.ColArg3 | format.ColArg4 | format.ColArg5,
		Kinds:   []format.Kind{format.Lost},
	})
	if err != nil {
		return false, err
	}
	defer r.Close()
	var b format.Batch
	for {
		if err := r.Next(&b); err != nil {
			s.closing = r.Meta()
			return lost || err != io.EOF, nil // the pass that counts will say what is wrong
		}
		lost = lost || slices.Contains(b.Kind, format.Lost)
		s.late = LateLosses(&b, s.late)
		s.spans.rows(&b)
	}
}

// Close ends reading and closes the files. The results stay.
func (s *Session) Close() error {
	if s.reader == nil {
		return nil
	}
	err := s.reader.Close()
	s.reader, s.first, s.reopen = nil, nil, nil
	if s.pipe != nil {
		err = errors.Join(err, s.pipe.Close())
	}
	return err
}

// Meta returns what the capture says about itself. For what is read from a
// pipe as it comes, that is what was known at the start of the recording,
// until the pass has come to the end.
func (s *Session) Meta() *format.Meta { return cmp.Or(s.closing, s.meta) }

// Symbols returns the table to which the Symbols of calls and batches belong.
func (s *Session) Symbols() *format.SymbolTable { return s.symbols }

// Late returns the losses that the capture tells of later than they happened,
// as far as they are known before the pass.
func (s *Session) Late() []Loss { return s.late }

// Begin returns the capture time of the first event; ok is false when there
// is none. It may be called before the pass.
func (s *Session) Begin() (ns int64, ok bool, err error) {
	if s.first == nil {
		b := new(format.Batch)
		switch err := s.reader.Next(b); {
		case err == nil:
			s.first = b
		case err == io.EOF || errors.Is(err, format.ErrIncomplete):
			return 0, false, nil // the pass comes to the same end
		default:
			return 0, false, err
		}
	}
	if s.first.N == 0 {
		return 0, false, nil
	}
	return s.first.TS[0], true, nil
}

// Warn passes a warning on, and that the capture is incomplete only once.
func (s *Session) Warn(err error) {
	if errors.Is(err, format.ErrIncomplete) {
		if s.told {
			return
		}
		s.told = true
	}
	s.warn(err)
}

// Batches gives fn every batch of the capture, unpaired: it is the pass for
// who wants rows alone. Batches are valid until fn returns. A capture that was
// cut off ends with a warning, see [Session.Incomplete].
func (s *Session) Batches(ctx context.Context, fn func(*format.Batch) error) error {
	err := s.batches(ctx, fn)
	if err == ErrStop {
		return nil
	}
	return err
}

func (s *Session) batches(ctx context.Context, fn func(*format.Batch) error) error {
	var b format.Batch
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.next(&b); err != nil {
			return s.ended(err)
		}
		if err := fn(&b); err != nil {
			return err
		}
	}
}

// next reads the next batch; Begin may have read the first.
func (s *Session) next(b *format.Batch) error {
	if s.first != nil {
		*b, s.first = *s.first, nil
	} else if err := s.reader.Next(b); err != nil {
		return err
	}
	return s.upTo(b)
}

// ended is told what next ended with. It returns nil at the end of the capture,
// whole or not.
func (s *Session) ended(err error) error {
	s.meta = s.reader.Meta()
	if errors.Is(err, format.ErrIncomplete) {
		s.end = err
		s.Warn(err)
		return nil
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Run gives fn each batch and all calls that ended in it, whatever the filter
// says, in the order of their ends ([Call.EndSeq]); and at last a nil batch
// and the calls that never ended. Both are valid until fn returns. The pass
// ends after the last call that began before Filter.To.
func (s *Session) Run(ctx context.Context, fn func(b *format.Batch, calls []Call) error) error {
	p := NewPairer(PairOptions{Meta: s.Meta(), Late: s.late, Growing: s.growing})
	if s.files {
		s.follow = newFollowing(s.Meta(), s.late)
		s.follow.noteAt, s.follow.asked = s.noteAt, s.asked
	}
	last, err := s.pairs(ctx, p, func(b *format.Batch, calls []Call) error {
		if s.closing == nil {
			s.spans.rows(b)
		}
		s.counts.rows(b)
		if s.follow != nil {
			s.follow.batch(b, calls)
		}
		return fn(b, calls)
	})
	switch err {
	case nil:
		if s.closing == nil {
			p.Learn(s.meta)
		}
		last = p.Finish(last[:0])
	case errPast:
		last = last[:0]
	case ErrStop:
		return nil
	default:
		return err
	}
	if s.follow != nil {
		s.follow.named = nil
		s.follow.rest(last)
	}
	if err := fn(nil, last); err != nil && err != ErrStop {
		return err
	}
	s.concluded(p)
	return nil
}

// concluded takes from p, which has finished, what it knows of the whole pass.
func (s *Session) concluded(p *Pairer) {
	s.pairing = p.Coverage()
	s.coverage.takeLosses(s.pairing, &s.spans, &s.Filter, s.Meta().Selection)
	s.takeCounts()
	if s.follow != nil {
		s.coverage.Files = s.follow.Counts()
		if s.Filter.HasFile() {
			s.WarnUnknownFiles()
		}
	}
	if n := s.pairing.LateLosses; n > 0 {
		s.Warn(fmt.Errorf("%d losses were told after the calls they concern: durations just before may be too long; run this on a file instead of a stream", n))
	}
}

// errPast ends the pass where no later call can be chosen.
var errPast = errors.New("past the end of the filter")

// Each gives fn the calls that the filter chooses, in the order of their ends.
// The slice is valid until fn returns.
func (s *Session) Each(ctx context.Context, fn func([]Call) error) error {
	return s.Run(ctx, func(_ *format.Batch, calls []Call) error {
		if kept := s.Choose(calls); len(kept) > 0 {
			return fn(kept)
		}
		return nil
	})
}

// Among gives fn all calls in the order of their ends, and which of them the
// filter chooses: for those to whom the others matter, too. It goes on past the
// last call that can be chosen for as long as more says so. Both slices are valid
// until fn returns.
func (s *Session) Among(ctx context.Context, more func() bool, fn func(calls []Call, chosen []bool) error) error {
	s.more = more
	defer func() { s.more = nil }()
	var chosen []bool
	return s.Run(ctx, func(_ *format.Batch, calls []Call) error {
		chosen = s.Filter.which(chosen[:0], calls, s.symbols, &s.coverage)
		if len(calls) == 0 {
			return nil
		}
		return fn(calls, chosen)
	})
}

// Calls iterates over the calls that the filter chooses. A Call is valid until
// the next. An error comes with nil, and ends it.
func (s *Session) Calls(ctx context.Context) iter.Seq2[*Call, error] {
	return func(yield func(*Call, error) bool) {
		err := s.Each(ctx, func(calls []Call) error {
			for i := range calls {
				if !yield(&calls[i], nil) {
					return errGone
				}
			}
			return nil
		})
		if err != nil && err != errGone {
			yield(nil, err)
		}
	}
}

// errGone ends a pass whose consumer has left the loop.
var errGone = errors.New("the loop was left")

// Choose applies the filter to calls in place and counts them for the
// coverage. Run leaves it to the caller, Each and Calls do it.
func (s *Session) Choose(calls []Call) []Call { return s.Filter.choose(calls, s.symbols, &s.coverage) }

// Count counts for the coverage those of calls that the subject of the filter
// chooses, and leaves them alone; it stands in for Choose.
func (s *Session) Count(calls []Call) {
	for i := range calls {
		if s.Filter.MatchSubject(&calls[i], s.symbols) {
			s.coverage.Count(calls[i].Status)
		}
	}
}

// Coverage tells what the result of a finished pass rests on: of the calls
// that the subject of the filter chose (see [Filter.MatchSubject]), how many
// were measured, and what became of the rest.
func (s *Session) Coverage() Coverage { return s.coverage }

// Pairing is the coverage of all calls of the capture.
func (s *Session) Pairing() Coverage { return s.pairing }

// Incomplete returns how a finished pass over a capture that was cut off
// ended, nil if it was whole.
func (s *Session) Incomplete() error { return s.end }

// Losses returns the time spans in which events were lost, in order and
// without overlap, as far as the pass has come.
func (s *Session) Losses() []LossSpan { return s.spans.sorted() }

// columns returns what the filter looks at.
func (f *Filter) columns() (c format.Columns) {
	if len(f.PIDs) > 0 {
		c |= format.ColPID
	}
	if len(f.Comms) > 0 {
		c |= format.ColComm
	}
	if len(f.Containers) > 0 {
		c |= format.ColContainer
	}
	return c
}
