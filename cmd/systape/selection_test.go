package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/internal/readers"
)

const selectionSource = "../../testdata/v1/workload.parquet"

// selectionThread is a thread whose every row is a whole call's: it was begun
// and ended in the capture.
func selectionThread(t *testing.T) string {
	t.Helper()
	code, out, stderr := infoRun(t, "replay", "--events", "--format", "jsonl", "--speed", "max", selectionSource)
	if code != 0 {
		t.Fatal(stderr)
	}
	rows, forked, ended := map[int32]int{}, map[int32]bool{}, map[int32]bool{}
	for line := range strings.Lines(out) {
		var e struct {
			Kind string
			TID  int32
			Arg1 int64
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		rows[e.TID]++
		forked[int32(e.Arg1)] = forked[int32(e.Arg1)] || e.Kind == "fork"
		ended[e.TID] = ended[e.TID] || e.Kind == "thread_end"
	}
	best := int32(0)
	for tid, n := range rows {
		if forked[tid] && ended[tid] && n > rows[best] {
			best = tid
		}
	}
	if best == 0 {
		t.Fatal("no such thread")
	}
	return fmt.Sprint(best)
}

// selectionCommands are the commands that read captures, each for one FILE, which
// stands at the end or in its place. What they write goes into dir.
func selectionCommands(profile, dir string) [][]string {
	to := func(name string) string { return filepath.Join(dir, name) }
	return [][]string{
		{"latency"}, {"latency", "--by", "comm,syscall", "--format", "json"}, {"latency", "--slowest", "3"}, {"latency", "--every", "10ms"}, {"latency", "--overhead"}, {"latency", "--heatmap"},
		{"sequences"}, {"sequences", "--threads"}, {"compare", selectionSource, "--", "FILE"}, {"score", "--baseline", profile}, {"baseline", "train", "-o", to("base")},
		{"audit"}, {"seccomp"}, {"replay"}, {"replay", "--events"}, {"info"}, {"info", "--privacy"}, {"verify"}, {"dump"},
		{"export", "--format", "jsonl"}, {"export", "--format", "strace"}, {"export", "-o", to("trace.pftrace")}, {"export", "-o", to("calls.pb.gz")}, {"export", "-o", to("calls.csv")},
		{"pair", "-o", to("calls.parquet")}, {"copy", "-o", to("copy.parquet")}, {"copy", "-o", to("part.parquet"), "--syscall", "read"}, {"copy", "-o", to("set"), "--partition", "date,node"},
		{"redact", "-o", to("redacted.parquet")}, {"bundle", "-o", to("b.zip")}, {"report", "-o", to("report.html")},
	}
}

// TestSelections: what pandas, Polars, DuckDB and pyarrow choose of a capture
// is read by every command as what it is, and what would be misread is refused.
func TestSelections(t *testing.T) {
	python, tid, dir := readers.Python(t), selectionThread(t), t.TempDir()
	if out, err := exec.Command(python, "testdata/selections.py", selectionSource, tid, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls := func(args ...string) string {
		code, out, stderr := infoRun(t, append([]string{"pair", "-o", "-"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		if n := strings.Count(stderr, "a selection by another program"); n > 1 {
			t.Errorf("%v: said %d times: %s", args, n, stderr)
		}
		return copyPaths.ReplaceAllString(out, "") // descriptors cannot be followed where rows are left out
	}
	want := calls(selectionSource, "--tid", tid)
	good, _ := filepath.Glob(filepath.Join(dir, "good", "*.parquet"))
	if len(good) < 13 || !strings.Contains(want, `"enter_seq":`) {
		t.Fatalf("%d selections; calls %.200s", len(good), want)
	}
	if code, _, stderr := infoRun(t, "baseline", "train", selectionSource, "-o", filepath.Join(dir, "profile")); code != 0 {
		t.Fatal(stderr)
	}
	for _, name := range good {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if got := calls(name); got != want {
				t.Errorf("calls differ:\n%s", firstDifference(got, want))
			}
			commands := selectionCommands(filepath.Join(dir, "profile"), t.TempDir())
			for _, args := range commands {
				full := slices.Clone(args)
				if at := slices.Index(full, "FILE"); at >= 0 {
					full[at] = name
				} else {
					full = append(full, name)
				}
				code, out, stderr := infoRun(t, full...)
				made := false
				if at := slices.Index(full, "-o"); at >= 0 && full[at+1] != "-" {
					_, err := os.Stat(full[at+1])
					made = err == nil
				}
				if code != 0 || out == "" && !made || strings.Count(stderr, "a selection by another program") != 1 {
					t.Errorf("%s: exit code %d, %d bytes, %s", args, code, len(out), stderr)
				}
			}
			_, text, _ := infoRun(t, "info", "--format", "json", name)
			var info struct {
				Selection *format.Selection
				Counts    *format.Counts
				Complete  bool
			}
			if err := json.Unmarshal([]byte(text), &info); err != nil || info.Selection == nil || info.Counts != nil || info.Complete {
				t.Errorf("info: %v, %+v", err, info)
			}
			_, text, _ = infoRun(t, "verify", name)
			if !regexp.MustCompile(`C4 .*not checked: rows were left out|C4 .*not checked: no kernel`).MatchString(text) || strings.Contains(text, "FAIL") {
				t.Errorf("verify:\n%s", text)
			}
			if code, _, stderr := infoRun(t, "recover", name); code != 1 || !strings.Contains(stderr, "nothing to recover") {
				t.Errorf("recover: exit code %d, %s", code, stderr)
			}
		})
	}
	bad, _ := filepath.Glob(filepath.Join(dir, "bad", "*", "*.parquet"))
	if len(bad) < 13 {
		t.Fatalf("%d bad ones", len(bad))
	}
	for _, name := range bad {
		says := filepath.Base(filepath.Dir(name))
		t.Run(says+"/"+filepath.Base(name), func(t *testing.T) {
			for _, command := range []string{"latency", "sequences", "dump"} {
				code, _, stderr := infoRun(t, command, name)
				if (code != exitFailed && code != exitDamaged) || !strings.Contains(strings.ReplaceAll(stderr, name, ""), says) {
					t.Errorf("%s: exit code %d, %s", command, code, stderr)
				}
			}
		})
	}
	// Files that one query made are one selection, whatever their names.
	halves := filepath.Join(dir, "halves")
	script := fmt.Sprintf("import pandas as pd; f = pd.read_parquet(%q); f[:len(f)//2].to_parquet(%q); f[len(f)//2:].to_parquet(%q)", good[0], filepath.Join(halves, "b.parquet"), filepath.Join(halves, "a.parquet"))
	if err := os.Mkdir(halves, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, got, stderr := infoRun(t, "pair", "-o", "-", halves)
	got = copyPaths.ReplaceAllString(got, "")
	if code != 0 || got != want || strings.Count(stderr, "a selection by another program") != 2 {
		t.Errorf("halves: exit code %d, %s\n%s", code, stderr, firstDifference(got, want))
	}
}

// TestSelectionOfHalfCalls: where a row was left out, nothing is claimed of
// its call.
func TestSelectionOfHalfCalls(t *testing.T) {
	python, name := readers.Python(t), filepath.Join(t.TempDir(), "errors.parquet")
	script := fmt.Sprintf("import polars as pl; pl.scan_parquet(%q).filter(pl.col('ret') < 0).sink_parquet(%q)", selectionSource, name)
	if out, err := exec.Command(python, "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, out, stderr := infoRun(t, "pair", "-o", "-", name)
	if code != 0 || out == "" || strings.Count(out, `"status":"enter_lost"`) != strings.Count(out, "\n") || strings.Count(out, `"dur_ns":0,`) != strings.Count(out, "\n") {
		t.Errorf("exit code %d, %s\n%.400s", code, stderr, out)
	}
}

// firstDifference shows the first lines that differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d of %d and %d:\n got %s\nwant %s", i, len(a), len(b), a[i], b[min(i, len(b)-1)])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}
