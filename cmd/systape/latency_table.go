package main

import (
	"fmt"
	"slices"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// latencyFigure is one column of figures, as people and machines read it.
type latencyFigure struct {
	name  string // for people
	wide  bool   // only with --wide
	text  func(*latency.Row) string
	paint func(latencyPaint) func(string) string
}

var latencyTableFigures = []latencyFigure{
	{name: "calls", text: func(r *latency.Row) string { return formatCount(r.Count) }},
	{name: "rate/s", wide: true, text: func(r *latency.Row) string { return formatRate(r.PerSecond) }},
	{name: "errors", wide: true, text: func(r *latency.Row) string { return blankZero(r.Errors) }, paint: func(p latencyPaint) func(string) string { return p.alarm }},
	{name: "err", text: func(r *latency.Row) string { return formatPercent(r.ErrorRate) }, paint: func(p latencyPaint) func(string) string { return p.alarm }},
	{name: "total", text: func(r *latency.Row) string { return formatDuration(r.TotalNS + r.CensoredNS) }},
	{name: "share", text: func(r *latency.Row) string { return formatPercent(r.Share) }},
	{name: "min", wide: true, text: func(r *latency.Row) string { return ended(r, formatDuration(r.MinNS)) }},
	{name: "mean", wide: true, text: func(r *latency.Row) string { return ended(r, formatDuration(r.MeanNS)) }},
	{name: "stddev", wide: true, text: func(r *latency.Row) string { return ended(r, formatDuration(r.StddevNS)) }},
	{name: "p50", text: func(r *latency.Row) string { return latencyQuantile(r.P[0]) }},
	{name: "p90", text: func(r *latency.Row) string { return latencyQuantile(r.P[1]) }},
	{name: "p99", text: func(r *latency.Row) string { return latencyQuantile(r.P[2]) }},
	{name: "p99.9", text: func(r *latency.Row) string { return latencyQuantile(r.P[3]) }},
	{name: "max", text: func(r *latency.Row) string { return latencyQuantile(r.Longest()) }},
	{name: "open", text: func(r *latency.Row) string { return blankZero(r.Censored) }, paint: func(p latencyPaint) func(string) string { return p.note }},
}

func blankZero(n int64) string {
	if n == 0 {
		return ""
	}
	return formatCount(n)
}

// ended leaves out what cannot be said of calls none of which has ended.
func ended(r *latency.Row, s string) string {
	if r.Count == 0 {
		return ""
	}
	return s
}

func (r *latencyRun) tableView() latencyView {
	t := latency.NewTable(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { t.Add(calls); return nil },
		render: func() error {
			rows := t.Rows(r.spanNS(), r.order)
			r.noteFolded(t)
			if r.kind == "table" {
				return r.printGroups(rows)
			}
			rec, err := r.records("groups", r.groupColumns(false), r.head()...)
			if err != nil {
				return err
			}
			for _, row := range rows[:min(len(rows), r.limit(0))] {
				if err := rec.add(r.groupRecord(&row, 0)...); err != nil {
					return err
				}
			}
			return rec.finish()
		},
	}
}

// sections splits rows into calls that work and calls that wait, if the table
// tells them apart.
func (r *latencyRun) sections(rows []latency.Row) []latencySection {
	var work, wait latencySection
	for _, row := range rows {
		s := &work
		if row.Waits {
			s = &wait
		}
		s.rows = append(s.rows, row)
		s.calls += row.Count
		s.ns += row.TotalNS + row.CensoredNS
		s.open += row.Censored
	}
	switch r.opt.Waits {
	case latency.WaitMixed:
		work.title = "all calls"
	case latency.WaitOnly:
		work.title = "waiting calls"
	default:
		work.title, wait.title = "working calls", "waiting calls"
	}
	var out []latencySection
	for _, s := range []latencySection{work, wait} {
		if len(s.rows) > 0 {
			out = append(out, s)
		}
	}
	return out
}

type latencySection struct {
	title string
	rows  []latency.Row
	calls int64
	ns    int64
	open  int64
	rest  int // groups that are not in rows for want of room
}

func (r *latencyRun) printGroups(rows []latency.Row) error {
	sections := r.sections(rows)
	if len(sections) == 0 {
		fmt.Fprintln(r.out, "no calls")
	}
	open := int64(0)
	for _, s := range sections {
		open += s.open
	}
	for _, s := range sections {
		r.printSectionTitle(&s)
		shown := s.rows[:min(len(s.rows), r.limit(20))]
		cols, text := r.groupTable(shown, open > 0)
		if err := printLatencyTable(r.out, r.paint, cols, text); err != nil {
			return err
		}
		if rest := s.rows[len(shown):]; len(rest) > 0 {
			share := 0.0
			for _, row := range rest {
				share += row.Share
			}
			line := fmt.Sprintf("and %s more", formatCount(int64(len(rest))))
			if p := formatPercent(share); p != "" {
				line += " with " + p + " of the time"
			}
			fmt.Fprintln(r.out, r.paint.dim(line+"; --top 0 shows all"))
		}
		fmt.Fprintln(r.out)
	}
	r.noteOpen(open)
	return nil
}

func (r *latencyRun) printSectionTitle(s *latencySection) {
	fmt.Fprintln(r.out, r.paint.bold(s.title)+r.paint.dim(fmt.Sprintf(": %s in %s", strings.TrimSpace(formatDuration(s.ns)), counted(s.calls, "call"))))
}

// latencyTableWidth is what a table may take where nobody says how wide the
// terminal is.
const latencyTableWidth = 100

func (r *latencyRun) tableWidth() int {
	if r.paint.width > 0 {
		return r.paint.width
	}
	return latencyTableWidth
}

// groupTable makes the table of one section. Names give way when the line
// would be too long.
func (r *latencyRun) groupTable(rows []latency.Row, open bool) ([]latencyTextColumn, [][]string) {
	var cols []latencyTextColumn
	text := make([][]string, len(rows))
	for _, k := range r.by {
		cols = append(cols, latencyTextColumn{name: k.String(), right: isNumber(k)})
		for i := range rows {
			text[i] = append(text[i], keyText(&rows[i], k))
		}
	}
	if r.every > 0 && r.opt.Waits == latency.WaitApart && len(r.by) > 0 { // an interval has one table for both
		for i := range rows {
			if rows[i].Waits {
				text[i][0] += " (waits)"
			}
		}
	}
	for _, f := range latencyTableFigures {
		if f.wide && !r.wide || f.name == "open" && !open {
			continue
		}
		c := latencyTextColumn{name: f.name, right: true}
		if f.paint != nil {
			c.paint = f.paint(r.paint)
		}
		cols = append(cols, c)
		for i := range rows {
			text[i] = append(text[i], f.text(&rows[i]))
		}
	}
	if len(r.by) > 0 && !r.wide {
		names := make([]int, len(r.by))
		for i := range names {
			names[i] = i
		}
		over := fitLatencyNames(cols, text, r.tableWidth(), names...)
		// On a narrow terminal, rather fewer columns than broken lines.
		for _, name := range []string{"share", "p90", "p99.9", "err"} {
			if r.paint.width == 0 || over <= 0 {
				break
			}
			i := slices.IndexFunc(cols, func(c latencyTextColumn) bool { return c.name == name })
			cols = slices.Delete(cols, i, i+1)
			for j := range text {
				text[j] = slices.Delete(text[j], i, i+1)
			}
			over = fitLatencyNames(cols, text, r.tableWidth(), names...)
		}
	}
	return cols, text
}

func isNumber(k latency.Key) bool {
	return k == latency.ByPID || k == latency.ByTID || k == latency.ByCPU
}

const latencyOther = "(other)"

func keyText(r *latency.Row, k latency.Key) string {
	if r.Folded > 0 {
		return latencyOther
	}
	switch v := r.Of(k).(type) {
	case int64:
		return fmt.Sprint(v)
	case string:
		switch {
		case v == "" && k == latency.ByErrno:
			return "success"
		case v == "" && k == latency.ByContainer:
			return "(host)"
		}
		return v
	}
	return ""
}

// groupColumns are the columns of groups in machine formats.
func (r *latencyRun) groupColumns(interval bool) []latencyColumn {
	var cols []latencyColumn
	if interval {
		cols = append(cols, latencyColumn{"interval_ns", format.Int64})
	}
	cols = append(cols, r.keyColumns()...)
	for _, n := range []string{"count", "errors", "total_ns", "min_ns", "mean_ns", "stddev_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns",
		"max_ns", "censored", "censored_ns", "censored_max_ns"} {
		cols = append(cols, latencyColumn{n, format.Int64})
	}
	cols = append(cols, latencyColumn{"unreached", format.String}, latencyColumn{"error_rate", format.Float64},
		latencyColumn{"share", format.Float64}, latencyColumn{"per_second", format.Float64})
	if r.opt.Waits == latency.WaitApart {
		cols = append(cols, latencyColumn{"waits", format.Bool})
	}
	return cols
}

func (r *latencyRun) keyColumns() (cols []latencyColumn) {
	for _, k := range r.by {
		kind := format.String
		if isNumber(k) {
			kind = format.Int64
		}
		cols = append(cols, latencyColumn{k.String(), kind})
	}
	return cols
}

func (r *latencyRun) keyRecord(row *latency.Row) (values []any) {
	for _, k := range r.by {
		v := row.Of(k)
		if row.Folded > 0 {
			v = latencyOther
			if isNumber(k) {
				v = int64(-1)
			}
		}
		values = append(values, v)
	}
	return values
}

// groupRecord is one group in machine form. In intervals, start is when its
// interval began.
func (r *latencyRun) groupRecord(row *latency.Row, start int64) []any {
	var v []any
	if r.every > 0 {
		v = append(v, start)
	}
	v = append(v, r.keyRecord(row)...)
	v = append(v, row.Count, row.Errors, row.TotalNS, row.MinNS, row.MeanNS, row.StddevNS)
	var above [4]bool
	for i, p := range row.P {
		v = append(v, p.NS)
		above[i] = p.Above
	}
	v = append(v, row.MaxNS, row.Censored, row.CensoredNS, row.CensoredMaxNS, latencyUnreached(above), row.ErrorRate, row.Share, row.PerSecond)
	if r.opt.Waits == latency.WaitApart {
		v = append(v, row.Waits)
	}
	return v
}
