package format_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"systape/format"
)

func TestErrorsOnOneLine(t *testing.T) {
	a, b := errors.New("a"), &fs.PathError{Op: "read", Path: "x\ny", Err: fs.ErrClosed}
	for want, err := range map[string]error{
		"a":                                 a,
		"a; read x\ny: file already closed": errors.Join(a, b),
		"first: a; read x\ny: file already closed":         fmt.Errorf("first: %w", errors.Join(a, b)),
		"first: second: a; read x\ny: file already closed": fmt.Errorf("first: %w", fmt.Errorf("second: %w", errors.Join(nil, a, b))),
		"a: read x\ny: file already closed (a)":            fmt.Errorf("%w: %w (%w)", a, b, a),
		"f: a":                                             errors.Join(fmt.Errorf("f: %w", a), a),
		"a; b; c":                                          errors.Join(errors.Join(a, errors.New("b")), errors.New("c")),
	} {
		if got := format.OneLine(err); got != want {
			t.Errorf("%q is %q on one line, want %q", err, got, want)
		}
	}
}
