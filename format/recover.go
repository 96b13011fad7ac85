package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"systape/format/internal/parquet"
)

// RecoverResult says what [Recover] saved.
type RecoverResult struct {
	Rows     int64 // saved
	Lost     int64 // events that are gone for damage, as far as it is known how many; lost rows tell of them
	FirstNS  int64 // capture time of the first and the last row saved; 0 without rows
	LastNS   int64
	Read     int64   // bytes of the input that were of use
	Unusable int64   // bytes that were not
	Problems []error // what was wrong with the input, in order
	Earlier  string  // what the input says that an earlier recovery did not save; "" if it is of none
	Complete bool    // nothing is missing: neither now nor earlier
	Meta     *Meta   // of the new capture
}

// Recover makes the valid capture out from what is left of one: from a spool
// that was cut off, or from a Parquet capture or NAME.partial that lost its
// end. The input stays as it is. It goes on after damage, with the next rows
// whose pages are whole in every column (mostly those of the next row group) or
// the next message that is whole; a lost row, dated by its neighbours,
// then tells how many events are gone, and seq is counted anew. Where the kinds
// of those events are gone too, half of them are told as enters and half as
// exits. The new capture has the format version of the old and says of itself
// that it is not complete, unless nothing was wrong. What an earlier recovery
// did not save stays missing and is still told.
//
// A spool that is in use is refused with [ErrRecording]. A spool in which no
// event was recorded yet becomes a capture of nothing; damage from which no
// event can be saved is a [CorruptError], and no file is made.
func Recover(path, out string, opt FileOptions) (*RecoverResult, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if inUse(f) {
		return nil, fmt.Errorf("recover %s: %w", path, ErrRecording)
	}
	r := &rescue{size: st.Size()}
	if err := r.open(f, path); err != nil {
		return nil, err
	}
	file, err := createRecovered(out, opt)
	if err != nil {
		return nil, err
	}
	defer r.from.close()
	defer file.Abort()
	buf := bufio.NewWriterSize(file, 1<<18)
	if err = r.save(buf); err == nil {
		err = r.close(filepath.Base(path))
	}
	if err == nil && r.Rows == 0 && r.damaged {
		return nil, &CorruptError{Rule: RuleData, File: path, Group: -1, Row: -1, Err: fmt.Errorf("no event can be saved: %w", errors.Join(r.Problems...))}
	}
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = file.Publish(func(f *os.File) error { return readBack(f, r.w) })
	}
	if err != nil {
		return nil, fmt.Errorf("recover %s: %w", path, err)
	}
	return &r.RecoverResult, nil
}

// createRecovered is CreateUnfinished that lets NAME.partial be when rows are
// recovered from it.
func createRecovered(out string, opt FileOptions) (*Unfinished, error) {
	if !needed(out) {
		return CreateUnfinished(out, opt)
	}
	if err := free(out, opt); err != nil {
		return nil, err
	}
	return createUnfinished(PartialName(out+".recovered"), out, opt)
}

// remains is what is left of a capture.
type remains interface {
	next() (*Batch, error)      // rows, valid until the next call
	pass(error) (gap, bool)     // goes on after damage, and says what it took and whether there is more
	end() (meta *Meta, ok bool) // the last metadata, and whether the end was there
	useless() int64             // bytes of the file that were of no use
	close()
}

// gap is what damage took.
type gap struct {
	events        int64 // -1: not known, the next seq will tell
	enters, exits int64
	first, last   int64 // capture time; 0: not known
}

func (g *gap) add(o gap) {
	if g.events < 0 || o.events < 0 {
		*g = gap{events: -1}
		return
	}
	g.events, g.enters, g.exits = g.events+o.events, g.enters+o.enters, g.exits+o.exits
	if g.first == 0 {
		g.first = o.first
	}
	g.last = max(g.last, o.last)
}

// rescue is a recovery under way.
type rescue struct {
	RecoverResult
	size  int64
	from  remains
	w     *ParquetWriter
	seq   int64 // the next, as the old capture counts
	moved int64 // what to take from it to count anew
	gap   gap   // since the last row
	one   Batch

	damaged bool // events were there that could not be read
}

