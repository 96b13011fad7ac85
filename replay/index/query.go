package index

import (
	"cmp"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"

	"systape/replay"
	"systape/replay/latency"
)

// Selection is the part of the calls that is asked about.
type Selection struct {
	// Filter chooses calls by who made them, which they were, when they began
	// and how they ended; its MinDuration is the lower bound of the latency.
	// Files and statuses are not known here. nil chooses all.
	Filter *replay.Filter
	// MaxNS bounds the latency: calls took less; 0: no bound.
	MaxNS int64
}

// Snap returns the selection with its bounds moved outwards to where the index
// can tell calls apart: time to tiles, latency to buckets. An end that is open
// stays open.
func (x *Index) Snap(s Selection) Selection {
	var f replay.Filter
	if s.Filter != nil {
		f = *s.Filter
	}
	if f.From != 0 {
		f.From = x.opt.OriginNS + (max(f.From-x.opt.OriginNS, 0)>>x.shift)<<x.shift
	}
	if f.To != 0 {
		mask := int64(1)<<x.shift - 1
		f.To = x.opt.OriginNS + (max(f.To-x.opt.OriginNS, 0)+mask)&^mask
	}
	if f.MinDuration > 0 {
		f.MinDuration, _ = latency.BucketRange(latency.Bucket(f.MinDuration))
	}
	if s.MaxNS > 0 {
		if low, width := latency.BucketRange(latency.Bucket(s.MaxNS)); low < s.MaxNS {
			s.MaxNS = low + min(width, math.MaxInt64-low)
		}
	}
	s.Filter = &f
	return s
}

// bounds are those of a snapped selection, in tiles and ns.
type bounds struct {
	from, to uint32
	low      int64
	high     int64 // included
}

func (x *Index) bounds(s Selection) bounds { return boundsOf(s, x.opt.OriginNS, x.shift, x.tiles) }

func boundsOf(s Selection, originNS int64, shift uint, tiles uint32) bounds {
	f := s.Filter
	b := bounds{to: tiles, low: f.MinDuration, high: math.MaxInt64}
	if f.From != 0 && f.From > originNS {
		b.from = uint32(min((f.From-originNS)>>shift, int64(tiles)))
	}
	if f.To != 0 {
		b.to = uint32(min(max(f.To-originNS, 0)>>shift, int64(tiles)))
	}
	if s.MaxNS > 0 {
		b.high = s.MaxNS - 1
	}
	return b
}

// chosen calls fn for every group that a selection chooses, from several
// goroutines, each with the number of its own.
func (x *Index) chosen(s Selection, workers int, fn func(worker int, g *group, c *replay.Call)) {
	filter := *s.Filter
	filter.From, filter.To, filter.MinDuration = 0, 0, 0
	var groups []*group
	for _, g := range x.groups {
		if c := g.key.call(); filter.Empty() || filter.Match(&c, x.opt.Symbols) {
			groups = append(groups, g)
		}
	}
	var wait sync.WaitGroup
	next := make(chan *group, 64)
	for w := range workers {
		wait.Go(func() {
			for g := range next {
				c := g.key.call()
				fn(w, g, &c)
			}
		})
	}
	for _, g := range groups {
		next <- g
	}
	close(next)
	wait.Wait()
}

// Table returns the figures of the calls of a selection, grouped as by says:
// what [latency.Table] holds after it was given the same calls one by one.
func (x *Index) Table(s Selection, opt latency.Options) *latency.Table {
	s = x.Snap(s)
	b := x.bounds(s)
	opt.Symbols = x.opt.Symbols
	t := latency.NewTable(opt)
	of := make([]latency.Histogram, len(x.groups))
	x.chosen(s, runtime.GOMAXPROCS(0), func(_ int, g *group, c *replay.Call) {
		h := &of[g.number]
		for i := range g.entries {
			if e := &g.entries[i]; e.tile >= b.from && e.tile < b.to {
				g.record(e, h, b.low, b.high)
			}
		}
	})
	for i, g := range x.groups { // in their order, so that the same is answered each time
		c := g.key.call()
		t.AddGroup(&c, &of[i])
	}
	return t
}

