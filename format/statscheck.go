package format

import "systape/format/internal/parquet"

// statsCheck compares the statistics that readers skip row groups by with the
// values of the rows.
type statsCheck struct {
	groups []statsGroup
	at     int
}

type statsGroup struct {
	file   string
	number int
	first  int64 // seq of its first row
	rows   int64
	chunks [len(columns)]*parquet.Chunk // those with statistics
	lo, hi [len(columns)]int64
	seen   int64
}

func newStatsCheck(parts []*part) *statsCheck {
	s := new(statsCheck)
	for _, p := range parts {
		if p.pq == nil {
			continue
		}
		seq := p.meta.Part.FirstSeq
		for i := range p.pq.foot.Groups {
			fg := &p.pq.foot.Groups[i]
			g := statsGroup{file: p.name, number: i, first: seq, rows: fg.Rows}
			for pos, c := range columns {
				if leaf, _, err := p.pq.leaf(pos); err == nil && c.Type != String {
					if chunk := &fg.Chunks[leaf]; chunk.HasMin || chunk.HasMax {
						g.chunks[pos] = chunk
					}
				}
			}
			s.groups = append(s.groups, g)
			seq += fg.Rows
		}
	}
	return s
}

// batch takes in the values of a batch. Batches never span two row groups.
func (s *statsCheck) batch(v *verifier, b *Batch) {
	if b.N == 0 {
		return
	}
	for s.at < len(s.groups) && b.Seq[0] >= s.groups[s.at].first+s.groups[s.at].rows {
		s.at++
	}
	if s.at == len(s.groups) || b.Seq[0] < s.groups[s.at].first {
		return // rows of a spool
	}
	g := &s.groups[s.at]
	for pos := range columns {
		if g.chunks[pos] == nil {
			continue
		}
		lo, hi := g.lo[pos], g.hi[pos]
		widen := func(x int64) { lo, hi = min(lo, x), max(hi, x) }
		if columns[pos].Type == Int64 {
			col := columns[pos].values(b).Int64
			if g.seen == 0 {
				lo, hi = col[0], col[0]
			}
			for _, x := range col {
				widen(x)
			}
		} else {
			col := columns[pos].values(b).Int32
			if g.seen == 0 {
				lo, hi = int64(col[0]), int64(col[0])
			}
			for _, x := range col {
				widen(int64(x))
			}
		}
		g.lo[pos], g.hi[pos] = lo, hi
	}
	if g.seen += int64(b.N); g.seen == g.rows {
		g.compare(v)
	}
}

func (g *statsGroup) compare(v *verifier) {
	for pos, c := range g.chunks {
		if c != nil && (c.HasMin && c.Min != g.lo[pos] || c.HasMax && c.Max != g.hi[pos]) {
			v.fail(ruleStats, "%s: row group %d, column %s: from %d to %d, the statistics say %d to %d",
				g.file, g.number, columns[pos].Name, g.lo[pos], g.hi[pos], c.Min, c.Max)
		}
	}
}

// end is told that no more rows come.
func (s *statsCheck) end(v *verifier) {
	for i := range s.groups {
		if g := &s.groups[i]; g.seen != g.rows && v.failed[ruleData]+v.failed[ruleSeq]+v.failed[ruleTime] == 0 {
			v.fail(ruleRows, "%s: row group %d: %d rows, the footer says %d", g.file, g.number, g.seen, g.rows)
		}
	}
}
