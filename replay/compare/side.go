// Package compare holds two captures, or two sets of captures, side by side:
// which calls there are and how often, how many fail, how long they take, what
// follows upon what. It says what differs by more than chance and by enough to
// matter, and that nothing does if so.
//
// Calls of a program are not independent draws: they come in phases and in
// bursts, so a test that counts each call as a witness of its own finds
// differences between any two recordings of the same thing. Here the witnesses
// are 16 stretches of each capture, from its first to its last call: the n-th
// stretch of one side is paired with the n-th of the other.
package compare

import (
	"math"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/sequences"
)

// Bins is the number of stretches that a capture is divided into.
const Bins = 16

// slices are what stretches are made of: as many calls each as keeps them
// between 32 and 64 however long the capture is.
const maxSlices = 64

// Side collects one side of a comparison. It is a sink of
// [sequences.Streams]; both sides share one alphabet, and every capture of a
// side has streams of its own.
type Side struct {
	N        int // length of the windows that are compared
	Captures int
	Calls    int64
	FromNS   int64 // capture time of the first call
	ToNS     int64
	spanNS   int64 // sum over the captures

	alphabet *sequences.Alphabet
	counter  *sequences.Counter
	perCall  []*call // by ID
	slices   []slice
	each     int64 // calls of a full slice
	now      *slice
	symbols  *format.SymbolTable // of the capture that is read, as is timed
	timed    bool
}

// call is what is known about one symbol.
type call struct {
	seen
	ended  int64 // returned, with a result
	errors int64
	errnos map[int]*seen
	hist   latency.Histogram // of those that ended, where durations are known
}

// seen is how often something was seen, and where it was first.
type seen struct {
	count int64
	first sequences.Place
	comm  string
}

// slice is a stretch of calls of one capture.
type slice struct {
	calls int64
	count []int64 // by ID
	pairs map[pair]int64
	ended []int64
	errs  []int64
	log   []float64 // sum of the logarithms of the durations
	timed []int64   // of how many calls
}

type pair struct{ from, to sequences.ID }

// NewSide returns an empty side.
func NewSide(n int, c sequences.Codec, a *sequences.Alphabet) *Side {
	return &Side{N: n, alphabet: a, counter: sequences.NewCounter(n, c, a), each: 64, FromNS: math.MaxInt64, ToNS: math.MinInt64}
}

// Begin starts the next capture of the side, whose names are in symbols. timed
// says whether its calls have durations (see [replay.Timed]).
func (s *Side) Begin(symbols *format.SymbolTable, timed bool) {
	s.Captures++
	s.now, s.symbols, s.timed = nil, symbols, timed
}

// note counts one of something, in the order of entry or of return.
func (s *Side) note(x *seen, ts int64, pid, tid int32, comm format.Symbol) {
	if x.count == 0 {
		x.first, x.comm = sequences.Place{TS: ts, PID: pid, TID: tid}, s.symbols.String(comm)
	}
	x.count++
}

// Spanned adds the time that a capture covers.
func (s *Side) Spanned(ns int64) { s.spanNS += ns }

// Seconds returns how long the captures of the side lasted together.
func (s *Side) Seconds() float64 { return float64(s.spanNS) / 1e9 }

func (s *Side) slice() *slice {
	if s.now == nil || s.now.calls >= s.each {
		if len(s.slices) >= maxSlices {
			s.halve()
		}
		s.slices = append(s.slices, slice{pairs: map[pair]int64{}})
		s.now = &s.slices[len(s.slices)-1]
	}
	return s.now
}

// halve joins every two slices.
func (s *Side) halve() {
	half := s.slices[:0]
	for i := 0; i < len(s.slices); i += 2 {
		a := s.slices[i]
		if i+1 < len(s.slices) {
			a.add(&s.slices[i+1])
		}
		half = append(half, a)
	}
	clear(s.slices[len(half):])
	s.slices = half
	s.each *= 2
}

func (a *slice) add(b *slice) {
	a.calls += b.calls
	for id, n := range b.count {
		at(&a.count, id, n)
	}
	for id, n := range b.errs {
		at(&a.errs, id, n)
	}
	for id, n := range b.ended {
		at(&a.ended, id, n)
	}
	for id, n := range b.timed {
		at(&a.timed, id, n)
	}
	for id, x := range b.log {
		at(&a.log, id, x)
	}
	for p, n := range b.pairs {
		a.pairs[p] += n
	}
}

// at adds n to an element of a slice that grows as needed.
func at[T int64 | float64](list *[]T, i int, n T) {
	for len(*list) <= i {
		*list = append(*list, 0)
	}
	(*list)[i] += n
}

// Step implements [sequences.Observer].
func (s *Side) Step(st *sequences.Stream, step *sequences.Step) {
	s.counter.Step(st, step)
	s.Calls++
	s.note(&s.call(step.ID).seen, step.TS, step.PID, step.TID, step.Comm)
	s.FromNS, s.ToNS = min(s.FromNS, step.TS), max(s.ToNS, step.TS)
	x := s.slice()
	x.calls++
	at(&x.count, int(step.ID), 1)
	if step.Begins == sequences.Follows {
		l := st.Window.Last(2)
		x.pairs[pair{l[0], l[1]}]++
	}
}

// End implements [sequences.Observer].
func (s *Side) End(st *sequences.Stream) { s.counter.End(st) }

// Held implements [sequences.Keeper].
func (s *Side) Held() int64 { return s.counter.Held() }

// Move implements [sequences.Keeper].
func (s *Side) Move(slot int, st *sequences.State) { s.counter.Move(slot, st) }

// Call implements [sequences.CallObserver].
func (s *Side) Call(id sequences.ID, c *replay.Call) {
	s.counter.Call(id, c)
	if c.Status != replay.OK {
		return
	}
	k, x := s.call(id), s.slice()
	if errno := c.Errno(); errno != 0 {
		k.errors++
		if k.errnos == nil {
			k.errnos = map[int]*seen{}
		}
		if k.errnos[errno] == nil {
			k.errnos[errno] = &seen{}
		}
		s.note(k.errnos[errno], c.StartNS, c.PID, c.TID, c.Comm)
		at(&x.errs, int(id), 1)
	}
	k.ended++
	at(&x.ended, int(id), 1)
	if !s.timed {
		return
	}
	k.hist.Record(c.DurNS)
	at(&x.timed, int(id), 1)
	at(&x.log, int(id), math.Log(float64(max(c.DurNS, 1))))
}

func (s *Side) call(id sequences.ID) *call {
	for len(s.perCall) <= int(id) {
		s.perCall = append(s.perCall, nil)
	}
	if s.perCall[id] == nil {
		s.perCall[id] = &call{}
	}
	return s.perCall[id]
}

// bins divides what get tells about the slices into Bins stretches of equal
// numbers of calls. A slice on a border is divided in proportion.
func (s *Side) bins(get func(*slice) float64) [Bins]float64 {
	var out [Bins]float64
	total := 0.0
	for i := range s.slices {
		total += float64(s.slices[i].calls)
	}
	pos := 0.0
	for i := range s.slices {
		x := &s.slices[i]
		v, n := get(x), float64(x.calls)
		if n == 0 {
			continue
		}
		from, to := pos/total*Bins, (pos+n)/total*Bins
		pos += n
		for b := int(from); b < Bins && float64(b) < to; b++ {
			overlap := min(to, float64(b+1)) - max(from, float64(b))
			out[b] += v * overlap / (to - from)
		}
	}
	return out
}

func elem[T int64 | float64](list []T, i sequences.ID) float64 {
	if int(i) < len(list) {
		return float64(list[i])
	}
	return 0
}
