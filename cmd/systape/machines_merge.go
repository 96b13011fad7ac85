package main

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"iter"

	"systape/format"
	"systape/replay"
)

// mostMerged is how many recordings are read side by side: each takes a file and
// some MiB of memory.
const mostMerged = 48

// inOrder gives fn the chosen calls of all recordings in the order in which they
// ended by the clocks that the walls showed, and before those of another
// recording begin its number. They are valid until fn returns.
func (m *machines) inOrder(begin func(recording int), fn func([]replay.Call) error) (err error) {
	if len(m.all) > mostMerged {
		return &exitError{code: exitFailed, err: fmt.Errorf("calls of %d recordings in one order: at most %d at a time", len(m.all), mostMerged),
			hint: "choose machines with --node"}
	}
	var q mergeQueue
	defer func() {
		for _, s := range q {
			s.stop()
		}
		err = errors.Join(err, closeInputs(m.all))
	}()
	for i, in := range m.all {
		s := &mergeSource{recording: i, clock: in.Meta().Clock.Wall()}
		s.next, s.stop = iter.Pull2(in.Calls(in.ctx))
		more, err := s.take()
		if err != nil {
			s.stop()
			return inputError(err)
		}
		if more {
			q = append(q, s)
		}
	}
	heap.Init(&q)
	run := make([]replay.Call, 0, 256)
	for len(q) > 0 {
		s := q[0]
		begin(s.recording)
		for more := true; more && q[0] == s && len(run) < cap(run); {
			run = append(run, s.call)
			if more, err = s.take(); err != nil {
				return inputError(err)
			}
			if more {
				heap.Fix(&q, 0)
			} else if heap.Pop(&q); len(q) == 0 {
				break
			}
		}
		if err := fn(run); err != nil {
			return err
		}
		run = run[:0]
	}
	return nil
}

// mergeSource is one recording of which calls are taken.
type mergeSource struct {
	recording int
	clock     format.WallClock
	call      replay.Call // the next one, on the clock of the walls
	next      func() (*replay.Call, error, bool)
	stop      func()
}

// take makes the next call ready.
func (s *mergeSource) take() (more bool, err error) {
	c, err, more := s.next()
	if !more || err != nil {
		s.stop()
		return false, err
	}
	s.call = *c
	s.call.StartNS = s.clock.At(c.StartNS)
	return true, nil
}

// mergeQueue has the recording first whose next call ended first.
type mergeQueue []*mergeSource

func (q mergeQueue) Len() int { return len(q) }
func (q mergeQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	return cmp.Or(cmp.Compare(a.call.StartNS+a.call.DurNS, b.call.StartNS+b.call.DurNS), cmp.Compare(a.recording, b.recording)) < 0
}
func (q mergeQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *mergeQueue) Push(x any)   { *q = append(*q, x.(*mergeSource)) }
func (q *mergeQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
