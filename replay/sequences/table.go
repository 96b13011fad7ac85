package sequences

import (
	"iter"
	"math/bits"
)

// MaxWindows bounds how many distinct windows one table holds, so that a
// capture without any repetition does not fill the memory: at 32 bytes a slot
// a full table takes 32 MiB, and 80 MiB when names do not fit its keys. Real
// captures stay far below: all of ADFA-LD's training has 59,885 of 6 calls.
const MaxWindows = 7 << 17

// Table maps windows of exactly n calls to values. Windows are packed into
// one integer as long as every symbol fits, and compared symbol by symbol
// after that; both forms are exact. The memory is that of the distinct
// windows.
type Table[V any] struct {
	n      int
	codec  Codec
	mask   uint64
	shift  uint
	slots  []slot[V]
	used   int
	wide   *wideTable[V]
	Denied int64 // windows that found no room: all of them count as not in the table
}

type slot[V any] struct {
	key uint64 // 0: free; a window's key is never 0 because IDs start at 1
	val V
}

// NewTable returns an empty table for windows of n calls, packed with c.
func NewTable[V any](c Codec, n int) *Table[V] {
	t := &Table[V]{n: n, codec: c, mask: c.mask(n)}
	t.alloc(1 << 8)
	if c.bits*uint(n) > 64 {
		t.widen()
	}
	return t
}

// N returns the length of the table's windows.
func (t *Table[V]) N() int { return t.n }

// Len returns the number of distinct windows.
func (t *Table[V]) Len() int {
	if t.wide != nil {
		return len(t.wide.vals)
	}
	return t.used
}

func (t *Table[V]) alloc(size int) {
	t.slots = make([]slot[V], size)
	t.shift = uint(64 - bits.TrailingZeros(uint(size)))
}

// hash spreads the key by Fibonacci hashing after mixing its halves: the low
// bits of a key are its newest calls, which repeat the most.
func (t *Table[V]) hash(key uint64) uint64 {
	key ^= key >> 32
	return key * 0x9e3779b97f4a7c15 >> t.shift
}

// Get returns the value of w's last n calls, nil when the table does not
// have them or the window holds fewer.
func (t *Table[V]) Get(w *Window) *V {
	if w.filled < t.n {
		return nil
	}
	if t.wide != nil {
		return t.wide.get(w.Last(t.n))
	}
	if w.narrow < t.n {
		return nil
	}
	return t.getKey(w.key & t.mask)
}

func (t *Table[V]) getKey(key uint64) *V {
	for i := t.hash(key); ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.key == key {
			return &s.val
		}
		if s.key == 0 {
			return nil
		}
	}
}

// At returns the value of w's last n calls, a zero one when they are new;
// w must hold n calls. It returns nil when the table is full. The pointer is
// valid until the next call of At.
func (t *Table[V]) At(w *Window) *V {
	if t.wide == nil {
		if w.narrow >= t.n {
			return t.atKey(w.key & t.mask)
		}
		t.widen()
	}
	v := t.wide.at(w.Last(t.n))
	if v == nil {
		t.Denied++
	}
	return v
}

func (t *Table[V]) atKey(key uint64) *V {
	for i := t.hash(key); ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.key == key {
			return &s.val
		}
		if s.key != 0 {
			continue
		}
		if t.used >= MaxWindows {
			t.Denied++
			return nil
		}
		if t.used >= len(t.slots)/8*7 {
			t.grow()
			return t.atKey(key)
		}
		t.used++
		s.key = key
		return &s.val
	}
}

func (t *Table[V]) grow() {
	old := t.slots
	t.alloc(2 * len(old))
	for i := range old {
		if old[i].key == 0 {
			continue
		}
		j := t.hash(old[i].key)
		for t.slots[j&uint64(len(t.slots)-1)].key != 0 {
			j++
		}
		t.slots[j&uint64(len(t.slots)-1)] = old[i]
	}
}

// widen gives up packing: some symbol does not fit the codec.
func (t *Table[V]) widen() {
	w := &wideTable[V]{n: t.n}
	w.alloc(max(len(t.slots), 1<<8))
	var ids [MaxN]ID
	for i := range t.slots {
		if t.slots[i].key != 0 {
			t.unpack(t.slots[i].key, ids[:t.n])
			*w.at(ids[:t.n]) = t.slots[i].val
		}
	}
	t.wide, t.slots, t.used = w, nil, 0
}

