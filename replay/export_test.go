package replay

import "systape/format"

// PairGroups pairs batches, which follow each other, as a shared pass pairs row groups, rows
// at a time, and returns the calls in no order. own counts those that were
// paired without knowing what came before.
func PairGroups(opt PairOptions, groups []*format.Batch, rows int) (calls []Call, cov Coverage, own int64, err error) {
	var lossy lossSpans
	for _, g := range groups {
		lossy.rows(g)
	}
	p, s := NewPairer(opt), newShard()
	var loose, b format.Batch
	for _, g := range groups {
		s.begin(lossy.sorted())
		for from := 0; from < g.N; from += rows {
			b.Reset()
			b.AppendRows(g, from, min(from+rows, g.N))
			calls = append(calls, s.push(&b)...)
		}
		span := format.RowSpan{Rows: int64(g.N), FirstSeq: g.Seq[0], LastSeq: g.Seq[g.N-1], FirstTS: g.TS[0], LastTS: g.TS[g.N-1]}
		looseBatch(&loose, s.end(span), s.has, g.Symbols)
		if calls, err = p.Push(&loose, calls); err != nil {
			return nil, cov, own, err
		}
		own += s.p.cov.ByStatus[OK]
		p.skip(&groupRest{rows: span, own: s.p.cov})
	}
	calls = p.Finish(calls)
	return calls, p.Coverage(), own, nil
}
