package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"systape/replay/compare"
)

// compareTop is how many rows are shown where nobody says.
const compareTop = 15

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
	flags.IntVar(&f.top, "top", compareTop, "show the `N` calls that take most time and those that differ, and N sequences; 0 for all calls")
	flags.StringSliceVar(&f.failOn, "fail-on", nil, "exit with code 3 on differences of these `kinds`: any "+compareKinds())
	flags.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(tableOrJSON, " ")+" (default: as FILE of -o is named, or table)")
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
