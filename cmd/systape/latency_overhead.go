package main

import (
	"fmt"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

func (r *latencyRun) overheadView() latencyView {
	t := latency.NewThreads(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { t.Add(calls); return nil },
		render: func() error {
			if r.kind == "table" {
				return r.printOverhead(t.Rows())
			}
			return r.writeOverhead(t.Rows())
		},
	}
}

func latencyPart(ns, of int64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(ns) / float64(of)
}

func (r *latencyRun) printOverhead(rows []latency.ThreadRow) error {
	if len(rows) == 0 {
		fmt.Fprintln(r.out, "no calls")
		return nil
	}
	span := r.spanNS()
	var calls, work, wait int64
	for _, t := range rows {
		calls, work, wait = calls+t.Calls, work+t.WorkNS, wait+t.WaitNS
	}
	fmt.Fprintln(r.out, r.paint.bold("threads")+r.paint.dim(fmt.Sprintf(": %s in %s; %s; %s working, %s waiting", formatCount(int64(len(rows))),
		strings.TrimSpace(formatDuration(span)), counted(calls, "call"), strings.TrimSpace(formatDuration(work)), strings.TrimSpace(formatDuration(wait)))))
	cols := []latencyTextColumn{{name: "comm"}, {name: "tid", right: true}}
	if r.wide {
		cols = append(cols, latencyTextColumn{name: "pid", right: true}, latencyTextColumn{name: "errors", right: true, paint: r.paint.alarm}, latencyTextColumn{name: "waiting", right: true})
	}
	for _, n := range []string{"calls", "calls/s", "alive", "working", "work", "wait", "else", "span"} {
		cols = append(cols, latencyTextColumn{name: n, right: true})
	}
	cols = append(cols, latencyTextColumn{name: "most time in"})
	shown := rows[:min(len(rows), r.limit(20))]
	text := make([][]string, len(shown))
	for i := range shown {
		t := &shown[i]
		name, tid := t.Comm, fmt.Sprint(t.TID)
		if t.Threads > 0 {
			name, tid = latencyOther, ""
		}
		text[i] = append(text[i], name, tid)
		if r.wide {
			text[i] = append(text[i], fmt.Sprint(t.PID), blankZero(t.Errors), formatDuration(t.WaitNS))
		}
		alive := t.AliveNS()
		outside := max(0, alive-t.WorkNS-t.WaitNS)
		most := t.MostTime
		if p := formatPercent(latencyPart(t.MostTimeNS, t.WorkNS+t.WaitNS)); p != "" {
			most += " " + p
		}
		text[i] = append(text[i], formatCount(t.Calls), formatRate(t.PerSecond()), formatDuration(alive), formatDuration(t.WorkNS),
			formatPercent(latencyPart(t.WorkNS, alive)), formatPercent(latencyPart(t.WaitNS, alive)), formatPercent(latencyPart(outside, alive)),
			formatPercent(latencyPart(t.WorkNS, span)), most)
	}
	if !r.wide {
		fitLatencyNames(cols, text, r.tableWidth(), len(cols)-1)
		fitLatencyNames(cols, text, r.tableWidth(), 0)
	}
	if err := printLatencyTable(r.out, r.paint, cols, text); err != nil {
		return err
	}
	if rest := len(rows) - len(shown); rest > 0 {
		fmt.Fprintln(r.out, r.paint.dim(fmt.Sprintf("and %s more; --top 0 shows all", formatCount(int64(rest)))))
	}
	fmt.Fprintln(r.out)
	r.notice = append(r.notice,
		"alive: from first to last call; thereof in calls that work, in calls that wait, in none (else);",
		"span: working time as a part of the capture; time in a call includes waiting for a CPU")
	return nil
}

func (r *latencyRun) writeOverhead(rows []latency.ThreadRow) error {
	i64 := func(n string) latencyColumn { return latencyColumn{n, format.Int64} }
	f64 := func(n string) latencyColumn { return latencyColumn{n, format.Float64} }
	cols := []latencyColumn{{"comm", format.String}, i64("pid"), i64("tid"), i64("first_ns"), i64("last_ns"), i64("alive_ns"), i64("calls"), i64("errors"),
		f64("per_second"), i64("work_ns"), i64("wait_ns"), i64("censored"), f64("work_share"), f64("wait_share"), f64("span_share"),
		{"most_time", format.String}, i64("most_time_ns"), {"most_calls", format.String}, i64("most_calls_count"), i64("threads")}
	span := r.spanNS()
	rec, err := r.records("threads", cols, append(r.head(), latencyField{"span_ns", span})...)
	if err != nil {
		return err
	}
	for i := range rows[:min(len(rows), r.limit(0))] {
		t := &rows[i]
		comm := t.Comm
		if t.Threads > 0 {
			comm = latencyOther
		}
		alive := t.AliveNS()
		if err := rec.add(comm, int64(t.PID), int64(t.TID), t.FirstNS, t.LastNS, alive, t.Calls, t.Errors, t.PerSecond(), t.WorkNS, t.WaitNS, t.Open,
			latencyPart(t.WorkNS, alive), latencyPart(t.WaitNS, alive), latencyPart(t.WorkNS, span),
			t.MostTime, t.MostTimeNS, t.MostCalls, t.MostCount, int64(max(1, t.Threads))); err != nil {
			return err
		}
	}
	return rec.finish()
}
