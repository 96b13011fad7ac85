package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"systape/format"
)

// What export writes as JSON lines import reads, and nothing of the capture
// changes on the way but the version of the format: host, request, clock,
// losses and completeness are in the first line. Some of the lines are a
// selection, which says so and has no counts; lines without the first are an
// import like any other.
func TestJSONLinesOutAndIn(t *testing.T) {
	const original = "../../testdata/v1/workload.parquet"
	export := func(path string) []byte {
		t.Helper()
		var out, stderr bytes.Buffer
		if code := run(context.Background(), []string{"export", "--format", "jsonl", path}, strings.NewReader(""), &out, &stderr); code != 0 {
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
	version := regexp.MustCompile(`^{"kind":"meta","meta":{"format":\d+,`)
	if got := export(copied); !bytes.Equal(version.ReplaceAll(got, nil), version.ReplaceAll(lines, nil)) {
		t.Errorf("got %d bytes, want the %d that went in", len(got), len(lines))
	}
	about := func(text []byte) (m format.Meta) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "some.parquet")
		if code := run(context.Background(), []string{"import", "--from", "jsonl", "-", "-o", name}, bytes.NewReader(text), &bytes.Buffer{}, &stderr); code != 0 {
			t.Fatalf("import: exit code %d\n%s", code, &stderr)
		}
		var info bytes.Buffer
		run(context.Background(), []string{"info", "--format", "json", name}, strings.NewReader(""), &info, &stderr)
		if err := json.Unmarshal(info.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	first, rest, _ := bytes.Cut(lines, []byte("\n"))
	incomplete := bytes.Replace(first, []byte(`"complete":true`), []byte(`"complete":false`), 1)
	if m := about(append(append(incomplete, '\n'), rest...)); m.Complete || m.Host.Name != "sample" || m.Imported != nil {
		t.Errorf("an incomplete capture comes back as %+v", m)
	}
	half := bytes.Join(bytes.Split(lines, []byte("\n"))[:1000], []byte("\n"))
	if m := about(half); !m.Complete || m.Host.Name != "sample" || m.Counts != nil || m.Imported == nil || m.Imported.From != "jsonl" {
		t.Errorf("a selection comes back as %+v", m)
	}
	if m := about(rest); m.Host.Name != "" || m.Imported == nil || m.Imported.From != "jsonl" {
		t.Errorf("lines without the first come back as %+v", m)
	}
	damaged := bytes.Replace(lines, []byte(`"kind":"exit"`), []byte(`"kind":"exot"`), 1)
	if code := run(context.Background(), []string{"import", "--from", "jsonl", "-", "-o", copied, "--force"}, bytes.NewReader(damaged), &bytes.Buffer{}, &stderr); code == 0 {
		t.Error("a line of an unknown kind was read")
	}
}
