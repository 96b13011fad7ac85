package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/replay/render/graph"
	"systape/replay/sequences"
	"systape/replay/units"
)

func runSequences(c *cobra.Command, f *sequencesFlags, args []string) error {
	opt, err := f.check(c)
	keep, rareErr := f.rareLimit()
	if err = errors.Join(err, rareErr); err != nil {
		return usageError(c, err)
	}
	defer limitMemory()()
	all, err := openMachines(c, args, sequencesSession(opt))
	if err != nil {
		return err
	}
	defer closeInputs(all)
	if f.threads {
		if err := oneMachine(c, args, all, "--threads"); err != nil {
			return err
		}
	}
	in := all[0]
	opt.Store = newStore()
	defer opt.Store.Close()
	v := &views.Sequences{Alphabet: sequences.NewAlphabet(), N: f.n, By: f.by, Top: f.top, Keep: keep,
		Transitions: f.transitions, Threads: f.threads, WithErrors: f.withErrors, Paths: f.paths, Restarts: f.restarts}
	v.Capture, v.Form = in, f.format
	if len(all) > 1 {
		v.Capture = newMachines(all)
	}
	v.Origin = tableOrigin(v.Capture, args)
	var folds []sequences.Observer
	if f.threads || len(all) == 1 && f.format == "table" && !f.transitions && f.rare == "" {
		limit, items := 8, 1024
		if f.threads {
			limit, items = f.top, 0
		}
		v.Folds = sequences.NewFolds(limit, items, sequencesNames(in), opt.Store)
		folds = append(folds, v.Folds)
	}
	if err := countSequences(all, v, opt, folds...); err != nil {
		return err
	}
	if f.graph != "" {
		if err := f.drawGraph(v, args); err != nil {
			return err
		}
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	v.Out = file
	if err := file.close(errors.Join(v.Write(), opt.Store.Err())); err != nil {
		return err
	}
	if f.format != "table" {
		printCoverage(in.stderr, v.Coverage())
	}
	sequencesWarn(in, v)
	return nil
}

// countSequences goes over recordings, one after the other, and counts the
// sequences of v.N calls; others may watch.
func countSequences(all []*input, v *views.Sequences, opt sequences.Options, others ...sequences.Observer) error {
	v.Counter = sequences.NewCounter(v.N, sequences.NewCodec(opt.MaxN), v.Alphabet)
	for _, in := range all {
		st, err := sequences.NewStreams(sequencesOptions(in, opt), v.Alphabet, append([]sequences.Observer{v.Counter}, others...)...)
		if err != nil {
			return err
		}
		if err := sequencesFeed(in, st, nil); err != nil {
			return err
		}
		v.Taken.Add(st.Taken())
		if len(all) > 1 { // its memory is needed for the next
			if err := in.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequencesWarn tells what a reader of the result must know.
func sequencesWarn(in *input, v *views.Sequences) {
	if n := v.Counter.Denied(); n > 0 {
		in.warn(fmt.Errorf("%s of calls found no room: the capture has more than %s different ones, and those that came later are not counted", units.Counted(n, "window"), units.Count(sequences.MaxWindows)))
	}
	if n := v.Taken.Assumed; n > 0 {
		in.warn(fmt.Errorf("%s calls were still running after 262,144 later ones: they are counted as if they had not failed", units.Count(n)))
	}
}

func (f *sequencesFlags) drawGraph(v *views.Sequences, args []string) error {
	kind, err := graph.FormatOf(f.graph)
	if err != nil {
		return err
	}
	file, err := createResult(os.Stdout, f.graph, args, f.force)
	if err != nil {
		return err
	}
	g := graph.New(v.Counter, v.Alphabet).Cover(f.graphShare)
	return file.close(g.Write(file, kind, graph.Caption{
		Title:    strings.Join(args, " "),
		Subtitle: fmt.Sprintf("by %s; %s", f.by, v.Coverage()),
	}))
}
