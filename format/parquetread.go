package format

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"systape/format/internal/parquet"
)

// parquetReader reads a capture from a Parquet file, row group by row group.
type parquetReader struct {
	decoding
	name   string
	file   io.ReaderAt
	foot   *parquet.Footer
	meta   *Meta
	cols   Columns       // that are read
	chunks []chunkReader // of the columns of the table; nil where not read
	leaves []int         // of the columns of the table: their places in the file
	budget *parquet.Budget
	lo, hi int64 // groups outside these instants are passed over

	group   int         // the current row group
	inGroup int         // rows of it not delivered
	row     int64       // of the file: the next to be delivered
	wanted  chunkReader // of the kinds, when only groups with some of them are wanted
	kinds   []Kind
	skipped func(rows int64)
	scanned bool // the file has no footer; foot was made from its pages

	stranger bool // the file has no metadata of ours
}

// creatorPrefix begins the created_by of our files: others that rewrite a
// capture keep its metadata, the checksum of the old footer included.
const creatorPrefix = "systape "

// creator is the created_by that this program writes. Readers know by the
// words in brackets how to read statistics.
const creator = creatorPrefix + "(parquet-go version 17.0.0)"

// checkKey holds a checksum of everything else that the reader takes from the
// footer. The pages have checksums of their own; a footer has none, and one
// flipped bit in a statistic would hide rows.
const checkKey = metaPrefix + "check"

// openParquet checks that file is a capture. It decodes no rows.
func openParquet(name string, file io.ReaderAt, size int64) (*parquetReader, error) {
	foot, err := parquet.ReadFooter(file, size)
	if err == nil {
		err = checkFooter(foot)
	}
	if err != nil {
		return nil, &CorruptError{Rule: RuleFile, File: name, Group: -1, Row: -1, Err: err}
	}
	p, err := newParquetReader(name, file, foot)
	if err != nil {
		return nil, err
	}
	if !p.ours() {
		if err := p.adopt(); err != nil {
			return nil, err
		}
	}
	if rows := p.meta.Part.Rows; rows >= 0 && rows != foot.Rows {
		return nil, &CorruptError{Rule: RuleRows, File: name, Group: -1, Row: -1, Err: fmt.Errorf("%d rows, the metadata says %d", foot.Rows, rows)}
	}
	return p, nil
}

