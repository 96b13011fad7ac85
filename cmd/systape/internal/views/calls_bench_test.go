package views

import (
	"io"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

func BenchmarkCalls(b *testing.B) {
	names := format.NewSymbolTable()
	calls := make([]replay.Call, 4096)
	for i := range calls {
		calls[i] = replay.Call{StartNS: 1.7e18 + int64(i)*1000, DurNS: 500, PID: 7, TID: 8, Comm: names.InternString("web"), Syscall: names.InternString("read"),
			ABI: abi.X86_64, Args: [6]int64{3, 0x7f0012345678, 4096}, Ret: 4096, Status: replay.OK, EnterSeq: int64(2 * i), ExitSeq: int64(2*i + 1)}
	}
	for _, form := range []string{"csv", "jsonl", "parquet"} {
		b.Run(form, func(b *testing.B) {
			w, err := NewCalls(io.Discard, form, &capture{symbols: names}, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := w.Write(calls); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(calls)), "ns/call")
		})
	}
}
