package ipc

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"systape/format/internal/columnar"
)

// StreamWriter writes tables as Arrow IPC streams: spools and the Arrow form
// of results.
type StreamWriter struct {
	Plain   bool // without compression; to be set before Begin
	out     columnar.Output
	cols    []columnar.Column
	ipc     *ipc.Writer
	schema  *arrow.Schema
	mem     *recycler
	frames  frameWriter
	arrays  []arrow.Array
	offsets [][]int32
	text    [][]byte
}

// NewStreamWriter returns a writer of tables of cols to w. Nothing is written
// before the first batch.
func NewStreamWriter(w io.Writer, cols []columnar.Column) *StreamWriter {
	s := &StreamWriter{out: columnar.Output{W: w}, cols: cols, mem: newRecycler(), offsets: make([][]int32, len(cols)), text: make([][]byte, len(cols))}
	s.frames.out = &s.out
	return s
}

// Begin starts a stream. Arrow puts off writing the schema until the first
// batch or the end.
func (s *StreamWriter) Begin(meta []columnar.Pair) {
	s.schema = arrowSchema(s.cols, meta)
	opts := []ipc.Option{ipc.WithSchema(s.schema), ipc.WithAllocator(s.mem)}
	if !s.Plain {
		opts = append(opts, ipc.WithLZ4(), ipc.WithCompressConcurrency(1))
	}
	s.ipc = ipc.NewWriterWithPayloadWriter(&s.frames, opts...)
}

// End writes the end mark, and the schema before it if there was no batch.
func (s *StreamWriter) End() error { return errors.Join(s.out.Err, s.ipc.Close()) }

// Bytes returns how many bytes have been written.
func (s *StreamWriter) Bytes() int64 { return s.out.N }

// ColumnError says in which column the trouble is.
type ColumnError struct {
	Column string
	Err    error
}

// Error names the column.
func (e *ColumnError) Error() string { return "column " + e.Column + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ColumnError) Unwrap() error { return e.Err }

// Write writes the n rows of values as one record batch. Numbers go out as they
// lie in memory; IDs and codes become text by table look-up. When it fails with
// columnar.ErrTooLarge, nothing was written.
func (s *StreamWriter) Write(values []columnar.Values, n int) error {
	s.arrays = s.arrays[:0]
	for i, c := range s.cols {
		v := &values[i]
		var fixed, text *memory.Buffer
		switch c.Type {
		case columnar.Int64, columnar.TimestampUS:
			fixed = memory.NewBufferBytes(columnar.Bytes(v.Int64))
		case columnar.Int32:
			fixed = memory.NewBufferBytes(columnar.Bytes(v.Int32))
		case columnar.Float64:
			fixed = memory.NewBufferBytes(columnar.Bytes(v.Float64))
		case columnar.Bool:
			s.text[i] = columnar.AppendBits(s.text[i][:0], v.Bools)
			fixed = memory.NewBufferBytes(s.text[i])
		case columnar.String:
			var err error
			s.offsets[i], s.text[i], err = v.AppendText(append(s.offsets[i][:0], 0), s.text[i][:0])
			if err != nil {
				return &ColumnError{c.Name, err}
			}
			fixed, text = memory.NewBufferBytes(columnar.Bytes(s.offsets[i])), memory.NewBufferBytes(s.text[i])
		}
		s.arrays = append(s.arrays, newArray(c.Type, n, fixed, text))
	}
	rec := array.NewRecord(s.schema, s.arrays, int64(n))
	err := s.ipc.Write(rec)
	rec.Release()
	for _, a := range s.arrays {
		a.Release()
	}
	return errors.Join(s.out.Err, err)
}