// newParquetReader returns a reader of a file with the given footer.
func newParquetReader(path string, file io.ReaderAt, foot *parquet.Footer) (*parquetReader, error) {
	meta, err := parseMeta(foot.Meta)
	stranger := errors.Is(err, ErrNotCapture) && !strings.HasPrefix(foot.Creator, creatorPrefix)
	if stranger {
		meta, err = strangerMeta(foot, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, must := range []Columns{ColTS, ColSeq, ColKind} {
		name := columns[must.pos()].Name
		if !slices.ContainsFunc(foot.Schema[1:], func(n parquet.Node) bool { return n.Name == name }) {
			// Tables of results carry the metadata of their capture.
			if slices.ContainsFunc(foot.Schema[1:], func(n parquet.Node) bool { return n.Name == "start_ns" }) {
				return nil, fmt.Errorf("%s: %w: a table of calls as 'systape pair' writes it; give the capture that it was made of", path, ErrNotCapture)
			}
			return nil, fmt.Errorf("%s: %w: a table without the column %s", path, ErrNotCapture, name)
		}
	}
	return &parquetReader{decoding: decoding{version: meta.Version}, name: path, file: file, foot: foot, meta: meta,
		group: -1, lo: math.MinInt64, hi: math.MaxInt64, stranger: stranger}, nil
}

// scanParquet reads a capture that has no footer, because it was cut off: its
// head has the metadata.
func scanParquet(name string, file io.ReaderAt, size int64) (*parquetReader, error) {
	pairs, pos, err := readHead(file, size)
	if err != nil {
		return nil, err
	}
	meta, err := parseMeta(pairs)
	if err != nil {
		return nil, err
	}
	foot, err := parquet.Scan(file, pos, size, tableOf(meta.Version))
	if err != nil {
		return nil, err
	}
	foot.Creator, foot.Meta = creator, pairs
	p, err := newParquetReader(name, file, foot)
	if err == nil {
		p.scanned = true
	}
	return p, err
}

// ours reports whether we wrote the file.
func (p *parquetReader) ours() bool { return strings.HasPrefix(p.foot.Creator, creatorPrefix) }

// checkFooter compares the checksum in the metadata with the footer.
func checkFooter(f *parquet.Footer) error {
	if !strings.HasPrefix(f.Creator, creatorPrefix) {
		return nil
	}
	for _, m := range f.Meta {
		if m.Key == checkKey {
			if m.Value != parquet.SumText(f.Sum(checkKey)) {
				return fmt.Errorf("footer: %w", errChecksum)
			}
			return nil
		}
	}
	return fmt.Errorf("footer: no %s in the metadata", checkKey)
}

// choose prepares to read the given columns.
func (p *parquetReader) choose(cols Columns, names *SymbolTable) error {
	table := columnsOf(p.version)
	p.names, p.budget, p.cols = names, parquet.NewBudget(), cols
	p.chunks, p.leaves = make([]chunkReader, len(table)), make([]int, len(table))
	for pos := range table {
		if cols.has(pos) {
			var err error
			if p.chunks[pos], err = p.chunk(pos); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk returns a reader of the column at pos.
func (p *parquetReader) chunk(pos int) (chunkReader, error) {
	leaf, node, err := p.leaf(pos)
	if err != nil {
		return nil, err
	}
	p.leaves[pos] = leaf
	optional := node.Repetition == parquet.Optional
	c := columns[pos].chunks(&p.decoding, pos, p.budget, optional)
	if p.ours() || columns[pos].Type == String {
		return c, nil
	}
	if node.Type != parquet.PhysicalType(columns[pos].Type) {
		c = resized(pos, node.Type, p.budget, optional)
	}
	// Others may have made something else of it, and say so.
	switch {
	case node.Other != "":
		return nil, p.corrupt(node.Name, fmt.Errorf("%w: it is %s", ErrForeign, node.Other))
	case node.Unit != 0 && pos != ColTS.pos():
		return nil, p.corrupt(node.Name, fmt.Errorf("%w: it is a timestamp", ErrForeign))
	case node.Unit > 1:
		return &scaledChunks{c, node.Unit}, nil
	}
	return c, nil
}

// scaledChunks reads ts_ns that is a timestamp of another unit.
type scaledChunks struct {
	chunkReader
	unit int64 // ns
}

func (c *scaledChunks) read(b *Batch, n int) error {
	if err := c.chunkReader.read(b, n); err != nil {
		return err
	}
	for i, ts := range b.TS {
		if ts > math.MaxInt64/c.unit || ts < math.MinInt64/c.unit {
			return fmt.Errorf("%d units of %d ns are no time", ts, c.unit)
		}
		b.TS[i] = ts * c.unit
	}
	return nil
}

// span returns what the statistics of a group say about its times.
func (p *parquetReader) span(g *parquet.Group) (first, last int64, ok bool) {
	leaf, node, err := p.leaf(ColTS.pos())
	if err != nil {
		return 0, 0, false
	}
	c := &g.Chunks[leaf]
	unit := int64(1)
	if !p.ours() {
		unit = max(node.Unit, 1)
	}
	if !c.HasMin || !c.HasMax || c.Min < math.MinInt64/unit || c.Max > math.MaxInt64/unit {
		return 0, 0, false
	}
	return c.Min * unit, c.Max * unit, true
}

// leaf finds the column at pos of the table in the file.
func (p *parquetReader) leaf(pos int) (int, *parquet.Node, error) {
	want := parquet.PhysicalType(columns[pos].Type)
	found := -1
	for i := range p.foot.Schema[1:] {
		if n := &p.foot.Schema[i+1]; n.Name == columns[pos].Name {
			if found >= 0 {
				return 0, nil, p.corrupt(columns[pos].Name, errors.New("there are two of it"))
			}
			if n.Type != want && !p.converted(pos, n.Type) || n.Repetition != parquet.Required && n.Repetition != parquet.Optional {
				return 0, nil, p.corrupt(n.Name, p.blame(fmt.Errorf("it is %s, want %s", parquet.TypeName(n.Type), parquet.TypeName(want))))
			}
			found, want = i, n.Type
		}
	}
	if found < 0 {
		return 0, nil, p.corrupt(columns[pos].Name, p.blame(errors.New("it is missing")))
	}
	for _, g := range p.foot.Groups {
		if g.Chunks[found].Type != want {
			return 0, nil, p.corrupt(columns[pos].Name, errors.New("a row group has it with another type"))
		}
	}
	return found, &p.foot.Schema[found+1], nil
}

// converted reports whether numbers that another program made of the column at
// pos are read as what they were.
func (p *parquetReader) converted(pos int, physical int32) bool {
	if p.ours() || columns[pos].Type == String {
		return false
	}
	switch physical {
	case parquet.TypeInt32, parquet.TypeInt64:
		return true
	case parquet.TypeFloat, parquet.TypeDouble:
		return pos != ColTS.pos() // no float holds ns since the epoch
	}
	return false
}

// blame says who wrote the file what is wrong with, if it was another program.
func (p *parquetReader) blame(err error) error {
	if p.ours() {
		return err
	}
	return fmt.Errorf("%w: %w", ErrForeign, err)
}

func (p *parquetReader) corrupt(column string, err error) error {
	return &CorruptError{Rule: RuleTable, File: p.name, Group: -1, Row: -1, Column: column, Err: err}
}

// nextGroup goes to the next row group that can hold wanted rows.
func (p *parquetReader) nextGroup() error {
	for p.inGroup == 0 {
		if p.group++; p.group >= len(p.foot.Groups) {
			return io.EOF
		}
		g := &p.foot.Groups[p.group]
		first, last, dated := p.span(g)
		if g.Rows == 0 || dated && (last < p.lo || first > p.hi) || p.wanted != nil && !p.hasKind(g) {
			p.row += g.Rows
			if p.skipped != nil {
				p.skipped(g.Rows)
			}
			continue
		}
		for _, c := range p.chunks {
			if c != nil {
				c.reset(p)
			}
		}
		p.inGroup = int(g.Rows)
	}
	return nil
}

// only makes the source pass over row groups without any of kinds.
func (p *parquetReader) only(kinds []Kind) error {
	if kinds == nil {
		return nil
	}
	wanted, err := p.chunk(ColKind.pos())
	p.wanted, p.kinds = wanted, kinds
	return err
}

// hasKind looks into the dictionary of the group's kinds, which in a file of
// ours has all of them. A column that has none may hold any; so may one that is
// damaged, which reading will find out.
func (p *parquetReader) hasKind(g *parquet.Group) bool {
	if !p.ours() || g.Chunks[p.leaves[ColKind.pos()]].Dict == 0 || g.Rows == 0 {
		return true
	}
	p.wanted.reset(p)
	has, err := p.wanted.holds(func(k any) bool { return slices.Contains(p.kinds, k.(Kind)) })
	return has || err != nil
}

// next fills b with the next rows, at most n, all of one row group.
func (p *parquetReader) next(b *Batch, n int) error {
	if p.inGroup == 0 {
		if err := p.nextGroup(); err != nil {
			return err
		}
	}
	n = min(n, p.inGroup)
	b.Symbols, b.N = p.names, n
	for pos, c := range p.chunks {
		if c == nil {
			continue
		}
		err := c.read(b, n)
		if err == nil && n == p.inGroup {
			err = c.end()
		}
		if errors.Is(err, parquet.ErrUnread) || errors.Is(err, ErrNull) || errors.Is(err, errFloat) {
			err = p.blame(err)
		}
		if err != nil {
			return &CorruptError{Rule: RuleData, File: p.name, Group: p.group, Row: p.row, Column: columns[pos].Name, Err: err}
		}
	}
	p.inGroup -= n
	p.row += int64(n)
	return nil
}
