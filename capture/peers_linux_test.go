package capture_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"systape/capture"
)

// tracer runs beside a load.
type tracer struct {
	name  string
	needs string                                         // a program; "": none
	start func(b *testing.B, dir string, pid int) func() // returns what ends it
}

var tracers = []tracer{
	{"systape", "", func(b *testing.B, dir string, _ int) func() {
		f, err := os.Create(filepath.Join(dir, "spool"))
		if err != nil {
			b.Fatal(err)
		}
		r, err := capture.Start(capture.Options{All: true, Buffer: bufferFromEnv()}, capture.Files{}, f)
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := r.Run(ctx)
			done <- err
		}()
		return func() {
			stop()
			if err := <-done; err != nil {
				b.Error(err)
			}
			if lost := r.Status().Lost; lost > 0 {
				b.Logf("systape lost %d of %d events", lost, lost+r.Status().Events)
			}
			f.Close()
		}
	}},
	{"perf-record", "perf", func(b *testing.B, dir string, _ int) func() {
		return beside(b, exec.Command("perf", "record", "-q", "-a", "-e", "raw_syscalls:sys_enter,raw_syscalls:sys_exit", "-o", filepath.Join(dir, "perf.data")))
	}},
	{"strace", "strace", func(b *testing.B, dir string, pid int) func() {
		return beside(b, exec.Command("strace", "-f", "-ttt", "-T", "-o", filepath.Join(dir, "strace"), "-p", strconv.Itoa(pid)))
	}},
}

// beside starts a tracer and waits until it is likely to be there.
func beside(b *testing.B, c *exec.Cmd) func() {
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	return func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
	}
}

var requests = regexp.MustCompile(`([0-9.]+) requests per second`)

// BenchmarkRedis measures what is left of the throughput of a redis-server on
// this machine, GET by 20 clients, while tracers watch it. Rounds take turns;
// medians of ratios within a round are reported.
func BenchmarkRedis(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	for _, p := range []string{"redis-server", "redis-benchmark"} {
		if _, err := exec.LookPath(p); err != nil {
			b.Skipf("no %s", p)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	server := exec.Command("redis-server", "--port", port, "--save", "", "--dir", b.TempDir())
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	for i := 0; ; i++ {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			break
		}
		if i == 100 {
			b.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	get := func() float64 {
		out, err := exec.Command("redis-benchmark", "-p", port, "-q", "-t", "get", "-c", "20", "-n", "60000").Output()
		m := requests.FindAllSubmatch(out, -1)
		if err != nil || m == nil {
			b.Fatalf("redis-benchmark: %v %q", err, out)
		}
		n, err := strconv.ParseFloat(string(m[len(m)-1][1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	kept := map[string][]float64{}
	for b.Loop() {
		for range 5 {
			for _, t := range tracers {
				if _, err := exec.LookPath(t.needs); t.needs != "" && err != nil {
					continue
				}
				bare := get()
				end := t.start(b, b.TempDir(), server.Process.Pid)
				traced := get()
				end()
				kept[t.name] = append(kept[t.name], traced/bare)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, ratios := range kept {
		b.ReportMetric(median(ratios), fmt.Sprintf("%s×bare", name))
	}
}
