package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay/sequences"
)

func newBaselineCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "baseline",
		Short: "Learn from captures of normal behaviour",
		Long: `Make and look at baselines: what captures of normal behaviour contain, against
which 'systape score' holds other captures.

A baseline holds the windows of 3 and of 6 calls that occurred in a thread, and
a Markov model of the order of calls. It is a JSON file that can be read, kept
under version control and compared. Train it with captures that show all the
program normally does, its start and end included; what training has not seen
counts as new, harmless or not.`,
		Example: `  systape baseline train -o web.json monday.parquet tuesday.parquet
  systape baseline calibrate --baseline web.json wednesday.parquet thursday.parquet
  systape baseline info web.json`,
	}
	c.AddCommand(newBaselineTrainCommand(), newBaselineCalibrateCommand(), newBaselineInfoCommand())
	return c
}

type baselineFlags struct {
	sequencesDivision
	n        []int
	order    int
	output   string
	force    bool
	quantile float64
	json     bool
}

func newBaselineInfoCommand() *cobra.Command {
	var f baselineFlags
	c := &cobra.Command{
		Use:     "info BASELINE",
		Short:   "Tell what a baseline was made of",
		Long:    "Tell what a baseline was made of, how it divides captures, and its thresholds.",
		Example: "  systape baseline info web.json\n  systape baseline info --json web.json | jq .sources",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{code: exitUsage, err: errors.New("want one baseline")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			b, err := baselineRead(args[0])
			if err != nil {
				return err
			}
			if f.json {
				return views.BaselineJSON(c.OutOrStdout(), b)
			}
			return views.Baseline(c.OutOrStdout(), b)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "the same as JSON")
	return c
}

func baselineWrite(name string, captures []string, force bool, b *sequences.Baseline) error {
	file, err := createResult(os.Stdout, name, captures, force)
	if err != nil {
		return err
	}
	return file.close(b.Encode(file))
}

func baselineRead(name string) (*sequences.Baseline, error) {
	file, err := format.OpenText(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := sequences.DecodeBaseline(file)
	if unread := (*fs.PathError)(nil); errors.As(err, &unread) {
		return nil, err
	}
	if err != nil {
		return nil, &exitError{code: exitDamaged, err: fmt.Errorf("read baseline %s: %w", name, err), hint: "'systape baseline train' makes baselines"}
	}
	return b, nil
}
