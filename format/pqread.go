package format

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// parquetSource reads a capture from a Parquet file, row group by row group.
type parquetSource struct {
	name    string
	src     io.ReaderAt
	foot    *footer
	meta    *Meta
	names   *SymbolTable
	readers []*columnReader
	budget  budget
	lo, hi  int64 // groups outside these instants are passed over

	group   int           // the current row group
	inGroup int           // rows of it not delivered
	row     int64         // of the file: the next to be delivered
	wanted  *columnReader // of the kinds, when only groups with some of them are wanted
	kinds   []Kind
	skipped func(rows int64)
	scanned bool // the file has no footer; foot was made from its pages
}

// openParquet checks that src is a capture. It decodes no rows.
func openParquet(name string, src io.ReaderAt, size int64) (*parquetSource, error) {
	foot, err := readFooter(src, size)
	if err == nil {
		err = foot.verifySum()
	}
	if err != nil {
		return nil, &CorruptError{File: name, Group: -1, Row: -1, Err: err}
	}
	meta, err := parseMeta(foot.meta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &parquetSource{name: name, src: src, foot: foot, meta: meta, group: -1, lo: math.MinInt64, hi: math.MaxInt64}
	if meta.Part.Rows >= 0 && meta.Part.Rows != foot.rows {
		return nil, &CorruptError{File: name, Group: -1, Row: -1, Err: fmt.Errorf("%d rows, the metadata says %d", foot.rows, meta.Part.Rows)}
	}
	return p, nil
}

// choose prepares to read the given columns.
func (p *parquetSource) choose(cols Columns, names *SymbolTable) error {
	p.names, p.budget, p.readers = names, budget{pageBudget}, nil
	for pos, c := range columns {
		if cols&c.set == 0 || c.since > p.meta.Version {
			continue
		}
		leaf, node, err := p.leaf(pos)
		if err != nil {
			return err
		}
		r := &columnReader{pos: pos, leaf: leaf, optional: node.rep == pqOptional, names: names}
		r.pages.budget = &p.budget
		if c.Type == String {
			r.cache = new(symCache)
		}
		p.readers = append(p.readers, r)
	}
	return nil
}

// leaf finds the column at pos of the table in the file.
func (p *parquetSource) leaf(pos int) (int, *schemaNode, error) {
	want := map[ColumnType]int32{Int64: pqInt64, Int32: pqInt32, String: pqByteArray}[columns[pos].Type]
	found := -1
	for i := range p.foot.schema[1:] {
		if n := &p.foot.schema[i+1]; n.name == columns[pos].Name {
			if found >= 0 {
				return 0, nil, p.corrupt(columns[pos].Name, errors.New("there are two of it"))
			}
			if n.typ != want || n.rep != pqRequired && n.rep != pqOptional {
				return 0, nil, p.corrupt(n.name, fmt.Errorf("physical type %d, want %d", n.typ, want))
			}
			found = i
		}
	}
	if found < 0 {
		return 0, nil, p.corrupt(columns[pos].Name, errors.New("it is missing"))
	}
	for _, g := range p.foot.groups {
		if g.chunks[found].typ != want {
			return 0, nil, p.corrupt(columns[pos].Name, errors.New("a row group has it with another type"))
		}
	}
	return found, &p.foot.schema[found+1], nil
}

func (p *parquetSource) corrupt(column string, err error) error {
	return &CorruptError{File: p.name, Group: -1, Row: -1, Column: column, Err: err}
}

// nextGroup goes to the next row group that can hold wanted rows.
func (p *parquetSource) nextGroup() error {
	ts, _, err := p.leaf(posTS)
	if err != nil {
		return err
	}
	for p.inGroup == 0 {
		if p.group++; p.group >= len(p.foot.groups) {
			return io.EOF
		}
		g := &p.foot.groups[p.group]
		c := &g.chunks[ts]
		if c.hasMin && c.hasMax && (c.max < p.lo || c.min > p.hi) || p.wanted != nil && !p.hasKind(g) {
			p.row += g.rows
			if p.skipped != nil {
				p.skipped(g.rows)
			}
			continue
		}
		for _, r := range p.readers {
			r.reset(p.src, &g.chunks[r.leaf])
		}
		p.inGroup = int(g.rows)
	}
	return nil
}

// only makes the source pass over row groups without any of kinds.
func (p *parquetSource) only(kinds []Kind) error {
	if kinds == nil {
		return nil
	}
	leaf, node, err := p.leaf(posKind)
	if err != nil {
		return err
	}
	p.kinds = kinds
	p.wanted = &columnReader{pos: posKind, leaf: leaf, optional: node.rep == pqOptional, names: p.names}
	p.wanted.pages.budget = &p.budget
	return nil
}

// hasKind looks into the dictionary of the group's kinds, which in a file of
// ours has all of them. A column that has
// none may hold any; so may one that is damaged, which reading will find out.
func (p *parquetSource) hasKind(g *footerGroup) bool {
	r := p.wanted
	if !p.foot.ours() || g.chunks[r.leaf].dict == 0 || g.rows == 0 {
		return true
	}
	r.reset(p.src, &g.chunks[r.leaf])
	if err := r.page(); err != nil || !r.hasDict || r.encoding != encDict {
		return true
	}
	for _, k := range p.kinds {
		if slices.Contains(r.kinds, k) {
			return true
		}
	}
	return false
}

// next fills b with the next rows, at most n, all of one row group.
func (p *parquetSource) next(b *Batch, n int) error {
	if p.inGroup == 0 {
		if err := p.nextGroup(); err != nil {
			return err
		}
	}
	n = min(n, p.inGroup)
	b.Symbols, b.N = p.names, n
	for _, r := range p.readers {
		b.resizeColumn(r.pos, n)
		err := r.read(b, 0, n)
		if err == nil && n == p.inGroup {
			err = r.end()
		}
		if err != nil {
			return &CorruptError{File: p.name, Group: p.group, Row: p.row, Column: columns[r.pos].Name, Err: err}
		}
	}
	p.inGroup -= n
	p.row += int64(n)
	return nil
}

// resizeColumn gives the column at pos length n, its contents undefined.
func (b *Batch) resizeColumn(pos, n int) {
	switch c := columns[pos]; {
	case pos == posKind:
		b.Kind = resize(b.Kind, n)
	case pos == posABI:
		b.ABI = resize(b.ABI, n)
	case pos == posDetail:
		b.Detail = resize(b.Detail, n)
	case c.Type == Int64:
		*b.int64s(pos) = resize(*b.int64s(pos), n)
	case c.Type == Int32:
		*b.int32s(pos) = resize(*b.int32s(pos), n)
	default:
		*b.syms(pos) = resize(*b.syms(pos), n)
	}
}
