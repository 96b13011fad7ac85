package views

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

// Score is a capture held against a baseline.
type Score struct {
	Frame
	File     string // of the baseline
	Baseline *sequences.Baseline
	Result   *sequences.Result
	Limits   []sequences.MetricLimits
	Taken    sequences.Taken
}

// Write writes the score.
func (s *Score) Write() error {
	if s.people() {
		return s.text()
	}
	return s.json()
}

func (s *Score) text() error {
	w := s.Out
	b, t := s.Baseline, &s.Result.Total
	var calls int64
	for _, src := range b.Lessons {
		calls += src.Calls
	}
	c := b.Calibration
	switch {
	case c == nil:
		fmt.Fprintf(w, "not calibrated: nothing to compare scores with; see 'systape baseline calibrate'\n")
	case !s.Result.Above():
		fmt.Fprintf(w, "no score is above its limit\n")
	default:
		fmt.Fprintf(w, "above the limits: %s\n", s.AboveText())
	}
	fmt.Fprintf(w, "%s calls in %s, against %s calls of %s\n", units.Count(t.Calls), units.Counted(s.Taken.Streams, b.By.String()),
		units.Count(calls), units.Counted(int64(len(b.Lessons)), "capture"))
	fmt.Fprintf(w, "coverage: %v\n\n", s.Coverage())

	scores := out.Table{Columns: out.Columns(">score", ">capture")}
	if c == nil {
		for _, m := range MetricNames(b) {
			scores.Add(m, metricOf(t, m))
		}
	} else {
		scores.Columns = append(scores.Columns, out.Columns(">limit", ">limit of a "+b.By.String(), "")...)
		for _, l := range s.Limits {
			above := slices.ContainsFunc(t.Above, func(e sequences.Exceeded) bool { return e.Metric == l.Metric })
			scores.Add(l.Metric, metricOf(t, l.Metric), limitValue(l.Metric, l.Capture), limitValue(l.Metric, l.Stream), choose(above, "above", ""))
		}
	}
	if err := scores.Write(w, s.Style); err != nil {
		return err
	}
	if c != nil {
		r := s.Result
		fmt.Fprintf(w, "limits: at most %s of normal captures with %s is above any of them; calibrated with %s and %s%s\n", units.ShareOf(math.Round(1e6*(1-c.Quantile))/1e6),
			units.Counted(r.Ended, b.By.String()), units.Counted(int64(c.Captures.Count), "capture"), units.Counted(int64(c.Streams.Count), b.By.String()),
			choose(c.Supported(r.Ended, len(s.Limits)), "", ",\nwhich are too few to have seen that: it is so if scores thin out exponentially"))
		fmt.Fprintf(w, "%s of %s score above what %s of normal ones do\n", units.Count(r.Unusual), units.Counted(r.Ended, b.By.String()), units.ShareOf(c.Quantile))
	}
	for i, fr := range t.Frames {
		if fr.Max > 0 {
			fmt.Fprintf(w, "%slfc_%d: %d new windows from %s to %s in %d/%d, calls %s to %s\n", choose(i == 0, "\n", ""), fr.Size, fr.Max, s.timeOfDay(fr.FromTS), s.timeOfDay(fr.ToTS),
				fr.PID, fr.TID, units.Count(fr.FromAt), units.Count(fr.ToAt))
		}
	}
	if err := s.textUnknown(); err != nil {
		return err
	}
	if err := s.textStreams(); err != nil {
		return err
	}
	s.textFindings()
	return nil
}

func (s *Score) textUnknown() error {
	if len(s.Result.Unknown) == 0 {
		return nil
	}
	s.println("\ncalls that the baseline has never seen")
	t := out.Table{Columns: out.Columns("", ">", ""), Indent: "  "}
	for _, u := range s.Result.Unknown {
		t.Add(u.Name, units.Count(u.Count), "first at "+s.timeOfDay(u.First.TS)+" in "+s.streamName("thread", u.First.PID, u.First.TID, u.Comm, ""))
		if len(u.Calls) > 0 {
			t.Add("", "", "  "+strings.Join(slices.Concat(u.Calls[:u.At], []string{"[" + u.Name + "]"}, u.Calls[u.At+1:]), " "))
		}
	}
	return t.Write(s.Out, s.Style)
}

