package format

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"runtime/debug"
	"sort"
	"sync"
)

const (
	chunkRows   = 4096 // rows that Next delivers at most: what is made of them stays in the cache
	chunksAhead = 2    // that are decoded before they are asked for
)

// ReadOptions says what of a capture to read.
type ReadOptions struct {
	Columns  Columns      // 0: all; columns left out stay empty in batches
	From, To int64        // capture time, ns: rows with From ≤ ts < To; 0: no bound
	Kinds    []Kind       // row groups that hold none of these kinds may be left out; nil: all are read
	Symbols  *SymbolTable // gets the capture's names; nil: a new table
	Warn     func(error)  // told what does not keep from reading, such as missing parts; may be nil
	Nodes    []string     // names of machines, whose recordings alone are read; nil: all are
	Stdin    io.Reader    // what the path "-" reads; nil: os.Stdin; the reader does not close it

	metaOnly bool // each file is closed when its metadata was read
}

// Reader reads the rows of a capture in order, from however many files it is
// made of. It checks on the way that nothing is missing: seq runs on without
// a hole, ts never goes back, and the rows are as many as the metadata says.
//
// It decodes ahead in a goroutine of its own, which Close ends.
type Reader struct {
	opt    ReadOptions
	parts  []*part
	meta   *Meta
	names  *SymbolTable
	full   chan chunk
	free   chan *Batch
	stop   chan struct{}
	done   sync.WaitGroup
	start  sync.Once
	err    error // what Next returned last, if not nil
	closed bool
}

type chunk struct {
	b   *Batch
	err error
}

// fileReader delivers the rows of one file.
type fileReader interface {
	next(b *Batch, n int) error // fills the wanted columns of b with at most n rows
	place() int                 // the row group or batch of the rows delivered last
}

// Open opens the capture that the files make up: each path is a Parquet
// capture, a spool, a folder with the parts of a recording, a dataset or a
// partition of one, or "-" for a spool on standard input. Several files must be
// parts of one recording, else the error is a [SeveralError]; their order
// does not matter. The caller must Close the reader.
func Open(paths []string, opt ReadOptions) (*Reader, error) {
	if opt.Symbols == nil {
		opt.Symbols = NewSymbolTable()
	}
	if opt.Columns == 0 {
		opt.Columns = AllColumns
	}
	if opt.Warn == nil {
		opt.Warn = func(error) {}
	}
	parts, err := openParts(paths, &opt, nil)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := p.headDamage(); err != nil {
			opt.Warn(&HeadError{p.name, err})
		}
	}
	return newReader(parts, opt), nil
}

func newReader(parts []*part, opt ReadOptions) *Reader {
	r := &Reader{opt: opt, parts: parts, names: opt.Symbols, meta: mergeMeta(parts)}
	r.full, r.free, r.stop = make(chan chunk, chunksAhead), make(chan *Batch, chunksAhead+1), make(chan struct{})
	return r
}

// Meta returns what the capture says about itself: the first part's metadata
// with what only the last part knows. For a spool it is what was known at the
// start of the recording, until Next has come to the end.
func (r *Reader) Meta() *Meta { return r.meta }

// Symbols returns the table to which the batches' Symbols belong.
func (r *Reader) Symbols() *SymbolTable { return r.names }

// Next fills b with the next rows, at most 4,096, reusing its memory. It
// returns io.EOF after the last row of a complete capture; after the last row
// of one that was cut off, an error for which errors.Is(err, ErrIncomplete)
// holds; and a [CorruptError] where the capture is damaged, all rows before
// the damage having been delivered. Detail strings stay valid; all else in b
// is valid until the next call.
func (r *Reader) Next(b *Batch) error {
	if r.err != nil {
		b.Reset()
		return r.err
	}
	r.start.Do(func() {
		for range chunksAhead + 1 {
			r.free <- &Batch{}
		}
		r.done.Add(1)
		go r.decode()
	})
	c, ok := <-r.full
	if !ok {
		c.err = errClosed
	}
	if c.err != nil {
		r.err = c.err
		if c.err == io.EOF || errors.Is(c.err, ErrIncomplete) {
			r.meta = mergeMeta(r.parts) // a spool says at its end what the recorder knew in the end
		}
		b.Reset()
		return r.err
	}
	// The caller's memory goes to the decoder, and its rows to the caller.
	*c.b, *b = *b, *c.b
	select {
	case r.free <- c.b:
	default:
	}
	return nil
}

// Events iterates over the capture as plain events. It is the convenient
// layer on Next, which is faster. The error that ends it, if any, comes with a
// zero event; io.EOF is not an error here.
func (r *Reader) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var b Batch
		for {
			err := r.Next(&b)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			for i := range b.N {
				if !yield(b.At(i), nil) {
					return
				}
			}
		}
	}
}

