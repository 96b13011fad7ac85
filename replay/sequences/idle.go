package sequences

import (
	"cmp"
	"slices"
)

// A Keeper is a [Observer] that keeps state of every stream from one step to the
// next, by the stream's Slot. So that the memory does not grow with the number
// of threads that live at a time, the state of streams that have been idle
// moves to a [Store] and comes back with their next step, to another Slot.
type Keeper interface {
	Observer
	// Held returns about how many bytes the states of all streams take.
	Held() int64
	// Move hands the state of a stream over to s, and forgets it, or, if
	// s.Reading, takes it back.
	Move(slot int, s *State)
}

// maxHeld is how many bytes live streams, and what observers know about them, may
// take before idle ones move to the store. Tests make it small.
var maxHeld int64 = 24 << 20

const streamHeld = 384 // bytes of a Stream, with its place in the index

// settle moves idle streams to the store when live ones take too much memory.
func (s *Streams) settle() {
	s.pushes++
	if s.opt.Store == nil || s.held() <= maxHeld {
		return
	}
	idle := make([]*Stream, 0, len(s.byKey))
	for _, st := range s.byKey {
		if len(st.marks) == 0 && st.Calls > 0 && !st.over {
			idle = append(idle, st)
		}
	}
	slices.SortFunc(idle, func(a, b *Stream) int {
		return cmp.Or(cmp.Compare(a.touched, b.touched), cmp.Compare(a.Number, b.Number))
	})
	for i, st := range idle {
		if i%64 == 0 && s.held() <= maxHeld/2 {
			break
		}
		s.putAway(st)
	}
	s.recent = nil
}

func (s *Streams) held() int64 {
	n := int64(len(s.byKey)) * streamHeld
	for _, k := range s.keepers {
		n += k.Held()
	}
	return n
}

func (s *Streams) putAway(st *Stream) {
	c := State{buf: s.state[:0]}
	st.move(&c)
	for _, k := range s.keepers {
		k.Move(st.Slot, &c)
	}
	s.state = c.buf
	p := s.opt.Store.put(c.buf)
	s.free = append(s.free, st.Slot)
	delete(s.byKey, st.key)
	if s.away == nil {
		s.away = map[int64]place{}
	}
	s.away[st.key] = p
}

// find returns the stream of a key, nil if there is none.
func (s *Streams) find(key int64) *Stream {
	st := s.byKey[key]
	if st == nil && len(s.away) > 0 {
		if p, ok := s.away[key]; ok {
			st = s.takeUp(key, p)
		}
	}
	return st
}

// takeUp brings a stream back. Where the store fails, a new one takes its
// place, and Err tells.
func (s *Streams) takeUp(key int64, p place) *Stream {
	delete(s.away, key)
	record := s.opt.Store.take(p)
	if s.opt.Store.Err() != nil {
		return nil
	}
	c := State{buf: record, reading: true}
	st := &Stream{key: key, touched: s.pushes}
	st.move(&c)
	s.takeSlot(st)
	for _, k := range s.keepers {
		k.Move(st.Slot, &c)
	}
	s.byKey[key] = st
	return st
}

// move carries all that is known about a stream without marks. The number
// comes first, see numberOf.
func (st *Stream) move(c *State) {
	integer(c, &st.Number)
	integer(c, &st.PID)
	integer(c, &st.TID)
	integer(c, &st.Comm)
	integer(c, &st.Container)
	c.Int(&st.Calls)
	c.Int(&st.lastSeq)
	c.Int(&st.lastEnd)
	c.bool(&st.hole)
	c.bool(&st.exec)
	w := &st.Window
	integer(c, &w.filled)
	integer(c, &w.narrow)
	integer(c, &w.key)
	for i := MaxN - w.filled; i < MaxN; i++ {
		integer(c, &w.ids[i])
	}
}

// numberOf returns the number of a stream in the store.
func (s *Streams) numberOf(p place) (n int) {
	c := State{buf: s.opt.Store.get(p, 10), reading: true}
	integer(&c, &n)
	return n
}

// remaining lists the streams that have not ended, in the order in which they
// began.
func (s *Streams) remaining() []int64 {
	type numbered struct {
		number int
		key    int64
	}
	all := make([]numbered, 0, len(s.byKey)+len(s.away))
	for key, st := range s.byKey {
		if st.Calls > 0 {
			all = append(all, numbered{st.Number, key})
		}
	}
	for key, p := range s.away {
		all = append(all, numbered{s.numberOf(p), key})
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	keys := make([]int64, len(all))
	for i := range all {
		keys[i] = all[i].key
	}
	return keys
}
