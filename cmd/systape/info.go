package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
)

// newInfoCommand makes the command that tells what a capture is.
func newInfoCommand() *cobra.Command {
	var formatName string
	var privacy, all bool
	c := &cobra.Command{
		Use:   "info FILE...",
		Short: "Tell what a capture is: where from, how long, how much, what is missing",
		Long: `Tells what a capture says about itself and what is in it: the machine, what was
asked to be recorded, how long, how many events of each kind, what was lost,
what became of the calls, which were refused, what recording cost, and what each
column takes. Made to be pasted into a bug report: the command line is shown
short and with its secrets masked (--format json has the metadata as stored).

--privacy tells instead what the capture holds that names somebody or something:
the command line, the host, names of threads and executed files, with examples;
columns and metadata that another program added; and what is never in it; --all
or --format json has all names. 'systape redact' makes a capture without.

` + fileHelp + partsHelp + `
Of several recordings, such as a dataset's, each is told by itself, and has a
document of its own with --format json.`,
		Example: `  systape info trace.parquet
  systape info --format json trace.parquet | jq .kinds
  systape info --privacy trace.parquet
  systape info --privacy --all trace.parquet | less
  systape info trace.parquet.spool`,
		RunE: func(c *cobra.Command, args []string) error { return runInfo(c, args, formatName, privacy, all) },
	}
	c.Flags().StringVar(&formatName, "format", "table", "table or json")
	c.Flags().BoolVar(&privacy, "privacy", false, "tell what it holds that names somebody")
	c.Flags().BoolVar(&all, "all", false, "--privacy: list all names, not examples")
	addNodeFlag(c)
	return c
}

func runInfo(c *cobra.Command, args []string, formatName string, privacy, all bool) error {
	if len(args) == 0 {
		return &exitError{code: exitUsage, err: errors.New("no capture given"), hint: "see 'systape info --help'"}
	}
	if _, err := out.FormOf(formatName, "", tableOrJSON, false); err != nil {
		return usageError(c, err)
	}
	if all && !privacy {
		return usageError(c, errors.New("--all is for --privacy"))
	}
	return eachRecording(c, args, func(paths []string, node string) error {
		heading(c.OutOrStdout(), node, formatName)
		return infoOne(c, paths, formatName, privacy, all)
	})
}

func infoOne(c *cobra.Command, args []string, formatName string, privacy, all bool) error {
	if privacy {
		p, err := privacyOf(c, args, replay.Options{})
		if err != nil {
			return err
		}
		p.All = all
		return p.Write(c.OutOrStdout(), formatName)
	}
	warn := damageWarner(c)
	warnOfBundles(args, warn)
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	read, err := format.ReadInfo(args, format.ReadOptions{Stdin: stdin, Warn: warn})
	if err != nil {
		return inputError(err)
	}
	in := &views.Info{Info: read}
	in.Signatures, _ = signaturesOf(args)
	if in.Calls, err = infoCalls(c.Context(), args, stdin); err != nil && (in.Problem == nil || errors.Is(in.Problem, format.ErrIncomplete)) {
		in.Problem, in.Complete = err, false
	}
	if formatName == "json" {
		err = in.JSON(c.OutOrStdout())
	} else {
		err = in.Text(c.OutOrStdout(), out.StyleOf(c.OutOrStdout()))
	}
	switch {
	case err != nil:
		return err
	case errors.Is(in.Problem, format.ErrIncomplete):
		warn(in.Problem)
	case in.Problem != nil:
		return inputError(in.Problem)
	}
	return nil
}

// infoCalls pairs the capture, and reads every column on the way: what info
// says of a capture it must have seen. That a capture cannot be paired to its
// end is told by the error.
func infoCalls(ctx context.Context, paths []string, stdin io.Reader) (*views.InfoCalls, error) {
	s, err := replay.Open(paths, replay.Options{Columns: format.AllColumns, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var notes replay.Notes
	if err := s.Each(ctx, func(calls []replay.Call) error { notes.Add(calls); return nil }); err != nil {
		return nil, err
	}
	return views.NewInfoCalls(s, &notes), nil
}
