package format_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"systape/format"
)

// Of what a killed recorder leaves only what holds no event is removed.
func TestRemoveEmptySpool(t *testing.T) {
	var spool bytes.Buffer
	w, err := format.NewSpoolWriter(&spool, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	begun := bytes.Clone(spool.Bytes())
	if err := w.Write(batches([]format.Event{{TS: 1, Kind: format.Enter, TID: 1, PID: 1}}, 1)[0]); err != nil {
		t.Fatal(err)
	}
	one := bytes.Clone(spool.Bytes())
	ended := encode(t, "spool", nil, 1)
	damaged := bytes.Clone(begun)
	damaged[len(damaged)/2] ^= 0xff
	for _, c := range []struct {
		what   string
		bytes  []byte
		locked bool
		gone   bool
	}{
		{"nothing at all", nil, false, true},
		{"the head alone", begun, false, true},
		{"the head alone, being written", begun, true, false},
		{"nothing at all, being written", nil, true, false},
		{"half of the head", begun[:len(begun)/2], false, true},
		{"an event, and no end", one, false, false},
		{"half of an event", one[:(len(begun)+len(one))/2], false, false},
		{"a capture of nothing, with its end", ended, false, false},
		{"a damaged head", damaged, false, false},
		{"something else", []byte("a list of things"), false, false},
	} {
		path := filepath.Join(t.TempDir(), "t.parquet.spool")
		if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.locked {
			if runtime.GOOS == "windows" {
				continue // where an open file keeps its name
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := format.LockSpool(f); err != nil {
				t.Fatal(err)
			}
		}
		got := format.RemoveEmptySpool(path)
		_, err := os.Lstat(path)
		if got != c.gone || os.IsNotExist(err) != c.gone {
			t.Errorf("%s: removed %v, %v; want %v", c.what, got, err, c.gone)
		}
	}
	link := filepath.Join(t.TempDir(), "t.parquet.spool")
	to := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(to, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, link); err == nil && format.RemoveEmptySpool(link) {
		t.Error("a link was removed")
	}
}
