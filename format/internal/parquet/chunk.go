package parquet

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/parquet"

	"systape/format/internal/columnar"
)

const (
	pageBytes    = 1 << 20 // of strings in one page, a single string excepted
	dictMaxBytes = 1 << 20 // of strings in a dictionary
)

// encodedChunk is a column of a row group as it will be written.
type encodedChunk struct {
	hasDict bool
	dict    []byte // its entries, PLAIN
	entries int
	data    []byte // the pages, compressed, one after the other
	pages   []encodedPage

	encoding        parquet.Encoding
	stats           bool   // the column has statistics
	lowest, highest []byte // nil: not known
	signed          bool   // they are of numbers
}

type encodedPage struct{ rows, raw, bytes int }

// columnEncoder encodes a column of a row group, whose rows come in runs. What it
// keeps of them is mostly a small part of what they were: rows that lie in memory
// until their row group is full are out of every cache by then.
type columnEncoder struct {
	column columnar.Column
	rows   int

	i64   intDict[int64]
	i32   intDict[int32]
	words wordDict
	idx   indexes
	plain bool // the column has no dictionary any more

	deltas deltas
	keyed  keyed
	bools  []bool
	raw    []byte // values as they are: of the page that is being made
	waits  int    // rows in raw

	low64, high64 int64 // of Delta and plain integers
	bounds        textBounds

	out encodedChunk
}

// reset begins a row group.
func (e *columnEncoder) reset() {
	o := &e.out
	*o = encodedChunk{dict: o.dict[:0], data: o.data[:0], pages: o.pages[:0], stats: e.column.Stats}
	e.rows, e.waits, e.raw, e.bools, e.bounds = 0, 0, e.raw[:0], e.bools[:0], textBounds{}
	e.low64, e.high64 = math.MaxInt64, math.MinInt64
	e.plain = e.column.NoDict
	e.idx.reset()
	e.deltas.reset()
	e.i64.reset()
	e.i32.reset()
	e.words.reset()
}

// add takes the first n values. Strings may be kept until finish. Keys appear in
// the order that is given with them.
func (e *columnEncoder) add(v *columnar.Values, n int, order []int16) error {
	if n == 0 {
		return nil
	}
	if e.rows == 0 {
		e.reset()
	}
	e.rows += n
	switch c := &e.column; {
	case v.Keys != nil:
		return e.addKeyed(v, n, order)
	case c.Delta:
		if e.deltas.add(v.Int64[:n]) {
			bound(e, v.Int64[:1])
			bound(e, v.Int64[n-1:n])
		} else {
			bound(e, v.Int64[:n])
		}
	case c.Type == columnar.Int64 || c.Type == columnar.TimestampUS:
		addInts(e, &e.i64, v.Int64[:n])
	case c.Type == columnar.Int32:
		addInts(e, &e.i32, v.Int32[:n])
	case c.Type == columnar.Float64:
		e.raw = append(e.raw, columnar.Bytes(v.Float64[:n])...)
	case c.Type == columnar.Bool:
		e.bools = append(e.bools, v.Bools[:n]...)
	case c.Type == columnar.String:
		return e.addText(v, n)
	}
	return nil
}

// finish sets e.out to the rows since the row group began, of which there is one
// at least.
func (e *columnEncoder) finish() {
	switch c := &e.column; {
	case c.Delta:
		e.raw = e.deltas.appendTo(e.raw[:0])
		e.page(e.rows, parquet.Encodings.DeltaBinaryPacked)
		setBounds[int64](e)
	case c.Type == columnar.Int64 || c.Type == columnar.TimestampUS:
		finishInts(e, &e.i64)
	case c.Type == columnar.Int32:
		finishInts(e, &e.i32)
	case c.Type == columnar.Float64:
		e.page(e.rows, parquet.Encodings.Plain)
	case c.Type == columnar.Bool:
		e.raw = columnar.AppendBits(e.raw[:0], e.bools)
		e.page(e.rows, parquet.Encodings.Plain)
	case c.Type == columnar.String:
		e.finishText()
	}
	e.rows = 0
}

// addInts adds integers, by a dictionary as long as that is worth while.
func addInts[T int32 | int64](e *columnEncoder, d *intDict[T], v []T) {
	if !e.plain {
		if v = v[d.add(&e.idx, v, intDictLimit(GroupRows)):]; len(v) == 0 {
			return
		}
		plainInts(e, d)
	}
	e.raw = append(e.raw, columnar.Bytes(v)...)
	bound(e, v)
}

// plainInts gives up the dictionary.
func plainInts[T int32 | int64](e *columnEncoder, d *intDict[T]) {
	e.plain = true
	e.idx.each(func(i uint32) { e.raw = append(e.raw, columnar.Bytes(d.values[i:i+1])...) })
	bound(e, d.values)
}

