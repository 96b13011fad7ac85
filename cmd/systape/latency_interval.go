package main

import (
	"fmt"
	"slices"
	"time"

	"systape/replay/latency"
)

// intervals shows the figures of each interval as soon as it is over.
func (r *latencyRun) intervals() error {
	var rec *latencyRecords
	open, any := int64(0), false
	emit := func(v latency.Interval) error {
		rows := v.Table.Rows(r.every.Nanoseconds(), r.order)
		r.noteFolded(v.Table)
		if r.kind == "table" {
			any = true
			for _, row := range rows {
				open += row.Censored
			}
			return r.printInterval(v, rows)
		}
		if rec == nil {
			var err error
			head := []latencyField{{"capture", r.in.Meta()}, {"every_ns", r.every.Nanoseconds()}}
			if rec, err = r.records("groups", r.groupColumns(true), head...); err != nil {
				return err
			}
		}
		for _, row := range rows[:min(len(rows), r.limit(0))] {
			if err := rec.add(r.groupRecord(&row, v.StartNS)...); err != nil {
				return err
			}
		}
		return nil
	}
	v, err := latency.NewIntervals(r.every.Nanoseconds(), r.opt, emit)
	if err != nil {
		return err
	}
	if err := r.read(v.Add); err != nil {
		return err
	}
	if err := v.Close(); err != nil {
		return err
	}
	if r.kind == "table" {
		if !any {
			fmt.Fprintln(r.out, "no calls")
		}
		r.noteOpen(open)
		return r.footer()
	}
	if rec == nil { // no calls at all
		if err := emit(latency.Interval{Table: latency.NewTable(r.opt)}); err != nil {
			return err
		}
	}
	if err := rec.finish(latencyField{"coverage", r.in.coverage}); err != nil {
		return err
	}
	return r.footer()
}

// printInterval prints one interval: its time and calls on a line, its first
// groups below.
func (r *latencyRun) printInterval(v latency.Interval, rows []latency.Row) error {
	calls, open := int64(0), int64(0)
	for _, row := range rows {
		calls += row.Count
		open += row.Censored
	}
	rate := ""
	if calls > 0 {
		rate = ", " + formatRate(float64(calls)/r.every.Seconds()) + "/s"
	}
	start := time.Unix(0, v.StartNS).UTC()
	layout := "2006-01-02 15:04:05"
	if r.every%time.Second != 0 {
		layout += ".000000"
	}
	fmt.Fprintln(r.out, r.paint.bold(start.Format(layout))+r.paint.dim(fmt.Sprintf(": %s%s", counted(calls, "call"), rate)))
	// Calls that work come first, within the one table that an interval is.
	slices.SortStableFunc(rows, func(a, b latency.Row) int {
		switch {
		case a.Waits == b.Waits || r.opt.Waits != latency.WaitApart:
			return 0
		case a.Waits:
			return 1
		}
		return -1
	})
	work := 0
	for work < len(rows) && !rows[work].Waits {
		work++
	}
	limit := r.limit(4)
	shown := append(rows[:min(work, limit):min(work, limit)], rows[work:work+min(len(rows)-work, limit)]...)
	cols, text := r.groupTable(shown, open > 0)
	// Intervals are compared, so their columns stay where they are, as long
	// as there is room for it.
	widths := map[string]int{"calls": 9, "err": 5, "share": 5}
	for i := range cols {
		if open > 0 {
			break
		}
		cols[i].min = 7
		if w, ok := widths[cols[i].name]; ok {
			cols[i].min = w
		}
		if len(r.by) == 1 && i == 0 && !isNumber(r.by[0]) {
			cols[i].min = 20
		}
	}
	if err := printLatencyTable(r.out, r.paint, cols, text); err != nil {
		return err
	}
	_, err := fmt.Fprintln(r.out)
	return err
}
