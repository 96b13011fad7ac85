package main

import (
	"errors"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// latencyMemory is the heap that the garbage collector holds on to: a table of
// very many groups would otherwise let as much garbage gather as it has data.
const latencyMemory = 224 << 20

func runLatency(c *cobra.Command, f *latencyFlags, args []string) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(latencyMemory))
	l := &views.Latency{Top: f.top, Wide: f.wide, Dark: f.dark}
	l.Of = "latency"
	if err := f.check(c, l); err != nil {
		return usageError(c, err)
	}
	all, err := openMachines(c, args, replay.Options{Columns: f.columns(l.Options.By), Files: f.byFile(l.Options.By)})
	if err != nil {
		return err
	}
	defer closeInputs(all)
	if flag := f.ofOne(); flag != "" {
		if err := oneMachine(c, args, all, flag); err != nil {
			return err
		}
	}
	in, several := all[0], newMachines(all)
	l.Capture, l.From, l.To = in, in.filter.From, in.filter.To
	if len(all) > 1 {
		l.Capture = several
		l.From, l.To = several.between()
	}
	nodes, of := nodesIn(all)
	l.Origin, l.Style = tableOrigin(l.Capture, args), out.StyleOf(c.OutOrStdout())
	l.Options.Symbols, l.Options.Nodes = in.names, nodes
	l.Options.Use = latencyStatuses(in.filter, l.Options.By)
	if err := out.NotForTerminal(c.OutOrStdout(), f.output, l.Form); err != nil {
		return outError(err)
	}
	if l.Untimed = !slices.ContainsFunc(all, func(in *input) bool { return replay.Timed(in.Meta()) }); l.Untimed {
		if f.histogram || f.heatmap || f.slowest > 0 || f.overhead || out.IsPicture(l.Form) {
			return &exitError{code: exitFailed, err: errors.New("the capture was imported without durations: there is nothing to show in this view"),
				hint: "systape latency without a view counts calls and errors; strace -T, perf trace and the like tell durations"}
		}
		if !c.Flags().Changed("sort") {
			l.Sort = "count"
		}
	}
	view, err := f.view(l)
	if err != nil {
		return outError(err)
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	l.Out, l.Style = file, file.Style()
	progress, finish := in.progress("reading")
	defer finish()
	err = l.Read(view, func(add func([]replay.Call) error) error {
		if len(all) > 1 {
			defer finish()
			from := func(recording int) {
				if view.From != nil {
					view.From(of[recording])
				}
			}
			if f.every > 0 {
				return several.inOrder(from, add)
			}
			return several.calls(from, among{view.Among, view.Waiting}, add)
		}
		done, err := l.AddShared(in.ctx, view, in.Session, func(calls int) { progress(2 * calls) })
		if done || err != nil {
			finish()
			return inputError(err)
		}
		read := in.calls
		if view.Among != nil {
			read = func(fn func([]replay.Call) error) error { return in.among(view.Waiting, view.Among, fn) }
		}
		err = read(func(calls []replay.Call) error {
			progress(2 * len(calls))
			return add(calls)
		})
		finish() // before the result takes its place on the terminal
		return err
	})
	if err == nil {
		err = l.Footer(in.stderr)
	}
	if f.slowest == 0 {
		in.WarnUnknownFiles()
	}
	return file.close(err)
}

// ofOne is the flag of a view that looks at the threads of one machine, or at
// calls in the order of time; "" if it does not.
func (f *latencyFlags) ofOne() string {
	switch {
	case f.overhead:
		return "--overhead"
	}
	return ""
}

// view makes the view that the flags ask for.
func (f *latencyFlags) view(l *views.Latency) (views.View, error) {
	switch {
	case f.errors:
		return l.Errors(), nil
	case f.every > 0:
		return l.Intervals(f.every)
	case f.histogram:
		return l.Histograms(), nil
	case f.heatmap:
		return l.Heat(), nil
	case f.slowest > 0:
		return l.Slowest(f.slowest, f.around), nil
	case f.overhead:
		return l.Threads(), nil
	case out.IsPicture(l.Form):
		return l.Poster(), nil
	}
	return l.Groups(), nil
}

// latencyStatuses are the statuses that count: those that the filter names, or
// all of them when they are what is grouped by; 0 leaves it to the view.
func latencyStatuses(f *replay.Filter, by []latency.Key) latency.StatusSet {
	switch {
	case len(f.Statuses) > 0:
		return latency.Statuses(f.Statuses...)
	case slices.Contains(by, latency.ByStatus):
		return 1<<replay.NumStatuses - 1
	}
	return 0
}

// byFile reports whether calls are grouped by what they are about, or shown
// with it.
func (f *latencyFlags) byFile(by []latency.Key) bool {
	return slices.Contains(by, latency.ByPath) || slices.Contains(by, latency.ByFDType) || f.slowest > 0
}

// columns are what the calls must hold.
func (f *latencyFlags) columns(by []latency.Key) format.Columns {
	need := format.ColSyscall
	for _, k := range by {
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
	case f.slowest > 0:
		need |= format.ColPID | format.ColComm | format.ColContainer | format.ColArgs | format.ColDetail
	case f.errors, f.overhead:
		need |= format.ColPID | format.ColComm
	}
	return need
}
