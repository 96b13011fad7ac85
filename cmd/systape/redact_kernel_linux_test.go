package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
	"systape/internal/kerneltest"
)

// TestRecordedSecret records a program that has a secret in its arguments, its
// environment and its memory, and looks for it: it is in the command line, if
// that was asked for, and nowhere else; after redaction it is nowhere.
func TestRecordedSecret(t *testing.T) {
	kerneltest.Require(t)
	r := buildRecorder(t)
	const secret = "hunter2correcthorse"
	dir := t.TempDir()
	record := func(name string, flags ...string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		args := append(append([]string{"record", "-q", "-o", file}, flags...), "--", "sh", "-c", `x="$0$API_TOKEN"; echo "$x" > /dev/null; cat /dev/null`, "--token="+secret)
		c := r.command(t, args...)
		c.Env = append(os.Environ(), "API_TOKEN="+secret)
		if got := r.finish(t, c); got.code != 0 {
			t.Fatalf("exit code %d: %s", got.code, got.stderr)
		}
		return file
	}
	where := func(file string) (inMeta, elsewhere bool) {
		t.Helper()
		var m format.Meta
		if err := json.Unmarshal([]byte(r.succeed(t, "info", "--format", "json", file).out), &m); err != nil {
			t.Fatal(err)
		}
		inMeta = strings.Contains(strings.Join(m.Request.Command, " "), secret)
		m.Request.Command = nil
		rest, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var rows strings.Builder
		for line := range strings.Lines(r.succeed(t, "dump", file).out) {
			if !strings.HasPrefix(line, "#") {
				rows.WriteString(line)
			}
		}
		if !strings.Contains(rows.String(), "/cat") {
			t.Fatalf("%s: the rows were not looked at", file)
		}
		return inMeta, strings.Contains(string(rest), secret) || strings.Contains(rows.String(), secret)
	}
	full := record("full.parquet", "--full-command-line")
	for _, c := range []struct {
		file   string
		inMeta bool
	}{{full, true}, {record("masked.parquet"), false}, {record("none.parquet", "--no-command-line"), false}} {
		if in, elsewhere := where(c.file); in != c.inMeta || elsewhere {
			t.Errorf("%s: in the command line %v, want %v; elsewhere %v", filepath.Base(c.file), in, c.inMeta, elsewhere)
		}
	}
	safe := filepath.Join(dir, "safe.parquet")
	r.succeed(t, "redact", full, "-o", safe)
	if in, elsewhere := where(safe); in || elsewhere {
		t.Error("the secret outlived redaction")
	}
	if out, err := exec.Command("grep", "-c", secret, safe).CombinedOutput(); err == nil {
		t.Errorf("the bytes of the redacted capture hold the secret: %s", out)
	}
}
