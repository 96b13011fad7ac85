package parquet

import (
	"math/bits"

	"systape/format/internal/columnar"
)

// intDict builds the dictionary of a row group's integers: an open hash table
// that is kept from one group to the next.
type intDict[T int32 | int64] struct {
	values []T
	slots  []uint32 // position in values + 1; 0 is free
	shift  uint
}

func (d *intDict[T]) reset() {
	if d.slots == nil {
		d.resize(1 << 10)
	} else if len(d.values) > 0 {
		clear(d.slots)
	}
	d.values = d.values[:0]
}

// add appends the position of each value to idx. It stops at the value that would
// make more than limit distinct ones, and returns how many it has added.
func (d *intDict[T]) add(idx *indexes, vals []T, limit int) (done int) {
	n := len(vals)
	if n > 0 && len(d.values) == 0 {
		d.index(vals[0])
	}
	if len(d.values) == 1 {
		same := equal(vals, d.values[0])
		idx.rows += same
		vals = vals[same:]
	}
	if len(vals) > 0 && idx.wide == nil {
		dst := idx.few(len(vals))
		vals = vals[idx.took(find(d, vals, dst, min(limit, maxFew))):]
	}
	if len(vals) > 0 && len(d.values) <= limit {
		dst := idx.many(len(vals))
		vals = vals[idx.took(find(d, vals, dst, limit)):]
	}
	return n - len(vals)
}

// find sets dst to the position of each value, up to the value that would make
// more than limit distinct ones. There is one already.
func find[T int32 | int64, I uint8 | uint32](d *intDict[T], vals []T, dst []I, limit int) (done int) {
	if len(d.values) > limit {
		return 0
	}
	dst = dst[:len(vals)]
	last := uint32(0)
	for i := 0; i < len(vals); {
		if n := alike(vals[i:], d.values[last]); n > 0 {
			fill(dst[i:i+n], I(last))
			i += n
			continue
		}
		// Which of a few values comes next is not to be foreseen: where it stands is
		// computed, so that a CPU need not guess.
		for end := min(i+8, len(vals)); i < end; i++ {
			v := vals[i]
			if at := d.slots[d.slot(v)] - 1; int(at) < len(d.values) && d.values[at] == v {
				last = at
			} else if last = d.index(v); len(d.values) > limit {
				return i
			}
			dst[i] = I(last)
		}
	}
	return len(vals)
}

// slot returns where the search for a value begins.
func (d *intDict[T]) slot(v T) uint64 { return uint64(v) * 0x9e3779b97f4a7c15 >> d.shift }

func (d *intDict[T]) index(v T) uint32 {
	for {
		s := d.slot(v)
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
		s := d.slot(v)
		for d.slots[s] != 0 {
			s = (s + 1) & uint64(n-1)
		}
		d.slots[s] = uint32(i + 1)
	}
}

// wordDict builds the dictionary of a row group's strings. IDs and codes need no
// hashing: they are numbers already.
type wordDict struct {
	words []string
	bytes int // of all words, with their lengths
	byID  []uint32
	ids   map[string]uint32
	codes [256]uint32
}

const noIndex = ^uint32(0)

// anyNumber is a limit of words that is none.
const anyNumber = 1<<32 - 1

func (d *wordDict) reset() {
	d.words, d.bytes = d.words[:0], 0
	fill(d.codes[:], noIndex)
	fill(d.byID, noIndex)
	clear(d.ids)
}

// expect makes room for what place needs to know of values.
func (d *wordDict) expect(v *columnar.Values) {
	for len(d.byID) < len(v.List) {
		d.byID = append(d.byID, noIndex)
	}
	if d.ids == nil && v.Strings != nil {
		d.ids = make(map[string]uint32)
	}
}

// add appends the position of each row's word to idx. A word appears in the
// dictionary where its first row stands, so the same rows make the same file. It
// stops when the words have become too many bytes, and returns how many rows it has
// added.
func (d *wordDict) add(idx *indexes, v *columnar.Values, n int) (done int, err error) {
	d.expect(v)
	if len(d.words) <= 1 && n > 0 {
		if done, err = d.first(v, n); err != nil {
			return 0, err
		}
		idx.rows += done
	}
	for done < n && d.bytes <= dictMaxBytes {
		var got int
		if idx.wide == nil {
			got, err = place(d, v, done, idx.few(n-done), maxFew)
		} else {
			got, err = place(d, v, done, idx.many(n-done), anyNumber)
		}
		done += idx.took(got)
		if err != nil {
			return done, err
		}
		if len(d.words) == maxFew && done < n {
			idx.many(0)
		}
	}
	return done, nil
}

// first returns how many of the first rows have the one word that there is, or
// is made now.
func (d *wordDict) first(v *columnar.Values, n int) (same int, err error) {
	var one [1]uint8
	if len(d.words) == 0 {
		if _, err := place(d, &columnar.Values{Codes: head(v.Codes), Words: v.Words, IDs: head(v.IDs), List: v.List, Strings: head(v.Strings)}, 0, one[:], maxFew); err != nil {
			return 0, err
		}
	}
	switch {
	case v.Codes != nil:
		if d.codes[v.Codes[0]] == 0 {
			same = equal(v.Codes[:n], v.Codes[0])
		}
	case v.IDs != nil:
		if id := v.IDs[0]; int(id) < len(v.List) && d.byID[id] == 0 {
			same = equal(v.IDs[:n], id)
		}
	default:
		for w := d.words[0]; same < n && len(v.Strings[same]) == len(w) && (w == "" || v.Strings[same] == w); {
			same++
		}
	}
	return same, nil
}

func head[T any](s []T) []T { return s[:min(len(s), 1)] }

// place sets dst to the position of the words of the rows from at, up to the row
// that would make more than limit words.
func place[I uint8 | uint32](d *wordDict, v *columnar.Values, at int, dst []I, limit int) (done int, err error) {
	switch {
	case v.Codes != nil:
		codes := v.Codes[at:]
		for i := 0; i < len(dst); i++ {
			c := codes[i]
			if d.codes[c] == noIndex { // of which there are no more than bytes can tell
				d.codes[c] = d.add1(v.Words.Word(c))
			}
			n := 1 + alike(codes[i+1:len(dst)], c)
			fill(dst[i:i+n], I(d.codes[c]))
			i += n - 1
		}
	case v.IDs != nil:
		ids := v.IDs[at:]
		for i := 0; i < len(dst); i++ {
			id := ids[i]
			if int(id) >= len(v.List) {
				return i, columnar.ErrForeignID
			}
			x := d.byID[id]
			if x == noIndex {
				if len(d.words) >= limit || d.bytes > dictMaxBytes {
					return i, nil
				}
				x = d.add1(v.List[id])
				d.byID[id] = x
			}
			n := 1 + alike(ids[i+1:len(dst)], id)
			fill(dst[i:i+n], I(x))
			i += n - 1
		}
	default:
		last, x := "", noIndex
		for i, s := range v.Strings[at : at+len(dst)] {
			if x == noIndex || len(s)+len(last) > 0 && s != last {
				known := false
				if x, known = d.ids[s]; !known {
					if len(d.words) >= limit || d.bytes > dictMaxBytes {
						return i, nil
					}
					x = d.add1(columnar.CleanText(s))
					d.ids[s] = x
				}
				last = s
			}
			dst[i] = I(x)
		}
	}
	return len(dst), nil
}

func (d *wordDict) add1(s string) uint32 {
	d.words = append(d.words, s)
	d.bytes += 4 + len(s)
	return uint32(len(d.words) - 1)
}
