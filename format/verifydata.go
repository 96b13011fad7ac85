package format

import (
	"context"
	"errors"
	"fmt"
	"io"

	"systape/format/internal/parquet"
)

// checkData reads all data of a part, and goes on after damage.
func (v *verifier) checkData(ctx context.Context, p *part, names *SymbolTable, rows *rowCheck) error {
	before := v.rows
	var err error
	if p.pq != nil {
		err = v.checkGroups(ctx, p, names, rows)
	} else {
		err = v.checkMessages(ctx, p, names, rows)
	}
	if want := p.meta.Part.Rows; err == nil && want >= 0 && v.outcome[RuleRows].skip == "" && v.rows-before != want {
		v.fail(RuleRows, "%s: %d rows, the metadata says %d", p.name, v.rows-before, want)
	}
	return err
}

// checkGroups reads a Parquet file, row group by row group. A column that is
// damaged ends for its row group; the others go on.
func (v *verifier) checkGroups(ctx context.Context, p *part, names *SymbolTable, rows *rowCheck) error {
	f := p.pq
	if err := f.choose(0, names); err != nil {
		return err
	}
	for pos := range f.chunks {
		chunk, err := f.chunk(pos)
		if err != nil {
			v.broken(err)
			v.skip("columns are missing", RuleKinds)
			continue
		}
		f.chunks[pos] = chunk
	}
	var b Batch
	for f.group = range f.foot.Groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		g := &f.foot.Groups[f.group]
		if g.Rows == 0 {
			continue
		}
		stats := statsOf(f, g)
		alive := make([]bool, len(f.chunks))
		for pos, c := range f.chunks {
			if alive[pos] = c != nil; alive[pos] {
				c.reset(f)
			}
		}
		for left := int(g.Rows); left > 0; {
			n := min(left, chunkRows)
			left -= n
			b.Reset()
			b.Symbols = names
			for pos, c := range f.chunks {
				if !alive[pos] {
					continue
				}
				err := c.read(&b, n)
				if err == nil && left == 0 {
					err = c.end()
				}
				if err != nil {
					alive[pos] = false
					columns[pos].cut(&b, 0, 0)
					v.fail(RuleData, "%v", &CorruptError{File: p.name, Group: f.group, Row: rows.row, Column: columns[pos].Name, Err: err})
					v.skip(fmt.Sprintf("%s: row group %d is damaged", p.name, f.group), rulesOf(pos)...)
				}
			}
			stats.batch(&b, alive)
			rows.batch(p.name, &b, n)
			v.rows += int64(n)
		}
		stats.compare(v, p.name, f.group, alive)
	}
	v.checkSymbols(p.name, &f.decoding)
	return nil
}

// rulesOf returns the rules that go unchecked when the column at pos is
// damaged.
func rulesOf(pos int) []Rule {
	rules := []Rule{RuleKinds}
	switch c := columns[pos]; {
	case pos == ColSeq.pos():
		rules = append(rules, RuleSeq)
	case pos == ColTS.pos():
		rules = append(rules, RuleTime)
	case c.Type == String:
		rules = append(rules, RuleText)
	}
	if columns[pos].Stats {
		rules = append(rules, RuleStats)
	}
	return rules
}

// checkMessages reads a spool, message by message.
func (v *verifier) checkMessages(ctx context.Context, p *part, names *SymbolTable, rows *rowCheck) error {
	if _, err := p.open(AllColumns, names, 0, 0); err != nil {
		return err
	}
	s := p.sp
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := s.nextBatch()
		if err == nil {
			rows.batch(p.name, b, b.N)
			v.rows += int64(b.N)
			continue
		}
		if err == io.EOF {
			break
		}
		corrupt, ok := errors.AsType[*CorruptError](err)
		if inc, ok := errors.AsType[*IncompleteError](err); ok && inc.Recording {
			v.skip(inc.Error(), RuleComplete)
			break
		}
		if ok && corrupt.Rule == RuleRows {
			break // checkData will say so, if it is not known why rows are missing
		}
		torn := s.frames.N < p.size && p.file != nil && !ok
		if !torn {
			v.broken(err)
		}
		if !torn && !ok || p.file == nil || ok && corrupt.Rule != RuleData {
			break
		}
		at := s.frames.N
		passed, more := s.resync(p.file, p.size, err)
		switch {
		case torn && !more:
			v.broken(err) // nothing follows: it was cut off
		case torn:
			v.fail(RuleData, "%s: no whole message at byte %d", p.name, at)
		}
		if torn && !more {
			break
		}
		v.skip(fmt.Sprintf("%s: %d bytes at %d are damaged", p.name, passed, at), ofRows...)
		rows.missed(-1)
		if !more {
			v.skip("the end of the spool is damaged", RuleComplete)
			break
		}
	}
	p.meta, p.whole = s.meta, s.whole
	if s.ended != nil {
		p.meta = s.ended
	}
	v.checkSymbols(p.name, &s.decoding)
	return nil
}

// checkSymbols tells of words that were no UTF-8.
func (v *verifier) checkSymbols(file string, d *decoding) {
	for pos, c := range d.caches {
		if c != nil && c.invalid > 0 {
			v.fail(RuleText, "%s: column %s: %d words are not UTF-8", file, columns[pos].Name, c.invalid)
		}
	}
}

// groupStats compares the statistics that readers skip row groups by with the
// values of the rows.
type groupStats struct {
	chunks [len(columns)]*parquet.Chunk // those with statistics
	lo, hi [len(columns)]int64
	unit   int64 // ns in a unit of the statistics of ts_ns
	seen   bool
}

func statsOf(f *parquetReader, g *parquet.Group) *groupStats {
	s := &groupStats{unit: 1}
	if _, node, err := f.leaf(ColTS.pos()); err == nil && !f.ours() {
		s.unit = max(node.Unit, 1)
	}
	for pos, c := range columnsOf(f.version) {
		if f.chunks[pos] != nil && c.Type != String {
			if chunk := &g.Chunks[f.leaves[pos]]; chunk.HasMin || chunk.HasMax {
				s.chunks[pos] = chunk
			}
		}
	}
	return s
}

// batch takes in the values of a batch.
func (s *groupStats) batch(b *Batch, alive []bool) {
	for pos, c := range s.chunks {
		if c == nil || !alive[pos] {
			continue
		}
		v := columns[pos].values(b)
		widen(v.Int64, &s.lo[pos], &s.hi[pos], !s.seen)
		widen(v.Int32, &s.lo[pos], &s.hi[pos], !s.seen)
	}
	s.seen = true
}

func widen[T int32 | int64](rows []T, lo, hi *int64, first bool) {
	for i, x := range rows {
		if first && i == 0 {
			*lo, *hi = int64(x), int64(x)
		}
		*lo, *hi = min(*lo, int64(x)), max(*hi, int64(x))
	}
}

func (s *groupStats) compare(v *verifier, file string, group int, alive []bool) {
	for pos, c := range s.chunks {
		unit := int64(1)
		if pos == ColTS.pos() {
			unit = s.unit
		}
		if c != nil && alive[pos] && s.seen && (c.HasMin && c.Min*unit != s.lo[pos] || c.HasMax && c.Max*unit != s.hi[pos]) {
			v.fail(RuleStats, "%s: row group %d, column %s: from %d to %d, the statistics say %d to %d",
				file, group, columns[pos].Name, s.lo[pos], s.hi[pos], c.Min, c.Max)
		}
	}
}
