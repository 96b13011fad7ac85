package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recordSoak: a recording in parts of a steady load, of which the latest are kept, goes
// on and on: memory and descriptors of the recorder stay what they are, and all that
// is there verifies, alone and as one. `make soak` lets it take SYSTAPE_SOAK minutes;
// else it is seconds, which show that it works and not that it lasts.
func recordSoak(t *testing.T, r recorder) {
	lasts := 6 * time.Second
	if minutes, err := strconv.ParseFloat(os.Getenv("SYSTAPE_SOAK"), 64); err == nil {
		lasts = time.Duration(minutes * float64(time.Minute))
	}
	dir := t.TempDir()
	c := exec.Command(r.systape, "record", "-a", "-G", fmt.Sprint((lasts / 12).Seconds()), "-W", "8", "-o", filepath.Join(dir, "t.parquet"))
	var stderr strings.Builder
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // about 300,000 events a second
		defer close(ended)
		for {
			load := exec.Command(r.program("busy"), "3000")
			if load.Start() != nil {
				return
			}
			select {
			case <-stop:
				load.Process.Signal(syscall.SIGTERM)
				load.Wait()
				return
			case <-time.After(time.Minute): // it ends by itself after two
				load.Process.Signal(syscall.SIGTERM)
				load.Wait()
			}
		}
	}()
	began := time.Now()
	var memory, files [4]int64 // the most in each quarter
	for time.Since(began) < lasts {
		quarter := min(int(4*time.Since(began)/lasts), 3)
		m, f := processUse(t, c.Process.Pid)
		memory[quarter], files[quarter] = max(memory[quarter], m), max(files[quarter], f)
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	<-ended
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	t.Logf("%v: %s", lasts, stderr.String())
	t.Logf("memory by quarters %d, descriptors %d", memory, files)
	if most := memory[3]; most > 256<<20 || most > memory[1]*5/4+(8<<20) {
		t.Errorf("memory of the recorder by quarters: %d", memory)
	}
	if files[3] > files[1]+4 {
		t.Errorf("descriptors of the recorder by quarters: %d", files)
	}
	parts, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(parts) == 0 || len(parts) > 8 {
		t.Errorf("%d parts are left, want at most 8: %q", len(parts), parts)
	}
	for _, part := range parts {
		r.succeed(t, "verify", part)
	}
	r.succeed(t, "verify", dir)
}

// processUse returns the memory that a process has, kernel buffers that it has
// mapped included, and how many descriptors.
func processUse(t *testing.T, pid int) (bytes, files int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Sscan(kb, &bytes)
		}
	}
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return bytes << 10, int64(len(list))
}
