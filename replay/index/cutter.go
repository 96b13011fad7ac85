package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"systape/replay/latency"
)

// cutting says where the tiles of a subset are.
type cutting struct {
	from  uint32 // the first
	shift uint   // log2 of their length in ns
}

// groupCells are the cells of one group of a subset.
type groupCells struct {
	cells  []byte
	number int
	calls  int64
}

// cut makes the cells of groups from their sources, by several goroutines. It
// reports false as soon as fits says that so many bytes are too many.
func (out *Subset) cut(sources [][]source, at cutting, fits func(bytes int) bool) (groups []groupCells, ok bool) {
	order := make([]int, len(sources)) // what costs least first: it may be too much already
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(sources[a]), len(sources[b])) })
	groups = make([]groupCells, len(sources))
	var next, size atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sources)) {
		wait.Go(func() {
			c := newCutter(out, at)
			for i := next.Add(1) - 1; i < int64(len(order)) && fits(int(size.Load())); i = next.Add(1) - 1 {
				n := order[i]
				for _, from := range sources[n] {
					c.take(from)
				}
				groups[n] = c.put()
				size.Add(int64(len(groups[n].cells)))
			}
		})
	}
	wait.Wait()
	return groups, fits(int(size.Load()))
}

// cutter makes the cells of a group. They are found by their place, so that it
// matters little how many sources there are and in which order.
type cutter struct {
	cutting
	coarse  uint // [Detail.Shift]
	buckets int
	at      []int32 // by tile and bucket: one more than the place in sums
	used    []uint32
	sums    []bucketSum // of used, until that is sorted
	dst     []byte
}

func newCutter(out *Subset, at cutting) *cutter {
	c := &cutter{cutting: at, coarse: out.Shift, buckets: (latency.NumBuckets-1)>>out.Shift + 1}
	c.at = make([]int32, out.Tiles*c.buckets)
	return c
}

// sum is where durations of a tile and a bucket are gathered.
func (c *cutter) sum(row, bucket int) *bucketSum {
	cell := row + bucket
	n := c.at[cell]
	if n == 0 {
		c.used = append(c.used, uint32(cell))
		c.sums = append(c.sums, bucketSum{min: math.MaxInt64})
		n = int32(len(c.sums))
		c.at[cell] = n
	}
	return &c.sums[n-1]
}

// take gathers the durations of a group that are in the part.
func (c *cutter) take(s source) {
	g, up, shift := s.g, c.shift-s.x.shift, c.coarse
	for i := range g.entries {
		e := &g.entries[i]
		if e.tile < s.b.from || e.tile >= s.b.to {
			continue
		}
		row := int(e.tile>>up-c.from) * c.buckets
		one := func(d int64) {
			if d < s.b.low || d > s.b.high {
				return
			}
			at := c.sum(row, latency.Bucket(d)>>shift)
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
				cell := &g.cells[int(e.off)+i]
				low, _ := latency.BucketRange(int(cell.Bucket))
				if low < s.b.low || low > s.b.high {
					continue
				}
				at := c.sum(row, int(cell.Bucket)>>shift)
				at.n += uint64(cell.N)
				at.sum += uint64(cell.SumNS)
				at.min, at.max = min(at.min, low+int64(cell.Min)), max(at.max, low+int64(cell.Max))
			}
		}
	}
}

// put returns what was gathered.
func (c *cutter) put() (g groupCells) {
	slices.Sort(c.used)
	tiles, last := 0, -1
	for _, u := range c.used {
		if tile := int(u) / c.buckets; tile != last {
			tiles, last = tiles+1, tile
		}
	}
	c.dst = binary.AppendUvarint(c.dst[:0], uint64(tiles))
	last = -1
	for i := 0; i < len(c.used); {
		tile, end := int(c.used[i])/c.buckets, i
		for end < len(c.used) && int(c.used[end])/c.buckets == tile {
			end++
		}
		c.dst = binary.AppendUvarint(c.dst, uint64(tile-last-1))
		last = tile
		g.calls += c.tile(c.used[i:end])
		i = end
	}
	for _, u := range c.used {
		c.at[u] = 0
	}
	g.cells, g.number = bytes.Clone(c.dst), len(c.used)
	c.used, c.sums = c.used[:0], c.sums[:0]
	return g
}

// tile appends the cells of one tile, and returns how many calls are in them.
func (c *cutter) tile(cells []uint32) (calls int64) {
	dst := binary.AppendUvarint(c.dst, uint64(len(cells)))
	last := -1
	for _, u := range cells {
		b := int(u) % c.buckets
		s := &c.sums[c.at[u]-1]
		low, _ := latency.BucketRange(b << c.coarse)
		dst = binary.AppendUvarint(dst, uint64(b-last-1))
		last = b
		dst = binary.AppendUvarint(dst, s.n)
		dst = binary.AppendUvarint(dst, s.sum-s.n*uint64(low))
		if s.n > 1 {
			dst = binary.AppendUvarint(dst, uint64(s.min-low))
		}
		if s.n > 2 {
			dst = binary.AppendUvarint(dst, uint64(s.max-low))
		}
		calls += int64(s.n)
	}
	c.dst = dst
	return calls
}
