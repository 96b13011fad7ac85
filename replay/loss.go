package replay

import (
	"cmp"
	"math"
	"slices"

	"systape/format"
)

// Loss is what a lost row tells: how many events of one CPU are missing, and
// the capture times between which they happened.
type Loss struct {
	CPU    int32
	First  int64 // of the first missing event
	Last   int64 // of the last missing event
	Events int64
	Enters int64
	Exits  int64
	Cause  format.Cause
}

// lifecycle returns how many of the missing events were fork, exec, rename
// and thread_end.
func (l Loss) lifecycle() int64 { return max(l.Events-l.Enters-l.Exits, 0) }

// LossAt returns row i of b, which must be of kind Lost, as a Loss. A row
// that does not say how many events it stands for may stand for any.
func LossAt(b *format.Batch, i int) Loss {
	l := Loss{
		CPU:    b.CPU[i],
		First:  b.Args[format.LostFirst][i],
		Last:   b.Args[format.LostLast][i],
		Events: b.Args[format.LostCount][i],
		Enters: b.Args[format.LostEnters][i],
		Exits:  b.Args[format.LostExits][i],
		Cause:  format.Cause(column(b.Args[format.LostCause], i)),
	}
	if l.First == 0 || l.First > b.TS[i] {
		l.First = b.TS[i]
	}
	l.Last = max(l.Last, l.First)
	return l
}

// LateLosses appends to losses the rows of b that stand later in the stream
// than the time they are dated at, and returns it. A first pass over a
// capture collects them for [PairOptions]; it needs the columns ts_ns, kind,
// cpu and arg0 to arg5 only.
func LateLosses(b *format.Batch, losses []Loss) []Loss {
	for i, k := range b.Kind[:b.N] {
		if k == format.Lost {
			if l := LossAt(b, i); l.First < b.TS[i] {
				losses = append(losses, l)
			}
		}
	}
	return losses
}

// never is earlier than every event and than unseen.
const never = math.MinInt64

// losses answers what may be missing since some instant. The stream gives
// losses in the order of their beginnings, and the questions are always about
// a span that ends now; so the latest end of all losses so far, by what they
// hold, is all that has to be kept.
type losses struct {
	// marked says that the stream names the threads that lost events to a full
	// buffer: such a loss says nothing of others, and is only noted in ends.
	marked bool

	enter int64    // latest instant at which an enter may be missing
	exit  int64    // likewise, an exit
	life  [2]int64 // likewise, a lifecycle event, and a second one
	// unsafe is the latest instant that mayHideCall answers true for.
	unsafe int64
	// ends is the latest instant at which an exit or a lifecycle event is
	// missing, whosever it is.
	ends int64

	late []Loss // not begun yet, by First
	next int64  // First of late[0]; MaxInt64 when there is none
	told map[Loss]int
}

func (s *losses) init(late []Loss, marked bool) {
	*s = losses{marked: marked, enter: never, exit: never, life: [2]int64{never, never}, unsafe: never, ends: never, next: math.MaxInt64}
	if len(late) == 0 {
		return
	}
	s.late = slices.Clone(late)
	slices.SortFunc(s.late, func(a, b Loss) int { return cmp.Compare(a.First, b.First) })
	s.next = s.late[0].First
	s.told = make(map[Loss]int, len(late))
	for _, l := range late {
		s.told[l]++
	}
}

// advance takes the late losses into account that have begun by now.
func (s *losses) advance(now int64) {
	for len(s.late) > 0 && s.late[0].First <= now {
		s.note(s.late[0])
		s.late = s.late[1:]
	}
	s.next = math.MaxInt64
	if len(s.late) > 0 {
		s.next = s.late[0].First
	}
}

// add takes the loss of a row at now into account and reports whether it came
// too late: calls that it concerns have been given out already.
func (s *losses) add(l Loss, now int64) (late bool) {
	if l.First < now {
		if s.told[l] > 0 {
			s.told[l]--
			return false
		}
		late = true
	}
	s.note(l)
	return late
}

func (s *losses) note(l Loss) {
	unknown := l.Events <= 0
	n := l.lifecycle()
	if unknown {
		n = 2
	}
	if unknown || l.Exits > 0 || n > 0 {
		s.ends = max(s.ends, l.Last)
	}
	if s.marked && l.Cause.MarksThreads() {
		return
	}
	if unknown || l.Enters > 0 {
		s.enter = max(s.enter, l.Last)
	}
	if unknown || l.Exits > 0 {
		s.exit = max(s.exit, l.Last)
	}
	for range min(n, 2) {
		if l.Last > s.life[0] {
			s.life[0], s.life[1] = l.Last, s.life[0]
		} else {
			s.life[1] = max(s.life[1], l.Last)
		}
	}
	s.unsafe = max(s.exit, s.life[1])
}

// mayHideCall reports whether a thread that entered a call at start, and whose
// next event is an exit, may have left that call before. Then that exit is
// missing, or two lifecycle events: the end of the thread and the fork of
// another with the same id, or the leader's end and an execve that took over
// its id.
func (s *losses) mayHideCall(start int64) bool { return s.unsafe >= start }

// mayHideReturn reports whether a thread that entered a call at start, and
// goes on, may have left it unseen.
func (s *losses) mayHideReturn(start int64) bool { return s.exit >= start || s.life[0] >= start }

// mayHideEnd reports whether a thread that entered a call at start, and of
// which nothing more is seen, may have left it, so that nothing can be said of
// how long it lasted.
func (s *losses) mayHideEnd(start int64) bool { return s.ends >= start }

// mayHideEnter reports whether a thread whose last event was at last may have
// entered a call since, or become another thread.
func (s *losses) mayHideEnter(last int64) bool { return s.enter >= last || s.life[0] >= last }
