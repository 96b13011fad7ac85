package sequences

import (
	"cmp"
	"math"
	"slices"
)

// Frames are the sizes of the locality frames, in windows.
var Frames = [2]int{20, 100}

// RareShare is the share of the training's windows below which a window is
// rare: that of t-STIDE, 0.001 %.
const RareShare = 1e-5

const worstSpan = 20 // calls whose bits are added up to find the worst place

// around is how many calls before and after its first occurrence a call that
// was never seen is shown with.
const around = 5

// maxAround bounds how many calls that were never seen are shown that way.
const maxAround = 1 << 12

// ScoreOptions choose what a Scorer keeps.
type ScoreOptions struct {
	Streams  int                // worst streams to keep, default 1000
	Findings int                // worst findings to keep, default 20
	OnStream func(*StreamScore) // sees every stream when it ends; may be nil
}

// Scorer holds streams against a baseline. It is a [Observer].
type Scorer struct {
	b        *Baseline
	alphabet *Alphabet
	known    ID // highest ID of the baseline
	opt      ScoreOptions
	tables   []*Table[int64] // by index of b.N
	rare     []int64         // counts below are rare
	markov   *Markov
	names    func(*Stream) (comm, container string)
	live     []*scoring // by slot
	scored   int64      // of these
	episodes int64      // of these that are in one
	total    StreamScore
	bits     int64 // of total, in units of bitUnit
	unknown  map[ID]*UnknownCall
	streams  topList[StreamScore]
	findings topList[Finding]
	family   *family // nil without calibration
	ended    int64   // streams
	unusual  int64
	suspects []StreamScore // streams that were above a limit when they ended; the limits rise with the number of streams
	more     int64         // streams that suspects had no room for
}

// bitUnit is the step in which the bits of streams are added up: a sum of
// integers is the same in whatever order the streams end, which depends on how
// a capture is cut into batches.
const bitUnit = 1.0 / (1 << 24)

// maxSuspects bounds the streams that are kept to be judged at the end.
const maxSuspects = 1 << 14

type scoring struct {
	StreamScore
	frames  [2]Locality
	bits    [worstSpan]float64
	sum     float64
	since   int // calls since the last cut
	episode episode
	follows *UnknownCall // whose Calls the next ones still belong to
}

// NewScorer returns a scorer. The alphabet is a copy from b.Alphabet, which
// the streams use too; names tells a stream's thread name and container.
func NewScorer(b *Baseline, alphabet *Alphabet, names func(*Stream) (comm, container string), opt ScoreOptions) *Scorer {
	if opt.Streams == 0 {
		opt.Streams = 1000
	}
	if opt.Findings == 0 {
		opt.Findings = 20
	}
	s := &Scorer{b: b, alphabet: alphabet, known: ID(b.alphabet.Len()), opt: opt, markov: b.Markov(), names: names,
		unknown: map[ID]*UnknownCall{}}
	for _, n := range b.N {
		s.tables = append(s.tables, b.tables[n-1])
		limit := int64(0) // n/total < RareShare
		for float64(limit) < RareShare*float64(b.totals[n-1]) {
			limit++
		}
		s.rare = append(s.rare, limit)
	}
	s.total = s.empty()
	s.total.Number = -1
	if b.Calibration != nil {
		s.family = newFamily(b.Calibration, s.total.Metrics())
	}
	s.streams = topList[StreamScore]{limit: opt.Streams, less: worseStream}
	s.findings = topList[Finding]{limit: opt.Findings, less: worseFinding}
	return s
}

func (s *Scorer) empty() StreamScore {
	var t StreamScore
	for _, n := range s.b.N {
		t.Windows = append(t.Windows, WindowScore{N: n})
	}
	for i, size := range Frames {
		t.Frames[i].Size = size
	}
	return t
}

func worseStream(a, b *StreamScore) int {
	last := len(a.Windows) - 1
	return cmp.Or(
		cmp.Compare(b.Windows[last].Novel, a.Windows[last].Novel),
		cmp.Compare(b.Unknown, a.Unknown),
		cmp.Compare(b.WorstBits, a.WorstBits),
		cmp.Compare(a.Number, b.Number))
}

// Step implements [Observer].
func (s *Scorer) Step(st *Stream, step *Step) {
	for len(s.live) <= st.Slot {
		s.live = append(s.live, nil)
	}
	sc := s.live[st.Slot]
	if sc == nil {
		sc = &scoring{StreamScore: s.empty()}
		sc.Number, sc.FirstTS = st.Number, step.TS
		for i, size := range Frames {
			sc.frames[i].size = size
		}
		s.live[st.Slot] = sc
		s.scored++
	}
	at := st.Calls - 1
	sc.Calls++
	sc.LastTS = step.TS
	sc.surround(step)
	if step.ID > s.known {
		sc.Unknown++
		s.unknownCall(st, sc, step)
	}

	bits := s.markov.Bits(&st.Window)
	sc.Bits += bits
	s.worst(sc, bits, at, step)

	novel, any := false, false
	for i, t := range s.tables {
		w := &sc.Windows[i]
		if st.Window.Filled() < w.N {
			break
		}
		w.Windows++
		known := t.Get(&st.Window)
		switch {
		case known == nil:
			w.Novel++
			any = true
		case *known < s.rare[i]:
			w.Rare++
		}
		if i == len(s.tables)-1 {
			novel = known == nil
			for i := range sc.frames {
				sc.frames[i].Push(novel, step.TS, at)
			}
		}
	}
	s.follow(st, sc, step, at, bits, novel, any || step.ID > s.known)
}

