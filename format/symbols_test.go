package format_test

import (
	"fmt"
	"io"
	"testing"

	"systape/format"
)

// Threads that name themselves anew all the time must not fill a table of
// names while a long recording is sealed.
func TestSealingForgetsNames(t *testing.T) {
	ev := make([]format.Event, 140_000)
	for i := range ev {
		ev[i] = format.Event{TS: int64(i), Seq: int64(i), Kind: format.Rename, TID: 1, PID: 1, Nr: -1, Comm: fmt.Sprint("job-", i)}
	}
	r := record(t, ev, 30_000)
	r.end()
	res, err := format.Seal(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
	if err != nil || res.Rows != int64(len(ev)) {
		t.Fatalf("%+v, %v", res, err)
	}
	got, _, err := read(t, []string{r.path}, format.ReadOptions{})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
}

// A writer takes batches with names of different tables.
func TestWriterTranslatesNames(t *testing.T) {
	ev := events(51, 3000)
	var out writer
	w, err := format.NewParquetWriter(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(ev); i += 100 {
		b := format.NewBatch(format.NewSymbolTable(), 100) // each has its own
		for range i % 7 {
			b.Symbols.InternString(fmt.Sprint("shift ", i)) // and other numbers for the same words
		}
		for _, e := range ev[i : i+100] {
			b.Append(e)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(completed()); err != nil {
		t.Fatal(err)
	}
	got, _, err := read(t, []string{put(t, out)}, format.ReadOptions{})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }
