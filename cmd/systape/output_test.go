package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// What several steps met is one warning, on one line, without escapes of line ends.
func TestWarningsAreOfOneLine(t *testing.T) {
	full := errors.New("no space left on device")
	missing := &fs.PathError{Op: "open", Path: "a\x1bb", Err: fs.ErrNotExist}
	for want, err := range map[string]error{
		"no space left on device": errors.Join(full, full),
		"saving: no space left on device; a\\x1bb: file does not exist": fmt.Errorf("saving: %w", errors.Join(full, missing)),
	} {
		var b strings.Builder
		warner(&b)(err)
		if got := b.String(); got != "systape: warning: "+want+"\n" {
			t.Errorf("%q is warned of as %q", err, got)
		}
	}
}
