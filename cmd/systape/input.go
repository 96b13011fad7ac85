package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"systape/format"
	"systape/replay"
	"systape/replay/convert/importer"
	"systape/replay/escape"
)

// Parts of the help of every command that reads captures: what FILE is, what
// several of them are, and what the filters are.
const (
	fileHelp = `FILE is a Parquet capture, the spool of a recording (also one that still runs
or was cut off), a folder with the parts of one recording, a dataset or a
partition of one, a bundle, or - for a spool on standard input.`
	partsHelp = `
Several FILEs of one recording are one capture.`
	inputHelp  = fileHelp + partsHelp + "\n\n" + filterHelp
	filterHelp = `Filters take lists with commas between the values; a call must satisfy every
filter that is given. Names may hold * for any characters. --syscall speaks
strace's language: openat,read or %file or !futex. A call counts by when it began.

` + instantHelp + `.`
)

// An input is the capture that an offline command works on: a session with
// the command's flags, warnings and progress.
type input struct {
	*replay.Session
	paths  []string
	names  *format.SymbolTable
	filter *replay.Filter
	ctx    context.Context
	stderr io.Writer
}

// openInput opens the captures that args name, with the filters of c's flags.
// need are the columns that the command wants to find in its calls; those that
// pairing and the filters need come by themselves. Warnings go to standard
// error at once.
func openInput(c *cobra.Command, args []string, need ...format.Columns) (*input, error) {
	var opt replay.Options
	for _, n := range need {
		opt.Columns |= n
	}
	return openSession(c, args, opt)
}

// openSession is openInput with all that a session can be asked for.
func openSession(c *cobra.Command, args []string, opt replay.Options) (*input, error) {
	in := &input{paths: args, ctx: c.Context(), stderr: c.ErrOrStderr()}
	usage := func(err error) error {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	if len(args) == 0 {
		return nil, usage(errors.New("no capture given"))
	}
	from, to, err := parseFilter(c.Flags(), &opt.Filter)
	if err != nil {
		return nil, usage(err)
	}
	opt.Nodes = nodesOf(c)
	opt.Stdin = c.InOrStdin()
	opt.Warn = damageWarner(c)
	opt.Filter.Comms = readComms(opt.Filter.Comms, opt.Warn)
	if err := strayValue(c, args); err != nil {
		return nil, usage(err)
	}
	if in.Session, err = replay.Open(args, opt); err != nil {
		return nil, inputError(oneRecording(c, args, err))
	}
	warnOfBundles(args, opt.Warn)
	if doubt := partialDoubts[c.Name()]; doubt != "" && !in.Meta().Request.Gapless() && in.Meta().Request.Counted() {
		opt.Warn(errors.New("the recording left calls out on purpose: " + doubt))
	}
	in.names, in.filter = in.Symbols(), &in.Session.Filter
	if in.filter.From, err = in.instant("from", from); err == nil {
		in.filter.To, err = in.instant("to", to)
	}
	if f := in.filter; err == nil && f.From != 0 && f.To != 0 && f.From >= f.To {
		err = usage(fmt.Errorf("--from %s is not before --to %s: there is nothing between them", from, to))
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// addNodeFlag gives a command the choice among the recordings of a dataset. With
// the filters it comes by itself; elsewhere ofNode makes it.
func addNodeFlag(c *cobra.Command) {
	c.Flags().StringSlice("node", nil, "only recordings of the machines with these `names`, where there are several")
}

// nodesOf returns the machines that --node names.
func nodesOf(c *cobra.Command) []string {
	nodes, _ := c.Flags().GetStringSlice("node")
	return nodes
}

// severalAmong returns the recordings that paths name and --node chooses, where
// there are several, and warns of what was left out; nil where there are not: what
// is left out or cannot be opened then is for who opens the paths to tell.
func severalAmong(c *cobra.Command, paths []string) []format.Recording {
	if slices.Contains(paths, "-") {
		return nil
	}
	var warnings []error
	found, err := format.Recordings(paths, format.ReadOptions{Nodes: nodesOf(c), Warn: func(err error) { warnings = append(warnings, err) }})
	if err != nil || len(found) < 2 {
		return nil
	}
	warn := damageWarner(c)
	for _, w := range warnings {
		warn(w)
	}
	return found
}

// eachRecording gives fn the files of each recording that paths name and --node
// chooses, with the machine's name where there are several, in the order of these.
// Where fn fails it goes on, and returns the first error.
func eachRecording(c *cobra.Command, paths []string, fn func(paths []string, node string) error) error {
	found := severalAmong(c, paths)
	if found == nil {
		one, err := ofNode(c, paths)
		if err != nil {
			return err
		}
		return fn(one, "")
	}
	var first error
	for _, r := range found {
		if err := fn(r.Paths, cmp.Or(r.Node, "a machine without a name")); first == nil {
			first = err
		}
	}
	return first
}

// capturesOf returns the files of each capture that names tell, for commands to
// which each name is a capture of its own: of a dataset, each recording that
// --node chooses is one. Parts that a recorder made of one recording are one,
// whether their folder is named or each of them.
func capturesOf(c *cobra.Command, names []string) (all [][]string) {
	rotated := map[string]int{} // by id: where in all
	for _, name := range names {
		found := severalAmong(c, []string{name})
		if found == nil {
			id := rotatedID(name)
			if at, ok := rotated[id]; ok {
				all[at] = append(all[at], name)
				continue
			}
			if id != "" {
				rotated[id] = len(all)
			}
			all = append(all, []string{name})
		}
		for _, r := range found {
			all = append(all, r.Paths)
		}
	}
	return all
}

// rotatedID returns the id of the recording that a file is a part of; "" for other
// captures, and for what cannot be read, which opening it will tell.
func rotatedID(name string) string {
	if name == "-" {
		return ""
	}
	parts, err := format.Parts([]string{name}, format.ReadOptions{})
	if err != nil || len(parts) != 1 || !parts[0].Meta.Part.Rotation {
		return ""
	}
	return parts[0].Meta.CaptureID
}

// heading begins what people read of one of several recordings.
func heading(w io.Writer, node, formatName string) {
	if node != "" && formatName == "table" {
		fmt.Fprintf(w, "== %s\n", escape.Text(node))
	}
}

// ofNode returns the files among paths that --node chooses.
func ofNode(c *cobra.Command, paths []string) ([]string, error) {
	nodes := nodesOf(c)
	if len(nodes) == 0 || slices.Contains(paths, "-") {
		return paths, nil
	}
	found, err := format.Recordings(paths, format.ReadOptions{Stdin: c.InOrStdin(), Nodes: nodes, Warn: damageWarner(c)})
	switch {
	case err != nil:
		return nil, inputError(err)
	case len(found) > 1:
		return nil, oneRecording(c, paths, &format.SeveralError{First: found[0].Paths[0], Other: found[1].Paths[0]})
	}
	return found[0].Paths, nil
}

// strayValue finds a value that was given behind a flag which takes one only
// with =, and so stands where the captures do.
func strayValue(c *cobra.Command, args []string) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.NoOptDefVal == "" || f.Value.Type() == "bool" || f.Value.String() != f.NoOptDefVal {
			return
		}
		for _, a := range args {
			if _, missing := os.Stat(a); missing == nil {
				continue
			}
			if _, number := strconv.ParseFloat(a, 64); number == nil {
				err = fmt.Errorf("--%s %s: this value needs =: --%s=%s", f.Name, a, f.Name, a)
			}
		}
	})
	return err
}

