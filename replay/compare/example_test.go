package compare_test

import (
	"fmt"

	"systape/format"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/sequences"
)

// Two captures of a program that writes: in the second one its disk is slow,
// and once it does what it has not done before.
func Example() {
	alphabet := sequences.NewAlphabet()
	var sides [2]*compare.Side
	for i, list := range [][]made{
		{{"pwrite64", 400, 20_000, 4096}, {"fdatasync", 400, 100_000, 0}},
		{{"pwrite64", 400, 20_000, 4096}, {"fdatasync", 400, 900_000, 0}, {"pwrite64", 1, 5_000, -28}},
	} {
		names := format.NewSymbolTable()
		calls := calls(names, list...) // from a replay.Session, but for an example
		sides[i] = compare.NewSide(3, sequences.NewCodec(3), alphabet)
		streams, err := sequences.NewStreams(sequences.Options{MaxN: 3}, alphabet, sides[i])
		if err != nil {
			panic(err)
		}
		sides[i].Begin(names, true)
		streams.Push(format.NewBatch(names, 0), calls)
		streams.Finish([]replay.Call(nil))
		sides[i].Spanned(calls[len(calls)-1].StartNS - calls[0].StartNS)
	}
	r := compare.Compare(sides[0], sides[1])
	for _, d := range r.Differences {
		for _, c := range d.Calls {
			fmt.Println(d.Kind, c.Name, c.MedianNS, "ns")
		}
	}
	for _, o := range r.OneSided {
		fmt.Println("only on side", o.Side, o.Call.Name, "errno", o.Errno, "times", o.Count)
	}
	// Output:
	// latency fdatasync [99840 897024] ns
	// only on side 1 pwrite64 errno 28 times 1
}
