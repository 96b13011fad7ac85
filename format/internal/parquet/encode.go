package parquet

import (
	"encoding/binary"
	"math/bits"
)

// This file writes the three Parquet encodings of format version 1. PLAIN
// needs no code: it is the memory of a slice. The decoders are in decode.go.

const (
	deltaBlock  = 128 // values in a block of DELTA_BINARY_PACKED, as everybody writes it
	deltaMinis  = 4   // miniblocks in it
	deltaMini   = deltaBlock / deltaMinis
	minRepeat   = 8 // shorter runs of one value are packed with their neighbours
	packedGroup = 8 // values are bit-packed in groups of eight
)

// appendDelta appends v as DELTA_BINARY_PACKED (Parquet, Encodings.md). The
// arithmetic wraps, as the specification asks, so every value is possible.
func appendDelta(dst []byte, v []int64) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaMinis)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	if len(v) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, v[0])
	last := v[0]
	var deltas [deltaBlock]uint64
	for v = v[1:]; len(v) > 0; {
		n := min(len(v), deltaBlock)
		least := v[0] - last
		for i, x := range v[:n] {
			d := x - last
			last = x
			deltas[i] = uint64(d)
			least = min(least, d)
		}
		v = v[n:]
		dst = binary.AppendVarint(dst, least)
		head := len(dst)
		dst = append(dst, make([]byte, deltaMinis)...)
		for m := 0; m*deltaMini < n; m++ {
			mini := deltas[m*deltaMini : min((m+1)*deltaMini, n)]
			var all uint64
			for i := range mini {
				mini[i] -= uint64(least)
				all |= mini[i]
			}
			width := bits.Len64(all)
			dst[head+m] = byte(width)
			clear(deltas[m*deltaMini+len(mini) : (m+1)*deltaMini])
			dst = appendPacked64(dst, (*[deltaMini]uint64)(deltas[m*deltaMini:]), width)
		}
	}
	return dst
}

// appendPacked64 appends the 32 values of a miniblock with width bits each.
func appendPacked64(dst []byte, v *[deltaMini]uint64, width int) []byte {
	var acc uint64
	n := 0 // bits in acc
	for _, x := range v {
		acc |= x << n
		if n += width; n >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			n -= 64
			acc = x >> (width - n) // 0 when n is 0 and width 64: Go shifts past the end give 0
		}
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// appendHybrid appends idx in the RLE/bit-packing hybrid with width bits a
// value: long runs of one value as a count, everything else packed.
func appendHybrid(dst []byte, idx []uint32, width int) []byte {
	packed := 0 // idx[packed:i] waits to be packed
	for i := 0; i < len(idx); {
		x, end := idx[i], i+1
		for end < len(idx) && idx[end] == x {
			end++
		}
		// A packed run holds whole groups; the repeated run completes the last.
		fill := -(i - packed) & (packedGroup - 1)
		if end-i-fill >= minRepeat {
			dst = appendPackedRun(dst, idx[packed:i+fill], width)
			dst = binary.AppendUvarint(dst, uint64(end-i-fill)<<1)
			for b := 0; b < width; b += 8 {
				dst = append(dst, byte(x>>b))
			}
			packed = end
		}
		i = end
	}
	return appendPackedRun(dst, idx[packed:], width)
}

// appendPackedRun appends idx bit-packed, the last group filled with zeros.
func appendPackedRun(dst []byte, idx []uint32, width int) []byte {
	if len(idx) == 0 {
		return dst
	}
	groups := (len(idx) + packedGroup - 1) / packedGroup
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	switch width {
	case 8:
		for _, x := range idx {
			dst = append(dst, byte(x))
		}
	case 16:
		for _, x := range idx {
			dst = append(dst, byte(x), byte(x>>8))
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
	return append(dst, make([]byte, groups*width-packedBytes(len(idx), width))...)
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
