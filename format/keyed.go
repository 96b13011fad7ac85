package format

import "systape/format/internal/columnar"

// keyedColumns are the columns of a batch that are still what they were in a
// spool: positions in a table of few values. Only a [Sealer] has such batches.
// What goes from dictionary to dictionary need not become rows in between.
type keyedColumns struct {
	columns []columnar.Values // by the place of the column; without Keys: its rows are in the batch
	keys    [][]int16         // memory of them
	from    []*int16          // likewise: where the decoder had them
	used    int
}

// forget has every column be rows again.
func (k *keyedColumns) forget() {
	k.used = 0
	clear(k.columns)
}

// of returns the column at pos; nil if it is rows.
func (k *keyedColumns) of(pos int) *columnar.Values {
	if pos < len(k.columns) && k.columns[pos].Keys != nil {
		return &k.columns[pos]
	}
	return nil
}

func (k *keyedColumns) room(pos int) {
	for pos >= len(k.columns) {
		k.columns = append(k.columns, columnar.Values{})
	}
}

// key sets the column at pos to what keys, of which it takes a copy, mean in v.
// Columns that are given the same keys share them here as well.
func (b *Batch) key(pos int, keys []int16, v columnar.Values) {
	k := &b.keyed
	k.room(pos)
	at := 0
	for at < k.used && k.from[at] != &keys[0] {
		at++
	}
	if at == k.used {
		if at == len(k.keys) {
			k.keys, k.from = append(k.keys, nil), append(k.from, nil)
		}
		k.keys[at], k.from[at] = append(k.keys[at][:0], keys...), &keys[0]
		k.used++
	}
	v.Keys = k.keys[at]
	k.columns[pos] = v
}

// sameKeys are the keys of columns in which all rows are the same.
var sameKeys [maxSpoolRows]int16

// same sets the column at pos to n rows, one at least, of the one value of v.
func (b *Batch) same(pos, n int, v columnar.Values) {
	b.keyed.room(pos)
	v.Keys = sameKeys[:n]
	b.keyed.columns[pos] = v
}

// cut keeps the rows from…to.
func (k *keyedColumns) cut(from, to int) {
	if from == to {
		k.forget()
		return
	}
	for i := range k.columns {
		if v := &k.columns[i]; v.Keys != nil {
			v.Keys = v.Keys[from:to]
		}
	}
}
