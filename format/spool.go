package format

import (
	"errors"
	"fmt"
	"io"
	"unsafe"

	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
)

// maxSpoolRows is how many rows a record batch may have. Those that are written
// have at most [CodedRows].
const maxSpoolRows = 1 << 16

// SpoolWriter appends batches of events to a spool: an Arrow IPC stream whose
// schema is the events table, with dictionaries for what rows of a thread or of
// a call have in common. What was written survives whatever happens to the
// process; see FORMAT.md, "Spool". Errors of the underlying writer stick: after
// the first one every call returns it.
type SpoolWriter struct {
	stream  *ipc.CompactWriter
	version int // of the rows
	order   order
	err     error
	closed  bool
	whole   int64 // bytes up to the last message that was written in full
	told    [2]told
	fresh   int64 // bytes up to which the tables were told anew last; -1: that is not done
	values  []ipc.Compact
	entries entries
	coder   coder
}

// told is the part of a table that the spool has.
type told struct{ turn, rows int }

// NewSpoolWriter writes the head of a spool to w: the schema and what meta
// says at the start. The spool does not buffer: w sees every batch at once.
func NewSpoolWriter(w io.Writer, meta *Meta) (*SpoolWriter, error) {
	return newSpoolWriter(w, meta, func(c *ipc.CompactWriter, pairs []columnar.Pair) error { return c.Begin(pairs) })
}

// NewSpoolFile is NewSpoolWriter for a file, whose begin [Sealer.GiveBack] can
// give back: from time to time the tables are told anew, so that a reader may
// begin there.
func NewSpoolFile(w io.Writer, meta *Meta) (*SpoolWriter, error) {
	s, err := newSpoolWriter(w, meta, func(c *ipc.CompactWriter, pairs []columnar.Pair) error {
		_, err := c.BeginWithGap(pairs)
		return err
	})
	if err == nil {
		s.fresh = 0
	}
	return s, err
}

func newSpoolWriter(w io.Writer, meta *Meta, begin func(*ipc.CompactWriter, []columnar.Pair) error) (*SpoolWriter, error) {
	s := &SpoolWriter{version: meta.Version, fresh: -1}
	pairs, err := meta.pairs()
	if err == nil {
		s.stream, err = ipc.NewCompactWriter(w, compactColumns(meta.Version))
	}
	if err == nil {
		err = begin(s.stream, pairs)
	}
	if err != nil {
		return nil, fmt.Errorf("begin spool: %w", err)
	}
	s.whole = s.stream.Bytes()
	return s, nil
}

// Write appends all rows of b. It keeps nothing of b. The rows must continue
// the capture: seq by one for each, ts never back. A batch that does not is
// refused whole, and the spool stays usable.
func (s *SpoolWriter) Write(b *Batch) error {
	if err := s.usable(); err != nil {
		return err
	}
	if _, err := s.order.check(b, s.version); err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	for from, step := 0, CodedRows; from < b.N; {
		to := min(from+step, b.N)
		err := s.WriteCoded(s.coder.code(b, from, to))
		if errors.Is(err, columnar.ErrTooLarge) && to-from > 1 && s.stream.Bytes() == s.whole {
			s.err = nil
			step = (to - from + 1) / 2 // nothing was written; long names make short batches
			continue
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (s *SpoolWriter) usable() error {
	if s.err == nil && s.closed {
		return fmt.Errorf("write spool: %w", errClosed)
	}
	return s.err
}

// WriteCoded is Write for rows as the recorder has them, which go out without
// another look at each.
func (s *SpoolWriter) WriteCoded(b *CodedBatch) error {
	if err := s.usable(); err != nil {
		return err
	}
	next, err := s.order.checkCoded(b)
	if err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	if b.N == 0 {
		return nil
	}
	if err := s.write(b); err != nil {
		s.err = fmt.Errorf("write spool: %w", err)
		return s.err
	}
	s.whole, s.order = s.stream.Bytes(), next
	return nil
}

// freshEvery is how far apart at most the places are at which a reader of a
// spool file can begin.
const freshEvery = 1 << 20 // bytes

func (s *SpoolWriter) write(b *CodedBatch) error {
	if s.fresh >= 0 && s.stream.Bytes()-s.fresh >= freshEvery {
		s.fresh, s.told = s.stream.Bytes(), [2]told{}
	}
	now := [2]told{{b.Threads.Turn, len(b.Threads.Rows)}, {b.Calls.Turn, len(b.Calls.Rows)}}
	s.values = s.values[:0]
	for pos, c := range columnsOf(s.version) {
		switch g := groupOf(1 << pos); {
		case g != noGroup:
			if now[g-1] != s.told[g-1] {
				v := s.entries.column(b, 1<<pos)
				if err := s.stream.Dictionary(pos, &v); err != nil {
					return fmt.Errorf("column %s: %w", c.Name, err)
				}
			}
		default:
			s.values = append(s.values, b.compact(1<<pos))
		}
	}
	s.told = now
	return s.stream.Write(b.N, s.values, [][]int16{codesOf(b.Thread), codesOf(b.Call)})
}

func codesOf(c []Code) []int16 {
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(c))), len(c))
}

// compact returns a column of values.
func (b *CodedBatch) compact(c Columns) ipc.Compact {
	switch c {
	case ColTS:
		return ipc.Compact{Form: ipc.Rising, Int64: b.TS}
	case ColSeq:
		return ipc.Compact{Form: ipc.Counting, First: b.Seq}
	case ColRet:
		return ipc.Compact{Form: ipc.Repeating, Int64: b.Ret}
	case ColDetail:
		if len(b.Detail) > 0 {
			return ipc.Compact{Form: ipc.Texts, At: b.DetailAt, Texts: b.Detail}
		}
		return ipc.Compact{}
	}
	if k := c.pos() - ColArg0.pos(); k >= 0 && k < b.Used {
		return ipc.Compact{Form: ipc.Repeating, Int64: b.Args[k]}
	}
	return ipc.Compact{}
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
		err = s.stream.Begin(pairs)
	}
	if err == nil {
		err = s.stream.End()
	}
	if err != nil {
		s.err = fmt.Errorf("close spool: %w", err)
		return s.err
	}
	s.whole = s.stream.Bytes()
	return nil
}
