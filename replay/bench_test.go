package replay_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/replay"
)

// okCalls returns batches of calls that all return, made by the given number
// of threads, as a busy machine makes them: mostly one call after the other,
// with some that last while others run.
func okCalls(threads, rows int, columns format.Columns) []*format.Batch {
	rnd := rand.New(rand.NewPCG(1, 2))
	names := format.NewSymbolTable()
	inside := make([]bool, threads)
	nr := make([]int32, threads)
	var batches []*format.Batch
	ts, tid := int64(1e18), 0
	for len(batches)*8192 < rows {
		b := format.NewBatch(names, 8192)
		for range 8192 {
			if !inside[tid] || rnd.IntN(8) == 0 {
				if rnd.IntN(4) == 0 || inside[tid] {
					tid = rnd.IntN(threads)
				}
			}
			ts += 200
			e := format.Event{TS: ts, Seq: ts, Kind: format.Enter, CPU: int32(tid & 1), PID: 7, TID: int32(tid + 1000), Comm: "bench"}
			if inside[tid] {
				e.Kind, e.Nr, e.Ret = format.Exit, nr[tid], 1
			} else {
				nr[tid] = int32(rnd.IntN(10))
				e.Nr, e.Args = nr[tid], [6]int64{1, 2, 3, 4, 5, 6}
			}
			inside[tid] = !inside[tid]
			b.Append(e)
		}
		if columns&format.ColArg5 == 0 {
			b.PID, b.Container, b.Detail = nil, nil, nil
			b.Args[2], b.Args[3], b.Args[4], b.Args[5] = nil, nil, nil, nil
		}
		batches = append(batches, b)
	}
	return batches
}

// BenchmarkPairer pairs batches that are in memory: what it costs beside
// reading them. "latency" has the columns that latency needs, "pair" all.
func BenchmarkPairer(b *testing.B) {
	for _, threads := range []int{1, 16, 1024} {
		for _, name := range []string{"latency", "pair"} {
			columns := map[string]format.Columns{"pair": format.AllColumns}[name]
			b.Run(fmt.Sprintf("%s/threads=%d", name, threads), func(b *testing.B) {
				batches := okCalls(threads, 1<<20, columns)
				var calls []replay.Call
				var events int64
				b.ReportAllocs()
				for b.Loop() {
					p := replay.NewPairer(replay.PairOptions{Meta: &format.Meta{}})
					for _, batch := range batches {
						var err error
						if calls, err = p.Push(batch, calls[:0]); err != nil {
							b.Fatal(err)
						}
						events += int64(batch.N)
					}
				}
				b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
			})
		}
	}
}

// TestPairerDoesNotAllocate holds that a steady stream costs no memory.
func TestPairerDoesNotAllocate(t *testing.T) {
	batches := okCalls(64, 1<<16, format.AllColumns)
	p := replay.NewPairer(replay.PairOptions{})
	var calls []replay.Call
	first := true
	ts := int64(0)
	n := testing.AllocsPerRun(3, func() {
		for _, b := range batches {
			if !first { // time must go on
				for i := range b.TS {
					b.TS[i] += ts
				}
			}
			var err error
			if calls, err = p.Push(b, calls[:0]); err != nil {
				t.Fatal(err)
			}
		}
		if first {
			last := batches[len(batches)-1]
			ts = last.TS[last.N-1] - batches[0].TS[0] + 1
			first = false
		}
	})
	if n != 0 {
		t.Errorf("%v allocations in a steady stream, want none", n)
	}
}
