package format_test

import (
	"io"
	"os"
	"testing"

	"systape/format"
)

type countWriter struct{ n int64 }

func (c *countWriter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// workloads are what the benchmarks measure with: the simplest stream, a
// synthetic mix.
var workloads = []struct {
	name string
	make func(n int) *format.Batch
}{
	{"getppid", func(n int) *format.Batch { return getppids(format.NewBatch(format.NewSymbolTable(), n), n) }},
	{"mix", func(n int) *format.Batch { return newMix(1, 24).fill(format.NewBatch(format.NewSymbolTable(), n), n) }},
}

func reportEvents(b *testing.B, events, bytes int64) {
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	b.ReportMetric(float64(bytes)/float64(events), "B/event")
}

func BenchmarkSpoolWrite(b *testing.B) {
	for _, l := range workloads {
		for _, rows := range []int{4 << 10, 16 << 10, 64 << 10} {
			batch := l.make(rows)
			b.Run(l.name+"/"+itoa(rows), func(b *testing.B) {
				var out countWriter
				w, err := format.NewSpoolWriter(&out, testMeta())
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := w.Write(batch); err != nil {
						b.Fatal(err)
					}
					follow(batch)
				}
				reportEvents(b, w.Rows(), out.n)
			})
		}
	}
}

// follow turns b's rows into rows that may come after them.
func follow(b *format.Batch) {
	span := b.TS[b.N-1] - b.TS[0] + 1
	for i := range b.Seq {
		b.Seq[i] += int64(b.N)
		b.TS[i] += span
	}
}

// pairing is what the pairer needs.
const pairing = format.ColTS | format.ColSeq | format.ColKind | format.ColTID | format.ColPID | format.ColNr | format.ColSyscall | format.ColRet

func benchmarkRead(b *testing.B, path string, cols format.Columns) {
	var events int64
	b.ReportAllocs()
	for b.Loop() {
		r, err := format.Open([]string{path}, format.ReadOptions{Columns: cols})
		if err != nil {
			b.Fatal(err)
		}
		var batch format.Batch
		for err = r.Next(&batch); err == nil; err = r.Next(&batch) {
			events += int64(batch.N)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		r.Close()
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

func BenchmarkRead(b *testing.B) {
	ev := events(1, 1_000_000)
	for _, form := range []string{"parquet", "spool"} {
		path := put(b, encode(b, form, ev, 60_000))
		for name, cols := range map[string]format.Columns{"all": format.AllColumns, "pairing": pairing} {
			b.Run(form+"/"+name, func(b *testing.B) { benchmarkRead(b, path, cols) })
		}
	}
	// A capture of one's own: SYSTAPE_BENCH_CAPTURE=trace.parquet go test -bench Read/yours
	if path := os.Getenv("SYSTAPE_BENCH_CAPTURE"); path != "" {
		b.Run("yours/all", func(b *testing.B) { benchmarkRead(b, path, format.AllColumns) })
		b.Run("yours/pairing", func(b *testing.B) { benchmarkRead(b, path, pairing) })
	}
}

// BenchmarkSeal turns a spool into a capture: decoding, encoding, reading
// back. The bar is 2 million events a second on one core.
func BenchmarkSeal(b *testing.B) {
	for _, l := range []string{"getppid", "mix"} {
		const n = 500_000
		ev := events(1, n)
		if l == "getppid" {
			ev = ev[:0]
			g := getppids(format.NewBatch(format.NewSymbolTable(), n), n)
			for i := range n {
				ev = append(ev, g.At(i))
			}
		}
		spool := put(b, encode(b, "spool", ev, 16<<10))
		b.Run(l, func(b *testing.B) {
			var rows, bytes int64
			for b.Loop() {
				res, err := format.Seal(spool, spool+".parquet", format.SealOptions{KeepSpool: true, FileOptions: format.FileOptions{Force: true}})
				if err != nil {
					b.Fatal(err)
				}
				rows += res.Rows
				bytes += res.Bytes
			}
			reportEvents(b, rows, bytes)
		})
	}
}

// BenchmarkParquetWrite is sealing without the spool.
func BenchmarkParquetWrite(b *testing.B) {
	for _, l := range workloads {
		batch := l.make(1 << 16)
		b.Run(l.name, func(b *testing.B) {
			var out countWriter
			w, err := format.NewParquetWriter(&out, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(batch); err != nil {
					b.Fatal(err)
				}
				follow(batch)
			}
			reportEvents(b, w.Rows(), out.n)
		})
	}
}
