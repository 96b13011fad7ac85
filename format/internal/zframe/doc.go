// Package zframe writes columns of numbers as zstd frames (RFC 8878), by what
// is known of their shape instead of by searching bytes: a fraction of the
// time that a general encoder takes. Any zstd decoder reads the frames.
//
//	Rising      numbers that rise slowly, such as times: the low bytes as they
//	            are, the high ones said to be those of the number before
//	Counting    numbers that rise by one: next to nothing
//	Repeating   anything else: words of 8 bytes that were there before
//
// All of them append one frame to a slice and keep nothing of their input. An
// Encoder may not be used by two goroutines at once.
package zframe

import (
	"encoding/binary"
	"math/bits"
)

// MaxBytes is how long a column may be: a frame then has one window that all
// decoders have room for.
const MaxBytes = 128 << 10

// Encoder has the tables that encoding needs. The zero value is ready.
type Encoder struct {
	seen    [1 << seenBits]uint32 // by hash of a word: where it was last, and in which column
	turn    uint32                // number of the column
	seqs    []sequence
	lits    []byte
	counted []int64
}

// The kinds of blocks.
const (
	blockRaw        = 0
	blockRLE        = 1
	blockCompressed = 2
)

// appendHeader begins a frame of n bytes, all of which are its window.
func appendHeader(dst []byte, n int) []byte {
	const singleSegment, sizeOf4 = 1 << 5, 2 << 6
	return binary.LittleEndian.AppendUint32(append(dst, 0x28, 0xb5, 0x2f, 0xfd, singleSegment|sizeOf4), uint32(n))
}

// openBlock leaves room for the header of a block that closeBlock writes.
func openBlock(dst []byte) (_ []byte, at int) { return append(dst, 0, 0, 0), len(dst) }

func closeBlock(dst []byte, at int, last bool) {
	putBlockHeader(dst[at:], blockCompressed, len(dst)-at-3, last)
}

func putBlockHeader(dst []byte, kind, size int, last bool) {
	h := kind<<1 | size<<3
	if last {
		h |= 1
	}
	dst[0], dst[1], dst[2] = byte(h), byte(h>>8), byte(h>>16)
}

// appendRaw appends a block that holds b as it is.
func appendRaw(dst, b []byte, last bool) []byte {
	var head [3]byte
	putBlockHeader(head[:], blockRaw, len(b), last)
	return append(append(dst, head[:]...), b...)
}

// appendLiteralsHeader announces n literals that follow as they are, or, of
// kind 1, one byte that stands for all of them.
func appendLiteralsHeader(dst []byte, kind byte, n int) []byte {
	switch {
	case n < 1<<5:
		return append(dst, kind|byte(n)<<3)
	case n < 1<<12:
		h := uint16(kind) | 1<<2 | uint16(n)<<4
		return append(dst, byte(h), byte(h>>8))
	}
	h := uint32(kind) | 3<<2 | uint32(n)<<4
	return append(dst, byte(h), byte(h>>8), byte(h>>16))
}

// appendCount appends the number of sequences of a block.
func appendCount(dst []byte, n int) []byte {
	switch {
	case n < 128:
		return append(dst, byte(n))
	case n < 0x7f00:
		return append(dst, byte(n>>8)+128, byte(n))
	}
	n -= 0x7f00
	return append(dst, 255, byte(n), byte(n>>8))
}

// sameSequences appends n sequences that are all alike and need no bit: each
// takes lit literals (at most 15, not 0) and then repeats match bytes (3 to
// 34) of what lies as far back as the last match did.
func sameSequences(dst []byte, n, lit, match int) []byte {
	const allRLE = 1<<6 | 1<<4 | 1<<2
	return append(appendCount(dst, n), allRLE, byte(lit), 0, byte(match-3), 1)
}

// oneSequence is a single sequence that names its distance, of at most 15
// literals and 3 to 34 bytes.
func oneSequence(dst []byte, lit, distance, match int) []byte {
	const allRLE = 1<<6 | 1<<4 | 1<<2
	value := uint32(distance + 3)
	code := bits.Len32(value) - 1
	dst = append(dst, 1, allRLE, byte(lit), byte(code), byte(match-3))
	// The extra bits of the distance, and above them the bit that marks the end.
	stream := value&(1<<code-1) | 1<<code
	for ; stream > 0; stream >>= 8 {
		dst = append(dst, byte(stream))
	}
	return dst
}
