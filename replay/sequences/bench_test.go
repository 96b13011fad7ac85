package sequences_test

import (
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/sequences"
)

// benchCalls makes calls that look like servers': loops with variations, in
// 64 threads that take turns.
func benchCalls(n int) ([]replay.Call, *format.Batch) {
	names := format.NewSymbolTable()
	loops := [][]string{
		{"epoll_wait", "read", "read", "write", "epoll_ctl"},
		{"futex", "futex", "sched_yield", "nanosleep"},
		{"openat", "newfstatat", "mmap", "read", "read", "close", "munmap"},
		{"accept4", "getsockname", "recvfrom", "sendto", "shutdown", "close"},
	}
	r := rand.New(rand.NewPCG(9, 9))
	calls := make([]replay.Call, n)
	pos := make([]int, 64)
	for i := range calls {
		t := r.IntN(64)
		l := loops[t%len(loops)]
		if r.IntN(50) == 0 {
			pos[t] = r.IntN(len(l))
		}
		calls[i] = replay.Call{StartNS: int64(i), DurNS: 1, EnterSeq: int64(2 * i), ExitSeq: int64(2*i + 1), Continues: -1,
			PID: 1, TID: int32(t + 100), Syscall: names.InternString(l[pos[t]])}
		pos[t] = (pos[t] + 1) % len(l)
	}
	return calls, format.NewBatch(names, 0)
}

func BenchmarkCount6(b *testing.B) {
	calls, batch := benchCalls(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		a := sequences.NewAlphabet()
		st, err := sequences.NewStreams(sequences.Options{}, a, sequences.NewCounter(6, sequences.NewCodec(6), a))
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < len(calls); i += 8192 {
			st.Push(batch, calls[i:min(i+8192, len(calls))])
		}
		st.Finish(nil)
	}
	b.ReportMetric(float64(len(calls))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcalls/s")
}

func BenchmarkScore(b *testing.B) {
	calls, batch := benchCalls(1 << 20)
	base, err := sequences.NewBaseline(sequences.BaselineOptions{Order: 3}, sequences.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tr, a := base.Train()
	st, _ := sequences.NewStreams(base.Options(), a, tr)
	st.Push(batch, calls[:len(calls)/2])
	st.Finish(nil)
	base.Markov()
	b.ReportAllocs()
	for b.Loop() {
		a := base.Alphabet()
		st, _ := sequences.NewStreams(base.Options(), a, sequences.NewScorer(base, a, noNames, sequences.ScoreOptions{}))
		for i := 0; i < len(calls); i += 8192 {
			st.Push(batch, calls[i:min(i+8192, len(calls))])
		}
		st.Finish(nil)
	}
	b.ReportMetric(float64(len(calls))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcalls/s")
}
