package replay_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/replay"
)

// inGroups pairs events in groups that end before the rows in ends.
func inGroups(t *testing.T, meta *format.Meta, events []format.Event, rows int, ends ...int) (calls []replay.Call, cov replay.Coverage, own int64) {
	t.Helper()
	names := format.NewSymbolTable()
	var groups []*format.Batch
	whole, from := format.NewBatch(names, len(events)), 0
	for _, to := range append(ends, len(events)) {
		g := format.NewBatch(names, to-from)
		for _, e := range events[from:to] {
			g.Append(e)
			whole.Append(e)
		}
		if from = to; g.N > 0 {
			groups = append(groups, g)
		}
	}
	calls, cov, own, err := replay.PairGroups(replay.PairOptions{Meta: meta, Late: replay.LateLosses(whole, nil)}, groups, rows)
	if err != nil {
		t.Fatal(err)
	}
	return calls, cov, own
}

// sameCalls compares calls that may be in another order. Those of a thread are
// in the order of their ends in both.
func sameCalls(got, want []replay.Call) error {
	for _, list := range [][]replay.Call{got, want} {
		slices.SortStableFunc(list, func(a, b replay.Call) int {
			return cmp.Or(cmp.Compare(a.EnterSeq, b.EnterSeq), cmp.Compare(a.ExitSeq, b.ExitSeq))
		})
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Errorf("call %d is\n%+v, want\n%+v", i, got[min(i, len(got)-1)], want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d calls, want %d", len(got), len(want))
	}
	return nil
}

// compareGroups pairs events in one pass and in groups.
func compareGroups(t *testing.T, meta *format.Meta, events []format.Event, rows int, ends ...int) (own int64, err error) {
	t.Helper()
	want, wantCov, _ := pairAll(t, meta, events)
	got, cov, own := inGroups(t, meta, events, rows, ends...)
	if err := sameCalls(got, want); err != nil {
		return own, err
	}
	if cov != wantCov {
		return own, fmt.Errorf("coverage %+v, want %+v", cov, wantCov)
	}
	return own, nil
}

// TestSeamsOfCases cuts the stories of pairing in two between any two rows, and
// into groups of one row each.
func TestSeamsOfCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/cases/pair-*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("only %d cases found, %v", len(files), err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		meta, events := readCase(t, ar)
		if meta.Request.Floating() || meta.Request.Held() {
			continue // is not paired in groups
		}
		var every []int
		for i := range events {
			every = append(every, i)
			if _, err := compareGroups(t, meta, events, 3, i); err != nil {
				t.Errorf("%s, cut before row %d: %v", filepath.Base(file), i, err)
			}
		}
		if _, err := compareGroups(t, meta, events, 1, every...); err != nil {
			t.Errorf("%s, one row a group: %v", filepath.Base(file), err)
		}
	}
}

// TestSeamsOfSimulations cuts recordings of threads that fork, are interrupted,
// execute programs as leaders and not, and end, their ids being used again: at any place and
// at random ones, with nothing lost, with windows, and with losses, some of which are told late.
func TestSeamsOfSimulations(t *testing.T) {
	t.Parallel()
	var own, all int64
	check := func(r *recording, rows int, story string, ends ...int) {
		t.Helper()
		n, err := compareGroups(t, r.meta, r.events, rows, ends...)
		if err != nil {
			t.Fatalf("%s, groups end before %v: %v", story, ends, err)
		}
		own, all = own+n, all+int64(len(r.events))/2
	}
	for seed := range uint64(24) {
		s := simulate(seed, 1200)
		rnd := rand.New(rand.NewPCG(seed, 3))
		whole := s.record(window{}, noLoss, false, onTime)
		at := func(from, to int) int64 { return s.events[from+rnd.IntN(to-from)].TS }
		w := window{exits: at(0, 300), entersEnd: at(800, 1100)}
		w.enters, w.exitsEnd = w.exits+int64(rnd.IntN(300)), w.entersEnd+int64(rnd.IntN(300))
		lost := func(int) bool { return rnd.IntN(60) == 0 }
		late := func() int64 { return int64(rnd.IntN(400)) }
		bursts := func(i int) bool { return i/100%4 == 1 && rnd.IntN(3) == 0 } // whole calls stand between what they lose
		for story, r := range map[string]*recording{
			"whole": whole, "windows": s.record(w, noLoss, false, onTime),
			"losses": s.record(window{}, lost, false, onTime), "coarse losses, late": s.record(window{}, lost, true, late),
			"bursts": s.record(window{}, bursts, true, late),
		} {
			story = fmt.Sprintf("seed %d, %s", seed, story)
			if seed == 0 {
				for i := 0; i < len(r.events); i += 1 + i/100 {
					check(r, 64, story, i)
				}
			}
			for _, most := range []int{3, 40, 600} {
				var ends []int
				for i := rnd.IntN(most); i < len(r.events); i += 1 + rnd.IntN(most) {
					ends = append(ends, i)
				}
				check(r, 1+rnd.IntN(most), story, ends...)
			}
		}
	}
	if own < all/10 {
		t.Errorf("only %d of some %d calls were paired without what came before", own, all)
	}
}

