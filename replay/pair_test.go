package replay_test

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// pairInBatches pairs the events in batches whose sizes size chooses.
func pairInBatches(t testing.TB, r *recording, size func() int) ([]replay.Call, replay.Coverage) {
	t.Helper()
	names := format.NewSymbolTable()
	b := format.NewBatch(names, 0)
	p := replay.NewPairer(replay.PairOptions{Meta: r.meta})
	var calls []replay.Call
	for rest := r.events; len(rest) > 0; {
		n := min(size(), len(rest))
		b.Reset()
		for _, e := range rest[:n] {
			b.Append(e)
		}
		rest = rest[n:]
		var err error
		if calls, err = p.Push(b, calls); err != nil {
			t.Fatal(err)
		}
	}
	calls = p.Finish(calls)
	return calls, p.Coverage()
}

// TestBatchesDoNotMatter cuts the same stream in many ways. In batches of one
// row no call is straight (see straight.go): every row goes the long way.
func TestBatchesDoNotMatter(t *testing.T) {
	for seed := range uint64(20) {
		s := simulate(seed, 1000)
		rnd := rand.New(rand.NewPCG(seed, 4))
		r := s.record(window{}, func(int) bool { return rnd.IntN(50) == 0 }, false, onTime)
		want, wantCov := pairInBatches(t, r, func() int { return len(r.events) })
		for _, size := range []func() int{
			func() int { return 1 },
			func() int { return 2 },
			func() int { return 8192 },
			func() int { return rnd.IntN(100) },
		} {
			got, gotCov := pairInBatches(t, r, size)
			if !slices.Equal(got, want) || gotCov != wantCov {
				t.Fatalf("seed %d: %d calls, %v; want %d calls, %v", seed, len(got), gotCov, len(want), wantCov)
			}
		}
	}
}

