package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"systape/format/abi"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/sequences"
)

type compareFlags struct {
	sequencesDivision
	n      int
	top    int
	failOn []string
	format string
	output string
	force  bool
}

func newCompareCommand() *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use:   "compare [flags] A… -- B…",
		Short: "Two captures, or two sets of them, side by side",
		Long: `Say what differs between two captures: calls that are new or have vanished, how
often calls are made, how many fail, how long they take, what follows upon what.
The verdict comes first. Each FILE is a capture of its own; with two of them the
-- may be left out.

A difference must be too large for chance and large enough to matter: adjusted
p below 0.01 (Benjamini-Hochberg over all calls), and shares, error rates or
median durations that differ by half. Durations are compared by rank (Cliff's
delta of 0.474 or more) and after taking away the pace that all calls share;
those of calls that wait by nature are shown but not judged. The witnesses of a test are 16 stretches of each capture, not its single
calls, so that two recordings of the same thing come out as no difference.

` + sequencesDivisionHelp,
		Example: `  systape compare before.parquet after.parquet
  systape compare mon.parquet tue.parquet -- wed.parquet thu.parquet
  systape compare --fail-on new,errors before.parquet after.parquet
  systape compare --format json before.parquet after.parquet | jq .differences`,
		RunE: func(c *cobra.Command, args []string) error { return runCompare(c, &f, args) },
	}
	flags := c.Flags()
	flags.IntVarP(&f.n, "length", "n", 3, "calls in the windows that are compared, 2 to 10")
	f.addFlags(c)
	flags.IntVar(&f.top, "top", 15, "show the `N` most frequent calls and those that differ, and N sequences; 0 for all calls")
	flags.StringSliceVar(&f.failOn, "fail-on", nil, "exit with code 3 on differences of these `kinds`: any "+compareKinds())
	flags.StringVar(&f.format, "format", "table", "`form` of the result: table json")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func compareKinds() string {
	var words []string
	for _, k := range compare.Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, " ")
}

// compareSides divides the arguments at the --.
func compareSides(args []string, dash int) (a, b []string, err error) {
	switch {
	case dash >= 0:
		a, b = args[:dash], args[dash:]
	case len(args) == 2:
		a, b = args[:1], args[1:]
	default:
		return nil, nil, errors.New("want two captures, or two sets of captures with -- between them")
	}
	if len(a) == 0 || len(b) == 0 {
		return nil, nil, errors.New("one side has no capture")
	}
	return a, b, nil
}

// compared is a comparison and what it rests on.
type compared struct {
	*compareFlags
	names    [2][]string
	sides    [2]*compare.Side
	coverage [2]replay.Coverage
	result   *compare.Result
}

