package views

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/units"
)

// Latency is what the views of latency have in common: how the user wants
// them, and what was seen of the calls.
type Latency struct {
	Frame
	Options  latency.Options // By and Waits say what rows are of
	Sort     latency.Sort
	Top      int // rows to show: 0 all, -1 what suits the view
	Wide     bool
	Dark     bool  // pictures are for a dark screen
	From, To int64 // bounds of the filter; 0: none
	// Untimed says that the capture tells no durations (see replay.Timed):
	// none are shown.
	Untimed bool

	extent latency.Extent
	calls  replay.Notes
	every  bool // the view is of intervals
	exact  bool // numbers and totals are those of all calls, not of the sample
}

// sampled reports whether the calls of the capture were drawn by lot.
func (l *Latency) sampled() bool { return Sampled(l.Meta()) }

// View is one way to look at calls: Add takes those of the capture, in the
// order in which they ended, then Render writes the result.
type View struct {
	Add    func([]replay.Call) error
	Render func() error
	// From, if not nil, is told before calls of another machine come which it
	// is, by its number in Options.Nodes.
	From func(node int)
	// Among, if not nil, gets all calls, of which Add gets the chosen ones after
	// it; and past the last of these while Waiting says that it wants more.
	Among   func(calls []replay.Call, chosen []bool)
	Waiting func() bool
	// Table, if not nil, is all that Add adds to: it may be made of shares.
	Table *latency.Table
}

// Read gives the calls to a view; take is called with a function for them.
func (l *Latency) Read(v View, take func(func([]replay.Call) error) error) error {
	err := take(func(calls []replay.Call) error {
		l.calls.Add(calls)
		l.extent.Add(calls)
		return v.Add(calls)
	})
	if err == nil {
		err = v.Render()
	}
	if l.Untimed {
		l.note("imported from %s without durations: only counts are shown", escape.Text(l.Meta().Imported.From))
	}
	if l.sampled() {
		switch {
		case l.exact:
			l.note("drawn by lot: calls, errors, totals and means are exact, the rest is estimated from the calls that were drawn; --format json tells between what the percentiles lie")
		default:
			l.note("drawn by lot: all figures are of the calls that were drawn")
		}
	}
	if line := l.calls.IOUring(); line != "" {
		l.note("note: %s", line)
	}
	return err
}

// share is what one of several goroutines has seen of the calls.
type share struct {
	calls  replay.Notes
	extent latency.Extent
	table  *latency.Table
}

// AddShared adds the calls of a session to a view by several goroutines at
// once. done is false, and nothing has happened, where the view or the capture
// asks for calls in order. seen is told how many calls were added.
func (l *Latency) AddShared(ctx context.Context, v View, s *replay.Session, seen func(calls int)) (done bool, err error) {
	if v.Table == nil {
		return false, nil
	}
	return replay.EachShared(ctx, s, replay.Shares[*share]{
		Begin: func(n int) *share { return &share{table: v.Table.Share(n)} },
		Add: func(to *share, calls []replay.Call) bool {
			to.calls.Add(calls)
			to.extent.Add(calls)
			to.table.Add(calls)
			seen(len(calls))
			return !to.table.Full()
		},
		Join: func(all []*share) bool {
			tables := make([]*latency.Table, len(all))
			for i, s := range all {
				tables[i] = s.table
			}
			if !v.Table.Join(tables) {
				return false
			}
			for _, s := range all {
				l.calls.Join(&s.calls)
				l.extent.Merge(&s.extent)
			}
			return true
		},
	})
}

// span returns when the capture began and ended: what it says about itself,
// within the bounds of the filter, or else what its calls say.
func (l *Latency) span() (from, to int64) {
	from, to = l.extent.First, l.extent.Last
	for _, p := range l.Meta().Probes {
		if p.Name == "sys_enter" && p.AttachNS != 0 && p.DetachNS != 0 {
			from, to = p.AttachNS, p.DetachNS
		}
	}
	if l.From != 0 {
		from = max(from, l.From)
	}
	if l.To != 0 {
		to = min(to, l.To)
	}
	return from, max(from, to)
}

func (l *Latency) spanNS() int64 {
	from, to := l.span()
	return to - from
}

// limit returns how many rows to show; people is the view's own choice for
// them.
func (l *Latency) limit(people int) int {
	switch {
	case l.Top > 0:
		return l.Top
	case l.Top == 0 || !l.people() && !out.IsPicture(l.Form):
		return int(^uint(0) >> 1)
	}
	return people
}

