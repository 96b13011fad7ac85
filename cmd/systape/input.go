package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"systape/format"
	"systape/format/abi"
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

// addFilterFlags gives an offline command the filters that all of them have.
func addFilterFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSlice("pid", nil, "only calls of these processes")
	f.StringSlice("tid", nil, "only calls of these threads")
	f.StringSlice("comm", nil, "only calls of threads with these names")
	f.StringSlice("container", nil, "only calls in these containers, by id or its beginning; host: in none")
	f.String("syscall", "", "only these calls, as strace -e")
	f.StringSlice("status", nil, "only calls with these statuses: "+strings.Join(statusWords(), " "))
	f.StringSlice("errno", nil, "only calls that failed with these errors, by name or number; any: with any")
	f.String("from", "", "only calls that began at this time or later")
	f.String("to", "", "only calls that began before this time")
	f.Duration("min-duration", 0, "only calls that took at least this long")
	f.SortFlags = false
}

func statusWords() []string {
	var words []string
	for s := range replay.NumStatuses {
		words = append(words, s.String())
	}
	return words
}

// An input is the capture that an offline command works on.
type input struct {
	*format.Reader
	paths []string
	names *format.Names
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
	in := &input{paths: args, names: format.NewNames(), ctx: c.Context(), stdin: c.InOrStdin(), stderr: c.ErrOrStderr()}
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
	opt := format.ReadOptions{Columns: replay.PairColumns(need, nil), Names: in.names, Warn: in.warn, Stdin: in.stdin}
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

func filterColumns(f *replay.Filter) (c format.Columns) {
	if len(f.PIDs) > 0 {
		c |= format.ColPID
	}
	if len(f.Comms) > 0 {
		c |= format.ColComm
	}
	if len(f.Containers) > 0 {
		c |= format.ColContainer
	}
	return c
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
	p := replay.NewPairer(replay.PairOptions{Meta: cmp.Or(in.closing, in.Meta()), Late: in.late})
	var calls []replay.Call
	pass := func() error {
		kept := in.choose(calls)
		if len(kept) == 0 {
			return nil
		}
		return fn(kept)
	}
	err := in.batches(func(b *format.Batch) (err error) {
		if calls, err = p.Push(b, calls[:0]); err != nil {
			return &exitError{code: exitDamaged, err: err, hint: "run 'systape verify' on the capture"}
		}
		if err := pass(); err != nil {
			return err
		}
		if to := in.filter.To; to != 0 && b.N > 0 && b.TS[b.N-1] >= to && !p.OpenBefore(to) {
			return errStop
		}
		return nil
	})
	if err == nil {
		p.Learn(in.Meta())
		calls = p.Finish(calls[:0])
		err = pass()
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

// parseFilter reads the filter's flags; the times come back as text, for an
// offset has a meaning only with the capture open.
func (in *input) parseFilter(flags *pflag.FlagSet) (from, to string, err error) {
	f := &in.filter
	list := func(name string) []string {
		v, err := flags.GetStringSlice(name)
		if err != nil {
			return nil // the command has no such flag
		}
		return v
	}
	if f.PIDs, err = parseIDs("pid", list("pid")); err != nil {
		return "", "", err
	}
	if f.TIDs, err = parseIDs("tid", list("tid")); err != nil {
		return "", "", err
	}
	f.Comms, f.Containers = list("comm"), list("container")
	if expr, _ := flags.GetString("syscall"); expr != "" {
		if f.Syscalls, err = abi.ParseSet(expr); err != nil {
			return "", "", fmt.Errorf("--syscall: %w", err)
		}
	}
	for _, word := range list("status") {
		s, ok := replay.ParseStatus(word)
		if !ok {
			return "", "", fmt.Errorf("--status: unknown status %q, want one of %s", word, strings.Join(statusWords(), " "))
		}
		f.Statuses = append(f.Statuses, s)
	}
	for _, word := range list("errno") {
		if word == "any" {
			f.AnyErrno = true
			continue
		}
		n, ok := abi.ErrnoNumber(abi.X86_64, strings.ToUpper(word))
		if !ok {
			if n, err = strconv.Atoi(word); err != nil || n <= 0 || n > 4095 {
				return "", "", fmt.Errorf("--errno: unknown error %q, want a name such as ENOENT, a number, or any", word)
			}
		}
		f.Errnos = append(f.Errnos, n)
	}
	if d, err := flags.GetDuration("min-duration"); err == nil {
		if d < 0 {
			return "", "", fmt.Errorf("--min-duration: %v is negative", d)
		}
		f.MinDuration = d.Nanoseconds()
	}
	from, _ = flags.GetString("from")
	to, _ = flags.GetString("to")
	for name, v := range map[string]string{"from": from, "to": to} {
		if _, _, err := parseInstant(v); err != nil {
			return "", "", fmt.Errorf("--%s: %w", name, err)
		}
	}
	return from, to, nil
}

func parseIDs(name string, words []string) (ids []int32, err error) {
	for _, w := range words {
		n, err := strconv.ParseInt(strings.TrimSpace(w), 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("--%s: %q is no id", name, w)
		}
		ids = append(ids, int32(n))
	}
	return ids, nil
}

// parseInstant reads a time; relative means that it counts from the first
// event of the capture.
func parseInstant(s string) (ns int64, relative bool, err error) {
	if s == "" {
		return 0, false, nil
	}
	if offset, ok := strings.CutPrefix(s, "+"); ok {
		d, err := time.ParseDuration(offset)
		if err != nil || d < 0 {
			return 0, false, fmt.Errorf("%q is no offset such as +1.5s", s)
		}
		return d.Nanoseconds(), true, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, false, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false, fmt.Errorf("%q is no time: want RFC 3339 (2026-03-01T12:00:00Z), nanoseconds since the epoch, or an offset (+1.5s)", s)
	}
	if y := t.Year(); y < 1678 || y > 2261 {
		return 0, false, fmt.Errorf("the year of %q cannot be told in nanoseconds", s)
	}
	return t.UnixNano(), false, nil
}

// instant resolves a time that parseFilter has read. It looks at the first
// event when it must.
func (in *input) instant(name, s string) (int64, error) {
	ns, relative, err := parseInstant(s)
	if err != nil || !relative {
		return ns, err
	}
	if in.first == nil {
		b := new(format.Batch)
		err := in.Next(b)
		if err == nil {
			in.first = b
		} else if err != io.EOF && !errors.Is(err, format.ErrIncomplete) {
			return 0, inputError(err)
		} // the reader says it again when the rows are asked for
	}
	if in.first == nil || in.first.N == 0 {
		return 0, nil // an empty capture has nothing to bound
	}
	start := in.first.TS[0]
	if ns > math.MaxInt64-start {
		return 0, &exitError{code: exitUsage, err: fmt.Errorf("--%s: %q lies beyond all time", name, s)}
	}
	return start + ns, nil
}
