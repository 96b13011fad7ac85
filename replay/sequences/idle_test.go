package sequences_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/sequences"
)

// memoryFile is a SpillFile that can fail.
type memoryFile struct {
	data   []byte
	writes int
	fails  int // the write that fails, from 1
	closed bool
}

func (f *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if f.writes++; f.writes == f.fails {
		return 0, errors.New("no space left on device")
	}
	if n := int(at) + len(p); n > len(f.data) {
		f.data = append(f.data, make([]byte, n-len(f.data))...)
	}
	return copy(f.data[at:], p), nil
}

func (f *memoryFile) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(f.data).ReadAt(p, at)
}

func (f *memoryFile) Close() error { f.closed = true; return nil }

// many makes the calls of threads that take turns, in batches, with losses,
// executed programs and ends among them.
func many(threads, batches int, push func(*script)) {
	r := rand.New(rand.NewPCG(5, uint64(threads)))
	names := []string{"poll", "read", "write", "close", "openat", "futex", "mmap"}
	s := newScript()
	at := make([]int, threads)
	for range batches {
		for range threads {
			i := r.IntN(threads)
			tid := int32(100 + i)
			switch r.IntN(200) {
			case 0:
				s.end(tid)
			case 1:
				s.event(format.Event{Kind: format.Exec, PID: tid, TID: tid, Args: [6]int64{format.ExecOldTID: int64(tid)}})
			case 2:
				s.lost(s.clock, s.clock+5, 1, 0)
			}
			at[i]++
			k := at[i] % 3
			if r.IntN(30) == 0 {
				k = r.IntN(len(names))
			}
			c := s.callIn(tid, tid, names[k])
			if r.IntN(20) == 0 {
				c.Ret = -11
			}
		}
		push(s)
	}
}

type manyResult struct {
	Taken   sequences.Taken
	List    []sequences.Sequence
	Edges   []sequences.Transition
	Symbols []sequences.SymbolCount
	Folded  []string
	Score   *sequences.Result
}

func runMany(t *testing.T, by sequences.By, store *sequences.Store, b *sequences.Baseline) manyResult {
	t.Helper()
	opt := b.Options()
	opt.By, opt.Store = by, store
	a := b.Alphabet()
	counter := sequences.NewCounter(3, sequences.NewCodec(opt.MaxN), a)
	folds := sequences.NewFolds(0, 0, noNames, store)
	scorer := sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{Streams: 1 << 20, Findings: 1 << 20})
	st, err := sequences.NewStreams(opt, a, counter, folds, scorer)
	if err != nil {
		t.Fatal(err)
	}
	many(300, 40, func(s *script) { s.push(st) })
	st.Finish(nil)
	if err := st.Err(); err != nil {
		t.Fatal(err)
	}
	var r manyResult
	r.Taken = st.Taken()
	r.List, _ = counter.Sequences(sequences.MostFirst, 0, nil)
	r.Edges = counter.Transitions()
	for id := range a.Len() + 1 {
		r.Symbols = append(r.Symbols, counter.Symbol(sequences.ID(id)))
	}
	for l := range folds.Streams() {
		text, more := l.Folder.Text(a, 0)
		r.Folded = append(r.Folded, fmt.Sprint(l.Number, l.PID, l.TID, l.FirstTS, l.LastTS, l.Calls, text, more))
	}
	r.Score = scorer.Result()
	return r
}

// What is known of idle threads leaves the memory and comes back, and the
// result is the same to the last bit.
func TestIdleStreamsLoseNothing(t *testing.T) {
	var loop []string
	for range 60 {
		loop = append(loop, "poll", "read", "write")
	}
	for _, by := range []sequences.By{sequences.ByThread, sequences.ByProcess} {
		b := train(t, sequences.BaselineOptions{}, sequences.Options{By: by}, loop)
		want := runMany(t, by, nil, b)
		if len(want.Score.Findings) < 100 || want.Taken.Programs == 0 || want.Taken.Cuts == 0 || len(want.Folded) < 300 {
			t.Fatalf("the test shows little: %d findings, %+v", len(want.Score.Findings), want.Taken)
		}
		for _, held := range []int64{1, 50 << 10} {
			undo := sequences.SetMaxHeld(held)
			f := &memoryFile{}
			store := sequences.NewStore(func() (sequences.SpillFile, error) { return f, nil })
			got := runMany(t, by, store, b)
			undo()
			if f.writes == 0 {
				t.Errorf("%v, %d bytes: nothing was moved out of memory", by, held)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%v, %d bytes: another result\n got %+v\nwant %+v", by, held, got.Taken, want.Taken)
			}
			if err := store.Close(); err != nil || !f.closed {
				t.Errorf("close: %v", err)
			}
		}
	}
}

// A full disk is an error, and no shorter answer.
func TestStoreThatFails(t *testing.T) {
	defer sequences.SetMaxHeld(1)()
	for _, open := range []func() (sequences.SpillFile, error){
		func() (sequences.SpillFile, error) { return nil, io.ErrShortWrite },
		func() (sequences.SpillFile, error) { return &memoryFile{fails: 1}, nil },
		func() (sequences.SpillFile, error) { return &memoryFile{fails: 500}, nil },
	} {
		a := sequences.NewAlphabet()
		st, err := sequences.NewStreams(sequences.Options{Store: sequences.NewStore(open)}, a, sequences.NewCounter(3, sequences.NewCodec(6), a))
		if err != nil {
			t.Fatal(err)
		}
		many(50, 40, func(s *script) { s.push(st) })
		st.Finish([]replay.Call(nil))
		if st.Err() == nil {
			t.Error("the store failed, and nobody says so")
		}
	}
}