// partialDoubts is what becomes of a command's results when a recording left
// calls out on purpose, for commands whose coverage alone does not say it.
var partialDoubts = map[string]string{
	"sequences": "neighbours in a sequence need not have been neighbours",
	"compare":   "numbers of calls, rates and sequences are of those that are there",
	"train":     "neighbours in a sequence need not have been neighbours",
	"calibrate": "neighbours in a sequence need not have been neighbours",
	"score":     "neighbours in a sequence need not have been neighbours",
	"seccomp":   "calls that are not there are missing from the profile",
}

// holdStdin makes standard input fit to be read twice, if it is one of paths.
func holdStdin(c *cobra.Command, paths []string) (stdin io.Reader, done func() error, err error) {
	if !slices.Contains(paths, "-") {
		return c.InOrStdin(), func() error { return nil }, nil
	}
	pipe, err := replay.HoldPipe(c.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	return pipe.File(), pipe.Close, nil
}

// warn prints a warning. Nothing is wrong that the user must act on.
func (in *input) warn(err error) { in.Warn(err) }

// calls gives fn the calls that the filter chooses, as [replay.Session.Each].
func (in *input) calls(fn func([]replay.Call) error) error {
	return inputError(in.Each(in.ctx, fn))
}

// among gives all the calls, as [replay.Session.Among] does, and after them fn
// those that the filter chooses.
func (in *input) among(more func() bool, all func(calls []replay.Call, chosen []bool), fn func([]replay.Call) error) error {
	var kept []replay.Call
	return inputError(in.Among(in.ctx, more, func(calls []replay.Call, chosen []bool) error {
		all(calls, chosen)
		kept = kept[:0]
		for i, yes := range chosen {
			if yes {
				kept = append(kept, calls[i])
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return fn(kept)
	}))
}

// callsByStart is calls in the order in which they began, as [replay.Session.ByStart].
func (in *input) callsByStart(fn func([]replay.Call) error) error {
	return inputError(in.ByStart(in.ctx, fn))
}

// pairs gives fn every batch and call, as [replay.Session.Run].
func (in *input) pairs(fn func(*format.Batch, []replay.Call) error) error {
	return inputError(in.Run(in.ctx, fn))
}

// printCoverage tells what a result rests on.
func printCoverage(stderr io.Writer, c replay.Coverage) { fmt.Fprintf(stderr, "coverage: %v\n", c) }

// leastProgress is how many rows a capture has for which progress is shown:
// what is done at once has no rate worth telling.
const leastProgress = 4 << 20

// progress shows how far the work is, on a terminal only. add takes rows.
func (in *input) progress(what string) (add func(rows int), finish func()) {
	f, ok := in.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int) {}, func() {}
	}
	total := in.Meta().Part.Rows
	if total <= 0 {
		total = -1
	} else if total < leastProgress {
		return func(int) {}, func() {}
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
		progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(false))
	return func(rows int) { bar.Add(rows) }, func() { bar.Finish() }
}

// inputError gives an error of the reader its exit code and a hint.
func inputError(err error) error {
	var corrupt *format.CorruptError
	var several *format.SeveralError
	var other *format.OtherFileError
	var e *exitError
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.As(err, &several):
		hint := "name the files of one of them"
		if len(several.Nodes) > 1 {
			hint = "choose one with --node: " + strings.Join(several.Nodes, ", ")
		}
		return &exitError{code: exitFailed, err: err, hint: hint}
	case errors.Is(err, format.ErrForeign) && errors.Is(err, format.ErrNull) && errors.As(err, &corrupt):
		return &exitError{code: exitFailed, err: err, hint: nullHint(corrupt.Column)}
	case errors.Is(err, format.ErrForeign):
		return &exitError{code: exitFailed, err: err, hint: "write it again with all columns of the capture as they were, and with the rows in the order of seq"}
	case errors.As(err, &corrupt):
		return &exitError{code: exitDamaged, err: err, hint: "'systape verify' lists all damage; 'systape recover' saves what can be read"}
	case errors.Is(err, format.ErrBundleCut):
		return &exitError{code: exitFailed, err: err, hint: "copy it again from where it is whole: what is in it stands at its end"}
	case errors.As(err, &other):
		return &exitError{code: exitFailed, err: err, hint: otherFileHint(other)}
	case errors.Is(err, fs.ErrPermission):
		return &exitError{code: exitPermission, err: err}
	case errors.Is(err, fs.ErrNotExist):
		if hint := partsHint(err); hint != "" {
			return &exitError{code: exitFailed, err: err, hint: hint}
		}
	}
	return err
}

