package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/convert/jsonl"
	"systape/replay/escape"
	"systape/replay/pace"
	"systape/replay/render/text"
)

const replayHelp = `Shows a capture again: calls in order of time, with their arguments and results
decoded, as strace writes them; or with --events every enter and exit by itself.

A call is one line, at the time it began. One that others would have to wait for
is cut in two, as in strace: <unfinished ...> where it began, <... resumed>
where it ended. --patience says how long lines wait. A ≥ before a duration says
that the call was not seen whole.

--speed gives the recorded time back: 1x as it was, 10x ten times as fast, 0.1x
ten times as slow, max without waiting. On a terminal, keys control it: space
pauses and goes on, s shows one more line, + and - change the speed, n shows the
next line now, q ends.

`

type replayFlags struct {
	events, loop, follow, names    bool
	speed, format, columns, colour string
	timeStyle, around              string
	within, patience               time.Duration
}

// newReplayCommand makes the command that shows a capture.
func newReplayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Show a capture again, at any speed",
		Long:  replayHelp + inputHelp,
		Example: `  systape replay trace.parquet
  systape replay trace.parquet --speed 0.1x --comm nginx
  systape replay trace.parquet --errno any --columns time,comm,call,result
  systape replay trace.parquet --around +2.5s --within 10ms --columns +delta,+cpu
  systape replay trace.parquet --format jsonl | jq -r 'select(.dur_ns > 1e6).syscall'
  systape replay trace.spool --follow`,
		RunE: func(c *cobra.Command, args []string) error { return runReplay(c, args, &f) },
	}
	fl := c.Flags()
	fl.BoolVar(&f.events, "events", false, "show enters, exits and other rows, not calls")
	fl.BoolVarP(&f.names, "names", "y", false, "behind each descriptor, what it stands for, as 3</etc/hosts>; what is not known stays a number")
	fl.StringVar(&f.speed, "speed", "max", "1x as recorded, 10x, 0.1x, or max")
	fl.BoolVar(&f.loop, "loop", false, "begin again at the end")
	fl.BoolVar(&f.follow, "follow", false, "wait for more at the end of a spool, until its recording ends")
	fl.StringVar(&f.format, "format", "text", "text or jsonl")
	fl.StringVar(&f.columns, "columns", "", "these columns, or +added and -removed ones: "+strings.Join(replayColumnWords(), " "))
	fl.StringVar(&f.timeStyle, "time", "relative", "times as relative (to the first event), clock (time of day, UTC) or epoch")
	fl.StringVar(&f.colour, "color", "auto", "auto (on a terminal, unless NO_COLOR is set), always or never")
	addDuration(fl, &f.patience, "patience", "", 10*time.Millisecond, "cut a call in two when other lines would wait longer than this for it")
	addFilterFlags(c)
	fl.StringVar(&f.around, "around", "", "only what happened within --within of this time")
	addDuration(fl, &f.within, "within", "", 50*time.Millisecond, "for --around")
	return c
}

func replayColumnWords() (words []string) {
	for c := text.Time; c.String() != "unknown"; c++ {
		words = append(words, c.String())
	}
	return words
}

