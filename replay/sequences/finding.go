package sequences

import (
	"cmp"
	"slices"
)

const (
	episodeGap   = 20 // calls without anything new that end an episode
	episodeCalls = 64 // calls of an episode that are kept for reading
)

// Finding is a stretch of one stream in which windows come that the baseline
// does not have.
type Finding struct {
	PID, TID   int32
	Comm       string
	Stream     int // number of the stream
	FromTS     int64
	ToTS       int64
	FromAt     int64 // positions in the stream, from 0
	ToAt       int64
	Novel      int64    // new windows of the longest length
	Windows    int64    // windows of the longest length that end in it
	Unknown    int64    // calls that the baseline has never seen
	Bits       float64  // mean of its calls
	Calls      []string // the first of its calls
	More       int64    // calls of it that Calls leaves out
	Window     []string // the least expected of its new windows
	WindowTS   int64    // capture time of its last call
	WindowAt   int64    // position of its last call
	WindowBits float64  // sum over its calls
	Nearest    []string // the known window most like it
	Distance   int      // in how many calls the two differ

	calls  []ID
	window []ID
}

type episode struct {
	*Finding               // nil outside of one
	lastNew  int64         // position
	bits     float64       // of its calls, those after the last new window included
	windows  int64         // likewise
	recent   [MaxN]float64 // bits of the last calls
	times    [MaxN]int64
	filled   int
}

// follow keeps the stretch of new windows that the stream is in, if any.
func (s *Scorer) follow(st *Stream, sc *scoring, step *Step, at int64, bits float64, novel, anyNew bool) {
	e := &sc.episode
	if step.Begins != Follows {
		s.closeEpisode(sc)
		e.filled = 0
	}
	copy(e.recent[:], e.recent[1:])
	copy(e.times[:], e.times[1:])
	e.recent[MaxN-1], e.times[MaxN-1] = bits, step.TS
	e.filled = min(e.filled+1, MaxN)

	if e.Finding != nil && at-e.lastNew > episodeGap {
		s.closeEpisode(sc)
	}
	if e.Finding == nil {
		if !anyNew {
			return
		}
		s.openEpisode(st, sc, step, at)
	} else if len(e.calls) < episodeCalls {
		e.calls = append(e.calls, step.ID)
	}
	longest := s.b.N[len(s.b.N)-1]
	if st.Window.Filled() >= longest {
		e.windows++
	}
	e.bits += bits
	if anyNew {
		e.lastNew, e.ToAt, e.ToTS = at, at, step.TS
		e.Bits, e.Windows = e.bits/float64(at-e.FromAt+1), e.windows
	}
	if step.ID > s.known {
		e.Unknown++
	}
	if novel {
		e.Novel++
		sum := 0.0
		for _, b := range e.recent[MaxN-longest:] {
			sum += b
		}
		if sum > e.WindowBits || e.window == nil {
			e.WindowBits, e.WindowTS, e.WindowAt = sum, step.TS, at
			e.window = append(e.window[:0], st.Window.Last(longest)...)
		}
	}
}

// openEpisode begins with the first call of the window that is new.
func (s *Scorer) openEpisode(st *Stream, sc *scoring, step *Step, at int64) {
	e := &sc.episode
	n := min(st.Window.Filled(), s.b.N[len(s.b.N)-1])
	comm, _ := s.names(st)
	e.Finding = &Finding{PID: step.PID, TID: step.TID, Comm: comm, Stream: st.Number, FromAt: at - int64(n) + 1,
		FromTS: e.times[MaxN-n], calls: slices.Clone(st.Window.Last(n))}
	e.bits, e.windows = 0, 0
	s.episodes++
	for _, b := range e.recent[MaxN-n : MaxN-1] {
		e.bits += b
	}
}

func (s *Scorer) closeEpisode(sc *scoring) {
	e := &sc.episode
	f := e.Finding
	if f == nil {
		return
	}
	e.Finding = nil
	s.episodes--
	n := f.ToAt - f.FromAt + 1
	if int64(len(f.calls)) > n {
		f.calls = f.calls[:n]
	}
	f.More = n - int64(len(f.calls))
	s.findings.add(*f, func(*Finding) {})
}

func worseFinding(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(b.Novel, a.Novel),
		cmp.Compare(b.Unknown, a.Unknown),
		cmp.Compare(b.Bits, a.Bits),
		cmp.Compare(a.FromTS, b.FromTS),
		cmp.Compare(a.Stream, b.Stream),
		cmp.Compare(a.FromAt, b.FromAt))
}

func (s *Scorer) explain(f *Finding) {
	f.Calls = s.alphabet.Names(f.calls)
	if f.window == nil {
		return
	}
	f.Window = s.alphabet.Names(f.window)
	nearest, d := s.b.Nearest(len(f.window), f.window)
	f.Nearest, f.Distance = s.b.alphabet.Names(nearest), d
}

func (e *episode) move(s *State) {
	s.Int(&e.lastNew)
	s.float(&e.bits)
	s.Int(&e.windows)
	integer(s, &e.filled)
	for i := MaxN - e.filled; i < MaxN; i++ {
		s.float(&e.recent[i])
		s.Int(&e.times[i])
	}
	open := e.Finding != nil
	s.bool(&open)
	if !open {
		return
	}
	if s.Reading() {
		e.Finding = new(Finding)
	}
	f := e.Finding
	integer(s, &f.PID)
	integer(s, &f.TID)
	s.text(&f.Comm)
	integer(s, &f.Stream)
	for _, v := range []*int64{&f.FromTS, &f.ToTS, &f.FromAt, &f.ToAt, &f.Novel, &f.Windows, &f.Unknown, &f.WindowTS, &f.WindowAt} {
		s.Int(v)
	}
	s.float(&f.Bits)
	s.float(&f.WindowBits)
	s.ids(&f.calls)
	s.ids(&f.window)
}
