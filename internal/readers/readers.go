// Package readers finds for all packages the other readers that captures are
// tested against. With SYSTAPE_READERS=1, as CI sets it, they must be there.
package readers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Python returns the interpreter that has the packages of
// testdata/requirements.txt: the one that SYSTAPE_PYTHON names, or that of
// .venv, which make sets up. Without it the test is skipped.
func Python(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("SYSTAPE_PYTHON"); path != "" {
		return path
	}
	venv := filepath.Join(root(t), ".venv")
	// make writes "ready" when all packages are in: an interpreter is there
	// before them, and stays when their installation failed.
	if _, err := os.Stat(filepath.Join(venv, "ready")); err != nil {
		if os.Getenv("SYSTAPE_READERS") == "1" {
			t.Fatalf("SYSTAPE_READERS=1, but %v: run make readers", err)
		}
		t.Skip("needs pyarrow, Polars, DuckDB and pandas in .venv: run make readers")
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(venv, "Scripts", "python.exe")
	}
	return filepath.Join(venv, "bin", "python")
}

// Spark returns the interpreter of [Python], which has pyspark, on a machine
// that has the Java which Spark runs on. Without it the test is skipped.
func Spark(t testing.TB) string {
	t.Helper()
	python := Python(t)
	if _, err := exec.LookPath("java"); err != nil {
		if os.Getenv("SYSTAPE_READERS") == "1" {
			t.Fatalf("SYSTAPE_READERS=1, but %v: apt-get install openjdk-17-jre-headless", err)
		}
		t.Skip("needs Java 17 for Spark: apt-get install openjdk-17-jre-headless")
	}
	return python
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	t.Fatalf("no go.mod above %s: %v", dir, err)
	return ""
}
