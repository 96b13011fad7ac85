package sequences_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/sequences"
)

// Count what a capture's threads do in a row, and what follows upon what.
func Example() {
	s, err := replay.Open([]string{"../../testdata/v1/workload.parquet"}, replay.Options{Columns: sequences.Columns})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	alphabet := sequences.NewAlphabet()
	counter := sequences.NewCounter(3, sequences.NewCodec(3), alphabet)
	streams, err := sequences.NewStreams(sequences.Options{MaxN: 3, Late: s.Late()}, alphabet, counter)
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Run(context.Background(), func(b *format.Batch, calls []replay.Call) error {
		if b == nil { // the calls that had not ended
			streams.Finish(calls)
		} else {
			streams.Push(b, calls)
		}
		return streams.Err()
	}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d calls in %d threads, %d different sequences\n", streams.Taken().Calls, streams.Taken().Streams, counter.Distinct())
	list, _ := counter.Sequences(sequences.MostFirst, 2, nil)
	for _, q := range list {
		fmt.Println(q.Count, strings.Join(alphabet.Names(q.IDs), " "))
	}
	t := counter.Transitions()[0]
	fmt.Printf("after %s comes %s in %.0f of 100 cases\n", alphabet.Name(t.From), alphabet.Name(t.To), 100*t.P)
	// Output:
	// 2439 calls in 19 threads, 402 different sequences
	// 174 newfstatat mmap close
	// 174 openat newfstatat mmap
	// after openat comes newfstatat in 49 of 100 cases
}

// A baseline is what normal captures taught. What another capture does that
// they do not is found with its place.
func ExampleBaseline() {
	normal := strings.Fields(strings.Repeat("accept4 read openat read close write close ", 30))
	odd := append(strings.Fields(strings.Repeat("accept4 read openat read close write close ", 10)),
		strings.Fields("accept4 read vfork dup2 execve wait4 write close")...)

	b, err := sequences.NewBaseline(sequences.BaselineOptions{N: []int{3, 6}, Order: 3}, sequences.Options{})
	if err != nil {
		log.Fatal(err)
	}
	training, alphabet := b.Train()
	streams, _ := sequences.NewStreams(b.Options(), alphabet, training)
	script := newScript()
	for _, name := range normal {
		script.call(7, name)
	}
	script.push(streams)
	streams.Finish(nil)
	training.Done(sequences.Lesson{Name: "monday"}, streams.Taken())

	var file bytes.Buffer // what "systape baseline train" writes
	if err := b.Encode(&file); err != nil {
		log.Fatal(err)
	}
	if b, err = sequences.DecodeBaseline(&file); err != nil {
		log.Fatal(err)
	}

	alphabet = b.Alphabet()
	scorer := sequences.NewScorer(b, alphabet, func(*sequences.Stream) (comm, container string) { return "web", "" }, sequences.ScoreOptions{})
	streams, _ = sequences.NewStreams(b.Options(), alphabet, scorer)
	script = newScript()
	for _, name := range odd {
		script.call(8, name)
	}
	script.push(streams)
	streams.Finish(nil)

	r := scorer.Result()
	for _, m := range r.Total.Metrics()[:3] {
		fmt.Printf("%s %.3f\n", m.Name, m.Value)
	}
	f := r.Findings[0]
	fmt.Printf("thread %d, calls %d to %d: %s\n", f.TID, f.FromAt, f.ToAt, strings.Join(f.Calls, " "))
	fmt.Println("least expected:", f.Window)
	fmt.Println("nearest known: ", f.Nearest)
	// Output:
	// novel_3 0.079
	// novel_6 0.082
	// lfc_20 6.000
	// thread 8, calls 67 to 77: close write close accept4 read vfork dup2 execve wait4 write close
	// least expected: [vfork dup2 execve wait4 write close]
	// nearest known:  [read openat read close write close]
}

// Loops are folded, and nothing is lost by it.
func ExampleFolder() {
	a, f := sequences.NewAlphabet(), sequences.NewFolder()
	for _, name := range strings.Fields("socket bind " + strings.Repeat("poll read read write ", 592) + "close") {
		f.Push(a.ID(name))
	}
	text, _ := f.Text(a, 0)
	fmt.Println(text)
	n := 0
	f.Expand(func(sequences.ID) bool { n++; return true })
	fmt.Println(n, "calls")
	// Output:
	// socket bind (poll read×2 write)×592 close
	// 2371 calls
}
