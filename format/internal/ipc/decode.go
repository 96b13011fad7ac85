package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"systape/format/internal/columnar"
	"systape/format/internal/zframe"
)

// Decoder takes the batches of a stream apart, column by column.
type Decoder struct {
	Fields []Field // of the schema

	zstd  *zstd.Decoder
	codec byte
	dicts map[int64]*Dictionary
	keys  [4]keys // of the current batch, by where they lie in the body
	next  int     // column after the current one
	lz    *lz4.Reader
	src   bytes.Reader
	spans []span
	rest  []span // of the columns after the current one
	body  []byte
	rows  int
	at    [2]span // the current column: numbers or offsets, and text
	off   []int32
	text  []byte
}

// Batch begins a record batch and returns its rows, of which it accepts
// maxRows. Meta and body must stay until the last column is read. A batch of
// the entries of a dictionary is taken in; it has no rows.
func (d *Decoder) Batch(meta, body []byte, maxRows int) (rows int, err error) {
	m := ParseMessage(meta)
	switch m.kind {
	case messageDictionary:
		return 0, d.dictionary(m, body, maxRows)
	case messageBatch:
		return d.begin(m, m.header, len(d.Fields), body, maxRows)
	}
	return 0, errors.New("a message that is no record batch")
}

func (d *Decoder) begin(m *Message, header, cols int, body []byte, maxRows int) (rows int, err error) {
	n, codec, spans, err := m.buffers(header, cols, len(body), d.spans[:0])
	d.spans = spans
	if err != nil {
		return 0, err
	}
	if n < 0 || n > int64(maxRows) {
		return 0, fmt.Errorf("batch of %d rows, at most %d are read", n, maxRows)
	}
	if codec != codecLZ4 && codec != codecZstd {
		return 0, errors.New("compressed with another codec than lz4 and zstd")
	}
	d.rest, d.body, d.rows, d.codec, d.next = spans, body, int(n), codec, 0
	for i := range d.keys {
		d.keys[i].at = span{}
	}
	return d.rows, nil
}

// Next goes to the next column. Every column must be passed, in order, read or
// not.
func (d *Decoder) Next() error {
	if d.next == len(d.Fields) {
		return errFlat
	}
	f := &d.Fields[d.next]
	d.next++
	return d.take(f.Dictionary == NoDictionary && f.text())
}

// take goes to the next buffers.
func (d *Decoder) take(text bool) error {
	n := 2 // validity and values
	if text {
		n = 3
	}
	if len(d.rest) < n {
		return errFlat
	}
	if d.rest[0].size != 0 {
		return errors.New("nulls")
	}
	copy(d.at[:], d.rest[1:n])
	d.rest = d.rest[n:]
	return nil
}

// Numbers fills dst with the memory of the current column, which is one of
// numbers.
func (d *Decoder) Numbers(dst []byte) error { return d.inflate(dst, d.at[0]) }

// Zeros reports whether the current column, one of numbers, is n bytes of 0 that are
// told as such.
func (d *Decoder) Zeros(n int) bool {
	src := d.body[d.at[0].off : d.at[0].off+d.at[0].size]
	return d.codec == codecZstd && len(src) > 8 && binary.LittleEndian.Uint64(src) == uint64(n) && zframe.AllZeros(src[8:], n)
}

// Text returns the current column, which is one of text: row i is
// text[off[i]:off[i+1]]. Both are valid until the next call.
func (d *Decoder) Text() (off []int32, text []byte, err error) {
	d.off = columnar.Resize(d.off, d.rows+1)
	d.off[0] = 0
	if d.rows == 0 {
		return d.off, nil, nil
	}
	if err := d.inflate(columnar.Bytes(d.off), d.at[0]); err != nil {
		return nil, nil, err
	}
	last := int32(0)
	for _, o := range d.off {
		if o < last {
			return nil, nil, errors.New("text offsets run back")
		}
		last = o
	}
	if d.off[0] != 0 || last > columnar.MaxTextBytes {
		return nil, nil, fmt.Errorf("text from %d to %d, at most %d bytes are read", d.off[0], last, columnar.MaxTextBytes)
	}
	d.text = columnar.Resize(d.text, int(last))
	return d.off, d.text, d.inflate(d.text, d.at[1])
}

// inflate fills dst from a compressed buffer of the body: the length after
// decompression, then a frame of lz4 or zstd; or -1, then the bytes as they are.
func (d *Decoder) inflate(dst []byte, at span) error {
	if len(dst) == 0 {
		return nil
	}
	src := d.body[at.off : at.off+at.size]
	if len(src) < 8 {
		return errFlat
	}
	size := int64(binary.LittleEndian.Uint64(src))
	src = src[8:]
	if size == -1 {
		if len(src) != len(dst) {
			return fmt.Errorf("%d bytes, want %d", len(src), len(dst))
		}
		copy(dst, src)
		return nil
	}
	if size != int64(len(dst)) {
		return fmt.Errorf("%d bytes, want %d", size, len(dst))
	}
	if d.codec == codecZstd {
		return d.unpack(dst, src)
	}
	d.src.Reset(src)
	if d.lz == nil {
		d.lz = lz4.NewReader(nil)
	}
	d.lz.Reset(&d.src)
	if _, err := io.ReadFull(d.lz, dst); err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	return nil
}
