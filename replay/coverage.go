package replay

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"systape/format"
	"systape/replay/files"
	"systape/replay/units"
)

// Coverage says what share of the calls a statistic rests on, and what
// happened to the rest.
type Coverage struct {
	Calls      int64              // all calls that were made: the sum of ByStatus, and LostCalls
	Used       int64              // calls measured from end to end: ok and restarted
	ByStatus   [NumStatuses]int64 //
	Enters     int64              // enter rows
	Exits      int64              // exit rows
	LostEvents int64              // events that lost rows stand for
	LostEnters int64              // enters among them
	LostExits  int64              // exits among them
	// LostCalls counts calls of which neither half is in the capture, as the
	// lost rows tell: enters that were lost, less those whose exit is there.
	LostCalls int64
	// Vague says that events were lost and that nothing tells how many of them
	// belong to the calls that a filter asked for: LostCalls is 0, and the
	// share that was measured is an upper bound.
	Vague bool
	// Partial says, where a recording left calls out on purpose, what those are
	// that it has, such as "drawn by lot"; else "". LeftOut counts the others,
	// exactly, and they are among Calls; with LeftOutUnknown nothing tells how
	// many there are of what a filter asked for.
	Partial        string
	LeftOut        int64
	LeftOutUnknown bool
	// Unexplained counts calls that are exit_lost though no dated loss can
	// have held their exit: the capture misses events without saying so.
	Unexplained int64
	// LateLosses counts lost rows that came after calls they concern had been
	// given out: durations of calls shortly before may be too long.
	LateLosses int64
	// Files tells for how many of all calls of the capture, whatever a filter
	// chose, it is known what they are about; zero when the session did not
	// follow descriptors.
	Files files.Counts
}

func (c *Coverage) addLoss(l Loss) {
	c.LostEvents += l.Events
	c.LostEnters += l.Enters
	c.LostExits += l.Exits
}

// takeLosses adds what was lost to a coverage of the calls that f chose. all
// is that of the whole capture; sel says what of the recording that is.
func (c *Coverage) takeLosses(all Coverage, spans *lossSpans, f *Filter, sel *format.Selection) {
	c.LostEvents, c.LostEnters, c.LostExits = all.LostEvents, all.LostEnters, all.LostExits
	if f.From != 0 || f.To != 0 {
		c.LostEvents, c.LostEnters, c.LostExits = 0, 0, 0
		to := f.To
		if to == 0 {
			to = math.MaxInt64
		}
		for _, s := range spans.sorted() {
			if s.Overlaps(f.From, to) {
				c.LostEvents += s.Events
				c.LostEnters += s.Enters
				c.LostExits += s.Exits
			}
		}
	}
	c.Vague = c.LostEvents > 0 && (f.choosesThreads() || sel != nil && (!sel.Calls || sel.Filter != ""))
	c.sum()
}

// Add counts calls; a Pairer does it by itself, and whoever looks at a part of
// its calls counts that part here.
func (c *Coverage) Add(calls []Call) {
	ok := 0
	for i := range calls {
		if s := calls[i].Status; s == OK {
			ok++
		} else {
			c.ByStatus[s]++
		}
	}
	c.ByStatus[OK] += int64(ok)
	c.sum()
}

// Count counts one call.
func (c *Coverage) Count(s Status) {
	c.ByStatus[s]++
	c.Calls++
	if s == OK || s == Restarted {
		c.Used++
	}
}

// Merge adds the coverage of another capture.
func (c *Coverage) Merge(o Coverage) {
	for s, n := range o.ByStatus {
		c.ByStatus[s] += n
	}
	c.Calls += o.Calls
	c.Used += o.Used
	c.Enters += o.Enters
	c.Exits += o.Exits
	c.LostEvents += o.LostEvents
	c.LostEnters += o.LostEnters
	c.LostExits += o.LostExits
	c.LostCalls += o.LostCalls
	c.Vague = c.Vague || o.Vague
	c.Unexplained += o.Unexplained
	c.LateLosses += o.LateLosses
}

func (c *Coverage) sum() {
	c.LostCalls = 0
	if !c.Vague {
		c.LostCalls = max(c.LostEnters-c.ByStatus[EnterLost], 0)
	}
	c.Calls, c.Used = c.LostCalls+c.LeftOut, c.ByStatus[OK]+c.ByStatus[Restarted]
	for _, n := range c.ByStatus {
		c.Calls += n
	}
}

