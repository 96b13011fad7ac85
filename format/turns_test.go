package format

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fewTurns lets n files be open at a time while the test runs.
func fewTurns(t *testing.T, n int) {
	before := turns.most
	turns.most = n
	t.Cleanup(func() { turns.most = before })
}

// openNow returns how many of the files are open.
func openNow(files []*turnFile) (n int) {
	for _, f := range files {
		f.mu.RLock()
		if f.file != nil {
			n++
		}
		f.mu.RUnlock()
	}
	return n
}

func turnFiles(t *testing.T, n int) (files []*turnFile) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(strings.Repeat(string(rune('a'+i)), 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		turn, err := takeTurns(path, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { turn.Close() })
		files = append(files, turn)
	}
	return files
}

// TestFilesTakeTurns reads files in goroutines, more than may be open.
func TestFilesTakeTurns(t *testing.T) {
	fewTurns(t, 3)
	files := turnFiles(t, 9)
	if n := openNow(files); n != 3 {
		t.Errorf("%d files are open, want 3", n)
	}
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 300 {
				n := (i*7 + w) % len(files)
				var b [10]byte
				if _, err := files[n].ReadAt(b[:], int64(i%90)); err != nil || string(b[:]) != strings.Repeat(string(rune('a'+n)), 10) {
					t.Errorf("file %d: %q, %v", n, b, err)
				}
			}
		})
	}
	all.Wait()
	if n := openNow(files); n > 3 || turns.open.Len() > 3 {
		t.Errorf("%d files are open, %d in turns, want 3", n, turns.open.Len())
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("a closed file was read")
		}
	}
	if n := openNow(files); n != 0 || turns.open.Len() != 0 {
		t.Errorf("%d files are open, %d in turns, and all were closed", n, turns.open.Len())
	}
}

// TestTurnsOfOtherFiles: what has the name of a file when its turn comes again
// must be the file.
func TestTurnsOfOtherFiles(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte(strings.Repeat("x", 100)), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"longer": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 101)), 0o600) },
		"gone":   os.Remove,
	} {
		fewTurns(t, 1)
		files := turnFiles(t, 2)
		if err := change(files[0].path); err != nil {
			t.Fatal(err)
		}
		if _, err := files[0].ReadAt(make([]byte, 10), 0); err == nil || !strings.Contains(err.Error(), files[0].path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := files[1].ReadAt(make([]byte, 10), 0); err != nil {
			t.Errorf("%s: the other: %v", name, err)
		}
	}
}

// TestPartsTakeTurns reads a recording of more parts than may be open.
func TestPartsTakeTurns(t *testing.T) {
	fewTurns(t, 2)
	dir, rows := t.TempDir(), 0
	for n := 1; n <= 9; n++ {
		b := &Batch{Symbols: NewSymbolTable()}
		for range 5 {
			b.Append(Event{TS: int64(1000 + rows), Seq: int64(rows), Kind: ThreadEnd, PID: 1, TID: 1})
			rows++
		}
		m := &Meta{Version: Version, CaptureID: strings.Repeat("a", 32), Tool: "test", Part: Part{Number: n, FirstSeq: int64(rows - 5), Rows: -1}}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("part-%d.parquet", n)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewParquetWriter(f, m)
		if err == nil {
			err = w.Write(b)
		}
		m.Part.Last, m.Complete = n == 9, n == 9
		if err == nil {
			err = w.Close(m)
		}
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	r, err := Open([]string{dir}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var files []*turnFile
	for _, p := range r.parts {
		files = append(files, p.file.(*turnFile))
	}
	var b Batch
	got := 0
	for {
		if err = r.Next(&b); err != nil {
			break
		}
		turns.mu.Lock()
		if n := turns.open.Len(); n > 2 {
			t.Errorf("%d files have their turn", n)
		}
		turns.mu.Unlock()
		got += b.N
	}
	// While a goroutine reads ahead, they cannot be counted.
	if n := openNow(files); n == 0 || n > 2 {
		t.Errorf("%d files are open in the end", n)
	}
	if err != io.EOF || got != rows {
		t.Errorf("%d rows of %d, %v", got, rows, err)
	}
	if err := r.Close(); err != nil || openNow(files) != 0 {
		t.Errorf("%v, %d are open", err, openNow(files))
	}
}
