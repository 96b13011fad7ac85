package format

import (
	"errors"
	"fmt"
	"io"

	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
)

// spoolBatchRows is how many rows a record batch holds at most. A batch whose
// strings are too long for readers is split further.
const spoolBatchRows = 1 << 16

// SpoolWriter appends batches of events to a spool: an Arrow IPC stream whose
// schema is the events table, its buffers compressed with lz4. What Write has
// written survives whatever happens to the process; see FORMAT.md, "Spool".
// Errors of the underlying writer stick: after the first one every call
// returns it.
type SpoolWriter struct {
	stream  *ipc.StreamWriter
	version int // of the rows
	order   order
	err     error
	closed  bool
	whole   int64 // bytes up to the last message that was written in full
	values  []columnar.Values
	run     []columnar.Values // rows of values that make a record batch
}

// NewSpoolWriter writes the head of a spool to w: the schema and what meta
// says at the start. The spool does not buffer: w sees every batch at once.
func NewSpoolWriter(w io.Writer, meta *Meta) (*SpoolWriter, error) {
	s := &SpoolWriter{stream: ipc.NewStreamWriter(w, tableOf(meta.Version)), version: meta.Version}
	pairs, err := meta.pairs()
	if err == nil {
		// Arrow writes the schema together with the first batch. A batch
		// without rows brings it out now: a recorder that dies before its
		// first event still leaves a capture that says what it is.
		s.stream.Begin(pairs)
		err = s.stream.Write(make([]columnar.Values, len(columns)), 0)
	}
	if err != nil {
		return nil, fmt.Errorf("begin spool: %w", err)
	}
	s.whole = s.stream.Bytes()
	return s, nil
}

// Write appends all rows of b, in record batches of at most 65,536 rows. It
// keeps nothing of b. The rows must continue the capture: seq by one for
// each, ts never back. A batch that does not is refused whole, and the spool
// stays usable.
func (s *SpoolWriter) Write(b *Batch) error {
	switch {
	case s.err != nil:
		return s.err
	case s.closed:
		return fmt.Errorf("write spool: %w", errClosed)
	}
	next, err := s.order.check(b, s.version)
	if err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	s.values = b.values(s.values, s.version)
	for from, step := 0, spoolBatchRows; from < b.N; {
		to := min(from+step, b.N)
		s.run = s.run[:0]
		for i := range s.values {
			s.run = append(s.run, s.values[i].Run(from, to))
		}
		err := s.stream.Write(s.run, to-from)
		if errors.Is(err, columnar.ErrTooLarge) && to-from > 1 {
			step = (to - from + 1) / 2 // nothing was written; long names make short batches
			continue
		}
		if err != nil {
			s.err = fmt.Errorf("write spool: %w", err)
			return s.err
		}
		s.whole = s.stream.Bytes()
		from = to
	}
	s.order = next
	return nil
}

// Rows returns how many rows have been written.
func (s *SpoolWriter) Rows() int64 { return s.order.rows }

// Bytes returns how many bytes the spool has up to its last whole batch: a
// [Sealer] may read up to there, and after a failed write it is the length to
// which the file can be cut back.
func (s *SpoolWriter) Bytes() int64 { return s.whole }

// Close ends the spool: it marks the end of the stream and appends a second,
// empty stream whose metadata is the closing meta, with the part's first seq
// and rows filled in. By that a reader knows that the spool is whole. Close
// does not close the underlying writer.
func (s *SpoolWriter) Close(meta *Meta) error {
	if s.err != nil || s.closed {
		return s.err
	}
	s.closed = true
	pairs, err := s.order.closing(meta).pairs()
	if err == nil {
		err = s.stream.End()
	}
	if err == nil {
		s.stream.Begin(pairs)
		err = s.stream.End()
	}
	if err != nil {
		s.err = fmt.Errorf("close spool: %w", err)
		return s.err
	}
	s.whole = s.stream.Bytes()
	return nil
}