// open finds out what is left.
func (r *rescue) open(f *os.File, path string) error {
	var head [4]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return err
	}
	spool := strings.HasSuffix(path, SpoolSuffix)
	switch {
	case n == 0 && spool:
		r.from, r.Meta = nothing{}, nothingMeta()
		r.Problems = append(r.Problems, errors.New("the spool is empty"))
	case string(head[:]) == "\xff\xff\xff\xff":
		s, err := openSpool(path, bufio.NewReaderSize(io.NewSectionReader(f, 0, r.size), 1<<18), AllColumns, NewSymbolTable())
		if errors.Is(err, ErrIncomplete) && spool {
			r.from, r.Meta = nothing{r.size}, nothingMeta()
			r.Problems = append(r.Problems, errors.New("the head of the spool is not whole"))
			break
		}
		if err != nil {
			return fmt.Errorf("nothing can be recovered: %w", err)
		}
		s.storedIn(path, f, r.size)
		r.from, r.Meta = &spoolRemains{spoolReader: s, file: f, size: r.size}, s.meta
	case string(head[:]) == parquet.Magic:
		p, err := openParquet(path, f, r.size)
		if err != nil {
			r.Problems = append(r.Problems, withoutFile(err))
			if p, err = scanParquet(path, f, r.size); err != nil {
				return fmt.Errorf("nothing can be recovered from %s: %w", path, &CorruptError{Rule: RuleFile, Group: -1, Row: -1, Err: err})
			}
		}
		if s := p.meta.Selection; s != nil {
			return fmt.Errorf("%s is a selection by %s and not damaged: nothing to recover; every command reads it as it is", path, s.By)
		}
		if err := p.choose(AllColumns, NewSymbolTable()); err != nil {
			return err
		}
		r.from, r.Meta = salvageParquet(p, r.size), p.meta
	case string(head[:]) == zipMagic:
		switch b, err := openBundle(path, f, r.size); {
		case err == nil && b != nil:
			return fmt.Errorf("%s is a bundle: nothing to recover; every command reads the capture in it as it is", path)
		case errors.Is(err, ErrBundleCut):
			return err
		}
		return otherFile(path, f)
	default:
		return otherFile(path, f)
	}
	return nil
}

// withoutFile returns err without the name of the file, which whoever prints
// it has said.
func withoutFile(err error) error {
	if c, ok := errors.AsType[*CorruptError](err); ok {
		place := *c
		place.File = ""
		return &place
	}
	if inc, ok := errors.AsType[*IncompleteError](err); ok {
		return errors.New(inc.Why)
	}
	return err
}

// save writes all rows that can be had.
func (r *rescue) save(to io.Writer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	if r.w, err = NewParquetWriter(to, r.Meta); err != nil {
		return err
	}
	r.seq = r.Meta.Part.FirstSeq
	for {
		b, err := r.from.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			if err := r.take(b); err != nil {
				return err
			}
			continue
		}
		corrupt, damaged := errors.AsType[*CorruptError](err)
		if !damaged && !errors.Is(err, ErrIncomplete) {
			return err
		}
		if !damaged || corrupt.Rule != RuleRows || len(r.Problems) == 0 { // rows are missing where there is damage
			r.Problems = append(r.Problems, withoutFile(err))
		}
		torn, _ := errors.AsType[*IncompleteError](err)
		r.damaged = r.damaged || damaged || torn != nil && torn.events
		g, more := r.from.pass(err)
		r.gap.add(g)
		if !more {
			break
		}
	}
	if meta, _ := r.from.end(); meta.Part.Rows >= 0 && r.gap.events < 0 {
		if r.gap.events = meta.Part.FirstSeq + meta.Part.Rows - r.seq; r.gap.events < 0 {
			r.gap.events = 0
		}
	}
	return r.tell(0)
}

