//go:build unix

package format

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

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