// partsHint is the next step where a recording was given the name that is not there,
// and has made parts.
func partsHint(err error) string {
	missing, ok := errors.AsType[*fs.PathError](err)
	if !ok || strings.ContainsAny(missing.Path, `*?[\\`) {
		return ""
	}
	ext := filepath.Ext(missing.Path)
	stem := strings.TrimSuffix(missing.Path, ext)
	numbered := stem + "-[0-9][0-9][0-9][0-9][0-9]" + ext
	parts, _ := filepath.Glob(numbered)
	spools, _ := filepath.Glob(format.SpoolName(numbered))
	switch {
	case len(spools) > 0:
		return "it is recorded in parts, now " + escape.Command([]string{spools[len(spools)-1]})
	case len(parts) > 1:
		return "it was recorded in parts: " + escape.Command([]string{stem + "-"}) + "*" + ext
	case len(parts) > 0:
		return "it was recorded as " + escape.Command(parts)
	}
	return ""
}

// nullHint is what makes a capture of rows without a value, in pandas, which has
// most of them.
func nullHint(column string) string {
	without := fmt.Sprintf("frame = frame.dropna(subset=[%q])", column)
	if column != "ret" && !strings.HasPrefix(column, "arg") {
		return "leave these rows out: " + without
	}
	return fmt.Sprintf("where rows of their kind have no %[1]s, it is 0: frame[%[1]q] = frame[%[1]q].fillna(0).astype(\"int64\"); where it is not known, leave them out: %[2]s", column, without)
}

// otherFileHint is the next step with a file that is no capture but may hold
// one, or a log that becomes one.
func otherFileHint(e *format.OtherFileError) string {
	what, command := importer.Packed(e.Head)
	switch {
	case bytes.HasPrefix(e.Head, []byte("\x1f\x8b")):
		what, command = "compressed by gzip", "gzip -dc"
	case len(e.Head) > 262 && string(e.Head[257:262]) == "ustar":
		what, command = "a tar archive", "tar -xOf"
	}
	if what != "" {
		name := strings.TrimSuffix(e.File, filepath.Ext(e.File))
		if name == e.File || name == "" {
			name = e.File + ".unpacked"
		}
		return "it is " + what + ":\n  " + command + " " + escape.Word(e.File) + " > " + escape.Word(name)
	}
	if len(e.Head) > 0 && !bytes.Contains(e.Head, []byte{0}) {
		return "the log of another tracer becomes a capture by 'systape import', see 'systape import --help'"
	}
	return ""
}
