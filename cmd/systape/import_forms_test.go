package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/replay/units"
)

// A text that lost its end in its compressed form, and JSON that is not one
// object a line, are told how they can be read; what the step makes is read.
func TestImportsHaveANextStep(t *testing.T) {
	var whole, zipped bytes.Buffer
	for range 5000 {
		whole.WriteString(`{"timestamp":1657290245020855990,"hostProcessId":7,"hostThreadId":8,"eventName":"close","returnValue":0,"args":[{"name":"fd","value":5}]}` + "\n")
	}
	z := gzip.NewWriter(&zipped)
	z.Write(whole.Bytes())
	z.Close()
	cut := zipped.Bytes()[:zipped.Len()*2/3]
	dump := gzipped(t, "\n\n")
	for _, c := range []struct {
		from, name string
		text       []byte
		want, hint string
	}{
		{"tracee", "a log.gz", cut, "cut off or damaged", "gzip -dc 'FILE' | systape import --from tracee - -o OUT"},
		{"strace", "log.gz", cut, "cut off or damaged", "gzip -dc FILE | systape import --from strace - -o OUT"},
		{"dump", "dump.gz", dump[:len(dump)-5], "cut off or damaged", "gzip -dc FILE | systape import --from dump - -o OUT"},
		{"jsonl", "jsonl.gz", dump[:len(dump)-5], "cut off or damaged", "gzip -dc FILE | systape import --from jsonl - -o OUT"},
		{"tracee", "pretty.json", []byte("[\n {\n  \"timestamp\": 5\n }\n]\n"), "no line could be read as tracee", `jq -c 'if type == "array" then .[] else . end' FILE | systape import --from tracee - -o OUT`},
		{"strace", "pretty.json", []byte("[\n {\n  \"timestamp\": 5\n }\n]\n"), "no line could be read as strace", ""},
	} {
		dir := t.TempDir()
		name, output := filepath.Join(dir, c.name), filepath.Join(dir, "out.parquet")
		if err := os.WriteFile(name, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := commandLine(t, "import", "--from", c.from, name, "-o", output)
		hint := strings.NewReplacer("FILE", name, "OUT", output).Replace(c.hint)
		if code != exitFailed || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, hint) || (c.hint == "") != !strings.Contains(stderr, "hint:") {
			t.Errorf("%s %s: exit code %d, %s; want %q and the hint %q", c.from, c.name, code, stderr, c.want, hint)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "out*")); len(left) > 0 {
			t.Errorf("%s %s: left behind: %v", c.from, c.name, left)
		}
	}
}

// An import says as many calls as everything says that reads its capture.
func TestImportCountsCalls(t *testing.T) {
	files, err := filepath.Glob("../../replay/convert/importer/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	returnsAlone := 0
	for _, name := range files {
		from, _, _ := strings.Cut(filepath.Base(name), "_")
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if f.Name != "in" {
				continue
			}
			dir := t.TempDir()
			text, capture := filepath.Join(dir, "text"), filepath.Join(dir, "out.parquet")
			if err := os.WriteFile(text, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := commandLine(t, "import", "--from", from, text, "-o", capture)
			if code != 0 { // unm wants a map
				continue
			}
			_, info, _ := commandLine(t, "info", "--format", "json", capture)
			var about struct{ Coverage struct{ Calls int64 } }
			if err := json.Unmarshal([]byte(info), &about); err != nil {
				t.Fatal(err)
			}
			if want := "imported: " + units.Counted(about.Coverage.Calls, "call") + ", "; !strings.Contains(stderr, want) {
				t.Errorf("%s: want %q, got %s", name, want, stderr)
			}
			if strings.Contains(stderr, "seen to return only") {
				returnsAlone++
			}
		}
	}
	if returnsAlone == 0 {
		t.Error("in no text did a call return only")
	}
	_, events, _ := commandLine(t, "dump", "../../testdata/incident/incident.parquet")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(events), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, stderr := commandLine(t, "import", "--from", "dump", text, "-o", text+".parquet"); !strings.HasPrefix(stderr, "imported: ") || strings.Contains(stderr, "call") {
		t.Errorf("the rows of a dump are said to be calls: %s", stderr)
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
