package format_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"systape/format"
)

// TestStretches: whatever stretch a spool begins with, it has the rows from
// there on, and verify finds nothing wrong with it.
func TestStretches(t *testing.T) {
	const stretches, rows = 5, 700
	all := events(1, stretches*rows)
	meta := testMeta()
	var memory bytes.Buffer
	w, err := format.NewStretchWriter(&memory, meta)
	if err != nil {
		t.Fatal(err)
	}
	names := format.NewSymbolTable()
	var list []format.Stretch
	for i := range stretches {
		w.Anew()
		memory.Reset()
		var s format.Stretch
		for j := i * rows; j < (i+1)*rows; j += 100 { // several batches
			b := format.NewBatch(names, 0)
			for _, e := range all[j : j+100] {
				b.Append(e)
			}
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
			if s.Rows == 0 {
				s.First, s.FirstTS = b.Seq[0], b.TS[0]
			}
			s.Rows, s.LastTS = s.Rows+100, b.TS[99]
		}
		half := memory.Len() / 2
		kept := bytes.Clone(memory.Bytes())
		s.Bytes = [][]byte{kept[:half], kept[half:]}
		list = append(list, s)
	}
	for from := range stretches {
		path := filepath.Join(t.TempDir(), "t.spool")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		m := *meta
		m.Part = format.Part{Number: 1, FirstSeq: list[from].First, Rows: -1, Last: true}
		m.Flight, m.Complete = &format.Flight{Number: 1, Why: format.FlightSignal}, true
		s, err := format.NewSpoolFile(file, &m)
		if err != nil {
			t.Fatal(err)
		}
		for i := from; i < stretches; i++ {
			if err := s.WriteStretch(&list[i]); err != nil {
				t.Fatal(err)
			}
		}
		if from > 0 {
			if err := s.WriteStretch(&list[from-1]); err == nil {
				t.Error("a stretch that was before was taken")
			}
		}
		if err := s.Close(&m); err != nil {
			t.Fatal(err)
		}
		file.Close()
		r, err := format.Open([]string{path}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n := from * rows
		var b format.Batch
		for err = r.Next(&b); err == nil; err = r.Next(&b) {
			for i := range b.N {
				if got := b.At(i); got != all[n] {
					t.Fatalf("from stretch %d: row %d is %+v, want %+v", from, n, got, all[n])
				}
				n++
			}
		}
		r.Close()
		if err != io.EOF || n != len(all) {
			t.Errorf("from stretch %d: rows up to %d of %d, %v", from, n, len(all), err)
		}
		rep, err := format.Verify(context.Background(), []string{path}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rep.Rules {
			if rule.State == format.Fails {
				t.Errorf("from stretch %d: %+v", from, rule)
			}
		}
	}
}
