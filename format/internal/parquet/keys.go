package parquet

import "systape/format/internal/columnar"

// appearances are the keys of the rows that are added, in the order in which they
// appear. Columns that share their keys share it.
type appearances struct {
	of   []appearance
	used int
	seen [1 << 15]bool
}

type appearance struct {
	rows  *int16
	order []int16
}

// look sets it to the first n rows of columns.
func (a *appearances) look(columns []columnar.Values, n int) {
	a.used = 0
	for i := range columns {
		v := &columns[i]
		if v.Keys == nil || n == 0 || a.order(v) != nil {
			continue
		}
		if a.used == len(a.of) {
			a.of = append(a.of, appearance{})
		}
		o := &a.of[a.used]
		a.used++
		o.rows, o.order = &v.Keys[0], o.order[:0]
		if v.Entries() == 1 {
			o.order = append(o.order, 0)
			continue
		}
		for _, k := range v.Keys[:n] {
			if seen := &a.seen[k&(1<<15-1)]; !*seen {
				*seen = true
				o.order = append(o.order, k)
			}
		}
		for _, k := range o.order {
			a.seen[k] = false
		}
	}
}

// order returns the keys of a column; nil if it has none, or was not looked at.
func (a *appearances) order(v *columnar.Values) []int16 {
	for i := range a.of[:a.used] {
		if v.Keys != nil && a.of[i].rows == &v.Keys[0] {
			return a.of[i].order
		}
	}
	return nil
}

// keyed adds rows that are keys: what a key stands for is looked up once, not for
// every row that has it.
type keyed struct {
	at  []uint32   // position in the column's dictionary, by key
	few [256]uint8 // the same, where both fit
}

// add appends the position of each row to idx, of a dictionary that has entries.
// at holds those of the keys in order.
func (k *keyed) add(idx *indexes, keys, order []int16, entries int) {
	if entries <= 1 {
		idx.rows += len(keys)
		return
	}
	if idx.wide != nil || entries > maxFew {
		dst := idx.many(len(keys))
		for i, key := range keys {
			dst[i] = k.at[key]
		}
		idx.took(len(keys))
		return
	}
	dst := idx.few(len(keys))
	most := int16(0)
	for _, key := range order {
		most = max(most, key)
	}
	switch {
	case len(order) == 1:
		fill(dst, uint8(k.at[order[0]]))
	case most < int16(len(k.few)):
		for _, key := range order {
			k.few[uint8(key)] = uint8(k.at[key])
		}
		dst = dst[:len(keys)]
		for i, key := range keys {
			dst[i] = k.few[uint8(key)]
		}
	default:
		for i, key := range keys {
			dst[i] = uint8(k.at[key])
		}
	}
	idx.took(len(keys))
}

// addKeyed is add for the first n rows of keys, which appear in order.
func (e *columnEncoder) addKeyed(v *columnar.Values, n int, order []int16) error {
	keys := v.Keys[:n]
	e.keyed.at = columnar.Resize(e.keyed.at, v.Entries())
	switch {
	case v.Int64 != nil:
		addKeyedInts(e, &e.i64, v.Int64, keys, order)
	case v.Int32 != nil:
		addKeyedInts(e, &e.i32, v.Int32, keys, order)
	default:
		return e.addKeyedText(v, keys, order)
	}
	return nil
}

func addKeyedInts[T int32 | int64](e *columnEncoder, d *intDict[T], table []T, keys, order []int16) {
	if !e.plain {
		for _, key := range order {
			e.keyed.at[key] = d.index(table[key])
		}
		if len(d.values) <= intDictLimit(GroupRows) {
			e.keyed.add(&e.idx, keys, order, len(d.values))
			return
		}
		plainInts(e, d)
	}
	for _, key := range order {
		bound(e, table[key:key+1])
	}
	for _, key := range keys {
		e.raw = append(e.raw, columnar.Bytes(table[key:key+1])...)
	}
}

func (e *columnEncoder) addKeyedText(v *columnar.Values, keys, order []int16) error {
	if !e.plain {
		e.words.expect(v)
		for _, key := range order { // as long as the words are not too many bytes
			if _, err := place(&e.words, v, int(key), e.keyed.at[key:key+1], anyNumber); err != nil {
				return err
			}
		}
		if e.words.bytes <= dictMaxBytes {
			e.keyed.add(&e.idx, keys, order, len(e.words.words))
			return nil
		}
		e.plainWords()
	}
	for _, key := range keys {
		s, err := word(v, int(key))
		if err != nil {
			return err
		}
		e.plainText(s)
	}
	return nil
}
