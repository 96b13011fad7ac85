package page

import (
	"fmt"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/index"
)

// What is found in a few tries is the finest detail that fits.
func TestFinestThatFits(t *testing.T) {
	names := format.NewSymbolTable()
	x := index.New(index.Options{Symbols: names})
	var calls []replay.Call
	for i := range 20_000 {
		tid := int32(100 + i*i%701)
		calls = append(calls, replay.Call{PID: tid, TID: tid, StartNS: int64(i) * 9973, DurNS: int64(i * i % 100_003),
			Syscall: names.InternString(fmt.Sprint("call", i%7)), Comm: names.InternString("worker")})
	}
	x.Add(calls)
	x.Close()
	part := index.Shares{x}.Part(index.Selection{})
	details, found := index.Details(), map[int]bool{}
	for size := 4 << 20; size > 1000; size /= 3 {
		got, packed, err := finest(part, size)
		if err != nil {
			t.Fatal(err)
		}
		want := len(details) - 1
		for i, d := range details {
			s := part.Subset(d, nil)
			text, err := pack(s.Cells)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Cells)/3+40*len(s.Groups) <= size && len(text)+40*len(s.Groups) <= size {
				want = i
				break
			}
		}
		if found[want] = true; got.Detail != details[want] || packed == "" {
			t.Errorf("%d bytes: detail %+v, want %+v", size, got.Detail, details[want])
		}
	}
	if len(found) < 5 || !found[0] || !found[len(details)-1] {
		t.Errorf("details %v were found: the sizes tell too little", found)
	}
}
