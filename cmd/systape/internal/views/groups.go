package views

import (
	"fmt"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// figure is one column of figures, as people read it.
type figure struct {
	name  string
	wide  bool         // only in wide tables
	timed bool         // of durations
	sort  latency.Sort // what rows are sorted by for it
	text  func(*latency.Row) string
	paint func(out.Style) func(string) string
}

func alarm(s out.Style) func(string) string { return s.Alarm }
func note(s out.Style) func(string) string  { return s.Note }

var figures = []figure{
	{name: "calls", sort: "count", text: func(r *latency.Row) string { return units.Count(r.Count) }},
	{name: "rate/s", wide: true, text: func(r *latency.Row) string { return units.RateCell(r.PerSecond) }},
	{name: "errors", sort: "errors", wide: true, text: func(r *latency.Row) string { return units.CountCell(r.Errors) }, paint: alarm},
	{name: "err", sort: "error_rate", text: func(r *latency.Row) string { return units.ShareCell(r.ErrorRate) }, paint: alarm},
	{name: "total", sort: "total", timed: true, text: func(r *latency.Row) string { return units.DurationCell(r.TotalNS + r.CensoredNS) }},
	{name: "share", timed: true, text: func(r *latency.Row) string { return units.ShareCell(r.Share) }},
	{name: "min", sort: "min", timed: true, wide: true, text: func(r *latency.Row) string { return ended(r, r.MinNS) }},
	{name: "mean", sort: "mean", timed: true, wide: true, text: func(r *latency.Row) string { return ended(r, r.MeanNS) }},
	{name: "stddev", sort: "stddev", timed: true, wide: true, text: func(r *latency.Row) string { return ended(r, r.StddevNS) }},
	{name: "p50", sort: "p50", timed: true, text: func(r *latency.Row) string { return estimate(r, r.P[0]) }},
	{name: "p90", sort: "p90", timed: true, text: func(r *latency.Row) string { return estimate(r, r.P[1]) }},
	{name: "p99", sort: "p99", timed: true, text: func(r *latency.Row) string { return estimate(r, r.P[2]) }},
	{name: "p99.9", sort: "p999", timed: true, text: func(r *latency.Row) string { return estimate(r, r.P[3]) }},
	{name: "max", sort: "max", timed: true, text: func(r *latency.Row) string { return estimate(r, r.Longest()) }},
	{name: "open", sort: "censored", text: func(r *latency.Row) string { return units.CountCell(r.Censored) }, paint: note},
}

// ended leaves out what cannot be said of calls none of which has ended.
func ended(r *latency.Row, ns int64) string {
	if r.Count == 0 {
		return ""
	}
	return units.DurationCell(ns)
}

// undrawn reports whether a row is of calls none of which is in the capture:
// only their exact numbers are known.
func undrawn(r *latency.Row) bool {
	return r.Count > 0 && r.Done != nil && r.Done.Count() == 0 && r.Censored == 0
}

// estimate leaves out what cannot be said of calls none of which was drawn.
func estimate(r *latency.Row, q latency.Quantile) string {
	if undrawn(r) {
		return ""
	}
	return quantile(q)
}

// Groups is the table of groups.
func (l *Latency) Groups() View {
	t := latency.NewTable(l.Options)
	return View{
		Table: t,
		From:  t.From,
		Add:   func(calls []replay.Call) error { t.Add(calls); return nil },
		Render: func() error {
			if l.sampled() {
				l.addCounted(t)
			}
			rows := t.Rows(l.spanNS(), l.Sort)
			l.warnJoined(t)
			if l.people() {
				return l.printGroups(rows)
			}
			fields := groupFields(l, func(r *latency.Row) *latency.Row { return r })
			return writeRecords(&l.Frame, "groups", fields, rows[:min(len(rows), l.limit(0))], l.head()...)
		},
	}
}

// addCounted adds the exact numbers of the calls of which some were drawn, where
// they are known.
func (l *Latency) addCounted(t *latency.Table) {
	if several, is := l.Capture.(Machines); is {
		all := true
		l.exact = several.CountedOf(func(node int, counted []replay.Counted) {
			t.From(node)
			all = t.AddCounted(counted) && all
		}) && all
		return
	}
	if counted, ok := l.Counted(); ok {
		l.exact = t.AddCounted(counted)
	}
}

func (l *Latency) printGroups(rows []latency.Row) error {
	sections := latency.Sections(rows)
	if len(sections) == 0 {
		l.println("no calls")
	}
	open := int64(0)
	for _, s := range sections {
		open += s.Open
	}
	for _, s := range sections {
		l.println(l.Style.Bold(l.sectionTitle(s.Waits)) + l.Style.Dim(": "+l.sectionSum(&s)))
		shown := s.Rows[:min(len(s.Rows), l.limit(20))]
		if err := l.groupTable(shown, open > 0).Write(l.Out, l.Style); err != nil {
			return err
		}
		if rest := s.Rows[len(shown):]; len(rest) > 0 {
			share := 0.0
			for _, row := range rest {
				share += row.Share
			}
			line := fmt.Sprintf("and %s more", countInt(len(rest)))
			if p := units.ShareCell(share); p != "" && !l.Untimed {
				line += " with " + p + " of the time"
			}
			l.println(l.Style.Dim(line + "; --top 0 shows all"))
		}
		l.println()
	}
	l.noteOpen(open)
	return nil
}

// sectionSum says how many calls a section has and how long they took.
func (l *Latency) sectionSum(s *latency.Section) string {
	calls := units.Counted(s.Calls, "call")
	if l.Untimed {
		return calls
	}
	return units.Duration(s.NS) + " in " + calls
}

// groupTable makes the table of one section. Names give way when the line
// would be too long.
func (l *Latency) groupTable(rows []latency.Row, open bool) *out.Table {
	t := &out.Table{Rows: make([][]string, len(rows))}
	by := l.Options.By
	for _, k := range by {
		t.Columns = append(t.Columns, out.Column{Name: k.String(), Right: isNumber(k)})
		for i := range rows {
			t.Rows[i] = append(t.Rows[i], l.keyText(&rows[i].Values, rows[i].Joined > 0, k))
		}
	}
	if l.every && l.Options.Waits == latency.WaitApart && len(by) > 0 { // an interval has one table for both
		for i := range rows {
			if rows[i].Waits {
				t.Rows[i][0] += " (waits)"
			}
		}
	}
	for _, f := range figures {
		if f.wide && !l.Wide || f.timed && l.Untimed || f.name == "open" && !open {
			continue
		}
		c := out.Column{Name: f.name, Right: true}
		if f.paint != nil {
			c.Paint = f.paint(l.Style)
		}
		t.Columns = append(t.Columns, c)
		for i := range rows {
			t.Rows[i] = append(t.Rows[i], f.text(&rows[i]))
		}
	}
	if len(by) > 0 && !l.Wide {
		var names []string
		for _, k := range by {
			names = append(names, k.String())
		}
		// Rather fewer figures than broken lines.
		t.Squeeze(l.Style, names, "share", "p90", "p99.9", "err", "p50", "p99", "total")
	}
	return t
}

// groupFields are the columns of groups in machine formats.
func groupFields[T any](l *Latency, of func(*T) *latency.Row) []out.Field[T] {
	fields := keyFields(l.Options.By, func(r *T) (*latency.Values, bool) { row := of(r); return &row.Values, row.Joined > 0 })
	i64 := func(name string, f func(*latency.Row) int64) {
		field := out.Int(name, func(r *T) int64 { return f(of(r)) })
		if l.Untimed && strings.HasSuffix(name, "_ns") {
			field.Unknown = func(*T) bool { return true }
		} else if l.sampled() && strings.HasSuffix(name, "_ns") && name != "total_ns" && name != "mean_ns" {
			field.Unknown = func(r *T) bool { return undrawn(of(r)) }
		}
		fields = append(fields, field)
	}
	i64("count", func(r *latency.Row) int64 { return r.Count })
	i64("errors", func(r *latency.Row) int64 { return r.Errors })
	i64("total_ns", func(r *latency.Row) int64 { return r.TotalNS })
	i64("min_ns", func(r *latency.Row) int64 { return r.MinNS })
	i64("mean_ns", func(r *latency.Row) int64 { return r.MeanNS })
	i64("stddev_ns", func(r *latency.Row) int64 { return r.StddevNS })
	for p, name := range percentileNames {
		i64(name+"_ns", func(r *latency.Row) int64 { return r.P[p].NS })
	}
	if l.sampled() {
		i64("sampled", func(r *latency.Row) int64 { return r.Done.Count() })
		for p, name := range percentileNames {
			share := latency.Percentiles()[p]
			i64(name+"_low_ns", func(r *latency.Row) int64 { low, _ := r.Done.Interval(share); return low })
			i64(name+"_high_ns", func(r *latency.Row) int64 { _, high := r.Done.Interval(share); return high })
			i64(name+"_se_ns", func(r *latency.Row) int64 {
				low, high := r.Done.Interval(share)
				return int64(float64(high-low) / (2 * 1.96))
			})
		}
	}
	i64("max_ns", func(r *latency.Row) int64 { return r.MaxNS })
	i64("censored", func(r *latency.Row) int64 { return r.Censored })
	i64("censored_ns", func(r *latency.Row) int64 { return r.CensoredNS })
	i64("censored_max_ns", func(r *latency.Row) int64 { return r.CensoredMaxNS })
	share := out.Float("share", func(r *T) float64 { return of(r).Share })
	if l.Untimed {
		share.Unknown = func(*T) bool { return true }
	}
	fields = append(fields,
		out.Text("unreached", func(r *T) string { return unreached(of(r)) }),
		out.Float("error_rate", func(r *T) float64 { return of(r).ErrorRate }),
		share,
		out.Float("per_second", func(r *T) float64 { return of(r).PerSecond }))
	if l.Options.Waits == latency.WaitApart {
		fields = append(fields, out.Bool("waits", func(r *T) bool { return of(r).Waits }))
	}
	return fields
}

// percentileNames are those of latency.Percentiles in machine formats.
var percentileNames = [4]string{"p50", "p90", "p99", "p999"}

// unreached names the percentiles that are lower bounds.
func unreached(r *latency.Row) string {
	var names []string
	for i, p := range r.P {
		if p.Above {
			names = append(names, percentileNames[i])
		}
	}
	return strings.Join(names, " ")
}
