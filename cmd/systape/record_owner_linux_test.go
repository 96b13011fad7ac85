package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// recordWithoutOwners: a file system that keeps no owners (here: a process that
// may not give files away) is told once and hinders nothing, and what failed
// before leaves nothing that blocks the next try.
func recordWithoutOwners(t *testing.T, r recorder) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	run := func(command string) (string, int) {
		c := exec.Command("setpriv", "--bounding-set", "-chown", r.systape, "record", "-o", path, "--", command)
		c.Env = append(os.Environ(), "SUDO_UID=12345", "SUDO_GID=12345")
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := run("no-such-command-here"); code != 127 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	out, code := run("true")
	if code != 0 || strings.Count(out, "warning: ") != 1 || !strings.Contains(out, "operation not permitted") {
		t.Errorf("exit code %d: %s", code, out)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 1 || left[0] != path {
		t.Errorf("left are %v", left)
	}
}
