package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

func (s *scored) text(w io.Writer, f *scoreFlags) {
	b, t := s.baseline, &s.result.Total
	var calls int64
	for _, src := range b.Sources {
		calls += src.Calls
	}
	c := b.Calibration
	switch {
	case c == nil:
		fmt.Fprintf(w, "not calibrated: the scores have nothing to be compared with; see 'systape baseline calibrate'\n")
	case !s.result.Above():
		fmt.Fprintf(w, "no score is above its limit\n")
	default:
		fmt.Fprintf(w, "above the limits: %s\n", s.above())
	}
	fmt.Fprintf(w, "%s calls in %s, against %s calls of %s\n", units.Count(t.Calls), units.Counted(s.taken.Streams, b.By.String()),
		units.Count(calls), units.Counted(int64(len(b.Sources)), "capture"))
	fmt.Fprintf(w, "coverage: %v\n\n", s.in.coverage)

	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if c == nil {
		fmt.Fprintf(tw, "score\tcapture\t\n")
		for _, m := range scoreMetricNames(b) {
			fmt.Fprintf(tw, "%s\t%s\t\n", m, metricOf(t, m))
		}
	} else {
		fmt.Fprintf(tw, "score\tcapture\tlimit\tlimit of a %s\t\n", b.By)
		for _, l := range s.limits {
			above := slices.ContainsFunc(t.Above, func(e sequences.Exceeded) bool { return e.Metric == l.Metric })
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", l.Metric, metricOf(t, l.Metric), limitValue(l.Metric, l.Capture), limitValue(l.Metric, l.Stream), choose(above, " above", ""))
		}
	}
	tw.Flush()
	if c != nil {
		r := s.result
		fmt.Fprintf(w, "limits: at most %s of normal captures with %s is above any of them; calibrated with %s and %s%s\n", units.ShareOf(math.Round(1e6*(1-c.Quantile))/1e6),
			units.Counted(r.Ended, b.By.String()), units.Counted(int64(c.Captures.Count), "capture"), units.Counted(int64(c.Streams.Count), b.By.String()),
			choose(c.Supported(r.Ended, len(s.limits)), "", ",\nwhich are too few to have seen that: it is so if scores thin out exponentially"))
		fmt.Fprintf(w, "%s of %s score above what %s of normal ones do\n", units.Count(r.Unusual), units.Counted(r.Ended, b.By.String()), units.ShareOf(c.Quantile))
	}
	for i, fr := range t.Frames {
		if fr.Max > 0 {
			fmt.Fprintf(w, "%slfc_%d: %d new windows from %s to %s in %d/%d, calls %s to %s\n", choose(i == 0, "\n", ""), fr.Size, fr.Max, latencyClock(fr.FromTS), latencyClock(fr.ToTS),
				fr.PID, fr.TID, formatCount(fr.FromAt), formatCount(fr.ToAt))
		}
	}
	s.textUnknown(w)
	s.textStreams(w)
	s.textFindings(w)
}

func (s *scored) textUnknown(w io.Writer) {
	if len(s.result.Unknown) == 0 {
		return
	}
	fmt.Fprintf(w, "\ncalls that the baseline has never seen\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, u := range s.result.Unknown {
		fmt.Fprintf(tw, "  %s\t%s\tfirst at %s in %s\n", escape.Text(u.Name), latencyPad(formatCount(u.Count), 7), latencyClock(u.First.TS),
			escape.Text(sequencesWho("thread", u.First.PID, u.First.TID, u.Comm, "")))
		if len(u.Calls) > 0 {
			fmt.Fprintf(tw, "  \t\t  %s\n", escape.Text(strings.Join(slices.Concat(u.Calls[:u.At], []string{"[" + u.Name + "]"}, u.Calls[u.At+1:]), " ")))
		}
	}
	tw.Flush()
}

