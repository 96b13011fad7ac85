package latency

import (
	"math"
	"sort"

	"systape/replay"
)

// Lost returns how many events were lost in the spans that touch from ≤ t < to.
// A span that reaches beyond counts as a whole: where in it the events were is
// not known. Spans are those of [replay.Session.Losses]: in order and apart.
func Lost(spans []replay.LossSpan, from, to int64) (events int64) {
	each(spans, from, to, func(s replay.LossSpan) { events += s.Events })
	return events
}

// LostNS returns for how much of the time from ≤ t < to events were being lost.
func LostNS(spans []replay.LossSpan, from, to int64) (ns int64) {
	each(spans, from, to, func(s replay.LossSpan) { ns += min(s.Last+1, to) - max(s.First, from) })
	return ns
}

func each(spans []replay.LossSpan, from, to int64, f func(replay.LossSpan)) {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].Last >= from })
	for ; i < len(spans) && spans[i].First < to; i++ {
		f(spans[i])
	}
}

// MarkLost notes in which columns events were lost: there the map shows fewer
// calls than were made.
func (m *HeatMap) MarkLost(spans []replay.LossSpan) {
	m.Lost = nil
	for x := range m.Counts {
		from := m.OriginNS + int64(x)*m.StepNS
		if n := Lost(spans, from, from+m.StepNS); n > 0 {
			if m.Lost == nil {
				m.Lost = make([]int64, len(m.Counts))
			}
			m.Lost[x] = n
		}
	}
}

// SpanNS returns the time that the map is wide.
func (m *HeatMap) SpanNS() int64 {
	if n := int64(len(m.Counts)); n > 0 && m.StepNS > math.MaxInt64/n {
		return math.MaxInt64
	}
	return int64(len(m.Counts)) * m.StepNS
}

// Extent is the time that calls take up: from the earliest start to the latest
// end. The zero value is ready.
type Extent struct {
	First, Last int64
	any         bool
}

// Add takes calls into account.
func (e *Extent) Add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		if !e.any || c.StartNS < e.First {
			e.First = c.StartNS
		}
		if end := c.StartNS + c.DurNS; !e.any || end > e.Last {
			e.Last, e.any = end, true
		}
	}
}

// Merge takes the calls of another extent into account.
func (e *Extent) Merge(o *Extent) {
	switch {
	case !o.any:
	case !e.any:
		*e = *o
	default:
		e.First, e.Last = min(e.First, o.First), max(e.Last, o.Last)
	}
}
