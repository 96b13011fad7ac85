package latency

import (
	"systape/format"
	"systape/replay"
)

// selector decides which calls a view counts, and as what.
type selector struct {
	class [replay.NumStatuses]class
	mode  WaitMode
	waits waitCache
}

// class is what a call counts as.
type class uint8

const (
	skipped class = iota
	finished
	open // its duration is a lower bound
)

// newSelector selects the calls with a status in use, and among them those
// that waits says.
func newSelector(names *format.SymbolTable, use StatusSet, waits WaitMode) selector {
	s := selector{mode: waits, waits: waitCache{names: names}}
	for st := range replay.NumStatuses {
		switch {
		case use&(1<<st) == 0:
		case LowerBounds()&(1<<st) != 0:
			s.class[st] = open
		default:
			s.class[st] = finished
		}
	}
	return s
}

// pick returns what a call counts as, and whether it waits by nature; false
// where that makes no difference.
func (s *selector) pick(c *replay.Call) (cl class, waits bool) {
	cl = s.class[c.Status]
	if cl == skipped || s.mode == WaitMixed {
		return cl, false
	}
	waits = s.waits.of(c.Syscall)
	if !s.wanted(waits) {
		return skipped, waits
	}
	return cl, waits
}

// wanted reports whether the mode takes calls that wait, or that do not.
func (s *selector) wanted(waits bool) bool {
	switch s.mode {
	case WaitOnly:
		return waits
	case WaitNone:
		return !waits
	}
	return true
}

// section is where a call that pick took belongs when calls that wait are
// kept apart: 1 for them, else 0.
func (s *selector) section(waits bool) int { return section(waits && s.mode == WaitApart) }

// waitCache remembers which system calls wait by nature.
type waitCache struct {
	names *format.SymbolTable
	known []uint8 // by Symbol: 0 not asked yet, 1 no, 2 yes
}

func (w *waitCache) of(s format.Symbol) bool {
	if int(s) < len(w.known) && w.known[s] != 0 {
		return w.known[s] == 2
	}
	if n := max(w.names.Len(), int(s)+1); len(w.known) < n {
		w.known = append(w.known, make([]uint8, n-len(w.known))...)
	}
	w.known[s] = 1
	if replay.WaitsByNature(w.names.String(s)) {
		w.known[s] = 2
	}
	return w.known[s] == 2
}
