// Package signature signs the finished files of a capture and checks what was
// signed, in minisign's format: the file NAME.minisig beside a part NAME is an
// ed25519 signature over all bytes of the part, and so anybody's minisign can
// check it. What ties the parts of a recording together stands in its trusted
// comment, which is signed, too: see [Statement]. FORMAT.md §12 specifies it.
package signature

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"systape/format"
)

// Statement is what the trusted comment of a signature says about a part. Each
// part names the signature of the one before it, so that none can be taken out,
// put elsewhere or exchanged between the first and the last that are there.
type Statement struct {
	Capture  string // systape.capture
	Part     int    // systape.part, from 1
	Last     bool   // no part follows
	Oldest   int    // the oldest part that the recorder had kept by then: those before it, it had removed itself
	Previous string // the signature of the part before, as it stands in its file; "" for the first
}

// version begins every statement.
const version = "systape 1"

// errNotOurs is of a trusted comment that somebody else's program wrote.
var errNotOurs = errors.New("the trusted comment is not one of systape's")

// of returns what is to be said of a part.
func of(m *format.Meta) Statement {
	return Statement{Capture: m.CaptureID, Part: m.Part.Number, Last: m.Part.Last, Oldest: 1}
}

// String writes the statement as a trusted comment.
func (s Statement) String() string {
	last, previous := "no", "none"
	if s.Last {
		last = "yes"
	}
	if s.Previous != "" {
		previous = s.Previous
	}
	return fmt.Sprintf("%s capture=%s part=%d last=%s oldest=%d previous=%s", version, s.Capture, s.Part, last, s.Oldest, previous)
}

// ParseStatement reads a trusted comment. Fields that this program does not
// know are skipped: later ones may add some.
func ParseStatement(comment string) (Statement, error) {
	var s Statement
	rest, ours := strings.CutPrefix(comment, version+" ")
	if !ours {
		return s, fmt.Errorf("%w: %.80q", errNotOurs, comment)
	}
	seen := map[string]bool{}
	for _, field := range strings.Fields(rest) {
		key, value, _ := strings.Cut(field, "=")
		if value == "" || seen[key] {
			return s, fmt.Errorf("trusted comment: %.80q stands there twice or without a value", key)
		}
		seen[key] = true
		var err error
		switch key {
		case "capture":
			s.Capture = value
		case "part":
			s.Part, err = strconv.Atoi(value)
		case "oldest":
			s.Oldest, err = strconv.Atoi(value)
		case "last":
			if s.Last = value == "yes"; !s.Last && value != "no" {
				err = fmt.Errorf("neither yes nor no")
			}
		case "previous":
			if value != "none" {
				s.Previous = value
			}
		}
		if err != nil {
			return s, fmt.Errorf("trusted comment: %s=%.80q: %w", key, value, err)
		}
	}
	for _, key := range []string{"capture", "part", "last", "oldest", "previous"} {
		if !seen[key] {
			return s, fmt.Errorf("trusted comment: no %s", key)
		}
	}
	if s.Oldest < 1 || s.Oldest > s.Part {
		return s, fmt.Errorf("trusted comment: part %d, the oldest %d", s.Part, s.Oldest)
	}
	return s, nil
}