// head is what a JSON result begins with.
func (l *Latency) head(more ...out.Value) []out.Value {
	return append([]out.Value{l.about(), {Name: "coverage", Value: l.Coverage()}}, more...)
}

// records begins a result in a machine format. The metadata of a table is that
// of a calls table, so that files of many hosts can be told apart.
func records[T any](f *Frame, name string, fields []out.Field[T], head ...out.Value) (*out.Records[T], error) {
	meta := map[string]string{}
	for k, v := range f.Origin {
		meta[k] = v
	}
	meta["systape.table"] = strconv.Quote(strings.TrimSpace(f.Of + " " + name))
	return out.NewRecords(f.Out, f.Form, fields, out.Document{Name: name, Head: head, Meta: meta, Symbols: f.Symbols()})
}

// writeRecords writes a whole result.
func writeRecords[T any](f *Frame, name string, fields []out.Field[T], rows []T, head ...out.Value) error {
	rec, err := records(f, name, fields, head...)
	if err != nil {
		return err
	}
	if err := rec.Write(rows); err != nil {
		return err
	}
	return rec.Close()
}

// noteOpen explains > below a table that has it.
func (l *Latency) noteOpen(open int64) {
	if open > 0 {
		l.note("open: %s had not ended when last seen; > marks what is known only as a lower bound", units.Counted(open, "call"))
	}
}

// warnJoined says that groups were joined for want of memory.
func (l *Latency) warnJoined(t *latency.Table) {
	if n, more := t.Joined(); n > 0 || more {
		plus := ""
		if more {
			plus = " or more"
		}
		l.Warn(fmt.Errorf("more groups than there is memory for: %s%s with the least time are one row, (other)", countInt(n), plus))
	}
}

func (l *Latency) warnMissed(n int64) {
	if n > 0 {
		l.Warn(fmt.Errorf("more combinations of calls and errors than there is memory for: %s calls are not in the table", units.Count(n)))
	}
}

func countInt(n int) string { return units.Count(int64(n)) }

// quantile writes a quantile in a table, with > before a lower bound.
func quantile(q latency.Quantile) string {
	if q.Above {
		return ">" + units.DurationCell(q.NS)
	}
	return units.DurationCell(q.NS)
}

const other = "(other)" // what stands for groups that were joined

func isNumber(k latency.Key) bool {
	return k == latency.ByPID || k == latency.ByTID || k == latency.ByCPU
}

func (f *Frame) keyText(v *latency.Values, joined bool, k latency.Key) string {
	if joined {
		return other
	}
	switch v := v.Of(k).(type) {
	case int64:
		return fmt.Sprint(v)
	case string:
		switch {
		case v == "" && k == latency.ByErrno:
			return "success"
		case v == "" && k == latency.ByContainer:
			return "host"
		case k == latency.ByComm:
			return f.comm(v)
		}
		return v
	}
	return ""
}

// groupTitle names a group by its keys.
func (l *Latency) groupTitle(row *latency.Row) string {
	var names []string
	for _, k := range l.Options.By {
		s := l.keyText(&row.Values, row.Joined > 0, k)
		if isNumber(k) {
			s = k.String() + " " + s
		}
		names = append(names, s)
	}
	title := escape.Text(strings.Join(names, " "))
	if title == "" {
		title = "all calls"
	}
	if row.Waits && l.Options.Waits == latency.WaitApart {
		title += " (waits)"
	}
	return title
}

// sectionTitle names the calls of a section.
func (l *Latency) sectionTitle(waits bool) string {
	switch {
	case l.Options.Waits == latency.WaitMixed:
		return "all calls"
	case waits || l.Options.Waits == latency.WaitOnly:
		return "waiting calls"
	}
	return "working calls"
}

// keyFields are the columns of the keys in machine formats.
func keyFields[T any](keys []latency.Key, of func(*T) (v *latency.Values, joined bool)) (fields []out.Field[T]) {
	for _, k := range keys {
		if isNumber(k) {
			fields = append(fields, out.Int(k.String(), func(r *T) int64 {
				v, joined := of(r)
				if joined {
					return -1
				}
				return v.Of(k).(int64)
			}))
			continue
		}
		fields = append(fields, out.Text(k.String(), func(r *T) string {
			v, joined := of(r)
			if joined {
				return other
			}
			return v.Of(k).(string)
		}))
	}
	return fields
}
