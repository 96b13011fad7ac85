package format

import (
	"os"
	"testing"
)

// loopSpool writes a spool of rounds*8192 events of threads that call getppid.
func loopSpool(tb testing.TB, path string, batches, threads int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	meta := &Meta{Version: Version, CaptureID: "00000000000000000000000000000000", Complete: true}
	w, err := NewSpoolWriter(f, meta)
	if err != nil {
		tb.Fatal(err)
	}
	names := NewSymbolTable()
	b := NewCodedBatch(names)
	comm, name := names.InternString("loop"), names.InternString("getppid")
	for t := range threads {
		b.Threads.Add(Thread{CPU: int32(t), PID: int32(100 + t), TID: int32(100 + t), Comm: comm})
	}
	enter := b.Calls.Add(Call{Enter, 0, 110, name})
	exit := b.Calls.Add(Call{Exit, 0, 110, name})
	ts := int64(1795700000e9)
	for range batches {
		for i := range CodedRows {
			ts += 97 + int64(i*7%11)
			b.TS[i], b.Thread[i], b.Call[i], b.Ret[i] = ts, Code(i/2%threads), enter, 0
			if i%2 == 1 {
				b.Call[i], b.Ret[i] = exit, 99
			}
		}
		b.N = CodedRows
		if err := w.WriteCoded(b); err != nil {
			tb.Fatal(err)
		}
		b.Next()
	}
	if err := w.Close(meta); err != nil {
		tb.Fatal(err)
	}
}
