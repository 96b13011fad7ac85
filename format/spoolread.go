package format

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"

	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
)

// spoolReader reads a spool, whole, torn or still growing, batch by batch.
type spoolReader struct {
	decoding
	name    string
	frames  ipc.FrameReader
	batches ipc.Decoder
	meta    *Meta       // as known at the start; the closing one after the end
	whole   bool        // the closing stream was there, and all rows that it tells of
	ended   *Meta       // what the closing stream says, even if rows are missing
	closing bool        // it is the closing stream that comes next
	empty   string      // why there is nothing to read; "" if there may be
	inUse   func() bool // whether a recorder is writing it; nil: not known
	cols    Columns
	batch   int   // record batches read
	start   int64 // rows before the current batch
	given   givenBack
	tables  int     // dictionaries told since the last batch
	tableAt int64   // where the first of them stands
	fresh   restart // the latest place at which a reader could begin

	rows Batch // the current batch
	at   int   // rows of it delivered
}

// openSpool reads a spool's first message.
func openSpool(name string, r io.Reader, cols Columns, names *SymbolTable) (*spoolReader, error) {
	s := &spoolReader{name: name, frames: ipc.FrameReader{R: r}, cols: cols}
	meta, err := s.readSchema()
	if err != nil {
		return nil, err
	}
	s.meta = meta
	s.decoding = decoding{version: meta.Version, names: names}
	return s, nil
}

