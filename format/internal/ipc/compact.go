package ipc

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/klauspost/compress/zstd"

	"systape/format/internal/columnar"
	"systape/format/internal/zframe"
)

// CompactColumn is a column of a stream that a [CompactWriter] writes.
type CompactColumn struct {
	columnar.Column
	Group int // 0: values; else the column holds positions in a dictionary, the same ones for all columns of a group
}

// Compact is the rows of a column of values for one batch, in one of its forms.
// The zero value is a column of zeros or of empty strings.
type Compact struct {
	Form  Form
	Int64 []int64
	First int64    // Counting
	At    []int32  // Texts: the rows that have one, in order
	Texts []string // Texts
}

// Form says what is known of a column of values.
type Form uint8

// The forms.
const (
	Zeros     Form = iota // all 0, or ""
	Rising                // Int64 that rise slowly
	Counting              // First, First+1, …
	Repeating             // Int64 of which many were there before
	Texts                 // utf8, of which few are not ""
)

// MaxCompactRows is how many rows a batch of a [CompactWriter] can have.
const MaxCompactRows = zframe.MaxBytes / 8

// CompactWriter writes a table as an Arrow IPC stream that is made for writing
// much in little time: columns of the same few values hold positions in
// dictionaries, and the buffers, zstd frames all, are made by package zframe.
type CompactWriter struct {
	out    columnar.Output
	cols   []CompactColumn
	fields []Field // of the schema, as it was written
	enc    zframe.Encoder
	packer *zstd.Encoder
	frame  frame
	spans  []span
	off    []int32
	text   []byte
}

// NewCompactWriter returns a writer of tables of cols to w. Nothing is written
// before Begin. Columns of values must be of type Int64 or String.
func NewCompactWriter(w io.Writer, cols []CompactColumn) (*CompactWriter, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(128<<10), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	c := &CompactWriter{out: columnar.Output{W: w}, cols: cols, packer: packer}
	for i := range cols {
		if t := cols[i].Type; t != columnar.Int64 && t != columnar.Int32 && t != columnar.String || t == columnar.Int32 && cols[i].Group == 0 {
			return nil, fmt.Errorf("column %s: no compact form of %v", cols[i].Name, t)
		}
	}
	return c, nil
}

// Begin writes the schema, with meta as its metadata.
func (c *CompactWriter) Begin(meta []columnar.Pair) error {
	message, err := c.schema(meta)
	if err == nil {
		_, err = c.out.Write(message)
	}
	return err
}

// BeginWithGap is Begin for a stream in a file, whose begin is to be given back
// piece by piece: the schema is padded, and a gap follows it, that is empty yet.
// It returns where the gap stands; see [Gap].
func (c *CompactWriter) BeginWithGap(meta []columnar.Pair) (at int64, err error) {
	message, err := c.schema(meta)
	if err != nil {
		return 0, err
	}
	message = padSchema(message, GapAlign)
	gap, err := Gap(c.fields, 0)
	if err == nil {
		_, err = c.out.Write(append(message, gap...))
	}
	return int64(len(message)), err
}

// padSchema makes a message without a body a multiple of so many bytes long.
func padSchema(message []byte, to int) []byte {
	seal := len(message) - sealBytes
	padded := append(message[:seal:seal], make([]byte, (to-len(message)%to)%to)...)
	meta := padded[8:]
	binary.LittleEndian.PutUint32(padded[4:], uint32(len(meta)+sealBytes))
	padded = append(padded, sealMark...)
	return binary.LittleEndian.AppendUint32(padded, frameSum(meta, nil))
}

// Describe finds out what a stream's schema says without writing it, for
// messages that go behind another one's.
func (c *CompactWriter) Describe() error {
	_, err := c.schema(nil)
	return err
}

// Append writes messages that another writer of the same columns made.
func (c *CompactWriter) Append(messages []byte) error {
	_, err := c.out.Write(messages)
	return err
}

// Fields returns the columns as the schema has them.
func (c *CompactWriter) Fields() []Field { return c.fields }

// schema makes the message that a stream begins with.
func (c *CompactWriter) schema(meta []columnar.Pair) ([]byte, error) {
	fields := make([]arrow.Field, len(c.cols))
	for i, col := range c.cols {
		fields[i] = arrow.Field{Name: col.Name, Type: arrowTypes[col.Type]}
		if col.Group != 0 {
			fields[i].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrowTypes[col.Type]}
		}
	}
	schema := arrow.NewSchema(fields, arrowMetadata(meta))
	message := schemaWriter{frameWriter: frameWriter{out: &columnar.Output{W: io.Discard}}}
	if err := ipc.NewWriterWithPayloadWriter(&message, ipc.WithSchema(schema)).Close(); err != nil {
		return nil, err
	}
	// Which number arrow gave the dictionary of each column.
	described, _, err := ParseMessage(message.buf[8:]).Schema(len(c.cols))
	c.fields = described
	return message.buf, err
}

