package format

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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

func BenchmarkSealLoop(b *testing.B) {
	dir := b.TempDir()
	spool := filepath.Join(dir, "t.spool")
	const batches = 500
	loopSpool(b, spool, batches, 2)
	cpu := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := cpu()
	for b.Loop() {
		if _, err := Seal(spool, filepath.Join(dir, "t.parquet"), SealOptions{KeepSpool: true, FileOptions: FileOptions{Force: true}}); err != nil {
			b.Fatal(err)
		}
	}
	events := float64(b.N * batches * CodedRows)
	b.ReportMetric(float64(cpu()-began)/events, "cpu-ns/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/events, "ns/event")
}
