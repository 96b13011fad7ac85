package main

import (
	"fmt"
	"slices"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

func (r *latencyRun) errorsView() latencyView {
	e := latency.NewErrors(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { e.Add(calls); return nil },
		render: func() error {
			rows := e.Rows(r.spanNS())
			if n := e.Missed(); n > 0 {
				r.in.warn(fmt.Errorf("more combinations of calls and errors than there is memory for: %s calls are not in the table", formatCount(n)))
			}
			if r.kind == "table" {
				return r.printErrors(rows)
			}
			return r.writeErrors(rows)
		},
	}
}

// errorKeys are the keys that the rows of errors have before the error.
func (r *latencyRun) errorKeys() []latency.Key {
	return slices.DeleteFunc(slices.Clone(r.by), func(k latency.Key) bool { return k == latency.ByErrno })
}

func (r *latencyRun) printErrors(rows []latency.ErrorRow) error {
	if len(rows) == 0 {
		fmt.Fprintln(r.out, "no errors")
		return nil
	}
	from, _ := r.span()
	var failed int64
	for _, row := range rows {
		failed += row.Count
	}
	fmt.Fprintln(r.out, r.paint.bold("failed calls")+r.paint.dim(fmt.Sprintf(": %s, of %s; first and last since %s", formatCount(failed), counted(int64(len(rows)), "kind"), latencyDate(from))))
	keys := r.errorKeys()
	var cols []latencyTextColumn
	for _, k := range keys {
		cols = append(cols, latencyTextColumn{name: k.String(), right: isNumber(k)})
	}
	cols = append(cols, latencyTextColumn{name: "error", paint: r.paint.alarm})
	for _, n := range []string{"count", "of calls", "first", "last", "procs"} {
		cols = append(cols, latencyTextColumn{name: n, right: true})
	}
	cols = append(cols, latencyTextColumn{name: "threads", max: 14})
	percentiles := []int{0}
	if r.wide {
		percentiles = []int{0, 1, 2, 3}
	}
	for _, p := range percentiles {
		n := [4]string{"p50", "p90", "p99", "p99.9"}[p]
		cols = append(cols, latencyTextColumn{name: n, right: true}, latencyTextColumn{name: "ok " + n, right: true})
	}
	shown := rows[:min(len(rows), r.limit(20))]
	text := make([][]string, len(shown))
	for i, row := range shown {
		lr := latency.Row{Values: row.Values}
		for _, k := range keys {
			text[i] = append(text[i], keyText(&lr, k))
		}
		procs := formatCount(int64(row.Processes))
		if row.Processes >= 4096 {
			procs += "+"
		}
		names := ""
		if len(row.Comms) > 0 {
			names = row.Comms[0]
			if n := len(row.Comms) - 1; n > 0 {
				names += fmt.Sprintf(" +%d", n)
			}
		}
		text[i] = append(text[i], row.Errno, formatCount(row.Count), formatPercent(row.Rate),
			latencyOffset(row.FirstNS-from), latencyOffset(row.LastNS-from), procs, names)
		for _, p := range percentiles {
			ok := ""
			if row.Successful.Count > 0 {
				ok = latencyQuantile(row.Successful.P[p])
			}
			text[i] = append(text[i], latencyQuantile(row.Failed.P[p]), ok)
		}
	}
	if !r.wide && len(keys) > 0 {
		fitLatencyNames(cols, text, r.tableWidth(), 0)
	}
	if err := printLatencyTable(r.out, r.paint, cols, text); err != nil {
		return err
	}
	if rest := len(rows) - len(shown); rest > 0 {
		fmt.Fprintln(r.out, r.paint.dim(fmt.Sprintf("and %s more; --top 0 shows all", formatCount(int64(rest)))))
	}
	fmt.Fprintln(r.out)
	r.notice = append(r.notice, "of calls: of all calls of the group; p50: of those that failed so; ok p50: of those that succeeded")
	return nil
}

func (r *latencyRun) writeErrors(rows []latency.ErrorRow) error {
	keys := r.errorKeys()
	var cols []latencyColumn
	for _, k := range keys {
		kind := format.String
		if isNumber(k) {
			kind = format.Int64
		}
		cols = append(cols, latencyColumn{k.String(), kind})
	}
	cols = append(cols, latencyColumn{"errno", format.String}, latencyColumn{"count", format.Int64}, latencyColumn{"calls", format.Int64},
		latencyColumn{"rate", format.Float64}, latencyColumn{"per_second", format.Float64},
		latencyColumn{"first_ns", format.Int64}, latencyColumn{"last_ns", format.Int64}, latencyColumn{"processes", format.Int64}, latencyColumn{"comms", format.String})
	for _, of := range []string{"failed", "ok"} {
		for _, p := range []string{"min", "mean", "p50", "p90", "p99", "p999", "max"} {
			cols = append(cols, latencyColumn{of + "_" + p + "_ns", format.Int64})
		}
	}
	cols = append(cols, latencyColumn{"ok_count", format.Int64})
	rec, err := r.records("errors", cols, r.head()...)
	if err != nil {
		return err
	}
	for _, row := range rows[:min(len(rows), r.limit(0))] {
		var v []any
		for _, k := range keys {
			v = append(v, row.Of(k))
		}
		comms := latencyList{text: strings.Join(row.Comms, " ")}
		for _, c := range row.Comms {
			comms.json = append(comms.json, c)
		}
		v = append(v, row.Errno, row.Count, row.Calls, row.Rate, row.PerSecond, row.FirstNS, row.LastNS, int64(row.Processes), comms)
		for _, f := range []latency.Figures{row.Failed, row.Successful} {
			v = append(v, f.MinNS, f.MeanNS)
			for _, p := range f.P {
				v = append(v, p.NS)
			}
			v = append(v, f.MaxNS)
		}
		if err := rec.add(append(v, row.Successful.Count)...); err != nil {
			return err
		}
	}
	return rec.finish()
}
