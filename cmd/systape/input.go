package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"systape/format"
	"systape/replay"
)

// inputHelp is the part of every offline command's help that tells what FILE
// and the filters are.
const inputHelp = `FILE is a Parquet capture, the spool of a recording (also one that still runs
or was cut off), a folder with the parts of one recording, or - for a spool on
standard input. Several FILEs of one recording are one capture.

Filters take lists with commas between the values; a call must satisfy every
filter that is given. Names may hold * for any characters. --syscall speaks
strace's language: openat,read or %file or !futex. Times are RFC 3339
(2026-03-01T12:00:00.5Z), nanoseconds since the epoch, or an offset from the
first event of the capture (+1.5s); a call counts by when it began.`

// An input is the capture that an offline command works on.
type input struct {
	*format.Reader
	paths []string
	names *format.SymbolTable
	// filter chooses calls; calls applies it.
	filter replay.Filter
	// coverage is about the calls that the subject of the filter chose (see
	// replay.Filter.MatchSubject); complete when calls has returned.
	coverage replay.Coverage
	// pairing is about all calls of the capture.
	pairing replay.Coverage

	ctx     context.Context
	stderr  io.Writer
	stdin   io.Reader
	first   *format.Batch // the first batch, when it had to be looked at
	late    []replay.Loss
	closing *format.Meta // what a first pass found at the end; may be nil
	cut     bool         // the capture is incomplete, and the user knows
}

