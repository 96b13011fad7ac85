package views

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

// Comparison is two sides held against each other.
type Comparison struct {
	Frame     // without a Capture: there are several
	Files     [2][]string
	Sides     [2]*compare.Side
	Coverages [2]replay.Coverage
	Native    abi.ABI
	Result    *compare.Result
	N         int
	By        string
	Paths     []string // that tell calls apart
	Top       int      // calls and sequences to show; 0: all
}

// Write writes the comparison.
func (x *Comparison) Write() error {
	if x.people() {
		return x.text()
	}
	return x.json()
}

// Fails says what differs of the kinds that the user minds, "" if nothing: the
// verdict, and of "new" and "vanished" also what is too rare for it.
func (x *Comparison) Fails(kinds []string) string {
	for i := range x.Result.Differences {
		d := &x.Result.Differences[i]
		if slices.Contains(kinds, "any") || slices.Contains(kinds, string(d.Kind)) {
			return escape.Text(x.difference(d))
		}
	}
	for i := range x.Result.OneSided {
		o := &x.Result.OneSided[i]
		if kind := oneSidedKind(o); slices.Contains(kinds, string(kind)) {
			return string(kind) + ": " + escape.Text(x.oneSided(o))
		}
	}
	return ""
}

func (x *Comparison) text() error {
	w, r := x.Out, x.Result
	if len(r.Differences) == 0 {
		fmt.Fprintf(w, "no difference\n")
	} else {
		fmt.Fprintf(w, "%s\n", units.Counted(int64(len(r.Differences)), "difference"))
		for i := range r.Differences {
			if x.Top > 0 && i/2 >= x.Top {
				fmt.Fprintf(w, "  … and %d more\n", len(r.Differences)-i)
				break
			}
			fmt.Fprintf(w, "  %-9s  %s\n", r.Differences[i].Kind, escape.Text(x.difference(&r.Differences[i])))
		}
	}
	x.textOneSided()
	fmt.Fprintln(w)
	for i, label := range []string{"A", "B"} {
		s := x.Sides[i]
		rate := "?"
		if s.Seconds() > 0 {
			rate = units.Rate(float64(s.Calls) / s.Seconds())
		}
		out.Wrap(w, fmt.Sprintf("%s  %s: %s calls in %s, %s/s; %v", label, escape.Text(strings.Join(x.Files[i], " ")), units.Count(s.Calls),
			units.Duration(int64(s.Seconds()*1e9)), rate, x.Coverages[i]), "", x.Style.TableWidth())
	}
	if r.Pace > 0 {
		fmt.Fprintf(w, "calls in B take %.2f times as long as in A%s\n", r.Pace, choose(r.Paced >= compare.LeastPaced, ", in general", ""))
	}
	if err := x.textCalls(); err != nil {
		return err
	}
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
	fmt.Fprintf(w, "  transitions: %d only in A, %d only in B; windows of %d: %d only in A, %d only in B\n", r.GoneEdges, r.NewEdges, x.N, r.GoneGrams, r.NewGrams)
	if err := x.textGrams("transitions that differ most", r.Edges); err != nil || x.N <= 2 {
		return err
	}
	return x.textGrams(fmt.Sprintf("windows of %d that differ most", x.N), r.Grams)
}

// Told is one thing that differs, in words.
type Told struct {
	Kind  compare.Kind
	Text  string
	Calls []string // that it is about; none: all
}

// Differences are the verdict.
func (x *Comparison) Differences() (list []Told) {
	for i := range x.Result.Differences {
		d := &x.Result.Differences[i]
		t := Told{Kind: d.Kind, Text: x.difference(d)}
		for _, c := range d.Calls {
			t.Calls = append(t.Calls, c.Name)
		}
		list = append(list, t)
	}
	return list
}

// OneSided are the facts of one side alone of which the verdict does not tell.
func (x *Comparison) OneSided() (list []Told) {
	for i := range x.Result.OneSided {
		if o := &x.Result.OneSided[i]; !o.Told {
			list = append(list, Told{oneSidedKind(o), strings.TrimRight(x.oneSided(o), " "), []string{o.Call.Name}})
		}
	}
	return list
}

// difference says in words what differs.
func (x *Comparison) difference(d *compare.Difference) string {
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
			text += choose(i == 0, "; new: ", " ") + abi.ErrnoName(x.Native, e)
		}
		return text
	case compare.Latency:
		if c == nil {
			return fmt.Sprintf("calls in general take %.2f times as long: another load or another machine", x.Result.Pace)
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
func (x *Comparison) oneSided(o *compare.OneSided) string {
	text := fmt.Sprintf("%s: %s", o.Call.Name, units.Counted(o.Count, "call"))
	if o.Errno != 0 {
		text = fmt.Sprintf("%s fails with %s: %s of %s", o.Call.Name, abi.ErrnoName(x.Native, o.Errno), units.Count(o.Count),
			units.Counted(o.Call.Count[o.Side], "call"))
	}
	return text + strings.TrimSpace(fmt.Sprintf(", first at %s in %d/%d %s", units.Clock(o.First.TS), o.First.PID, o.First.TID, o.Comm))
}

// textOneSided lists what one side alone has and the verdict does not tell of.
func (x *Comparison) textOneSided() {
	w := x.Out
	shown, more := 0, 0
	for i := range x.Result.OneSided {
		o := &x.Result.OneSided[i]
		switch {
		case o.Told:
			continue
		case x.Top > 0 && shown/2 >= x.Top:
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

func (x *Comparison) textCalls() error {
	x.println()
	t := out.Table{Columns: out.Columns(">time A", ">B", ">calls A", ">B", ">errors A", ">B", ">median A", ">B", ">delta", "")}
	hidden, differs := 0, false
	for i := range x.Result.Calls {
		c := &x.Result.Calls[i]
		if x.Top > 0 && i >= x.Top && len(c.Differs) == 0 {
			hidden++
			continue
		}
		var kinds []string
		for _, k := range c.Differs {
			differs = true
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
		t.Add(timed(0, c.TotalNS[0]), timed(1, c.TotalNS[1]), units.Count(c.Count[0]), units.Count(c.Count[1]),
			units.ShareCell(c.ErrorRate[0]), units.ShareCell(c.ErrorRate[1]), timed(0, c.MedianNS[0]), timed(1, c.MedianNS[1]), delta,
			c.Name+choose(c.Waits, " (waits)", "")+choose(len(kinds) > 0, "  < "+strings.Join(kinds, ", "), ""))
	}
	if x.Style.Width > 0 && x.Style.Width < 96 { // names and what differs are worth more, and the medians tell
		t.Drop("delta")
		if !differs {
			t.Squeeze(x.Style, []string{""})
		}
	}
	if err := t.Write(x.Out, x.Style); err != nil {
		return err
	}
	if hidden > 0 {
		x.println(fmt.Sprintf("  … and %d more calls without a difference", hidden))
	}
	return nil
}

func (x *Comparison) textGrams(title string, list []compare.Gram) error {
	if len(list) == 0 {
		return nil
	}
	if x.Top > 0 {
		list = list[:min(x.Top, len(list))]
	}
	x.println("\n" + title)
	t := out.Table{Columns: out.Columns(">", ">", ""), Indent: "  "}
	for _, g := range list {
		t.Add(units.Count(g.Count[0]), units.Count(g.Count[1]), sequences.FoldNames(g.Calls))
	}
	return t.Write(x.Out, x.Style)
}
