package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// recordSoak: a recording in parts goes on and on: memory and descriptors of the
// recorder stay what they are, and all that is there verifies, alone and as one.
// `make soak` lets each take its share of SYSTAPE_SOAK minutes; else it is seconds,
// which show that it works and not that it lasts.
func recordSoak(t *testing.T, r recorder) {
	lasts := 6 * time.Second
	if minutes, err := strconv.ParseFloat(os.Getenv("SYSTAPE_SOAK"), 64); err == nil {
		lasts = time.Duration(minutes * float64(time.Minute))
	}
	t.Run("steady", func(t *testing.T) {
		// About 300,000 events a second, of which the latest parts are kept.
		s := r.soak(t, lasts, []string{"-W", "8"}, []string{r.program("busy"), "3000"})
		if n := len(s.parts); n == 0 || n > 8 {
			t.Errorf("%d parts are left, want at most 8: %q", n, s.parts)
		}
	})
	t.Run("no CPU idle", func(t *testing.T) {
		var loads [][]string
		for range runtime.NumCPU() {
			loads = append(loads, []string{r.program("busy"), "3000"}, []string{"timeout", "100", "sh", "-c", "while :; do :; done"})
		}
		s := r.soak(t, lasts/3, nil, loads...)
		// The recorder's own counters and what is told as lost are the rest of the calls.
		var got struct {
			Rules []struct {
				Rule, Detail string
				OK, Checked  bool
			}
		}
		if err := json.Unmarshal([]byte(r.verifyLong(t, "--format", "json", s.dir)), &got); err != nil {
			t.Fatal(err)
		}
		for _, rule := range got.Rules {
			if !rule.OK || !rule.Checked {
				t.Errorf("%s: ok %v, checked %v: %s", rule.Rule, rule.OK, rule.Checked, rule.Detail)
			}
		}
	})
}

// verifyLong verifies what takes as long as it takes.
func (r recorder) verifyLong(t *testing.T, args ...string) string {
	t.Helper()
	got := r.finish(t, exec.Command(r.systape, append([]string{"verify"}, args...)...))
	if got.code != 0 {
		t.Fatalf("verify %q: %+v", args, got)
	}
	return got.out
}

// soaked is what is left of a recording.
type soaked struct {
	dir   string
	parts []string
}

// soak records the system in twelve parts while the loads run.
func (r recorder) soak(t *testing.T, lasts time.Duration, args []string, loads ...[]string) soaked {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(r.systape, append([]string{"record", "-a", "-G", fmt.Sprint((lasts / 12).Seconds()), "-o", filepath.Join(dir, "t.parquet")}, args...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, words := range loads {
		running.Go(func() {
			for {
				load := exec.Command(words[0], words[1:]...)
				if load.Start() != nil {
					return
				}
				again := true
				select {
				case <-stop:
					again = false
				case <-time.After(time.Minute): // it ends by itself after two, if this test is killed
				}
				load.Process.Signal(syscall.SIGTERM)
				load.Wait()
				if !again {
					return
				}
			}
		})
	}
	began := time.Now()
	var memory, files [4]int64 // the most in each quarter
	for time.Since(began) < lasts {
		quarter := min(int(4*time.Since(began)/lasts), 3)
		m, f := processUse(t, c.Process.Pid)
		memory[quarter], files[quarter] = max(memory[quarter], m), max(files[quarter], f)
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	running.Wait()
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	t.Logf("%v: %s", lasts, stderr.String())
	t.Logf("memory by quarters %d, descriptors %d", memory, files)
	if most := memory[3]; most > 256<<20 || most > memory[1]*5/4+(8<<20) {
		t.Errorf("memory of the recorder by quarters: %d", memory)
	}
	most := files[1] + 4
	if lasts < time.Minute {
		most += 12 // parts of a moment each, all of which may still wait to be sealed
	}
	if files[3] > most {
		t.Errorf("descriptors of the recorder by quarters: %d", files)
	}
	parts, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, part := range append(parts, dir) {
		r.verifyLong(t, part)
	}
	return soaked{dir, parts}
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
