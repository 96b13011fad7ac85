package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
)

var pairFormats = []string{"parquet", "arrows", "arrows-plain", "csv", "jsonl"}

const pairHelp = `Joins each enter with its exit and writes one row for each call, with a status
that says what became of it: ok, restarted, no_return, sigreturn, child_return,
open_at_start, open_at_end, killed, denied, enter_lost, exit_lost, mismatch,
enter_after_end.
Only ok and restarted calls have a duration that was measured from end to end;
for open_at_start, open_at_end and killed it is a lower bound, and for the rest
it means nothing. Rows come in the order in which the calls began.

Several recordings, such as a dataset's, become one table in one order by the
machines' clocks: start_ns is the time of day then, and the columns node and
capture tell of which machine and recording each call is.

-o names the file; what it ends in (.parquet .arrows .csv .jsonl) or --format
says how it is written, and - is standard output. arrows-plain is arrows without
compression, for readers that know no LZ4, such as Arrow in a browser. In CSV, an
apostrophe stands before what a spreadsheet would run: text that begins with =, +,
- or @. The file has another name, FILE.partial, until it is complete. Standard
error gets the coverage: what share of the calls was measured, and what happened
to the rest.

`

// newPairCommand makes the command that writes the calls of a capture.
func newPairCommand() *cobra.Command {
	var out, formatName string
	var force bool
	c := &cobra.Command{
		Use:   "pair FILE... -o calls.parquet",
		Short: "Write the calls of a capture as a table",
		Long:  pairHelp + inputHelp,
		Example: `  systape pair trace.parquet -o calls.parquet
  systape pair trace.parquet -o failed.csv --errno any --comm nginx
  systape pair trace.parquet -o - --status denied | head
  duckdb -c "select syscall, count(*), median(dur_ns) from 'calls.parquet' where status = 'ok' group by 1 order by 2 desc"`,
		RunE: func(c *cobra.Command, args []string) error {
			return runPair(c, args, out, formatName, force)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write the calls to this file, - for standard output")
	c.Flags().StringVar(&formatName, "format", "", "parquet, arrows, arrows-plain, csv or jsonl; by default what the file's name ends in, jsonl for -")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	addFilterFlags(c)
	return c
}

func runPair(c *cobra.Command, args []string, name, formatName string, force bool) (err error) {
	kind, err := pairFormat(name, formatName)
	if err != nil {
		return &exitError{code: exitUsage, err: err, hint: "see 'systape pair --help'"}
	}
	if err := out.NotForTerminal(c.OutOrStdout(), name, kind); err != nil {
		return outError(err)
	}
	inputs, err := openMachines(c, args, replay.Options{Columns: format.AllColumns, Files: true})
	if err != nil {
		return err
	}
	defer closeInputs(inputs)
	in, all := inputs[0], together(inputs)
	file, err := createResult(c.OutOrStdout(), name, args, force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.discard()) }()

	w, from, err := views.NewCallsFrom(file, kind, all, tableOrigin(all, args))
	if err != nil {
		return err
	}
	var notes replay.Notes
	add, finish := in.progress("pairing")
	defer finish()
	err = startsOfAll(all, from, func(calls []replay.Call) error {
		notes.Add(calls)
		add(2 * len(calls))
		return w.Write(calls)
	})
	if err != nil {
		return err
	}
	if err := w.Close(out.Value{Name: "coverage", Value: all.Coverage()}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := file.complete(); err != nil {
		return err
	}
	finish()
	printCoverage(in.stderr, all.Coverage())
	if line := notes.IOUring(); line != "" {
		fmt.Fprintln(in.stderr, "note: "+line)
	}
	return nil
}

// pairFormat chooses the format by flag and file name.
func pairFormat(name, flag string) (string, error) {
	switch ext := strings.TrimPrefix(filepath.Ext(name), "."); {
	case name == "":
		return "", errors.New("no file to write to: give -o calls.parquet, or -o - for standard output")
	case flag != "" && !slices.Contains(pairFormats, flag):
		return "", fmt.Errorf("--format: unknown format %q, want one of %s", flag, strings.Join(pairFormats, " "))
	case flag != "":
		return flag, nil
	case name == "-":
		return "jsonl", nil
	case slices.Contains(pairFormats, ext):
		return ext, nil
	}
	return "", fmt.Errorf("%q does not say by its name how to write it: end it in .parquet, .arrows, .csv or .jsonl, or give --format", name)
}
