package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onScreen runs a command line whose standard output is a terminal, and
// returns what came out there.
func onScreen(t *testing.T, args ...string) (code int, screen, stderr string) {
	t.Helper()
	master, slave := openTerminal(t)
	return runOn(t, master, slave, args...)
}

// runOn runs a command line whose standard output is the terminal slave.
func runOn(t *testing.T, master, slave *os.File, args ...string) (code int, screen, stderr string) {
	t.Helper()
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error when the other side is closed
		read <- string(b)
	}()
	var errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), slave, &errs)
	slave.Close()
	return code, <-read, errs.String()
}

// No command writes what is not text to a terminal, whatever it is told.
func TestBinaryStaysOffTheTerminal(t *testing.T) {
	capture := latencyCapture(t, []byte(replayLoopCapture))
	text := filepath.Join(t.TempDir(), "t.strace")
	if err := os.WriteFile(text, []byte("7 1.5 getpid() = 7 <0.000001>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	baseline := filepath.Join(t.TempDir(), "baseline")
	for _, line := range []string{
		"import --from strace " + text + " -o -", "import --from strace " + text + " -o /dev/stdout",
		"pair F -o - --format parquet", "pair F -o - --format arrows", "export F --format perfetto", "export F --format pprof -o -",
		"latency F --format parquet", "latency F --format parquet -o -", "latency F --errors --format parquet", "sequences F --format parquet",
		"baseline train F -o " + baseline, "score F --baseline " + baseline,
		"dump F", "replay F", "latency F", "export F --format csv", "pair F -o -", "info F", "sequences F --format csv",
	} {
		code, screen, stderr := onScreen(t, strings.Fields(strings.ReplaceAll(line, "F", capture))...)
		if strings.ContainsAny(screen, "\x00\x08\x0e") || strings.Contains(screen, "PAR1") {
			t.Errorf("%s: wrote %.60q", line, screen)
		}
		binary := strings.Contains(line, "import") || strings.Contains(line, "parquet") || strings.Contains(line, "arrows") || strings.Contains(line, "perfetto") || strings.Contains(line, "pprof")
		if refused := code == exitUsage && strings.Contains(stderr, "terminal") && strings.Contains(stderr, "-o FILE"); refused != binary {
			t.Errorf("%s: exit code %d, %s", line, code, stderr)
		}
	}
}

// A file of its own has no colours, whatever the terminal has.
func TestFilesHaveNoColours(t *testing.T) {
	t.Setenv("TERM", "xterm")
	capture := latencyCapture(t, []byte(replayLoopCapture))
	result, baseline := filepath.Join(t.TempDir(), "result"), filepath.Join(t.TempDir(), "baseline")
	onScreen(t, "baseline", "train", capture, "-o", baseline)
	for _, line := range []string{"latency F", "latency --errors F", "sequences F", "audit F", "compare F -- F", "score --baseline B F"} {
		args := strings.Fields(strings.NewReplacer("F", capture, "B", baseline).Replace(line))
		if code, _, stderr := onScreen(t, append([]string{args[0], "--force", "-o", result}, args[1:]...)...); code != exitOK {
			t.Errorf("%s: exit code %d, %s", line, code, stderr)
		}
		if text, err := os.ReadFile(result); err != nil || len(text) == 0 || bytes.ContainsRune(text, '\x1b') {
			t.Errorf("%s: %v, %q", line, err, text)
		}
	}
}

// A reader that goes away ends the program itself as it ends its commands: in
// order, with nothing left behind.
func TestClosedPipeLeavesNothing(t *testing.T) {
	systape := filepath.Join(t.TempDir(), "systape")
	if out, err := exec.Command("go", "build", "-o", systape, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	capture := latencyCapture(t, []byte(replayLoopCapture))
	temporary := t.TempDir()
	for _, line := range []string{"bundle F -o -", "replay F", "latency F --format csv", "info F"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		c := exec.Command(systape, strings.Fields(strings.ReplaceAll(line, "F", capture))...)
		c.Stdout, c.Env = w, append(os.Environ(), "TMPDIR="+temporary)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Run(); err != nil || strings.Contains(stderr.String(), "pipe") {
			t.Errorf("%s: %v, %s", line, err, &stderr)
		}
		w.Close()
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("%s left %v (%v)", line, left, err)
		}
	}
}
