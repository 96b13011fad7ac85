package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"systape/format/abi"
)

const (
	spoolBatchRows   = 1 << 16  // a record batch holds at most so many rows
	spoolDetailBytes = 16 << 20 // and at most so many bytes of detail, a single row excepted
)

var (
	abiWords  = abiStrings()
	kindTable = newWordTable(kindNames[:])
	abiTable  = newWordTable(abiWords)
)

func abiStrings() []string {
	var s []string
	for _, a := range abi.All() {
		s = append(s, a.String())
	}
	return s
}

// SpoolWriter appends batches of events to a spool: an Arrow IPC stream whose
// schema is the events table, its buffers compressed with lz4. What Write has
// written survives whatever happens to the process; see FORMAT.md, "Spool".
// Errors stick: after the first one every call returns it.
type SpoolWriter struct {
	out     sink
	ipc     *ipc.Writer
	schema  *arrow.Schema
	mem     *recycler
	rows    int64
	err     error
	closed  bool
	arrays  []arrow.Array
	offsets [len(columns)][]int32
	text    [len(columns)][]byte
}

// NewSpoolWriter writes the head of a spool to w: the schema and what meta
// says at the start. The spool does not buffer: w sees every batch at once.
func NewSpoolWriter(w io.Writer, meta *Meta) (*SpoolWriter, error) {
	s := &SpoolWriter{out: sink{w: w}, mem: newRecycler()}
	err := s.begin(meta)
	if err == nil {
		// Arrow writes the schema together with the first batch. A batch
		// without rows brings it out now: a recorder that dies before its
		// first event still leaves a capture that says what it is.
		err = s.writeRun(&Batch{Names: emptyNames}, 0, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("begin spool: %w", err)
	}
	return s, nil
}

// begin starts one of the two streams of a spool.
func (s *SpoolWriter) begin(meta *Meta) error {
	pairs, err := meta.pairs()
	if err != nil {
		return err
	}
	s.schema = arrowSchema(eventColumns(), pairs)
	s.ipc = ipc.NewWriter(&s.out, ipc.WithSchema(s.schema), ipc.WithLZ4(), ipc.WithCompressConcurrency(1), ipc.WithAllocator(s.mem))
	return nil
}

// Write appends all rows of b, in record batches of at most 65,536 rows. It
// keeps nothing of b.
func (s *SpoolWriter) Write(b *Batch) error {
	switch {
	case s.err != nil:
		return s.err
	case s.closed:
		return fmt.Errorf("write spool: %w", errClosed)
	}
	if err := b.check(); err != nil {
		return fmt.Errorf("write spool: %w", err) // nothing was written: the spool stays usable
	}
	for from := 0; from < b.N; {
		to := min(from+spoolBatchRows, b.N)
		size := 0
		for i, d := range b.Detail[from:to] {
			if size += len(d); size > spoolDetailBytes && i > 0 {
				to = from + i
				break
			}
		}
		if err := s.writeRun(b, from, to); err != nil {
			s.err = fmt.Errorf("write spool, after row %d: %w", s.rows, err)
			return s.err
		}
		s.rows += int64(to - from)
		from = to
	}
	return nil
}

// Rows returns how many rows have been written.
func (s *SpoolWriter) Rows() int64 { return s.rows }

// Bytes returns how many bytes have been written. Between calls of Write they
// end with a whole batch, so a [Sealer] may read up to there.
func (s *SpoolWriter) Bytes() int64 { return s.out.n }

// Close ends the spool: it marks the end of the stream and appends a second,
// empty stream whose metadata is the closing meta. By that a reader knows
// that the spool is whole. Close does not close the underlying writer.
func (s *SpoolWriter) Close(meta *Meta) error {
	if s.err != nil {
		return s.err
	}
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.finish(meta); err != nil {
		s.err = fmt.Errorf("close spool: %w", err)
	}
	return s.err
}

func (s *SpoolWriter) finish(meta *Meta) error {
	if err := s.endStream(); err != nil {
		return err
	}
	if err := s.begin(meta); err != nil {
		return err
	}
	return s.endStream()
}

func (s *SpoolWriter) endStream() error {
	if err := s.ipc.Close(); err != nil {
		return err
	}
	return s.out.err
}

// writeRun writes rows from…to of b as one record batch. The integer columns
// go out as they lie in memory; names become text by table look-up.
func (s *SpoolWriter) writeRun(b *Batch, from, to int) error {
	n := to - from
	s.arrays = s.arrays[:0]
	for pos := range columns {
		var values, text *memory.Buffer
		switch c := columns[pos]; {
		case c.Type == Int64:
			values = memory.NewBufferBytes(bytesOf((*b.int64s(pos))[from:to]))
		case c.Type == Int32:
			values = memory.NewBufferBytes(bytesOf((*b.int32s(pos))[from:to]))
		default:
			if err := s.buildText(b, pos, from, to); err != nil {
				return err
			}
			values = memory.NewBufferBytes(bytesOf(s.offsets[pos]))
			text = memory.NewBufferBytes(s.text[pos])
		}
		s.arrays = append(s.arrays, newArray(columns[pos].Type, n, values, text))
	}
	rec := array.NewRecord(s.schema, s.arrays, int64(n))
	err := s.ipc.Write(rec)
	rec.Release()
	for _, a := range s.arrays {
		a.Release()
	}
	return errors.Join(s.out.err, err)
}

// buildText fills offsets and text of the utf8 column at pos.
func (s *SpoolWriter) buildText(b *Batch, pos, from, to int) error {
	off, text := append(s.offsets[pos][:0], 0), s.text[pos][:0]
	switch pos {
	case posKind:
		off, text = kindTable.appendRows(off, text, bytesOf(b.Kind[from:to]))
	case posABI:
		off, text = abiTable.appendRows(off, text, bytesOf(b.ABI[from:to]))
	case posDetail:
		for _, d := range b.Detail[from:to] {
			text = append(text, d...)
			off = append(off, int32(len(text)))
		}
	default:
		words := *b.Names.list.Load()
		last, word := Sym(0), ""
		for i, sym := range (*b.syms(pos))[from:to] {
			if sym != last {
				if int(sym) >= len(words) {
					return &CorruptError{Group: -1, Row: int64(from + i), Column: columns[pos].Name, Err: errors.New("a name of another table")}
				}
				last, word = sym, words[sym]
			}
			if word != "" {
				text = append(text, word...)
			}
			off = append(off, int32(len(text)))
		}
	}
	s.offsets[pos], s.text[pos] = off, text
	return nil
}

// wordTable turns columns of small codes into utf8 columns.
type wordTable struct {
	words []string
	by8   [][8]byte // the words in 8 bytes, for those that fit
}

func newWordTable(words []string) *wordTable {
	t := &wordTable{words: words, by8: make([][8]byte, len(words))}
	for i, w := range words {
		copy(t.by8[i][:], w)
	}
	return t
}

// appendRows appends the words of codes, which must be in range.
func (t *wordTable) appendRows(off []int32, text, codes []byte) ([]int32, []byte) {
	for _, c := range codes {
		w := t.words[c]
		if len(w) <= 8 && cap(text)-len(text) >= 8 {
			n := len(text) + len(w)
			binary.LittleEndian.PutUint64(text[len(text):len(text)+8], binary.LittleEndian.Uint64(t.by8[c][:]))
			text = text[:n]
		} else {
			text = append(text, w...)
		}
		off = append(off, int32(len(text)))
	}
	return off, text
}

// emptyNames serves batches without rows.
var emptyNames = NewNames()

// bytesOf returns the memory of s. Files are little-endian, and so is every
// machine that systape is built for.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}
