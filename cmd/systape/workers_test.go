package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What a command says does not depend on how many CPUs share the work: every
// row of the table of forms, on a spool of many batches, and on a damaged file,
// whose error must be told at the same place in the same words.
func TestWorkersDoNotMatter(t *testing.T) {
	r := formsFrozen(t)
	forms := r.forms(t)[:2]
	parquet, baseline := filepath.Join(forms[0].dir, formsName), r.baseline(t)
	damaged, err := os.ReadFile(parquet)
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)/2] ^= 0x40
	forms[0] = formsForm{name: "damaged file", dir: t.TempDir(), files: []string{formsName}}
	if err := os.WriteFile(filepath.Join(forms[0].dir, formsName), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, row := range formsRows() {
		if testing.Short() && !row.fast {
			continue
		}
		for i := range forms {
			form := &forms[i]
			if row.single && len(form.files) > 1 {
				continue
			}
			runtime.GOMAXPROCS(1)
			want := row.answer(t, form, parquet, baseline)
			for _, workers := range []int{2, 5} {
				runtime.GOMAXPROCS(workers)
				if got := row.answer(t, form, parquet, baseline); got != want {
					t.Errorf("systape %s\nof the %s, %d workers:\n%s\none worker:\n%s", row.args, form.name, workers, formsDiff(got, want), formsDiff(want, got))
				}
			}
		}
	}
}