// Share returns Used / Calls, 1 when there are no calls.
func (c *Coverage) Share() float64 {
	if c.Calls == 0 {
		return 1
	}
	return float64(c.Used) / float64(c.Calls)
}

// Lost returns the calls of which a half or the whole fell into a loss.
func (c *Coverage) Lost() int64 { return c.ByStatus[EnterLost] + c.ByStatus[ExitLost] + c.LostCalls }

// Censored returns the calls of which only a lower bound of the duration is
// known.
func (c *Coverage) Censored() int64 {
	return c.ByStatus[OpenAtStart] + c.ByStatus[OpenAtEnd] + c.ByStatus[Killed]
}

// MarshalJSON writes {"calls": N, "used": N, "by_status": {"ok": N, …},
// "lost_events": N, "lost_calls": N}, with every status, in the order of their
// values; lost_calls is null where it cannot be known (see Vague). Where calls
// were left out on purpose there are "partial" and "left_out" (null where it
// cannot be known); where descriptors were followed, "paths": {"calls": N,
// "known": N} has Files.
func (c Coverage) MarshalJSON() ([]byte, error) {
	b := append([]byte(nil), `{"calls":`...)
	b = strconv.AppendInt(b, c.Calls, 10)
	b = append(b, `,"used":`...)
	b = strconv.AppendInt(b, c.Used, 10)
	b = append(b, `,"by_status":`...)
	b = appendByStatus(b, c.ByStatus)
	b = append(b, `,"lost_events":`...)
	b = strconv.AppendInt(b, c.LostEvents, 10)
	b = append(b, `,"lost_calls":`...)
	if c.Vague {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, c.LostCalls, 10)
	}
	if c.Partial != "" {
		b = append(append(b, `,"partial":`...), strconv.Quote(c.Partial)...)
		b = append(b, `,"left_out":`...)
		if c.LeftOutUnknown {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendInt(b, c.LeftOut, 10)
		}
	}
	if c.Files.Asked > 0 {
		b = append(b, `,"paths":{"calls":`...)
		b = strconv.AppendInt(b, c.Files.Asked, 10)
		b = append(b, `,"known":`...)
		b = append(strconv.AppendInt(b, c.Files.Known, 10), '}')
	}
	return append(b, '}'), nil
}

var _ json.Marshaler = Coverage{}

func appendByStatus(b []byte, counts [NumStatuses]int64) []byte {
	sep := byte('{')
	for s, n := range counts {
		b = append(b, sep, '"')
		b = append(b, Status(s).String()...)
		b = append(b, `":`...)
		b = strconv.AppendInt(b, n, 10)
		sep = ','
	}
	return append(b, '}')
}

// String is the one line that every statistic prints, such as
// "99.2 % of 41,300,000 calls (0.5 % open or killed, 0.2 % lost, 0.1 % other); 4,112 events lost".
func (c Coverage) String() string {
	if c.Calls == 0 {
		return "no calls" + c.lostWords()
	}
	var b strings.Builder
	if c.Vague {
		b.WriteString("at most ")
	}
	b.WriteString(units.Share(c.Used, c.Calls) + " of " + units.Counted(c.Calls, "call"))
	after := c.ByStatus[EnterAfterEnd]
	rest := c.Calls - c.Used - c.Censored() - c.Lost() - after - c.LeftOut
	sep := " ("
	for _, part := range []struct {
		n    int64
		what string
	}{{c.LeftOut, "left out: recorded are calls " + c.Partial}, {c.Censored(), "open or killed"}, {c.Lost(), "lost"}, {after, "begun after the recording's end"}, {rest, "without a duration by nature"}} {
		if part.n > 0 {
			b.WriteString(sep + units.Share(part.n, c.Calls) + " " + part.what)
			sep = ", "
		}
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	if c.LeftOutUnknown {
		b.WriteString("; recorded are calls " + c.Partial + ", and how many were left out of these is not known")
	}
	return b.String() + c.lostWords() + c.fileWords()
}

func (c *Coverage) fileWords() string {
	if c.Files.Known == 0 {
		return ""
	}
	return "; paths and descriptors known in " + units.Share(c.Files.Known, c.Files.Asked) + " of " + units.Counted(c.Files.Asked, "call")
}

func (c *Coverage) lostWords() string {
	switch {
	case c.LostEvents == 0:
		return ""
	case c.Vague:
		return "; " + units.Counted(c.LostEvents, "event") + " lost, of which calls is not known"
	}
	return "; " + units.Counted(c.LostEvents, "event") + " lost"
}
