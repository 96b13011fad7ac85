package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
