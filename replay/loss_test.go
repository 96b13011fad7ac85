package replay_test

import (
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/replay"
)

// TestEverySingleLoss drops each event of a stream in turn.
func TestEverySingleLoss(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		s := simulate(seed, 350)
		for gone := range s.events {
			r := s.record(window{}, func(i int) bool { return i == gone }, false, onTime)
			pairRecording(t, r, false, "seed %d, event %d lost", seed, gone)
		}
	}
}

// TestEveryRunOfLosses drops two to eight neighbours, on one CPU or on both.
func TestEveryRunOfLosses(t *testing.T) {
	t.Parallel()
	s := simulate(7, 250)
	for first := range s.events {
		for _, n := range []int{2, 3, 5, 8} {
			for cpu := range int32(3) { // 2: both
				r := s.record(window{}, func(i int) bool {
					return i >= first && i < first+n && (cpu == 2 || s.events[i].CPU == cpu)
				}, false, onTime)
				pairRecording(t, r, false, "%d events from %d on lost on cpu %d", n, first, cpu)
			}
		}
	}
}

// TestRandomLosses drops events one by one and in runs, with lost rows that
// span more than what is missing, and with rows that come late.
func TestRandomLosses(t *testing.T) {
	t.Parallel()
	share := 0.0
	for seed := range uint64(200) {
		s := simulate(seed, 1000)
		rnd := rand.New(rand.NewPCG(seed, 3))
		rate := []float64{0.002, 0.01, 0.05, 0.3}[seed%4]
		var until [2]int
		lost := make([]bool, len(s.events))
		for i, e := range s.events {
			if rnd.Float64() < rate/4 {
				until[e.CPU] = i + rnd.IntN(30)
			}
			lost[i] = rnd.Float64() < rate || i < until[e.CPU]
		}
		late := onTime
		if seed%3 == 0 {
			late = func() int64 { return int64(rnd.IntN(500)) }
		}
		r := s.record(window{}, func(i int) bool { return lost[i] }, seed%2 == 0, late)
		calls := pairRecording(t, r, false, "seed %d", seed)
		if rate == 0.002 {
			var c replay.Coverage
			c.Add(calls)
			share += 1 - float64(c.Lost())/float64(c.Calls)
		}
	}
	// The rule must not win by calling everything lost.
	if share /= 50; share < 0.9 {
		t.Errorf("at 0.2 %% of events lost, only %.1f %% of the calls have both halves", 100*share)
	}
}

// TestLateLossesUnknown gives late rows to a pairer that was not told of them:
// it cannot help having given calls out, and says so.
func TestLateLossesUnknown(t *testing.T) {
	b := format.NewBatch(format.NewSymbolTable(), 8)
	for _, e := range format.MustParseText(`
		1000 enter 7 read(3)
		1500 exit 7 read = 1
		1600 lost count=2 first=1100 last=1200 enters=1 exits=1
	`) {
		b.Append(e)
	}
	p := replay.NewPairer(replay.PairOptions{})
	if _, err := p.Push(b, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.Coverage().LateLosses; got != 1 {
		t.Errorf("late losses: got %d, want 1", got)
	}
}
