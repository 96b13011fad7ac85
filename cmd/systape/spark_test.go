package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"systape/internal/readers"
)

// TestSpark computes a dataset on Spark, in this process' own two threads and on
// a standalone cluster of two workers, and holds it against systape's own results:
// calls row for row, histograms bucket for bucket, n-grams count for count. The
// dataset is cut so small that what is long or lossy goes over the edges of tasks.
func TestSpark(t *testing.T) {
	python := readers.Spark(t)
	if runtime.GOOS == "windows" {
		t.Skip("the cluster's scripts need a shell")
	}
	program := filepath.Join(t.TempDir(), "systape")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, mode := range []string{"local", "cluster"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			run := exec.Command(python, "testdata/spark_equal.py", program, "../../spark", "../../testdata/v1/workload.parquet", dir, mode)
			run.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "HOME="+dir, "USER=spark")
			stderr, err := os.Create(filepath.Join(dir, "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			defer stderr.Close()
			run.Stderr = stderr // Spark's log
			if out, err := run.Output(); err != nil || len(out) > 0 {
				log, _ := os.ReadFile(stderr.Name())
				t.Errorf("%v\n%s%s", err, out, log[max(len(log)-8000, 0):])
			}
		})
	}
}
