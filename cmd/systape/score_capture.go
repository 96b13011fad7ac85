package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format/abi"
	"systape/replay/sequences"
	"systape/replay/units"
)

// scored is a capture held against a baseline.
type scored struct {
	views.Score
	in      *input
	lesson  sequences.Lesson
	known   int // symbols of the capture that the baseline has
	symbols int // symbols of the capture
}

func scoreCapture(c *cobra.Command, b *sequences.Baseline, args []string, so sequences.ScoreOptions) (*scored, error) {
	in, err := openSequences(c, args, b.Options())
	if err != nil {
		return nil, err
	}
	defer in.Close()
	opt := b.Options()
	opt.Native = abi.X86_64
	if a, ok := sequencesNative(in.Meta()); ok {
		opt.Native = a
	}
	if err := b.Fits(opt); err != nil {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s does not fit the baseline: %w", strings.Join(args, " "), err),
			hint: "train a baseline with captures of the same kind"}
	}
	opt = sequencesOptions(in, opt)
	opt.Store = newStore()
	defer opt.Store.Close()
	alphabet := b.Alphabet()
	met := &scoreSymbols{}
	s := &scored{in: in, lesson: baselineLesson(in)}
	s.Capture, s.Baseline = in, b
	sc := sequences.NewScorer(b, alphabet, sequencesNames(in), so)
	st, err := sequences.NewStreams(opt, alphabet, sc, met)
	if err != nil {
		return nil, err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return nil, err
	}
	s.Result, s.Limits, s.Taken = sc.Result(), sc.Limits(), st.Taken()
	if s.Result.Total.Calls == 0 {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s has no calls: there is nothing to score", strings.Join(args, " ")),
			hint: "'systape info' tells what is in it; filters may leave nothing"}
	}
	for id, seen := range met.seen {
		if seen {
			s.symbols++
			if id <= b.Symbols() {
				s.known++
			}
		}
	}
	s.warn()
	return s, nil
}

// scoreSymbols notes which symbols occur.
type scoreSymbols struct{ seen []bool }

func (s *scoreSymbols) Step(_ *sequences.Stream, st *sequences.Step) {
	for len(s.seen) <= int(st.ID) {
		s.seen = append(s.seen, false)
	}
	s.seen[st.ID] = true
}

func (s *scoreSymbols) End(*sequences.Stream) {}

// warn tells when the comparison itself is doubtful.
func (s *scored) warn() {
	t := &s.Result.Total
	longest := t.Windows[len(t.Windows)-1]
	switch {
	case longest.Windows == 0:
		s.in.warn(fmt.Errorf("no thread made %d calls in a row: there are no windows to score", longest.N))
	case longest.Windows > 0 && longest.Share() > 0.95:
		s.in.warn(fmt.Errorf("%s of the windows of %d calls are new: is the baseline of this program at all?", units.ShareCell(longest.Share()), longest.N))
	case s.symbols >= 4 && 2*s.known < s.symbols:
		s.in.warn(fmt.Errorf("the baseline knows %d of the %d different calls: is it of this program at all?", s.known, s.symbols))
	}
}
