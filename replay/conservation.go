package replay

import (
	"fmt"
	"slices"
	"strings"

	"systape/format"
	"systape/replay/units"
)

// Conservation checks that nothing appears or vanishes between the kernel and
// the calls: it counts the events of a capture and the calls that were made
// of them, each by itself, and compares both with each other and with the
// recorder's own counters. It shares no state with the Pairer. The zero value
// is ready.
type Conservation struct {
	cpus     []conservationCPU // by CPU, as far as it occurs
	byStatus [NumStatuses]int64
	first    int64 // seq of the first row
	rows     int64
	wrong    []string // of single calls, the first few
	wrongs   int64

	// Counted says that the capture has count rows (format.Request.Counted), to
	// be set before the pass.
	Counted bool
	counts  counts
	there   map[countedKey]int64 // calls with both halves, as far as Counted
	counted bool                 // a count row was there
	from    int64                // seq from which calls are counted
}

// halves are the events of one direction: how many, and a sum over their
// seqs that does not depend on their order, so that no event can stand in
// for another.
type halves struct {
	n   int64
	sum uint64
}

func (h *halves) add(seq int64) {
	h.n++
	// The finalizer of MurmurHash3, so that sums of different sets differ.
	x := uint64(seq) + 1
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	h.sum += x
}

type conservationCPU struct {
	enters, exits         halves // rows
	callEnters, callExits halves // halves of calls
	entersBy, exitsBy     [NumStatuses]int64
	lifecycle             int64
	lost                  Loss // sums of the lost rows
}

// maxCPU bounds what a hostile file can make Conservation allocate; Linux has
// at most 8192 CPUs (NR_CPUS of arch/x86/Kconfig). Rows of other CPUs count
// with the last one.
const maxCPU = 8191

func (s *Conservation) cpu(n int32) *conservationCPU {
	if n < 0 || n > maxCPU {
		n = maxCPU
	}
	for int(n) >= len(s.cpus) {
		s.cpus = append(s.cpus, conservationCPU{})
	}
	return &s.cpus[n]
}

// Events counts the rows of a batch; it needs the columns that pairing needs,
// those for lost rows included.
func (s *Conservation) Events(b *format.Batch) {
	for i, k := range b.Kind[:b.N] {
		seq := s.first + s.rows
		if len(b.Seq) > 0 {
			seq = b.Seq[i]
		}
		if s.rows == 0 {
			s.first = seq
		}
		s.rows++
		c := s.cpu(b.CPU[i])
		switch k {
		case format.Enter:
			c.enters.add(seq)
		case format.Exit:
			c.exits.add(seq)
		case format.Lost:
			if len(b.Args[format.LostExits]) < b.N {
				continue // the Pairer refuses such a batch
			}
			l := LossAt(b, i)
			c.lost.Events += l.Events
			c.lost.Enters += l.Enters
			c.lost.Exits += l.Exits
		case format.Fork, format.Exec, format.Rename, format.ThreadEnd:
			c.lifecycle++
		case format.Count:
			if !s.counted && s.Counted && countingBegins(b, i) {
				s.from = seq // what returned before was counted in what is not here, or is not
				clear(s.there)
			}
			s.counted = true
		}
	}
	if s.Counted {
		s.counts.rows(b)
	}
}

// Calls counts calls, and looks at each by itself.
func (s *Conservation) Calls(calls []Call) {
	for i := range calls {
		c := &calls[i]
		if c.Status >= NumStatuses {
			s.blame(c, "has no status")
			continue
		}
		s.byStatus[c.Status]++
		if c.EnterSeq >= 0 {
			cpu := s.cpu(c.CPUEnter)
			cpu.callEnters.add(c.EnterSeq)
			cpu.entersBy[c.Status]++
		}
		if c.ExitSeq >= 0 {
			cpu := s.cpu(c.CPUExit)
			cpu.callExits.add(c.ExitSeq)
			cpu.exitsBy[c.Status]++
		}
		if s.Counted && c.EnterSeq >= 0 && c.ExitSeq >= s.from && c.ExitSeq >= 0 && len(s.there) < maxCounted {
			if s.there == nil {
				s.there = map[countedKey]int64{}
			}
			s.there[countedKey{c.PID, c.Nr, c.ABI}]++
		}
		enter, exit := c.EnterSeq >= 0, c.ExitSeq >= 0
		switch {
		case enter != c.Status.HasEnter():
			s.blame(c, "has an enter: %v", enter)
		case !exit && c.Status.needsExit():
			s.blame(c, "has no exit")
		case exit && c.Status.noExit():
			s.blame(c, "has an exit")
		case enter && exit && (c.ExitSeq <= c.EnterSeq || c.DurNS < 0):
			s.blame(c, "ends before it begins")
		}
	}
}

