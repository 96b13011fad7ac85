package format

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// streamWriter writes tables as Arrow IPC streams: spools and the Arrow form
// of results.
type streamWriter struct {
	out     sink
	cols    []Column
	ipc     *ipc.Writer
	schema  *arrow.Schema
	mem     *recycler
	frames  frameWriter
	arrays  []arrow.Array
	offsets [][]int32
	text    [][]byte
}

func newStreamWriter(w io.Writer, cols []Column) *streamWriter {
	s := &streamWriter{out: sink{w: w}, cols: cols, mem: newRecycler(), offsets: make([][]int32, len(cols)), text: make([][]byte, len(cols))}
	s.frames.out = &s.out
	return s
}

// begin starts a stream. Arrow puts off writing the schema until the first
// batch or the end.
func (s *streamWriter) begin(meta []metaPair) {
	s.schema = arrowSchema(s.cols, meta)
	s.ipc = ipc.NewWriterWithPayloadWriter(&s.frames, ipc.WithSchema(s.schema), ipc.WithLZ4(), ipc.WithCompressConcurrency(1), ipc.WithAllocator(s.mem))
}

// end writes the end mark.
func (s *streamWriter) end() error { return errors.Join(s.out.err, s.ipc.Close()) }

// write writes the n rows of data as one record batch. Numbers go out as they
// lie in memory; names become text by table look-up.
func (s *streamWriter) write(data []colData, n int, names *SymbolTable) error {
	s.arrays = s.arrays[:0]
	for i, c := range s.cols {
		d := &data[i]
		var values, text *memory.Buffer
		switch c.Type {
		case Int64, TimestampUS:
			values = memory.NewBufferBytes(bytesOf(d.i64))
		case Int32:
			values = memory.NewBufferBytes(bytesOf(d.i32))
		case Float64:
			values = memory.NewBufferBytes(bytesOf(d.f64))
		case Bool:
			s.text[i] = appendBits(s.text[i][:0], d.bools)
			values = memory.NewBufferBytes(s.text[i])
		case String:
			var err error
			s.offsets[i], s.text[i], err = d.appendText(append(s.offsets[i][:0], 0), s.text[i][:0], names)
			if err != nil {
				return &CorruptError{Group: -1, Row: -1, Column: c.Name, Err: err}
			}
			values, text = memory.NewBufferBytes(bytesOf(s.offsets[i])), memory.NewBufferBytes(s.text[i])
		}
		s.arrays = append(s.arrays, newArray(c.Type, n, values, text))
	}
	rec := array.NewRecord(s.schema, s.arrays, int64(n))
	err := s.ipc.Write(rec)
	rec.Release()
	for _, a := range s.arrays {
		a.Release()
	}
	return errors.Join(s.out.err, err)
}

// appendBits appends one bit for each value, low bits first.
func appendBits(dst []byte, v []bool) []byte {
	for i, b := range v {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		if b {
			dst[len(dst)-1] |= 1 << (i % 8)
		}
	}
	return dst
}
