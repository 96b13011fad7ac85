package parquet

import (
	"encoding/binary"

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

// chunkEncoder encodes one column at a time.
type chunkEncoder struct {
	i64    intDict[int64]
	i32    intDict[int32]
	words  wordDict
	bounds textBounds
	idx    []uint32
	raw    []byte // a page before compression
	out    *encodedChunk
}

// encode sets out to the first n values.
func (e *chunkEncoder) encode(out *encodedChunk, c columnar.Column, v *columnar.Values, n int) error {
	*out = encodedChunk{dict: out.dict[:0], data: out.data[:0], pages: out.pages[:0], stats: c.Stats}
	e.out, e.bounds, e.idx = out, textBounds{}, columnar.Resize(e.idx, n)
	switch {
	case c.Delta:
		e.raw = appendDelta(e.raw[:0], v.Int64[:n])
		e.page(n, parquet.Encodings.DeltaBinaryPacked)
		setStats(out, c, v.Int64[:n])
	case c.Type == columnar.Int64 || c.Type == columnar.TimestampUS:
		encodeInts(e, &e.i64, c, v.Int64[:n])
	case c.Type == columnar.Int32:
		encodeInts(e, &e.i32, c, v.Int32[:n])
	case c.Type == columnar.Float64:
		e.plain(columnar.Bytes(v.Float64[:n]), n)
	case c.Type == columnar.Bool:
		e.raw = columnar.AppendBits(e.raw[:0], v.Bools[:n])
		e.page(n, parquet.Encodings.Plain)
	case c.Type == columnar.String:
		dict, err := e.words.encode(v, e.idx, n, dictMaxBytes)
		if err != nil {
			return err
		}
		if !dict || c.NoDict {
			e.plainStrings(c, v, n)
			return nil
		}
		for _, w := range e.words.words {
			e.bounds.add(w)
		}
		e.bounds.set(out, c)
		for _, w := range e.words.words {
			out.dict = appendPlainString(out.dict, w)
		}
		e.indices(len(e.words.words))
	}
	return nil
}

// encodeInts encodes integers, by a dictionary where that is worth while.
func encodeInts[T int32 | int64](e *chunkEncoder, d *intDict[T], c columnar.Column, v []T) {
	if c.NoDict || !d.encode(v, e.idx, intDictLimit(len(v))) {
		e.plain(columnar.Bytes(v), len(v))
		setStats(e.out, c, v)
		return
	}
	e.out.dict = append(e.out.dict, columnar.Bytes(d.values)...)
	e.indices(len(d.values))
	setStats(e.out, c, d.values)
}

// intDictLimit is how many distinct integers make a dictionary worth while.
func intDictLimit(n int) int { return max(n/4, 16) }

// indices adds the page of indices into the dictionary, which has entries.
func (e *chunkEncoder) indices(entries int) {
	e.out.hasDict, e.out.entries = true, entries
	width := indexWidth(entries)
	e.raw = appendHybrid(append(e.raw[:0], byte(width)), e.idx, width)
	e.page(len(e.idx), parquet.Encodings.RLEDict)
}

func (e *chunkEncoder) plain(b []byte, n int) {
	e.raw = append(e.raw[:0], b...)
	e.page(n, parquet.Encodings.Plain)
}

// plainStrings writes strings that make no good dictionary.
func (e *chunkEncoder) plainStrings(c columnar.Column, v *columnar.Values, n int) {
	e.raw = e.raw[:0]
	rows := 0
	for i := range n {
		var s string
		switch {
		case v.Codes != nil:
			s = v.Words.Word(v.Codes[i])
		case v.IDs != nil:
			s = v.List[v.IDs[i]] // wordDict.encode has checked them
		default:
			s = columnar.CleanText(v.Strings[i])
		}
		if rows > 0 && len(e.raw)+len(s) > pageBytes {
			e.page(rows, parquet.Encodings.Plain)
			e.raw, rows = e.raw[:0], 0
		}
		e.raw = appendPlainString(e.raw, s)
		e.bounds.add(s)
		rows++
	}
	if rows > 0 {
		e.page(rows, parquet.Encodings.Plain)
	}
	e.bounds.set(e.out, c)
}

func appendPlainString(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// page compresses e.raw as a data page of n values.
func (e *chunkEncoder) page(n int, encoding parquet.Encoding) {
	o := e.out
	from := len(o.data)
	o.data = compressZstd(o.data, e.raw)
	o.pages = append(o.pages, encodedPage{n, len(e.raw), len(o.data) - from})
	o.encoding = encoding
}

// setStats notes minimum and maximum of the chunk.
func setStats[T int32 | int64](out *encodedChunk, c columnar.Column, v []T) {
	if !c.Stats || len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	out.signed = true
	out.lowest, out.highest = append([]byte(nil), columnar.Bytes([]T{lo})...), append([]byte(nil), columnar.Bytes([]T{hi})...)
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
