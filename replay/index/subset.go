package index

import (
	"cmp"
	"encoding/binary"
	"slices"

	"systape/replay"
	"systape/replay/latency"
)

// Detail says how fine a [Subset] is.
type Detail struct {
	Tiles   int  // of time, at most
	Threads int  // with the most calls that keep their ids, at most
	Shift   uint // 1<<Shift buckets of [latency.Bucket] are one; 0: all figures stay exact
}

// Details are from fine to coarse: what gives way first is how finely time can
// be cut, then the threads that did least, then how exactly latency is known.
func Details() []Detail {
	return []Detail{
		{512, 4096, 0}, {256, 1024, 0}, {128, 256, 0}, {128, 64, 0}, {64, 64, 0}, {64, 24, 0}, {64, 24, 2}, {64, 12, 3},
		{32, 6, 3}, {32, 0, 4}, {16, 0, 5}, {8, 0, 6}, {1, 0, 6},
	}
}

// Subset is as much of an index as fits into a page.
type Subset struct {
	Detail
	FromNS  int64         // when the first tile begins
	TileNS  int64         // length of a tile
	Tiles   int           // that there are
	Groups  []replay.Call // each a call that has all that its group's calls share; without ids: other threads
	Cells   []byte        // see [Index.Subset]
	NCells  int
	Calls   int64 // in all cells
	Threads int   // that keep their ids
	Others  int   // that do not
}

// Subset returns the calls of a selection with the given detail. Cells are
// unsigned varints. For each group: the number of its tiles; for each tile: how
// many tiles it lies behind the one before (the first: behind -1), less 1, and
// the number of its cells; for each cell: how many buckets it lies behind the
// one before, as tiles do, the number of its calls, the sum of their durations
// less that of the bucket's shortest, and from two calls on the shortest
// duration less the bucket's shortest, from three on the longest likewise.
func (x *Index) Subset(s Selection, d Detail) *Subset {
	s = x.Snap(s)
	b := x.bounds(s)
	out := &Subset{Detail: d}
	var shift uint
	for b.to > b.from && int((b.to-1)>>shift)-int(b.from>>shift) >= d.Tiles {
		shift++
	}
	out.FromNS = x.opt.OriginNS + int64(b.from>>shift)<<(x.shift+shift)
	out.TileNS = 1 << (x.shift + shift)
	if b.to > b.from {
		out.Tiles = int((b.to-1)>>shift) - int(b.from>>shift) + 1
	}
	keys, sources := x.merged(s, b, d.Threads, out)
	var c cutter
	for i, k := range keys {
		n := c.cells(out, sources[i], b, shift)
		if n == 0 {
			continue
		}
		call := k.call()
		out.Groups = append(out.Groups, call)
	}
	return out
}

// merged chooses the groups, and puts those together that differ only in
// threads that lose their ids.
func (x *Index) merged(s Selection, b bounds, threads int, out *Subset) (keys []key, sources [][]*group) {
	type thread struct{ pid, tid int32 }
	calls := map[thread]int64{}
	filter := *s.Filter
	filter.From, filter.To, filter.MinDuration = 0, 0, 0
	var chosen []*group
	for _, g := range x.groups {
		c := g.key.call()
		if !filter.Empty() && !filter.Match(&c, x.opt.Symbols) {
			continue
		}
		n := int64(0)
		for i := range g.entries {
			if e := &g.entries[i]; e.tile >= b.from && e.tile < b.to {
				calls, _ := g.sum(e, b.low, b.high)
				n += calls
			}
		}
		if n > 0 {
			chosen = append(chosen, g)
			calls[thread{g.key.pid, g.key.tid}] += n
		}
	}
	order := make([]thread, 0, len(calls))
	for t := range calls {
		order = append(order, t)
	}
	slices.SortFunc(order, func(a, b thread) int {
		return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a.pid, b.pid), cmp.Compare(a.tid, b.tid))
	})
	kept := map[thread]bool{}
	for _, t := range order[:min(len(order), threads)] {
		kept[t] = true
	}
	out.Threads, out.Others = len(kept), len(order)-len(kept)
	number := map[key]int{}
	for _, g := range chosen {
		k := g.key
		if !kept[thread{k.pid, k.tid}] {
			k.pid, k.tid = 0, 0
		}
		n, ok := number[k]
		if !ok {
			n = len(keys)
			number[k] = n
			keys, sources = append(keys, k), append(sources, nil)
		}
		sources[n] = append(sources[n], g)
	}
	return keys, sources
}

