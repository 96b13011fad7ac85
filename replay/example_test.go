package replay_test

import (
	"context"
	"fmt"
	"log"

	"systape/format"
	"systape/replay"
)

// Open a capture, range over its calls, and say what the answer rests on.
func Example() {
	s, err := replay.Open([]string{"../testdata/v1/workload.parquet"}, replay.Options{Columns: format.ColSyscall})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	failed := map[string]int{}
	for c, err := range s.Calls(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if c.Errno() != 0 {
			failed[s.Symbols().String(c.Syscall)]++
		}
	}
	fmt.Println("openat failed", failed["openat"], "times")
	fmt.Println("coverage:", s.Coverage())
	// Output:
	// openat failed 183 times
	// coverage: 98.0 % of 2,457 calls (2.0 % without a duration by nature)
}

// A filter chooses calls in the language of the command line; Each gives them
// in runs, without a function call for each.
func ExampleSession_Each() {
	s, err := replay.Open([]string{"../testdata/v1/workload.parquet"}, replay.Options{
		Filter: replay.Filter{Statuses: []replay.Status{replay.NoReturn}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	threads := 0
	err = s.Each(context.Background(), func(calls []replay.Call) error {
		threads += len(calls)
		return nil
	})
	fmt.Println(threads, "threads ended by exit or exit_group", err)
	// Output:
	// 15 threads ended by exit or exit_group <nil>
}
