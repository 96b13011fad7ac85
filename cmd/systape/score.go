package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/replay/escape"
	"systape/replay/sequences"
)

type scoreFlags struct {
	baseline string
	top      int
	findings int
	fail     bool
	format   string
	output   string
	force    bool
	by       string
}

func newScoreCommand() *cobra.Command {
	var f scoreFlags
	c := &cobra.Command{
		Use:   "score --baseline BASELINE [flags] FILE…",
		Short: "How unusual a capture is, and where",
		Long: `Hold a capture against a baseline: what share of its windows of calls is new,
where new windows come close together, how many bits each call costs under the
Markov model, which calls were never seen, each with thread, time and place.

  novel_3, novel_6   share of the windows of 3 and 6 calls that are new
  lfc_20, lfc_100    most new windows among 20 and 100 in a row (locality frame)
  bits_mean          mean bits a call; the more, the less expected
  bits_worst20       the same over the worst 20 calls in a row

A score is no verdict: it says how much a capture differs from the captures the
baseline was made of, and the findings show where. What is new may be harmless,
and what imitates the usual order of calls is not found this way.

Limits come from 'systape baseline calibrate' only. They allow for the number of
threads and of scores: of captures like those that were calibrated with, a share
of 1-quantile (1 in 100) is above any of them, whether they have 5 threads or
5,000. Beyond the largest score that calibration has seen, scores are taken to
thin out exponentially; the fewer captures it has seen, the further away limits
are. A score above its limit is shown as "above", with --fail-above it is exit
code 3.

` + inputHelp,
		Example: `  systape score --baseline web.json today.parquet
  systape score --baseline web.json --fail-above today.parquet > report || mail -s unusual ops < report
  systape score --baseline web.json --format json today.parquet | jq '.findings[0]'`,
		RunE: func(c *cobra.Command, args []string) error { return runScore(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.baseline, "baseline", "", "the `file` that 'systape baseline train' made")
	flags.BoolVar(&f.fail, "fail-above", false, "exit with code 3 if a score is above its limit")
	flags.IntVar(&f.top, "top", 10, "show the `N` most unusual threads, 0 for up to 1,000")
	flags.IntVar(&f.findings, "findings", 5, "show the `N` most unusual stretches of calls")
	flags.StringVar(&f.by, "by", "", "the baseline's own grouping; any other is refused")
	flags.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(tableOrJSON, " ")+" (default: as FILE of -o is named, or table)")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func runScore(c *cobra.Command, f *scoreFlags, args []string) error {
	usage := func(err error) error { return usageError(c, err) }
	form, err := out.FormOf(f.format, f.output, tableOrJSON, false)
	switch {
	case err != nil:
		return usage(err)
	case f.baseline == "":
		return usage(errors.New("--baseline is missing"))
	case f.top < 0 || f.findings < 0:
		return usage(errors.New("--top and --findings are not negative"))
	}
	defer limitMemory()()
	b, err := baselineRead(f.baseline)
	if err != nil {
		return err
	}
	if f.by != "" && f.by != b.By.String() {
		return usage(fmt.Errorf("the baseline was made by %s: a capture cannot be scored by %s", b.By, f.by))
	}
	if f.fail && b.Calibration == nil {
		return &exitError{code: exitUsage, err: errors.New("--fail-above: the baseline has no thresholds"),
			hint: "systape baseline calibrate --baseline " + escape.Word(f.baseline) + " with normal captures that were not used for training"}
	}
	s, err := scoreCapture(c, b, args, sequences.ScoreOptions{Streams: f.top, Findings: max(f.findings, 1)})
	if err != nil {
		return err
	}
	s.Result.Findings = s.Result.Findings[:min(f.findings, len(s.Result.Findings))]
	file, err := createResult(c.OutOrStdout(), f.output, append([]string{f.baseline}, args...), f.force)
	if err != nil {
		return err
	}
	s.File, s.Form, s.Out, s.Style = f.baseline, form, file, file.Style()
	if err := file.close(s.Write()); err != nil {
		return err
	}
	if f.fail && s.Result.Above() {
		return &exitError{code: exitDamaged, err: errors.New("scores above the limits: " + s.AboveText())}
	}
	return nil
}
