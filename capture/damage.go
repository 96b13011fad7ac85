package capture

import (
	"sync/atomic"
	"unsafe"

	"systape/bpf"
	"systape/format"
)

// absurdlyLate is by how much no record can be ahead of the clock.
const absurdlyLate = 10e9 // ns

// textsBytes is what two texts take at most.
const textsBytes = 2 * (int(unsafe.Sizeof(bpf.Text{})) + bpf.TextMax + 8)

// payloadBytes bounds what follows the fixed part of a record, by kind.
var payloadBytes = [...]struct{ least, most int }{
	0:                   {1, 0}, // no kind
	bpf.RecordEnter:     {0, 6 * 8},
	bpf.RecordExit:      {8, 8},
	bpf.RecordFork:      exactly[bpf.ForkPayload](),
	bpf.RecordExec:      exactly[bpf.ExecPayload](),
	bpf.RecordRename:    exactly[bpf.RenamePayload](),
	bpf.RecordThreadEnd: exactly[bpf.EndPayload](),
	bpf.RecordGap:       exactly[bpf.GapPayload](),
	bpf.RecordCall:      {int(unsafe.Sizeof(bpf.CallPayload{})), int(unsafe.Sizeof(bpf.CallPayload{})) + 6*8},

	bpf.RecordEnterTexts: {6 * 8, 6*8 + textsBytes},
	bpf.RecordExitTexts:  {8, 8 + textsBytes},
	bpf.RecordMove:       exactly[bpf.PlacePayload](),
	bpf.RecordCgroup:     exactly[bpf.PlacePayload](),

	bpf.RecordCallTexts: {int(unsafe.Sizeof(bpf.CallPayload{})) + 6*8, int(unsafe.Sizeof(bpf.CallPayload{})) + 6*8 + textsBytes},
}

func exactly[T any]() struct{ least, most int } {
	var payload T
	return struct{ least, most int }{int(unsafe.Sizeof(payload)), int(unsafe.Sizeof(payload))}
}

// plausible reports whether a finished record can be one: what does not fit
// would lead its reader anywhere. room is what the kernel side has reserved
// from the record on.
func plausible(r *bpf.Record, size, room uint64) bool {
	kind, payload := bpf.KindOf(r.Tag), int(size)-bpf.RecordBytes
	if size%8 != 0 || size > room || int(kind) >= len(payloadBytes) || bpf.ABIOf(r.Tag) > bpf.ABIX32 {
		return false
	}
	bounds := &payloadBytes[kind]
	return payload >= bounds.least && payload <= bounds.most && uint32(r.PidTgid) < maxThreads
}

// skipDamage gives up what is in a CPU's buffer, since one record in it makes
// no sense: where the next one begins is not known. What is missing is what
// the kernel side has seen and nobody has told of.
func (m *merger) skipDamage(s *source) {
	n := notice{first: max(s.lastTS, m.mark), cpu: s.CPU, kind: format.Lost, cause: format.CauseDamaged}
	seen, lost := s.Control.Seen, s.Control.Lost // before the head: a program counts, then takes its place
	to := atomic.LoadUint64(&s.Control.Head)
	var waiting [bpf.Classes]uint64
	if s.mixed != nil {
		waiting = s.mixed.skip(s, to)
	} else {
		s.pos = to
	}
	s.head = to
	for c := range n.lost {
		n.lost[c] = seen[c] - lost[c] - s.read[c] - s.damaged[c] - waiting[c]
		s.damaged[c] += n.lost[c]
	}
	n.last = m.clock()
	m.notice(n)
}

// countEvents adds the events that a record tells.
func countEvents(kind bpf.RecordKind, counts *[bpf.Classes]uint64) {
	switch kind {
	case bpf.RecordEnter, bpf.RecordEnterTexts:
		counts[bpf.ClassEnter]++
	case bpf.RecordExit, bpf.RecordExitTexts:
		counts[bpf.ClassExit]++
	case bpf.RecordCall, bpf.RecordCallTexts:
		counts[bpf.ClassEnter]++
		counts[bpf.ClassExit]++
	case bpf.RecordMove, bpf.RecordCgroup: // no events
	default:
		counts[bpf.ClassLifecycle]++
	}
}
