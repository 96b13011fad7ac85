package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A capture whose head is damaged, and a bundle whose files are not those of its
// manifest, do not answer like whole ones: every command says so, and once.
func TestDamageIsTold(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.parquet")
	text := latencyCapture(t, []byte("10 enter 7 getpid()\n11 exit 7 getpid = 7\n"))
	if code, _, stderr := commandLine(t, "copy", text, "-o", whole); code != 0 {
		t.Fatal(stderr)
	}
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if string(b[4:8]) != "STPH" { // FORMAT.md: the head
		t.Fatalf("the file begins with %q", b[:8])
	}
	b[16+20] ^= 1
	head := filepath.Join(dir, "head.parquet")
	bundle, changed := filepath.Join(dir, "b.zip"), filepath.Join(dir, "changed.zip")
	if err := os.WriteFile(head, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := commandLine(t, "bundle", whole, "-o", bundle); code != 0 {
		t.Fatal(stderr)
	}
	changeManifest(t, bundle, changed)

	for _, c := range []struct{ file, says string }{
		{whole, ""}, {bundle, ""}, {head, "head of the file: checksum does not match"}, {changed, "is not the file that the manifest lists"},
	} {
		for _, args := range [][]string{{"info"}, {"info", "--privacy"}, {"latency"}, {"sequences"}, {"audit"}, {"seccomp"}, {"replay"}, {"dump"},
			{"redact", "--dry-run"}, {"redact", "-o", "OUT.parquet"}, {"copy", "-o", "OUT.parquet"}, {"pair", "-o", "OUT.csv"}, {"bundle", "-o", "OUT.zip"}, {"report", "-o", "OUT.html"},
			{"export", "-o", "OUT.folded"}} {
			full := []string{args[0], c.file}
			for _, a := range args[1:] {
				full = append(full, strings.Replace(a, "OUT", filepath.Join(t.TempDir(), "out"), 1))
			}
			code, _, stderr := commandLine(t, full...)
			if n := strings.Count(stderr, cmp.Or(c.says, "damaged")); c.says == "" && n != 0 || c.says != "" && n != 1 || code == exitUsage {
				t.Errorf("%q: exit code %d, said %d times: %s", full, code, n, stderr)
			}
		}
	}
}

// changeManifest copies a bundle, but that its manifest lists other bytes for a file.
func changeManifest(t *testing.T, from, to string) {
	t.Helper()
	r, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, e := range r.File {
		if e.Name != bundleManifestName {
			if err := w.Copy(e); err != nil {
				t.Fatal(err)
			}
			continue
		}
		in, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		var m bundleManifest
		if err := json.NewDecoder(in).Decode(&m); err != nil {
			t.Fatal(err)
		}
		m.Files[len(m.Files)-1].SHA256 = strings.Repeat("0", 64)
		text, _ := json.Marshal(m)
		out, err := w.Create(e.Name)
		if err == nil {
			_, err = io.Copy(out, bytes.NewReader(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
