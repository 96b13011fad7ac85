package replay

import (
	"cmp"
	"slices"

	"systape/format"
)

// LossSpan is a stretch of time in which events were lost, on whatever CPUs.
type LossSpan struct {
	First, Last int64 // capture time, both included
	Events      int64 // that were lost in it
	Enters      int64
	Exits       int64
}

// Overlaps reports whether events may have been lost in from ≤ t < to.
func (s LossSpan) Overlaps(from, to int64) bool { return s.First < to && s.Last >= from }

// maxLossSpans bounds what is kept: beyond it, neighbours become one span,
// which marks more than was lost and never less.
const maxLossSpans = 1 << 16

// lossSpans gathers the losses of a capture.
type lossSpans struct {
	spans []LossSpan
	order bool // spans are sorted and apart
}

func (s *lossSpans) add(l Loss) {
	s.spans = append(s.spans, LossSpan{l.First, l.Last, l.Events, l.Enters, l.Exits})
	s.order = false
	if len(s.spans) >= 2*maxLossSpans {
		s.join()
		if len(s.spans) > maxLossSpans {
			s.halve()
		}
	}
}

// rows adds those that a batch tells of.
func (s *lossSpans) rows(b *format.Batch) {
	for i, k := range b.Kind {
		if k == format.Lost {
			s.add(LossAt(b, i))
		}
	}
}

// sorted returns the spans in order, joined where they overlap.
func (s *lossSpans) sorted() []LossSpan {
	if !s.order {
		s.join()
	}
	return s.spans
}

func (s *lossSpans) join() {
	slices.SortFunc(s.spans, func(a, b LossSpan) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
	out := s.spans[:0]
	for _, l := range s.spans {
		if n := len(out); n > 0 && l.First <= out[n-1].Last {
			out[n-1].take(l)
			continue
		}
		out = append(out, l)
	}
	s.spans, s.order = out, true
}

// halve makes one span of every two.
func (s *lossSpans) halve() {
	out := s.spans[:0]
	for i, l := range s.spans {
		if i%2 == 1 {
			out[len(out)-1].take(l)
			continue
		}
		out = append(out, l)
	}
	s.spans = out
}

func (s *LossSpan) take(l LossSpan) {
	s.Last = max(s.Last, l.Last)
	s.Events += l.Events
	s.Enters += l.Enters
	s.Exits += l.Exits
}
