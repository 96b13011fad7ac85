package index

import (
	"math"
	"math/bits"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// Options say how much an index may keep.
type Options struct {
	Symbols *format.SymbolTable // what the Symbols of the calls mean
	// OriginNS is when the first tile begins: the time of the first event,
	// [replay.Session.Begin].
	OriginNS int64
	// TileNS is how long tiles are at first, rounded down to a power of two;
	// 0 means 65.5 µs.
	TileNS int64
	// MaxBytes bounds the memory of the index; 0 means 320 MiB. When it is
	// reached, tiles become twice as long.
	MaxBytes int64
	// MaxTiles bounds the number of tiles; 0 means 4096.
	MaxTiles int
	// MaxGroups bounds the number of groups; 0 means 1<<17. Calls of further
	// groups lose the ids of their threads, see [Index.Folded].
	MaxGroups int
}

// Index is what was learnt of the calls of a capture.
type Index struct {
	opt     Options
	shift   uint // log2 of a tile's length in ns
	numbers map[key]int32
	recent  [1 << 12]*group // by a hash of the key: a map costs more than all else
	groups  []*group
	own     *threadSet // the threads with groups of their own; nil while there is room for more
	class   [replay.NumStatuses]bool
	folded  int64
	calls   int64
	tiles   uint32 // one more than the last tile in use
	mem     int64  // of entries, durations and cells
	scratch scratch
}

// key is what the calls of a group share.
type key struct {
	syscall, comm, container format.Symbol
	pid, tid                 int32
	nr                       int32
	errno                    int16
	abi                      uint8
	open                     bool
}

// firstShift makes tiles of 65.5 µs while the length of the capture is not known.
const firstShift = 16

// New returns an empty index.
func New(opt Options) *Index {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 320 << 20
	}
	if opt.MaxTiles == 0 {
		opt.MaxTiles = 4096
	}
	if opt.MaxGroups == 0 {
		opt.MaxGroups = 1 << 17
	}
	x := &Index{opt: opt, shift: firstShift, numbers: map[key]int32{}}
	if opt.TileNS > 0 {
		x.shift = uint(bits.Len64(uint64(opt.TileNS)) - 1)
	}
	for s := range replay.NumStatuses {
		x.class[s] = (latency.Finished()|latency.LowerBounds())&(1<<s) != 0
	}
	return x
}

// Add takes calls, in the order in which a session gives them. It counts what
// [latency.Table] does by default: calls that ended, and lower bounds.
func (x *Index) Add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		if !x.class[c.Status] {
			continue
		}
		since := uint64(max(c.BeganNS()-x.opt.OriginNS, 0))
		for since>>x.shift >= uint64(x.opt.MaxTiles) {
			x.double()
		}
		tile := uint32(since >> x.shift)
		x.tiles = max(x.tiles, tile+1)
		x.calls++
		g := x.group(c)
		if g.tile != tile && len(g.pending) > 0 || len(g.pending) == maxPending {
			x.flush(g)
		}
		g.tile = tile
		g.pending = append(g.pending, max(c.DurNS, 0))
		if x.mem > x.opt.MaxBytes && x.tiles > 1 {
			x.shrink()
		}
	}
}

// Extend makes the index reach to a time, whether there are calls or not.
func (x *Index) Extend(toNS int64) {
	last := uint64(max(toNS-1-x.opt.OriginNS, 0))
	for last>>x.shift >= uint64(x.opt.MaxTiles) {
		x.double()
	}
	x.tiles = max(x.tiles, uint32(last>>x.shift)+1)
}

// group finds the group of a call.
func (x *Index) group(c *replay.Call) *group {
	k := key{syscall: c.Syscall, comm: c.Comm, container: c.Container, pid: c.PID, tid: c.TID, nr: c.Nr, abi: uint8(c.ABI),
		open: latency.LowerBounds()&(1<<c.Status) != 0}
	if c.Ret < 0 {
		k.errno = int16(c.Errno())
	}
	slot := x.slot(&k)
	if g := *slot; g != nil && g.key == k {
		return g
	}
	lost := x.full() && !x.own.mayHave(k.tid)
	if lost { // the number of such threads has no bound: nothing is looked up for each
		x.folded++
		k.pid, k.tid = 0, 0
		slot = x.slot(&k)
		if g := *slot; g != nil && g.key == k {
			return g
		}
	}
	n, folded := x.number(k)
	if folded && !lost {
		x.folded++
	}
	*slot = x.groups[n]
	return x.groups[n]
}

