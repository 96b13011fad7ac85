package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// What export writes as JSON lines import reads, and nothing of the events
// changes on the way.
func TestJSONLinesOutAndIn(t *testing.T) {
	const original = "../../testdata/v1/workload.parquet"
	export := func(path string) []byte {
		t.Helper()
		var out, stderr bytes.Buffer
		if code := run(context.Background(), []string{"export", "--to", "jsonl", path}, strings.NewReader(""), &out, &stderr); code != 0 {
			t.Fatalf("export %s: exit code %d\n%s", path, code, &stderr)
		}
		return out.Bytes()
	}
	lines := export(original)
	if bytes.Count(lines, []byte("\n")) < 1000 {
		t.Fatalf("got %d bytes of lines from the sample capture", len(lines))
	}
	copied := filepath.Join(t.TempDir(), "copy.parquet")
	var stderr bytes.Buffer
	if code := run(context.Background(), []string{"import", "--from", "jsonl", "-", "-o", copied}, bytes.NewReader(lines), &bytes.Buffer{}, &stderr); code != 0 {
		t.Fatalf("import: exit code %d\n%s", code, &stderr)
	}
	if got := export(copied); !bytes.Equal(got, lines) {
		t.Errorf("got %d bytes, want the %d that went in", len(got), len(lines))
	}
	damaged := bytes.Replace(lines, []byte(`"kind":"exit"`), []byte(`"kind":"exot"`), 1)
	if code := run(context.Background(), []string{"import", "--from", "jsonl", "-", "-o", copied, "--force"}, bytes.NewReader(damaged), &bytes.Buffer{}, &stderr); code == 0 {
		t.Error("a line of an unknown kind was read")
	}
}
