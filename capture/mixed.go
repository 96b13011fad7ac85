package capture

import (
	"math"
	"sync/atomic"

	"systape/bpf"
)

// mixedSource reads a buffer in which several programs write at a time (see
// bpf.WritersMixed): a record may be dated later than one that stands behind
// it, since its program was preempted in between. The records that are
// finished wait here, oldest first. What has become a row is emptied at once,
// for there a program goes by memory that reads as not written yet.
type mixedSource struct {
	scanned uint64 // up to here records have been taken in
	head    uint64 // as of the latest scan
	bound   uint64 // the record at scanned, if its place was taken then, is not older than this
	waiting []waiting
	lost    [bpf.Classes]uint64 // losses that have become rows
}

type waiting struct{ ts, pos uint64 }

// gather takes in what has been written up to the head, the head having been
// looked at before at looked, and now being the time. It returns the time up to which the order of the
// source is known; sound is false when it comes to a record that makes no sense.
func (s *source) gather(looked, now uint64) (known uint64, sound bool) {
	m := s.mixed
	known = math.MaxUint64
	for m.scanned != s.head {
		r := s.At(m.scanned)
		tag := atomic.LoadUint64(&r.Tag)
		if tag == 0 {
			// Its place was taken after the look before, or else after that of
			// an unfinished one that stood before it.
			if m.scanned >= m.head {
				m.bound = looked
			}
			known = m.bound
			break
		}
		size := bpf.Size(tag)
		if !plausible(r, size, s.head-m.scanned) || r.Ts > now+absurdlyLate {
			m.front(s)
			return known, false
		}
		m.insert(waiting{r.Ts, m.scanned})
		m.scanned += size
	}
	m.head = s.head
	m.front(s)
	return known, true
}

// skip gives up what has not been taken in, up to a position. It returns how
// many records of each class are waiting.
func (m *mixedSource) skip(s *source, to uint64) (waiting [bpf.Classes]uint64) {
	for at := m.scanned; at != to; at += 8 {
		bpf.Empty(s.At(at), 8)
	}
	m.scanned, m.head = to, to
	for _, w := range m.waiting {
		countEvents(bpf.KindOf(s.At(w.pos).Tag), &waiting)
	}
	return waiting
}

// insert keeps the order; what comes later is mostly younger.
func (m *mixedSource) insert(w waiting) {
	i := len(m.waiting)
	m.waiting = append(m.waiting, w)
	for ; i > 0 && m.waiting[i-1].ts > w.ts; i-- {
		m.waiting[i] = m.waiting[i-1]
	}
	m.waiting[i] = w
}

// next goes on to the next record.
func (m *mixedSource) next(s *source) {
	m.waiting = m.waiting[1:]
	m.front(s)
}

func (m *mixedSource) front(s *source) {
	if len(m.waiting) > 0 {
		s.pos, s.ts = m.waiting[0].pos, m.waiting[0].ts
	}
}

// free is how far the buffer has been read without a hole.
func (m *mixedSource) free() uint64 {
	free := m.scanned
	for _, w := range m.waiting {
		free = min(free, w.pos)
	}
	return free
}