func (t *Table[V]) unpack(key uint64, ids []ID) {
	for i := t.n - 1; i >= 0; i-- {
		ids[i] = ID(key & t.codec.mask(1))
		key >>= t.codec.bits
	}
}

// All yields every window with its value, in no particular order. The slice
// of symbols is used again for the next window.
func (t *Table[V]) All() iter.Seq2[[]ID, *V] {
	return func(yield func([]ID, *V) bool) {
		if t.wide != nil {
			for i := range t.wide.vals {
				if !yield(t.wide.window(i), &t.wide.vals[i]) {
					return
				}
			}
			return
		}
		ids := make([]ID, t.n)
		for i := range t.slots {
			if t.slots[i].key == 0 {
				continue
			}
			t.unpack(t.slots[i].key, ids)
			if !yield(ids, &t.slots[i].val) {
				return
			}
		}
	}
}

// places yields where every window is. A place takes four bytes, a window up
// to forty.
func (t *Table[V]) places() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if t.wide != nil {
			for i := range t.wide.vals {
				if !yield(uint32(i)) {
					return
				}
			}
			return
		}
		for i := range t.slots {
			if t.slots[i].key != 0 && !yield(uint32(i)) {
				return
			}
		}
	}
}

// ids returns the calls of the window at a place, in buf or in the table.
func (t *Table[V]) ids(place uint32, buf []ID) []ID {
	if t.wide != nil {
		return t.wide.window(int(place))
	}
	t.unpack(t.slots[place].key, buf)
	return buf
}

// at returns the window at a place, in buf or in the table, and its value.
func (t *Table[V]) at(place uint32, buf []ID) ([]ID, *V) {
	if t.wide != nil {
		return t.wide.window(int(place)), &t.wide.vals[place]
	}
	return t.ids(place, buf), &t.slots[place].val
}

// Lookup returns the value of a window that is given by its calls, nil when
// the table does not have it.
func (t *Table[V]) Lookup(ids []ID) *V {
	w := t.codec.window(ids)
	return t.Get(&w)
}

// wideTable is a hash table whose keys are the symbols themselves.
type wideTable[V any] struct {
	n     int
	index []uint32 // position+1 in vals, 0: free
	ids   []ID     // n for each value
	vals  []V
}

func (t *wideTable[V]) alloc(size int) { t.index = make([]uint32, size) }

func (t *wideTable[V]) window(i int) []ID { return t.ids[i*t.n : (i+1)*t.n : (i+1)*t.n] }

func (t *wideTable[V]) hash(ids []ID) uint64 {
	h := uint64(len(ids))
	for _, id := range ids {
		h = (h ^ uint64(id)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

func (t *wideTable[V]) find(ids []ID) (i uint64, v *V) {
	mask := uint64(len(t.index) - 1)
	for i = t.hash(ids) & mask; t.index[i] != 0; i = (i + 1) & mask {
		if p := int(t.index[i] - 1); equalIDs(t.window(p), ids) {
			return i, &t.vals[p]
		}
	}
	return i, nil
}

func (t *wideTable[V]) get(ids []ID) *V {
	_, v := t.find(ids)
	return v
}

func (t *wideTable[V]) at(ids []ID) *V {
	i, v := t.find(ids)
	if v != nil {
		return v
	}
	if len(t.vals) >= MaxWindows {
		return nil
	}
	if len(t.vals) >= len(t.index)/4*3 {
		old := len(t.vals)
		t.alloc(2 * len(t.index))
		mask := uint64(len(t.index) - 1)
		for p := range old {
			j := t.hash(t.window(p)) & mask
			for t.index[j] != 0 {
				j = (j + 1) & mask
			}
			t.index[j] = uint32(p + 1)
		}
		i, _ = t.find(ids)
	}
	t.ids = append(t.ids, ids...)
	var zero V
	t.vals = append(t.vals, zero)
	t.index[i] = uint32(len(t.vals))
	return &t.vals[len(t.vals)-1]
}

func equalIDs(a, b []ID) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
