package capture_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf/floor"
	"systape/capture"
)

// runLoad runs the load on each of the CPUs at once and returns the mean
// nanoseconds per call.
func runLoad(b *testing.B, cpus []int, d time.Duration) float64 {
	b.Helper()
	var outs []*exec.Cmd
	results := make([]struct {
		out []byte
		err error
	}, len(cpus))
	done := make(chan int)
	for i, cpu := range cpus {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "SYSTAPE_LOAD="+strconv.Itoa(cpu)+","+strconv.Itoa(int(d.Milliseconds())))
		outs = append(outs, c)
		go func() {
			results[i].out, results[i].err = c.Output()
			done <- i
		}()
	}
	for range outs {
		<-done
	}
	sum := 0.0
	for _, r := range results {
		var ns float64
		var calls int
		if _, err := fmt.Sscanf(string(r.out), "%f %d", &ns, &calls); err != nil || r.err != nil {
			b.Fatalf("load: %v %v %q", err, r.err, r.out)
		}
		sum += ns
	}
	return sum / float64(len(results))
}

// recordLoad records everything while the load runs.
func recordLoad(b *testing.B, cpus []int, d time.Duration) (ns float64, s capture.Status, cpuSeconds float64) {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "load.spool"))
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	r, err := capture.Start(capture.Options{All: true, Buffer: bufferFromEnv()}, capture.Files{}, f)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var used unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &used)
	go func() {
		_, err := r.Run(ctx)
		done <- err
	}()
	ns = runLoad(b, cpus, d)
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	var after unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &after)
	seconds := func(u unix.Rusage) float64 { return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9 }
	return ns, r.Status(), seconds(after) - seconds(used)
}

func probeLoad(b *testing.B, kind floor.Kind, cpus []int, d time.Duration) float64 {
	b.Helper()
	p, err := floor.Attach(kind)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	return runLoad(b, cpus, d)
}

// BenchmarkOverhead measures what recording adds to a call that does nothing
// (getppid), beside probes that only reserve and submit records of the same
// sizes. Rounds take turns, because machines drift; the medians are reported.
func BenchmarkOverhead(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	for _, c := range []struct {
		name  string
		cpus  []int
		floor floor.Kind
	}{{"one-cpu", []int{0}, floor.Shared}, {"both-cpus", []int{0, 1}, floor.PerCPU}} {
		b.Run(c.name, func(b *testing.B) {
			if runtime.NumCPU() < 2 {
				b.Skip("needs 2 CPUs")
			}
			const d = 500 * time.Millisecond
			var plain, empty, least, recorded, seconds []float64
			var events, lost int64
			for b.Loop() {
				for range 7 {
					bare := runLoad(b, c.cpus, d)
					plain = append(plain, bare)
					empty = append(empty, probeLoad(b, floor.Empty, c.cpus, d)-bare)
					least = append(least, probeLoad(b, c.floor, c.cpus, d)-bare)
					ns, s, used := recordLoad(b, c.cpus, d)
					recorded = append(recorded, ns-bare)
					events, lost = events+s.Events, lost+s.Lost
					seconds = append(seconds, used/float64(s.Events)*1e6)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(plain), "bare-ns/call")
			b.ReportMetric(median(empty), "+empty-ns/call")
			b.ReportMetric(median(least), "+floor-ns/call")
			b.ReportMetric(median(recorded), "+systape-ns/call")
			b.ReportMetric(median(recorded)/median(least), "×floor")
			b.ReportMetric(100*float64(lost)/float64(events+lost), "%lost")
			b.ReportMetric(median(seconds), "cpu-s/Mevent")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func bufferFromEnv() int64 {
	n, _ := strconv.ParseInt(os.Getenv("SYSTAPE_BUFFER"), 10, 64)
	return n
}