func (s *Scorer) worst(sc *scoring, bits float64, at int64, step *Step) {
	if step.Begins != Follows {
		sc.bits, sc.sum, sc.since = [worstSpan]float64{}, 0, 0
	}
	i := sc.since % worstSpan
	sc.since++
	sc.sum += bits - sc.bits[i]
	sc.bits[i] = bits
	if i == 0 { // add up afresh, so that rounding errors do not gather
		sc.sum = 0
		for _, b := range sc.bits {
			sc.sum += b
		}
	}
	if m := sc.sum / worstSpan; m > sc.WorstBits {
		sc.WorstBits, sc.WorstAt, sc.WorstTS = m, at, step.TS
	}
}

// surround adds a step to the calls that a call never seen is shown with.
func (sc *scoring) surround(step *Step) {
	u := sc.follows
	if u == nil {
		return
	}
	if step.Begins == Follows {
		u.calls = append(u.calls, step.ID)
	}
	if step.Begins != Follows || len(u.calls) > u.At+around {
		sc.follows = nil
	}
}

func (s *Scorer) unknownCall(st *Stream, sc *scoring, step *Step) {
	u := s.unknown[step.ID]
	if u == nil {
		comm, _ := s.names(st)
		u = &UnknownCall{id: step.ID, Name: s.alphabet.Name(step.ID), First: Place{step.TS, step.PID, step.TID}, Comm: comm}
		s.unknown[step.ID] = u
		if len(s.unknown) <= maxAround {
			n := min(st.Window.Filled(), around+1)
			u.calls, u.At = slices.Clone(st.Window.Last(n)), n-1
			sc.follows = u
		}
	}
	u.Count++
}

// End implements [Observer].
func (s *Scorer) End(st *Stream) {
	if st.Slot >= len(s.live) || s.live[st.Slot] == nil {
		return
	}
	sc := s.live[st.Slot]
	s.live[st.Slot] = nil
	s.scored--
	s.closeEpisode(sc)
	sc.PID, sc.TID = st.PID, st.TID
	sc.Comm, sc.Container = s.names(st)
	for i := range sc.frames {
		f := &sc.frames[i]
		sc.Frames[i] = FrameScore{Size: f.size, Max: f.Max, FromTS: f.FromTS, ToTS: f.ToTS, FromAt: f.FromAt, ToAt: f.ToAt, PID: st.PID, TID: st.TID}
	}
	s.ended++
	if s.family != nil {
		s.suspect(&sc.StreamScore)
	}
	s.total.add(&sc.StreamScore)
	s.bits += int64(math.Round(sc.Bits / bitUnit))
	s.total.Bits = float64(s.bits) * bitUnit
	if s.opt.OnStream != nil {
		s.opt.OnStream(&sc.StreamScore)
	}
	s.streams.add(sc.StreamScore, func(*StreamScore) {})
}

// What a scoring takes, and a stretch of new windows that it is in.
const (
	scoringHeld = 1200
	episodeHeld = 1000
)

// Held implements [Keeper].
func (s *Scorer) Held() int64 { return s.scored*scoringHeld + s.episodes*episodeHeld }

// Move implements [Keeper].
func (s *Scorer) Move(slot int, st *State) {
	for len(s.live) <= slot {
		s.live = append(s.live, nil)
	}
	if !st.Reading() {
		sc := s.live[slot]
		sc.move(st, s)
		if s.scored--; sc.episode.Finding != nil {
			s.episodes--
		}
		s.live[slot] = nil
		return
	}
	sc := &scoring{StreamScore: s.empty()}
	for i, size := range Frames {
		sc.frames[i].size = size
	}
	sc.move(st, s)
	s.live[slot] = sc
	if s.scored++; sc.episode.Finding != nil {
		s.episodes++
	}
}

// move carries what is known before the stream's end.
func (sc *scoring) move(st *State, s *Scorer) {
	integer(st, &sc.Number)
	for _, v := range []*int64{&sc.FirstTS, &sc.LastTS, &sc.Calls, &sc.Unknown, &sc.WorstAt, &sc.WorstTS} {
		st.Int(v)
	}
	for i := range sc.Windows {
		w := &sc.Windows[i]
		st.Int(&w.Windows)
		st.Int(&w.Novel)
		st.Int(&w.Rare)
	}
	st.float(&sc.Bits)
	st.float(&sc.WorstBits)
	st.float(&sc.sum)
	integer(st, &sc.since)
	for i := range min(sc.since, worstSpan) {
		st.float(&sc.bits[i])
	}
	for i := range sc.frames {
		sc.frames[i].move(st)
	}
	sc.episode.move(st)
	var id ID // of the call never seen that it follows
	if sc.follows != nil {
		id = sc.follows.id
	}
	integer(st, &id)
	if st.Reading() && id != 0 {
		sc.follows = s.unknown[id]
	}
}

// suspect keeps a stream that may be above a limit in the end: the limits for
// one of all streams are not below those for one of the streams so far.
func (s *Scorer) suspect(x *StreamScore) {
	if !x.unusual(&s.b.Calibration.Streams) && len(s.family.above(x, s.ended)) == 0 {
		return
	}
	s.unusual++
	switch {
	case len(s.family.above(x, s.ended)) == 0:
	case len(s.suspects) < maxSuspects:
		s.suspects = append(s.suspects, *x)
	default:
		s.more++
	}
}