func runCompare(c *cobra.Command, f *compareFlags, args []string) error {
	usage := func(err error) error {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	a, b, err := compareSides(args, c.ArgsLenAtDash())
	if err != nil {
		return usage(err)
	}
	opt, err := f.options()
	switch {
	case err != nil:
		return usage(err)
	case f.n < 2 || f.n > sequences.MaxN:
		return usage(fmt.Errorf("-n %d: want 2 to %d", f.n, sequences.MaxN))
	case f.format != "table" && f.format != "json":
		return usage(fmt.Errorf("--format: unknown format %q, want table or json", f.format))
	case f.top < 0:
		return usage(fmt.Errorf("--top: %d is negative", f.top))
	}
	for _, k := range f.failOn {
		if k != "any" && !slices.Contains(compare.Kinds(), compare.Kind(k)) {
			return usage(fmt.Errorf("--fail-on: unknown kind %q, want any %s", k, compareKinds()))
		}
	}
	opt.MaxN = f.n
	x := &compared{compareFlags: f, names: [2][]string{a, b}}
	alphabet := sequences.NewAlphabet()
	var native *abi.ABI
	for i := range x.sides {
		x.sides[i] = compare.NewSide(f.n, sequences.NewCodec(f.n), alphabet)
		for _, name := range x.names[i] {
			if err := x.read(c, i, name, opt, alphabet, &native); err != nil {
				return err
			}
		}
	}
	x.result = compare.Compare(x.sides[0], x.sides[1], func(errno int) string { return abi.ErrnoName(*native, errno) })
	out, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	if f.format == "json" {
		err = x.json(out)
	} else {
		x.text(out)
	}
	if err := out.close(err); err != nil {
		return err
	}
	for _, d := range x.result.Differences {
		if slices.Contains(f.failOn, "any") || slices.Contains(f.failOn, string(d.Kind)) {
			return &exitError{code: exitDamaged, err: fmt.Errorf("the captures differ: %s", d.Text)}
		}
	}
	return nil
}

func (x *compared) read(c *cobra.Command, side int, name string, opt sequences.Options, alphabet *sequences.Alphabet, native **abi.ABI) error {
	in, err := openInput(c, []string{name}, sequencesColumns, sequencesLinks(opt))
	if err != nil {
		return err
	}
	defer in.Close()
	opt = sequencesOptions(in, opt)
	switch {
	case *native == nil:
		*native = &opt.Native
	case opt.Native != **native:
		return fmt.Errorf("%s is of %s calls, the captures before it of %s calls: they cannot be compared", name, opt.Native, **native)
	}
	s := x.sides[side]
	s.Begin()
	span := &compareSpan{from: math.MaxInt64, to: math.MinInt64}
	st, err := sequences.NewStreams(opt, alphabet, s, span)
	if err != nil {
		return err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return err
	}
	if span.to > span.from {
		s.Spanned(span.to - span.from)
	}
	total := &x.coverage[side]
	for status, n := range in.coverage.ByStatus {
		total.ByStatus[status] += n
	}
	total.Calls += in.coverage.Calls
	total.Used += in.coverage.Used
	total.LostEvents += in.coverage.LostEvents
	if m := in.Meta().Imported; m != nil && slices.Contains(m.Missing, "exit ts_ns") {
		in.warn(fmt.Errorf("%s was imported from %s without durations: latencies say nothing", name, m.From))
	}
	return nil
}

// compareSpan notes the time from the first to the last call.
type compareSpan struct{ from, to int64 }

func (s *compareSpan) Step(_ *sequences.Stream, st *sequences.Step) {
	s.from, s.to = min(s.from, st.TS), max(s.to, st.TS)
}
func (s *compareSpan) End(*sequences.Stream) {}

func (x *compared) text(w io.Writer) {
	r := x.result
	if len(r.Differences) == 0 {
		fmt.Fprintf(w, "no difference\n")
	} else {
		fmt.Fprintf(w, "%d %s\n", len(r.Differences), plural(int64(len(r.Differences)), "difference"))
		for i, d := range r.Differences {
			if x.top > 0 && i == 2*x.top {
				fmt.Fprintf(w, "  … and %d more\n", len(r.Differences)-i)
				break
			}
			fmt.Fprintf(w, "  %-9s  %s\n", d.Kind, d.Text)
		}
	}
	fmt.Fprintln(w)
	for i, label := range []string{"A", "B"} {
		s := x.sides[i]
		fmt.Fprintf(w, "%s  %s: %s calls in %s, %s/s; %v\n", label, strings.Join(x.names[i], " "), formatCount(s.Calls),
			strings.TrimSpace(formatDuration(int64(s.Seconds()*1e9))), choose(s.Seconds() > 0, formatRate(float64(s.Calls)/s.Seconds()), "?"), x.coverage[i])
	}
	if r.Pace > 0 {
		fmt.Fprintf(w, "calls in B take %.2f times as long as in A, in general\n", r.Pace)
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

func (x *compared) textCalls(w io.Writer) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "calls A\tB\tshare A\tB\terrors A\tB\tmedian A\tB\tdelta\t\n")
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
		median := func(k int) string {
			if c.Ended[k] == 0 {
				return ""
			}
			return formatDuration(c.MedianNS[k])
		}
		delta := ""
		if c.Ended[0] > 0 && c.Ended[1] > 0 {
			delta = fmt.Sprintf("%+.2f", c.Delta)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t  %s%s\n", formatCount(c.Count[0]), formatCount(c.Count[1]),
			formatPercent(c.Share[0]), formatPercent(c.Share[1]), formatPercent(c.ErrorRate[0]), formatPercent(c.ErrorRate[1]),
			median(0), median(1), delta, c.Name, choose(len(kinds) > 0, "  < "+strings.Join(kinds, ", "), ""))
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
		fmt.Fprintf(t, "%s\t%s\t  %s\n", formatCount(g.Count[0]), formatCount(g.Count[1]), sequences.FoldNames(g.Calls))
	}
	t.Flush()
}

