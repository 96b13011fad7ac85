package latency_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// Group the calls of a capture by system call and thread name, those that took
// most time first.
func Example() {
	s, err := replay.Open([]string{"../../testdata/v1/workload.parquet"}, replay.Options{Columns: format.ColSyscall | format.ColComm})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	t := latency.NewTable(latency.Options{Symbols: s.Symbols(), By: []latency.Key{latency.BySyscall, latency.ByComm}, Waits: latency.WaitNone})
	if err := s.Each(context.Background(), func(calls []replay.Call) error { t.Add(calls); return nil }); err != nil {
		log.Fatal(err)
	}
	for _, r := range t.Rows(0, "total")[:3] {
		fmt.Printf("%s by %s: %d calls, %v in all, median %v, 99 %% within %v\n", r.Syscall, r.Comm, r.Count,
			time.Duration(r.TotalNS), time.Duration(r.P[0].NS), time.Duration(r.P[2].NS))
	}
	fmt.Println("coverage:", s.Coverage())
	// Output:
	// execve by sh: 14 calls, 16.211833ms in all, median 175.104µs, 99 % within 4.733608ms
	// getdents64 by find: 14 calls, 1.878916ms in all, median 1.592µs, 99 % within 622.163µs
	// clone by sh: 10 calls, 879.935µs in all, median 68.096µs, 99 % within 138.506µs
	// coverage: 98.0 % of 2,457 calls (2.0 % without a duration by nature)
}

// Histograms of many hosts or hours add up bucket by bucket, in any order, and
// the percentiles of the sum are those of all calls together.
func ExampleHistogram() {
	var monday, tuesday, both latency.Histogram
	for ms := range int64(90) {
		monday.Record((1 + ms) * 1e6)
	}
	for range 10 {
		tuesday.Record(250e6)
	}
	both.Merge(&monday)
	both.Merge(&tuesday)
	fmt.Println(both.Count(), "calls, longest", time.Duration(both.Max()), "mean", time.Duration(both.Mean()))
	// A percentile stands for its bucket: it is at most 0.79 % off.
	fmt.Println("median", time.Duration(both.Quantile(latency.P50).NS), "and", time.Duration(monday.Quantile(latency.P50).NS), "without tuesday")
	// Output:
	// 100 calls, longest 250ms mean 65.95ms
	// median 50.069504ms and 44.826624ms without tuesday
}

// Calls that had not ended took at least as long as was seen. Left out, or
// taken for ended, they would hide what one looks for. The case is the one of
// the package comment, by hand.
func ExampleSurvival() {
	var ended, open latency.Histogram
	for _, ms := range []int64{1, 2, 2, 4, 6, 9} {
		ended.Record(ms * 1e6)
	}
	for _, ms := range []int64{3, 5} {
		open.Record(ms * 1e6)
	}
	fmt.Println("of those that ended:", time.Duration(ended.Quantile(latency.P50).NS).Round(1e5))
	fmt.Println("of all:", time.Duration(latency.Survival(&ended, &open, latency.P50)[0].NS).Round(1e5))

	open.Record(9e6) // the longest has not ended either
	q := latency.Survival(&ended, &open, latency.P90, latency.P99)[1]
	fmt.Println("99 % take more than", time.Duration(q.NS), q.Above)
	// Output:
	// of those that ended: 2ms
	// of all: 4ms
	// 99 % take more than 9ms true
}
