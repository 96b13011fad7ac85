package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Who gives the name of -o of a recording that has made parts is told of them.
func TestNameOfARecordingInParts(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "trace.parquet")
	for _, step := range []struct{ file, hint string }{
		{"", ""},
		{"trace-1.parquet", ""},
		{"trace-00001.parquet", "it was recorded as " + dir + "/trace-00001.parquet"},
		{"trace-00002.parquet", "it was recorded in parts: " + dir + "/trace-*.parquet"},
		{"trace-00003.parquet.spool", "it is recorded in parts, now " + dir + "/trace-00003.parquet.spool"},
	} {
		if step.file != "" {
			if err := os.WriteFile(filepath.Join(dir, step.file), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"latency", name}, {"view", "--no-open", "--follow", name}, {"replay", "--follow", name}} {
			code, _, stderr := commandLine(t, args...)
			want := "systape: " + name + ": no such file or directory\n"
			if step.hint != "" {
				want += "hint: " + step.hint + "\n"
			}
			if code != exitFailed || !strings.HasSuffix(stderr, want) {
				t.Errorf("with %q, %s: %d, %s", step.file, args[0], code, stderr)
			}
		}
	}
}
