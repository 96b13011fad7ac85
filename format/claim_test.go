package format

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Of several who make a file of one name at the same time, one gets it, and it
// keeps it: between making and locking it looks like one that was left.
func TestOneOfSeveralGetsTheName(t *testing.T) {
	for _, force := range []bool{false, true} {
		for round := range 300 {
			name := filepath.Join(t.TempDir(), "t.parquet")
			if force { // what an earlier program left
				if err := os.WriteFile(SpoolName(name), []byte("left"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			const several = 4
			var files [several]*os.File
			var errs [several]error
			var all sync.WaitGroup
			begin := make(chan bool)
			for i := range several {
				all.Go(func() {
					<-begin
					files[i], errs[i] = CreateSpool(name, FileOptions{Force: force})
				})
			}
			close(begin)
			all.Wait()
			got := 0
			for i, f := range files {
				if errs[i] != nil {
					if !errors.Is(errs[i], fs.ErrExist) && !errors.Is(errs[i], ErrRecording) {
						t.Errorf("force %v, round %d: %v", force, round, errs[i])
					}
					continue
				}
				got++
				if !named(f, SpoolName(name)) {
					t.Errorf("force %v, round %d: another has removed the file that one got", force, round)
				}
				f.Close()
			}
			if got != 1 {
				t.Errorf("force %v, round %d: %d got the name", force, round, got)
			}
			if t.Failed() {
				return
			}
		}
	}
}
