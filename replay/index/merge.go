package index

// Merge adds what another index of the same symbols and origin holds, which must
// have been settled and stays as it is. Tiles become as long as those of the
// coarser of the two, and longer where memory asks for it.
func (x *Index) Merge(o *Index) {
	for x.shift < o.shift {
		x.double()
	}
	up := x.shift - o.shift
	x.tiles = max(x.tiles, uint32((uint64(o.tiles)+1<<up-1)>>up))
	for _, g := range o.groups {
		n, folded := x.number(g.key)
		if folded && g.key.tid != 0 {
			x.folded += g.calls()
		}
		to := x.groups[n]
		x.flush(to) // its tile is another's
		short, long, cells := uint32(len(to.short)), uint32(len(to.long)), uint32(len(to.cells))
		shorter := uint32(x.shift - o.shift)
		for _, e := range g.entries {
			e.tile >>= shorter
			switch e.kind {
			case inShort:
				e.off += short
			case inLong:
				e.off += long
			case inCells:
				e.off += cells
			}
			to.entries = append(to.entries, e)
		}
		to.short, to.long, to.cells = append(to.short, g.short...), append(to.long, g.long...), append(to.cells, g.cells...)
		x.mem += int64(entryMem*len(g.entries) + 4*len(g.short) + 8*len(g.long) + cellMem*len(g.cells))
		if x.mem > x.opt.MaxBytes && x.tiles > 1 {
			x.shrink()
		}
	}
	x.calls += o.calls
	x.folded += o.folded
}

// Take is Merge of an index that is of no use afterwards: its memory is given
// back group by group.
func (x *Index) Take(o *Index) {
	groups := o.groups
	calls, folded := o.calls, o.folded
	o.calls, o.folded = 0, 0
	for i := range groups {
		o.groups = groups[i : i+1]
		x.Merge(o)
		groups[i] = nil
	}
	x.calls, x.folded = x.calls+calls, x.folded+folded
}

// calls returns how many calls a group has that was settled.
func (g *group) calls() (n int64) {
	for i := range g.cells {
		n += int64(g.cells[i].N)
	}
	return n + int64(len(g.short)+len(g.long))
}