func runReplay(c *cobra.Command, args []string, f *replayFlags) error {
	usage := func(err error) error {
		return &exitError{code: exitUsage, err: err, hint: "see 'systape replay --help'"}
	}
	speed, err := pace.ParseSpeed(f.speed)
	if err != nil {
		return usage(fmt.Errorf("--speed: %w", err))
	}
	options := text.Options{Location: time.UTC, Names: f.names}
	if f.columns != "" {
		if options.Columns, err = text.ParseColumns(f.columns); err != nil {
			return usage(fmt.Errorf("--columns: %w", err))
		}
	} else {
		options.Columns = text.DefaultColumns()
	}
	if options.Time, err = text.ParseTimeStyle(f.timeStyle); err != nil {
		return usage(fmt.Errorf("--time: %w", err))
	}
	if options.Colour, err = replayColour(f.colour, c.OutOrStdout()); err != nil {
		return usage(err)
	}
	if _, err := out.FormOf(f.format, "", []string{"text", "jsonl"}, false); err != nil {
		return usage(err)
	}
	changed := c.Flags().Changed
	switch {
	case f.format == "jsonl" && (f.columns != "" || changed("time") || f.colour == "always"):
		return usage(errors.New("--columns, --time and --color are for text, jsonl has all columns"))
	case f.events && f.names:
		return usage(errors.New("--names is about calls: leave out --events"))
	case f.format == "jsonl" && f.names:
		return usage(errors.New("--names is for text, jsonl has fd_path and path"))
	case f.loop && f.follow:
		return usage(errors.New("--loop begins again at the end, --follow waits there: choose one"))
	case f.loop && slices.Contains(args, "-"):
		return usage(errors.New("--loop reads the capture again, which standard input cannot do"))
	case f.follow && len(args) != 1:
		return usage(errors.New("--follow reads one spool"))
	case f.around != "" && (changed("from") || changed("to")):
		return usage(errors.New("--around is a time span of its own: give it, or --from and --to"))
	}
	if _, err := parseInstant(f.around); err != nil {
		return usage(fmt.Errorf("--around: %w", err))
	}
	if f.follow && args[0] != "-" {
		name := args[0]
		paths, ended, done, err := follow(c, name)
		if err != nil {
			return err
		}
		defer done()
		args = paths
		defer func() {
			if ended() && c.Context().Err() == nil {
				fmt.Fprintf(c.ErrOrStderr(), "systape: %s: the recording has ended\n", escape.Text(name))
			}
		}()
	}
	ctx, commands, stop := replayKeys(c, speed, args)
	defer stop()
	r := &replayer{
		flags: f, ctx: ctx, options: options, json: f.format == "jsonl",
		out:   bufio.NewWriterSize(c.OutOrStdout(), 64<<10),
		pacer: pace.NewPacer(pace.System{}, speed, commands),
	}
	for {
		if err = r.round(c, args); err == nil {
			err = r.out.Flush()
		}
		if err != nil || !f.loop || r.lines == 0 {
			break
		}
		r.pacer.Restart()
	}
	if err == nil && r.lines == 0 && r.in != nil && (!r.in.filter.Empty() || f.around != "") {
		r.in.warn(errors.New("nothing is shown: nothing in the capture is of that time and kind (systape info tells what is in it)"))
	}
	switch {
	case errors.Is(err, pace.ErrQuit):
		return nil
	case errors.Is(err, context.Canceled) && c.Context().Err() == nil:
		return r.out.Flush() // Ctrl-C
	}
	return err
}

// replayColour decides about colours.
func replayColour(when string, w io.Writer) (bool, error) {
	switch when {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return out.StyleOf(w).Colour, nil
	}
	return false, fmt.Errorf("--color: %q, want auto, always or never", when)
}

// replayer writes captures, perhaps several times.
type replayer struct {
	flags   *replayFlags
	ctx     context.Context
	options text.Options
	json    bool
	out     *bufio.Writer
	pacer   *pace.Pacer
	lines   int64
	in      *input // the first
}

// round shows the captures once.
func (r *replayer) round(c *cobra.Command, args []string) error {
	all, err := openMachines(c, args, replay.Options{Columns: replayColumns(r.json, r.options.Columns), Live: true,
		Files: !r.flags.events && (r.json || r.flags.names)})
	if err != nil {
		return err
	}
	defer closeInputs(all)
	r.in = all[0]
	if r.flags.events && r.in.filter.HasOutcome() {
		return &exitError{code: exitUsage, err: errors.New("events have no outcome: --status, --errno and --min-duration are about calls"),
			hint: "leave out --events"}
	}
	if r.flags.events && r.in.filter.HasFile() {
		return &exitError{code: exitUsage, err: errors.New("--path and --fd-type are about calls"), hint: "leave out --events"}
	}
	if len(all) > 1 {
		return r.machines(all)
	}
	one, err := r.recording(r.in)
	if err != nil {
		return err
	}
	if !r.json && r.options.Time == text.Relative {
		if one.options.Origin, err = r.in.instant("from", "+0s"); err != nil {
			return err
		}
	}
	one.show = func(due int64, line []byte) error { return r.show(due, line) }
	if err = one.begin(r.in, 0); err == nil {
		err = one.run()
	}
	if err == nil && r.flags.names {
		r.in.WarnUnknownFiles()
	}
	return err
}

