package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A capture in an archive or a log of another tracer is told what to do with;
// the step can be pasted, and then the file is read.
func TestOtherFilesHaveANextStep(t *testing.T) {
	dir := t.TempDir()
	capture := filepath.Join(dir, "a capture.parquet")
	text := latencyCapture(t, []byte("10 enter 7 getpid()\n11 exit 7 getpid = 7\n"))
	if code, _, stderr := commandLine(t, "copy", text, "-o", capture); code != 0 {
		t.Fatal(stderr)
	}
	whole, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	var zipped, archive bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(whole)
	z.Close()
	a := tar.NewWriter(&archive)
	a.WriteHeader(&tar.Header{Name: "t.parquet", Mode: 0o600, Size: int64(len(whole))})
	a.Write(whole)
	a.Close()
	for _, c := range []struct {
		name     string
		contents []byte
		hint     string // "" for none; what it makes follows in makes
		makes    string
	}{
		{"a.parquet.gz", zipped.Bytes(), "hint: it is compressed by gzip:\n  gzip -dc ", "a.parquet"},
		{"no extension", zipped.Bytes(), "hint: it is compressed by gzip:\n  gzip -dc ", "no extension.unpacked"},
		{"a.tar", archive.Bytes(), "hint: it is a tar archive:\n  tar -xOf ", "a"},
		{"a.xz", []byte("\xfd7zXZ\x00 and more"), "hint: it is compressed by xz:\n  xz -dc ", ""},
		{"a.log", []byte("getpid() = 7\n"), "systape import", ""},
		{"program", []byte("\x7fELF\x02\x01\x01\x00"), "", ""},
		{"nothing", nil, "", ""},
	} {
		name := filepath.Join(dir, c.name)
		if err := os.WriteFile(name, c.contents, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"info", "latency", "recover"} {
			code, _, stderr := commandLine(t, command, name)
			if code != exitFailed || !strings.Contains(stderr, "not a capture: neither Parquet nor a spool") || !strings.Contains(stderr, c.hint) || c.hint == "" && strings.Contains(stderr, "hint:") {
				t.Errorf("%s %s: exit code %d, %s", command, c.name, code, stderr)
			}
			if c.makes == "" || runtime.GOOS == "windows" {
				continue
			}
			_, step, _ := strings.Cut(stderr, ":\n  ")
			if out, err := exec.Command("sh", "-c", step).CombinedOutput(); err != nil {
				t.Errorf("%s: %v, %s", step, err, out)
			}
			made := filepath.Join(dir, c.makes)
			if b, err := os.ReadFile(made); err != nil || !bytes.Equal(b, whole) {
				t.Errorf("%s: %d bytes and %v, want the capture's %d", step, len(b), err, len(whole))
			}
			os.Remove(made)
		}
	}
}
