package index

import (
	"cmp"
	"math"
	"slices"

	"systape/format/abi"
	"systape/replay"
	"systape/replay/latency"
)

// group holds the durations of calls that share a key.
type group struct {
	key     key
	number  int32
	entries []entry
	short   []uint32 // durations below 2³² ns
	long    []int64  // and others
	cells   []Cell
	tile    uint32  // of pending
	pending []int64 // durations not yet put away
}

// entry is where durations of one tile are. Several may be of the same tile,
// and tiles need not ascend: a call comes when it has ended.
type entry struct {
	tile uint32
	off  uint32
	n    uint32
	kind kind
}

type kind uint32

const (
	inShort kind = iota
	inLong
	inCells
)

// Cell counts the durations of one bucket.
type Cell struct {
	SumNS    int64
	N        uint32
	Min, Max uint32 // less the shortest duration of the bucket, ns
	Bucket   uint16 // of [latency.Bucket]
}

const (
	maxPending = 4096
	fewest     = 64 // durations that are kept as they are without looking
	groupMem   = 320
	cellMem    = 24
	entryMem   = 16
	// longest bounds what goes into cells: below it, buckets are at most 2³² ns
	// wide, so that a duration's place in its bucket has 32 bits.
	longest = 1 << 38
)

// call returns a call that has all that the group's share.
func (k *key) call() replay.Call {
	c := replay.Call{Syscall: k.syscall, Comm: k.comm, Container: k.container, PID: k.pid, TID: k.tid, Nr: k.nr, ABI: abi.ABI(k.abi), Ret: -int64(k.errno)}
	if k.open {
		c.Status, c.ExitSeq = replay.OpenAtEnd, -1
	}
	return c
}

// flush puts the pending durations of a group away.
func (x *Index) flush(g *group) {
	if len(g.pending) == 0 {
		return
	}
	x.put(g, g.tile, g.pending)
	g.pending = g.pending[:0]
}

// put keeps durations of one tile in the way that takes least.
func (x *Index) put(g *group, tile uint32, ns []int64) {
	if len(ns) > fewest {
		s := &x.scratch
		rest := s.take(ns)
		if s.bytes() < 4*(len(ns)-len(rest)) {
			x.putCells(g, tile, s)
			ns = rest
		}
		s.reset()
	}
	short, long := len(g.short), len(g.long)
	for _, d := range ns {
		if d <= math.MaxUint32 {
			g.short = append(g.short, uint32(d))
		} else {
			g.long = append(g.long, d)
		}
	}
	if n := len(g.short) - short; n > 0 {
		g.entries = append(g.entries, entry{tile, uint32(short), uint32(n), inShort})
		x.mem += int64(entryMem + 4*n)
	}
	if n := len(g.long) - long; n > 0 {
		g.entries = append(g.entries, entry{tile, uint32(long), uint32(n), inLong})
		x.mem += int64(entryMem + 8*n)
	}
}

func (x *Index) putCells(g *group, tile uint32, s *scratch) {
	off := len(g.cells)
	slices.Sort(s.used)
	for _, b := range s.used {
		g.cells = s.sum[b].appendTo(g.cells, int(b))
	}
	n := len(g.cells) - off
	g.entries = append(g.entries, entry{tile, uint32(off), uint32(n), inCells})
	x.mem += int64(entryMem + cellMem*n)
}

// join makes one entry of all those of a tile.
func (x *Index) join(g *group) {
	old := *g
	slices.SortStableFunc(old.entries, func(a, b entry) int { return cmp.Compare(a.tile, b.tile) })
	g.entries, g.short, g.long, g.cells = nil, nil, nil, nil
	x.mem -= int64(len(old.entries)*entryMem + 4*len(old.short) + 8*len(old.long) + cellMem*len(old.cells))
	s := &x.scratch
	for i := 0; i < len(old.entries); {
		tile := old.entries[i].tile
		var raw []int64
		for ; i < len(old.entries) && old.entries[i].tile == tile; i++ {
			e := &old.entries[i]
			switch e.kind {
			case inShort:
				for _, d := range old.short[e.off:][:e.n] {
					raw = append(raw, int64(d))
				}
			case inLong:
				raw = append(raw, old.long[e.off:][:e.n]...)
			case inCells:
				for j := range old.cells[e.off:][:e.n] {
					s.addCell(&old.cells[int(e.off)+j])
				}
			}
		}
		if len(s.used) > 0 {
			raw = s.take(raw)
			x.putCells(g, tile, s)
			s.reset()
		}
		if len(raw) > 0 {
			x.put(g, tile, raw)
		}
	}
}

// scratch is where durations are gathered by bucket.
type scratch struct {
	sum  []bucketSum // by bucket
	used []uint16
}

type bucketSum struct {
	n, sum   uint64
	min, max int64
}

func (s *scratch) at(bucket int) *bucketSum {
	if s.sum == nil {
		s.sum = make([]bucketSum, latency.NumBuckets)
	}
	b := &s.sum[bucket]
	if b.n == 0 {
		s.used = append(s.used, uint16(bucket))
		b.min, b.max = math.MaxInt64, 0
	}
	return b
}

// take gathers durations, and returns those that are too long for cells.
func (s *scratch) take(ns []int64) (rest []int64) {
	for _, d := range ns {
		if d >= longest {
			rest = append(rest, d)
			continue
		}
		b := s.at(latency.Bucket(d))
		b.n++
		b.sum += uint64(d)
		b.min, b.max = min(b.min, d), max(b.max, d)
	}
	return rest
}

func (s *scratch) addCell(c *Cell) {
	low, _ := latency.BucketRange(int(c.Bucket))
	b := s.at(int(c.Bucket))
	b.n += uint64(c.N)
	b.sum += uint64(c.SumNS)
	b.min, b.max = min(b.min, low+int64(c.Min)), max(b.max, low+int64(c.Max))
}

func (s *scratch) bytes() int { return cellMem * len(s.used) }

func (s *scratch) reset() {
	for _, b := range s.used {
		s.sum[b] = bucketSum{}
	}
	s.used = s.used[:0]
}

// appendTo adds the cells of a bucket: more than one only when a count does
// not fit into 32 bits.
func (b *bucketSum) appendTo(cells []Cell, bucket int) []Cell {
	low, _ := latency.BucketRange(bucket)
	c := Cell{Bucket: uint16(bucket), Min: uint32(b.min - low), Max: uint32(b.max - low)}
	n, sum := b.n, b.sum
	for n > math.MaxUint32 {
		c.N, c.SumNS = math.MaxUint32, int64(sum/n)*math.MaxUint32
		cells = append(cells, c)
		n, sum = n-math.MaxUint32, sum-uint64(c.SumNS)
	}
	c.N, c.SumNS = uint32(n), int64(sum)
	return append(cells, c)
}
