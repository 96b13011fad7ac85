package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/convert/importer"
	"systape/replay/escape"
	"systape/replay/units"
)

type importFlags struct {
	from    string
	output  string
	abi     string
	date    string
	names   string
	force   bool
	skipped int
}

func newImportCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import --from KIND [flags] FILE… -o CAPTURE",
		Short: "Make a capture of what strace, perf and others wrote",
		Long: `Make a capture of another tool's text, so that every offline command works
on it. KIND is one of

  strace       strace's output, with or without -f, -ff, -t, -tt, -ttt, -r, -T,
               -y, -Y, -i, -k, -n and -X raw, from -o or standard error
  perf-script  perf script of raw_syscalls (or syscalls:*), and of sched's fork,
               exec and exit if they were recorded; stacks are left out
  perf-trace   perf trace's output
  babeltrace   LTTng's system-call events as babeltrace2 prints them; record them
               with lttng add-context -k -t pid -t tid -t procname
  tracee       Tracee's JSON: sys_enter and sys_exit, or events of calls by name
  lidds        recordings of the LID-DS data sets, 2019 and 2021
  numbers      system-call numbers between blanks, each FILE one thread (ADFA-LD)
  unm          a process id and a number on each line; --map names the numbers
  jsonl        systape's own JSON lines (export --format jsonl): all of a capture's
               make the same capture again
  dump         what systape dump wrote: the same capture, edited or not

The capture says that it was imported, and which columns hold no information.
What a text does not say is not invented: an argument that it does not tell is
not known (replay shows ?), names of flags become numbers again, paths are
kept; without times, durations (strace -T) are laid one after the other, else
events are numbered by nanoseconds; without durations, a call ends when it
began. Lines that cannot be read are counted, and the first ones shown.

Several FILEs are merged by time when their lines have times of day; the files
of strace -ff are known by their names. FILE may be - for standard input, and
compressed by gzip.`,
		Example: `  strace -f -ttt -T -o web.strace ./web; systape import --from strace web.strace -o web.parquet
  systape import --from strace trace.* -o trace.parquet
  perf record -e raw_syscalls:* -- ./web; perf script | systape import --from perf-script - -o web.parquet
  perf trace -o web.trace ./web; systape import --from perf-trace web.trace -o web.parquet
  babeltrace2 --clock-date --clock-gmt ~/lttng-traces/web | systape import --from babeltrace - -o web.parquet
  tracee --events sys_enter,sys_exit --output json:web.json; systape import --from tracee web.json -o web.parquet
  systape import --from numbers --abi i386 UTD-0001.txt -o UTD-0001.parquet
  systape dump web.parquet | grep -v ' lost ' | systape import --from dump - -o edited.parquet
  systape export --format jsonl web.parquet | jq -c 'select(.comm == "nginx")' | systape import --from jsonl - -o nginx.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runImport(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.from, "from", "", "what FILE is: "+strings.Join(importer.Formats, " "))
	flags.StringVarP(&f.output, "output", "o", "", "the `capture` to write")
	flags.StringVar(&f.abi, "abi", "", "the ABI of numbers and names: x86_64 i386 x32 arm64 arm (default: the one that has the names of the text, i386 for numbers)")
	flags.StringVar(&f.date, "date", "", "the `day` on which a text with times of day begins, such as 2026-03-01 (UTC)")
	flags.StringVar(&f.names, "map", "", "unm: a `file` with the name of each number, one a line from 0")
	flags.IntVar(&f.skipped, "show-skipped", 5, "show the first `N` lines that could not be read")
	flags.BoolVar(&f.force, "force", false, "replace the capture if it exists")
	flags.SortFlags = false
	return c
}

func (f *importFlags) options() (opt importer.Options, err error) {
	opt.From = f.from
	if f.from == "" {
		return opt, errors.New("--from is missing: what is FILE?")
	}
	if !slices.Contains(importer.Formats, f.from) {
		return opt, fmt.Errorf("--from: unknown kind %q, want one of %s", f.from, strings.Join(importer.Formats, " "))
	}
	if f.output == "" {
		return opt, errors.New("-o is missing: where is the capture to go?")
	}
	switch {
	case f.abi != "":
		a, ok := abi.Parse(f.abi)
		if !ok {
			return opt, fmt.Errorf("--abi: unknown ABI %q, want x86_64, i386, x32, arm64 or arm", f.abi)
		}
		opt.ABI = a
	case f.from == "numbers" || f.from == "unm":
		opt.ABI = abi.I386
	default:
		opt.Guess = true
		if runtime.GOARCH == "arm64" {
			opt.ABI = abi.ARM64
		}
	}
	if f.date != "" {
		if opt.Date, err = time.Parse("2006-01-02", f.date); err != nil {
			return opt, fmt.Errorf("--date: %q is no day such as 2026-03-01", f.date)
		}
	}
	if f.names != "" {
		if f.from != "unm" {
			return opt, fmt.Errorf("--map is for --from unm")
		}
		raw, err := format.ReadText(f.names, 16<<20, "more than 16 MiB: too much for a list of files")
		if err != nil {
			return opt, err
		}
		for l := range strings.Lines(string(raw)) {
			opt.Map = append(opt.Map, strings.TrimSpace(l))
		}
	}
	return opt, nil
}

func runImport(c *cobra.Command, f *importFlags, args []string) error {
	opt, err := f.options()
	if err == nil && len(args) == 0 {
		err = errors.New("no file to import")
	}
	if err != nil {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	if err := out.NotForTerminal(c.OutOrStdout(), f.output, "parquet"); err != nil {
		return outError(err)
	}
	stderr := c.ErrOrStderr()
	shown, summary := 0, false
	opt.Bad = func(source string, line int64, text string, err error) {
		summary = summary || strings.HasPrefix(strings.TrimSpace(text), "% time ")
		if shown++; shown <= f.skipped {
			fmt.Fprintf(stderr, "systape: %s:%d: %v: %.200q\n", source, line, err, text)
		}
	}
	sources := make([]importer.Source, len(args))
	id := sha256.New()
	fmt.Fprintf(id, "%s %s\n", opt.From, opt.ABI)
	for i, name := range args {
		r := bufio.NewReaderSize(c.InOrStdin(), importHead)
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				if errors.Is(err, fs.ErrPermission) {
					return &exitError{code: exitPermission, err: err}
				}
				return err
			}
			defer file.Close()
			r.Reset(file)
			if info, err := file.Stat(); err == nil {
				fmt.Fprintf(id, "%d\n", info.Size())
			}
		}
		head, err := r.Peek(importHead)
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", name, err)
		}
		if what, command := importer.Packed(head); what != "" {
			from := opt.From
			switch {
			case !strings.HasPrefix(command, "perf "):
			case from == "perf-trace":
				command = "perf trace -i"
			default:
				from = "perf-script"
			}
			hint := escape.Command(append(strings.Fields(command), name))
			if name == "-" {
				hint = command
			}
			return &exitError{code: exitFailed, err: fmt.Errorf("%s is %s", name, what), hint: hint + " | systape import --from " + from + " - -o " + escape.Word(f.output)}
		}
		id.Write(head)
		sources[i] = importer.Source{Name: name, R: r, TID: importTID(opt.From, name)}
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	meta := importMeta(opt, hex.EncodeToString(id.Sum(nil)[:16]))
	res, calls, err := importInto(file.Writer, sources, opt, meta)
	if err = file.close(err); err != nil {
		if summary && errors.Is(err, importer.ErrNoLine) {
			return &exitError{code: exitFailed, err: errors.New("that is a summary as strace -c writes it, without calls"), hint: "strace -f -ttt -T -Y -o FILE COMMAND writes the calls (-C both)"}
		}
		return importHint(err, f, args)
	}
	importReport(stderr, f, res, calls)
	return nil
}

// importHint adds to an error what reads the text all the same.
func importHint(err error, f *importFlags, args []string) error {
	first, command := " FILE", ""
	if len(args) == 1 && args[0] != "-" {
		first = " " + escape.Word(args[0])
	}
	switch {
	case errors.Is(err, importer.ErrInflate):
		command = "gzip -dc" + first
	case errors.Is(err, importer.ErrNoLine) && f.from == "tracee":
		command = "jq -c 'if type == \"array\" then .[] else . end'" + first
	default:
		return err
	}
	return &exitError{code: exitFailed, err: err, hint: command + " | systape import --from " + f.from + " - -o " + escape.Word(f.output)}
}

// importInto writes the capture, and counts its calls as everything does that
// reads it.
func importInto(out *bufio.Writer, sources []importer.Source, opt importer.Options, meta *format.Meta) (*importer.Result, int64, error) {
	w, err := format.NewParquetWriter(out, meta)
	if err != nil {
		return nil, 0, err
	}
	pairer := replay.NewPairer(replay.PairOptions{Meta: meta})
	var calls []replay.Call
	res, err := importer.Import(sources, opt, func(b *format.Batch) (err error) {
		if !ownTexts[opt.From] {
			if calls, err = pairer.Push(b, calls[:0]); err != nil {
				return err
			}
		}
		return w.Write(b)
	})
	if err != nil {
		return nil, 0, err
	}
	pairer.Finish(calls[:0])
	return res, pairer.Coverage().Calls, w.Close(importEnd(meta, res))
}

// ownTexts are the forms that systape itself writes row by row. What their
// calls are depends on what they say at their end.
var ownTexts = map[string]bool{"dump": true, "jsonl": true}

// importEnd says what is known of the capture when the text has been read. Of
// systape's own text, all rows of a capture are that capture again; some of
// them are a selection of it, whose counts are those of the whole.
func importEnd(meta *format.Meta, res *importer.Result) *format.Meta {
	if res.Meta == nil {
		meta.Imported.Missing, meta.Imported.Skipped, meta.Complete = res.Missing, res.Skipped, true
		if res.Calls > 0 {
			meta.Host.Arch = importArch[res.ABI]
		}
		return meta
	}
	m := *res.Meta
	if !res.Exact {
		m.Version, m.Part = meta.Version, meta.Part
	}
	if !res.Whole {
		m.CaptureID, m.Tool, m.Counts = meta.CaptureID, meta.Tool, nil
		if m.Imported == nil {
			m.Imported = meta.Imported
		}
	}
	return &m
}

// importTID knows the files of strace -ff: NAME.TID.
func importTID(from, name string) int32 {
	if from != "strace" {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(name, ".gz")), "."), 10, 32)
	if err != nil || n <= 0 {
		return 0
	}
	return int32(n)
}

// importHead is how much of a text goes into the capture's id, which is made
// of the text so that the same text gives the same capture.
const importHead = 64 << 10

// importArch is the machine that a text is likely to come from, as uname -m
// names it.
var importArch = map[abi.ABI]string{abi.X86_64: "x86_64", abi.X32: "x86_64", abi.I386: "i686", abi.ARM64: "aarch64", abi.ARM: "armv7l"}

// importMeta says what is known about the recording.
func importMeta(opt importer.Options, id string) *format.Meta {
	return &format.Meta{
		Version:   format.Version,
		CaptureID: id,
		Tool:      "systape " + version,
		Host:      format.Host{Arch: importArch[opt.ABI]},
		Request:   format.Request{Sample: 1},
		Part:      format.Part{Number: 1, Last: true},
		Imported:  &format.Imported{From: opt.From},
	}
}

func importReport(w io.Writer, f *importFlags, res *importer.Result, calls int64) {
	got := units.Counted(res.Events, "row")
	if !ownTexts[f.from] {
		got = units.Counted(calls, "call") + ", " + got
	}
	fmt.Fprintf(w, "imported: %s, from %s\n", got, units.Counted(res.Lines, "line"))
	if res.Skipped > 0 {
		fmt.Fprintf(w, "skipped: %s that could not be read\n", units.Counted(res.Skipped, "line"))
	}
	if len(res.Missing) > 0 {
		fmt.Fprintf(w, "no information in: %s\n", strings.Join(res.Missing, ", "))
	}
	for _, n := range []struct {
		count     int64
		one, many string
	}{
		{res.Reorder, "event came too late to be put into the order of time", "events came too late to be put into the order of time"},
		{res.Guessed, "thread is taken for a process of its own, because the text does not say whose it is", "threads are taken for processes of their own, because the text does not say whose they are"},
		{res.Returns, "of the calls is seen to return only", "of the calls are seen to return only"},
		{res.Nameless, "call has a name without a number in the table of " + res.ABI.String(), "calls have names without a number in the table of " + res.ABI.String()},
	} {
		switch n.count {
		case 0:
		case 1:
			fmt.Fprintf(w, "note: 1 %s\n", n.one)
		default:
			fmt.Fprintf(w, "note: %s %s\n", units.Count(n.count), n.many)
		}
	}
}
