package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/convert/export"
)

const exportHelp = `Writes a capture for the tools that people have:

  perfetto  a Perfetto trace (ui.perfetto.dev, trace_processor): tracks by process and thread
  chrome    Trace Event JSON (chrome://tracing, speedscope)
  firefox   a Firefox profile (profiler.firefox.com): a marker for each call
  folded    folded stacks (flamegraph.pl, inferno, speedscope)
  pprof     a pprof profile (go tool pprof): calls and time by name, process, call and error
  csv       the calls table, as pair writes it
  jsonl     all events, one object a line; nothing is lost
  tracee    Tracee's JSON lines: sys_enter, sys_exit, and the lives of threads
  strace    what strace -f -ttt -T would have written

Without --to, the end of FILE's name says it: x.pftrace, x.pb.gz, x.folded,
x.jsonl, x.csv. What a format cannot hold is said on standard error.

`

// exportTo is the flag --to: a format, or the
// end of the time span, as in all offline commands. No time looks like a
// format.
type exportTo struct {
	format *string
	time   string
}

func (t *exportTo) String() string { return t.time }

// Type is that of the flag it replaces, so that it can be read like it.
func (t *exportTo) Type() string { return "string" }

func (t *exportTo) Set(s string) error {
	if slices.Contains(exportFormats(), s) {
		*t.format = s
		return nil
	}
	if _, err := parseInstant(s); err != nil {
		return fmt.Errorf("%q is no format (%s) and no time", s, strings.Join(exportFormats(), " "))
	}
	t.time = s
	return nil
}

type exportFlags struct {
	format, out, weight string
	force               bool
}

// newExportCommand makes the command that writes captures for other tools.
func newExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export FILE... --to FORMAT [-o FILE]",
		Short: "Write a capture for Perfetto, Chrome, Firefox, pprof and others",
		Long:  exportHelp + inputHelp,
		Example: `  systape export trace.parquet --to perfetto -o trace.pftrace
  systape export trace.parquet --to pprof -o calls.pb.gz && go tool pprof -top calls.pb.gz
  systape export trace.parquet --to folded --weight count | flamegraph.pl > calls.svg
  systape export trace.parquet --to strace --pid 4711 --from +1s --to +2s | less
  systape export trace.parquet --to csv --errno any -o failed.csv`,
		RunE: func(c *cobra.Command, args []string) error { return runExport(c, args, &f) },
	}
	fl := c.Flags()
	addFilterFlags(c)
	to := fl.Lookup("to")
	to.Value = &exportTo{format: &f.format}
	to.Usage = "a format: " + strings.Join(exportFormats(), " ") + "; or a time: only calls that began before it"
	fl.StringVarP(&f.out, "output", "o", "-", "write to this file, - for standard output")
	fl.StringVar(&f.weight, "weight", "time", "what folded and pprof add up: time or count")
	fl.BoolVar(&f.force, "force", false, "replace the file if it exists")
	return c
}

func exportFormats() []string {
	f := append(export.Formats(), "csv")
	slices.Sort(f)
	return f
}

func runExport(c *cobra.Command, args []string, f *exportFlags) (err error) {
	usage := func(msg string, a ...any) error {
		return &exitError{code: exitUsage, err: fmt.Errorf(msg, a...), hint: "see 'systape export --help'"}
	}
	if f.format == "" { // the name of the file says it, if it does
		if f.format = export.FormatOf(f.out); strings.HasSuffix(f.out, ".csv") {
			f.format = "csv"
		}
	}
	weights := map[string]export.Weight{"time": export.Time, "count": export.Count}
	weight, ok := weights[f.weight]
	switch {
	case f.format == "":
		return usage("no format given: --to %s", strings.Join(exportFormats(), "|"))
	case !ok:
		return usage("--weight: %q, want time or count", f.weight)
	case c.Flags().Changed("weight") && f.format != "folded" && f.format != "pprof":
		return usage("--weight is for folded and pprof, which add calls up")
	case f.out == "-" && (f.format == "perfetto" || f.format == "pprof") && isTerminal(c.OutOrStdout()):
		return usage("%s is not for reading on a terminal: use -o FILE", f.format)
	}
	in, err := openInput(c, args, export.Columns)
	if err != nil {
		return err
	}
	defer in.Close()
	if (f.format == "jsonl" || f.format == "tracee") && !in.filter.Empty() {
		in.Close()
		return usage("%s holds all events: filters choose calls (systape replay --events --format jsonl takes some of them)", f.format)
	}
	file, err := createResult(c.OutOrStdout(), f.out, args, f.force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.discard()) }()
	notes, err := exportRun(in, f.format, weight, file)
	if err == nil {
		err = file.complete()
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
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
func exportRun(in *input, kind string, weight export.Weight, w io.Writer) (notes []string, err error) {
	add, finish := in.progress("exporting")
	defer finish()
	if kind == "csv" {
		rows, err := views.NewCalls(w, "csv", in, nil)
		if err != nil {
			return nil, err
		}
		if err := in.calls(func(calls []replay.Call) error {
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