func (s *Conservation) blame(c *Call, what string, args ...any) {
	const keep = 3
	if s.wrongs++; s.wrongs <= keep {
		s.wrong = append(s.wrong, fmt.Sprintf("call of thread %d, enter %d, exit %d, status %v: %s", c.TID, c.EnterSeq, c.ExitSeq, c.Status, fmt.Sprintf(what, args...)))
	}
}

// needsExit reports whether calls of this status own an exit event.
func (s Status) needsExit() bool {
	switch s {
	case NoReturn, Sigreturn, OpenAtEnd, Killed, ExitLost:
		return false
	}
	return true
}

// noExit reports whether calls of this status own none.
func (s Status) noExit() bool { return !s.needsExit() && s != Sigreturn }

// ConservationReport is the outcome. Its JSON is what verify prints; the
// checks are for people.
type ConservationReport struct {
	Enters   int64           `json:"enters"`
	Exits    int64           `json:"exits"`
	ByStatus StatusCounts    `json:"by_status"`
	Lost     int64           `json:"lost_events"`
	PerCPU   []ConservedCPU  `json:"per_cpu"`
	Checks   []ConservedRule `json:"checks"`
}

// StatusCounts is a number of calls for each status; in JSON an object with
// every status by name.
type StatusCounts [NumStatuses]int64

// MarshalJSON writes {"ok": N, "restarted": N, …} in the order of the values.
func (c StatusCounts) MarshalJSON() ([]byte, error) { return appendByStatus(nil, c), nil }

// ConservedCPU is the balance of one CPU.
type ConservedCPU struct {
	CPU        int32 `json:"cpu"`
	Enters     int64 `json:"enters"`      // rows
	Exits      int64 `json:"exits"`       // rows
	Lifecycle  int64 `json:"lifecycle"`   // rows
	LostEnters int64 `json:"lost_enters"` // as the lost rows tell
	LostExits  int64 `json:"lost_exits"`
	LostEvents int64 `json:"lost_events"`
}

// ConservedRule is one check. A rule that could not be checked is not ok, and
// its detail says why it was not.
type ConservedRule struct {
	Rule    string `json:"rule"` // "C1" to "C5"
	OK      bool   `json:"ok"`
	Checked bool   `json:"checked"`
	Detail  string `json:"detail"`
}

// OK reports whether no rule that was checked fails.
func (r *ConservationReport) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c ConservedRule) bool { return c.Checked && !c.OK })
}

// Report compares everything when the capture has been read to its end. cov
// is the Pairer's coverage. The rules:
//
//	C1  every enter row belongs to exactly one call, on every CPU
//	C2  every exit row belongs to exactly one call, on every CPU
//	C3  every call has the halves that its status says, in order
//	C4  what the kernel counted as seen is in the file or in lost rows, on
//	    every CPU and for enters, exits and lifecycle each
//	C5  every missing half is explained by a dated loss
//	C6  where calls were left out on purpose: of no process and number are more
//	    in the capture than the kernel side counted
func (s *Conservation) Report(m *format.Meta, cov Coverage) *ConservationReport {
	r := &ConservationReport{ByStatus: s.byStatus, Checks: []ConservedRule{}, PerCPU: []ConservedCPU{}}
	var enters, exits failures
	for n := range s.cpus {
		c := &s.cpus[n]
		enters.balance(n, "enter", c.enters, c.callEnters, c.entersBy)
		exits.balance(n, "exit", c.exits, c.callExits, c.exitsBy)
		r.Enters += c.enters.n
		r.Exits += c.exits.n
		r.Lost += c.lost.Events
		if c.enters.n+c.exits.n+c.lifecycle+c.lost.Events > 0 {
			r.PerCPU = append(r.PerCPU, ConservedCPU{int32(n), c.enters.n, c.exits.n, c.lifecycle, c.lost.Enters, c.lost.Exits, c.lost.Events})
		}
	}
	rule := func(name string, f failures, fine string) {
		c := ConservedRule{Rule: name, OK: f.n == 0, Checked: true, Detail: fine}
		if f.n > 0 {
			c.Detail = f.text
		} else if strings.HasPrefix(fine, notChecked) {
			c.OK, c.Checked = false, false
		}
		r.Checks = append(r.Checks, c)
	}
	rule("C1", enters, units.Counted(r.Enters, "enter")+", each in one call")
	rule("C2", exits, units.Counted(r.Exits, "exit")+", each in one call")
	var halves failures
	for _, w := range s.wrong {
		halves.add("%s", w)
	}
	if more := s.wrongs - int64(len(s.wrong)); more > 0 {
		halves.add("%d more", more)
	}
	rule("C3", halves, "every call has the halves of its status")
	counters, why := s.counters(m)
	rule("C4", counters, why)
	var gaps failures
	why = "every missing half lies in a dated loss"
	switch {
	case cov.Unexplained == 0:
	case m == nil || m.Imported != nil:
		why = notChecked + "imported; without an exit and without a loss: " + units.Counted(cov.Unexplained, "call")
	case m.Selection != nil:
		why = notChecked + "rows were left out on purpose; without an exit: " + units.Counted(cov.Unexplained, "call")
	case m.Request.Floating():
		why = notChecked + "threads may leave the filter inside a call; without an exit: " + units.Counted(cov.Unexplained, "call")
	default:
		gaps.add("no loss is dated that can have held the exits of %s", units.Counted(cov.Unexplained, "call"))
	}
	rule("C5", gaps, why)
	if s.Counted {
		s.judgeCounts(rule)
	}
	return r
}

