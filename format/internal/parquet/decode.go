package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"systape/format/internal/columnar"
)

// This file reads the Parquet encodings: those of encode.go and the ones that
// others use when they rewrite a capture. Input may be hostile. Decoders keep
// a place in the page and deliver as many values as are asked for, so a page
// that claims many values costs no memory.

var (
	errPageShort  = errors.New("page ends too early")
	errPageLong   = errors.New("page has bytes left over")
	errDictIndex  = errors.New("index outside the dictionary")
	errDeltaShape = errors.New("delta blocks of an unusual shape")
)

// slack is how many bytes may be read, not used, behind a page: unpacking
// loads eight bytes at a time. Whoever allocates pages provides it.
const slack = 8

// hybrid decodes the RLE/bit-packing hybrid. The values of a run are either
// all the same (same > 0) or packed (packed > 0).
type hybrid struct {
	b      []byte // the rest of the page, slack behind it
	width  uint
	same   int
	value  uint32
	packed int    // values left in the packed run
	bits   []byte // the packed run, slack behind it
	bit    uint   // of bits
}

// reset starts decoding b.
func (h *hybrid) reset(b []byte, width uint) { *h = hybrid{b: b, width: width} }

// run makes sure that there is a run.
func (h *hybrid) run() error {
	for h.same == 0 && h.packed == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 || head>>1 > 1<<31 {
			return errPageShort
		}
		h.b = h.b[n:]
		if head&1 == 0 {
			size := int(h.width+7) / 8
			if len(h.b) < size {
				return errPageShort
			}
			h.value = 0
			for i := range size {
				h.value |= uint32(h.b[i]) << (8 * i)
			}
			h.b = h.b[size:]
			h.same = int(head >> 1)
			continue
		}
		groups := int(head >> 1)
		size := groups * int(h.width)
		if size > len(h.b) {
			// The last group may be cut short after the last value.
			groups = len(h.b) / max(int(h.width), 1)
			if size = len(h.b); groups == 0 {
				return errPageShort
			}
		}
		h.bits, h.b, h.bit = h.b[:size], h.b[size:], 0
		h.packed = groups * packedGroup
	}
	return nil
}

// dictRows sets dst to the dictionary's values at the next indices.
func dictRows[T any](h *hybrid, dst, dict []T) error {
	for len(dst) > 0 {
		if err := h.run(); err != nil {
			return err
		}
		if h.same > 0 {
			n := min(h.same, len(dst))
			if int64(h.value) >= int64(len(dict)) {
				return errDictIndex
			}
			v := dict[h.value]
			for i := range dst[:n] {
				dst[i] = v
			}
			h.same -= n
			dst = dst[n:]
			continue
		}
		n := min(h.packed, len(dst))
		if !unpackDict(h, dst[:n], dict) {
			return errDictIndex
		}
		h.packed -= n
		h.bit += uint(n) * h.width
		dst = dst[n:]
	}
	return nil
}

// unpackDict looks up packed indices. It returns false for one outside dict.
func unpackDict[T any](h *hybrid, dst, dict []T) bool {
	switch src := h.bits[h.bit/8:]; {
	case h.width == 8:
		src = src[:len(dst)]
		for i, x := range src {
			if int(x) >= len(dict) {
				return false
			}
			dst[i] = dict[x]
		}
	case h.width == 16:
		src = src[:2*len(dst)]
		for i := range dst {
			x := int(src[2*i]) | int(src[2*i+1])<<8
			if x >= len(dict) {
				return false
			}
			dst[i] = dict[x]
		}
	default:
		mask := uint64(1)<<h.width - 1
		bit := h.bit
		src = h.bits[:len(h.bits)+slack]
		if h.width > 0 && h.width < 8 && bit%packedGroup == 0 {
			// A group of eight is in one word.
			for len(dst) >= packedGroup {
				group, word := dst[:packedGroup:packedGroup], binary.LittleEndian.Uint64(src[bit/8:])
				for i := range group {
					x := word & mask
					if x >= uint64(len(dict)) {
						return false
					}
					group[i] = dict[x]
					word >>= h.width
				}
				bit += packedGroup * h.width
				dst = dst[packedGroup:]
			}
		}
		for i := range dst {
			x := binary.LittleEndian.Uint64(src[bit/8:]) >> (bit % 8) & mask
			if x >= uint64(len(dict)) {
				return false
			}
			dst[i] = dict[x]
			bit += h.width
		}
	}
	return true
}

