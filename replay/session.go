package replay

import (
	"cmp"
	"errors"
	"io"
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
	s.reopen = nil // also of what rests
	if s.reader == nil {
		return nil
	}
	err := s.reader.Close()
	s.reader, s.first = nil, nil
	if s.pipe != nil {
		err = errors.Join(err, s.pipe.Close())
	}
	return err
}

// Rest gives back files and memory until the pass begins, where it has not yet:
// for who looks at many captures one after the other. What comes from a pipe
// stays open.
func (s *Session) Rest() (err error) {
	if s.reader != nil && s.reopen != nil && s.pipe == nil {
		err = s.reader.Close()
		s.reader, s.first = nil, nil
	}
	return err
}

// wake ends a rest.
func (s *Session) wake() (err error) {
	if s.reader == nil && s.reopen != nil {
		s.reader, err = s.reopen()
	}
	return err
}

// Meta returns what the capture says about itself. For what is read from a
// pipe as it comes, that is what was known at the start of the recording,
// until the pass has come to the end.
func (s *Session) Meta() *format.Meta { return cmp.Or(s.closing, s.meta) }

// Unread is [format.Reader.Unread].
func (s *Session) Unread() (columns, keys []string) { return s.reader.Unread() }

// Symbols returns the table to which the Symbols of calls and batches belong.
func (s *Session) Symbols() *format.SymbolTable { return s.symbols }

// Late returns the losses that the capture tells of later than they happened,
// as far as they are known before the pass.
func (s *Session) Late() []Loss { return s.late }

// Begin returns the capture time of the first event; ok is false when there
// is none. It may be called before the pass.
func (s *Session) Begin() (ns int64, ok bool, err error) {
	if err := s.wake(); err != nil {
		return 0, false, err
	}
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
