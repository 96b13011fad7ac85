package parquet

import (
	"encoding/binary"
	"slices"

	"systape/format/internal/columnar"
)

// indexes are the positions of rows in a dictionary. Columns mostly have few
// values, many only one: what a row group takes while it waits for its last row
// should stay in a CPU's cache.
type indexes struct {
	rows   int
	narrow []uint8  // of each row; empty while all rows have the first entry
	wide   []uint32 // instead, from the 257th entry on; nil: not yet
	spare  []uint32 // the memory of wide
}

// maxFew is how many entries positions of a byte can tell.
const maxFew = 1 << 8

func (x *indexes) reset() {
	if x.wide != nil {
		x.spare = x.wide
	}
	x.rows, x.narrow, x.wide = 0, x.narrow[:0], nil
}

// few returns where the positions of the next n rows go, as bytes. How many were
// set there is to be told to took.
func (x *indexes) few(n int) []uint8 {
	if len(x.narrow) == 0 && x.rows > 0 {
		x.narrow = columnar.Resize(x.narrow, x.rows)
		clear(x.narrow)
	}
	x.narrow = slices.Grow(x.narrow, n)[:x.rows+n]
	return x.narrow[x.rows:]
}

// many is few for positions of any size.
func (x *indexes) many(n int) []uint32 {
	if x.wide == nil {
		x.wide = columnar.Resize(x.spare, x.rows)
		for i := range x.wide {
			x.wide[i] = 0
			if len(x.narrow) > 0 {
				x.wide[i] = uint32(x.narrow[i])
			}
		}
	}
	x.wide = slices.Grow(x.wide, n)[:x.rows+n]
	return x.wide[x.rows:]
}

// took keeps the first n of what few or many returned last.
func (x *indexes) took(n int) int {
	x.rows += n
	if x.wide != nil {
		x.wide = x.wide[:x.rows]
	} else {
		x.narrow = x.narrow[:x.rows]
	}
	return n
}

// each calls f with the position of every row.
func (x *indexes) each(f func(position uint32)) {
	for i := range x.rows {
		switch {
		case x.wide != nil:
			f(x.wide[i])
		case len(x.narrow) > 0:
			f(uint32(x.narrow[i]))
		default:
			f(0)
		}
	}
}

// appendTo appends the rows in the RLE/bit-packing hybrid, of a dictionary of
// entries.
func (x *indexes) appendTo(dst []byte, entries int) []byte {
	width := indexWidth(entries)
	dst = append(dst, byte(width))
	switch {
	case x.wide != nil:
		return appendHybrid(dst, x.wide, width)
	case len(x.narrow) > 0:
		return appendHybrid(dst, x.narrow, width)
	case x.rows < packedGroup:
		return appendHybrid(dst, make([]uint8, x.rows), width)
	}
	return appendRepeated(dst, 0, x.rows, width)
}

// alike returns how many of the first of v are x, a multiple of eight: values
// that are looked at one by one cost more than those of long runs.
func alike[T int32 | int64 | uint32 | uint8](v []T, x T) (n int) {
	if columnar.Size[T]() == 1 {
		b := columnar.Bytes(v)
		for all := uint64(x) * 0x0101010101010101; len(b)-n >= 8 && binary.LittleEndian.Uint64(b[n:]) == all; {
			n += 8
		}
		return n
	}
	for ; len(v) >= 8; v = v[8:] {
		w := (*[8]T)(v)
		if w[0] != x || (w[1]^x)|(w[2]^x)|(w[3]^x)|(w[4]^x)|(w[5]^x)|(w[6]^x)|(w[7]^x) != 0 {
			break
		}
		n += 8
	}
	return n
}

// equal returns how many of the first of v are x.
func equal[T int32 | int64 | uint32 | uint8](v []T, x T) int {
	n := alike(v, x)
	for n < len(v) && v[n] == x {
		n++
	}
	return n
}

func fill[I uint8 | uint32](idx []I, x I) {
	few := idx[:min(len(idx), 32)]
	for i := range few {
		few[i] = x
	}
	for n := len(few); n < len(idx); n *= 2 {
		copy(idx[n:], idx[:n])
	}
}
