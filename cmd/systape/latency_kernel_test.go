//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"systape/internal/kerneltest"
	"systape/replay/latency"
)

// TestLatencyTruth records a program whose sleeps and errors are known. No
// figure depends on how fast or busy the machine is: what was asked of the
// sleeps bounds them from below, what the program measured around its calls
// from above.
func TestLatencyTruth(t *testing.T) {
	kerneltest.Require(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "latency_truth")
	if out, err := exec.Command("cc", "-O1", "-static", "-o", program, "../../testdata/programs/latency_truth.c").CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	// The program prints, and then waits for ever in a call that must be seen
	// as open: recording ends first.
	printed, pidFile := filepath.Join(dir, "printed"), filepath.Join(dir, "pid")
	script := fmt.Sprintf("echo $$ > %s; exec %s > %s 2>&1", pidFile, program, printed)
	defer func() {
		b, _ := os.ReadFile(pidFile)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}()
	capture := filepath.Join(dir, "truth.parquet")
	var stderr bytes.Buffer
	run(context.Background(), []string{"record", "-o", capture, "-d", "3s", "--", "sh", "-c", script}, strings.NewReader(""), &bytes.Buffer{}, &stderr)
	text, err := os.ReadFile(printed)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	total, longest := map[string]int64{}, map[string]int64{}
	for line := range strings.Lines(string(text)) {
		var name string
		var sum, max int64
		if _, err := fmt.Sscan(line, &name, &sum, &max); err != nil {
			t.Fatal(err)
		}
		total[name], longest[name] = sum, max
	}
	groups := latencyGroups(t, "--comm", "latency_truth", capture)

	const ms = 1_000_000
	for name, want := range map[string]struct{ count, errors, least, minimum int64 }{
		"clock_nanosleep": {100, 0, 280 * ms, 2 * ms},
		"openat":          {300, 300, 0, 0},
		"ftruncate":       {300, 300, 0, 0},
	} {
		g := groups[name]
		if g.Count != want.count || g.Errors != want.errors {
			t.Errorf("%s: %d calls, %d errors; want %d, %d", name, g.Count, g.Errors, want.count, want.errors)
		}
		if g.TotalNS < want.least || g.TotalNS > total[name] {
			t.Errorf("%s: total %d ns, want at least %d and at most the %d measured around the calls", name, g.TotalNS, want.least, total[name])
		}
		if g.MinNS < want.minimum || g.MaxNS > longest[name] {
			t.Errorf("%s: from %d to %d ns, want at least %d and at most %d", name, g.MinNS, g.MaxNS, want.minimum, longest[name])
		}
	}
	// Ninety of the hundred sleeps asked for 2 ms and ten for 10 ms: p90 is
	// the longest of ninety, p99 one of the ten, within the error of a bucket.
	sleep := groups["clock_nanosleep"]
	bound := func(ns int64) int64 { return int64(float64(ns) * (1 - latency.MaxRelativeError)) }
	if sleep.P50 < bound(2*ms) || sleep.P99 < bound(10*ms) || sleep.P50 > sleep.P90 || sleep.P90 > sleep.P99 || sleep.P99 > sleep.P999 {
		t.Errorf("percentiles of the sleeps are %d %d %d %d ns, want at least 2 ms and, from p99 on, 10 ms", sleep.P50, sleep.P90, sleep.P99, sleep.P999)
	}
	if mean := sleep.TotalNS / sleep.Count; sleep.MeanNS < mean || sleep.MeanNS > mean+1 {
		t.Errorf("mean of the sleeps is %d ns, want %d/100", sleep.MeanNS, sleep.TotalNS)
	}
	// The last call never ended: it must be there, as a lower bound.
	if stuck := groups["ppoll"]; stuck.Count != 0 || stuck.Censored != 1 || stuck.Unreached != "p50 p90 p99 p999" || stuck.CensoredMaxNS < ms {
		t.Errorf("the call that never ended is %+v, want one open call of a second or so", stuck)
	}

	// The errors by name, with the latency of each kind.
	code, out, errText := runLatencyCommand(t, "--errors", "--format", "csv", "--comm", "latency_truth", capture)
	if code != 0 {
		t.Fatal(errText)
	}
	for _, want := range []string{"\nopenat,ENOENT,300,300,1,", "\nftruncate,EBADF,200,300,", "\nftruncate,EINVAL,100,300,"} {
		if !strings.Contains(out, want) {
			t.Errorf("errors have no row %q:\n%s", want[1:], out)
		}
	}
}
