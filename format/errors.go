package format

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrIncomplete is the end of a capture that was cut off: the recorder was
// killed, the disk was full, or the file was copied in part. Everything that
// can be read has been delivered before a reader returns it.
var ErrIncomplete = errors.New("the capture is incomplete")

// ErrNotCapture means that the input is no capture of any kind.
var ErrNotCapture = errors.New("not a capture")

// OtherFileError is the [ErrNotCapture] of a file that has quite another form.
type OtherFileError struct {
	File string
	Head []byte // its beginning, by which to tell what it is
}

// Error names the file.
func (e *OtherFileError) Error() string {
	return fmt.Sprintf("%s: %v: neither Parquet nor a spool", e.File, ErrNotCapture)
}

// Is makes errors.Is(err, ErrNotCapture) hold.
func (e *OtherFileError) Is(target error) bool { return target == ErrNotCapture }

// otherFile is the error for a file that is neither Parquet nor a spool.
func otherFile(path string, f io.ReaderAt) error {
	head := make([]byte, 512) // as much as a tar archive needs to be known
	n, _ := f.ReadAt(head, 0)
	return &OtherFileError{path, head[:n]}
}

// ErrVersion means that the capture is of a later format version than this
// program knows.
var ErrVersion = errors.New("the capture was written by a newer version of systape")

// Rule is one of the numbered rules of FORMAT.md that a capture keeps.
type Rule uint8

// The rules, by their numbers in FORMAT.md.
const (
	RuleFile     Rule = 1 + iota // R1
	RuleMeta                     // R2
	RuleTable                    // R3
	RuleData                     // R4
	RuleRows                     // R5
	RuleSeq                      // R6
	RuleTime                     // R7
	RuleStats                    // R8
	RuleKinds                    // R9
	RuleText                     // R10
	RuleParts                    // R11
	RuleComplete                 // R12
	numRules
)

// String returns the name in FORMAT.md, such as "R7".
func (r Rule) String() string { return fmt.Sprintf("R%d", uint8(r)) }

// CorruptError says where a capture is damaged, and which rule it breaks.
// Group and Row are -1 where the damage has no such place; Row counts from the
// start of the file.
type CorruptError struct {
	Rule   Rule // 0 where a batch was refused that never was in a file
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
	File      string
	Rows      int64 // rows that the file had, all of them delivered
	Why       string
	Recording bool // nothing is wrong: a recorder is still writing the spool
	events    bool // what is cut off held events
}

// Error says what was there and why more is not.
func (e *IncompleteError) Error() string {
	if e.Recording {
		return fmt.Sprintf("%s: %v: %s so far", e.File, ErrRecording, countOf(e.Rows))
	}
	return fmt.Sprintf("%s: %v after %s: %s", e.File, ErrIncomplete, countOf(e.Rows), e.Why)
}

// Is makes errors.Is(err, ErrIncomplete) hold, and errors.Is(err, ErrRecording)
// for a spool that is still being written.
func (e *IncompleteError) Is(target error) bool {
	return target == ErrIncomplete || e.Recording && target == ErrRecording
}

// LeftOutError warns of a damaged file of a folder: what is read is without it.
type LeftOutError struct{ Err error }

func (e *LeftOutError) Error() string { return "left out: " + e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *LeftOutError) Unwrap() error { return e.Err }

// countOf writes a number of events.
func countOf(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

var (
	errNoNames     = errors.New("batch without names")
	errUnknownKind = errors.New("unknown kind")
	errUnknownABI  = errors.New("unknown ABI")
	errClosed      = errors.New("already closed")
)

func errColumnLength(name string, got, want int) error {
	return fmt.Errorf("column %s has %d rows, the batch has %d", name, got, want)
}
