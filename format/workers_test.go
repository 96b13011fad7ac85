package format

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A capture does not depend on how many CPUs sealed it, nor on whether that was
// done while it grew.
func TestSealingIsTheSameHoweverItIsDone(t *testing.T) {
	dir := t.TempDir()
	spool := filepath.Join(dir, "t.spool")
	loopSpool(t, spool, 40, 3) // more than two row groups
	whole, err := os.ReadFile(spool)
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	for _, stepped := range []int{0, 3, 1 << 20} {
		out := filepath.Join(dir, "t.parquet")
		s, err := NewSealer(spool, out, SealOptions{KeepSpool: true, FileOptions: FileOptions{Force: true}})
		if err != nil {
			t.Fatal(err)
		}
		for range stepped {
			if more, err := s.Step(int64(len(whole))); err != nil {
				t.Fatal(err)
			} else if !more {
				break
			}
		}
		res, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(got, first) || res.Rows != 40*CodedRows {
			t.Errorf("after %d steps: another capture, %d rows", stepped, res.Rows)
		}
	}
}
