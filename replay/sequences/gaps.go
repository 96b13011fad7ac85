package sequences

import (
	"slices"
	"sort"

	"systape/format"
)

// maxGaps bounds the memory for dated losses: beyond it the shortest
// stretches between two losses are counted as lost too, which cuts more than
// needed but joins nothing that may not belong together.
const maxGaps = 1 << 16

// gaps are the times in which enters, or events about threads, may be
// missing: disjoint spans in the order of time.
type gaps struct{ spans []gap }

type gap struct{ first, last int64 }

// addRow adds the loss of row i. A loss of exits alone leaves the order of
// enters whole.
func (g *gaps) addRow(b *format.Batch, i int) {
	arg := func(k int) int64 {
		if i < len(b.Args[k]) {
			return b.Args[k][i]
		}
		return 0
	}
	count, exits := arg(format.LostCount), arg(format.LostExits)
	if count > 0 && exits == count {
		return
	}
	first, last := arg(format.LostFirst), arg(format.LostLast)
	if first == 0 {
		first = b.TS[i]
	}
	g.add(first, max(first, last))
}

func (g *gaps) add(first, last int64) {
	if n := len(g.spans); n > 0 && first <= g.spans[n-1].last {
		g.spans[n-1].last = max(g.spans[n-1].last, last)
		g.spans[n-1].first = min(g.spans[n-1].first, first)
		for n > 1 && g.spans[n-1].first <= g.spans[n-2].last { // a row out of order
			g.spans[n-2].last = max(g.spans[n-1].last, g.spans[n-2].last)
			g.spans[n-2].first = min(g.spans[n-1].first, g.spans[n-2].first)
			n--
			g.spans = g.spans[:n]
		}
		return
	}
	g.spans = append(g.spans, gap{first, last})
	if len(g.spans) > maxGaps {
		g.coarsen()
	}
}

// coarsen joins the spans that lie nearest to each other until half are left.
func (g *gaps) coarsen() {
	n := len(g.spans)
	between := make([]int64, n-1)
	for i := range between {
		between[i] = g.spans[i+1].first - g.spans[i].last
	}
	slices.Sort(between)
	limit := between[n/2]
	out := g.spans[:1]
	for _, s := range g.spans[1:] {
		if l := &out[len(out)-1]; s.first-l.last <= limit {
			l.last = s.last
		} else {
			out = append(out, s)
		}
	}
	g.spans = out
}

// between reports whether a loss touches the time from a to b.
func (g *gaps) between(a, b int64) bool {
	n := len(g.spans)
	if n == 0 || g.spans[n-1].last < a {
		return false
	}
	i := sort.Search(n, func(i int) bool { return g.spans[i].last >= a })
	return g.spans[i].first <= b
}