// schemaWriter makes a stream's first message and no end.
type schemaWriter struct{ frameWriter }

func (*schemaWriter) Close() error { return nil }

// Bytes returns how many bytes have been written.
func (c *CompactWriter) Bytes() int64 { return c.out.N }

// End writes the end mark.
func (c *CompactWriter) End() error {
	_, err := c.out.Write(endMark)
	return err
}

// Dictionary says what the positions in column col mean from here on.
func (c *CompactWriter) Dictionary(col int, v *columnar.Values) error {
	c.frame.begin()
	c.spans = append(c.spans[:0], span{})
	n := v.Len()
	if c.cols[col].Type == columnar.String {
		off, text, err := v.AppendText(append(c.off[:0], 0), c.text[:0])
		c.off, c.text = off, text
		if err != nil {
			return err
		}
		c.addBytes(columnar.Bytes(off))
		c.addText(text)
	} else {
		c.addBytes(columnar.Bytes(v.Int32))
	}
	return c.frame.write(&c.out, dictionaryMessage(c.fields[col].Dictionary, n, c.spans))
}

// Write writes a batch of n rows: one of values for each column of values, and
// one of keys for each group, in order. When it fails with columnar.ErrTooLarge,
// nothing was written.
func (c *CompactWriter) Write(n int, values []Compact, keys [][]int16) error {
	c.frame.begin()
	c.spans = c.spans[:0]
	var groups [8]span
	for i := range c.cols {
		col := &c.cols[i]
		c.spans = append(c.spans, span{}) // no nulls
		if g := col.Group; g != 0 {
			if groups[g].size == 0 {
				c.addBytes(columnar.Bytes(keys[g-1][:n]))
				groups[g] = c.spans[len(c.spans)-1]
			} else {
				c.spans = append(c.spans, groups[g])
			}
			continue
		}
		v := &values[0]
		values = values[1:]
		switch {
		case v.Form == Texts:
			if err := c.addTexts(n, v); err != nil {
				return err
			}
		case col.Type == columnar.String:
			c.add(c.enc.Zeros(c.open(4*(n+1)), 4*(n+1)))
			c.spans = append(c.spans, span{})
		case v.Form == Rising:
			c.add(c.enc.Rising(c.open(8*n), v.Int64[:n]))
		case v.Form == Counting:
			c.add(c.enc.Counting(c.open(8*n), v.First, n))
		case v.Form == Repeating:
			c.addBytes(columnar.Bytes(v.Int64[:n]))
		default:
			c.add(c.enc.Zeros(c.open(8*n), 8*n))
		}
	}
	return c.frame.write(&c.out, batchMessage(n, len(c.cols), c.spans))
}

// open begins a buffer of the body: first the length that it will have when it
// is decompressed.
func (c *CompactWriter) open(size int) []byte {
	f := &c.frame
	f.pad()
	c.spans = append(c.spans, span{off: len(f.body)})
	return binary.LittleEndian.AppendUint64(f.body, uint64(size))
}

// add takes what the encoder made of open's slice.
func (c *CompactWriter) add(body []byte) {
	s := &c.spans[len(c.spans)-1]
	s.size = len(body) - s.off
	c.frame.body = body
}

// addBytes adds a buffer of numbers.
func (c *CompactWriter) addBytes(b []byte) { c.add(c.enc.Repeating(c.open(len(b)), b)) }

// addText adds a buffer of text.
func (c *CompactWriter) addText(b []byte) {
	if len(b) == 0 {
		c.spans = append(c.spans, span{})
		return
	}
	c.add(c.packer.EncodeAll(b, c.open(len(b))))
}

// addTexts adds a column of text that most rows have none of.
func (c *CompactWriter) addTexts(n int, v *Compact) error {
	c.off, c.text = columnar.Resize(c.off, n+1), c.text[:0]
	row := 0
	for i, at := range v.At {
		for ; row <= int(at); row++ {
			c.off[row] = int32(len(c.text))
		}
		if c.text = append(c.text, columnar.CleanText(v.Texts[i])...); len(c.text) > columnar.MaxTextBytes {
			return columnar.ErrTooLarge
		}
	}
	for ; row <= n; row++ {
		c.off[row] = int32(len(c.text))
	}
	c.addBytes(columnar.Bytes(c.off))
	c.addText(c.text)
	return nil
}
