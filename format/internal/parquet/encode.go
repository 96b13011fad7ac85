package parquet

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// This file writes the three Parquet encodings of format version 1. PLAIN
// needs no code: it is the memory of a slice. The decoders are in decode.go.

const (
	deltaBlock  = 128 // values in a block of DELTA_BINARY_PACKED, as everybody writes it
	deltaMinis  = 4   // miniblocks in it
	deltaMini   = deltaBlock / deltaMinis
	packedGroup = 8 // values are bit-packed in groups of eight; only what fills one is told as a run
)

// deltas builds a page of DELTA_BINARY_PACKED (Parquet, Encodings.md). The
// arithmetic wraps, as the specification asks, so every value is possible.
type deltas struct {
	rows        int
	first, last int64
	blocks      []byte // that are full
	waiting     int    // of block
	block       [deltaBlock]int64
}

func (d *deltas) reset() { d.rows, d.waiting, d.blocks = 0, 0, d.blocks[:0] }

// add takes more values, and returns whether none of them is less than the one
// before it.
func (d *deltas) add(v []int64) (rising bool) {
	rising = true
	if d.rows == 0 && len(v) > 0 {
		d.first, d.last = v[0], v[0]
		d.rows, v = 1, v[1:]
	}
	d.rows += len(v)
	for len(v) > 0 {
		n := min(len(v), deltaBlock-d.waiting)
		last := d.last
		block := d.block[d.waiting : d.waiting+n]
		for i, x := range v[:n] {
			block[i] = x - last
			if x < last {
				rising = false
			}
			last = x
		}
		d.last = last
		v = v[n:]
		if d.waiting += n; d.waiting == deltaBlock {
			d.blocks = appendDeltaBlock(d.blocks, &d.block, deltaBlock)
			d.waiting = 0
		}
	}
	return rising
}

// appendTo appends the page.
func (d *deltas) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaMinis)
	dst = binary.AppendUvarint(dst, uint64(d.rows))
	if d.rows == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, d.first)
	dst = append(dst, d.blocks...)
	if d.waiting > 0 {
		dst = appendDeltaBlock(dst, &d.block, d.waiting)
	}
	return dst
}

// appendDeltaBlock appends the first n differences of a block.
func appendDeltaBlock(dst []byte, block *[deltaBlock]int64, n int) []byte {
	least, most := block[0], [deltaMinis]int64{}
	for m := 0; m*deltaMini < n; m++ {
		mini := block[m*deltaMini : min((m+1)*deltaMini, n)]
		low, high := mini[0], mini[0]
		for _, d := range mini {
			low, high = min(low, d), max(high, d)
		}
		least, most[m] = min(least, low), high
	}
	for i := n; i&(deltaMini-1) != 0; i++ {
		block[i] = least // what fills a miniblock is 0
	}
	dst = binary.AppendVarint(dst, least)
	head := len(dst)
	dst = append(dst, make([]byte, deltaMinis)...)
	for m := 0; m*deltaMini < n; m++ {
		// However far apart they are, 64 bits without a sign hold it.
		width := bits.Len64(uint64(most[m]) - uint64(least))
		dst[head+m] = byte(width)
		dst = appendPacked64(dst, (*[deltaMini]int64)(block[m*deltaMini:]), least, width)
	}
	return dst
}

// appendPacked64 appends how much the 32 values of a miniblock exceed least, with
// width bits each.
func appendPacked64(dst []byte, v *[deltaMini]int64, least int64, width int) []byte {
	if width == 0 {
		return dst
	}
	from := len(dst)
	dst = slices.Grow(dst, deltaMini/8*width+8)
	out := dst[from : from+deltaMini/8*width+8]
	var acc uint64
	n := 0 // bits in acc
	for _, d := range v {
		x := uint64(d) - uint64(least)
		acc |= x << n
		if n += width; n >= 64 {
			binary.LittleEndian.PutUint64(out, acc)
			out = out[8:]
			n -= 64
			acc = x >> (width - n) // 0 when n is 0 and width 64: Go shifts past the end give 0
		}
	}
	binary.LittleEndian.PutUint64(out, acc)
	return dst[:from+deltaMini/8*width]
}

