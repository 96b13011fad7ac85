package format_test

import (
	"os"
	"path/filepath"
	"testing"

	"systape/format"
)

// A lock is seen by whoever opens the spool, keeps nobody from reading and
// writing it, and ends with the file that has it.
func TestSpoolLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.spool")
	mine, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	free := format.SpoolLock(other)
	if free == format.LockUnknown {
		t.Skip("no locks here")
	}
	if err := format.LockSpool(mine); err != nil || free != format.LockFree {
		t.Fatalf("state %v before it is locked, %v", free, err)
	}
	if got := format.SpoolLock(other); got != format.LockHeld {
		t.Errorf("state %v while it is locked", got)
	}
	if _, err := mine.WriteString("text"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "text" {
		t.Errorf("read %q, %v", b, err)
	}
	mine.Close()
	if got := format.SpoolLock(other); got != format.LockFree {
		t.Errorf("state %v after its end", got)
	}
}
