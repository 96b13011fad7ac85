package replay_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
)

// story is what a session tells of every call in turn, of the batches it goes
// with, and how it ends.
func story(t *testing.T, path string, opt replay.Options) string {
	t.Helper()
	var b strings.Builder
	opt.Columns = format.AllColumns
	opt.Warn = func(err error) { fmt.Fprintln(&b, "warning:", err) }
	s, err := replay.Open([]string{path}, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Run(context.Background(), func(batch *format.Batch, calls []replay.Call) error {
		rows := -1
		if batch != nil {
			rows = batch.N
		}
		fmt.Fprintln(&b, rows, "rows")
		for _, c := range s.Choose(calls) {
			fmt.Fprintln(&b, s.Symbols().String(c.Syscall), s.Symbols().String(c.Comm), c)
		}
		return nil
	})
	fmt.Fprintln(&b, err, s.Incomplete(), s.Coverage(), s.Pairing(), s.Losses(), s.Meta().Complete)
	return b.String()
}

// damagedCopy returns a copy of a capture with one bit of its midst turned.
func damagedCopy(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	bad := filepath.Join(t.TempDir(), "bad.parquet")
	if err := os.WriteFile(bad, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return bad
}

// TestAheadIsOnePass: pairing ahead gives what one goroutine gives, and its
// errors at the same place.
func TestAheadIsOnePass(t *testing.T) {
	bad := damagedCopy(t, frozenFile)
	for _, path := range []string{frozenFile, frozenSpool, "../testdata/v1/torn.spool", "../testdata/v2/story.parquet", "../testdata/v2/story.spool", lossyCapture(t), bad} {
		for _, filter := range []replay.Filter{{}, {To: 1_732_000_000_000_000_000}, {To: 50_000}} {
			want := story(t, path, replay.Options{Workers: 1, Filter: filter})
			for _, workers := range []int{2, 5} {
				if got := story(t, path, replay.Options{Workers: workers, Filter: filter}); got != want {
					t.Errorf("%s: %d workers:\n%.3000s\none worker:\n%.3000s", path, workers, got, want)
				}
			}
		}
	}
}

// TestAheadEnds: a pass that is left early leaves no goroutine behind.
func TestAheadEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want error
	}{
		"enough":    {context.Background(), replay.ErrStop, nil},
		"an error":  {context.Background(), gone, gone},
		"cancelled": {cancelled, nil, context.Canceled},
	} {
		s, err := replay.Open([]string{frozenSpool}, replay.Options{Workers: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(c.ctx, func(*format.Batch, []replay.Call) error { return c.err }); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for runtime.NumGoroutine() > before { // the last of them may still be leaving
		runtime.Gosched()
	}
}
