package views

import (
	"fmt"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// Threads is the table of how much of its life each thread spent in system
// calls.
func (l *Latency) Threads() View {
	t := latency.NewThreads(l.Options)
	return View{
		Add: func(calls []replay.Call) error { t.Add(calls); return nil },
		Render: func() error {
			rows := t.Rows()
			if l.people() {
				return l.printThreads(rows)
			}
			return writeRecords(&l.Frame, "threads", l.threadFields(), rows[:min(len(rows), l.limit(0))],
				l.head(out.Value{Name: "span_ns", Value: l.spanNS()}, l.losses())...)
		},
	}
}

func part(ns, of int64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(ns) / float64(of)
}

// lostNS returns for how much of a thread's life events were being lost.
func (l *Latency) lostNS(t *latency.ThreadRow) int64 {
	return latency.LostNS(l.Losses(), t.FirstNS, t.LastNS+1)
}

func threadComm(t *latency.ThreadRow) string {
	if t.Threads > 0 {
		return other
	}
	return t.Comm
}

func (l *Latency) printThreads(rows []latency.ThreadRow) error {
	if len(rows) == 0 {
		l.println("no calls")
		return nil
	}
	span := l.spanNS()
	var calls, work, wait int64
	for _, t := range rows {
		calls, work, wait = calls+t.Calls, work+t.WorkNS, wait+t.WaitNS
	}
	l.println(l.Style.Bold("threads") + l.Style.Dim(fmt.Sprintf(": %s in %s; %s; %s working, %s waiting", countInt(len(rows)),
		units.Duration(span), units.Counted(calls, "call"), units.Duration(work), units.Duration(wait))))
	lost := len(l.Losses()) > 0
	t := out.Table{Columns: out.Columns("comm", ">tid")}
	if l.Wide {
		t.Columns = append(t.Columns, out.Columns(">pid", ">errors", ">waiting")...)
		t.Columns[3].Paint = l.Style.Alarm
	}
	t.Columns = append(t.Columns, out.Columns(">calls", ">calls/s", ">alive", ">working", ">work", ">wait", ">else", ">span")...)
	if lost {
		t.Columns = append(t.Columns, out.Column{Name: "lost", Right: true, Paint: l.Style.Alarm})
	}
	t.Columns = append(t.Columns, out.Columns("most time in")...)
	shown := rows[:min(len(rows), l.limit(20))]
	for i := range shown {
		r := &shown[i]
		tid := fmt.Sprint(r.TID)
		if r.Threads > 0 {
			tid = ""
		}
		cells := []string{l.comm(threadComm(r)), tid}
		if l.Wide {
			cells = append(cells, fmt.Sprint(r.PID), units.CountCell(r.Errors), units.DurationCell(r.WaitNS))
		}
		alive := r.AliveNS()
		outside := max(0, alive-r.WorkNS-r.WaitNS)
		cells = append(cells, units.Count(r.Calls), units.RateCell(r.PerSecond()), units.DurationCell(alive), units.DurationCell(r.WorkNS),
			units.ShareCell(part(r.WorkNS, alive)), units.ShareCell(part(r.WaitNS, alive)), units.ShareCell(part(outside, alive)),
			units.ShareCell(part(r.WorkNS, span)))
		if lost {
			cells = append(cells, units.ShareCell(part(l.lostNS(r), alive+1)))
		}
		most := r.MostTime
		if p := units.ShareCell(part(r.MostTimeNS, r.WorkNS+r.WaitNS)); p != "" {
			most += " " + p
		}
		t.Add(append(cells, most)...)
	}
	if !l.Wide {
		t.Squeeze(l.Style, []string{"most time in", "comm"}, "else", "span", "calls/s")
	}
	if err := t.Write(l.Out, l.Style); err != nil {
		return err
	}
	l.rest(len(rows) - len(shown))
	l.println()
	l.note("alive: from first to last call; thereof in calls that work, in calls that wait, in none (else);")
	l.note("span: working time as a part of the capture; time in a call includes waiting for a CPU")
	if lost {
		l.note("lost: part of its time in which events were lost: calls are missing there")
	}
	return nil
}

func (l *Latency) threadFields() []out.Field[latency.ThreadRow] {
	type row = latency.ThreadRow
	span := l.spanNS()
	return []out.Field[row]{
		out.Text("comm", threadComm),
		out.Int("pid", func(t *row) int64 { return int64(t.PID) }),
		out.Int("tid", func(t *row) int64 { return int64(t.TID) }),
		out.Int("first_ns", func(t *row) int64 { return t.FirstNS }),
		out.Int("last_ns", func(t *row) int64 { return t.LastNS }),
		out.Int("alive_ns", func(t *row) int64 { return t.AliveNS() }),
		out.Int("calls", func(t *row) int64 { return t.Calls }),
		out.Int("errors", func(t *row) int64 { return t.Errors }),
		out.Float("per_second", func(t *row) float64 { return t.PerSecond() }),
		out.Int("work_ns", func(t *row) int64 { return t.WorkNS }),
		out.Int("wait_ns", func(t *row) int64 { return t.WaitNS }),
		out.Int("censored", func(t *row) int64 { return t.Open }),
		out.Float("work_share", func(t *row) float64 { return part(t.WorkNS, t.AliveNS()) }),
		out.Float("wait_share", func(t *row) float64 { return part(t.WaitNS, t.AliveNS()) }),
		out.Float("span_share", func(t *row) float64 { return part(t.WorkNS, span) }),
		out.Text("most_time", func(t *row) string { return t.MostTime }),
		out.Int("most_time_ns", func(t *row) int64 { return t.MostTimeNS }),
		out.Text("most_calls", func(t *row) string { return t.MostCalls }),
		out.Int("most_calls_count", func(t *row) int64 { return t.MostCount }),
		out.Int("threads", func(t *row) int64 { return int64(max(1, t.Threads)) }),
		out.Int("lost_ns", l.lostNS),
	}
}
