package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/format"
)

// What is interrupted ends by the signal, as it would have, and leaves nothing.
func TestInterruptLeavesNothing(t *testing.T) {
	systape := filepath.Join(t.TempDir(), "systape")
	if out, err := exec.Command("go", "build", "-o", systape, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("this was started with the signal ignored, as by nohup, and so is what it starts")
			}
			dir := t.TempDir()
			c := exec.Command(systape, "bundle", "-", "-o", filepath.Join(dir, "x.zip"))
			c.Env = append(os.Environ(), "TMPDIR="+dir)
			var stderr bytes.Buffer
			c.Stderr = &stderr
			in, err := c.StdinPipe() // which says nothing more
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			for {
				if made, _ := filepath.Glob(filepath.Join(dir, "systape-bundle-*")); len(made) > 0 {
					break
				}
				select {
				case err := <-ended:
					t.Fatalf("it ended before: %v, %s", err, &stderr)
				case <-time.After(10 * time.Millisecond):
				}
			}
			c.Process.Signal(s)
			var end *exec.ExitError
			if err := <-ended; !errors.As(err, &end) || end.Sys().(syscall.WaitStatus).Signal() != s {
				t.Errorf("it ended with %v, %s", err, &stderr)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// A file that has not got its name is swept away; one that has it stays.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	var l leftovers
	make := func(name string) *format.Unfinished {
		t.Helper()
		u, err := format.CreateUnfinished(filepath.Join(dir, name), format.FileOptions{Created: func(f *os.File) error { l.file(f); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	make("begun")
	if err := make("done").Publish(nil); err != nil {
		t.Fatal(err)
	}
	l.sweep()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if got := strings.Join(left, " "); err != nil || got != "done" {
		t.Errorf("what is left: %s, %v", got, err)
	}
}

// Errors speak of the file that the user named, and each is said once.
func TestErrorsOfOutputs(t *testing.T) {
	name := latencyCapture(t, []byte("10 enter 7 getpid()\n11 exit 7 getpid = 7\n"))
	missing := filepath.Join(t.TempDir(), "missing")
	for _, args := range [][]string{{"redact", name}, {"copy", name}, {"audit", name}, {"bundle", name}, {"seccomp", name}, {"pair", name}, {"dump", name}} {
		code, _, stderr := commandLine(t, append(args, "-o", filepath.Join(missing, "x.parquet"))...)
		if code != exitFailed || strings.Contains(stderr, ".partial") || !strings.Contains(stderr, "mkdir -p "+missing) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
	full := &os.PathError{Op: "write", Path: "x.parquet", Err: syscall.ENOSPC}
	err := errors.Join(fmt.Errorf("close capture: %w", full), full, errors.New("something else"))
	if got, want := plainly(err), "close capture: write x.parquet: no space left on device\nsomething else"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
