package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/replay/latency"
)

var latencyForms = append([]string{"table"}, out.RecordForms()...)

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
	dark      bool
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

Where events were lost, intervals, maps, threads and the slowest calls are marked,
so that a hole is not taken for low load: lost_events and lost_ns in machine
formats, and all losses in json. Rates of an interval are of the part of it that
was recorded, recorded_ns. Where no call is left, a row of no group has the time
(from interval_ns on for recorded_ns) and what was lost in it.

` + fileHelp + partsHelp + machinesHelp + "\n\n" + filterHelp,
		Example: `  systape latency web.parquet
  systape latency --by comm,syscall --sort p99 --top 10 web.parquet
  systape latency --errors --syscall %file web.parquet
  systape latency --every 1s --format csv web.parquet > web.csv
  systape latency --heatmap --syscall fsync,fdatasync db.parquet
  systape latency --slowest 5 --wait none db.parquet
  systape latency -o latency.svg db.parquet
  systape latency --by node,syscall --sort p99 dataset/
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
	addDuration(flags, &f.every, "every", "", 0, "the figures of each interval of this `length`, such as 1s; they begin at multiples of it in UTC")
	flags.BoolVar(&f.histogram, "histogram", false, "bars by powers of two; in machine formats, the buckets themselves")
	flags.BoolVar(&f.heatmap, "heatmap", false, "latency over time")
	flags.IntVar(&f.slowest, "slowest", 0, "the `N` slowest calls, each with what its thread called before and after")
	flags.IntVar(&f.around, "around", 2, "with --slowest: `how many` calls of the thread before and after, whether the filters choose them or not")
	flags.BoolVar(&f.overhead, "overhead", false, "how much of its life each thread spent in system calls")
	flags.StringVar(&f.format, "format", "", "`form` of the result: "+strings.Join(latencyForms, " ")+" (default: as FILE of -o is named, or table)")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`; .svg and .png make a picture")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.BoolVar(&f.dark, "dark", false, "make the picture for a dark screen")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// parseWaits reads the value of --wait.
func parseWaits(s string) (latency.WaitMode, error) {
	modes := map[string]latency.WaitMode{"apart": latency.WaitApart, "mixed": latency.WaitMixed, "only": latency.WaitOnly, "none": latency.WaitNone}
	mode, ok := modes[s]
	if !ok {
		return 0, fmt.Errorf("--wait: unknown mode %q, want one of apart mixed only none", s)
	}
	return mode, nil
}

// check reads the flags into l and refuses what makes no sense together.
func (f *latencyFlags) check(c *cobra.Command, l *views.Latency) (err error) {
	if l.Form, err = out.FormOf(f.format, f.output, latencyForms, true); err != nil {
		return err
	}
	by, err := latency.ParseKeys(f.by)
	if err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	if l.Sort, err = latency.ParseSort(f.sort, by); err != nil {
		return fmt.Errorf("--sort: %w", err)
	}
	mode, err := parseWaits(f.waits)
	if err != nil {
		return err
	}
	if f.censored != "include" && f.censored != "exclude" {
		return fmt.Errorf("--censored: unknown choice %q, want include or exclude", f.censored)
	}
	on := map[string]bool{"errors": f.errors, "every": f.every != 0, "histogram": f.histogram, "heatmap": f.heatmap, "slowest": f.slowest != 0, "overhead": f.overhead}
	var chosen []string
	for name, yes := range on {
		if yes {
			chosen = append(chosen, "--"+name)
		}
	}
	slices.Sort(chosen)
	picture := out.IsPicture(l.Form)
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
	case f.dark && !picture:
		return errors.New("--dark is for pictures: -o NAME.svg or NAME.png")
	case picture && (f.errors || f.every != 0 || f.slowest != 0 || f.overhead):
		return fmt.Errorf("there is no picture of %s: .svg and .png go with --histogram, --heatmap, or no view at all", chosen[0])
	}
	// A group in a machine format is found by its keys, so calls of one group
	// are told apart there only when the keys do it or the user says so.
	if mode == latency.WaitApart && l.Form != "table" && !picture && !slices.Contains(by, latency.BySyscall) && !c.Flags().Changed("wait") {
		mode = latency.WaitMixed
	}
	l.Options = latency.Options{By: by, Waits: mode, OmitOpen: f.censored == "exclude"}
	return nil
}
