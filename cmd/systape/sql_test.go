package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"systape/internal/readers"
)

// TestSQL holds the scripts of sql/ against systape's own results: pairs row
// for row, histograms bucket for bucket, n-grams count for count.
func TestSQL(t *testing.T) {
	python := readers.Python(t)
	random := filepath.Join(t.TempDir(), "random.parquet")
	if code, _, stderr := infoRun(t, "recover", latencyRandomCapture(t), "-o", random); code != 0 {
		t.Fatal(stderr)
	}
	made := t.TempDir()
	if out, err := exec.Command(python, "testdata/sql_lossy.py", "../../testdata/v1/workload.parquet", made).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lossy, err := filepath.Glob(filepath.Join(made, "*.parquet"))
	if err != nil || len(lossy) != 4 {
		t.Fatalf("%v, %v", lossy, err)
	}
	for _, capture := range append(lossy, "../../testdata/v1/workload.parquet", random) {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			dir := t.TempDir()
			calls, histogram, sequences := filepath.Join(dir, "calls.parquet"), filepath.Join(dir, "histogram.csv"), filepath.Join(dir, "sequences.json")
			if code, _, stderr := infoRun(t, "pair", capture, "-o", calls); code != 0 {
				t.Fatal(stderr)
			}
			for name, args := range map[string][]string{
				histogram: {"latency", "--histogram", "--censored", "exclude", "--format", "csv", capture},
				sequences: {"sequences", "-n", "3", "--top", "0", "--format", "json", capture},
			} {
				code, out, stderr := infoRun(t, args...)
				if code != 0 {
					t.Fatal(stderr)
				}
				if err := os.WriteFile(name, []byte(out), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command(python, "testdata/sql_equal.py", "../../sql", capture, calls, histogram, sequences).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
