package format

import (
	"fmt"

	"systape/format/abi"
	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
	"systape/format/internal/parquet"
)

// cells is where the values of one column lie, in batches
// and in files. There is one implementation for each type that columns of [Batch]
// have.
type cells interface {
	size(b *Batch) int
	alloc(b *Batch, rows int)           // an empty column with room for rows
	resize(b *Batch, n int)             // length n, contents undefined
	cut(b *Batch, from, to int)         // keeps rows from…to; nothing if the column is not there
	copy(dst, src *Batch, from, to int) // replaces the column by rows of src
	add(dst, src *Batch, from, to int)  // appends rows of src, whose table of symbols is that of dst
	values(b *Batch) columnar.Values
	fault(b *Batch, version int) (row int, err error) // the first value that the version cannot store

	inflate(d *decoding, pos int, from *ipc.Decoder, b *Batch, n int) error    // the current column of a spool's batch
	chunks(d *decoding, pos int, p *parquet.Budget, optional bool) chunkReader // the column of a Parquet file
}

// chunkReader reads the column of a Parquet file into batches.
type chunkReader interface {
	reset(p *parquetReader)                    // goes to the current row group
	read(b *Batch, n int) error                // sets the column to the next n rows
	end() error                                // no rows of the group are left
	whole() []parquet.Span                     // the rows of the group, which was reset, that can be read
	skip(n int) error                          // passes over the next n rows
	holds(want func(w any) bool) (bool, error) // whether the group's dictionary, if it has one, has a wanted value
}

// rowsOf does what does not depend on what the values mean.
type rowsOf[T any] struct{ of func(*Batch) *[]T }

func (r rowsOf[T]) size(b *Batch) int              { return len(*r.of(b)) }
func (r rowsOf[T]) alloc(b *Batch, rows int)       { *r.of(b) = make([]T, 0, rows) }
func (r rowsOf[T]) resize(b *Batch, n int)         { s := r.of(b); *s = columnar.Resize(*s, n) }
func (r rowsOf[T]) fault(*Batch, int) (int, error) { return 0, nil }

func (r rowsOf[T]) cut(b *Batch, from, to int) {
	if s := r.of(b); len(*s) >= to {
		*s = (*s)[:copy(*s, (*s)[from:to])]
	}
}

func (r rowsOf[T]) copy(dst, src *Batch, from, to int) {
	s := r.of(dst)
	*s = append((*s)[:0], (*r.of(src))[from:to]...)
}

func (r rowsOf[T]) add(dst, src *Batch, from, to int) {
	s := r.of(dst)
	*s = append(*s, (*r.of(src))[from:to]...)
}

// numbers is a column of integers.
type numbers[T int32 | int64] struct {
	rowsOf[T]
	view   func(s []T, names *SymbolTable) columnar.Values
	reader func(p *parquet.Budget, optional bool) *parquet.ChunkReader[T]
}

func int64s(of func(*Batch) *[]int64) cells {
	return numbers[int64]{rowsOf[int64]{of}, func(s []int64, _ *SymbolTable) columnar.Values { return columnar.Values{Int64: s} }, parquet.NewInt64}
}

func int32s(of func(*Batch) *[]int32) cells {
	return numbers[int32]{rowsOf[int32]{of}, func(s []int32, _ *SymbolTable) columnar.Values { return columnar.Values{Int32: s} }, parquet.NewInt32}
}

func (c numbers[T]) values(b *Batch) columnar.Values { return c.view(*c.of(b), nil) }

func (c numbers[T]) inflate(d *decoding, pos int, from *ipc.Decoder, b *Batch, n int) error {
	if from.Coded() {
		return inflateCoded(d, pos, from, b, c.of(b), c.view, func(dict *ipc.Dictionary) ([]T, error) {
			values := make([]T, dict.Len())
			for i := range values {
				values[i] = T(dict.Int32[i])
			}
			return values, nil
		})
	}
	if d.keyed && !columns[pos].Delta && from.Zeros(n*columnar.Size[T]()) {
		*c.of(b) = (*c.of(b))[:0]
		b.same(pos, n, c.view(make([]T, 1), nil))
		return nil
	}
	c.resize(b, n)
	return from.Numbers(columnar.Bytes(*c.of(b)))
}

