package main

import (
	"io"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/page"
	"systape/cmd/systape/internal/views"
	"systape/replay"
	"systape/replay/sequences"
)

// mostThreads is for how many threads a report has the sequences of each.
const mostThreads = 12

// chosenSequences are those that a page asks for.
type chosenSequences struct {
	narrowed
	n        int     // calls in a sequence
	originNS int64   // of the page
	threads  []int32 // whose sequences are told apart, too
}

// pageSequences goes over a capture for the sequences in it.
func pageSequences(c *cobra.Command, args []string, stdin io.Reader, q chosenSequences) (all *page.Sequences, of []page.ThreadSequences, err error) {
	c.SetIn(stdin)
	n := q.n
	opt := sequences.Options{MaxN: max(n, 2)}
	in, err := openSequences(c, args, opt, q.narrowed)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	opt = sequencesOptions(in, opt)
	q.narrow(in, &opt)
	opt.Store = newStore()
	defer opt.Store.Close()
	v := &views.Sequences{Alphabet: sequences.NewAlphabet(), N: n, By: "thread"}
	v.Capture = in
	each := &threadCounters{of: map[int32]*views.Sequences{}}
	for _, tid := range q.threads {
		t := &views.Sequences{Alphabet: v.Alphabet, N: n, By: "thread", Counter: sequences.NewCounter(n, sequences.NewCodec(opt.MaxN), v.Alphabet)}
		t.Capture = in
		each.of[tid] = t
	}
	if err := countSequences([]*input{in}, v, opt, each); err != nil {
		return nil, nil, err
	}
	if err := opt.Store.Err(); err != nil {
		return nil, nil, err
	}
	for _, tid := range q.threads {
		of = append(of, page.ThreadSequences{TID: tid, Sequences: page.NewSequences(each.of[tid], q.originNS)})
	}
	whole := page.NewSequences(v, q.originNS)
	return &whole, of, nil
}

// threadCounters counts the sequences of some threads, of each by itself.
type threadCounters struct {
	of  map[int32]*views.Sequences
	now []*views.Sequences // by the stream's slot; nil: of none of them
}

func (t *threadCounters) slot(slot int) **views.Sequences {
	for len(t.now) <= slot {
		t.now = append(t.now, nil)
	}
	return &t.now[slot]
}

// Step implements [sequences.Observer].
func (t *threadCounters) Step(s *sequences.Stream, step *sequences.Step) {
	v := t.of[s.TID]
	*t.slot(s.Slot) = v
	if v == nil {
		return
	}
	v.Taken.Calls++
	switch step.Begins {
	case sequences.FirstCall:
		v.Taken.Streams++
	case sequences.AfterGap:
		v.Taken.Cuts++
	case sequences.AfterExec:
		v.Taken.Programs++
	}
	v.Counter.Step(s, step)
}

// End implements [sequences.Observer].
func (t *threadCounters) End(s *sequences.Stream) {
	if v := t.of[s.TID]; v != nil {
		v.Counter.End(s)
	}
}

// Call implements [sequences.CallObserver].
func (t *threadCounters) Call(id sequences.ID, c *replay.Call) {
	if v := t.of[c.TID]; v != nil {
		v.Counter.Call(id, c)
	}
}

// Held implements [sequences.Keeper].
func (t *threadCounters) Held() int64 { return 0 }

// Move implements [sequences.Keeper].
func (t *threadCounters) Move(slot int, s *sequences.State) {
	at := t.slot(slot)
	tid := int64(-1)
	for id, v := range t.of {
		if v == *at && v != nil && !s.Reading() {
			tid = int64(id)
		}
	}
	if s.Int(&tid); s.Reading() {
		*at = t.of[int32(tid)]
	}
	if *at != nil {
		(*at).Counter.Move(slot, s)
	}
	if !s.Reading() {
		*at = nil
	}
}
