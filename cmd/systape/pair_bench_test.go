package main

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// pairBenchCapture writes a Parquet capture of about n events: threads on two
// CPUs that make the calls of a file server.
func pairBenchCapture(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "capture.parquet")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Complete: true,
		Counts: &format.Counts{Lost: new(int64)}, Part: format.Part{Number: 1, Last: true}}
	w, err := format.NewParquetWriter(out, meta)
	if err != nil {
		b.Fatal(err)
	}
	names := format.NewSymbolTable()
	batch := format.NewBatch(names, 8192)
	rnd := rand.New(rand.NewPCG(5, 6))
	type thread struct {
		nr     int32
		name   string
		inside bool
	}
	calls := []string{"read", "write", "openat", "close", "fstat", "futex", "epoll_wait", "getpid"}
	threads := make([]thread, 32)
	ts, cur := int64(1_750_000_000_000_000_000), [2]int{0, 1}
	for seq := range n {
		cpu := rnd.IntN(2)
		if rnd.IntN(10) == 0 {
			cur[cpu] = 2*rnd.IntN(len(threads)/2) + cpu
		}
		t := &threads[cur[cpu]]
		ts += 50 + rnd.Int64N(400)
		e := format.Event{TS: ts, Seq: int64(seq), CPU: int32(cpu), PID: 7, TID: int32(1000 + cur[cpu]), Comm: "server"}
		if t.inside {
			e.Kind, e.Nr, e.Syscall, e.Ret = format.Exit, t.nr, t.name, rnd.Int64N(512)
		} else {
			t.name = calls[rnd.IntN(len(calls))]
			t.nr, _ = abi.Number(abi.X86_64, t.name)
			e.Kind, e.Nr, e.Syscall = format.Enter, t.nr, t.name
			for k := range abi.NumArgs(abi.X86_64, t.nr) {
				e.Args[k] = rnd.Int64N(64) * int64(1+k*k*4096)
			}
		}
		t.inside = !t.inside
		batch.Append(e)
		if batch.N == 8192 || seq == n-1 {
			if err := w.Write(batch); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
	if err := errors.Join(w.Close(meta), out.Flush()); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkPairCapture reads a Parquet capture and pairs it: with the columns
// that latency needs, and with all of them. "read" is the same without pairing,
// the floor of the run; "write" also writes the calls table.
func BenchmarkPairCapture(b *testing.B) {
	const events = 4 << 20
	path := pairBenchCapture(b, events)
	for _, c := range []struct {
		name string
		need format.Columns
	}{{"latency", format.ColSyscall}, {"pair", format.AllColumns}} {
		for _, how := range []string{"read", "calls"} {
			b.Run(c.name+"/"+how, func(b *testing.B) {
				for b.Loop() {
					cmd := &cobra.Command{}
					cmd.SetContext(b.Context())
					in, err := openInput(cmd, []string{path}, c.need)
					if err != nil {
						b.Fatal(err)
					}
					if how == "read" {
						err = in.Batches(in.ctx, func(*format.Batch) error { return nil })
					} else {
						err = in.calls(func([]replay.Call) error { return nil })
					}
					if err != nil {
						b.Fatal(err)
					}
					in.Close()
				}
				b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
			})
		}
	}
	b.Run("pair/write", func(b *testing.B) {
		for b.Loop() {
			out := filepath.Join(b.TempDir(), "calls.parquet")
			if code := run(b.Context(), []string{"pair", path, "-o", out, "--force"}, nil, io.Discard, io.Discard); code != 0 {
				b.Fatal(code)
			}
		}
		b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	})
}
