package views

import (
	"cmp"
	"slices"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/replay/latency"
)

// Window returns the rows of a stretch of time with the figures that 'systape
// latency' has of it: l.From and l.To are its bounds, 0 where it has none. Calls
// that work come before those that wait by nature, where these are kept apart.
func (l *Latency) Window(w *latency.Window) []latency.Row {
	l.extent = w.Extent
	rows := w.Table.Rows(l.spanNS(), l.Sort)
	if l.Options.Waits == latency.WaitApart {
		slices.SortStableFunc(rows, func(a, b latency.Row) int { return cmp.Compare(order(&a), order(&b)) })
	}
	return rows
}

func order(r *latency.Row) int {
	if r.Waits {
		return 1
	}
	return 0
}

// Span returns when the window that [Latency.Window] was given last began and
// ended: the time that rates are of.
func (l *Latency) Span() (from, to int64) { return l.span() }

// Waits stands on a screen before the name of what waits by nature.
const Waits = "~ "

// screenFigures are the columns of a screen, the first to give way last.
var screenFigures = []string{"total", "calls", "max", "p99", "share", "p50", "rate/s", "errors", "p90", "p99.9", "open"}

// screenWidths are what these columns take at least, so that figures stay where
// they are from one window to the next.
var screenWidths = map[string]int{"calls": 7, "rate/s": 6, "errors": 6, "share": 5, "open": 4}

// ScreenSorts are what a screen can be sorted by, in the order of its columns.
func (l *Latency) ScreenSorts() (sorts []latency.Sort) {
	for _, k := range l.Options.By {
		sorts = append(sorts, latency.Sort(k.String()))
	}
	for _, f := range figures {
		if f.sort != "" && slices.Contains(screenFigures, f.name) && !(f.timed && l.Untimed) {
			sorts = append(sorts, f.sort)
		}
	}
	return sorts
}

// Screen is the table of some rows as a screen shows them: as many columns as
// there is room for, the one that rows are sorted by always, marked with an arrow.
// all are the rows of the window, which share their columns.
func (l *Latency) Screen(rows, all []latency.Row) *out.Table {
	t := &out.Table{Rows: make([][]string, len(rows)), Tight: true}
	var names, drop []string
	marked := func(name string, sort latency.Sort) string {
		if sort != "" && sort == l.Sort {
			return name + "▾"
		}
		return name
	}
	for _, k := range l.Options.By {
		name := marked(k.String(), latency.Sort(k.String()))
		names = append(names, name)
		text := func(r *latency.Row) string {
			s := l.keyText(&r.Values, r.Joined > 0, k)
			if r.Waits && len(names) == 1 && l.Options.Waits == latency.WaitApart {
				s = Waits + s
			}
			return s
		}
		c := out.Column{Name: name, Right: isNumber(k), Min: out.Width(name)}
		for i := range all {
			c.Min = max(c.Min, out.Width(text(&all[i])))
		}
		t.Columns = append(t.Columns, c)
		for i := range rows {
			t.Rows[i] = append(t.Rows[i], text(&rows[i]))
		}
	}
	open := slices.ContainsFunc(all, func(r latency.Row) bool { return r.Censored > 0 })
	for _, f := range figures {
		rank := slices.Index(screenFigures, f.name)
		if rank < 0 || f.timed && l.Untimed || f.name == "open" && !open {
			continue
		}
		name := marked(f.name, f.sort)
		c := out.Column{Name: name, Right: true, Min: cmp.Or(screenWidths[f.name], 7)}
		if f.paint != nil {
			c.Paint = f.paint(l.Style)
		}
		t.Columns = append(t.Columns, c)
		for i := range rows {
			t.Rows[i] = append(t.Rows[i], f.text(&rows[i]))
		}
	}
	for _, name := range slices.Backward(screenFigures) {
		if i := slices.IndexFunc(figures, func(f figure) bool { return f.name == name }); figures[i].sort == "" || figures[i].sort != l.Sort {
			drop = append(drop, name)
		}
	}
	fitScreen(t, l.Style.TableWidth(), len(names), drop)
	return t
}

// fitScreen makes a table fit whose first columns are names. Fine percentiles
// give way to names, names to the other figures, and these, the first of drop
// first, where there is no room for 10 columns of a name.
func fitScreen(t *out.Table, width, names int, drop []string) {
	var columns []int
	for i := range names {
		columns = append(columns, i)
	}
	for {
		narrow := t.Width() - width
		if narrow > 0 && len(drop) > 0 && fine[drop[0]] {
			t.Drop(drop[0])
			drop = drop[1:]
			continue
		}
		if narrow <= 0 || len(columns) == 0 {
			return
		}
		full := slices.Clone(t.Columns[:names])
		over := t.Fit(width, columns...)
		for i := range columns {
			if c := &t.Columns[i]; c.Max > 0 {
				c.Min = min(c.Min, c.Max)
			}
		}
		if over <= 0 || len(drop) == 0 {
			return
		}
		copy(t.Columns, full)
		t.Drop(drop[0])
		drop = drop[1:]
	}
}

// fine are the columns that give way to whole names.
var fine = map[string]bool{"open": true, "p99.9": true, "p90": true}

// Sampled reports whether the calls of a capture were drawn by lot, so that exact
// counts may stand beside them.
func Sampled(m *format.Meta) bool { return m.Request.Sampled() && !m.Request.Held() }
