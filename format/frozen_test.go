package format_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// The captures in testdata/vN were recorded when version N was current and
// are never written again: every later program must read them, and find in
// them what was found then (the .json beside each).
func TestFrozenCaptures(t *testing.T) {
	answers, err := filepath.Glob("../testdata/v*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) < 6 {
		t.Fatalf("got %d frozen captures, want at least three of each version", len(answers))
	}
	for _, answer := range answers {
		path := strings.TrimSuffix(answer, ".json")
		t.Run(filepath.Base(path), func(t *testing.T) {
			var want struct {
				Capture  string           `json:"capture"`
				Rows     int64            `json:"rows"`
				Kinds    map[string]int64 `json:"kinds"`
				Lost     int64            `json:"lost"`
				Complete bool             `json:"complete"`
			}
			text, err := os.ReadFile(answer)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			r, err := format.Open([]string{path}, format.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			kinds := map[string]int64{}
			var rows, lost int64
			complete := true
			for e, err := range r.Events() {
				if errors.Is(err, format.ErrIncomplete) {
					complete = false
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				kinds[e.Kind.String()]++
				rows++
				if e.Kind == format.Lost {
					lost += e.Args[format.LostCount]
				}
			}
			maps.DeleteFunc(want.Kinds, func(_ string, n int64) bool { return n == 0 })
			if got := r.Meta().CaptureID; got != want.Capture {
				t.Errorf("got capture %s, want %s", got, want.Capture)
			}
			if rows != want.Rows || lost != want.Lost || complete != want.Complete || !maps.Equal(kinds, want.Kinds) {
				t.Errorf("got %d rows, %d lost, complete %v, %v; want %d, %d, %v, %v",
					rows, lost, complete, kinds, want.Rows, want.Lost, want.Complete, want.Kinds)
			}
		})
	}
}