// slot is where a group was put last that may be that of the key.
func (x *Index) slot(k *key) **group {
	return &x.recent[(uint32(k.tid)*0x9e3779b1^uint32(k.syscall)*0x85ebca77^uint32(k.errno)*0xc2b2ae3d^uint32(k.comm)*0x27d4eb2f)>>20]
}

// full reports whether no further thread gets groups of its own.
func (x *Index) full() bool {
	if x.own == nil && len(x.groups) >= x.opt.MaxGroups {
		x.own = new(threadSet)
		for _, g := range x.groups {
			x.own.add(g.key.tid)
		}
	}
	return x.own != nil
}

// threadSet holds ids of threads, modulo its size: Linux has 4 Mi of them.
type threadSet [1 << 16]uint64

func (s *threadSet) add(tid int32) { s[uint32(tid)>>6%uint32(len(s))] |= 1 << (tid & 63) }
func (s *threadSet) mayHave(tid int32) bool {
	return s[uint32(tid)>>6%uint32(len(s))]&(1<<(tid&63)) != 0
}

// number returns the place of the group of a key, or of what it folds into.
func (x *Index) number(k key) (n int32, folded bool) {
	n, ok := x.numbers[k]
	if !ok && len(x.groups) >= x.opt.MaxGroups {
		folded = true
		k.pid, k.tid = 0, 0
		if len(x.groups) >= 2*x.opt.MaxGroups { // names are too many as well
			k.comm, k.container = 0, 0
		}
		n, ok = x.numbers[k]
	}
	if !ok {
		n = int32(len(x.groups))
		x.numbers[k] = n
		x.groups = append(x.groups, &group{key: k, number: n})
		x.mem += groupMem
	}
	return n, folded
}

// double makes tiles twice as long. Entries of two tiles that become one stay
// apart until memory is short: everything adds up.
func (x *Index) double() {
	x.shift++
	for _, g := range x.groups {
		g.tile >>= 1
		for i := range g.entries {
			g.entries[i].tile >>= 1
		}
	}
	x.tiles = (x.tiles + 1) / 2
}

// shrink makes tiles longer until a third of the memory is free.
func (x *Index) shrink() {
	for x.mem > x.opt.MaxBytes/3*2 && x.tiles > 1 {
		x.double()
		for _, g := range x.groups {
			x.flush(g)
			x.join(g)
		}
	}
}

// Settle puts away what is not yet in its place: the index can be asked then,
// and take more calls.
func (x *Index) Settle() {
	for _, g := range x.groups {
		x.flush(g)
	}
}

// Close ends the taking of calls. The index can be asked by several goroutines
// at a time then.
func (x *Index) Close() {
	x.Settle()
	for _, g := range x.groups {
		g.pending = nil
	}
	x.scratch = scratch{}
}

// Calls returns how many calls were counted.
func (x *Index) Calls() int64 { return x.calls }

// Folded returns how many calls have lost the ids of their threads, because
// there were too many groups.
func (x *Index) Folded() int64 { return x.folded }

// Groups returns how many groups there are.
func (x *Index) Groups() int { return len(x.groups) }

// MemoryBytes returns about how much the index takes.
func (x *Index) MemoryBytes() int64 { return x.mem }

// TileNS returns the length of a tile.
func (x *Index) TileNS() int64 { return 1 << x.shift }

// Span returns when the first tile begins and the last one ends.
func (x *Index) Span() (from, to int64) {
	length := int64(math.MaxInt64)
	if x.shift < 63 && uint64(x.tiles) < 1<<(63-x.shift) {
		length = int64(x.tiles) << x.shift
	}
	if x.opt.OriginNS > math.MaxInt64-length {
		return x.opt.OriginNS, math.MaxInt64
	}
	return x.opt.OriginNS, x.opt.OriginNS + length
}