func (s *Score) textStreams() error {
	by := s.Baseline.By.String()
	list := s.Result.Streams
	for len(list) > 0 && list[len(list)-1].Windows[len(list[0].Windows)-1].Novel == 0 && list[len(list)-1].Unknown == 0 && len(list[len(list)-1].Above) == 0 {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		s.println("\nno " + by + " has a new window")
		return nil
	}
	s.println("\nmost unusual " + units.Plural(2, by))
	t := out.Table{Columns: out.Columns(">calls")}
	for _, m := range MetricNames(s.Baseline) {
		t.Columns = append(t.Columns, out.Column{Name: m + " ", Right: true})
	}
	t.Columns = append(t.Columns, out.Column{})
	for i := range list {
		x := &list[i]
		cells := []string{units.Count(x.Calls)}
		for _, m := range x.Metrics() {
			above := slices.ContainsFunc(x.Above, func(e sequences.Exceeded) bool { return e.Metric == m.Name })
			cells = append(cells, metricOf(x, m.Name)+choose(above, "!", " "))
		}
		t.Add(append(cells, s.streamName(by, x.PID, x.TID, x.Comm, x.Container))...)
	}
	if err := t.Write(s.Out, s.Style); err != nil {
		return err
	}
	if s.Baseline.Calibration != nil {
		s.println("! above the limit of a " + by + "; that of novel windows is higher where there are few windows")
	}
	return nil
}

func (s *Score) textFindings() {
	w := s.Out
	for i := range s.Result.Findings {
		f := &s.Result.Findings[i]
		if i == 0 {
			fmt.Fprintf(w, "\nwhere\n")
		}
		fmt.Fprintf(w, "%d. %s, %s to %s, calls %s to %s\n", i+1, s.streamName("thread", f.PID, f.TID, f.Comm, ""),
			s.timeOfDay(f.FromTS), s.timeOfDay(f.ToTS), units.Count(f.FromAt), units.Count(f.ToAt))
		fmt.Fprintf(w, "   %s of %s windows new, %.1f bits a call", units.Count(f.Novel), units.Count(f.Windows), f.Bits)
		if f.Unknown > 0 {
			fmt.Fprintf(w, ", %s %s never seen", units.Count(f.Unknown), units.Plural(f.Unknown, "call"))
		}
		fmt.Fprintln(w)
		out.Wrap(w, escape.Text(sequences.FoldNames(f.Calls))+choose(f.More > 0, fmt.Sprintf(" … and %s more", units.Count(f.More)), ""), "     ", 96)
		if len(f.Window) > 0 {
			fmt.Fprintf(w, "   least expected  %s  (%s, call %s)\n", escape.Text(strings.Join(f.Window, " ")), s.timeOfDay(f.WindowTS), units.Count(f.WindowAt))
			if len(f.Nearest) > 0 {
				fmt.Fprintf(w, "   nearest known   %s  (%d of %d calls differ)\n", escape.Text(strings.Join(f.Nearest, " ")), f.Distance, len(f.Window))
			}
		}
	}
}

// AboveText says which limits were exceeded.
func (s *Score) AboveText() string {
	var parts []string
	for _, e := range s.Result.Total.Above {
		parts = append(parts, e.Metric)
	}
	text := ""
	if len(parts) > 0 {
		text = "capture " + strings.Join(parts, " ")
	}
	if n := s.Result.Alarmed; n > 0 {
		if text != "" {
			text += "; "
		}
		text += choose(s.Result.AtLeast, "at least ", "") + units.Counted(n, s.Baseline.By.String())
	}
	return text
}

// MetricNames lists the metrics of a baseline in their order.
func MetricNames(b *sequences.Baseline) []string {
	var names []string
	for _, n := range b.N {
		names = append(names, fmt.Sprint("novel_", n))
	}
	for _, n := range sequences.Frames {
		names = append(names, fmt.Sprint("lfc_", n))
	}
	return append(names, "bits_mean", "bits_worst20")
}

// ScoreValue writes a metric's value.
func ScoreValue(metric string, v float64) string {
	switch {
	case strings.HasPrefix(metric, "novel_"):
		return fmt.Sprintf("%.3f %%", 100*v)
	case strings.HasPrefix(metric, "lfc_"):
		return strconv.FormatFloat(math.Ceil(10*v)/10, 'f', -1, 64)
	}
	return fmt.Sprintf("%.2f", v)
}

// metricOf writes a metric of a stream, "-" if it has none.
func metricOf(s *sequences.StreamScore, name string) string {
	all := s.Metrics()
	i := slices.IndexFunc(all, func(m sequences.Metric) bool { return m.Name == name })
	if i < 0 || !all[i].Known {
		return "-"
	}
	return ScoreValue(name, all[i].Value)
}

// limitValue writes a limit, "-" if there is none.
func limitValue(metric string, v float64) string {
	if math.IsInf(v, 0) {
		return "-"
	}
	return ScoreValue(metric, v)
}
