package index

import "systape/replay"

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
	Cells   []byte        // see [Part.Subset]
	NCells  int
	Calls   int64 // in all cells
	Threads int   // that keep their ids
	Others  int   // that do not
}

// Subset is [Part.Subset] of a selection of one index, however large it becomes.
func (x *Index) Subset(s Selection, d Detail) *Subset { return Shares{x}.Part(s).Subset(d, nil) }

// Subset returns the calls of the part with the given detail, or nil as soon as
// fits says that so many groups and bytes of cells are too many; nil takes all.
// Cells are unsigned varints. For each group: the number of its tiles; for each
// tile: how many tiles it lies behind the one before (the first: behind -1), less
// 1, and the number of its cells; for each cell: how many buckets it lies behind
// the one before, as tiles do, the number of its calls, the sum of their durations
// less that of the bucket's shortest, and from two calls on the shortest duration
// less the bucket's shortest, from three on the longest likewise.
func (p *Part) Subset(d Detail, fits func(groups, bytes int) bool) *Subset {
	if fits != nil && !fits(p.fewest(d.Threads), 0) {
		return nil
	}
	out := &Subset{Detail: d}
	var shift uint
	for p.to > p.from && int((p.to-1)>>shift)-int(p.from>>shift) >= d.Tiles {
		shift++
	}
	out.FromNS = p.originNS + int64(p.from>>shift)<<(p.shift+shift)
	out.TileNS = 1 << (p.shift + shift)
	if p.to > p.from {
		out.Tiles = int((p.to-1)>>shift) - int(p.from>>shift) + 1
	}
	keys, sources := p.merged(d.Threads, out)
	groups, ok := out.cut(sources, cutting{p.from >> shift, p.shift + shift}, func(bytes int) bool { return fits == nil || fits(len(keys), bytes) })
	if !ok {
		return nil
	}
	for i, g := range groups {
		out.Groups = append(out.Groups, keys[i].call())
		out.Cells = append(out.Cells, g.cells...)
		out.NCells, out.Calls = out.NCells+g.number, out.Calls+g.calls
	}
	return out
}

// merged puts those groups together that differ only in threads that lose their
// ids.
func (p *Part) merged(threads int, out *Subset) (keys []key, sources [][]source) {
	out.Threads = min(p.threads, threads)
	out.Others = p.threads - out.Threads
	number, others := map[key]int{}, make([]int, len(p.others)) // others: one more
	for _, from := range p.groups {
		k, n, ok := from.g.key, 0, false
		if from.place < threads {
			n, ok = number[k]
		} else if n = others[from.other] - 1; n >= 0 {
			ok = true
		}
		if !ok {
			n = len(keys)
			if from.place < threads {
				number[k] = n
			} else {
				k, others[from.other] = p.others[from.other], n+1
			}
			keys, sources = append(keys, k), append(sources, nil)
		}
		sources[n] = append(sources[n], from)
	}
	return keys, sources
}