// TestLooseRows says which rows wait for what came before: of a thread, those up to the exit
// of its first call; those of a call that is open at the end; and what is unusual.
func TestLooseRows(t *testing.T) {
	row := func(kind format.Kind, tid int32, nr int32, ret int64) format.Event {
		return format.Event{Kind: kind, TID: tid, PID: 1, Nr: nr, Ret: ret}
	}
	for story, c := range map[string]struct {
		events string // a letter and the thread: e enter, x exit, r exit with a restart code, f fork of
		own    int64
	}{
		"calls of one thread":      {"e1 x1 e1 x1 e1 x1", 2},
		"an exit first":            {"x1 e1 x1 e1 x1", 1},
		"two threads by turns":     {"e1 e2 x1 x2 e1 e2 x1 x2 e1 x1", 3},
		"an interrupted call":      {"e1 x1 e1 r1 e1 x1 e1 x1", 1},
		"an enter missing an exit": {"e1 x1 e1 e1 x1 e1 x1", 1},
		"the id of a thread again": {"e1 x1 e1 x1 f1 e1 x1 e1 x1", 2},
		"open at the end":          {"e1 x1 e1 x1 e1", 1},
	} {
		var events []format.Event
		for _, word := range strings.Fields(c.events) {
			tid := int32(word[1] - '0')
			e := row(map[byte]format.Kind{'e': format.Enter, 'x': format.Exit, 'r': format.Exit, 'f': format.Fork}[word[0]], tid, 39, 0)
			if word[0] == 'r' {
				e.Ret = -512
			}
			if word[0] == 'f' {
				e.TID, e.Nr, e.Args[format.ForkTID] = 9, -1, int64(tid)
			}
			e.TS, e.Seq = int64(100+10*len(events)), int64(len(events))
			events = append(events, e)
		}
		own, err := compareGroups(t, &format.Meta{Complete: true}, events, 2)
		if err != nil {
			t.Errorf("%s: %v", story, err)
		}
		if own != c.own {
			t.Errorf("%s: %d calls were paired without what came before, want %d", story, own, c.own)
		}
	}
}

// sharedFile writes a capture of two row groups, with losses on both sides of the seam.
func sharedFile(t *testing.T) string {
	t.Helper()
	s := simulate(7, 150_000)
	rnd := rand.New(rand.NewPCG(7, 7))
	r := s.record(window{}, func(i int) bool { return i > 125_000 && i < 135_000 && rnd.IntN(50) == 0 }, true, func() int64 { return int64(rnd.IntN(400)) })
	path := filepath.Join(t.TempDir(), "groups.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r.meta.Version, r.meta.CaptureID, r.meta.Tool = format.Version, strings.Repeat("0", 32), "test"
	r.meta.Part = format.Part{Number: 1, Last: true}
	w, err := format.NewParquetWriter(f, r.meta)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 8192)
	for i, e := range r.events {
		if b.Append(e); b.N == 8192 || i == len(r.events)-1 {
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
	}
	if err := w.Close(r.meta); err != nil {
		t.Fatal(err)
	}
	return path
}

// gathered is what a pass gives: all calls, and what it says of the capture.
func gathered(t *testing.T, names *format.SymbolTable, path string, filter replay.Filter, workers int, shared bool) (calls []replay.Call, said string, done bool) {
	t.Helper()
	s, err := replay.Open([]string{path}, replay.Options{Columns: format.AllColumns, Symbols: names, Workers: workers, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if shared {
		done, err = replay.EachShared(context.Background(), s, replay.Shares[*[]replay.Call]{
			Begin: func(int) *[]replay.Call { return new([]replay.Call) },
			Add:   func(to *[]replay.Call, c []replay.Call) bool { *to = append(*to, c...); return true },
			Join: func(all []*[]replay.Call) bool {
				for _, some := range all {
					calls = append(calls, *some...)
				}
				return true
			},
		})
	}
	if !done && err == nil {
		err = s.Each(context.Background(), func(c []replay.Call) error { calls = append(calls, c...); return nil })
	}
	return calls, fmt.Sprint(err, s.Coverage(), s.Pairing(), s.Losses(), s.Incomplete()), done
}

// TestSharedIsOnePass: several goroutines give the calls of one pass and say
// the same of the capture; and where something is wrong with it, nothing.
func TestSharedIsOnePass(t *testing.T) {
	t.Parallel()
	path, names := sharedFile(t), format.NewSymbolTable() // with one table, calls are the same in every pass
	for _, filter := range []replay.Filter{{}, {TIDs: []int32{100, 101, 102}}, {AnyErrno: true}} {
		want, said, _ := gathered(t, names, path, filter, 1, false)
		for _, workers := range []int{1, 2, 5} {
			got, saidToo, done := gathered(t, names, path, filter, workers, true)
			if err := sameCalls(got, want); err != nil || !done || said != saidToo {
				t.Errorf("%d workers: done %v, %v\n%.500s, want\n%.500s", workers, done, err, saidToo, said)
			}
		}
	}
	for _, path := range []string{damagedCopy(t, path), frozenSpool, "../testdata/v1/torn.spool"} {
		want, said, _ := gathered(t, names, path, replay.Filter{}, 2, false)
		got, saidToo, done := gathered(t, names, path, replay.Filter{}, 2, true)
		if err := sameCalls(got, want); err != nil || done || said != saidToo {
			t.Errorf("%s: done %v, %v\n%.500s, want\n%.500s", path, done, err, saidToo, said)
		}
	}
}
