package sequences

import (
	"cmp"
	"slices"
	"sort"

	"systape/format"
	"systape/replay"
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
	first := arg(format.LostFirst)
	if first == 0 || first > b.TS[i] {
		first = b.TS[i]
	}
	g.addLoss(replay.Loss{First: first, Last: max(first, arg(format.LostLast)), Events: arg(format.LostCount), Exits: arg(format.LostExits)})
}

func (g *gaps) addLoss(l replay.Loss) {
	if l.Events > 0 && l.Exits == l.Events {
		return
	}
	g.add(l.First, l.Last)
}

// init adds the losses that rows will tell of too late.
func (g *gaps) init(late []replay.Loss) {
	late = slices.Clone(late)
	slices.SortFunc(late, func(a, b replay.Loss) int { return cmp.Compare(a.First, b.First) })
	for _, l := range late {
		g.addLoss(l)
	}
}

func (g *gaps) add(first, last int64) {
	// The spans from i to j touch the new one. It is mostly at the end.
	i := sort.Search(len(g.spans), func(i int) bool { return g.spans[i].last >= first })
	j := i
	for ; j < len(g.spans) && g.spans[j].first <= last; j++ {
		first, last = min(first, g.spans[j].first), max(last, g.spans[j].last)
	}
	g.spans = slices.Replace(g.spans, i, j, gap{first, last})
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