// TestCallsAreMadeWhole pairs into memory that holds other calls: nothing of
// them may stay.
func TestCallsAreMadeWhole(t *testing.T) {
	var dirty replay.Call
	for i := range reflect.ValueOf(dirty).NumField() {
		switch f := reflect.ValueOf(&dirty).Elem().Field(i); f.Kind() {
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.String:
			f.SetString("of another call")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Array:
			f.Index(5).SetInt(77)
		default:
			f.Set(reflect.ValueOf(77).Convert(f.Type()))
		}
	}
	memory := slices.Repeat([]replay.Call{dirty}, 4000)
	for seed := range uint64(5) {
		s := simulate(seed, 1000)
		r := s.record(window{}, noLoss, false, onTime)
		b := format.NewBatch(format.NewSymbolTable(), len(r.events))
		for _, e := range r.events {
			b.Append(e)
		}
		var calls [2][]replay.Call
		for i, into := range [][]replay.Call{nil, memory[:0]} {
			p := replay.NewPairer(replay.PairOptions{Meta: r.meta})
			var err error
			if calls[i], err = p.Push(b, into); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(calls[0], calls[1]) {
			t.Fatalf("seed %d: calls depend on what was in the memory", seed)
		}
	}
}

// TestOrderOfCalls holds what Push promises: calls come in the order in which
// they end, and those of a thread in the order in which they began.
func TestOrderOfCalls(t *testing.T) {
	for seed := range uint64(20) {
		r := simulate(seed, 1000).record(window{}, noLoss, false, onTime)
		calls, _ := pairInBatches(t, r, func() int { return 64 })
		lastExit := int64(-1)
		lastOf := map[int32]int64{}
		for i, c := range calls {
			if c.ExitSeq >= 0 {
				if c.ExitSeq < lastExit {
					t.Fatalf("seed %d: call %d ends at %d after one that ends at %d", seed, i, c.ExitSeq, lastExit)
				}
				lastExit = c.ExitSeq
			}
			at := c.EnterSeq
			if at < 0 {
				at = c.ExitSeq
			}
			if at < lastOf[c.TID] {
				t.Fatalf("seed %d: call %d of thread %d begins at %d after one that began at %d", seed, i, c.TID, at, lastOf[c.TID])
			}
			lastOf[c.TID] = at
		}
	}
}

// TestColumnsNotRead leaves out what a caller does not ask for: the seqs are
// then counted, and everything else that is there is the same.
func TestColumnsNotRead(t *testing.T) {
	r := simulate(1, 1000).record(window{}, noLoss, false, onTime)
	want, _ := pairInBatches(t, r, func() int { return 100 })
	b := format.NewBatch(nil, 0)
	for _, e := range r.events {
		b.Append(e)
	}
	columns := replay.PairColumns(0, r.meta)
	if columns&(format.ColArg2|format.ColSeq|format.ColComm) != 0 {
		t.Errorf("columns %b hold more than pairing needs", columns)
	}
	b.Seq, b.PID, b.Syscall, b.Comm, b.Container, b.Detail = nil, nil, nil, nil, nil, nil
	b.Args[2], b.Args[3], b.Args[4], b.Args[5] = nil, nil, nil, nil
	p := replay.NewPairer(replay.PairOptions{Meta: r.meta})
	got, err := p.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	got = p.Finish(got)
	for i := range want {
		w, g := want[i], got[i]
		if g.StartNS != w.StartNS || g.DurNS != w.DurNS || g.EnterSeq != w.EnterSeq || g.ExitSeq != w.ExitSeq ||
			g.Status != w.Status || g.TID != w.TID || g.Nr != w.Nr || g.Ret != w.Ret || g.Args[0] != w.Args[0] {
			t.Fatalf("call %d: got %+v, want %+v", i, g, w)
		}
		if g.PID != 0 || g.Syscall != 0 || g.Args[2] != 0 || g.Detail != "" {
			t.Fatalf("call %d: %+v holds columns that were not read", i, g)
		}
	}
}

// TestRefused lists streams that are no capture's.
func TestRefused(t *testing.T) {
	time := format.MustParseText("1000 enter 7 read(3)\n999 exit 7 read = 1\n")
	for _, c := range []struct {
		name, want string
		meta       *format.Meta
		batch      func() *format.Batch
	}{
		{"time runs backwards", "row 1 of the capture: time 999 comes after 1000", nil, func() *format.Batch {
			b := format.NewBatch(nil, 0)
			for _, e := range time {
				b.Append(e)
			}
			return b
		}},
		{"a loss without its columns", "row 0 of the capture: events were lost, but the capture says that none were", nil, func() *format.Batch {
			b := format.NewBatch(nil, 0)
			b.Append(format.Event{TS: 1, Kind: format.Lost})
			b.Args[4] = nil
			return b
		}},
		{"a column is missing", "needs more columns", nil, func() *format.Batch {
			b := format.NewBatch(nil, 0)
			b.Append(time[0])
			b.Ret = nil
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := replay.NewPairer(replay.PairOptions{Meta: c.meta}).Push(c.batch(), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// TestManyThreads fills and empties the table of threads.
func TestManyThreads(t *testing.T) {
	b := format.NewBatch(nil, 0)
	p := replay.NewPairer(replay.PairOptions{})
	var calls []replay.Call
	var ts int64
	rnd := rand.New(rand.NewPCG(1, 1))
	const n = 20_000
	push := func(e format.Event) {
		ts++
		e.TS = ts
		b.Append(e)
	}
	ids := rnd.Perm(1 << 22)[:n]
	for _, id := range ids {
		push(format.Event{Kind: format.Enter, TID: int32(id), Nr: manyNr(int32(id))})
	}
	for i, id := range ids {
		if i%3 == 0 {
			push(format.Event{Kind: format.ThreadEnd, TID: int32(id), Nr: -1})
		}
	}
	for _, id := range ids {
		push(format.Event{Kind: format.Exit, TID: int32(id), Nr: manyNr(int32(id))})
	}
	calls, err := p.Push(b, calls)
	if err != nil {
		t.Fatal(err)
	}
	calls = p.Finish(calls)
	var paired, cut int
	for _, c := range calls {
		switch {
		case c.Status == replay.OK && c.Nr == manyNr(c.TID):
			paired++
		case c.EnterSeq >= 0 && c.ExitSeq < 0:
			cut++
		}
	}
	if want := n - (n+2)/3; paired != want || cut != (n+2)/3 {
		t.Errorf("%d paired and %d cut off, want %d and %d", paired, cut, want, (n+2)/3)
	}
}

// manyNr is the call that a thread of TestManyThreads makes: not rt_sigreturn,
// which is never just ok.
func manyNr(tid int32) int32 { return 16 + tid%400 }

// Where very many calls are open at the end they are not copied once more: it is
// the moment of the most memory in a pass over processes whose ends are not told.
func TestOpenCallsAreGivenOutWithoutACopy(t *testing.T) {
	const n = 100_000
	names := format.NewSymbolTable()
	b := format.NewBatch(names, n)
	for i := range n {
		b.Append(format.Event{Kind: format.Enter, TS: int64(i), Seq: int64(i), PID: int32(1 + i), TID: int32(1 + i), Syscall: "exit_group", Nr: 231, ABI: abi.X86_64})
	}
	p := replay.NewPairer(replay.PairOptions{})
	out, err := p.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out = p.Finish(out[:0])
	runtime.ReadMemStats(&after)
	if len(out) != n || out[0].TID != 1 || out[n-1].TID != n || out[7].Status != replay.NoReturn {
		t.Fatalf("%d calls, the first %+v", len(out), out[0])
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 32*n {
		t.Errorf("%d bytes were taken for each call", took/n)
	}
}
