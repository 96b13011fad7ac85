package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"systape/internal/kerneltest"
	"systape/internal/readers"
)

// TestPythonPackage builds the wheel of this platform, installs it into .venv,
// checks its types and runs its tests; with SYSTAPE_KERNEL_TESTS=1 also those
// that record.
func TestPythonPackage(t *testing.T) {
	python, err := filepath.Abs(readers.Python(t))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("python/wheel.sh needs a shell")
	}
	dist := t.TempDir()
	run := func(dir, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "SYSTAPE=", "PYTHONDONTWRITEBYTECODE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run("../../python", "./wheel.sh", python, dist, runtime.GOOS+"/"+runtime.GOARCH)
	wheels, err := filepath.Glob(filepath.Join(dist, "*.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatalf("%v, %v", wheels, err)
	}
	run(dist, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall", wheels[0])
	run("../../python", python, "-m", "mypy", "--cache-dir", filepath.Join(dist, "types"))
	data, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-W", "error::ResourceWarning", "../../python/tests/test_systape.py", data}
	if os.Getenv("SYSTAPE_KERNEL_TESTS") == "1" {
		kerneltest.Require(t)
		args = append(args, "--record")
	}
	run(".", python, args...)
}