// record counts those durations of an entry that lie between the bounds.
func (g *group) record(e *entry, h *latency.Histogram, low, high int64) {
	switch e.kind {
	case inShort:
		for _, d := range g.short[e.off:][:e.n] {
			if d := int64(d); d >= low && d <= high {
				h.Record(d)
			}
		}
	case inLong:
		for _, d := range g.long[e.off:][:e.n] {
			if d >= low && d <= high {
				h.Record(d)
			}
		}
	case inCells:
		for i := range g.cells[e.off:][:e.n] {
			c := &g.cells[int(e.off)+i]
			if from, _ := latency.BucketRange(int(c.Bucket)); from >= low && from <= high {
				h.AddBucket(int(c.Bucket), uint64(c.N), c.SumNS, from+int64(c.Min), from+int64(c.Max))
			}
		}
	}
}

// Column is what happened in one stretch of time.
type Column struct {
	Calls, Errors int64 // that began in it
	NS            int64 // how long they took in all
}

// Over cuts a selection's time into at most n stretches of whole tiles and says
// how many of its calls began in each. columnNS is the length of one.
func (x *Index) Over(s Selection, n int) (columns []Column, fromNS, columnNS int64) {
	s = x.Snap(s)
	b := x.bounds(s)
	tiles := max(1, (int(b.to)-int(b.from)+n-1)/max(n, 1))
	fromNS, columnNS = x.opt.OriginNS+int64(b.from)<<x.shift, int64(tiles)<<x.shift
	if b.to <= b.from {
		return nil, fromNS, columnNS
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]Column, workers)
	for w := range parts {
		parts[w] = make([]Column, (int(b.to-b.from)+tiles-1)/tiles)
	}
	x.chosen(s, workers, func(w int, g *group, c *replay.Call) {
		failed := c.Errno() != 0
		for i := range g.entries {
			e := &g.entries[i]
			if e.tile < b.from || e.tile >= b.to {
				continue
			}
			calls, ns := g.sum(e, b.low, b.high)
			col := &parts[w][int(e.tile-b.from)/tiles]
			col.Calls += calls
			col.NS += ns
			if failed {
				col.Errors += calls
			}
		}
	})
	columns = parts[0]
	for _, p := range parts[1:] {
		for i := range p {
			columns[i].Calls += p[i].Calls
			columns[i].Errors += p[i].Errors
			columns[i].NS += p[i].NS
		}
	}
	return columns, fromNS, columnNS
}

// Busiest returns the ids of the threads with the most calls, at most n of them.
// Threads whose ids were folded are not among them.
func (x *Index) Busiest(n int) []int32 {
	calls := map[int32]int64{}
	for _, g := range x.groups {
		if g.key.tid == 0 {
			continue
		}
		for i := range g.entries {
			c, _ := g.sum(&g.entries[i], 0, math.MaxInt64)
			calls[g.key.tid] += c
		}
	}
	list := slices.Collect(maps.Keys(calls))
	slices.SortFunc(list, func(a, b int32) int { return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a, b)) })
	return list[:min(len(list), n)]
}

// sum counts the durations of an entry that lie between the bounds.
func (g *group) sum(e *entry, low, high int64) (calls, ns int64) {
	switch e.kind {
	case inShort:
		for _, d := range g.short[e.off:][:e.n] {
			if d := int64(d); d >= low && d <= high {
				calls++
				ns += d
			}
		}
	case inLong:
		for _, d := range g.long[e.off:][:e.n] {
			if d >= low && d <= high {
				calls++
				ns += d
			}
		}
	case inCells:
		for i := range g.cells[e.off:][:e.n] {
			c := &g.cells[int(e.off)+i]
			if from, _ := latency.BucketRange(int(c.Bucket)); from >= low && from <= high {
				calls += int64(c.N)
				ns += c.SumNS
			}
		}
	}
	return calls, ns
}
