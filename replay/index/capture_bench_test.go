package index_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"systape/format"
	"systape/replay"
	"systape/replay/index"
	"systape/replay/latency"
)

// BenchmarkCapture indexes the capture that SYSTAPE_CAPTURE names, beside the
// table of latency of the same, and asks for a rectangle of it.
func BenchmarkCapture(b *testing.B) {
	path := os.Getenv("SYSTAPE_CAPTURE")
	if path == "" {
		b.Skip("SYSTAPE_CAPTURE names no capture")
	}
	pass := func(columns format.Columns, add func(*replay.Session) func([]replay.Call) error) time.Duration {
		from := time.Now()
		s, err := replay.Open([]string{path}, replay.Options{Columns: columns})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		if err := s.Each(context.Background(), add(s)); err != nil {
			b.Fatal(err)
		}
		return time.Since(from)
	}
	for b.Loop() {
		by := latency.Options{By: []latency.Key{latency.BySyscall}}
		table := pass(format.ColSyscall, func(s *replay.Session) func([]replay.Call) error {
			by.Symbols = s.Symbols()
			t := latency.NewTable(by)
			return func(c []replay.Call) error { t.Add(c); return nil }
		})
		var x *index.Index
		took := pass(format.ColSyscall|format.ColPID|format.ColComm|format.ColContainer, func(s *replay.Session) func([]replay.Call) error {
			begin, _, _ := s.Begin()
			x = index.New(index.Options{Symbols: s.Symbols(), OriginNS: begin})
			return func(c []replay.Call) error { x.Add(c); return nil }
		})
		x.Close()
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		from, to := x.Span()
		brush := index.Selection{Filter: &replay.Filter{From: from + (to-from)/4, To: to - (to-from)/4, MinDuration: 1000}}
		asked := time.Now()
		x.Table(brush, by)
		table2 := time.Since(asked)
		asked = time.Now()
		x.Over(brush, 400)
		over := time.Since(asked)
		asked = time.Now()
		x.Subset(index.Selection{}, index.Details()[1])
		b.ReportMetric(took.Seconds()/table.Seconds(), "×latency")
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB")
		b.ReportMetric(float64(x.Calls())/1e6, "Mcalls")
		b.ReportMetric(float64(table2.Milliseconds()), "table-ms")
		b.ReportMetric(float64(over.Milliseconds()), "over-ms")
		b.ReportMetric(float64(time.Since(asked).Milliseconds()), "subset-ms")
		b.ReportMetric(float64(x.Groups()), "groups")
	}
}
