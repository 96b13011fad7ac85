package capture

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/format"
)

// cpuTime returns the time that the process, or this thread, has had a CPU.
func cpuTime(who int) time.Duration {
	var u unix.Rusage
	unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load writes n calls to the buffers of its CPUs, from time ts on, and returns
// the time after them.
type load func(cpus []*fakeCPU, ts uint64, n int) uint64

func getppid(cpus []*fakeCPU, ts uint64, n int) uint64 {
	for range n {
		for i, c := range cpus {
			c.enter(ts+uint64(i)*7, int32(7+i), int32(7+i), 110)
			c.exit(ts+100+uint64(i)*9, int32(7+i), int32(7+i), 110, 1)
		}
		ts += 200
	}
	return ts
}

// copying is what cp and cat do.
func copying(cpus []*fakeCPU, ts uint64, n int) uint64 {
	r := rand.New(rand.NewPCG(ts, 1))
	for range n {
		for i, c := range cpus {
			tid := int32(7 + i)
			fd := int64(3 + r.IntN(3))
			size := int64(1000 + r.IntN(200))
			c.enter(ts+uint64(r.IntN(50)), tid, tid, 0, fd, 0x7f00dead0000+fd*4096, 131072)
			c.exit(ts+400+uint64(r.IntN(50)), tid, tid, 0, size)
			ts += 1000
		}
	}
	return ts
}

// BenchmarkRingToSpool measures the CPU that the recorder takes for an event,
// from the ring buffer to a spool in the page cache, without the kernel side.
func BenchmarkRingToSpool(b *testing.B) {
	for _, c := range []struct {
		name string
		cpus int
		load load
	}{{"getppid-one-cpu", 1, getppid}, {"getppid-two-cpus", 2, getppid}, {"read-one-cpu", 1, copying}, {"read-two-cpus", 2, copying}} {
		b.Run(c.name, func(b *testing.B) {
			var cpus []*fakeCPU
			for i := range c.cpus {
				cpus = append(cpus, newFakeCPU(int32(i)))
			}
			m, _ := collect(cpus...)
			f, err := os.Create(filepath.Join(b.TempDir(), "spool"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			out := newQueuedFile(f)
			w, err := format.NewSpoolWriter(out, &format.Meta{Version: format.Version, CaptureID: "00000000000000000000000000000000"})
			if err != nil {
				b.Fatal(err)
			}
			m.full = func(batch *format.CodedBatch) error {
				if err := w.WriteCoded(batch); err != nil {
					return err
				}
				return out.Flush()
			}
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ts, filling, events := uint64(1000), time.Duration(0), 0
			began := cpuTime(unix.RUSAGE_SELF)
			b.ReportAllocs()
			for b.Loop() {
				before := cpuTime(unix.RUSAGE_THREAD)
				ts = c.load(cpus, ts, 900)
				filling += cpuTime(unix.RUSAGE_THREAD) - before
				events += 2 * 900 * c.cpus
				if _, err := m.poll(ts + storeDelay + 10_000); err != nil {
					b.Fatal(err)
				}
			}
			if err := out.Close(); err != nil {
				b.Fatal(err)
			}
			used := cpuTime(unix.RUSAGE_SELF) - began - filling
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(used.Nanoseconds())/float64(events), "cpu-ns/event")
			b.ReportMetric(float64(w.Bytes())/float64(events), "B/event")
		})
	}
}
