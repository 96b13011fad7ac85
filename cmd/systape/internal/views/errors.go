package views

import (
	"fmt"
	"slices"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// Errors is the table of what failed, beside what succeeded.
func (l *Latency) Errors() View {
	e := latency.NewErrors(l.Options)
	return View{
		From: e.From,
		Add:  func(calls []replay.Call) error { e.Add(calls); return nil },
		Render: func() error {
			rows := e.Rows(l.spanNS())
			l.warnMissed(e.Missed())
			if l.people() {
				return l.printErrors(rows)
			}
			return writeRecords(&l.Frame, "errors", l.errorFields(), rows[:min(len(rows), l.limit(0))], l.head()...)
		},
	}
}

// errorKeys are the keys that the rows of errors have before the error.
func (l *Latency) errorKeys() []latency.Key {
	return slices.DeleteFunc(slices.Clone(l.Options.By), func(k latency.Key) bool { return k == latency.ByErrno })
}

func (l *Latency) printErrors(rows []latency.ErrorRow) error {
	if len(rows) == 0 {
		l.println("no errors")
		return nil
	}
	from, _ := l.span()
	var failed int64
	for _, row := range rows {
		failed += row.Count
	}
	l.println(l.Style.Bold("failed calls") + l.Style.Dim(fmt.Sprintf(": %s, of %s; first and last since %s",
		units.Count(failed), units.Counted(int64(len(rows)), "kind"), l.date(from))))
	keys := l.errorKeys()
	var t out.Table
	for _, k := range keys {
		t.Columns = append(t.Columns, out.Column{Name: k.String(), Right: isNumber(k)})
	}
	t.Columns = append(t.Columns, out.Column{Name: "error", Paint: l.Style.Alarm})
	t.Columns = append(t.Columns, out.Columns(">count", ">of calls", ">first", ">last", ">procs")...)
	t.Columns = append(t.Columns, out.Column{Name: "threads", Max: 14})
	percentiles := []int{0}
	switch {
	case l.Untimed:
		percentiles = nil
	case l.Wide:
		percentiles = []int{0, 1, 2, 3}
	}
	for _, p := range percentiles {
		n := [4]string{"p50", "p90", "p99", "p99.9"}[p]
		t.Columns = append(t.Columns, out.Columns(">"+n, ">ok "+n)...)
	}
	shown := rows[:min(len(rows), l.limit(20))]
	for i := range shown {
		row := &shown[i]
		var cells []string
		for _, k := range keys {
			cells = append(cells, l.keyText(&row.Values, false, k))
		}
		procs := countInt(row.Processes)
		if row.Processes >= 4096 {
			procs += "+"
		}
		names := ""
		if len(row.Comms) > 0 {
			names = l.comm(row.Comms[0])
			if n := len(row.Comms) - 1; n > 0 {
				names += fmt.Sprintf(" +%d", n)
			}
		}
		cells = append(cells, row.Errno, units.Count(row.Count), units.ShareCell(row.Rate),
			units.Offset(row.FirstNS-from), units.Offset(row.LastNS-from), procs, names)
		for _, p := range percentiles {
			ok := ""
			if row.Successful.Count > 0 {
				ok = quantile(row.Successful.P[p])
			}
			cells = append(cells, quantile(row.Failed.P[p]), ok)
		}
		t.Add(cells...)
	}
	if !l.Wide && len(keys) > 0 {
		t.Squeeze(l.Style, []string{t.Columns[0].Name, "threads"}, "procs", "last", "ok p50", "first")
	}
	if err := t.Write(l.Out, l.Style); err != nil {
		return err
	}
	l.rest(len(rows) - len(shown))
	l.println()
	explained := "of calls: of all calls of the group"
	if !l.Untimed {
		explained += "; p50: of those that failed so; ok p50: of those that succeeded"
	}
	l.note("%s", explained)
	return nil
}

func (l *Latency) errorFields() []out.Field[latency.ErrorRow] {
	type row = latency.ErrorRow
	fields := keyFields(l.errorKeys(), func(r *row) (*latency.Values, bool) { return &r.Values, false })
	fields = append(fields,
		out.Text("errno", func(r *row) string { return r.Errno }),
		out.Int("count", func(r *row) int64 { return r.Count }),
		out.Int("calls", func(r *row) int64 { return r.Calls }),
		out.Float("rate", func(r *row) float64 { return r.Rate }),
		out.Float("per_second", func(r *row) float64 { return r.PerSecond }),
		out.Int("first_ns", func(r *row) int64 { return r.FirstNS }),
		out.Int("last_ns", func(r *row) int64 { return r.LastNS }),
		out.Int("processes", func(r *row) int64 { return int64(r.Processes) }),
		out.List("comms", func(r *row) string { return strings.Join(r.Comms, " ") }, func(r *row) any { return append([]string{}, r.Comms...) }))
	for _, side := range []struct {
		name string
		of   func(*row) *latency.Figures
	}{{"failed", func(r *row) *latency.Figures { return &r.Failed }}, {"ok", func(r *row) *latency.Figures { return &r.Successful }}} {
		ns := func(name string, f func(*latency.Figures) int64) {
			field := out.Int(side.name+"_"+name+"_ns", func(r *row) int64 { return f(side.of(r)) })
			if l.Untimed {
				field.Unknown = func(*row) bool { return true }
			}
			fields = append(fields, field)
		}
		ns("min", func(f *latency.Figures) int64 { return f.MinNS })
		ns("mean", func(f *latency.Figures) int64 { return f.MeanNS })
		for p, name := range percentileNames {
			ns(name, func(f *latency.Figures) int64 { return f.P[p].NS })
		}
		ns("max", func(f *latency.Figures) int64 { return f.MaxNS })
	}
	return append(fields, out.Int("ok_count", func(r *row) int64 { return r.Successful.Count }))
}
