package bpf

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/rlimit"

	"systape/internal/kerneltest"
)

// BenchmarkProbes measures what recording adds to a getppid, for each way in
// which programs share a buffer. The ways take turns, so that they meet the
// same machine; the least of their rounds counts.
func BenchmarkProbes(b *testing.B) {
	kerneltest.Require(b)
	if err := rlimit.RemoveMemlock(); err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	type way struct {
		name    string
		writers Writers
		noBTF   bool
	}
	ways := []way{{"none", 0, false}, {"alone", WritersAlone, false}, {"hold", WritersHold, false}, {"mixed", WritersMixed, false}, {"alone-nobtf", WritersAlone, true}, {"mixed-nobtf", WritersMixed, true}}
	best := map[string]float64{}
	for range 6 {
		for _, w := range ways {
			ns := measureProbes(b, w.name != "none", w.writers, w.noBTF)
			if old, ok := best[w.name]; !ok || ns < old {
				best[w.name] = ns
			}
		}
	}
	for _, w := range ways[1:] {
		b.ReportMetric(best[w.name]-best["none"], w.name+"-ns/call")
	}
	b.ReportMetric(best["none"], "none-ns/call")
	b.ReportMetric(0, "ns/op")
}

func measureProbes(b *testing.B, record bool, writers Writers, noBTF bool) float64 {
	if record {
		k, err := Load(Config{BufferBytes: 32 << 20, Writers: &writers, NoBTF: noBTF, RecordSelf: true, FilterPIDs: true})
		if err != nil {
			b.Fatal(err)
		}
		defer k.Close()
		if err := k.AddTarget(uint32(syscall.Getpid())); err != nil {
			b.Fatal(err)
		}
		if err := k.Attach(slices.Concat(Exits, Enters)...); err != nil {
			b.Fatal(err)
		}
		for c := range Classes {
			k.Open(c)
		}
		defer func() {
			for i := range k.Buffers {
				if k.Buffers[i].Control.Lost != [Classes]uint64{} {
					b.Fatal("lost events")
				}
			}
		}()
	}
	const calls = 100_000 // of 64 bytes each
	least := time.Duration(1 << 62)
	for range 2 {
		began := threadTime()
		for range calls {
			syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
		}
		least = min(least, threadTime()-began)
	}
	return float64(least) / calls
}

func threadTime() time.Duration {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(ptr(&t)), 0) // 3: CLOCK_THREAD_CPUTIME_ID
	return time.Duration(t.Nano())
}