// readSchema reads the message that begins a stream.
func (s *spoolReader) readSchema() (*Meta, error) {
	meta, body, _, err := s.frames.Next()
	switch {
	case errors.Is(err, ipc.ErrTorn):
		return nil, &IncompleteError{File: s.name, Why: "the head of the spool is not whole"}
	case err == io.EOF:
		err = ipc.ErrFraming
	case err == nil && len(body) != 0:
		err = errors.New("a schema with data")
	}
	var fields []ipc.Field
	var pairs []columnar.Pair
	if err == nil {
		fields, pairs, err = ipc.ParseMessage(meta).Schema(len(columns))
	}
	if err != nil {
		return nil, &CorruptError{Rule: RuleFile, File: s.name, Group: -1, Row: -1, Err: err}
	}
	m, err := parseMeta(pairs)
	if err == nil {
		err = checkFields(fields, columnsOf(m.Version))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	s.batches.Fields = fields
	return m, nil
}

// checkFields checks that a schema describes the events table.
func checkFields(fields []ipc.Field, table []eventColumn) error {
	for i, f := range fields[:min(len(fields), len(table))] {
		if c := table[i]; f.Name != c.Name || f.Type != c.Type {
			return fmt.Errorf("%w: its column %d is %q, not %s (%v)", ErrNotCapture, i, f.Name, c.Name, c.Type)
		}
	}
	if len(fields) != len(table) {
		return fmt.Errorf("%w: it has not the %d columns of the events table", ErrNotCapture, len(table))
	}
	return nil
}

// next sets b's columns to the next rows, at most n; they are valid until the
// next call. It ends with io.EOF after the closing stream, and with an
// IncompleteError where the spool was cut off.
func (s *spoolReader) next(b *Batch, n int) error {
	for s.at == s.rows.N {
		if err := s.readBatch(); err != nil {
			return err
		}
	}
	from, to := s.at, min(s.at+n, s.rows.N)
	s.at = to
	b.Symbols, b.N = s.names, to-from
	for pos, c := range columnsOf(s.version) {
		if s.cols.has(pos) {
			c.copy(b, &s.rows, from, to)
		}
	}
	return nil
}

// nextBatch is next without copying: the rows are valid until the next call.
func (s *spoolReader) nextBatch() (*Batch, error) {
	for s.at = s.rows.N; s.at == s.rows.N; {
		if err := s.readBatch(); err != nil {
			return nil, err
		}
	}
	s.at = s.rows.N
	return &s.rows, nil
}

// forgetNames makes the source go on with a new table of names.
func (s *spoolReader) forgetNames() { s.names = NewSymbolTable() }

// readBatch reads the next record batch into s.rows, or the end.
func (s *spoolReader) readBatch() error {
	s.start += int64(s.rows.N)
	s.rows.N, s.at = 0, 0
	s.rows.keyed.forget()
	if s.closing {
		return s.readClosing()
	}
	if s.given.rows != nil {
		if more, err := s.readSealed(); more || err != nil {
			return err
		}
	}
	at := s.frames.N
	meta, body, between, err := s.frames.Next()
	if s.frames.Gap >= 0 && err == nil {
		return s.foundGap(at)
	}
	if s.overtaken(err) {
		return nil
	}
	switch {
	case err == io.EOF:
		return s.readClosing()
	case errors.Is(err, ipc.ErrTorn) && between:
		return s.incomplete(cmp.Or(s.empty, "the recorder did not end properly"))
	case errors.Is(err, ipc.ErrTorn):
		return s.cutOff("it ends within a batch")
	case errors.Is(err, ipc.ErrFraming), errors.Is(err, ipc.ErrChecksum):
		// After a power cut, what was not yet on the disk reads as zeros.
		if s.zerosFollow() {
			return s.cutOff("it ends in unwritten blocks")
		}
	}
	if err == nil {
		err = s.decode(meta, body)
	}
	if s.overtaken(err) {
		s.rows.N = 0
		return nil
	}
	if err != nil {
		return s.corrupt(RuleData, err)
	}
	if s.rows.N == 0 {
		if s.tables++; s.tables == 1 {
			s.tableAt = at
		}
		return nil
	}
	if s.tables >= s.batches.Dictionaries() {
		s.fresh = restart{s.tableAt, s.start}
	}
	s.tables = 0
	s.batch++
	s.behindGap()
	return nil
}

// resync goes on after the damage that err tells of at the next message that is
// whole. It returns how many bytes it passed over; ok is false if there is no
// such message. The input must be a file.
func (s *spoolReader) resync(f io.ReaderAt, size int64, err error) (passed int64, ok bool) {
	s.rows.N, s.at = 0, 0
	if s.given.rows != nil { // the damage is there
		s.given.rows.passGroup()
		return 0, true
	}
	from := s.frames.N
	at, schema, ok := ipc.Resync(f, from, size)
	if !ok {
		return size - from, false
	}
	if !errors.Is(err, ipc.ErrNoDictionary) && !ipc.IsBatch(f, from, at, len(s.batches.Fields)) {
		s.batches.Forget()
	}
	s.frames.R, s.frames.N, s.closing = bufio.NewReaderSize(io.NewSectionReader(f, at, 1<<62), 1<<18), at, schema
	return at - from, true
}

func (s *spoolReader) corrupt(rule Rule, err error) error {
	c, ok := errors.AsType[*CorruptError](err)
	if !ok {
		return &CorruptError{Rule: rule, File: s.name, Group: s.batch, Row: s.start, Err: err}
	}
	c.Rule, c.File, c.Group = rule, s.name, s.batch
	if c.Row >= 0 {
		c.Row += s.start
	}
	return c
}

func (s *spoolReader) incomplete(why string) *IncompleteError {
	return &IncompleteError{File: s.name, Rows: s.start, Why: why, Recording: s.inUse != nil && s.inUse()}
}

// cutOff is incomplete for an end that has taken events along.
func (s *spoolReader) cutOff(why string) error {
	err := s.incomplete(why)
	err.events = true
	return err
}

// zerosFollow reports whether nothing but zeros follows up to the end of the
// input.
func (s *spoolReader) zerosFollow() bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.frames.R.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// readClosing reads the second stream, which says what the recorder knew in
// the end.
func (s *spoolReader) readClosing() error {
	meta, err := s.readSchema()
	var torn *IncompleteError
	switch {
	case errors.As(err, &torn):
		return s.incomplete("it ends before the closing metadata")
	case err != nil:
		return err
	}
	if _, _, _, err := s.frames.Next(); errors.Is(err, ipc.ErrTorn) {
		return s.incomplete("it ends before the last end mark")
	} else if err == nil {
		return s.corrupt(RuleFile, ipc.ErrFraming)
	} else if err != io.EOF {
		return s.corrupt(RuleFile, err)
	}
	var one [1]byte
	if n, _ := io.ReadFull(s.frames.R, one[:]); n != 0 {
		return s.corrupt(RuleFile, errors.New("data after the end of the spool"))
	}
	if meta.CaptureID != s.meta.CaptureID {
		return s.corrupt(RuleMeta, fmt.Errorf("closing metadata of another capture, %q", meta.CaptureID))
	}
	s.ended = meta
	if meta.Part.Rows != s.start {
		return s.corrupt(RuleRows, fmt.Errorf("%d rows, the metadata says %d", s.start, meta.Part.Rows))
	}
	s.meta, s.whole = meta, true
	return io.EOF
}

// decode fills s.rows from a record batch.
func (s *spoolReader) decode(meta, body []byte) error {
	table := columnsOf(s.meta.Version)
	n, err := s.batches.Batch(meta, body, maxSpoolRows)
	if err != nil || n == 0 {
		return err
	}
	for pos, c := range table {
		err := s.batches.Next()
		if err == nil && s.cols.has(pos) {
			err = c.inflate(&s.decoding, pos, &s.batches, &s.rows, n)
		}
		if err != nil {
			corrupt, ok := errors.AsType[*CorruptError](err)
			if !ok {
				corrupt = &CorruptError{Row: -1, Err: err}
			}
			corrupt.Column = c.Name
			return corrupt
		}
	}
	s.rows.N, s.rows.Symbols = n, s.names
	return nil
}
