package capture

import (
	"time"

	"systape/format"
)

const (
	anchorEvery = 10 * time.Second
	maxAnchors  = 1000 // then the regular ones are thinned, and the interval doubles

	// wallStep is a step of the wall clock that is worth two anchors of its own,
	// beyond what a disciplined clock runs fast or slow (one part in wallSlew, see
	// format.Clock.Wall).
	wallStep = int64(10 * time.Millisecond)
	wallSlew = 1000
)

// anchors watches the wall clock, so that a step of it stands between two
// anchors that are one look apart. Between looks, a step that is taken back is
// not seen.
type anchors struct {
	last  format.Anchor // the latest look
	every int64         // ns
}

// keep appends an anchor.
func (w *anchors) keep(list []format.Anchor, now format.Anchor) []format.Anchor {
	w.last = now
	list = append(list, now)
	if len(list) > maxAnchors {
		list = thinned(list)
		w.every *= 2
	}
	return list
}

// look appends the anchors that a look at the clock asks for: one when it is
// time for it, and both ends of a step.
func (w *anchors) look(list []format.Anchor, now format.Anchor) []format.Anchor {
	before := w.last
	switch n := len(list); {
	case stepped(before, now):
		if n == 0 || list[n-1].TS < before.TS {
			list = w.keep(list, before)
		}
		return w.keep(list, now)
	case n == 0 || now.TS-list[n-1].TS >= w.every:
		return w.keep(list, now)
	}
	w.last = now
	return list
}

func stepped(a, b format.Anchor) bool {
	span := b.TS - a.TS
	step := b.RealNS - a.RealNS - span
	most := wallStep + span/wallSlew
	return step > most || step < -most
}

// thinned leaves out every second anchor that is not the end of a step; of a
// clock that is set all the time, every second anchor of all.
func thinned(list []format.Anchor) []format.Anchor {
	steps := make([]bool, len(list))
	for i := range len(list) - 1 {
		if stepped(list[i], list[i+1]) {
			steps[i], steps[i+1] = true, true
		}
	}
	few := list[:0:0]
	for i, a := range list {
		if steps[i] || i%2 == 0 {
			few = append(few, a)
		}
	}
	if len(few) <= maxAnchors*3/4 {
		return few
	}
	few = few[:0]
	for i := 0; i < len(list); i += 2 {
		few = append(few, list[i])
	}
	return few
}
