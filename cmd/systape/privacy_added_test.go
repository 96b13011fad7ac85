package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/internal/readers"
)

// TestPrivacyOfWhatOthersAdded: columns and metadata that nobody here reads are
// told, and gone from what is written anew.
func TestPrivacyOfWhatOthersAdded(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "added.parquet")
	out, err := exec.Command(readers.Python(t), "-c", `
import sys, pyarrow as pa, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
t = t.append_column("note\x1b", pa.array(["planted"] * len(t))).append_column("home", pa.array([{"of": "planted"}] * len(t)))
pq.write_table(t.replace_schema_metadata({**t.schema.metadata, b"owner": b"planted", b"systape.later": b"planted"}), sys.argv[2])
`, pageCapture, name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, text, stderr := commandLine(t, "info", "--privacy", name)
	text = strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		`columns that another program added, with whatever is in them: note\x1b, of; redact leaves them out`,
		"keys of metadata that another program added, with whatever is in them: owner, systape.later, ARROW:schema; redact leaves them out",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("exit code %d, %s; lacks %q:\n%s", code, stderr, want, text)
		}
	}
	var doc struct {
		Columns []string `json:"unread_columns"`
		Keys    []string `json:"unread_metadata"`
	}
	_, text, _ = commandLine(t, "info", "--privacy", "--format", "json", name)
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(doc.Columns, []string{"note\x1b", "of"}) || !slices.Contains(doc.Keys, "owner") {
		t.Errorf("JSON: %+v", doc)
	}
	for _, args := range [][]string{{"redact"}, {"copy"}} {
		safe := filepath.Join(dir, args[0]+".parquet")
		if code, _, stderr := commandLine(t, append(args, name, "-o", safe)...); code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, stderr)
		}
		_, text, _ = commandLine(t, "info", "--privacy", safe)
		if _, plain, _ := commandLine(t, "info", "--privacy", pageCapture); strings.Contains(text, "another program") || strings.Contains(plain, "another program") {
			t.Errorf("after %v:\n%s\nof what was recorded:\n%s", args, text, plain)
		}
	}
}