func (s *scored) textStreams(w io.Writer) {
	by := s.baseline.By.String()
	list := s.result.Streams
	for len(list) > 0 && list[len(list)-1].Windows[len(list[0].Windows)-1].Novel == 0 && list[len(list)-1].Unknown == 0 && len(list[len(list)-1].Above) == 0 {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		fmt.Fprintf(w, "\nno %s has a new window\n", by)
		return
	}
	fmt.Fprintf(w, "\nmost unusual %s\n", plural(2, by))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "calls\t%s\t\n", strings.Join(scoreMetricNames(s.baseline), "\t"))
	for i := range list {
		x := &list[i]
		fmt.Fprintf(tw, "%s\t", formatCount(x.Calls))
		for _, m := range x.Metrics() {
			mark := " "
			for _, e := range x.Above {
				if e.Metric == m.Name {
					mark = "!"
				}
			}
			fmt.Fprintf(tw, "%s%s\t", metricOf(x, m.Name), mark)
		}
		fmt.Fprintf(tw, "  %s\n", escape.Text(sequencesWho(by, x.PID, x.TID, x.Comm, x.Container)))
	}
	tw.Flush()
	if s.baseline.Calibration != nil {
		fmt.Fprintf(w, "! above the limit of a %s; that of novel windows is higher where there are few windows\n", by)
	}
}

func (s *scored) textFindings(w io.Writer) {
	for i := range s.result.Findings {
		f := &s.result.Findings[i]
		if i == 0 {
			fmt.Fprintf(w, "\nwhere\n")
		}
		fmt.Fprintf(w, "%d. %s, %s to %s, calls %s to %s\n", i+1, escape.Text(sequencesWho("thread", f.PID, f.TID, f.Comm, "")),
			latencyClock(f.FromTS), latencyClock(f.ToTS), formatCount(f.FromAt), formatCount(f.ToAt))
		fmt.Fprintf(w, "   %s of %s windows new, %.1f bits a call", formatCount(f.Novel), formatCount(f.Windows), f.Bits)
		if f.Unknown > 0 {
			fmt.Fprintf(w, ", %s %s never seen", formatCount(f.Unknown), plural(f.Unknown, "call"))
		}
		fmt.Fprintln(w)
		wrap(w, sequences.FoldNames(f.Calls)+choose(f.More > 0, fmt.Sprintf(" … and %s more", formatCount(f.More)), ""), "     ", 96)
		if len(f.Window) > 0 {
			fmt.Fprintf(w, "   least expected  %s  (%s, call %s)\n", strings.Join(f.Window, " "), latencyClock(f.WindowTS), formatCount(f.WindowAt))
			if len(f.Nearest) > 0 {
				fmt.Fprintf(w, "   nearest known   %s  (%d of %d calls differ)\n", strings.Join(f.Nearest, " "), f.Distance, len(f.Window))
			}
		}
	}
}

type scoreFrameJSON struct {
	Size    int   `json:"size"`
	Max     int   `json:"max"`
	FromNS  int64 `json:"from_ns"`
	ToNS    int64 `json:"to_ns"`
	FromIdx int64 `json:"from_call"`
	ToIdx   int64 `json:"to_call"`
	PID     int32 `json:"pid"`
	TID     int32 `json:"tid"`
}

type scoreStreamJSON struct {
	PID       int32                `json:"pid"`
	TID       int32                `json:"tid"`
	Comm      string               `json:"comm"`
	Container string               `json:"container"`
	FirstNS   int64                `json:"first_ns"`
	LastNS    int64                `json:"last_ns"`
	Calls     int64                `json:"calls"`
	Unknown   int64                `json:"unknown_calls"`
	Scores    map[string]float64   `json:"scores"`
	Windows   []scoreWindowJSON    `json:"windows"`
	Frames    []scoreFrameJSON     `json:"frames"`
	WorstNS   int64                `json:"bits_worst20_ns"`
	WorstIdx  int64                `json:"bits_worst20_call"`
	Above     []sequences.Exceeded `json:"above"`
}

type scoreWindowJSON struct {
	N       int   `json:"n"`
	Windows int64 `json:"windows"`
	Novel   int64 `json:"novel"`
	Rare    int64 `json:"rare"`
}

type scoreFindingJSON struct {
	PID      int32    `json:"pid"`
	TID      int32    `json:"tid"`
	Comm     string   `json:"comm"`
	FromNS   int64    `json:"from_ns"`
	ToNS     int64    `json:"to_ns"`
	FromIdx  int64    `json:"from_call"`
	ToIdx    int64    `json:"to_call"`
	Novel    int64    `json:"novel"`
	Windows  int64    `json:"windows"`
	Unknown  int64    `json:"unknown_calls"`
	Bits     float64  `json:"bits_mean"`
	Calls    []string `json:"calls"`
	More     int64    `json:"more"`
	Window   []string `json:"window"`
	WindowNS int64    `json:"window_ns"`
	Nearest  []string `json:"nearest"`
	Distance int      `json:"distance"`
}