func (c numbers[T]) chunks(_ *decoding, pos int, p *parquet.Budget, optional bool) chunkReader {
	return &chunksOf[T]{pos, c.rowsOf, c.reader(p, optional)}
}

// textCells is a column of text in files: what T makes of the words.
type textCells[T comparable] struct {
	rowsOf[T]
	parser func(d *decoding, pos int) func(w []byte) (T, error)
	view   func(s []T, names *SymbolTable) columnar.Values
}

func (c textCells[T]) values(b *Batch) columnar.Values { return c.view(*c.of(b), b.Symbols) }

func (c textCells[T]) inflate(d *decoding, pos int, from *ipc.Decoder, b *Batch, n int) error {
	if from.Coded() {
		return inflateCoded(d, pos, from, b, c.of(b), c.view, func(dict *ipc.Dictionary) ([]T, error) {
			values, parse := make([]T, dict.Len()), c.parser(d, pos)
			for i := range values {
				var err error
				if values[i], err = parse(dict.Word(i)); err != nil {
					return nil, err
				}
			}
			return values, nil
		})
	}
	off, text, err := from.Text()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		empty, err := c.parser(d, pos)(nil)
		switch {
		case err != nil:
			return &CorruptError{Err: err}
		case d.keyed:
			*c.of(b) = (*c.of(b))[:0]
			b.same(pos, n, c.view([]T{empty}, d.names))
		default:
			c.resize(b, n)
			fill(*c.of(b), empty)
		}
		return nil
	}
	c.resize(b, n)
	return parseRows(*c.of(b), off, text, c.parser(d, pos))
}

func (c textCells[T]) chunks(d *decoding, pos int, p *parquet.Budget, optional bool) chunkReader {
	return &chunksOf[T]{pos, c.rowsOf, parquet.NewText(p, optional, c.parser(d, pos))}
}

