package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/replay/render/graph"
	"systape/replay/sequences"
)

type sequencesFlags struct {
	sequencesDivision
	n           int
	top         int
	rare        string
	transitions bool
	threads     bool
	graph       string
	graphShare  float64
	format      string
	output      string
	force       bool
}

// sequencesDivision are the flags that say how a capture is divided.
type sequencesDivision struct {
	by         string
	withErrors bool
	paths      []string
	restarts   string
}

func (d *sequencesDivision) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.by, "by", "thread", "what makes one sequence: thread, process, container or capture")
	f.BoolVar(&d.withErrors, "with-errors", false, "a call that failed is another symbol: openat:ENOENT")
	f.StringSliceVar(&d.paths, "path-symbols", nil, "calls about these `paths` are symbols of their own, the first that fits: openat:/etc/*")
	f.StringVar(&d.restarts, "restarts", "keep", "calls that continue an interrupted one, such as restart_syscall: keep them, or fold them into it")
}

func (d *sequencesDivision) options() (opt sequences.Options, err error) {
	if opt.By, err = sequences.ParseBy(d.by); err != nil {
		return opt, fmt.Errorf("--by: %w", err)
	}
	switch d.restarts {
	case "keep":
	case "fold":
		opt.SkipContinued = true
	default:
		return opt, fmt.Errorf("--restarts: %q is neither keep nor fold", d.restarts)
	}
	if slices.Contains(d.paths, "") {
		return opt, errors.New("--path-symbols: an empty path")
	}
	opt.WithErrors, opt.Paths = d.withErrors, d.paths
	return opt, nil
}

const sequencesDivisionHelp = `A sequence is what one thread calls, in the order of entry, each call once. It
is cut where calls may have been lost, where the process executes another
program, and where the thread ends. --by process, container or capture lets the
calls of several threads interleave as the scheduler willed it, which hides
most of what is unusual.

With --path-symbols a call is told apart by what it is about, too (its path or
address, or what its descriptor stands for): openat:/etc/* is another call than
openat. What is not known, or fits no rule, keeps its plain name.`

var sequencesForms = append([]string{"table"}, out.RecordForms()...)

func newSequencesCommand() *cobra.Command {
	var f sequencesFlags
	c := &cobra.Command{
		Use:   "sequences [flags] FILE…",
		Short: "What threads do: sequences of calls, transitions, loops, a graph",
		Long: `Count the sequences of n calls and which call follows which.

` + sequencesDivisionHelp + `

Calls that were only seen to return (a child's return from clone, calls entered
before the recording) are not in any sequence.

` + fileHelp + partsHelp + machinesHelpSequences + "\n\n" + filterHelp,
		Example: `  systape sequences web.parquet
  systape sequences -n 6 --rare web.parquet
  systape sequences --threads --comm nginx web.parquet
  systape sequences --transitions --with-errors web.parquet
  systape sequences --path-symbols '/etc/*,/proc/*/maps,socket*,TCP*' web.parquet
  systape sequences --format json -n 3 web.parquet | jq '.sequences[:5]'
  systape sequences --graph web.svg web.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runSequences(c, &f, args) },
	}
	flags := c.Flags()
	flags.IntVarP(&f.n, "length", "n", 3, "calls in a sequence, 1 to 10")
	f.addFlags(c)
	flags.IntVar(&f.top, "top", -1, "show the first `N` rows only, 0 for all (default: 20 in tables, 1000 threads, else all)")
	flags.StringVar(&f.rare, "rare", "", "only sequences that occur at most `N` times, or, with a point (0.00001), make a smaller share; the rarest first")
	flags.Lookup("rare").NoOptDefVal = "1"
	flags.BoolVar(&f.transitions, "transitions", false, "the transitions alone: which call follows which, how often and with what probability")
	flags.BoolVar(&f.threads, "threads", false, "each thread's calls with loops folded: (poll read write)×592")
	flags.StringVar(&f.graph, "graph", "", "also draw which call follows which: `file`.svg, .html, .dot or .json")
	flags.Float64Var(&f.graphShare, "coverage", 0.95, "leave out the rarest edges of the graph, so that those shown carry this `share` of all transitions")
	flags.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(sequencesForms, " ")+" (default: as FILE of -o is named, or table)")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o or --graph if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// rareLimit reads --rare.
func (f *sequencesFlags) rareLimit() (keep func(int64, float64) bool, err error) {
	if f.rare == "" {
		return nil, nil
	}
	if n, err := strconv.ParseInt(f.rare, 10, 64); err == nil && n >= 1 {
		return func(count int64, _ float64) bool { return count <= n }, nil
	}
	if x, err := strconv.ParseFloat(f.rare, 64); err == nil && x > 0 && x < 1 {
		return func(_ int64, share float64) bool { return share < x }, nil
	}
	return nil, fmt.Errorf("--rare: %q is neither a number of times nor a share between 0 and 1", f.rare)
}

func (f *sequencesFlags) check(c *cobra.Command) (opt sequences.Options, err error) {
	if opt, err = f.sequencesDivision.options(); err != nil {
		return opt, err
	}
	if f.n < 1 || f.n > sequences.MaxN {
		return opt, fmt.Errorf("-n %d: want 1 to %d", f.n, sequences.MaxN)
	}
	opt.MaxN = max(f.n, 2)
	if f.format, err = out.FormOf(f.format, f.output, sequencesForms, false); err != nil {
		return opt, err
	}
	if f.top < 0 {
		if c.Flags().Changed("top") {
			return opt, fmt.Errorf("--top: %d is negative", f.top)
		}
		switch f.top = 0; {
		case f.format == "table":
			f.top = 20
		case f.threads:
			f.top = 1000
		}
	}
	if f.transitions && f.threads {
		return opt, errors.New("--transitions and --threads are two views: choose one")
	}
	if f.rare != "" && (f.transitions || f.threads) {
		return opt, errors.New("--rare is about sequences")
	}
	if !(f.graphShare > 0 && f.graphShare <= 1) {
		return opt, fmt.Errorf("--coverage %v: want more than 0 and at most 1", f.graphShare)
	}
	if f.graph != "" {
		if _, err := graph.FormatOf(f.graph); err != nil {
			return opt, fmt.Errorf("--graph: %w", err)
		}
	}
	return opt, nil
}
