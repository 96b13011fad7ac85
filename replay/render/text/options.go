package text

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"systape/format"
)

// Column is one part of a line.
type Column uint8

// The columns, in the order in which they stand by default.
const (
	Time      Column = iota // when, in the style that the options say
	Delta                   // time since the line before
	Seq                     // of the enter, or of what the line is about
	CPU                     // of the enter, or of the exit when there is no enter
	Container               // container or cgroup
	PID                     // thread-group id
	TID                     // thread id
	Comm                    // thread name
	ABI                     // only where it is not the capture's first
	What                    // the call with its arguments, or the notice
	Result                  // = what it returned
	Duration                // how long it took
	Status                  // the status in words
	numColumns
)

var columnNames = [numColumns]string{"time", "delta", "seq", "cpu", "container", "pid", "tid", "comm", "abi", "call", "result", "dur", "status"}

// DefaultColumns returns the columns of a transcript for people.
func DefaultColumns() []Column { return []Column{Time, TID, Comm, What, Result, Duration} }

// String returns the word for the column, such as "tid".
func (c Column) String() string {
	if c < numColumns {
		return columnNames[c]
	}
	return "unknown"
}

// ParseColumns reads words with commas between them, such as
// "time,tid,call,result". Words after a + are added to the default columns,
// those after a - taken away.
func ParseColumns(s string) ([]Column, error) {
	var cols []Column
	for word := range strings.SplitSeq(s, ",") {
		word = strings.TrimSpace(word)
		sign := byte(0)
		if len(word) > 0 && (word[0] == '+' || word[0] == '-') {
			sign, word = word[0], word[1:]
			if cols == nil {
				cols = DefaultColumns()
			}
		}
		i := slices.Index(columnNames[:], word)
		if i < 0 {
			return nil, fmt.Errorf("unknown column %q: the columns are %s", word, strings.Join(columnNames[:], ", "))
		}
		c := Column(i)
		switch {
		case sign == '-':
			cols = slices.DeleteFunc(cols, func(x Column) bool { return x == c })
		case slices.Contains(cols, c):
		case sign == '+':
			// In the place that the order of columns gives it.
			at := slices.IndexFunc(cols, func(x Column) bool { return x > c })
			if at < 0 {
				at = len(cols)
			}
			cols = slices.Insert(cols, at, c)
		default:
			cols = append(cols, c)
		}
	}
	if len(cols) == 0 {
		return nil, fmt.Errorf("no columns are left of %q", s)
	}
	return cols, nil
}

// Columns returns the columns of the events table that the lines need.
func Columns(cols []Column) format.Columns {
	need := format.ColTS | format.ColSeq | format.ColKind | format.ColCPU | format.ColPID | format.ColTID | format.ColABI |
		format.ColNr | format.ColSyscall | format.ColRet | format.ColArgs | format.ColComm | format.ColDetail
	if slices.Contains(cols, Container) {
		need |= format.ColContainer
	}
	return need
}

// TimeStyle says how the column Time is written.
type TimeStyle uint8

const (
	Relative TimeStyle = iota // seconds since the origin
	Clock                     // time of day
	Epoch                     // seconds since 1970
)

// ParseTimeStyle reads "relative", "clock" or "epoch".
func ParseTimeStyle(s string) (TimeStyle, error) {
	for i, w := range []string{"relative", "clock", "epoch"} {
		if s == w {
			return TimeStyle(i), nil
		}
	}
	return 0, fmt.Errorf("unknown style of time %q: want relative, clock or epoch", s)
}

// Options say how lines look.
type Options struct {
	Columns  []Column // nil: DefaultColumns
	Time     TimeStyle
	Origin   int64            // capture time that Relative counts from
	Location *time.Location   // of Clock; nil: UTC
	Wall     format.WallClock // that Clock and Epoch show; zero: capture time
	Colour   bool             // ANSI colours
	Names    bool             // behind each descriptor, what it stands for
	Nameless bool             // the capture has no names of threads
	Untimed  bool             // calls have no durations, see replay.Timed
	LetIn    bool             // threads may have come into the recording's filter inside a call
	Slow     int64            // durations from here on stand out, ns; 0: 10 ms
}
