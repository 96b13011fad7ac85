package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format/abi"
	"systape/replay/sequences"
	"systape/replay/units"
)

func newBaselineTrainCommand() *cobra.Command {
	var f baselineFlags
	c := &cobra.Command{
		Use:   "train -o BASELINE [flags] FILE…",
		Short: "Make a baseline of captures",
		Long: `Make a baseline of captures of normal behaviour. Each FILE is a capture of its
own: a Parquet capture, a spool, or a folder with the parts of one recording.

` + sequencesDivisionHelp,
		Example: `  systape baseline train -o web.json monday.parquet tuesday.parquet
  systape baseline train -o nginx.json --comm nginx -n 3,6 --order 3 day*.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runBaselineTrain(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the `baseline` to write")
	flags.IntSliceVarP(&f.n, "length", "n", []int{3, 6}, "lengths of the windows, 1 to 10")
	flags.IntVar(&f.order, "order", 3, "how many calls back the Markov model looks, 0 to 9")
	f.addFlags(c)
	flags.BoolVar(&f.force, "force", false, "replace the baseline if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// baselineLesson describes a capture that a baseline learns from.
func baselineLesson(in *input) sequences.Lesson {
	m := in.Meta()
	s := sequences.Lesson{Name: filepath.Base(in.paths[0]), Capture: m.CaptureID, Host: m.Host.Name, Kernel: m.Host.Kernel}
	if m.Imported != nil {
		s.Imported = m.Imported.From
	}
	return s
}

func runBaselineTrain(c *cobra.Command, f *baselineFlags, args []string) error {
	usage := func(err error) error { return usageError(c, err) }
	opt, err := f.sequencesDivision.options()
	switch {
	case err != nil:
		return usage(err)
	case f.output == "":
		return usage(errors.New("-o is missing: where is the baseline to go?"))
	case len(args) == 0:
		return usage(errors.New("no capture to learn from"))
	}
	if _, err := sequences.NewBaseline(sequences.BaselineOptions{N: f.n, Order: f.order}, opt); err != nil {
		return usage(err)
	}
	defer limitMemory()()
	var b *sequences.Baseline
	for _, files := range capturesOf(c, args) {
		if err := baselineLearn(c, f, opt, &b, files); err != nil {
			return err
		}
	}
	var learned int64
	for _, s := range b.Lessons {
		learned += s.Calls
	}
	if learned == 0 {
		return &exitError{code: exitFailed, err: errors.New("there are no calls to learn from: no baseline is written"),
			hint: "'systape info' tells what is in a capture; filters may leave nothing"}
	}
	return baselineWrite(f.output, args, f.force, b)
}

// baselineLearn adds one capture to *b, which the first one makes.
func baselineLearn(c *cobra.Command, f *baselineFlags, opt sequences.Options, b **sequences.Baseline, files []string) error {
	arg := files[0]
	in, err := openSequences(c, files, opt)
	if err != nil {
		return err
	}
	defer in.Close()
	native, ok := sequencesNative(in.Meta())
	if !ok {
		native = abi.X86_64
	}
	if *b == nil {
		opt.Native, opt.HaveNative = native, true
		if *b, err = sequences.NewBaseline(sequences.BaselineOptions{N: f.n, Order: f.order}, opt); err != nil {
			return err
		}
		(*b).Tool = "systape " + version
	} else if native != (*b).ABI {
		return fmt.Errorf("%s is of %s calls, the captures before it of %s calls: one baseline is of one ABI", arg, native, (*b).ABI)
	}
	divide := sequencesOptions(in, (*b).Options())
	divide.Store = newStore()
	defer divide.Store.Close()
	tr, alphabet := (*b).Train()
	st, err := sequences.NewStreams(divide, alphabet, tr)
	if err != nil {
		return err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return err
	}
	tr.Done(baselineLesson(in), st.Taken())
	if tr.Denied > 0 {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s brings the baseline above %s different windows of calls: no baseline is written", arg, units.Count(sequences.MaxBaseline)),
			hint: "calls that hardly repeat make no baseline; shorter windows may: -n 3 --order 2"}
	}
	src := (*b).Lessons[len((*b).Lessons)-1]
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s calls in %s %s%s; %v\n", src.Name, units.Count(src.Calls), units.Count(src.Streams),
		units.Plural(src.Streams, (*b).By.String()), views.BaselineNews(*b, src), in.Coverage())
	return nil
}
