package views

import (
	"fmt"
	"slices"
	"time"

	"systape/cmd/systape/internal/out"
	"systape/replay/latency"
	"systape/replay/units"
)

// interval is a group of one interval, for machines.
type interval struct {
	latency.Row
	start, recorded, lost int64
	hole                  bool // no group: all that is known is that events were lost
}

// intervals shows the figures of each interval as soon as it is over.
type intervals struct {
	*Latency
	every   time.Duration
	rec     *out.Records[interval]
	open    int64
	printed int
	shown   bool  // there is an interval
	next    int64 // where the last one ended
}

// mostIntervals is how many intervals are shown to people.
const mostIntervals = 10_000

// Intervals is a table for each interval of time.
func (l *Latency) Intervals(every time.Duration) (View, error) {
	l.every = true
	v := &intervals{Latency: l, every: every}
	if n := l.spanNS() / max(every.Nanoseconds(), 1); l.people() && l.Top != 0 && n > mostIntervals {
		return View{}, v.tooMany()
	}
	of, err := latency.NewIntervals(every.Nanoseconds(), l.Options, v.emit)
	if err != nil {
		return View{}, err
	}
	return View{From: of.From, Add: of.Add, Render: func() error {
		if err := of.Close(); err != nil {
			return err
		}
		return v.finish()
	}}, nil
}

func (v *intervals) tooMany() error {
	return &out.Error{Kind: out.Usage, Err: fmt.Errorf("--every %v: that is more than %s intervals", v.every, units.Count(mostIntervals)),
		Hint: "choose a longer one, or a span with --from and --to; --format csv and --top 0 write them all"}
}

// recorded returns how much of an interval was recorded, all of it where the
// capture does not say.
func (v *intervals) recorded(i *latency.Interval) int64 {
	from, to := v.span()
	if !i.Last {
		to = i.EndNS
	}
	if ns := i.RecordedNS(from, to); ns > 0 {
		return ns
	}
	return v.every.Nanoseconds()
}

func (v *intervals) emit(i latency.Interval) error {
	recorded := v.recorded(&i)
	lost := latency.Lost(v.Losses(), i.StartNS, i.EndNS)
	rows := i.Table.Rows(recorded, v.Sort)
	v.warnJoined(i.Table)
	if v.people() {
		if v.shown {
			v.printGap(v.next, i.StartNS)
		}
		v.shown, v.next = true, i.EndNS
		if v.printed++; v.printed > mostIntervals && v.Top != 0 {
			return v.tooMany()
		}
		for _, row := range rows {
			v.open += row.Censored
		}
		return v.print(&i, rows, recorded, lost)
	}
	if err := v.hole(i.StartNS); err != nil {
		return err
	}
	v.shown, v.next = true, i.EndNS
	list := make([]interval, min(len(rows), v.limit(0)))
	for n := range list {
		list[n] = interval{Row: rows[n], start: i.StartNS, recorded: recorded, lost: lost}
	}
	return v.rec.Write(list)
}

// begin begins what machines read.
func (v *intervals) begin() (err error) {
	if v.rec != nil {
		return nil
	}
	fields := []out.Field[interval]{out.Int("interval_ns", func(r *interval) int64 { return r.start })}
	for _, f := range groupFields(v.Latency, func(r *interval) *latency.Row { return &r.Row }) {
		fields = append(fields, unlessHole(f))
	}
	fields = append(fields, out.Int("recorded_ns", func(r *interval) int64 { return r.recorded }), out.Int("lost_events", func(r *interval) int64 { return r.lost }))
	head := []out.Value{v.about(), {Name: "every_ns", Value: v.every.Nanoseconds()}}
	v.rec, err = records(&v.Frame, "groups", fields, head...)
	return err
}

// unlessHole makes a field one of which nothing is known where there is no group.
func unlessHole(f out.Field[interval]) out.Field[interval] {
	if f.Name == "count" {
		return f
	}
	unknown, text := f.Unknown, f.Text
	f.Unknown = func(r *interval) bool { return r.hole || unknown != nil && unknown(r) }
	if text != nil {
		f.Text = func(r *interval) string {
			if r.hole {
				return ""
			}
			return text(r)
		}
	}
	return f
}

