package zframe

import (
	"encoding/binary"
	"unsafe"
)

// Rising appends v, at most [MaxBytes] of it, as a frame. It is right for any
// numbers and small when each shares its high bytes with the one before: then
// a number takes its two or three low bytes.
func (e *Encoder) Rising(dst []byte, v []int64) []byte {
	dst = appendHeader(dst, 8*len(v))
	if len(v) == 0 {
		return appendRaw(dst, nil, true)
	}
	first := bytesOf(v[:1])
	if len(v) == 1 {
		return appendRaw(dst, first, true)
	}
	return appendRising(appendRaw(dst, first, false), v, 1, true)
}

// appendRising appends blocks for the numbers of v from i on, the one before
// them being told. The first match names its distance, the others repeat it.
func appendRising(dst []byte, v []int64, i int, last bool) []byte {
	near := false
	for i < len(v) {
		low, end := lowBytes(v, i)
		switch {
		case low == 0:
			dst = appendRaw(dst, bytesOf(v[i:end]), last && end == len(v))
		case !near:
			near, end = true, i+1
			dst = appendLow(dst, v[i:end], low, false, last && end == len(v))
		default:
			dst = appendLow(dst, v[i:end], low, true, last && end == len(v))
		}
		i = end
	}
	return dst
}

// lowBytes returns how many low bytes are to be told of the numbers from i up
// to end; 0: all.
func lowBytes(v []int64, i int) (low, end int) {
	// A step of the bytes above costs about 25 bytes, in two blocks: as many
	// numbers as it should save a byte of.
	const ahead, worth = 256, 25
	next := min(i+ahead, len(v)) - 1
	rise := (uint64(v[next]) - uint64(v[i-1])) / uint64(next-i+1) * worth
	low = 1
	for low < 5 && rise>>(8*uint(low)) != 0 {
		low++
	}
	if end = alike(v, i, low); end > i {
		return low, end
	}
	for low++; low <= 5; low++ {
		if alike(v[:i+1], i, low) > i {
			return low, i + 1
		}
	}
	return 0, i + 1
}

// alike returns up to where the numbers from i on differ from the one before
// in their low bytes only.
func alike(v []int64, i, low int) int {
	last := v[i-1]
	for j, x := range v[i:] {
		if uint64(x^last)>>(8*uint(low)) != 0 {
			return i + j
		}
		last = x
	}
	return len(v)
}

// appendLow appends a block of numbers by their low bytes. With near, the
// last match was 8 bytes back already.
func appendLow(dst []byte, v []int64, low int, near, last bool) []byte {
	dst, at := openBlock(dst)
	dst = appendLiteralsHeader(dst, 0, low*len(v))
	from, n := len(dst), low*len(v)
	dst = grow(dst, n+8)
	out := dst[from : from+n+8]
	switch low {
	case 2:
		for i, x := range v {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(x))
		}
	default:
		for i, x := range v {
			binary.LittleEndian.PutUint64(out[low*i:], uint64(x)) // what is too much is written over
		}
	}
	dst = dst[:from+n]
	if near {
		dst = sameSequences(dst, len(v), low, 8-low)
	} else {
		dst = oneSequence(dst, low, 8, 8-low)
	}
	closeBlock(dst, at, last)
	return dst
}

func bytesOf[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(v[0])))
}

func grow[T any](dst []T, n int) []T {
	if cap(dst)-len(dst) < n {
		dst = append(make([]T, 0, 2*cap(dst)+n), dst...)
	}
	return dst[:len(dst)+n]
}
