package main

import (
	"fmt"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/render/decode"
)

func (r *latencyRun) slowestView() latencyView {
	s := latency.NewSlowest(r.slowest, r.around, r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { s.Add(calls); return nil },
		render: func() error {
			if r.kind == "table" {
				return r.printSlowest(s)
			}
			return r.writeSlowest(s)
		},
	}
}

func (r *latencyRun) printSlowest(s *latency.Slowest) error {
	any, open := false, int64(0)
	for _, waits := range []bool{false, true} {
		calls := s.Calls(waits)
		if len(calls) == 0 {
			continue
		}
		title := "slowest calls"
		switch {
		case r.opt.Waits == latency.WaitApart && waits, r.opt.Waits == latency.WaitOnly:
			title = "slowest waiting calls"
		case r.opt.Waits == latency.WaitApart, r.opt.Waits == latency.WaitNone:
			title = "slowest working calls"
		}
		if any {
			fmt.Fprintln(r.out)
		}
		any = true
		fmt.Fprintln(r.out, r.paint.bold(title)+r.paint.dim(": times in UTC, from "+latencyDate(r.seen[0])))
		for i, c := range calls {
			if c.LowerBound {
				open++
			}
			r.printSlowCall(i+1, &c)
		}
	}
	if !any {
		fmt.Fprintln(r.out, "no calls")
	}
	fmt.Fprintln(r.out)
	if open > 0 {
		r.notice = append(r.notice, "> marks calls that were not seen from end to end: they took at least that long")
	}
	if any && r.around > 0 {
		r.notice = append(r.notice, "- a call of the thread that ended so long before; + one that began so long after")
	}
	return nil
}

func (r *latencyRun) printSlowCall(place int, c *latency.SlowCall) {
	took := formatDuration(c.DurNS)
	if c.LowerBound {
		took = ">" + took
	}
	who := fmt.Sprintf("%s %d", r.in.names.String(c.Comm), c.TID)
	if c.PID != c.TID {
		who = fmt.Sprintf("%s %d/%d", r.in.names.String(c.Comm), c.PID, c.TID)
	}
	if b := r.in.names.String(c.Container); b != "" {
		who += " in " + snipLatencyName(b, 12)
	}
	fmt.Fprintf(r.out, "%3d %s  %s  %s  %s\n", place, r.paint.bold(latencyPad(took, 8)), r.paint.dim(latencyClock(c.StartNS)),
		r.paint.note(who), latencyCallText(&c.Call, r.in.names))
	near := func(n *latency.Neighbor, sign string, gap int64) {
		fmt.Fprintf(r.out, "%s\n", r.paint.dim(fmt.Sprintf("    %s  %s%s took %s", latencyPad(sign+formatDuration(gap), 8),
			r.in.names.String(n.Syscall), latencyResult(n.Ret, n.Status, n.Errno, c.ABI), latencyTook(n))))
	}
	for i := range c.Before {
		n := &c.Before[i]
		near(n, "-", max(0, c.StartNS-n.StartNS-n.DurNS))
	}
	for i := range c.After {
		n := &c.After[i]
		near(n, "+", max(0, n.StartNS-c.StartNS-c.DurNS))
	}
}

func latencyTook(n *latency.Neighbor) string {
	took := strings.TrimSpace(formatDuration(n.DurNS))
	switch n.Status {
	case replay.OpenAtStart, replay.OpenAtEnd, replay.Killed:
		return "at least " + took
	case replay.OK, replay.Restarted:
		return took
	}
	return "? (" + n.Status.String() + ")"
}

// latencyCallText writes a call with its arguments and its result.
func latencyCallText(c *replay.Call, names *format.SymbolTable) string {
	var b strings.Builder
	b.WriteString(names.String(c.Syscall))
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
	b.WriteString(latencyResult(c.Ret, c.Status, c.Errno(), c.ABI))
	return b.String()
}

// latencyReturn writes what a call returned: numbers as such, what looks like
// an address in hexadecimal.
func latencyReturn(v int64) string {
	if v > -4096 && v < 1<<32 {
		return strconv.FormatInt(v, 10)
	}
	return "0x" + strconv.FormatUint(uint64(v), 16)
}

func latencyResult(ret int64, s replay.Status, errno int, a abi.ABI) string {
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
	if errno != 0 {
		return " = -1 " + abi.ErrnoName(a, errno)
	}
	return " = " + latencyReturn(ret)
}

func (r *latencyRun) writeSlowest(s *latency.Slowest) error {
	i64 := func(n string) latencyColumn { return latencyColumn{n, format.Int64} }
	str := func(n string) latencyColumn { return latencyColumn{n, format.String} }
	cols := []latencyColumn{i64("start_ns"), i64("dur_ns"), {"lower_bound", format.Bool}, i64("pid"), i64("tid"), str("comm"), str("container"),
		str("syscall"), str("abi"), i64("nr"), i64("arg0"), i64("arg1"), i64("arg2"), i64("arg3"), i64("arg4"), i64("arg5"), i64("ret"), str("errno"),
		str("status"), str("detail"), {"waits", format.Bool}, str("before"), str("after")}
	rec, err := r.records("slowest", cols, r.head()...)
	if err != nil {
		return err
	}
	names := r.in.names
	for _, waits := range []bool{false, true} {
		for _, c := range s.Calls(waits) {
			errno := ""
			if e := c.Errno(); e != 0 {
				errno = abi.ErrnoName(c.ABI, e)
			}
			v := []any{c.StartNS, c.DurNS, c.LowerBound, int64(c.PID), int64(c.TID), names.String(c.Comm), names.String(c.Container),
				names.String(c.Syscall), c.ABI.String(), int64(c.Nr)}
			for _, a := range c.Args {
				v = append(v, a)
			}
			v = append(v, c.Ret, errno, c.Status.String(), c.Detail, replay.WaitsByNature(names.String(c.Syscall)),
				r.neighbors(c.Before, c.ABI), r.neighbors(c.After, c.ABI))
			if err := rec.add(v...); err != nil {
				return err
			}
		}
	}
	return rec.finish()
}

func (r *latencyRun) neighbors(ns []latency.Neighbor, a abi.ABI) latencyList {
	type neighbor struct {
		StartNS int64  `json:"start_ns"`
		DurNS   int64  `json:"dur_ns"`
		Syscall string `json:"syscall"`
		Ret     int64  `json:"ret"`
		Errno   string `json:"errno"`
		Status  string `json:"status"`
	}
	var l latencyList
	var text []string
	for i := range ns {
		n := &ns[i]
		e := ""
		if n.Errno != 0 {
			e = abi.ErrnoName(a, n.Errno)
		}
		l.json = append(l.json, neighbor{n.StartNS, n.DurNS, r.in.names.String(n.Syscall), n.Ret, e, n.Status.String()})
		text = append(text, r.in.names.String(n.Syscall)+strings.ReplaceAll(latencyResult(n.Ret, n.Status, n.Errno, a), " = ", "="))
	}
	l.text = strings.Join(text, "; ")
	return l
}
