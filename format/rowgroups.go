package format

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
)

// RowGroups are the row groups of a whole capture in Parquet files, in the order
// of their rows, for those who read several at once.
type RowGroups struct {
	places []groupPlace
	cols   Columns
	names  *SymbolTable
	gaps   bool // seq need not rise by one
}

type groupPlace struct {
	part  *part
	group int
}

// RowGroups returns the row groups of the capture, which stay readable until the
// reader is closed. It returns nil where row groups cannot be told apart or are
// not all that the reader would give: of spools, of captures that are not
// whole, and when the reader was to read less than all rows.
func (r *Reader) RowGroups() *RowGroups {
	if r.opt.From != 0 || r.opt.To != 0 || r.opt.Kinds != nil || wholenessOfFiles(r.parts) != io.EOF {
		return nil
	}
	g := &RowGroups{cols: r.opt.Columns, names: r.names, gaps: selected(r.parts)}
	for i, p := range r.parts {
		if i > 0 && (p.pq.foot.Rows == 0 || r.parts[i-1].pq.foot.Rows == 0 || r.parts[i-1].meta.Part.Last) {
			return nil // the reader knows what to say of that
		}
		for k := range p.pq.foot.Groups {
			if p.pq.foot.Groups[k].Rows > 0 {
				g.places = append(g.places, groupPlace{p, k})
			}
		}
	}
	return g
}

// wholenessOfFiles is [wholeness], and an error where there are others than
// Parquet files.
func wholenessOfFiles(parts []*part) error {
	for _, p := range parts {
		if p.pq == nil {
			return errors.New("a spool")
		}
	}
	return wholeness(parts)
}

// Len returns how many row groups there are.
func (g *RowGroups) Len() int { return len(g.places) }

// Times returns the capture times of the first and the last row of group i, as
// its statistics have them; ok is false when they do not.
func (g *RowGroups) Times(i int) (first, last int64, ok bool) {
	p := g.places[i].part.pq
	return p.span(&p.foot.Groups[g.places[i].group])
}

// GroupReader reads row groups, one at a time. It is for one goroutine; any
// number of them may read at once.
type GroupReader struct {
	groups  *RowGroups
	part    *part
	file    *parquetReader
	order   order // of what was read of the group
	firstTS int64
}

// RowSpan is the first and the last row of a run of rows.
type RowSpan struct {
	Rows              int64
	FirstSeq, LastSeq int64
	FirstTS, LastTS   int64
}

// Reader returns a reader for one goroutine.
func (g *RowGroups) Reader() *GroupReader { return &GroupReader{groups: g} }

// Open goes to group i.
func (r *GroupReader) Open(i int) error {
	at := r.groups.places[i]
	if r.part != at.part {
		pq := at.part.pq
		file := &parquetReader{decoding: decoding{version: pq.meta.Version}, name: pq.name, file: pq.file, foot: pq.foot, meta: pq.meta,
			lo: math.MinInt64, hi: math.MaxInt64, stranger: pq.stranger}
		if err := file.choose(r.groups.cols|ColTS|ColSeq, r.groups.names); err != nil {
			return err
		}
		r.part, r.file = at.part, file
	}
	r.file.group, r.file.inGroup = at.group-1, 0
	r.order = order{gaps: r.groups.gaps}
	return r.file.nextGroup()
}

// Next fills b with the next rows of the group, at most n, as [Reader.Next]
// does, and returns io.EOF behind the last one. Within the group it checks what
// that does; whether a group continues the one before says [RowGroups.Continues].
func (r *GroupReader) Next(b *Batch, n int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
	}()
	if r.file.inGroup == 0 {
		b.Reset()
		return io.EOF
	}
	if err := r.file.next(b, n); err != nil {
		return err
	}
	if r.order.rows == 0 {
		r.firstTS = b.TS[0]
	}
	r.order, err = r.order.follow(b)
	return err
}

// Rows returns the first and the last row of what was read of the group.
func (r *GroupReader) Rows() RowSpan {
	return RowSpan{Rows: r.order.rows, FirstSeq: r.order.first, LastSeq: r.order.last, FirstTS: r.firstTS, LastTS: r.order.ts}
}

// Continues reports whether the rows of group i, which are this, continue those
// of the group before, before, as the rows of a capture do.
func (g *RowGroups) Continues(i int, this, before RowSpan) bool {
	at := g.places[i]
	first := i == 0 || g.places[i-1].part != at.part
	if want := at.part.meta.Part.FirstSeq; first && (this.FirstSeq < want || this.FirstSeq > want && !g.gaps) {
		return false
	}
	return i == 0 || this.FirstTS >= before.LastTS && (this.FirstSeq == before.LastSeq+1 || g.gaps && this.FirstSeq > before.LastSeq)
}
