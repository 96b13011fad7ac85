package index

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Shares are indexes of the same symbols and origin that hold calls of one
// capture, each others. What is asked of them must have been settled, and must
// not take calls meanwhile.
type Shares []*Index

// Calls returns how many calls were counted.
func (s Shares) Calls() (n int64) {
	for _, x := range s {
		n += x.calls
	}
	return n
}

// Folded is [Index.Folded] of all.
func (s Shares) Folded() (n int64) {
	for _, x := range s {
		n += x.folded
	}
	return n
}

// Span returns when the first tile begins and the last one ends.
func (s Shares) Span() (from, to int64) {
	from, to = s[0].Span()
	for _, x := range s[1:] {
		_, end := x.Span()
		to = max(to, end)
	}
	return from, to
}

// Part is a selection of the calls of [Shares].
type Part struct {
	originNS int64
	shift    uint     // of the tiles of the coarsest share
	from, to uint32   // in them
	groups   []source // that have calls of the selection
	shares   int
	threads  int   // that made them
	upTo     []int // by place of a thread: how many groups the threads up to it have
	others   []key // without the ids of threads, those of all groups
}

type thread struct{ pid, tid int32 }

// source is a group of a share.
type source struct {
	g     *group
	x     *Index
	b     bounds // in tiles of x
	place int    // of its thread: the one with the most calls is 0
	other int    // the place of its key among the others
}

// Part looks up a selection, with its bounds moved outwards to those of the
// share with the longest tiles ([Index.Snap]).
func (s Shares) Part(sel Selection) *Part {
	coarsest := s[0]
	for _, x := range s[1:] {
		if x.shift > coarsest.shift {
			coarsest = x
		}
	}
	sel = coarsest.Snap(sel)
	p := &Part{originNS: coarsest.opt.OriginNS, shift: coarsest.shift}
	tiles := uint32(0)
	for _, x := range s {
		tiles = max(tiles, uint32((uint64(x.tiles)+1<<(p.shift-x.shift)-1)>>(p.shift-x.shift)))
	}
	all := boundsOf(sel, p.originNS, p.shift, tiles)
	p.from, p.to = all.from, all.to
	calls := map[thread]int64{}
	filter := *sel.Filter
	filter.From, filter.To, filter.MinDuration = 0, 0, 0
	for _, x := range s {
		b := x.bounds(sel)
		for _, g := range x.groups {
			if c := g.key.call(); !filter.Empty() && !filter.Match(&c, x.opt.Symbols) {
				continue
			}
			if n := g.count(b); n > 0 {
				p.groups = append(p.groups, source{g: g, x: x, b: b})
				calls[thread{g.key.pid, g.key.tid}] += n
			}
		}
	}
	threads := slices.SortedFunc(maps.Keys(calls), func(a, b thread) int {
		return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a.pid, b.pid), cmp.Compare(a.tid, b.tid))
	})
	p.shares, p.threads = len(s), len(threads)
	p.place(threads)
	return p
}

// place says of each group where its thread and its key without it stand.
func (p *Part) place(threads []thread) {
	places := make(map[thread]int, len(threads))
	for i, t := range threads {
		places[t] = i
	}
	p.upTo = make([]int, len(threads))
	others := map[key]int{}
	for i := range p.groups {
		s := &p.groups[i]
		k := s.g.key
		s.place = places[thread{k.pid, k.tid}]
		p.upTo[s.place]++
		k.pid, k.tid = 0, 0
		n, ok := others[k]
		if !ok {
			n = len(p.others)
			others[k] = n
			p.others = append(p.others, k)
		}
		s.other = n
	}
	for i := range p.upTo[min(1, len(p.upTo)):] {
		p.upTo[i+1] += p.upTo[i]
	}
}

// fewest returns how many groups a subset has at least whose threads are so many:
// a group may be in several shares.
func (p *Part) fewest(threads int) int {
	n := min(threads, len(p.upTo))
	if n == 0 {
		return 0
	}
	return p.upTo[n-1] / p.shares
}

// count returns how many durations of a group lie between bounds.
func (g *group) count(b bounds) (n int64) {
	for i := range g.entries {
		e := &g.entries[i]
		switch {
		case e.tile < b.from || e.tile >= b.to:
		case e.kind != inCells && b.low <= 0 && b.high == math.MaxInt64:
			n += int64(e.n)
		default:
			calls, _ := g.sum(e, b.low, b.high)
			n += calls
		}
	}
	return n
}
