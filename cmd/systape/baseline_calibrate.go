package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"systape/replay/sequences"
	"systape/replay/units"
)

func newBaselineCalibrateCommand() *cobra.Command {
	var f baselineFlags
	var baseline string
	c := &cobra.Command{
		Use:   "calibrate --baseline BASELINE [flags] FILE…",
		Short: "Learn from other normal captures what scores are normal",
		Long: `Score captures of normal behaviour that were not used for training, and store
in the baseline which scores only a small share of them exceeds: for whole
captures and for single threads. Each FILE is a capture of its own.

The threshold of one capture or thread is the quantile by nearest rank: the
smallest value that at least that share of the scores does not exceed. With fewer
scores than 1/(1-quantile), 100 for 0.99, it is only the largest score seen, and
the baseline says so. 'systape score' judges all threads and scores of a capture
together; the limits for that are further out, by the upper end of the scores.`,
		Example: `  systape baseline calibrate --baseline web.json wednesday.parquet thursday.parquet
  systape baseline calibrate --baseline web.json --quantile 0.95 -o web95.json week2/*.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runBaselineCalibrate(c, &f, baseline, args) },
	}
	flags := c.Flags()
	flags.StringVar(&baseline, "baseline", "", "the `file` that 'systape baseline train' made")
	flags.Float64Var(&f.quantile, "quantile", 0.99, "the share of normal scores that thresholds are not to be below")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file` (default: the baseline itself)")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func runBaselineCalibrate(c *cobra.Command, f *baselineFlags, name string, args []string) error {
	cal, err := sequences.NewCalibrator(f.quantile)
	switch {
	case name == "":
		err = errors.New("--baseline is missing")
	case err == nil && len(args) == 0:
		err = errors.New("no capture to calibrate with")
	}
	if err != nil {
		return usageError(c, err)
	}
	b, err := baselineRead(name)
	if err != nil {
		return err
	}
	defer limitMemory()()
	b.Calibration = nil
	trained := map[string]bool{}
	for _, s := range b.Lessons {
		trained[s.Capture] = s.Capture != ""
	}
	for _, files := range capturesOf(c, args) {
		arg := files[0]
		s, err := scoreCapture(c, b, files, sequences.ScoreOptions{Streams: 1, Findings: 1, OnStream: cal.Stream})
		if err != nil {
			return err
		}
		if trained[s.lesson.Capture] {
			return &exitError{code: exitFailed, err: fmt.Errorf("%s was used for training: its scores say nothing about normal ones", arg),
				hint: "calibrate with captures that the baseline has not seen"}
		}
		cal.Capture(&s.Result.Total, s.lesson)
	}
	b.Calibration = cal.Result()
	w := c.ErrOrStderr()
	for _, l := range []struct {
		what   string
		limits sequences.Limits
	}{{"capture", b.Calibration.Captures}, {b.By.String(), b.Calibration.Streams}} {
		fmt.Fprintf(w, "%s %s scored", units.Count(int64(l.limits.Count)), units.Plural(int64(l.limits.Count), l.what))
		if !l.limits.Enough {
			fmt.Fprintf(w, ": too few for a quantile of %v, which takes %d; the thresholds are the largest scores seen", f.quantile, sequences.Needed(f.quantile))
		}
		fmt.Fprintln(w)
	}
	if f.output == "" {
		return baselineWrite(name, args, true, b)
	}
	return baselineWrite(f.output, args, f.force, b)
}
