package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/replay/render/graph"
	"systape/replay/sequences"
	"systape/replay/units"
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
	restarts   string
}

func (d *sequencesDivision) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.by, "by", "thread", "what makes one sequence: thread, process, container or capture")
	f.BoolVar(&d.withErrors, "with-errors", false, "a call that failed is another symbol: openat:ENOENT")
	f.StringVar(&d.restarts, "restarts", "keep", "calls that continue an interrupted one, such as restart_syscall: keep them, or fold them into it")
}

func (d *sequencesDivision) options() (opt sequences.Options, err error) {
	if opt.By, err = sequences.ParseBy(d.by); err != nil {
		return opt, fmt.Errorf("--by: %w", err)
	}
	switch d.restarts {
	case "keep":
	case "fold":
		opt.FoldRestarts = true
	default:
		return opt, fmt.Errorf("--restarts: %q is neither keep nor fold", d.restarts)
	}
	opt.WithErrors = d.withErrors
	return opt, nil
}

const sequencesDivisionHelp = `A sequence is what one thread calls, in the order of entry, each call once. It
is cut where calls may have been lost, where the process executes another
program, and where the thread ends. --by process, container or capture lets the
calls of several threads interleave as the scheduler willed it, which hides
most of what is unusual.`

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

` + inputHelp,
		Example: `  systape sequences web.parquet
  systape sequences -n 6 --rare web.parquet
  systape sequences --threads --comm nginx web.parquet
  systape sequences --transitions --with-errors web.parquet
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

func runSequences(c *cobra.Command, f *sequencesFlags, args []string) error {
	opt, err := f.check(c)
	keep, rareErr := f.rareLimit()
	if err = errors.Join(err, rareErr); err != nil {
		return usageError(c, err)
	}
	in, err := openInput(c, args, sequencesColumns, sequencesLinks(opt))
	if err != nil {
		return err
	}
	defer in.Close()
	v := &views.Sequences{Alphabet: sequences.NewAlphabet(), N: f.n, By: f.by, Top: f.top, Keep: keep,
		Transitions: f.transitions, Threads: f.threads, WithErrors: f.withErrors, Restarts: f.restarts}
	v.Capture, v.Form, v.Origin = in, f.format, tableOrigin(in, args)
	v.Counter = sequences.NewCounter(f.n, sequences.NewCodec(opt.MaxN), v.Alphabet)
	sinks := []sequences.Sink{v.Counter}
	if f.threads || f.format == "table" && !f.transitions && f.rare == "" {
		limit, items := 8, 1024
		if f.threads {
			limit, items = f.top, 0
		}
		v.Folds = sequences.NewFolds(limit, items, sequencesNames(in))
		sinks = append(sinks, v.Folds)
	}
	st, err := sequences.NewStreams(sequencesOptions(in, opt), v.Alphabet, sinks...)
	if err != nil {
		return err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return err
	}
	v.Taken = st.Taken()
	if f.graph != "" {
		if err := f.drawGraph(v, args); err != nil {
			return err
		}
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	v.Out = file
	if err := file.close(v.Write()); err != nil {
		return err
	}
	if f.format != "table" {
		in.printCoverage()
	}
	sequencesWarn(in, v)
	return nil
}

// sequencesWarn tells what a reader of the result must know.
func sequencesWarn(in *input, v *views.Sequences) {
	if n := v.Counter.Denied(); n > 0 {
		in.warn(fmt.Errorf("%s of calls found no room: the capture has more than %s different ones, and those that came later are not counted", units.Counted(n, "window"), units.Count(sequences.MaxWindows)))
	}
	if n := v.Taken.Assumed; n > 0 {
		in.warn(fmt.Errorf("%s calls were still running after 262,144 later ones: they are counted as if they had not failed", units.Count(n)))
	}
}

func (f *sequencesFlags) drawGraph(v *views.Sequences, args []string) error {
	kind, err := graph.FormatOf(f.graph)
	if err != nil {
		return err
	}
	file, err := createResult(os.Stdout, f.graph, args, f.force)
	if err != nil {
		return err
	}
	g := graph.New(v.Counter, v.Alphabet).Cover(f.graphShare)
	return file.close(g.Write(file, kind, graph.Caption{
		Title:    strings.Join(args, " "),
		Subtitle: fmt.Sprintf("by %s; %s", f.by, v.Coverage()),
	}))
}
