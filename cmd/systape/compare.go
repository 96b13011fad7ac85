package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/sequences"
)

func runCompare(c *cobra.Command, f *compareFlags, args []string) error {
	usage := func(err error) error { return usageError(c, err) }
	a, b, err := compareSides(args, c.ArgsLenAtDash())
	if err != nil {
		return usage(err)
	}
	opt, err := f.options()
	if err != nil {
		return usage(err)
	}
	form, err := out.FormOf(f.format, f.output, tableOrJSON, false)
	switch {
	case err != nil:
		return usage(err)
	case f.n < 2 || f.n > sequences.MaxN:
		return usage(fmt.Errorf("-n %d: want 2 to %d", f.n, sequences.MaxN))
	case f.top < 0:
		return usage(fmt.Errorf("--top: %d is negative", f.top))
	}
	for _, k := range f.failOn {
		if k != "any" && !slices.Contains(compare.Kinds(), compare.Kind(k)) {
			return usage(fmt.Errorf("--fail-on: unknown kind %q, want any %s", k, compareKinds()))
		}
	}
	opt.MaxN = f.n
	defer limitMemory()()
	x := &views.Comparison{Files: [2][]string{a, b}, N: f.n, By: f.by, Paths: f.paths, Top: f.top}
	x.Form = form
	var captures [2][][]string // each FILE is one
	for i, files := range x.Files {
		captures[i] = capturesOf(c, files)
	}
	if err := compareCaptures(c, x, captures, opt, [2]narrowed{}); err != nil {
		return err
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	x.Out, x.Style = file, file.Style()
	if err := file.close(x.Write()); err != nil {
		return err
	}
	if what := x.Fails(f.failOn); what != "" {
		return &exitError{code: exitDamaged, err: fmt.Errorf("the captures differ: %s", what)}
	}
	return nil
}

// compareCaptures reads two sets of captures and compares what is chosen of each.
func compareCaptures(c *cobra.Command, x *views.Comparison, captures [2][][]string, opt sequences.Options, chosen [2]narrowed) error {
	alphabet := sequences.NewAlphabet()
	var native *abi.ABI
	for i := range x.Sides {
		x.Sides[i] = compare.NewSide(x.N, sequences.NewCodec(x.N), alphabet)
		for _, files := range captures[i] {
			if err := compareRead(c, x, i, files, opt, chosen[i], alphabet, &native); err != nil {
				return err
			}
		}
	}
	for i, s := range x.Sides {
		if s.Calls == 0 {
			return &exitError{code: exitFailed, err: fmt.Errorf("%s has no calls: there is nothing to compare", strings.Join(x.Files[i], " ")),
				hint: "'systape info' tells what is in a capture; filters may leave nothing"}
		}
	}
	x.Native = *native
	x.Result = compare.Compare(x.Sides[0], x.Sides[1])
	return nil
}

func compareRead(c *cobra.Command, x *views.Comparison, side int, files []string, opt sequences.Options, chosen narrowed, alphabet *sequences.Alphabet, native **abi.ABI) error {
	in, err := openSequences(c, files, opt, chosen)
	if err != nil {
		return err
	}
	defer in.Close()
	opt = sequencesOptions(in, opt)
	chosen.narrow(in, &opt)
	opt.Store = newStore()
	defer opt.Store.Close()
	switch {
	case *native == nil:
		*native = &opt.Native
	case opt.Native != **native:
		return fmt.Errorf("%s is of %s calls, the captures before it of %s calls: they cannot be compared", strings.Join(files, " "), opt.Native, **native)
	}
	s := x.Sides[side]
	timed := replay.Timed(in.Meta())
	s.Begin(in.names, timed)
	span := &compareSpan{from: math.MaxInt64, to: math.MinInt64}
	st, err := sequences.NewStreams(opt, alphabet, s, span)
	if err != nil {
		return err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return err
	}
	if span.to > span.from {
		s.Spanned(span.to - span.from)
	}
	x.Coverages[side].Merge(in.Coverage())
	if !timed {
		in.warn(fmt.Errorf("%s was imported from %s without durations: latencies are not compared", strings.Join(files, " "), in.Meta().Imported.From))
	}
	return nil
}

// compareSpan notes the time from the first to the last call.
type compareSpan struct{ from, to int64 }

func (s *compareSpan) Step(_ *sequences.Stream, st *sequences.Step) {
	s.from, s.to = min(s.from, st.TS), max(s.to, st.TS)
}
func (s *compareSpan) End(*sequences.Stream) {}