// Close ends reading and closes the files.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.err == nil {
		r.err = errClosed
	}
	close(r.stop)
	r.done.Wait()
	var errs []error
	for _, p := range r.parts {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// decode runs in a goroutine: it reads all parts and sends their rows.
func (r *Reader) decode() {
	defer r.done.Done()
	defer close(r.full)
	var place string
	send := func(c chunk) bool {
		select {
		case r.full <- c:
			return true
		case <-r.stop:
			return false
		}
	}
	defer func() {
		if p := recover(); p != nil {
			send(chunk{err: &CorruptError{Rule: RuleData, File: place, Group: -1, Row: -1, Err: fmt.Errorf("internal error: %v\n%s", p, debug.Stack())}})
		}
	}()
	err := r.readParts(&place, func() (*Batch, bool) {
		select {
		case b := <-r.free:
			return b, true
		case <-r.stop:
			return nil, false
		}
	}, func(b *Batch) bool { return send(chunk{b: b}) })
	if err != nil {
		send(chunk{err: err})
	}
}

// readParts reads part after part. It returns nil when it was stopped.
func (r *Reader) readParts(place *string, take func() (*Batch, bool), give func(*Batch) bool) error {
	cols := r.opt.Columns | ColTS | ColSeq // order is always checked
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if r.opt.From != 0 {
		lo = r.opt.From
	}
	if r.opt.To != 0 {
		hi = r.opt.To - 1
	}
	var next, last int64 // the seq that must come, the ts that was last
	first := true
	gaps := selected(r.parts)
	var gone, goneFrom int64 // rows of missing parts, of which no row has told yet, and the first one's seq
	for i, p := range r.parts {
		*place = p.name
		file, err := p.open(cols, r.names, lo, hi)
		if err != nil {
			return err
		}
		if first {
			next, first = p.meta.Part.FirstSeq, false
		} else if from := p.meta.Part.FirstSeq; from > next && r.parts[i-1].meta.Recovered != "" {
			next = from // the part before says that rows of it are gone
		} else if from > next && r.parts[i-1].meta.Part.Number+1 < p.meta.Part.Number && !gaps {
			if gone == 0 {
				goneFrom = next
			}
			gone, next = gone+from-next, from
		} else if from != next && (from < next || !gaps) {
			return &CorruptError{Rule: RuleSeq, File: p.name, Group: -1, Row: -1, Column: "seq", Err: fmt.Errorf("the part begins with %d, want %d", p.meta.Part.FirstSeq, next)}
		}
		row := int64(0)
		if pq, ok := file.(*parquetReader); ok {
			pq.skipped = func(rows int64) { next, row = next+rows, row+rows }
			if err := pq.only(r.opt.Kinds); err != nil {
				return err
			}
		}
		for {
			b, ok := take()
			if !ok {
				return nil
			}
			err := file.next(b, chunkRows)
			if err == io.EOF {
				r.free <- b
				break
			}
			if err != nil {
				return err
			}
			if gone > 0 && b.N > 0 {
				l, ok := take()
				if !ok {
					return nil
				}
				from := last
				if from == 0 { // nothing before it was asked for
					from = b.TS[0]
					if lo != math.MinInt64 {
						from = min(from, lo)
					}
				}
				l.Reset()
				l.Symbols = r.names
				l.Append(gap{events: gone, enters: gone / 2, exits: gone - gone/2, first: from, last: b.TS[0]}.row(goneFrom, CauseDamaged))
				gone = 0
				l.trim(lo, hi)
				l.forget(r.opt.Columns)
				if l.N == 0 {
					r.free <- l
				} else if !give(l) {
					return nil
				}
			}
			for i, s := range b.Seq {
				if s != next && (s < next || !gaps) {
					return &CorruptError{Rule: RuleSeq, File: p.name, Group: file.place(), Row: row + int64(i), Column: "seq", Err: p.blame(fmt.Errorf("%d, want %d", s, next))}
				}
				next = s + 1
			}
			for i, ts := range b.TS {
				if ts < last && !(row+int64(i) == 0 && last == 0) {
					return &CorruptError{Rule: RuleTime, File: p.name, Group: file.place(), Row: row + int64(i), Column: "ts_ns", Err: p.blame(fmt.Errorf("%d after %d", ts, last))}
				}
				last = ts
			}
			row += int64(b.N)
			over := last > hi
			b.trim(lo, hi)
			b.forget(r.opt.Columns)
			if b.N == 0 {
				r.free <- b
			} else if !give(b) {
				return nil
			}
			if over {
				return io.EOF // all that was asked for is there
			}
		}
		if err := p.finished(file, i == len(r.parts)-1); err != nil {
			return err
		}
	}
	return wholeness(r.parts)
}

func (p *parquetReader) place() int { return p.group }
func (s *spoolReader) place() int   { return s.batch - 1 }

// trim drops the rows outside lo…hi. Rows are in order of ts.
func (b *Batch) trim(lo, hi int64) {
	from, to := 0, b.N
	if b.N > 0 && b.TS[0] < lo {
		from = sort.Search(b.N, func(i int) bool { return b.TS[i] >= lo })
	}
	if b.N > 0 && b.TS[b.N-1] > hi {
		to = sort.Search(b.N, func(i int) bool { return b.TS[i] > hi })
	}
	if from > 0 || to < b.N {
		b.keep(from, max(from, to))
	}
}

// forget empties the columns that only the reader wanted.
func (b *Batch) forget(cols Columns) {
	for pos, c := range columns {
		if !cols.has(pos) {
			c.cut(b, 0, 0)
		}
	}
}
