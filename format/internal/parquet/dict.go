package parquet

import (
	"math/bits"

	"systape/format/internal/columnar"
)

// intDict builds the dictionary of a run of integers: an open hash table that
// is kept from one run to the next.
type intDict[T int32 | int64] struct {
	values []T
	slots  []uint32 // position in values + 1; 0 is free
	shift  uint
}

// encode sets idx to the position of each value in the dictionary of vals. It
// gives up and returns false when there are more than limit distinct values.
func (d *intDict[T]) encode(vals []T, idx []uint32, limit int) bool {
	if d.slots == nil {
		d.resize(1 << 10)
	} else {
		clear(d.slots)
	}
	d.values = d.values[:0]
	if len(vals) == 0 {
		return true
	}
	idx = idx[:len(vals)]
	// Enters and exits alternate, so a column tends to alternate as well.
	last, before := d.index(vals[0]), uint32(0)
	for i := 0; i < len(vals); i++ {
		if n := alike(vals[i:], d.values[last]); n > 0 {
			fill(idx[i:i+n], last)
			i += n - 1
			continue
		}
		v := vals[i]
		switch v {
		case d.values[last]:
		case d.values[before]:
			last, before = before, last
		default:
			before, last = last, d.index(v)
			if len(d.values) > limit {
				return false
			}
		}
		idx[i] = last
	}
	return true
}

// alike returns how many of the first of v are x, a multiple of eight: values
// that are given one by one cost more than those of long runs.
func alike[T int32 | int64 | uint32 | uint8](v []T, x T) (n int) {
	for ; len(v) >= 8; v = v[8:] {
		w := (*[8]T)(v)
		if w[0] != x || (w[1]^x)|(w[2]^x)|(w[3]^x)|(w[4]^x)|(w[5]^x)|(w[6]^x)|(w[7]^x) != 0 {
			break
		}
		n += 8
	}
	return n
}

func fill(idx []uint32, x uint32) {
	for i := range idx {
		idx[i] = x
	}
}

func (d *intDict[T]) index(v T) uint32 {
	for {
		s := uint64(v) * 0x9e3779b97f4a7c15 >> d.shift
		for ; d.slots[s] != 0; s = (s + 1) & uint64(len(d.slots)-1) {
			if i := d.slots[s] - 1; d.values[i] == v {
				return i
			}
		}
		if 2*len(d.values) < len(d.slots) {
			d.values = append(d.values, v)
			d.slots[s] = uint32(len(d.values))
			return uint32(len(d.values) - 1)
		}
		d.resize(2 * len(d.slots))
	}
}

func (d *intDict[T]) resize(n int) {
	d.slots, d.shift = make([]uint32, n), uint(64-bits.Len(uint(n-1)))
	for i, v := range d.values {
		s := uint64(v) * 0x9e3779b97f4a7c15 >> d.shift
		for d.slots[s] != 0 {
			s = (s + 1) & uint64(n-1)
		}
		d.slots[s] = uint32(i + 1)
	}
}

// wordDict builds the dictionary of a run of strings. IDs and codes need no
// hashing: they are numbers already.
type wordDict struct {
	words []string
	bytes int // of all words, with their lengths
	byID  []uint32
	ids   map[string]uint32
	codes [256]uint32
}

const noIndex = ^uint32(0)

// encode sets idx to the position of each row's word. It gives up and returns
// false when the dictionary would get more than maxEntries or maxBytes.
func (d *wordDict) encode(v *columnar.Values, idx []uint32, maxEntries, maxBytes int) (ok bool, err error) {
	d.words, d.bytes = d.words[:0], 0
	switch {
	case v.Codes != nil:
		// A word appears in the dictionary where its first row stands, so
		// the same rows make the same file.
		for i := range v.Words.Len() {
			d.codes[i] = noIndex
		}
		for i := 0; i < len(v.Codes); i++ {
			c := v.Codes[i]
			if d.codes[c] == noIndex {
				d.codes[c] = d.add(v.Words.Word(c))
			}
			idx[i] = d.codes[c]
			n := alike(v.Codes[i+1:], c)
			fill(idx[i+1:i+1+n], d.codes[c])
			i += n
		}
	case v.IDs != nil:
		for len(d.byID) < len(v.List) {
			d.byID = append(d.byID, noIndex)
		}
		for i := range d.byID {
			d.byID[i] = noIndex
		}
		for i := 0; i < len(v.IDs); i++ {
			id := v.IDs[i]
			if int(id) >= len(v.List) {
				return false, columnar.ErrForeignID
			}
			x := d.byID[id]
			if x == noIndex {
				x = d.add(v.List[id])
				d.byID[id] = x
			}
			idx[i] = x
			n := alike(v.IDs[i+1:], id)
			fill(idx[i+1:i+1+n], x)
			i += n
		}
	default:
		if d.ids == nil {
			d.ids = make(map[string]uint32)
		}
		clear(d.ids)
		last, at := "", noIndex
		for i, s := range v.Strings {
			if at == noIndex || len(s)+len(last) > 0 && s != last {
				x, known := d.ids[s]
				if !known {
					x = d.add(columnar.CleanText(s))
					d.ids[s] = x
					if d.bytes > maxBytes {
						break
					}
				}
				last, at = s, x
			}
			idx[i] = at
		}
	}
	return len(d.words) <= maxEntries && d.bytes <= maxBytes, nil
}

func (d *wordDict) add(s string) uint32 {
	d.words = append(d.words, s)
	d.bytes += 4 + len(s)
	return uint32(len(d.words) - 1)
}
