package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/convert/export"
)

const exportHelp = `Writes a capture for the tools that people have:

  perfetto  a Perfetto trace (ui.perfetto.dev, trace_processor): by process and thread
  chrome    Trace Event JSON (chrome://tracing, speedscope)
  firefox   a Firefox profile (profiler.firefox.com): a marker for each call
  folded    folded stacks (flamegraph.pl, inferno, speedscope)
  pprof     a pprof profile (go tool pprof): calls, time by name, call, error
  csv       the calls table, as pair writes it; of several recordings, too
  jsonl     all events, one object a line; nothing is lost
  tracee    Tracee's JSON lines: sys_enter, sys_exit, and the lives of threads
  strace    what strace -f -ttt -T would have written

Forms other than csv are of one recording: --node chooses it in a dataset. What a
form cannot hold is said on standard error. A file's name tells its form
where it ends in .pftrace, .pb.gz, .folded, .csv, .jsonl or .strace.

`

// exportTo is the flag --to: the end of the time span, as in all commands. It
// was the form once, which is still understood: no time looks like a form.
type exportTo struct {
	form *string
	time string
}

func (t *exportTo) String() string { return t.time }

// Type is that of the flag it replaces, so that it can be read like it.
func (t *exportTo) Type() string { return "string" }

func (t *exportTo) Set(s string) error {
	if slices.Contains(exportForms(), s) {
		*t.form = s
		return nil
	}
	if _, err := parseInstant(s); err != nil {
		return fmt.Errorf("%w; the form is given by --format", err)
	}
	t.time = s
	return nil
}

// exportForm chooses the form: what --format says, or the name of the file.
func exportForm(f *exportFlags) (string, error) {
	if f.format == "" {
		f.format = f.oldFormat
	}
	if f.format == "" {
		if strings.HasSuffix(f.out, ".csv") {
			return "csv", nil
		}
		if form := export.FormatOf(f.out); form != "" {
			return form, nil
		}
		return "", fmt.Errorf("no form given, and the name of the file does not tell: --format %s", strings.Join(exportForms(), "|"))
	}
	if !slices.Contains(exportForms(), f.format) {
		return "", fmt.Errorf("--format: unknown form %q, want one of %s", f.format, strings.Join(exportForms(), " "))
	}
	return f.format, nil
}

type exportFlags struct {
	format, out, weight string
	oldFormat           string // by --to
	force               bool
}

// newExportCommand makes the command that writes captures for other tools.
func newExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export FILE... [--format FORM] [-o FILE]",
		Short: "Write a capture for Perfetto, Chrome, Firefox, pprof and others",
		Long:  exportHelp + inputHelp,
		Example: `  systape export trace.parquet -o trace.pftrace
  systape export trace.parquet -o calls.pb.gz && go tool pprof -top calls.pb.gz
  systape export trace.parquet --format folded --weight count | flamegraph.pl > calls.svg
  systape export trace.parquet --format strace --pid 4711 --from +1s --to +2s | less
  systape export trace.parquet --errno any -o failed.csv
  systape export trace.parquet --format chrome -o trace.json`,
		RunE: func(c *cobra.Command, args []string) error { return runExport(c, args, &f) },
	}
	fl := c.Flags()
	addFilterFlags(c)
	fl.Lookup("to").Value = &exportTo{form: &f.oldFormat}
	fl.StringVar(&f.format, "format", "", "the form: "+strings.Join(exportForms(), " ")+" (default: what the name of the file ends in)")
	fl.StringVarP(&f.out, "output", "o", "-", "write to this file, - for standard output")
	fl.StringVar(&f.weight, "weight", "time", "what folded and pprof add up: time or count")
	fl.BoolVar(&f.force, "force", false, "replace the file if it exists")
	return c
}

func exportForms() []string {
	f := append(export.Formats(), "csv")
	slices.Sort(f)
	return f
}

func runExport(c *cobra.Command, args []string, f *exportFlags) (err error) {
	usage := func(msg string, a ...any) error {
		return &exitError{code: exitUsage, err: fmt.Errorf(msg, a...), hint: "see 'systape export --help'"}
	}
	weights := map[string]export.Weight{"time": export.Time, "count": export.Count}
	weight, ok := weights[f.weight]
	if f.format, err = exportForm(f); err != nil {
		return usage("%w", err)
	}
	if f.oldFormat != "" {
		fmt.Fprintf(c.ErrOrStderr(), "systape: warning: --to %s: the form is given by --format %s; --to is the end of a time span\n", f.oldFormat, f.oldFormat)
	}
	switch {
	case !ok:
		return usage("--weight: %q, want time or count", f.weight)
	case c.Flags().Changed("weight") && f.format != "folded" && f.format != "pprof":
		return usage("--weight is for folded and pprof, which add calls up")
	}
	if err := out.NotForTerminal(c.OutOrStdout(), f.out, f.format); err != nil {
		return outError(err)
	}
	options := replay.Options{Columns: export.Columns, Files: f.format == "csv"}
	open := func() ([]*input, error) { in, err := openSession(c, args, options); return []*input{in}, err }
	if f.format == "csv" {
		open = func() ([]*input, error) { return openMachines(c, args, options) }
	}
	inputs, err := open()
	if err != nil {
		return err
	}
	defer closeInputs(inputs)
	in := inputs[0]
	if (f.format == "jsonl" || f.format == "tracee") && !in.filter.Empty() {
		in.Close()
		return usage("%s holds all events: filters choose calls (systape replay --events --format jsonl takes some of them)", f.format)
	}
	file, err := createResult(c.OutOrStdout(), f.out, args, f.force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.discard()) }()
	notes, err := exportRun(inputs, f.format, weight, file)
	if err == nil {
		err = file.complete()
	}
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintf(c.ErrOrStderr(), "systape: %s: %s\n", f.format, n)
	}
	return nil
}

// exportRun writes the capture to w and returns what the format cannot hold.
func exportRun(inputs []*input, kind string, weight export.Weight, w io.Writer) (notes []string, err error) {
	in := inputs[0]
	add, finish := in.progress("exporting")
	defer finish()
	if kind == "csv" {
		all := together(inputs)
		rows, from, err := views.NewCallsFrom(w, "csv", all, nil)
		if err != nil {
			return nil, err
		}
		if err := startsOfAll(all, from, func(calls []replay.Call) error {
			add(2 * len(calls))
			return rows.Write(calls)
		}); err != nil {
			return nil, err
		}
		return nil, rows.Close()
	}
	o := export.Options{Symbols: in.names, Meta: in.Meta(), Closing: in.Meta, Weight: weight}
	if !in.filter.Empty() {
		o.Filter = in.filter
	}
	x, err := export.New(kind, w, o)
	if err != nil {
		return nil, err
	}
	err = in.pairs(func(b *format.Batch, calls []replay.Call) error {
		if b == nil {
			notes, err = x.Finish(calls)
			return err
		}
		add(b.N)
		return x.Push(b, calls)
	})
	return notes, err
}
