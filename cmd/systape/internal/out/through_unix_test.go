//go:build unix

package out

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Open descriptors, pipes and devices are written through, also by way of
// links, and stay what they are.
func TestDescriptorsPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	os.WriteFile(log, []byte("before "), 0o644)
	for _, how := range []string{"/dev/fd/%d", "link to /dev/fd/%d"} {
		f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(f.Fd()))
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("/dev/fd/%d", fd)
		if how[0] == 'l' {
			link := filepath.Join(dir, "link")
			if err := os.Symlink(name, link); err != nil {
				t.Fatal(err)
			}
			name = link
		}
		if err := put(t, name, "text ", nil, true); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
	if got := content(t, log); got != "before text text " {
		t.Errorf("the log holds %q", got)
	}

	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		f, err := os.Open(fifo)
		if err != nil {
			read <- err.Error()
			return
		}
		b, _ := io.ReadAll(f)
		f.Close()
		read <- string(b)
	}()
	if err := put(t, fifo, "text", nil, true); err != nil {
		t.Error(err)
	}
	if got := <-read; got != "text" {
		t.Errorf("the pipe gave %q", got)
	}
	for _, name := range []string{fifo, os.DevNull} {
		if name == os.DevNull {
			if err := put(t, name, "text", nil, true); err != nil {
				t.Error(err)
			}
		}
		if info, err := os.Lstat(name); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s is now a file: %v", name, err)
		}
	}
	if err := put(t, "/dev/fd/987654", "text", nil, true); err == nil {
		t.Error("a descriptor that is not open is written to")
	}
}
