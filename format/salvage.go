package format

import (
	"systape/format/internal/parquet"
)

// parquetRemains is what is left of a Parquet capture. Of a row group with
// damage it delivers the rows that lie in whole pages in every column; mostly a
// column of a row group is one page, and then there are none.
type parquetRemains struct {
	*parquetReader
	size   int64
	passed int64
	b      Batch

	whole   []parquet.Span // rows of the group that can be had
	wholeOf int            // the group of whole; -1: no damage was seen in it
}

func salvageParquet(p *parquetReader, size int64) *parquetRemains {
	return &parquetRemains{parquetReader: p, size: size, wholeOf: -1}
}

// at is the row of the group that is next.
func (p *parquetRemains) at() int { return int(p.foot.Groups[p.group].Rows) - p.inGroup }

// next delivers the rows up to the damage before it tells of it.
func (p *parquetRemains) next() (*Batch, error) {
	err := p.parquetReader.next(&p.b, max(p.ahead(), 1)) // the row at the damage tells what it is
	if err == nil || p.inGroup == 0 || p.wholeOf == p.group {
		return &p.b, err
	}
	p.whole, p.wholeOf = p.wholeRows(), p.group
	if p.ahead() == 0 || p.reach(p.at()) != nil {
		return &p.b, err
	}
	return &p.b, p.parquetReader.next(&p.b, p.ahead())
}

// ahead is how many rows the next read shall deliver: 0 at damage that is known.
func (p *parquetRemains) ahead() int {
	if p.inGroup == 0 || p.wholeOf != p.group {
		return chunkRows
	}
	at := p.at()
	for _, s := range p.whole {
		if s.From <= at && at < s.To {
			return min(chunkRows, s.To-at)
		}
	}
	return 0
}

// pass goes on with the next rows of the row group that are whole, or with the
// next row group. The kinds and times of the rows between tell what is gone, if
// they can be read.
func (p *parquetRemains) pass(error) (gap, bool) {
	if p.group < 0 || p.group >= len(p.foot.Groups) || p.inGroup == 0 {
		return gap{events: -1}, false
	}
	g := &p.foot.Groups[p.group]
	from, to := p.at(), int(g.Rows)
	for _, s := range p.whole {
		if s.From > from {
			to = s.From
			break
		}
	}
	if to < int(g.Rows) && p.reach(to) != nil {
		to = int(g.Rows)
	}
	lost := p.what(g, from, to)
	for _, c := range g.Chunks {
		p.passed += c.Size * int64(to-from) / max(g.Rows, 1)
	}
	p.inGroup -= to - from
	p.row += int64(to - from)
	return lost, true
}

// wholeRows finds the rows of the group that are in whole pages in every column.
func (p *parquetRemains) wholeRows() []parquet.Span {
	rows := []parquet.Span{{From: 0, To: int(p.foot.Groups[p.group].Rows)}}
	for _, c := range p.chunks {
		c.reset(p.parquetReader)
		rows = common(rows, c.whole())
	}
	return rows
}

// common returns what two lists of spans, both in order, have in common.
func common(a, b []parquet.Span) (both []parquet.Span) {
	for len(a) > 0 && len(b) > 0 {
		if s := (parquet.Span{From: max(a[0].From, b[0].From), To: min(a[0].To, b[0].To)}); s.From < s.To {
			both = append(both, s)
		}
		if a[0].To < b[0].To {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// reach makes row at of the group the next of every column.
func (p *parquetRemains) reach(at int) error {
	for _, c := range p.chunks {
		c.reset(p.parquetReader)
		if err := c.skip(at); err != nil {
			return err
		}
	}
	return nil
}

// what tells what is known of rows from…to of the group.
func (p *parquetRemains) what(g *parquet.Group, from, to int) gap {
	lost := gap{events: int64(to - from)}
	if b, ok := p.again(ColKind, from, to); ok {
		for _, k := range b.Kind {
			switch k {
			case Enter:
				lost.enters++
			case Exit:
				lost.exits++
			}
		}
	}
	if b, ok := p.again(ColTS, from, to); ok {
		lost.first, lost.last = b.TS[0], b.TS[to-from-1]
	} else if first, last, ok := p.span(g); ok {
		lost.first, lost.last = first, last
	}
	return lost
}

// again reads rows from…to of one column of the current row group.
func (p *parquetRemains) again(col Columns, from, to int) (*Batch, bool) {
	chunk, err := p.chunk(col.pos())
	if err != nil {
		return nil, false
	}
	b := &Batch{Symbols: p.names}
	chunk.reset(p.parquetReader)
	return b, chunk.skip(from) == nil && chunk.read(b, to-from) == nil
}

func (p *parquetRemains) close() {}

func (p *parquetRemains) end() (*Meta, bool) { return p.meta, !p.scanned }

func (p *parquetRemains) useless() int64 {
	if p.scanned {
		return p.passed + p.size - p.foot.Start
	}
	return p.passed
}
