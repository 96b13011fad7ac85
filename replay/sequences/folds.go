package sequences

import (
	"cmp"
	"slices"
)

// Folds keeps the folded streams with the most calls. It is a [Sink].
type Folds struct {
	items int
	names func(*Stream) (comm, container string)
	live  []*FoldedStream
	top   topList[FoldedStream]
	count int64
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

// NewFolds returns a sink that keeps the limit streams with the most calls, 0
// for all, and of each the first items after folding, 0 for 4,096.
func NewFolds(limit, items int, names func(*Stream) (comm, container string)) *Folds {
	return &Folds{items: items, names: names, top: topList[FoldedStream]{limit: limit, less: func(a, b *FoldedStream) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Number, b.Number))
	}}}
}

// Step implements [Sink].
func (f *Folds) Step(s *Stream, st *Step) {
	for len(f.live) <= s.Slot {
		f.live = append(f.live, nil)
	}
	l := f.live[s.Slot]
	if l == nil {
		l = &FoldedStream{Folder: newFolder(f.items), Number: s.Number, FirstTS: st.TS}
		f.live[s.Slot] = l
	}
	if st.Begins != Follows {
		l.Folder.Break()
	}
	l.Folder.Push(st.ID)
	l.Calls++
	l.LastTS = st.TS
}

// End implements [Sink].
func (f *Folds) End(s *Stream) {
	if s.Slot >= len(f.live) || f.live[s.Slot] == nil {
		return
	}
	l := f.live[s.Slot]
	f.live[s.Slot] = nil
	l.PID, l.TID = s.PID, s.TID
	l.Comm, l.Container = f.names(s)
	f.count++
	f.top.add(*l, func(*FoldedStream) {})
}

// Streams returns the streams kept, those with the most calls first, and how
// many there were.
func (f *Folds) Streams() (list []FoldedStream, all int64) {
	return slices.Clone(f.top.sorted()), f.count
}
