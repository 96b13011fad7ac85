package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"systape/internal/readers"
)

// TestNotebooks executes the notebooks from top to bottom, with the Python package
// and this program: no cell may fail, nor warn. What they find is asserted in their cells.
// SYSTAPE_NOTEBOOKS=write keeps the answers in the notebooks.
func TestNotebooks(t *testing.T) {
	python := readers.Python(t)
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	notebooks, err := filepath.Glob("../../notebooks/*.ipynb")
	if err != nil || len(notebooks) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	args := append([]string{"testdata/notebooks.py"}, notebooks...)
	if os.Getenv("SYSTAPE_NOTEBOOKS") == "write" {
		args = append(args, "--write")
	}
	run := exec.Command(python, args...)
	program, err := filepath.Glob(filepath.Join(bin, "systape*"))
	if err != nil || len(program) != 1 {
		t.Fatalf("built %v: %v", program, err)
	}
	source, err := filepath.Abs("../../python/src")
	if err != nil {
		t.Fatal(err)
	}
	// Whoever runs the test keeps their own settings of IPython and matplotlib.
	run.Env = append(os.Environ(), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1", "SYSTAPE="+program[0],
		"IPYTHONDIR="+t.TempDir(), "MPLCONFIGDIR="+t.TempDir(), "JUPYTER_CONFIG_DIR="+t.TempDir())
	// What Jupyter itself says goes to standard error; what the cells say does not.
	var stderr strings.Builder
	run.Stderr = &stderr
	if out, err := run.Output(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s%s", err, out, &stderr)
	}
}
