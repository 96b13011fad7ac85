package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
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
The verdict comes first. Below it stand the calls and the errors that one side
alone has, however rare. Each FILE is a capture of its own; with two of them the
-- may be left out.

A difference must be too large for chance and large enough to matter: adjusted
p below 0.01 (Benjamini-Hochberg over all calls), and shares, error rates or
median durations that differ by half. Durations are compared by rank (Cliff's
delta of 0.474 or more) and after taking away the pace that all calls share;
those of calls that wait by nature are shown but not judged. Of fewer than five
kinds of calls no common pace can be told: one that takes twice as long differs
then. The witnesses of a test are 16 stretches of each capture, not its single
calls, so that two recordings of the same thing come out as no difference.

--fail-on any looks at the verdict. --fail-on new, and vanished, also at what
is too rare for a verdict: a single call that B has and A has not, or a call
that fails with an error in B that it has not had in A.

` + sequencesDivisionHelp,
		Example: `  systape compare before.parquet after.parquet
  systape compare mon.parquet tue.parquet -- wed.parquet thu.parquet
  systape compare --fail-on any,new before.parquet after.parquet
  systape compare --format json before.parquet after.parquet | jq .differences`,
		RunE: func(c *cobra.Command, args []string) error { return runCompare(c, &f, args) },
	}
	flags := c.Flags()
	flags.IntVarP(&f.n, "length", "n", 3, "calls in the windows that are compared, 2 to 10")
	f.addFlags(c)
	flags.IntVar(&f.top, "top", 15, "show the `N` calls that take most time and those that differ, and N sequences; 0 for all calls")
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

func runCompare(c *cobra.Command, f *compareFlags, args []string) error {
	usage := func(err error) error { return usageError(c, err) }
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
	x := &views.Comparison{Files: [2][]string{a, b}, N: f.n, By: f.by, Top: f.top}
	x.Form = f.format
	alphabet := sequences.NewAlphabet()
	var native *abi.ABI
	for i := range x.Sides {
		x.Sides[i] = compare.NewSide(f.n, sequences.NewCodec(f.n), alphabet)
		for _, name := range x.Files[i] {
			if err := compareRead(c, x, i, name, opt, alphabet, &native); err != nil {
				return err
			}
		}
	}
	x.Native = *native
	x.Result = compare.Compare(x.Sides[0], x.Sides[1])
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	x.Out = file
	if err := file.close(x.Write()); err != nil {
		return err
	}
	if what := x.Fails(f.failOn); what != "" {
		return &exitError{code: exitDamaged, err: fmt.Errorf("the captures differ: %s", what)}
	}
	return nil
}

func compareRead(c *cobra.Command, x *views.Comparison, side int, name string, opt sequences.Options, alphabet *sequences.Alphabet, native **abi.ABI) error {
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
	s := x.Sides[side]
	timed := replay.Timed(in.Meta())
	s.Begin(in.names, timed)
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
	total := &x.Coverages[side]
	for status, n := range in.coverage.ByStatus {
		total.ByStatus[status] += n
	}
	total.Calls += in.coverage.Calls
	total.Used += in.coverage.Used
	total.LostEvents += in.coverage.LostEvents
	total.LostCalls += in.coverage.LostCalls
	total.Vague = total.Vague || in.coverage.Vague
	if !timed {
		in.warn(fmt.Errorf("%s was imported from %s without durations: latencies are not compared", name, in.Meta().Imported.From))
	}
	return nil
}

// compareSpan notes the time from the first to the last call.
type compareSpan struct{ from, to int64 }

func (s *compareSpan) Step(_ *sequences.Stream, st *sequences.Step) {
	s.from, s.to = min(s.from, st.TS), max(s.to, st.TS)
}
func (s *compareSpan) End(*sequences.Stream) {}