type compareCallJSON struct {
	Syscall   string         `json:"syscall"`
	Count     [2]int64       `json:"count"`
	Share     [2]float64     `json:"share"`
	PerSecond [2]float64     `json:"per_second"`
	ShareQ    float64        `json:"share_q"`
	Errors    [2]int64       `json:"errors"`
	ErrorRate [2]float64     `json:"error_rate"`
	ErrorsQ   float64        `json:"errors_q"`
	NewErrors []string       `json:"new_errors"`
	P50       [2]int64       `json:"p50_ns"`
	P99       [2]int64       `json:"p99_ns"`
	Delta     float64        `json:"cliffs_delta"`
	LatencyQ  float64        `json:"latency_q"`
	Waits     bool           `json:"waits"`
	Differs   []compare.Kind `json:"differs"`
}

type compareGramJSON struct {
	Calls []string `json:"calls"`
	Count [2]int64 `json:"count"`
	Bits  float64  `json:"bits"`
}

type compareDivergenceJSON struct {
	N        int      `json:"n"`
	Bits     float64  `json:"bits"`
	ByChance *float64 `json:"by_chance"`
	P        *float64 `json:"p"`
}

type compareDifferenceJSON struct {
	Kind compare.Kind `json:"kind"`
	Text string       `json:"text"`
}

func (x *compared) json(w io.Writer) error {
	type sideJSON struct {
		Files    []string        `json:"files"`
		Coverage replay.Coverage `json:"coverage"`
		Calls    int64           `json:"calls"`
		SpanNS   int64           `json:"duration_ns"`
		Windows  int64           `json:"windows"`
		Distinct int             `json:"distinct"`
	}
	r := x.result
	j := struct {
		Differ      bool                    `json:"differ"`
		Differences []compareDifferenceJSON `json:"differences"`
		Sides       [2]sideJSON             `json:"sides"`
		N           int                     `json:"n"`
		By          string                  `json:"by"`
		Calls       []compareCallJSON       `json:"calls"`
		Divergence  []compareDivergenceJSON `json:"divergence"`
		Pace        float64                 `json:"pace"`
		NewEdges    int                     `json:"new_transitions"`
		GoneEdges   int                     `json:"vanished_transitions"`
		NewGrams    int                     `json:"new_sequences"`
		GoneGrams   int                     `json:"vanished_sequences"`
		Edges       []compareGramJSON       `json:"transitions"`
		Grams       []compareGramJSON       `json:"sequences"`
	}{Differ: len(r.Differences) > 0, Differences: []compareDifferenceJSON{}, N: x.n, By: x.by, Calls: []compareCallJSON{}, Pace: r.Pace,
		NewEdges: r.NewEdges, GoneEdges: r.GoneEdges, NewGrams: r.NewGrams, GoneGrams: r.GoneGrams, Edges: []compareGramJSON{}, Grams: []compareGramJSON{}}
	for _, d := range r.Differences {
		j.Differences = append(j.Differences, compareDifferenceJSON(d))
	}
	for i, s := range x.sides {
		j.Sides[i] = sideJSON{x.names[i], x.coverage[i], s.Calls, int64(s.Seconds() * 1e9), r.Windows[i], r.Distinct[i]}
	}
	for i := range r.Calls {
		c := &r.Calls[i]
		k := compareCallJSON{Syscall: c.Name, Count: c.Count, Share: c.Share, PerSecond: c.PerSecond, ShareQ: c.ShareQ, Errors: c.Errors,
			ErrorRate: c.ErrorRate, ErrorsQ: c.ErrorsQ, NewErrors: []string{}, P50: c.MedianNS, P99: c.P99NS, Delta: c.Delta, LatencyQ: c.LatencyQ,
			Waits: c.Waits, Differs: c.Differs}
		if k.Differs == nil {
			k.Differs = []compare.Kind{}
		}
		for _, e := range c.NewErrors {
			k.NewErrors = append(k.NewErrors, abi.ErrnoName(abi.X86_64, e))
		}
		j.Calls = append(j.Calls, k)
	}
	for _, d := range r.Divergences {
		k := compareDivergenceJSON{N: d.N, Bits: d.Bits}
		if !math.IsNaN(d.P) {
			k.ByChance, k.P = &d.ByChance, &d.P
		}
		j.Divergence = append(j.Divergence, k)
	}
	for _, g := range r.Edges {
		j.Edges = append(j.Edges, compareGramJSON(g))
	}
	for _, g := range r.Grams {
		j.Grams = append(j.Grams, compareGramJSON(g))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(j)
}