type scoreUnknownJSON struct {
	Syscall string   `json:"syscall"`
	Count   int64    `json:"count"`
	FirstNS int64    `json:"first_ns"`
	PID     int32    `json:"first_pid"`
	TID     int32    `json:"first_tid"`
	Comm    string   `json:"first_comm"`
	Calls   []string `json:"calls"` // of the thread around it
	At      int      `json:"at"`    // its place in calls
}

type scoreLimitJSON struct {
	Metric  string   `json:"metric"`
	Capture *float64 `json:"capture"`
	Stream  *float64 `json:"stream"`
}

func scoreStream(s *sequences.StreamScore) scoreStreamJSON {
	j := scoreStreamJSON{PID: s.PID, TID: s.TID, Comm: s.Comm, Container: s.Container, FirstNS: s.FirstTS, LastNS: s.LastTS, Calls: s.Calls,
		Unknown: s.Unknown, Scores: map[string]float64{}, WorstNS: s.WorstTS, WorstIdx: s.WorstAt, Above: s.Above}
	if j.Above == nil {
		j.Above = []sequences.Exceeded{}
	}
	for _, m := range s.Metrics() {
		if m.Known {
			j.Scores[m.Name] = m.Value
		}
	}
	for _, w := range s.Windows {
		j.Windows = append(j.Windows, scoreWindowJSON{w.N, w.Windows, w.Novel, w.Rare})
	}
	for _, f := range s.Frames {
		j.Frames = append(j.Frames, scoreFrameJSON{f.Size, f.Max, f.FromTS, f.ToTS, f.FromAt, f.ToAt, f.PID, f.TID})
	}
	return j
}

func (s *scored) json(w io.Writer, f *scoreFlags) error {
	j := struct {
		Coverage any                `json:"coverage"`
		Baseline string             `json:"baseline"`
		By       string             `json:"by"`
		Verdict  bool               `json:"above"`
		Limits   any                `json:"calibration"`
		Total    scoreStreamJSON    `json:"total"`
		Ended    int64              `json:"streams_scored"`
		Alarmed  int64              `json:"streams_above"`
		Unusual  int64              `json:"streams_unusual"`
		Family   []scoreLimitJSON   `json:"limits"`
		Streams  []scoreStreamJSON  `json:"streams"`
		Unknown  []scoreUnknownJSON `json:"unknown"`
		Findings []scoreFindingJSON `json:"findings"`
	}{Coverage: s.in.coverage, Baseline: f.baseline, By: s.baseline.By.String(), Limits: s.baseline.Calibration,
		Verdict: s.result.Above(), Ended: s.result.Ended, Unusual: s.result.Unusual, Family: []scoreLimitJSON{},
		Total: scoreStream(&s.result.Total), Alarmed: s.result.Alarmed,
		Streams: []scoreStreamJSON{}, Unknown: []scoreUnknownJSON{}, Findings: []scoreFindingJSON{}}
	for _, l := range s.limits {
		k := scoreLimitJSON{Metric: l.Metric}
		if !math.IsInf(l.Capture, 0) {
			k.Capture = &l.Capture
		}
		if !math.IsInf(l.Stream, 0) {
			k.Stream = &l.Stream
		}
		j.Family = append(j.Family, k)
	}
	for i := range s.result.Streams {
		j.Streams = append(j.Streams, scoreStream(&s.result.Streams[i]))
	}
	for _, u := range s.result.Unknown {
		j.Unknown = append(j.Unknown, scoreUnknownJSON{u.Name, u.Count, u.First.TS, u.First.PID, u.First.TID, u.Comm, u.Calls, u.At})
	}
	for i := range s.result.Findings {
		x := &s.result.Findings[i]
		j.Findings = append(j.Findings, scoreFindingJSON{x.PID, x.TID, x.Comm, x.FromTS, x.ToTS, x.FromAt, x.ToAt, x.Novel, x.Windows, x.Unknown,
			x.Bits, x.Calls, x.More, x.Window, x.WindowTS, x.Nearest, x.Distance})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(j)
}