// appendHybrid appends idx in the RLE/bit-packing hybrid with width bits a
// value: long runs of one value as a count, everything else packed.
func appendHybrid[I uint8 | uint32](dst []byte, idx []I, width int) []byte {
	packed := 0 // idx[packed:at] waits to be packed
	for at := 0; at+packedGroup <= len(idx); {
		// A packed run holds whole groups: what of a repeated run lies before the
		// first group that is all of it is packed.
		x := idx[at]
		n := alike(idx[at:], x)
		if n == 0 {
			at += packedGroup
			continue
		}
		dst = appendPackedRun(dst, idx[packed:at], width)
		end := at + n
		for end < len(idx) && idx[end] == x {
			end++
		}
		dst = appendRepeated(dst, uint32(x), end-at, width)
		packed, at = end, end
	}
	return appendPackedRun(dst, idx[packed:], width)
}

// appendRepeated appends n times x as one run.
func appendRepeated(dst []byte, x uint32, n, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for b := 0; b < width; b += 8 {
		dst = append(dst, byte(x>>b))
	}
	return dst
}

// appendPackedRun appends idx bit-packed, the last group filled with zeros.
func appendPackedRun[I uint8 | uint32](dst []byte, idx []I, width int) []byte {
	if len(idx) == 0 {
		return dst
	}
	groups := (len(idx) + packedGroup - 1) / packedGroup
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	from, size := len(dst), packedBytes(len(idx), width)
	switch width {
	case 1, 2:
		dst = slices.Grow(dst, groups*width)[:from+size]
		packFew(dst[from:], idx, width)
	case 8:
		dst = slices.Grow(dst, groups*width)[:from+size]
		for i, x := range idx {
			dst[from+i] = byte(x)
		}
	case 16:
		for _, x := range idx {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(x))
		}
	default:
		var acc uint64
		n := 0
		for _, x := range idx {
			acc |= uint64(x) << n
			if n += width; n >= 32 {
				dst = binary.LittleEndian.AppendUint32(dst, uint32(acc))
				acc >>= 32
				n -= 32
			}
		}
		for ; n > 0; n -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	// The last group is filled with zeros.
	return append(dst, make([]byte, groups*width-size)...)
}

// packFew sets dst to idx with one bit or two bits each, which is what most
// columns of a capture need.
func packFew[I uint8 | uint32](dst []byte, idx []I, width int) {
	per := 8 / width
	for i := range dst {
		g := idx[i*per : min((i+1)*per, len(idx))]
		switch {
		case len(g) == 8:
			w := (*[8]I)(g)
			dst[i] = byte(w[0] | w[1]<<1 | w[2]<<2 | w[3]<<3 | w[4]<<4 | w[5]<<5 | w[6]<<6 | w[7]<<7)
		case len(g) == 4 && width == 2:
			w := (*[4]I)(g)
			dst[i] = byte(w[0] | w[1]<<2 | w[2]<<4 | w[3]<<6)
		default:
			var b I
			for k, x := range g {
				b |= x << (k * width)
			}
			dst[i] = byte(b)
		}
	}
}

// packedBytes is how many bytes n values of width bits take.
func packedBytes(n, width int) int { return (n*width + 7) / 8 }

// indexWidth returns the bits of a dictionary index, whole bytes from 3 bits
// up: compression finds patterns on bytes only, which makes captures 5 %
// smaller, and the reader has less to unpack.
func indexWidth(entries int) int {
	w := max(bits.Len(uint(max(entries, 1)-1)), 1)
	if w > 2 {
		w = (w + 7) &^ 7
	}
	return w
}
