package main

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// BenchmarkWorkers runs commands on one CPU and on two, in turn, and says how
// many times faster two are, beside the events a second of two.
func BenchmarkWorkers(b *testing.B) {
	const events = 2 << 20
	capture := pairBenchCapture(b, events)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, args := range [][]string{{"latency"}, {"sequences"}, {"pair", "--force", "-o", filepath.Join(b.TempDir(), "calls.parquet")}} {
		b.Run(args[0], func(b *testing.B) {
			var spent [3]time.Duration // by workers
			for b.Loop() {
				for workers := 1; workers <= 2; workers++ {
					runtime.GOMAXPROCS(workers)
					start := time.Now()
					if code := run(b.Context(), append(args, capture), nil, io.Discard, io.Discard); code != exitOK {
						b.Fatal(fmt.Errorf("systape %s: exit code %d", args[0], code))
					}
					spent[workers] += time.Since(start)
				}
			}
			b.ReportMetric(float64(spent[1])/float64(spent[2]), "x-one-CPU")
			b.ReportMetric(float64(b.N)*events/spent[2].Seconds()/1e6, "Mevents/s")
		})
	}
}