// openInput opens the captures that args name, with the filters of c's flags.
// need are the columns that the command wants to find in its calls; those that
// pairing and the filters need come by themselves. Warnings go to standard
// error at once.
func openInput(c *cobra.Command, args []string, need ...format.Columns) (*input, error) {
	in := &input{paths: args, names: format.NewSymbolTable(), ctx: c.Context(), stdin: c.InOrStdin(), stderr: c.ErrOrStderr()}
	if len(args) == 0 {
		return nil, &exitError{code: exitUsage, err: errors.New("no capture given"), hint: "see '" + c.CommandPath() + " --help'"}
	}
	from, to, err := in.parseFilter(c.Flags())
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	var columns format.Columns
	for _, n := range need {
		columns |= n
	}
	columns |= filterColumns(&in.filter)
	if err := in.open(columns); err != nil {
		return nil, inputError(err)
	}
	if in.filter.From, err = in.instant("from", from); err == nil {
		in.filter.To, err = in.instant("to", to)
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// open opens the reader: twice when the metadata says that fewer columns do.
func (in *input) open(need format.Columns) error {
	opt := format.ReadOptions{Columns: replay.PairColumns(need, nil), Symbols: in.names, Warn: in.warn, Stdin: in.stdin}
	r, err := format.Open(in.paths, opt)
	if err != nil {
		return err
	}
	in.Reader = r
	if slices.Contains(in.paths, "-") {
		return nil
	}
	m := r.Meta()
	if fewer := replay.PairColumns(need, m); fewer != opt.Columns {
		r.Close()
		opt.Columns, opt.Warn = fewer, nil
		if in.Reader, err = format.Open(in.paths, opt); err != nil {
			return err
		}
	} else if m.Imported == nil {
		return in.findLateLosses()
	}
	return nil
}

// findLateLosses looks for lost rows that stand later in the capture than the
// time they tell of, so that pairing knows of them in time, and for what a
// spool says only at its end.
func (in *input) findLateLosses() error {
	r, err := format.Open(in.paths, format.ReadOptions{
		Columns: format.ColTS | format.ColKind | format.ColCPU | format.ColArg0 | format.ColArg1 | format.ColArg2 | format.ColArg3 | format.ColArg4,
		Kinds:   []format.Kind{format.Lost},
	})
	if err != nil {
		return err
	}
	defer r.Close()
	var b format.Batch
	for {
		if err := r.Next(&b); err != nil {
			in.closing = r.Meta()
			return nil // the pass that counts will say what is wrong
		}
		in.late = replay.LateLosses(&b, in.late)
	}
}

// warn prints a warning. Nothing is wrong that the user must act on.
func (in *input) warn(err error) {
	if errors.Is(err, format.ErrIncomplete) {
		if in.cut {
			return
		}
		in.cut = true
	}
	fmt.Fprintf(in.stderr, "systape: warning: %v\n", err)
}

// batches calls fn with every batch of the capture; the reader decodes ahead
// meanwhile. A capture that was cut off ends with a warning.
func (in *input) batches(fn func(*format.Batch) error) error {
	var b format.Batch
	if in.first != nil {
		b, in.first = *in.first, nil
		if err := fn(&b); err != nil {
			return err
		}
	}
	for {
		if err := in.ctx.Err(); err != nil {
			return err
		}
		if err := in.Next(&b); err != nil {
			return in.ended(err)
		}
		if err := fn(&b); err != nil {
			return err
		}
	}
}

// ended judges how reading ended.
func (in *input) ended(err error) error {
	switch {
	case err == io.EOF:
		return nil
	case errors.Is(err, format.ErrIncomplete):
		in.warn(err)
		return nil
	}
	return inputError(err)
}

// errStop ends batches early without being an error: fn has seen enough.
var errStop = errors.New("enough")

// calls pairs the capture and calls fn with the calls that the filter chooses,
// in the order in which they ended. The slice is valid until fn returns; fn
// may end it with errStop.
func (in *input) calls(fn func([]replay.Call) error) error {
	return in.pairs(func(_ *format.Batch, calls []replay.Call) error {
		if kept := in.choose(calls); len(kept) > 0 {
			return fn(kept)
		}
		return nil
	})
}

// pairs gives fn each batch and the calls that ended in it, unfiltered, and
// in the end a nil batch and the calls that never did. It stops after the last
// call that --to can ask for, or when fn returns errStop.
func (in *input) pairs(fn func(*format.Batch, []replay.Call) error) error {
	p := replay.NewPairer(replay.PairOptions{Meta: cmp.Or(in.closing, in.Meta()), Late: in.late})
	var calls []replay.Call
	err := in.batches(func(b *format.Batch) (err error) {
		if calls, err = p.Push(b, calls[:0]); err != nil {
			return &exitError{code: exitDamaged, err: err, hint: "run 'systape verify' on the capture"}
		}
		if err := fn(b, calls); err != nil {
			return err
		}
		if to := in.filter.To; to != 0 && b.N > 0 && b.TS[b.N-1] >= to && !p.OpenBefore(to) {
			return errStop
		}
		return nil
	})
	calls = calls[:0]
	if err == nil {
		p.Learn(in.Meta())
		calls = p.Finish(calls)
	}
	if err == nil || err == errStop {
		err = fn(nil, calls)
	}
	if err != nil && err != errStop {
		return err
	}
	in.pairing = p.Coverage()
	in.coverage.LostEvents, in.coverage.LostEnters, in.coverage.LostExits = in.pairing.LostEvents, in.pairing.LostEnters, in.pairing.LostExits
	if n := in.pairing.LateLosses; n > 0 {
		in.warn(fmt.Errorf("%d losses were told after the calls they concern: durations just before may be too long; run this on a file instead of a stream", n))
	}
	return nil
}

// choose applies the filter to calls in place and counts the coverage.
func (in *input) choose(calls []replay.Call) []replay.Call {
	if in.filter.Empty() {
		in.coverage.Add(calls)
		return calls
	}
	kept := calls[:0]
	for i := range calls {
		c := &calls[i]
		if !in.filter.MatchSubject(c, in.names) {
			continue
		}
		in.coverage.Count(c.Status)
		if in.filter.MatchOutcome(c) {
			kept = append(kept, *c)
		}
	}
	return kept
}

// printCoverage tells on standard error what the result rests on.
func (in *input) printCoverage() {
	fmt.Fprintf(in.stderr, "coverage: %v\n", in.coverage)
}

// progress shows how far the work is, on a terminal only. add takes rows.
func (in *input) progress(what string) (add func(rows int), finish func()) {
	f, ok := in.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int) {}, func() {}
	}
	total := in.Meta().Part.Rows
	if total <= 0 {
		total = -1
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
		progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(false))
	return func(rows int) { bar.Add(rows) }, func() { bar.Finish() }
}

// inputError gives an error of the reader its exit code and a hint.
func inputError(err error) error {
	var corrupt *format.CorruptError
	var e *exitError
	switch {
	case errors.As(err, &e):
		return err
	case errors.As(err, &corrupt):
		return &exitError{code: exitDamaged, err: err, hint: "'systape verify' lists all damage; 'systape recover' saves what can be read"}
	case errors.Is(err, fs.ErrPermission):
		return &exitError{code: exitPermission, err: err}
	}
	return err
}
