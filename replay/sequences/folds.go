package sequences

import (
	"cmp"
	"iter"
)

// Folds keeps the folded streams with the most calls. It is a [Keeper].
type Folds struct {
	items int
	names func(*Stream) (comm, container string)
	live  []*FoldedStream
	held  int64 // of live
	top   topList[endedFold]
	count int64
	store *Store
	kept  int64 // bytes of ended streams in memory
}

// endedFold is a stream that has ended: its record, in memory or in the store.
type endedFold struct {
	calls  int64
	number int
	record []byte
	at     place
}

// FoldedStream is one stream written down.
type FoldedStream struct {
	PID, TID  int32
	Comm      string
	Container string
	Number    int
	FirstTS   int64
	LastTS    int64
	Calls     int64
	Folder    *Folder
}

const (
	foldedHeld = 160      // bytes of a FoldedStream without its Folder
	maxKept    = 16 << 20 // bytes of ended streams that stay in memory
)

// NewFolds returns an observer that keeps the limit streams with the most calls, 0
// for all, and of each the first items after folding, 0 for 4,096. Those that
// have ended go to the store when there are many of them; without one they
// stay in memory.
func NewFolds(limit, items int, names func(*Stream) (comm, container string), store *Store) *Folds {
	return &Folds{items: items, names: names, store: store, top: topList[endedFold]{limit: limit, less: func(a, b *endedFold) int {
		return cmp.Or(cmp.Compare(b.calls, a.calls), cmp.Compare(a.number, b.number))
	}}}
}

// Step implements [Observer].
func (f *Folds) Step(s *Stream, st *Step) {
	for len(f.live) <= s.Slot {
		f.live = append(f.live, nil)
	}
	l := f.live[s.Slot]
	if l == nil {
		l = &FoldedStream{Folder: newFolder(f.items), Number: s.Number, FirstTS: st.TS}
		f.live[s.Slot] = l
		f.held += foldedHeld + l.Folder.held()
	}
	before := l.Folder.held()
	if st.Begins != Follows {
		l.Folder.Break()
	}
	l.Folder.Push(st.ID)
	f.held += l.Folder.held() - before
	l.Calls++
	l.LastTS = st.TS
}

// End implements [Observer].
func (f *Folds) End(s *Stream) {
	if s.Slot >= len(f.live) || f.live[s.Slot] == nil {
		return
	}
	l := f.live[s.Slot]
	f.forget(s.Slot)
	l.PID, l.TID = s.PID, s.TID
	l.Comm, l.Container = f.names(s)
	f.count++
	f.top.add(endedFold{calls: l.Calls, number: l.Number}, func(e *endedFold) {
		var c State
		l.move(&c)
		if f.kept += int64(len(c.buf)); f.store != nil && f.kept > maxKept {
			e.at = f.store.put(c.buf)
			return
		}
		e.record = c.buf
	})
}

func (f *Folds) forget(slot int) {
	f.held -= foldedHeld + f.live[slot].Folder.held()
	f.live[slot] = nil
}

func (l *FoldedStream) move(s *State) {
	if s.Reading() {
		l.Folder = &Folder{}
	}
	integer(s, &l.PID)
	integer(s, &l.TID)
	s.text(&l.Comm)
	s.text(&l.Container)
	integer(s, &l.Number)
	s.Int(&l.FirstTS)
	s.Int(&l.LastTS)
	s.Int(&l.Calls)
	l.Folder.move(s)
}

// Held implements [Keeper].
func (f *Folds) Held() int64 { return f.held }

// Move implements [Keeper].
func (f *Folds) Move(slot int, s *State) {
	for len(f.live) <= slot {
		f.live = append(f.live, nil)
	}
	if !s.Reading() {
		f.live[slot].move(s)
		f.forget(slot)
		return
	}
	l := &FoldedStream{}
	l.move(s)
	f.live[slot] = l
	f.held += foldedHeld + l.Folder.held()
}

// Count returns how many streams are kept, and how many there were.
func (f *Folds) Count() (kept int, all int64) { return len(f.top.sorted()), f.count }

// Streams yields the streams kept, those with the most calls first. Each is
// valid until the next one; it ends early if the store fails, see [Store.Err].
func (f *Folds) Streams() iter.Seq[*FoldedStream] {
	return func(yield func(*FoldedStream) bool) {
		for _, e := range f.top.sorted() {
			c := State{buf: e.record, reading: true}
			if e.record == nil {
				if c.buf = f.store.get(e.at, 1<<31-8); f.store.Err() != nil {
					return
				}
			}
			l := &FoldedStream{}
			l.move(&c)
			if !yield(l) {
				return
			}
		}
	}
}