func fill[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// inflateCoded sets the rows of b from the current column, which holds positions in a
// dictionary; where those are enough, they are what b gets.
func inflateCoded[T any](d *decoding, pos int, from *ipc.Decoder, b *Batch, rows *[]T, view func([]T, *SymbolTable) columnar.Values,
	entries func(dict *ipc.Dictionary) ([]T, error)) error {
	keys, dict, err := from.Keys()
	if err != nil {
		return err
	}
	known, ok := d.parsed(pos).(*parsed[T])
	if !ok || known.dict != dict || known.turn != dict.Turn || known.names != d.names {
		known = &parsed[T]{dict: dict, turn: dict.Turn, names: d.names}
		if known.values, err = entries(dict); err != nil {
			return err
		}
		d.dicts[pos] = known
	}
	if d.keyed && len(keys) > 0 && !columns[pos].Delta {
		*rows = (*rows)[:0]
		b.key(pos, keys, view(known.values, d.names))
		return nil
	}
	*rows = columnar.Resize(*rows, len(keys))
	dst := *rows
	for i, k := range keys {
		dst[i] = known.values[k]
	}
	return nil
}

// parsed is what became of the words of a dictionary.
type parsed[T any] struct {
	dict   *ipc.Dictionary
	turn   int
	names  *SymbolTable
	values []T
}

// parseRows turns words into values. They repeat, and mostly the word of the
// row before the last comes again.
func parseRows[T any](dst []T, off []int32, text []byte, parse func(w []byte) (T, error)) error {
	var known [2][]byte
	var values [2]T
	for i := range dst {
		w := text[off[i]:off[i+1]]
		switch {
		case i > 0 && string(w) == string(known[0]):
			dst[i] = values[0]
		case i > 1 && string(w) == string(known[1]):
			dst[i] = values[1]
			known[0], known[1], values[0], values[1] = known[1], known[0], values[1], values[0]
		default:
			v, err := parse(w)
			if err != nil {
				return &CorruptError{Rule: RuleData, Row: int64(i), Err: err}
			}
			known[1], values[1] = known[0], values[0]
			known[0], values[0] = w, v
			dst[i] = v
		}
	}
	return nil
}

// codeWords are the words of a column of codes.
type codeWords[T ~uint8] struct {
	*columnar.Words
	unknown error
	known   func(version int) int // how many of the words a version has
}

var (
	kindCodes = codeWords[Kind]{columnar.NewWords(kindWords()), errUnknownKind, kindsOf}
	abiCodes  = codeWords[abi.ABI]{columnar.NewWords(abiNames()), errUnknownABI, func(int) int { return len(abi.All()) }}
)

func abiNames() []string {
	var s []string
	for _, a := range abi.All() {
		s = append(s, a.String())
	}
	return s
}

// codeCells is a column of a few words, which batches hold as small codes.
type codeCells[T ~uint8] struct {
	textCells[T]
	words codeWords[T]
}

func codes[T ~uint8](words codeWords[T], of func(*Batch) *[]T) cells {
	parser := func(d *decoding, _ int) func([]byte) (T, error) {
		return func(w []byte) (T, error) {
			for c := range words.known(d.version) {
				if words.Word(byte(c)) == string(w) {
					return T(c), nil
				}
			}
			return 0, fmt.Errorf("%w %q", words.unknown, w[:min(len(w), 40)])
		}
	}
	view := func(s []T, _ *SymbolTable) columnar.Values {
		return columnar.Values{Codes: columnar.Bytes(s), Words: words.Words}
	}
	return codeCells[T]{textCells[T]{rowsOf[T]{of}, parser, view}, words}
}

func (c codeCells[T]) fault(b *Batch, version int) (int, error) {
	n := T(c.words.known(version))
	for i, k := range *c.of(b) {
		if k >= n {
			return i, c.words.unknown
		}
	}
	return 0, nil
}

// symbolCells is a column of names that repeat.
type symbolCells struct {
	textCells[Symbol]
}

func symbols(of func(*Batch) *[]Symbol) cells {
	parser := func(d *decoding, pos int) func([]byte) (Symbol, error) { return d.symbols(pos).symbol }
	view := func(s []Symbol, names *SymbolTable) columnar.Values {
		v := columnar.Values{IDs: columnar.IDs(s)}
		if names != nil {
			v.List = *names.list.Load()
		}
		return v
	}
	return symbolCells{textCells[Symbol]{rowsOf[Symbol]{of}, parser, view}}
}

// textRows is a column of strings without bound on how many are distinct.
type textRows struct {
	textCells[string]
}

func texts(of func(*Batch) *[]string) cells {
	parser := func(*decoding, int) func([]byte) (string, error) {
		return func(w []byte) (string, error) { return string(w), nil }
	}
	view := func(s []string, _ *SymbolTable) columnar.Values { return columnar.Values{Strings: s} }
	return textRows{textCells[string]{rowsOf[string]{of}, parser, view}}
}

// chunksOf is the chunkReader of values of T.
type chunksOf[T any] struct {
	pos int
	rowsOf[T]
	from *parquet.ChunkReader[T]
}

func (c *chunksOf[T]) reset(p *parquetReader) {
	c.from.Reset(p.file, &p.foot.Groups[p.group].Chunks[p.leaves[c.pos]])
}
func (c *chunksOf[T]) end() error            { return c.from.End() }
func (c *chunksOf[T]) whole() []parquet.Span { return c.from.Whole() }
func (c *chunksOf[T]) skip(n int) error      { return c.from.Skip(n) }

func (c *chunksOf[T]) read(b *Batch, n int) error {
	c.resize(b, n)
	return c.from.Read(*c.of(b))
}

func (c *chunksOf[T]) holds(want func(w any) bool) (bool, error) {
	dict, ok, err := c.from.Dictionary()
	if err != nil || !ok {
		return true, err
	}
	for _, v := range dict {
		if want(v) {
			return true, nil
		}
	}
	return false, nil
}