func finishInts[T int32 | int64](e *columnEncoder, d *intDict[T]) {
	if !e.plain && len(d.values) > intDictLimit(e.rows) {
		plainInts(e, d)
	}
	if e.plain {
		e.page(e.rows, parquet.Encodings.Plain)
	} else {
		bound(e, d.values)
		e.out.dict = append(e.out.dict, columnar.Bytes(d.values)...)
		e.indices(len(d.values))
	}
	setBounds[T](e)
}

// intDictLimit is how many distinct integers of n make a dictionary worth while.
func intDictLimit(n int) int { return max(n/4, 16) }

// bound has v count for the chunk's minimum and maximum.
func bound[T int32 | int64](e *columnEncoder, v []T) {
	if !e.column.Stats || len(v) == 0 {
		return
	}
	low, high := v[0], v[0]
	for _, x := range v {
		low, high = min(low, x), max(high, x)
	}
	e.low64, e.high64 = min(e.low64, int64(low)), max(e.high64, int64(high))
}

// setBounds notes minimum and maximum as the chunk's statistics.
func setBounds[T int32 | int64](e *columnEncoder) {
	if e.column.Stats {
		o := &e.out
		o.signed = true
		o.lowest, o.highest = slices.Clone(columnar.Bytes([]T{T(e.low64)})), slices.Clone(columnar.Bytes([]T{T(e.high64)}))
	}
}

// addText adds strings, by a dictionary as long as that is not too large.
func (e *columnEncoder) addText(v *columnar.Values, n int) error {
	done := 0
	if !e.plain {
		var err error
		if done, err = e.words.add(&e.idx, v, n); err != nil {
			return err
		}
		if done == n && e.words.bytes <= dictMaxBytes {
			return nil
		}
		e.plainWords()
	}
	for i := done; i < n; i++ {
		s, err := word(v, i)
		if err != nil {
			return err
		}
		e.plainText(s)
	}
	return nil
}

// plainWords gives up the dictionary.
func (e *columnEncoder) plainWords() {
	e.plain = true
	e.idx.each(func(i uint32) { e.plainText(e.words.words[i]) })
}

// word returns a value of text.
func word(v *columnar.Values, i int) (string, error) {
	switch {
	case v.Codes != nil:
		return v.Words.Word(v.Codes[i]), nil
	case v.IDs == nil:
		return columnar.CleanText(v.Strings[i]), nil
	case int(v.IDs[i]) >= len(v.List):
		return "", columnar.ErrForeignID
	}
	return v.List[v.IDs[i]], nil
}

// plainText adds a string to the page, or begins another.
func (e *columnEncoder) plainText(s string) {
	if e.waits > 0 && len(e.raw)+len(s) > pageBytes {
		e.page(e.waits, parquet.Encodings.Plain)
		e.raw, e.waits = e.raw[:0], 0
	}
	e.raw = appendPlainString(e.raw, s)
	e.bounds.add(s)
	e.waits++
}

func (e *columnEncoder) finishText() {
	if e.plain {
		e.page(e.waits, parquet.Encodings.Plain)
		e.bounds.set(&e.out, e.column)
		return
	}
	for _, w := range e.words.words {
		e.bounds.add(w)
		e.out.dict = appendPlainString(e.out.dict, w)
	}
	e.bounds.set(&e.out, e.column)
	e.indices(len(e.words.words))
}

// indices adds the page of indices into the dictionary, which has entries.
func (e *columnEncoder) indices(entries int) {
	e.out.hasDict, e.out.entries = true, entries
	e.raw = e.idx.appendTo(e.raw[:0], entries)
	e.page(e.rows, parquet.Encodings.RLEDict)
}

func appendPlainString(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// page compresses e.raw as a data page of n values.
func (e *columnEncoder) page(n int, encoding parquet.Encoding) {
	o := &e.out
	from := len(o.data)
	if encoding == parquet.Encodings.DeltaBinaryPacked {
		o.data = compressBits(o.data, e.raw)
	} else {
		o.data = compressZstd(o.data, e.raw)
	}
	o.pages = append(o.pages, encodedPage{n, len(e.raw), len(o.data) - from})
	o.encoding = encoding
}

// textBounds are the first and the last of texts, in the order of their bytes.
type textBounds struct {
	first, last string
	any         bool
}

func (t *textBounds) add(s string) {
	if !t.any {
		*t = textBounds{s, s, true}
		return
	}
	if s < t.first {
		t.first = s
	}
	if s > t.last {
		t.last = s
	}
}

// maxBoundBytes is how long a text in statistics is at most: a footer with the
// paths of every row group would be larger than what it saves from reading.
const maxBoundBytes = 64

// set notes the bounds as the chunk's statistics.
func (t *textBounds) set(out *encodedChunk, c columnar.Column) {
	if c.Stats && t.any && len(t.first) <= maxBoundBytes && len(t.last) <= maxBoundBytes {
		out.lowest, out.highest = append([]byte{}, t.first...), append([]byte{}, t.last...)
	}
}