// recording is what shows in.
func (r *replayer) recording(in *input) (*replayed, error) {
	in.ctx = r.ctx
	if r.flags.around != "" {
		at, err := in.instant("around", r.flags.around)
		if err != nil {
			return nil, err
		}
		in.filter.From, in.filter.To = at-r.flags.within.Nanoseconds(), at+r.flags.within.Nanoseconds()+1
	}
	p := &replayed{replayer: r, options: r.options, in: in}
	p.options.Wall = in.Meta().Clock.Wall()
	p.options.Nameless, p.options.Untimed = in.Meta().Lacks("comm"), !replay.Timed(in.Meta())
	asked := &in.Meta().Request
	p.options.LetIn = len(asked.Comms)+len(asked.UIDs)+len(asked.Cgroups)+len(asked.Containers) > 0
	p.flush = func() error { return nil }
	if r.flags.follow {
		p.flush = r.out.Flush
	}
	return p, nil
}

// show writes a line when its time has come.
func (r *replayer) show(due int64, line []byte) error {
	if !r.pacer.Ready(due) {
		if err := r.out.Flush(); err != nil {
			return err
		}
		if err := r.pacer.Wait(r.ctx, due); err != nil {
			return err
		}
	}
	r.lines++
	_, err := r.out.Write(line)
	return err
}

func replayColumns(json bool, cols []text.Column) format.Columns {
	if json {
		return format.AllColumns
	}
	return text.Columns(cols)
}

// replayed makes the lines of one recording.
type replayed struct {
	*replayer
	options text.Options
	in      *input
	print   *text.Printer
	rows    *out.Records[replay.Call]
	show    func(due int64, line []byte) error // is given them; due is capture time
	moved   func(ns int64) int64               // from capture time to that of the rows; nil: they are of capture time
	flush   func() error                       // behind each batch
	line    []byte
}

// begin makes the printers, for what is shown with others as that recording of them.
func (r *replayed) begin(of views.Capture, recording int) error {
	r.print = text.NewPrinter(r.in.names, r.options)
	rows, from, err := views.NewCallsFrom(io.Discard, "jsonl", of, nil)
	if err != nil {
		return err
	}
	from(recording)
	r.rows = rows
	return nil
}

// run shows all of it.
func (r *replayed) run() (err error) {
	switch {
	case r.flags.events:
		return r.events()
	case r.json:
		return r.in.calls(func(calls []replay.Call) error {
			for i := range calls {
				c := calls[i]
				if r.moved != nil {
					c.StartNS = r.moved(c.StartNS)
				}
				if r.line, err = r.rows.AppendRow(r.line[:0], &c); err != nil {
					return err
				}
				if err := r.show(calls[i].StartNS+calls[i].DurNS, r.line); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return r.calls()
}

// calls shows calls, and what happened to threads between them.
func (r *replayed) calls() error {
	in := r.in
	reorder := text.NewReorderer(text.ReorderOptions{Patience: r.flags.patience.Nanoseconds(), Filter: in.filter, Linked: replay.Linked(in.Meta()),
		Notices: 1<<format.Lost | 1<<format.Fork | 1<<format.Exec | 1<<format.Rename | 1<<format.ThreadEnd, Named: in.Named})
	emit := func(l *text.Line) error {
		r.line = r.print.AppendLine(r.line[:0], l)
		return r.show(l.Due, r.line)
	}
	return in.pairs(func(b *format.Batch, calls []replay.Call) error {
		if b == nil {
			return reorder.Finish(calls, emit)
		}
		if err := reorder.Push(b, calls, emit); err != nil {
			return err
		}
		return r.flush()
	})
}

// events shows rows.
func (r *replayed) events() error {
	f := r.in.filter
	var c replay.Call
	return inputError(r.in.Batches(r.ctx, func(b *format.Batch) error {
		for i := range b.N {
			at := b.TS[i]
			if f.To != 0 && at >= f.To {
				return replay.ErrStop
			}
			if at < f.From {
				continue
			}
			if kind := b.Kind[i]; f.HasSubject() {
				if kind <= format.Exit {
					c.StartNS, c.PID, c.TID, c.ABI, c.Nr, c.Comm = at, b.PID[i], b.TID[i], b.ABI[i], b.Nr[i], b.Comm[i]
					if len(b.Container) > 0 {
						c.Container = b.Container[i]
					}
					if !f.MatchSubject(&c, b.Symbols) {
						continue
					}
				} else if !text.Notable(f, b, i) {
					continue
				}
			}
			if r.json {
				r.line = jsonl.AppendEvent(r.line[:0], b, i)
			} else {
				r.line = r.print.AppendEvent(r.line[:0], b, i)
			}
			if err := r.show(at, r.line); err != nil {
				return err
			}
		}
		return r.flush()
	}))
}
