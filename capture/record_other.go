//go:build !linux

package capture

import (
	"context"
	"errors"
	"os"
	"syscall"

	"systape/format"
)

// Files are what a recorded command gets from its caller.
type Files struct {
	In, Out, Err *os.File
	Ignored      []syscall.Signal
}

// Recording is a recording that has begun, which it never does on this OS.
type Recording struct{}

// Start says that recording needs Linux.
func Start(Options, Files, *os.File) (*Recording, error) {
	return nil, &SetupError{
		Err:  errors.New("recording needs Linux"),
		Hint: "record on the Linux machine, then analyse the capture here: replay, pair, latency, sequences",
	}
}

// KernelObjects tells which kernel programs this program has.
func KernelObjects() string { return "no objects: recording needs Linux" }

// The methods of a Recording do nothing here.
func (*Recording) Status() Status         { return Status{} }
func (*Recording) Rotate()                {}
func (*Recording) WriteOut()              {}
func (*Recording) Busy() bool             { return false }
func (*Recording) Done() <-chan struct{}  { return nil }
func (*Recording) ExitCode() int          { return 0 }
func (*Recording) Signal(os.Signal) error { return nil }
func (*Recording) Survivors() []int32     { return nil }
func (*Recording) PID() int               { return 0 }
func (*Recording) part(int) (out Output, committed int64, whole, ok bool) {
	return out, 0, false, false
}
func (*Recording) since(int) (bytes int64, more int)        { return 0, 0 }
func (*Recording) wasSealed(part int, spool, capture int64) {}
func (*Recording) Run(context.Context) (*format.Meta, error) {
	return nil, errors.New("recording needs Linux")
}
