package views

import (
	"fmt"
	"strconv"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/render/decode"
	"systape/replay/units"
)

// Slowest is the n slowest calls, each with up to around calls of its thread
// before and after.
func (l *Latency) Slowest(n, around int) View {
	s := latency.NewSlowest(n, around, l.Options)
	return View{
		From: s.From,
		Add:  func([]replay.Call) error { return nil },
		Among: func(calls []replay.Call, chosen []bool) {
			s.AddChosen(calls, func(i int) bool { return chosen[i] })
		},
		Waiting: s.Waiting,
		Render: func() error {
			if l.people() {
				l.printSlowest(s, around)
				return nil
			}
			rows := append(l.slowCalls(s, false), l.slowCalls(s, true)...)
			return writeRecords(&l.Frame, "slowest", l.slowFields(), rows, l.head(l.losses())...)
		},
	}
}

// slowCall is a call among the slowest, with the events that were lost while
// it ran.
type slowCall struct {
	latency.SlowCall
	lost int64
}

func (l *Latency) slowCalls(s *latency.Slowest, waits bool) (list []slowCall) {
	for _, c := range s.Calls(waits) {
		list = append(list, slowCall{c, l.between(c.Node, c.StartNS, c.StartNS+c.DurNS)})
	}
	return list
}

// between returns the events of a machine that were lost in the gap between two
// calls of a thread, in which there may have been others.
func (l *Latency) between(node int, from, to int64) int64 {
	if several, is := l.Capture.(Machines); is {
		return latency.Lost(several.LossesOf(node), from, to)
	}
	return latency.Lost(l.Losses(), from, to)
}

func (l *Latency) printSlowest(s *latency.Slowest, around int) {
	any, open, lost := false, int64(0), false
	for _, waits := range []bool{false, true} {
		calls := l.slowCalls(s, waits)
		if len(calls) == 0 {
			continue
		}
		title := "slowest calls"
		switch mode := l.Options.Waits; {
		case mode == latency.WaitApart && waits, mode == latency.WaitOnly:
			title = "slowest waiting calls"
		case mode == latency.WaitApart, mode == latency.WaitNone:
			title = "slowest working calls"
		}
		if any {
			l.println()
		}
		any = true
		l.println(l.Style.Bold(title) + l.Style.Dim(": times in UTC, from "+l.date(l.extent.First)))
		for i := range calls {
			if calls[i].LowerBound {
				open++
			}
			lost = l.printSlowCall(i+1, &calls[i]) || lost
		}
	}
	if !any {
		l.println("no calls")
	}
	l.println()
	if open > 0 {
		l.note("> marks calls that were not seen from end to end: they took at least that long")
	}
	if any && around > 0 {
		l.note("- a call of the thread that ended so long before; + one that began so long after")
	}
	if lost {
		l.note("events lost: in that time of the capture, on whatever CPU; calls of the thread may be among them")
	}
}

// printSlowCall prints a call and its neighbours. It reports whether events
// were lost among them.
func (l *Latency) printSlowCall(place int, c *slowCall) (lost bool) {
	took := units.DurationCell(c.DurNS)
	if c.LowerBound {
		took = ">" + took
	}
	comm := l.comm(l.Symbols().String(c.Comm))
	who := fmt.Sprintf("%s %d", comm, c.TID)
	if c.PID != c.TID {
		who = fmt.Sprintf("%s %d/%d", comm, c.PID, c.TID)
	}
	if b := l.name(c.Container); b != "" {
		who += " in " + out.Snip(b, 12)
	}
	if len(l.Options.Nodes) > 1 {
		who += " on " + l.comm(l.Options.Nodes[c.Node])
	}
	mark := func(n int64) string {
		if n == 0 {
			return ""
		}
		lost = true
		return "  " + l.Style.Alarm(lostText(n))
	}
	l.println(fmt.Sprintf("%3d %s  %s  %s  %s", place, l.Style.Bold(out.Pad(took, 8)), l.Style.Dim(l.timeOfDay(c.StartNS)),
		l.Style.Note(who), l.callText(&c.Call)) + mark(c.lost))
	near := func(n *latency.Neighbor, sign string, gap, gone int64) {
		l.println(l.Style.Dim(fmt.Sprintf("    %s  %s%s took %s", out.Pad(sign+units.DurationCell(gap), 8),
			l.name(n.Syscall), neighborResult(n, c.ABI), neighborTook(n))) + mark(gone))
	}
	end := c.StartNS + c.DurNS
	for i := range c.Before {
		n := &c.Before[i]
		ended := n.StartNS + n.DurNS
		near(n, "-", max(0, c.StartNS-ended), l.between(c.Node, ended, c.StartNS))
	}
	for i := range c.After {
		n := &c.After[i]
		near(n, "+", max(0, n.StartNS-end), l.between(c.Node, end, n.StartNS))
	}
	return lost
}

func neighborTook(n *latency.Neighbor) string {
	took := units.Duration(n.DurNS)
	switch n.Status {
	case replay.OpenAtStart, replay.OpenAtEnd, replay.Killed:
		return "at least " + took
	case replay.OK, replay.Restarted:
		return took
	}
	return "? (" + n.Status.String() + ")"
}

func (l *Latency) callText(c *replay.Call) string { return CallText(l.Symbols(), c) }

// CallText writes a call with its arguments and its result, escaped.
func CallText(names *format.SymbolTable, c *replay.Call) string {
	return callText(names, c) + result(c.Ret, c.HasResult(), c.Status, c.Errno(), c.ABI)
}