// cutter makes the cells of a subset.
type cutter struct {
	scratch scratch
	refs    []ref
	one     []byte
}

// ref is an entry of a group.
type ref struct {
	tile uint32
	g    *group
	e    *entry
}

// cells appends the cells of one group, and returns how many calls are in them.
func (c *cutter) cells(out *Subset, groups []*group, b bounds, shift uint) (calls int64) {
	c.refs = c.refs[:0]
	for _, g := range groups {
		for i := range g.entries {
			if e := &g.entries[i]; e.tile >= b.from && e.tile < b.to {
				c.refs = append(c.refs, ref{e.tile>>shift - b.from>>shift, g, e})
			}
		}
	}
	slices.SortStableFunc(c.refs, func(a, b ref) int { return cmp.Compare(a.tile, b.tile) })
	c.one = c.one[:0]
	tiles, last := 0, -1
	for i := 0; i < len(c.refs); {
		tile := c.refs[i].tile
		for ; i < len(c.refs) && c.refs[i].tile == tile; i++ {
			c.scratch.takeEntry(c.refs[i].g, c.refs[i].e, b, out.Shift)
		}
		if len(c.scratch.used) == 0 {
			continue
		}
		tiles++
		c.one = binary.AppendUvarint(c.one, uint64(int(tile)-last-1))
		last = int(tile)
		calls += c.scratch.append(&c.one, out)
	}
	if tiles > 0 {
		out.Cells = binary.AppendUvarint(out.Cells, uint64(tiles))
		out.Cells = append(out.Cells, c.one...)
		out.Calls += calls
	}
	return calls
}

// takeEntry gathers those durations of an entry that lie between the bounds.
func (s *scratch) takeEntry(g *group, e *entry, b bounds, shift uint) {
	one := func(d int64) {
		if d < b.low || d > b.high {
			return
		}
		at := s.at(latency.Bucket(d) >> shift)
		at.n++
		at.sum += uint64(d)
		at.min, at.max = min(at.min, d), max(at.max, d)
	}
	switch e.kind {
	case inShort:
		for _, d := range g.short[e.off:][:e.n] {
			one(int64(d))
		}
	case inLong:
		for _, d := range g.long[e.off:][:e.n] {
			one(d)
		}
	case inCells:
		for i := range g.cells[e.off:][:e.n] {
			c := &g.cells[int(e.off)+i]
			low, _ := latency.BucketRange(int(c.Bucket))
			if low < b.low || low > b.high {
				continue
			}
			at := s.at(int(c.Bucket) >> shift)
			at.n += uint64(c.N)
			at.sum += uint64(c.SumNS)
			at.min, at.max = min(at.min, low+int64(c.Min)), max(at.max, low+int64(c.Max))
		}
	}
}

// append writes what was gathered as the cells of one tile.
func (s *scratch) append(to *[]byte, out *Subset) (calls int64) {
	slices.Sort(s.used)
	dst := binary.AppendUvarint(*to, uint64(len(s.used)))
	last := -1
	for _, b := range s.used {
		c := &s.sum[b]
		low, _ := latency.BucketRange(int(b) << out.Shift)
		dst = binary.AppendUvarint(dst, uint64(int(b)-last-1))
		last = int(b)
		dst = binary.AppendUvarint(dst, c.n)
		dst = binary.AppendUvarint(dst, c.sum-c.n*uint64(low))
		if c.n > 1 {
			dst = binary.AppendUvarint(dst, uint64(c.min-low))
		}
		if c.n > 2 {
			dst = binary.AppendUvarint(dst, uint64(c.max-low))
		}
		calls += int64(c.n)
	}
	out.NCells += len(s.used)
	s.reset()
	*to = dst
	return calls
}
