package main

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"systape/replay"
)

// mostMerged is how many recordings are read side by side: each takes a file and
// some MiB of memory.
const mostMerged = 48

// inOrder gives fn the chosen calls of all recordings in the order in which they
// ended by the clocks that the walls showed, and before those of another
// recording begin its number. They are valid until fn returns.
func (m *machines) inOrder(begin func(recording int), fn func([]replay.Call) error) (err error) {
	ended := func(c *replay.Call) int64 { return c.StartNS + c.DurNS }
	return m.runs(ended, func(in *input) iter.Seq2[*replay.Call, error] { return in.Calls(in.ctx) }, begin, fn)
}

// byStart is inOrder by when they began.
func (m *machines) byStart(begin func(recording int), fn func([]replay.Call) error) error {
	began := func(c *replay.Call) int64 { return c.StartNS }
	return m.runs(began, func(in *input) iter.Seq2[*replay.Call, error] { return in.startsOf(len(m.all)) }, begin, fn)
}

// startsOf are the input's calls in the order of their starts, for one of so many
// that share the memory for it.
func (in *input) startsOf(sharing int) iter.Seq2[*replay.Call, error] {
	return pulled(func(yield func(*replay.Call) error) error {
		return in.ByStartAmong(in.ctx, min(sharing, mostMerged), func(calls []replay.Call) error {
			for i := range calls {
				if err := yield(&calls[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// pulled makes a sequence of what give gives. Its error ends it.
func pulled[T any](give func(yield func(*T) error) error) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		stopped := false
		err := give(func(x *T) error {
			if !yield(x, nil) {
				stopped = true
				return replay.ErrStop
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// runs gives fn the calls in the order of their keys, in runs of one recording.
func (m *machines) runs(key func(*replay.Call) int64, calls func(*input) iter.Seq2[*replay.Call, error], begin func(recording int), fn func([]replay.Call) error) error {
	run, of := make([]replay.Call, 0, 256), -1
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		begin(of)
		err := fn(run)
		run = run[:0]
		return err
	}
	onWalls := func(recording int) iter.Seq2[*replay.Call, error] {
		in := m.all[recording]
		clock := in.Meta().Clock.Wall()
		return func(yield func(*replay.Call, error) bool) {
			var moved replay.Call
			for c, err := range calls(in) {
				if err == nil {
					moved = *c
					moved.StartNS = clock.At(c.StartNS)
				}
				if !yield(&moved, err) {
					return
				}
			}
		}
	}
	err := merge(m.all, key, onWalls, func(recording int, c *replay.Call) error {
		if recording != of || len(run) == cap(run) {
			if err := flush(); err != nil {
				return err
			}
			of = recording
		}
		run = append(run, *c)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// merge gives fn the items of all recordings in the order of their keys, which are
// times on the clocks of the walls and rise in each. One is read from when its turn
// comes to where it ends, so any number that were made one after the other can be.
func merge[T any](all []*input, key func(*T) int64, items func(recording int) iter.Seq2[*T, error], fn func(recording int, item *T) error) (err error) {
	defer func() { err = errors.Join(err, closeInputs(all)) }()
	var waiting []*mergeSource[T]
	for i, in := range all {
		s := &mergeSource[T]{recording: i, in: in, key: key}
		if s.at, err = earliest(in); err != nil {
			return inputError(err)
		}
		waiting = append(waiting, s)
	}
	slices.SortStableFunc(waiting, func(a, b *mergeSource[T]) int { return cmp.Compare(a.at, b.at) })
	var q mergeQueue[T]
	defer func() {
		for _, s := range q {
			s.stop()
		}
	}()
	for len(q) > 0 || len(waiting) > 0 {
		var s *mergeSource[T]
		if len(waiting) > 0 && (len(q) == 0 || waiting[0].at <= q[0].at) {
			if len(q) == mostMerged {
				return &exitError{code: exitFailed, err: fmt.Errorf("more than %d recordings of the same time in one order", mostMerged),
					hint: "choose machines with --node"}
			}
			s, waiting = waiting[0], waiting[1:]
			s.next, s.stop = iter.Pull2(items(s.recording))
			q = append(q, s)
		} else {
			s = q[0]
			if err := fn(s.recording, s.item); err != nil {
				return err
			}
		}
		more, err := s.take()
		if err != nil {
			return inputError(err)
		}
		if at := slices.Index(q, s); more {
			heap.Fix(&q, at)
		} else {
			heap.Remove(&q, at)
		}
	}
	return nil
}

// mergeSource is one recording of which items are taken.
type mergeSource[T any] struct {
	recording int
	in        *input
	key       func(*T) int64
	item      *T    // the next one
	at        int64 // its key; before the first, no key is smaller
	next      func() (*T, error, bool)
	stop      func()
}

// earliest is when a recording began, on the clock of the walls, as far as it is
// known.
func earliest(in *input) (int64, error) {
	first, some, err := in.Begin()
	if err == nil {
		err = in.Rest()
	}
	if err != nil || !some {
		return math.MinInt64, err
	}
	for _, p := range in.Meta().Probes {
		if p.AttachNS != 0 {
			first = min(first, p.AttachNS)
		}
	}
	return in.Meta().Clock.Wall().At(first), nil
}

// take makes the next item ready.
func (s *mergeSource[T]) take() (more bool, err error) {
	if s.item, err, more = s.next(); !more || err != nil {
		s.stop()
		return false, errors.Join(err, s.in.Close()) // its memory is needed for the next
	}
	s.at = s.key(s.item)
	return true, nil
}

// mergeQueue has the recording first whose next item is the first.
type mergeQueue[T any] []*mergeSource[T]

func (q mergeQueue[T]) Len() int { return len(q) }
func (q mergeQueue[T]) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].at, q[j].at), cmp.Compare(q[i].recording, q[j].recording)) < 0
}
func (q mergeQueue[T]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *mergeQueue[T]) Push(x any)   { *q = append(*q, x.(*mergeSource[T])) }
func (q *mergeQueue[T]) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
