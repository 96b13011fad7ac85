package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func makeBundle(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bug.zip")
	if code, stdout, stderr := commandLine(t, append([]string{"bundle", "-o", path}, args...)...); code != 0 || stdout != "" {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	return path
}

// Every offline command reads a bundle as it reads the capture in it.
func TestBundleIsReadByEveryCommand(t *testing.T) {
	const capture = "../../testdata/v1/workload.parquet"
	bundle := makeBundle(t, "--no-redact", capture)
	for _, words := range []string{"latency", "latency --errors", "latency --slowest 3", "sequences", "replay", "replay --events", "info --privacy", "dump", "pair -o -", "seccomp",
		"export --format strace", "export --format jsonl", "compare ONE", "redact --dry-run --format json"} {
		args := strings.Fields(strings.ReplaceAll(words, "ONE", capture))
		want, got := answer(t, append(args[:len(args):len(args)], capture)), answer(t, append(args[:len(args):len(args)], bundle))
		if words == "redact --dry-run --format json" { // each time under another key
			want, got = want[:100], got[:100]
		}
		clean := func(s string) string {
			s = strings.NewReplacer(filepath.Base(capture), "FILE", filepath.Base(bundle), "FILE", capture, "FILE", bundle, "FILE").Replace(s)
			return strings.Join(strings.Fields(s), " ")
		}
		if words != "compare ONE" && clean(got) != clean(want) {
			t.Errorf("%s: the bundle says\n%.2000s\nthe capture\n%.2000s", words, got, want)
		}
		if strings.Contains(got, "exit code") {
			t.Errorf("%s: %s", words, got)
		}
	}
}

// The same capture and key make the same bundle; what it holds is redacted, and
// the texts beside the capture are of the redacted one.
func TestBundleIsTheSameTwice(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	capture := privacyCapture(t)
	a, err := os.ReadFile(makeBundle(t, "--key", key, capture))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "a folder for temporary files whose name is long")
	if err := os.Mkdir(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", elsewhere)
	b, err := os.ReadFile(makeBundle(t, "--key", key, capture))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("the second bundle differs from the first (%v)", err)
	}
	z, err := zip.NewReader(bytes.NewReader(a), int64(len(a)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = len(text) > 0
		for _, secret := range []string{"hunter2", "acme", "build-7", os.TempDir()} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s tells %q", f.Name, secret)
			}
		}
	}
	for _, name := range []string{"capture.parquet", "info.txt", "latency.txt", "errors.txt", "sequences.txt", "verify.txt", "report.html", "manifest.json"} {
		if !found[name] {
			t.Errorf("%s is not there, or is empty", name)
		}
	}
}

// verify holds a bundle against its manifest.
func TestBundleManifest(t *testing.T) {
	path := makeBundle(t, "../../testdata/v1/workload.parquet")
	if code, stdout, stderr := commandLine(t, "verify", path); code != 0 || !strings.Contains(stdout, "ok    B1") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	rewritten := func(change func(name string, text []byte) (string, []byte)) string {
		t.Helper()
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			name, text := change(f.Name, text)
			if name == "" {
				continue
			}
			e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: f.Method})
			if err != nil {
				t.Fatal(err)
			}
			e.Write(text)
		}
		w.Close()
		file := filepath.Join(t.TempDir(), "changed.zip")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, f := range z.File {
		if y, m, d := f.Modified.Date(); y != 1980 || m != 1 || d != 1 {
			t.Errorf("%s is of %v", f.Name, f.Modified)
		}
	}
	for what, change := range map[string]func(string, []byte) (string, []byte){
		"a text was changed": func(n string, b []byte) (string, []byte) {
			if n == "latency.txt" {
				b = append(b, ' ')
			}
			return n, b
		},
		"a text is gone": func(n string, b []byte) (string, []byte) {
			return strings.ReplaceAll(n, "errors.txt", ""), b
		},
		"a name is none": func(n string, b []byte) (string, []byte) {
			if n == bundleManifestName {
				b = bytes.ReplaceAll(b, []byte(`"latency.txt"`), []byte(`"\u001b[31mred\ntxt"`))
			}
			return n, b
		},
		"a file was added": func(n string, b []byte) (string, []byte) {
			return strings.ReplaceAll(n, "info.txt", "more.txt"), b
		},
		"the manifest lists more than any bundle holds": func(n string, b []byte) (string, []byte) {
			if n == bundleManifestName {
				b = append(bytes.TrimSuffix(bytes.TrimSpace(b), []byte("]\n}")), bytes.Repeat([]byte(`,{}`), 1<<20)...)
				b = append(b, "]}"...)
			}
			return n, b
		},
		"the manifest is gone": func(n string, b []byte) (string, []byte) {
			return strings.ReplaceAll(n, "manifest.json", ""), b
		},
	} {
		code, stdout, _ := commandLine(t, "verify", rewritten(change))
		if code != exitDamaged || !strings.Contains(stdout, "FAIL  B1") || strings.Contains(what, "more than any") != strings.Contains(stdout, "larger than 1 MiB") {
			t.Errorf("%s: exit code %d\n%s", what, code, stdout)
		}
	}
}

func TestBundleSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bug.zip")
	code, _, stderr := commandLine(t, "bundle", "../../testdata/v1/workload.parquet", "--max-size", "1KB", "-o", path)
	if _, err := os.Stat(path); code != exitFailed || !strings.Contains(stderr, "--max-size 1KB") || err == nil {
		t.Errorf("exit code %d, %s, the file: %v", code, stderr, err)
	}
}

// With --max-size a bundle holds the stretch that was asked for, says what it
// leaves out, and every command still reads it.
func TestBundleFits(t *testing.T) {
	const capture = "../../testdata/v1/workload.parquet"
	whole, err := os.Stat(makeBundle(t, "--no-redact", capture))
	if err != nil {
		t.Fatal(err)
	}
	limit := whole.Size() - whole.Size()/4 // a page of less detail is not enough then
	for _, test := range []struct {
		around string
		first  bool // the beginning is kept
		last   bool // the end is
	}{{"", false, true}, {"+0s", true, false}} {
		path := filepath.Join(t.TempDir(), "bug.zip")
		args := []string{"bundle", "-o", path, "--no-redact", capture, "--max-size", fmt.Sprint(limit)}
		if test.around != "" {
			args = append(args, "--around", test.around)
		}
		code, _, stderr := commandLine(t, args...)
		if code != 0 || !strings.Contains(stderr, "left out ") {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		if st, err := os.Stat(path); err != nil || st.Size() > limit {
			t.Errorf("%d bytes, at most %d were asked for (%v)", st.Size(), limit, err)
		}
		z, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		f, err := z.Open("manifest.json")
		if err != nil {
			t.Fatal(err)
		}
		var m bundleManifest
		if err := json.NewDecoder(f).Decode(&m); err != nil || m.LeftOut == nil {
			t.Fatalf("manifest: %+v, %v", m, err)
		}
		l := m.LeftOut
		if l.Kept <= 0 || l.Kept >= l.Events || (l.FromNS == 0) != test.first || (l.ToNS == l.LastNS+1) != test.last {
			t.Errorf("around %q: %+v", test.around, l)
		}
		if code, stdout, stderr := commandLine(t, "verify", path); code != 0 {
			t.Errorf("verify: %d: %s%s", code, stdout, stderr)
		}
	}
	for _, test := range []struct{ args, want string }{
		{"--around +1s", "--max-size keeps"},
		{"--around 1x --max-size 1MB", "--around"},
		{"--around +9999s --max-size 10kB", "is not of that time"},
		{"--max-size 1kB", "no stretch"},
	} {
		path := filepath.Join(t.TempDir(), "bug.zip")
		code, _, stderr := commandLine(t, append([]string{"bundle", "-o", path, capture}, strings.Fields(test.args)...)...)
		if _, err := os.Stat(path); code == 0 || !strings.Contains(stderr, test.want) || err == nil {
			t.Errorf("%s: exit code %d, %s", test.args, code, stderr)
		}
	}
}
