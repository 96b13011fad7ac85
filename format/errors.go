package format

import (
	"errors"
	"fmt"
	"strings"
)

// ErrIncomplete is the end of a capture that was cut off: the recorder was
// killed, the disk was full, or the file was copied in part. Everything that
// can be read has been delivered before a reader returns it.
var ErrIncomplete = errors.New("the capture is incomplete")

// ErrNotCapture means that the input is no capture of any kind.
var ErrNotCapture = errors.New("not a capture")

// ErrVersion means that the capture is of a later format version than this
// program knows.
var ErrVersion = errors.New("the capture was written by a newer version of systape")

// CorruptError says where a capture is damaged. Group and Row are -1 where
// the damage has no such place; Row counts from the start of the file.
type CorruptError struct {
	File   string
	Group  int // row group of a Parquet file, batch of a spool
	Row    int64
	Column string
	Err    error
}

// Error names the place, outermost first, then the cause.
func (e *CorruptError) Error() string {
	var s strings.Builder
	if e.File != "" {
		s.WriteString(e.File + ": ")
	}
	if e.Group >= 0 {
		fmt.Fprintf(&s, "row group %d, ", e.Group)
	}
	if e.Row >= 0 {
		fmt.Fprintf(&s, "row %d, ", e.Row)
	}
	if e.Column != "" {
		fmt.Fprintf(&s, "column %s, ", e.Column)
	}
	place := strings.TrimSuffix(s.String(), ", ")
	if place != s.String() {
		place += ": "
	}
	return place + e.Err.Error()
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// IncompleteError is the [ErrIncomplete] of one file.
type IncompleteError struct {
	File  string
	Rows  int64 // rows that the file had, all of them delivered
	Bytes int64 // bytes after the last whole batch, of no use
	Why   string
}

// Error says what was there and why more is not.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s: %v after %d events: %s", e.File, ErrIncomplete, e.Rows, e.Why)
}

// Is makes errors.Is(err, ErrIncomplete) hold.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }

var (
	errNoNames     = errors.New("batch without names")
	errUnknownKind = errors.New("unknown kind")
	errUnknownABI  = errors.New("unknown ABI")
	errClosed      = errors.New("already closed")
)

func errColumnLength(name string, got, want int) error {
	return fmt.Errorf("column %s has %d rows, the batch has %d", name, got, want)
}
