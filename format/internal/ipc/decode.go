package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"

	"systape/format/internal/columnar"
)

// Decoder takes a record batch apart, column by column.
type Decoder struct {
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

// Batch begins a record batch of cols columns and returns its rows, of which
// it accepts maxRows. Meta and body must stay until the last column is read.
func (d *Decoder) Batch(meta, body []byte, cols, maxRows int) (rows int, err error) {
	m := ParseMessage(meta)
	if m.kind != messageBatch {
		return 0, errors.New("a message that is no record batch")
	}
	n, spans, err := m.buffers(cols, len(body), d.spans[:0])
	d.spans = spans
	if err != nil {
		return 0, err
	}
	if n < 0 || n > int64(maxRows) {
		return 0, fmt.Errorf("batch of %d rows, at most %d are read", n, maxRows)
	}
	d.rest, d.body, d.rows = spans, body, int(n)
	return d.rows, nil
}

// Next goes to the next column, of type t. Every column must be passed, in
// order, read or not.
func (d *Decoder) Next(t columnar.Type) error {
	n := 2 // validity and values
	if t == columnar.String {
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
// decompression, then an lz4 frame; or -1, then the bytes as they are.
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