// hole writes a row for losses between the last interval with calls and the
// one that begins at to: no call is left there that would show them.
func (v *intervals) hole(to int64) error {
	if err := v.begin(); err != nil {
		return err
	}
	from := v.next
	if !v.shown {
		from, _ = v.span()
	}
	n := latency.Lost(v.Losses(), from, to)
	if n == 0 || from >= to {
		return nil
	}
	return v.rec.Write([]interval{{start: from, recorded: to - from, lost: n, hole: true}})
}

func (v *intervals) finish() error {
	if v.people() {
		if !v.shown {
			v.println("no calls")
		} else if _, to := v.span(); to > v.next {
			v.printGap(v.next, to)
		}
		v.noteOpen(v.open)
		return nil
	}
	_, to := v.span()
	if err := v.hole(to + 1); err != nil { // begins what has no calls at all
		return err
	}
	return v.rec.Close(out.Value{Name: "coverage", Value: v.Coverage()}, v.losses())
}

func (v *intervals) clock(ns int64) string {
	layout := "2006-01-02 15:04:05"
	switch {
	case v.every%time.Second == 0:
	case v.every%time.Microsecond == 0:
		layout += ".000000"
	default:
		layout += ".000000000"
	}
	return time.Unix(0, v.wall(ns)).UTC().Format(layout)
}

// lostText says what is missing in an interval.
func lostText(n int64) string { return units.Counted(n, "event") + " lost" }

// printGap tells of losses where there is no interval because no call is left.
func (v *intervals) printGap(from, to int64) {
	if n := latency.Lost(v.Losses(), from, to); n > 0 && from < to {
		v.println(v.Style.Bold(v.clock(from)) + v.Style.Dim(": no calls until "+v.clock(to)) + v.Style.Alarm("; "+lostText(n)))
		v.println()
	}
}

// print prints one interval: its time and calls on a line, its first groups
// below.
func (v *intervals) print(i *latency.Interval, rows []latency.Row, recorded, lost int64) error {
	calls, open := int64(0), int64(0)
	for _, row := range rows {
		calls += row.Count
		open += row.Censored
	}
	about := ": " + units.Counted(calls, "call")
	if recorded < v.every.Nanoseconds() {
		about += " in " + units.Duration(recorded) // all of it that was recorded
	}
	if calls > 0 {
		about += ", " + units.Rate(float64(calls)/float64(recorded)*1e9) + "/s"
	}
	missing := ""
	if lost > 0 {
		missing = v.Style.Alarm("; " + lostText(lost))
	}
	v.println(v.Style.Bold(v.clock(i.StartNS)) + v.Style.Dim(about) + missing)
	// Calls that work come first, within the one table that an interval is.
	slices.SortStableFunc(rows, func(a, b latency.Row) int {
		switch {
		case a.Waits == b.Waits || v.Options.Waits != latency.WaitApart:
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
	limit := v.limit(4)
	shown := append(rows[:min(work, limit):min(work, limit)], rows[work:work+min(len(rows)-work, limit)]...)
	t := v.groupTable(shown, open > 0)
	const widthElsewhere = 100
	// Intervals are compared, so their columns stay where they are, as long
	// as there is room for it.
	widths := map[string]int{"calls": 9, "err": 5, "share": 5}
	for i := range t.Columns {
		if open > 0 || v.Style.Width > 0 && v.Style.Width < widthElsewhere {
			break
		}
		c := &t.Columns[i]
		c.Min = 7
		if w, ok := widths[c.Name]; ok {
			c.Min = w
		}
		if by := v.Options.By; len(by) == 1 && i == 0 && !isNumber(by[0]) {
			c.Min = 20
		}
	}
	if err := t.Write(v.Out, v.Style); err != nil {
		return err
	}
	v.println()
	return nil
}