// allOnes checks that the next n values of a hybrid of width 1 are 1: a
// definition level of 0 is a null.
func (h *hybrid) allOnes(n int) error {
	for n > 0 {
		if err := h.run(); err != nil {
			return err
		}
		k := min(n, h.same)
		if h.same > 0 {
			if h.value != 1 {
				return ErrNulls
			}
			h.same -= k
		} else {
			k = min(n, h.packed)
			for i := range uint(k) {
				if h.bits[(h.bit+i)/8]>>((h.bit+i)%8)&1 == 0 {
					return ErrNulls
				}
			}
			h.bit += uint(k)
			h.packed -= k
		}
		n -= k
	}
	return nil
}

// delta decodes DELTA_BINARY_PACKED of either integer type.
type delta struct {
	b       []byte // the rest of the page, slack behind it
	left    int    // values not delivered, the ones in buf included
	first   bool   // the first value is still to be delivered
	last    int64
	mini    int // values of a miniblock
	minis   int // miniblocks of a block
	widths  []byte
	least   int64
	pending int     // values of buf not delivered
	buf     []int64 // a decoded miniblock
}

// reset starts decoding b, which must hold n values.
func (d *delta) reset(b []byte, n int) error {
	var head [3]uint64
	for i := range head {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return errPageShort
		}
		head[i], b = v, b[k:]
	}
	first, k := binary.Varint(b)
	if k <= 0 {
		return errPageShort
	}
	if head[2] != uint64(n) {
		return fmt.Errorf("%d values, the page header says %d", head[2], n)
	}
	if head[1] == 0 || head[0] > 1<<16 || head[1] > 1<<9 || head[0]%head[1] != 0 || head[0]/head[1]%32 != 0 || head[0] == 0 {
		return errDeltaShape
	}
	d.b, d.left, d.first, d.last = b[k:], n, true, first
	d.minis, d.mini = int(head[1]), int(head[0]/head[1])
	d.widths, d.pending = nil, 0
	d.buf = columnar.Resize(d.buf, d.mini)
	return nil
}

// read sets dst to the next values.
func (d *delta) read(dst []int64) error {
	if len(dst) > d.left {
		return errPageShort
	}
	d.left -= len(dst)
	if d.first && len(dst) > 0 {
		dst[0], d.first = d.last, false
		dst = dst[1:]
	}
	for len(dst) > 0 {
		if d.pending > 0 {
			n := copy(dst, d.buf[d.mini-d.pending:])
			d.pending -= n
			dst = dst[n:]
			continue
		}
		out := d.buf
		if len(dst) >= d.mini {
			out, dst = dst[:d.mini], dst[d.mini:]
		} else {
			d.pending = d.mini
		}
		if err := d.miniblock(out); err != nil {
			return err
		}
	}
	return nil
}

// miniblock decodes the next miniblock into out.
func (d *delta) miniblock(out []int64) error {
	if len(d.widths) == 0 {
		least, k := binary.Varint(d.b)
		if k <= 0 || len(d.b)-k < d.minis {
			return errPageShort
		}
		d.least, d.widths, d.b = least, d.b[k:k+d.minis], d.b[k+d.minis:]
	}
	width := uint(d.widths[0])
	d.widths = d.widths[1:]
	size := int(width) * d.mini / 8
	if width > 64 || size > len(d.b) {
		return errPageShort
	}
	last, least := d.last, d.least
	switch src := d.b[:size+slack]; {
	case width == 0:
		for i := range out {
			last += least
			out[i] = last
		}
	case width <= 57:
		mask := uint64(1)<<width - 1
		bit := uint(0)
		for i := range out {
			last += least + int64(binary.LittleEndian.Uint64(src[bit/8:])>>(bit%8)&mask)
			out[i] = last
			bit += width
		}
	default:
		mask := ^uint64(0) >> (64 - width)
		bit := uint(0)
		for i := range out {
			v := binary.LittleEndian.Uint64(src[bit/8:]) >> (bit % 8)
			if bit%8 != 0 && bit/8+8 < uint(len(src)) {
				v |= uint64(src[bit/8+8]) << (64 - bit%8)
			}
			last += least + int64(v&mask)
			out[i] = last
			bit += width
		}
	}
	d.last, d.b = last, d.b[size:]
	return nil
}

// joined puts n values of size bytes together that BYTE_STREAM_SPLIT stores
// byte by byte: all first bytes, then all second ones.
func joined(buf, data []byte, size, n int) ([]byte, error) {
	if len(data) != size*n {
		return nil, fmt.Errorf("page of %d bytes for %d values", len(data), n)
	}
	buf = columnar.Resize(buf[:0], len(data))
	for i := range n {
		for b := range size {
			buf[i*size+b] = data[b*n+i]
		}
	}
	return buf, nil
}
