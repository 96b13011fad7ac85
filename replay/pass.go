package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"systape/format"
)

// Batches gives fn every batch of the capture, unpaired: it is the pass for
// who wants rows alone. Batches are valid until fn returns. A capture that was
// cut off ends with a warning, see [Session.Incomplete].
func (s *Session) Batches(ctx context.Context, fn func(*format.Batch) error) error {
	err := s.batches(ctx, fn)
	if err == ErrStop {
		return nil
	}
	return err
}

func (s *Session) batches(ctx context.Context, fn func(*format.Batch) error) error {
	if err := s.wake(); err != nil {
		return err
	}
	var b format.Batch
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.next(&b); err != nil {
			return s.ended(err)
		}
		if err := fn(&b); err != nil {
			return err
		}
	}
}

// next reads the next batch; Begin may have read the first.
func (s *Session) next(b *format.Batch) error {
	if s.first != nil {
		*b, s.first = *s.first, nil
	} else if err := s.reader.Next(b); err != nil {
		return err
	}
	return s.upTo(b)
}

// ended is told what next ended with. It returns nil at the end of the capture,
// whole or not.
func (s *Session) ended(err error) error {
	s.meta = s.reader.Meta()
	if errors.Is(err, format.ErrIncomplete) {
		s.end = err
		s.Warn(err)
		return nil
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Run gives fn each batch and all calls that ended in it, whatever the filter
// says, in the order of their ends ([Call.EndSeq]); and at last a nil batch
// and the calls that never ended. Both are valid until fn returns. The pass
// ends after the last call that began before Filter.To.
func (s *Session) Run(ctx context.Context, fn func(b *format.Batch, calls []Call) error) error {
	if err := s.wake(); err != nil {
		return err
	}
	p := NewPairer(PairOptions{Meta: s.Meta(), Late: s.late, Growing: s.growing})
	if s.files {
		s.follow = newFollowing(s.Meta(), s.late)
		s.follow.noteAt, s.follow.asked = s.noteAt, s.asked
	}
	last, err := s.pairs(ctx, p, func(b *format.Batch, calls []Call) error {
		if s.closing == nil {
			s.spans.rows(b)
		}
		s.counts.rows(b)
		if s.follow != nil {
			s.follow.batch(b, calls)
		}
		return fn(b, calls)
	})
	switch err {
	case nil:
		if s.closing == nil {
			p.Learn(s.meta)
		}
		last = p.Finish(last[:0])
	case errPast:
		last = last[:0]
	case ErrStop:
		return nil
	default:
		return err
	}
	if s.follow != nil {
		s.follow.named = nil
		s.follow.rest(last)
	}
	if err := fn(nil, last); err != nil && err != ErrStop {
		return err
	}
	s.concluded(p)
	return nil
}

// concluded takes from p, which has finished, what it knows of the whole pass.
func (s *Session) concluded(p *Pairer) {
	s.pairing = p.Coverage()
	s.coverage.takeLosses(s.pairing, &s.spans, &s.Filter, s.Meta().Selection)
	s.takeCounts()
	if s.follow != nil {
		s.coverage.Files = s.follow.Counts()
		s.follow.Forget()
		if s.Filter.HasFile() {
			s.WarnUnknownFiles()
		}
	}
	if n := s.pairing.LateLosses; n > 0 {
		s.Warn(fmt.Errorf("%d losses were told after the calls they concern: durations just before may be too long; run this on a file instead of a stream", n))
	}
}

// errPast ends the pass where no later call can be chosen.
var errPast = errors.New("past the end of the filter")

// Each gives fn the calls that the filter chooses, in the order of their ends.
// The slice is valid until fn returns.
func (s *Session) Each(ctx context.Context, fn func([]Call) error) error {
	return s.Run(ctx, func(_ *format.Batch, calls []Call) error {
		if kept := s.Choose(calls); len(kept) > 0 {
			return fn(kept)
		}
		return nil
	})
}

// Among gives fn all calls in the order of their ends, and which of them the
// filter chooses: for those to whom the others matter, too. It goes on past the
// last call that can be chosen for as long as more says so. Both slices are valid
// until fn returns.
func (s *Session) Among(ctx context.Context, more func() bool, fn func(calls []Call, chosen []bool) error) error {
	s.more = more
	defer func() { s.more = nil }()
	var chosen []bool
	return s.Run(ctx, func(_ *format.Batch, calls []Call) error {
		chosen = s.Filter.which(chosen[:0], calls, s.symbols, &s.coverage)
		if len(calls) == 0 {
			return nil
		}
		return fn(calls, chosen)
	})
}

// Calls iterates over the calls that the filter chooses. A Call is valid until
// the next. An error comes with nil, and ends it.
func (s *Session) Calls(ctx context.Context) iter.Seq2[*Call, error] {
	return func(yield func(*Call, error) bool) {
		err := s.Each(ctx, func(calls []Call) error {
			for i := range calls {
				if !yield(&calls[i], nil) {
					return errGone
				}
			}
			return nil
		})
		if err != nil && err != errGone {
			yield(nil, err)
		}
	}
}

// errGone ends a pass whose consumer has left the loop.
var errGone = errors.New("the loop was left")