func callText(names *format.SymbolTable, c *replay.Call) string {
	var b strings.Builder
	b.WriteString(escape.Text(names.String(c.Syscall)))
	b.WriteByte('(')
	if c.Status.HasEnter() {
		b.Write(decode.AppendArgs(nil, c.ABI, c.Nr, &c.Args, c.Told))
	} else {
		b.WriteString("…")
	}
	b.WriteByte(')')
	if c.Detail != "" {
		b.WriteString(" " + strconv.Quote(c.Detail))
	}
	return b.String()
}

// returned writes what a call returned: numbers as such, what looks like an
// address in hexadecimal.
func returned(v int64) string {
	if v > -4096 && v < 1<<32 {
		return strconv.FormatInt(v, 10)
	}
	return "0x" + strconv.FormatUint(uint64(v), 16)
}

// NeighborText writes a call beside a slow one as CallText does.
func NeighborText(names *format.SymbolTable, n *latency.Neighbor) string {
	call := replay.Call{Syscall: n.Syscall, Nr: n.Nr, ABI: n.ABI, Status: n.Status, Args: n.Args, Detail: n.Detail, Told: n.Told}
	return callText(names, &call) + neighborResult(n, n.ABI)
}

func neighborResult(n *latency.Neighbor, a abi.ABI) string {
	return result(n.Ret, !n.NoRet, n.Status, n.Errno, a)
}

// result writes what a call returned, if what is known of it is that.
func result(ret int64, known bool, s replay.Status, errno int, a abi.ABI) string {
	switch s {
	case replay.OpenAtEnd:
		return " = ? not returned"
	case replay.Killed:
		return " = ? killed"
	case replay.NoReturn, replay.Sigreturn, replay.ExitLost:
		return ""
	case replay.Restarted:
		return " = ? restarted"
	}
	if !known {
		return " = ?"
	}
	if errno != 0 {
		return " = -1 " + abi.ErrnoName(a, errno)
	}
	return " = " + returned(ret)
}

func errnoText(a abi.ABI, errno int) string {
	if errno == 0 {
		return ""
	}
	return abi.ErrnoName(a, errno)
}

func (l *Latency) slowFields() []out.Field[slowCall] {
	type row = slowCall
	names := l.Symbols()
	fields := []out.Field[row]{
		out.Int("start_ns", func(c *row) int64 { return c.StartNS }),
		out.Int("dur_ns", func(c *row) int64 { return c.DurNS }),
		out.Bool("lower_bound", func(c *row) bool { return c.LowerBound }),
		out.Int("pid", func(c *row) int64 { return int64(c.PID) }),
		out.Int("tid", func(c *row) int64 { return int64(c.TID) }),
		out.Symbol("comm", func(c *row) format.Symbol { return c.Comm }),
		out.Symbol("container", func(c *row) format.Symbol { return c.Container }),
		out.Symbol("syscall", func(c *row) format.Symbol { return c.Syscall }),
		out.Text("abi", func(c *row) string { return c.ABI.String() }),
		out.Int("nr", func(c *row) int64 { return int64(c.Nr) }),
	}
	of := func(c *row) *replay.Call { return &c.Call }
	for i := range 6 {
		fields = append(fields, argField(i, of))
	}
	if len(l.Options.Nodes) > 1 {
		fields = append(fields, out.Text("node", func(c *row) string { return l.Options.Nodes[c.Node] }))
	}
	return append(fields,
		retField(of),
		out.Text("errno", func(c *row) string { return errnoText(c.ABI, c.Errno()) }),
		out.Text("status", func(c *row) string { return c.Status.String() }),
		out.Text("detail", func(c *row) string { return callDetail(&c.Call) }),
		out.Bool("waits", func(c *row) bool { return replay.WaitsByNature(names.String(c.Syscall)) }),
		l.neighborField("before", func(c *row) []latency.Neighbor { return c.Before }),
		l.neighborField("after", func(c *row) []latency.Neighbor { return c.After }),
		out.Int("lost_events", func(c *row) int64 { return c.lost }),
		fdPathField(of), pathField("path", 0, of), pathField("path2", 1, of))
}

// neighbor is a call before or after a slow one, in JSON.
type neighbor struct {
	StartNS    int64  `json:"start_ns"`
	DurNS      int64  `json:"dur_ns"`
	Syscall    string `json:"syscall"`
	Ret        int64  `json:"ret"`
	Errno      string `json:"errno"`
	Status     string `json:"status"`
	LostEvents int64  `json:"lost_events"` // between the two
}

func (l *Latency) neighborField(name string, of func(*slowCall) []latency.Neighbor) out.Field[slowCall] {
	return out.List(name, func(c *slowCall) string {
		var text []string
		for _, n := range of(c) {
			text = append(text, l.Symbols().String(n.Syscall)+strings.ReplaceAll(neighborResult(&n, c.ABI), " = ", "="))
		}
		return strings.Join(text, "; ")
	}, func(c *slowCall) any {
		list := []neighbor{}
		for _, n := range of(c) {
			lost := l.between(c.Node, n.StartNS+n.DurNS, c.StartNS) + l.between(c.Node, c.StartNS+c.DurNS, n.StartNS)
			list = append(list, neighbor{n.StartNS, n.DurNS, l.Symbols().String(n.Syscall), n.Ret, errnoText(c.ABI, n.Errno), n.Status.String(), lost})
		}
		return list
	})
}