// take writes the rows of a batch, run by run: seq rises by one and ts does not
// go back within a run.
func (r *rescue) take(b *Batch) error {
	for from := 0; from < b.N; {
		to := from + 1
		for to < b.N && b.Seq[to] == b.Seq[to-1]+1 && b.TS[to] >= b.TS[to-1] {
			to++
		}
		if err := r.takeRun(b, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (r *rescue) takeRun(b *Batch, from, to int) error {
	seq, ts := b.Seq[from], b.TS[from]
	if seq < r.seq || r.Rows > 0 && ts < r.LastNS {
		r.Problems = append(r.Problems, fmt.Errorf("%d rows out of order at seq %d", to-from, seq))
		return nil // a hole in seq is what they leave
	}
	if seq > r.seq {
		if r.gap.events != seq-r.seq {
			r.gap = gap{events: seq - r.seq}
		}
		if len(r.Problems) == 0 {
			r.Problems = append(r.Problems, fmt.Errorf("%d rows are missing before seq %d", seq-r.seq, seq))
		}
		if err := r.tell(ts); err != nil {
			return err
		}
	}
	r.gap = gap{}
	run := b
	if from > 0 || to < b.N {
		run = &r.one
		run.Symbols, run.N = b.Symbols, to-from
		for _, c := range columnsOf(r.w.version) {
			c.copy(run, b, from, to)
		}
	}
	r.seq = seq + int64(to-from)
	for i := range run.Seq {
		run.Seq[i] -= r.moved
	}
	if err := r.w.Write(run); err != nil {
		return err
	}
	if r.Rows == 0 {
		r.FirstNS = ts
	}
	r.Rows += int64(run.N)
	r.LastNS = run.TS[run.N-1]
	return nil
}

// row is the lost row that tells of the gap.
func (g gap) row(seq int64, cause Cause) Event {
	return Event{TS: g.first, Seq: seq, Kind: Lost, CPU: -1, Nr: -1,
		Args: [6]int64{LostCount: g.events, LostFirst: g.first, LostLast: g.last, LostEnters: g.enters, LostExits: g.exits, LostCause: int64(cause)}}
}

// tell writes a lost row for the gap before the row at next; 0: the end.
func (r *rescue) tell(next int64) error {
	g := r.gap
	r.gap = gap{}
	if g.events <= 0 {
		return nil
	}
	if g.enters+g.exits == 0 || g.enters+g.exits > g.events {
		g.enters, g.exits = g.events/2, g.events-g.events/2
	}
	if r.Rows > 0 {
		g.first = max(g.first, r.LastNS)
	}
	if g.first == 0 {
		g.first = next
	}
	if next != 0 {
		g.first = min(g.first, next)
		if g.last == 0 || g.last > next {
			g.last = next
		}
	}
	g.last = max(g.last, g.first)
	cause := CauseDamaged
	if r.w.version < 2 {
		cause = CauseDropped
	}
	b := NewBatch(NewSymbolTable(), 1)
	b.Append(g.row(r.seq-r.moved, cause))
	r.Lost += g.events
	r.seq += g.events
	r.moved += g.events - 1
	return r.w.Write(b)
}

// close ends the new capture with metadata that tells what happened.
func (r *rescue) close(name string) error {
	last, whole := r.from.end()
	meta := *last
	r.Earlier = last.Recovered
	ended := whole && (last.Complete || !last.Part.Last)
	if !ended && len(r.Problems) == 0 && r.Earlier == "" {
		r.Problems = append(r.Problems, errors.New("the recorder did not end properly"))
	}
	r.Complete = ended && len(r.Problems) == 0 && r.Earlier == ""
	r.Unusable = r.from.useless()
	r.Read = r.size - r.Unusable
	if len(r.Problems) > 0 {
		meta.Complete = false
		meta.Recovered = fmt.Sprintf("recovered from %s: %s", name, countOf(r.Rows))
		if r.Lost > 0 {
			meta.Recovered += fmt.Sprintf(", %d more are gone", r.Lost)
			meta.Counts = nil // they are of all events
		}
		for i, p := range r.Problems {
			if i == 3 {
				meta.Recovered += fmt.Sprintf("; and %d more problems", len(r.Problems)-i)
				break
			}
			meta.Recovered += "; " + p.Error()
		}
		if r.Earlier != "" {
			meta.Recovered += "; before that " + r.Earlier
		}
	}
	r.Meta = r.w.order.closing(&meta)
	return r.w.Close(&meta)
}

// nothing is what is left of a spool without a head: no rows.
type nothing struct{ size int64 }

func (nothing) next() (*Batch, error)  { return nil, io.EOF }
func (nothing) pass(error) (gap, bool) { return gap{}, false }
func (nothing) close()                 {}
func (nothing) end() (*Meta, bool)     { return nothingMeta(), false }
func (n nothing) useless() int64       { return n.size }

// spoolRemains is what is left of a spool.
type spoolRemains struct {
	*spoolReader
	file   io.ReaderAt
	size   int64
	passed int64
}

func (s *spoolRemains) next() (*Batch, error) { return s.nextBatch() }

func (s *spoolRemains) pass(err error) (gap, bool) {
	if s.ended != nil {
		return gap{events: -1}, false
	}
	n, more := s.resync(s.file, s.size, err)
	s.passed += n
	return gap{events: -1}, more
}

func (s *spoolRemains) end() (*Meta, bool) {
	if s.ended != nil {
		return s.ended, true
	}
	return s.meta, false
}

func (s *spoolRemains) useless() int64 { return s.passed }
func (s *spoolRemains) close()         { s.closeSealed() }
