package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"systape/format/abi"
	"systape/replay/compare"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

func (x *compared) text(w io.Writer) {
	r := x.result
	if len(r.Differences) == 0 {
		fmt.Fprintf(w, "no difference\n")
	} else {
		fmt.Fprintf(w, "%s\n", units.Counted(int64(len(r.Differences)), "difference"))
		for i := range r.Differences {
			if x.top > 0 && i/2 >= x.top {
				fmt.Fprintf(w, "  … and %d more\n", len(r.Differences)-i)
				break
			}
			fmt.Fprintf(w, "  %-9s  %s\n", r.Differences[i].Kind, escape.Text(x.difference(&r.Differences[i])))
		}
	}
	x.textOneSided(w)
	fmt.Fprintln(w)
	for i, label := range []string{"A", "B"} {
		s := x.sides[i]
		rate := "?"
		if s.Seconds() > 0 {
			rate = units.Rate(float64(s.Calls) / s.Seconds())
		}
		fmt.Fprintf(w, "%s  %s: %s calls in %s, %s/s; %v\n", label, escape.Text(strings.Join(x.names[i], " ")), units.Count(s.Calls),
			units.Duration(int64(s.Seconds()*1e9)), rate, x.coverage[i])
	}
	if r.Pace > 0 {
		fmt.Fprintf(w, "calls in B take %.2f times as long as in A%s\n", r.Pace, choose(r.Paced >= compare.LeastPaced, ", in general", ""))
	}
	x.textCalls(w)
	fmt.Fprintf(w, "\ndivergence (0 the same, 1 nothing in common)\n")
	for _, d := range r.Divergences {
		what := fmt.Sprintf("windows of %d", d.N)
		if d.N <= 2 {
			what = []string{"calls", "transitions"}[d.N-1]
		}
		fmt.Fprintf(w, "  %-14s %.4f bits", what, d.Bits)
		if !math.IsNaN(d.P) {
			fmt.Fprintf(w, ", %.4f by chance, p %.3f", d.ByChance, d.P)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "  transitions: %d only in A, %d only in B; windows of %d: %d only in A, %d only in B\n", r.GoneEdges, r.NewEdges, x.n, r.GoneGrams, r.NewGrams)
	x.textGrams(w, "transitions that differ most", r.Edges)
	if x.n > 2 {
		x.textGrams(w, fmt.Sprintf("windows of %d that differ most", x.n), r.Grams)
	}
}

// difference says in words what differs.
func (x *compared) difference(d *compare.Difference) string {
	var c *compare.Call
	if len(d.Calls) > 0 {
		c = d.Calls[0]
	}
	switch d.Kind {
	case compare.NewCall:
		return "calls that only the second side has: " + counts(d.Calls, 1)
	case compare.Vanished:
		return "calls that only the first side has: " + counts(d.Calls, 0)
	case compare.Frequency:
		return fmt.Sprintf("%s is %s of the calls, before %s", c.Name, units.ShareOf(c.Share[1]), units.ShareOf(c.Share[0]))
	case compare.Errors:
		text := fmt.Sprintf("%s fails in %s of its calls, before in %s", c.Name, units.ShareOf(c.ErrorRate[1]), units.ShareOf(c.ErrorRate[0]))
		for i, e := range c.NewErrors {
			text += choose(i == 0, "; new: ", " ") + abi.ErrnoName(x.native, e)
		}
		return text
	case compare.Latency:
		if c == nil {
			return fmt.Sprintf("calls in general take %.2f times as long: another load or another machine", x.result.Pace)
		}
		return fmt.Sprintf("%s is %s: median %s, before %s; %s in all, before %s", c.Name, choose(c.Delta < 0, "faster", "slower"),
			units.Duration(c.MedianNS[1]), units.Duration(c.MedianNS[0]), units.Duration(c.TotalNS[1]), units.Duration(c.TotalNS[0]))
	}
	return fmt.Sprintf("%s diverges by %.3f bits, %.3f by chance", choose(d.Divergence.N == 2, "what follows upon what", "what is called"),
		d.Divergence.Bits, d.Divergence.ByChance)
}

// counts lists calls with what one side has of them.
func counts(calls []*compare.Call, side int) string {
	var list []string
	for _, c := range calls {
		text := fmt.Sprintf("%s (%s", c.Name, units.Count(c.Count[side]))
		if c.Timed[side] > 0 && !c.Waits {
			text += ", " + units.Duration(c.TotalNS[side])
		}
		list = append(list, text+")")
	}
	return strings.Join(list, ", ")
}

func oneSidedKind(o *compare.OneSided) compare.Kind {
	if o.Side == 1 {
		return compare.NewCall
	}
	return compare.Vanished
}

// oneSided says in words what one side alone has.
func (x *compared) oneSided(o *compare.OneSided) string {
	text := fmt.Sprintf("%s: %s", o.Call.Name, units.Counted(o.Count, "call"))
	if o.Errno != 0 {
		text = fmt.Sprintf("%s fails with %s: %s of %s", o.Call.Name, abi.ErrnoName(x.native, o.Errno), units.Count(o.Count),
			units.Counted(o.Call.Count[o.Side], "call"))
	}
	return text + fmt.Sprintf(", first at %s in %d/%d %s", units.Clock(o.First.TS), o.First.PID, o.First.TID, o.Comm)
}

// textOneSided lists what one side alone has and the verdict does not tell of.
func (x *compared) textOneSided(w io.Writer) {
	shown, more := 0, 0
	for i := range x.result.OneSided {
		o := &x.result.OneSided[i]
		switch {
		case o.Told:
			continue
		case x.top > 0 && shown/2 >= x.top:
			more++
			continue
		case shown == 0:
			fmt.Fprintf(w, "\non one side only, too rare for a verdict\n")
		}
		shown++
		fmt.Fprintf(w, "  %-9s  %s\n", oneSidedKind(o), strings.TrimRight(escape.Text(x.oneSided(o)), " "))
	}
	if more > 0 {
		fmt.Fprintf(w, "  … and %d more\n", more)
	}
}

func (x *compared) textCalls(w io.Writer) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "time A\tB\tcalls A\tB\terrors A\tB\tmedian A\tB\tdelta\t\n")
	hidden := 0
	for i := range x.result.Calls {
		c := &x.result.Calls[i]
		if x.top > 0 && i >= x.top && len(c.Differs) == 0 {
			hidden++
			continue
		}
		var kinds []string
		for _, k := range c.Differs {
			kinds = append(kinds, string(k))
		}
		timed := func(side int, ns int64) string {
			if c.Timed[side] == 0 {
				return ""
			}
			return units.DurationCell(ns)
		}
		delta := ""
		if c.Timed[0] > 0 && c.Timed[1] > 0 {
			delta = fmt.Sprintf("%+.2f", c.Delta)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t  %s%s%s\n", timed(0, c.TotalNS[0]), timed(1, c.TotalNS[1]), units.Count(c.Count[0]), units.Count(c.Count[1]),
			units.ShareCell(c.ErrorRate[0]), units.ShareCell(c.ErrorRate[1]), timed(0, c.MedianNS[0]), timed(1, c.MedianNS[1]), delta, escape.Text(c.Name),
			choose(c.Waits, " (waits)", ""), choose(len(kinds) > 0, "  < "+strings.Join(kinds, ", "), ""))
	}
	t.Flush()
	if hidden > 0 {
		fmt.Fprintf(w, "  … and %d more calls without a difference\n", hidden)
	}
}

func (x *compared) textGrams(w io.Writer, title string, list []compare.Gram) {
	if len(list) == 0 {
		return
	}
	if x.top > 0 {
		list = list[:min(x.top, len(list))]
	}
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range list {
		fmt.Fprintf(t, "%s\t%s\t  %s\n", units.Count(g.Count[0]), units.Count(g.Count[1]), escape.Text(sequences.FoldNames(g.Calls)))
	}
	t.Flush()
}
