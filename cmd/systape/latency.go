package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// latencyFlags are the flags as the user gave them.
type latencyFlags struct {
	by        []string
	sort      string
	top       int
	waits     string
	censored  string
	wide      bool
	errors    bool
	every     time.Duration
	histogram bool
	heatmap   bool
	slowest   int
	around    int
	overhead  bool
	format    string
	output    string
	force     bool
}

func newLatencyCommand() *cobra.Command {
	var f latencyFlags
	c := &cobra.Command{
		Use:   "latency [flags] FILE…",
		Short: "Where the time of the calls goes: percentiles, errors, pictures",
		Long: `Show how long system calls took: per call, or by any of
` + strings.Join(latency.KeyNames(), ", ") + `.

Durations are elapsed time between the enter and the exit of a call. Count,
total, minimum and maximum are exact; percentiles are within 0.8 % of the exact
rank. Calls that wait by nature, such as epoll_wait, have a section of their
own, because they would drown all others.

A call that had not ended when the capture did, or whose thread was killed in
it, took at least as long as was seen. Percentiles take it into account
(Kaplan-Meier); a value with > before it is known only as a lower bound. In
tables, total and share include what was seen of them. --censored exclude looks
at the calls that ended alone.

Other views: --errors, --every, --histogram, --heatmap, --slowest, --overhead.

Machine formats are in nanoseconds. There, count to max_ns are of the calls that
ended, percentiles apart; censored, censored_ns and censored_max_ns are of those
that had not; unreached names the percentiles that are lower bounds; waits tells
calls that wait by nature, and share is of the time of all calls of that kind.

` + inputHelp,
		Example: `  systape latency web.parquet
  systape latency --by comm,syscall --sort p99 --top 10 web.parquet
  systape latency --errors --syscall %file web.parquet
  systape latency --every 1s --format csv web.parquet > web.csv
  systape latency --heatmap --syscall fsync,fdatasync db.parquet
  systape latency --slowest 5 --wait none db.parquet
  systape latency -o latency.svg db.parquet
  ssh web 'systape record -a -d 10s -o -' | systape latency -`,
		RunE: func(c *cobra.Command, args []string) error { return runLatency(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.by, "by", []string{"syscall"}, "group by these `keys`: "+strings.Join(latency.KeyNames(), " "))
	flags.StringVar(&f.sort, "sort", "total", "sort by this `column`: a key, or "+strings.Join(latency.SortNames(), " "))
	flags.IntVar(&f.top, "top", -1, "show the first `N` groups only, 0 for all (default: 20 in tables, 4 in pictures and intervals, else all)")
	flags.StringVar(&f.waits, "wait", "apart", "calls that wait by nature: apart, mixed with all others, only or none of them")
	flags.StringVar(&f.censored, "censored", "include", "calls that had not ended: include or exclude")
	flags.BoolVar(&f.wide, "wide", false, "table with all figures")
	flags.BoolVar(&f.errors, "errors", false, "what failed with which error, when and where, beside what succeeded")
	flags.DurationVar(&f.every, "every", 0, "the figures of each interval of this `length`, such as 1s; they begin at multiples of it in UTC")
	flags.BoolVar(&f.histogram, "histogram", false, "bars by powers of two; in machine formats, the buckets themselves")
	flags.BoolVar(&f.heatmap, "heatmap", false, "latency over time")
	flags.IntVar(&f.slowest, "slowest", 0, "the `N` slowest calls, each with what its thread called before and after")
	flags.IntVar(&f.around, "around", 2, "with --slowest: `how many` calls before and after")
	flags.BoolVar(&f.overhead, "overhead", false, "how much of its life each thread spent in system calls")
	flags.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(latencyFormats, " ")+" (default: as FILE of -o is named, or table)")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`; .svg and .png make a picture")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// latencyView is one way to look at the calls: what it makes of them.
type latencyView struct {
	add func([]replay.Call) error
	// render writes the result. calls have been added.
	render func() error
}

// latencyRun is one run of the command.
type latencyRun struct {
	*latencyFlags
	in     *input
	args   []string
	by     []latency.Key
	order  latency.Sort
	opt    latency.Options
	kind   string // of the result: one of latencyFormats, svg or png
	out    *resultFile
	paint  latencyPaint
	seen   [2]int64 // earliest start and latest end of the calls
	any    bool
	notes  replay.Notes
	notice []string // lines below a table
}

// latencyMemory is the heap that the garbage collector holds on to: a table of
// very many groups would otherwise let as much garbage gather as it has data.
const latencyMemory = 224 << 20

func runLatency(c *cobra.Command, f *latencyFlags, args []string) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(latencyMemory))
	run := &latencyRun{latencyFlags: f}
	if err := run.check(c); err != nil {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	in, err := openInput(c, args, run.columns())
	if err != nil {
		return err
	}
	defer in.Close()
	run.in = in
	run.opt.Symbols = in.names
	run.use()
	run.paint = newLatencyPaint(c.OutOrStdout())
	if run.kind == "parquet" && run.paint.terminal && f.output == "" {
		return &exitError{code: exitUsage, err: errors.New("parquet is not for a terminal"), hint: "write it to a file: -o latency.parquet"}
	}
	if run.out, err = createResult(c.OutOrStdout(), f.output, args, f.force); err != nil {
		return err
	}
	if f.output != "" && f.output != "-" {
		run.paint = latencyPaint{}
	}
	run.args = args
	return run.out.close(run.do())
}

// check reads the flags and refuses what makes no sense together.
func (r *latencyRun) check(c *cobra.Command) (err error) {
	f := r.latencyFlags
	if r.kind, err = latencyFormatOf(f.format, f.output); err != nil {
		return err
	}
	if r.by, err = latency.ParseKeys(f.by); err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	if r.order, err = latency.ParseSort(f.sort, r.by); err != nil {
		return fmt.Errorf("--sort: %w", err)
	}
	modes := map[string]latency.WaitMode{"apart": latency.WaitApart, "mixed": latency.WaitMixed, "only": latency.WaitOnly, "none": latency.WaitNone}
	mode, ok := modes[f.waits]
	if !ok {
		return fmt.Errorf("--wait: unknown mode %q, want one of apart mixed only none", f.waits)
	}
	if f.censored != "include" && f.censored != "exclude" {
		return fmt.Errorf("--censored: unknown choice %q, want include or exclude", f.censored)
	}
	views := map[string]bool{"errors": f.errors, "every": f.every != 0, "histogram": f.histogram, "heatmap": f.heatmap, "slowest": f.slowest != 0, "overhead": f.overhead}
	var chosen []string
	for name, on := range views {
		if on {
			chosen = append(chosen, "--"+name)
		}
	}
	slices.Sort(chosen)
	switch {
	case len(chosen) > 1:
		return fmt.Errorf("%s are different views: choose one", strings.Join(chosen, " and "))
	case f.every < 0:
		return fmt.Errorf("--every: %v is negative", f.every)
	case f.slowest < 0 || f.slowest > 10_000:
		return fmt.Errorf("--slowest: %d is not between 1 and 10,000", f.slowest)
	case f.around < 0 || f.around > 100:
		return fmt.Errorf("--around: %d is not between 0 and 100", f.around)
	case f.top < 0 && c.Flags().Changed("top"):
		return fmt.Errorf("--top: %d is negative", f.top)
	case isPicture(r.kind) && (f.errors || f.every != 0 || f.slowest != 0 || f.overhead):
		return fmt.Errorf("there is no picture of %s: .svg and .png go with --histogram, --heatmap, or no view at all", chosen[0])
	}
	// A group in a machine format is found by its keys, so calls of one group
	// are told apart there only when the keys do it or the user says so.
	if mode == latency.WaitApart && r.kind != "table" && !isPicture(r.kind) && !slices.Contains(r.by, latency.BySyscall) && !c.Flags().Changed("wait") {
		mode = latency.WaitMixed
	}
	r.opt = latency.Options{By: r.by, Waits: mode, OmitOpen: f.censored == "exclude"}
	return nil
}

// use sets which statuses count: those that the filter names, or all of them
// when they are what is grouped by.
func (r *latencyRun) use() {
	switch {
	case len(r.in.filter.Statuses) > 0:
		r.opt.Use = latency.Statuses(r.in.filter.Statuses...)
	case slices.Contains(r.by, latency.ByStatus):
		r.opt.Use = 1<<replay.NumStatuses - 1
	}
}

// columns are what the calls must hold.
func (r *latencyRun) columns() format.Columns {
	need := format.ColSyscall
	for _, k := range r.by {
		switch k {
		case latency.ByPID:
			need |= format.ColPID
		case latency.ByComm:
			need |= format.ColComm
		case latency.ByContainer:
			need |= format.ColContainer
		}
	}
	switch {
	case r.slowest > 0:
		need |= format.ColPID | format.ColComm | format.ColContainer | format.ColArgs | format.ColDetail
	case r.errors, r.overhead:
		need |= format.ColPID | format.ColComm
	}
	return need
}

// do reads the calls into the view and renders it.
func (r *latencyRun) do() error {
	var view latencyView
	switch {
	case r.errors:
		view = r.errorsView()
	case r.every > 0:
		return r.intervals()
	case r.histogram:
		view = r.histogramView()
	case r.heatmap:
		view = r.heatView()
	case r.slowest > 0:
		view = r.slowestView()
	case r.overhead:
		view = r.overheadView()
	case isPicture(r.kind):
		view = r.posterView()
	default:
		view = r.tableView()
	}
	if err := r.read(view.add); err != nil {
		return err
	}
	if err := view.render(); err != nil {
		return err
	}
	return r.footer()
}

func (r *latencyRun) read(add func([]replay.Call) error) error {
	progress, finish := r.in.progress("reading")
	defer finish()
	return r.in.calls(func(calls []replay.Call) error {
		progress(2 * len(calls))
		r.notes.Add(calls)
		for i := range calls {
			c := &calls[i]
			if !r.any || c.StartNS < r.seen[0] {
				r.seen[0] = c.StartNS
			}
			if end := c.StartNS + c.DurNS; !r.any || end > r.seen[1] {
				r.seen[1], r.any = end, true
			}
		}
		return add(calls)
	})
}

// footer ends what people read with the coverage, and tells it beside what
// machines read.
func (r *latencyRun) footer() error {
	if n := r.in.Meta().Request.Sample; n > 1 {
		r.notice = append(r.notice, fmt.Sprintf("one call in %d was recorded: counts, totals and rates are of these", n))
	}
	if line := r.notes.IOUring(); line != "" {
		r.notice = append(r.notice, "note: "+line)
	}
	if r.kind != "table" {
		if r.kind != "json" {
			for _, n := range r.notice {
				fmt.Fprintln(r.in.stderr, n)
			}
			r.in.printCoverage()
		}
		return nil
	}
	for _, n := range r.notice {
		fmt.Fprintln(r.out, r.paint.dim(n))
	}
	_, err := fmt.Fprintln(r.out, r.paint.dim("coverage: "+r.in.coverage.String()))
	return err
}

// span returns when the capture began and ended: what it says about itself,
// within --from and --to, or else what its calls say.
func (r *latencyRun) span() (from, to int64) {
	from, to = r.seen[0], r.seen[1]
	for _, p := range r.in.Meta().Probes {
		if p.Name == "sys_enter" && p.AttachNS != 0 && p.DetachNS != 0 {
			from, to = p.AttachNS, p.DetachNS
		}
	}
	if f := r.in.filter.From; f != 0 {
		from = max(from, f)
	}
	if t := r.in.filter.To; t != 0 {
		to = min(to, t)
	}
	return from, max(from, to)
}

func (r *latencyRun) spanNS() int64 {
	from, to := r.span()
	return to - from
}

// head is what a JSON result begins with.
func (r *latencyRun) head() []latencyField {
	return []latencyField{{"capture", r.in.Meta()}, {"coverage", r.in.coverage}}
}

// records starts a result in a machine format. The metadata of a Parquet file
// is that of a calls table, so that files of many hosts can be told apart.
func (r *latencyRun) records(name string, cols []latencyColumn, head ...latencyField) (*latencyRecords, error) {
	meta := pairMeta(r.in, r.args)
	meta["systape.table"] = strconv.Quote("latency " + name)
	return newLatencyRecords(r.out, r.kind, name, cols, meta, head...)
}

// limit returns how many rows to show; by is the view's own choice for people.
func (r *latencyRun) limit(people int) int {
	switch {
	case r.top > 0:
		return r.top
	case r.top == 0 || r.kind != "table" && !isPicture(r.kind):
		return int(^uint(0) >> 1)
	}
	return people
}

// noteOpen explains > below a table that has it.
func (r *latencyRun) noteOpen(open int64) {
	if open > 0 {
		r.notice = append(r.notice, fmt.Sprintf("open: %s had not ended when last seen; > marks what is known only as a lower bound", counted(open, "call")))
	}
}

// noteFolded says that groups were joined for want of memory.
func (r *latencyRun) noteFolded(t *latency.Table) {
	if n, more := t.Folded(); n > 0 || more {
		plus := ""
		if more {
			plus = " or more"
		}
		r.in.warn(fmt.Errorf("more groups than there is memory for: %s%s with the least time are one row, (other)", formatCount(int64(n)), plus))
	}
}
