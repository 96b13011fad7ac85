//go:build unix

package format_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"systape/format"
)

// A pipe that lies beside a capture, as an archive of a stranger's may bring it,
// is not opened: that would wait for a writer.
func TestPipeAmongParts(t *testing.T) {
	dir := t.TempDir()
	ev := events(3, 50)
	write(t, filepath.Join(dir, "t.parquet"), string(encode(t, "parquet", ev, 100)))
	pipe := filepath.Join(dir, "u.parquet")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	warned := 0
	got, _, err := read(t, []string{dir}, format.ReadOptions{Warn: func(error) { warned++ }})
	if err != nil && err.Error() != "EOF" || warned != 1 {
		t.Errorf("%v, %d warnings, want one", err, warned)
	}
	same(t, got, ev)
	if _, err := format.Open([]string{pipe}, format.ReadOptions{}); !errors.Is(err, format.ErrNotCapture) {
		t.Errorf("the pipe alone: %v", err)
	}
}
