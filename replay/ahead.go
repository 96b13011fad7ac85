package replay

import (
	"context"

	"systape/format"
)

// step is a batch of a pass with the calls that ended in it, or what the pass
// ended with.
type step struct {
	batch format.Batch
	calls []Call
	err   error
	past  bool // no later call can be chosen
}

// stepsAhead is how many steps are paired before they are asked for. More
// would not be faster and leave the CPU's cache.
const stepsAhead = 2

// pairs gives fn each batch with the calls that p makes of it, up to the end of
// the capture or, with errPast, of the filter. It returns memory for calls.
//
// With more than one worker, batches are read and paired in a goroutine while
// fn looks at those before; it has ended when pairs returns. What comes as it
// is recorded is not read ahead: fn may have seen enough, and the recorder may
// have nothing to say for a long time.
func (s *Session) pairs(ctx context.Context, p *Pairer, fn func(*format.Batch, []Call) error) ([]Call, error) {
	if s.workers == 1 || s.growing {
		var st step
		for {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s.pair(p, &st)
			if done, err := s.deliver(&st, fn); done {
				return st.calls, err
			}
		}
	}
	full, free, stop := make(chan *step, stepsAhead), make(chan *step, stepsAhead+1), make(chan struct{})
	for range stepsAhead + 1 {
		free <- new(step)
	}
	go func() {
		defer close(full)
		for {
			select {
			case <-stop:
				return
			case st := <-free:
				s.pair(p, st)
				ended := st.err != nil || st.past && s.more == nil
				full <- st // there is room for all but one, which fn has
				if ended {
					return
				}
			}
		}
	}()
	defer func() {
		close(stop)
		for range full { // until the goroutine has ended
		}
	}()
	for st := range full {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if done, err := s.deliver(st, fn); done {
			return st.calls, err
		}
		free <- st
	}
	panic("replay: internal error: a pass without an end")
}

// pair makes the next step.
func (s *Session) pair(p *Pairer, st *step) {
	if st.err = s.next(&st.batch); st.err != nil {
		return
	}
	b, to := &st.batch, s.Filter.To
	if st.calls, st.err = p.Push(b, st.calls[:0]); st.err != nil {
		st.err = &format.CorruptError{Group: -1, Row: -1, Err: st.err}
		return
	}
	st.past = to != 0 && !p.holds && b.N > 0 && b.TS[b.N-1] >= to && !p.OpenBefore(to)
}

// deliver gives fn a step; done says that it was the last, and err why.
func (s *Session) deliver(st *step, fn func(*format.Batch, []Call) error) (done bool, err error) {
	if st.err != nil {
		return true, s.ended(st.err)
	}
	if err := fn(&st.batch, st.calls); err != nil {
		return true, err
	}
	if st.past && (s.more == nil || !s.more()) {
		return true, errPast
	}
	return false, nil
}
