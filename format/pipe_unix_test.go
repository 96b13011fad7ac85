//go:build unix

package format_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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

// A key or rules may come through a pipe; where nobody writes to it, that is said.
func TestTextThroughAPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "rules")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := format.ReadText(fifo, 10, "too long"); err == nil || !strings.Contains(err.Error(), "nobody writes") {
		t.Errorf("nobody: %q, %v", text, err)
	}
	long := strings.Repeat("x", 1<<17) // more than a pipe holds
	for _, text := range []string{"rules", long} {
		go os.WriteFile(fifo, []byte(text), 0) // waits for the reader
		if got, err := format.ReadText(fifo, 1<<20, "too long"); string(got) != text || err != nil {
			t.Errorf("%d bytes, want %d: %v", len(got), len(text), err)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan struct{})
	go func() { // as <(COMMAND) of a shell: it may take its time
		defer close(done)
		w.WriteString("ru")
		w.WriteString("les")
		w.Close()
	}()
	if got, err := format.ReadText(fmt.Sprintf("/dev/fd/%d", r.Fd()), 10, "too long"); string(got) != "rules" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	<-done
}
