package capture

import (
	"sync/atomic"

	"systape/bpf"
	"systape/format"
)

// gap is what is known of a CPU's losses that no record tells of yet. The
// kernel side writes a record of each gap when an event finds room again, so a
// gap that has begun holds the order back at its beginning until then: for one
// poll, since that makes room. Only where no event comes afterwards, the gap
// is told as it stands in the buffer's control page.
type gap struct {
	open   uint64 // time of the first loss, as of this poll; 0: none
	before uint64 // likewise, as of the poll before

	told     uint64              // the gap that has been told while it was open, by its first loss
	toldLast uint64              // as far as it has been told
	toldLost [bpf.Classes]uint64 // likewise
}

// look must be called before the head is read: a gap that is not open yet is
// then younger than the clock's reading before, and one that has ended is
// behind the head.
func (g *gap) look(c *bpf.Control) {
	g.before = g.open
	g.open = atomic.LoadUint64(&c.GapFirst)
}

// untold returns how much of the losses of the gap that began at first has not
// become a row, and since when.
func (g *gap) untold(first uint64, lost [bpf.Classes]uint64) (uint64, [bpf.Classes]uint64) {
	if g.told != first {
		return first, lost
	}
	for c := range lost {
		lost[c] -= g.toldLost[c]
	}
	return g.toldLast, lost
}

// tellOpenGap tells the gap of a CPU on which no event came since its buffer
// has room again. It reports whether the gap is no hindrance to the order:
// there is nothing about it that would still have to be told.
func (m *merger) tellOpenGap(s *source) bool {
	g := &s.gap
	if g.open != g.before && g.open != g.told || s.pos != s.head || s.mixed != nil {
		return false
	}
	// Each loss is dated before it is counted, so what has been counted is not
	// later than the date that is read afterwards.
	var lost [bpf.Classes]uint64
	for c := range lost {
		lost[c] = atomic.LoadUint64(&s.Control.GapLost[c])
	}
	last := atomic.LoadUint64(&s.Control.GapLast)
	if atomic.LoadUint64(&s.Control.GapFirst) != g.open {
		return false // it ended at this moment: its record comes with the next poll
	}
	first, rest := g.untold(g.open, lost)
	if rest != [bpf.Classes]uint64{} {
		m.notice(notice{first: first, last: last, cpu: s.CPU, kind: format.Lost, lost: rest, cause: m.causeOf(g.open, last)})
	}
	g.told, g.toldLast, g.toldLost = g.open, last, lost
	return true
}

// gapRow writes what the record of a gap tells.
func (m *merger) gapRow(s *source, r *bpf.Record) {
	p := bpf.Payload[bpf.GapPayload](r)
	first, lost := s.gap.untold(r.Ts, p.Lost)
	if lost != [bpf.Classes]uint64{} {
		m.lostRow(notice{first: first, last: p.Last, cpu: s.CPU, kind: format.Lost, lost: lost, cause: m.causeOf(r.Ts, p.Last)})
	}
}

// causeOf says why a buffer was full: because the recorder was slow, or
// because it waited for the spool.
func (m *merger) causeOf(first, last uint64) format.Cause {
	if m.stalled != nil && m.stalled(first, last) {
		return format.CauseDropped
	}
	return format.CauseRingFull
}