// judgeCounts compares the calls of the capture with the exact counts: there are
// as many at least of each process, ABI and number.
func (s *Conservation) judgeCounts(rule func(name string, f failures, fine string)) {
	var f failures
	var sum int64
	for _, c := range s.counts.list {
		sum += c.Calls
		key := countedKey{c.PID, c.Nr, c.ABI}
		if there := s.there[key]; c.PID != 0 && there > c.Calls {
			f.add("process %d: %s of %s number %d are there, counted were %s", c.PID, units.Counted(there, "call"), c.ABI, c.Nr, units.Count(c.Calls))
		}
	}
	rule("C6", f, units.Counted(sum, "call")+" counted, and no more of any kind in the capture")
}

// counters compares with what the recorder counted; fine says what held or
// why there was nothing to compare with.
func (s *Conservation) counters(m *format.Meta) (f failures, fine string) {
	switch {
	case m == nil || m.Imported != nil:
		return f, notChecked + "no kernel was recorded"
	case m.Selection != nil:
		return f, notChecked + "rows were left out on purpose"
	case m.Counts == nil:
		return f, notChecked + "the capture has no counters of the recorder"
	case s.rows > 0 && s.first != 0:
		return f, notChecked + "the first parts of the recording are not here"
	}
	seen := map[int32]bool{}
	var events int64
	for _, k := range m.Counts.PerCPU {
		seen[k.CPU] = true
		var c conservationCPU
		if k.CPU >= 0 && int(k.CPU) < len(s.cpus) {
			c = s.cpus[k.CPU]
		}
		lostLife := c.lost.Events - c.lost.Enters - c.lost.Exits
		f.counter(k.CPU, "enters", k.Enters, c.enters.n, c.lost.Enters, k.LostEnters)
		f.counter(k.CPU, "exits", k.Exits, c.exits.n, c.lost.Exits, k.LostExits)
		f.counter(k.CPU, "lifecycle events", k.Lifecycle, c.lifecycle, lostLife, k.LostLifecycle)
		events += k.Enters + k.Exits + k.Lifecycle
	}
	for n := range s.cpus {
		c := &s.cpus[n]
		if rows := c.enters.n + c.exits.n + c.lifecycle; rows > 0 && !seen[int32(n)] {
			f.add("cpu %d: %s events in the file, none counted by the kernel", n, units.Count(rows))
		}
	}
	return f, units.Counted(events, "event") + " seen by the kernel, all in the file or in lost rows"
}

// notChecked begins the detail of a rule that there was nothing to check by.
const notChecked = "not checked: "

// failures gathers what a rule has found.
type failures struct {
	n    int
	text string
}

func (f *failures) add(format string, args ...any) {
	const keep = 5
	switch f.n++; {
	case f.n > keep+1:
		return
	case f.n > keep:
		f.text += "; …"
		return
	case f.n > 1:
		f.text += "; "
	}
	f.text += fmt.Sprintf(format, args...)
}

func (f *failures) balance(cpu int, what string, rows, calls halves, by [NumStatuses]int64) {
	if rows == calls {
		return
	}
	if rows.n == calls.n {
		f.add("cpu %d: %s %ss, as many in calls, but not the same", cpu, units.Count(rows.n), what)
		return
	}
	sum, sep := "", ""
	for s, n := range by {
		if n > 0 {
			sum += fmt.Sprintf("%s%s %v", sep, units.Count(n), Status(s))
			sep = " + "
		}
	}
	f.add("cpu %d: %s %ss, but %s in calls (%s)", cpu, units.Count(rows.n), what, units.Count(calls.n), sum)
}

func (f *failures) counter(cpu int32, what string, seen, rows, lost, countedLost int64) {
	switch {
	case seen != rows+lost:
		f.add("cpu %d: the kernel saw %s %s, the file has %s and lost rows tell of %s: %s are unaccounted for", cpu, units.Count(seen), what, units.Count(rows), units.Count(lost), units.Count(seen-rows-lost))
	case lost != countedLost:
		f.add("cpu %d: the kernel counted %s lost %s, lost rows tell of %s", cpu, units.Count(countedLost), what, units.Count(lost))
	}
}
