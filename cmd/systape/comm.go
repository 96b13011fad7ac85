package main

import (
	"errors"
	"fmt"
	"strings"

	"systape/format"
	"systape/replay/escape"
)

// maxComm is how many bytes of a thread's name the kernel keeps
// (TASK_COMM_LEN less the zero, include/linux/sched.h).
const maxComm = 15

// cutComm returns the name that a thread has who was given this one; the name
// may be written as systape prints it, with escapes for what is no text.
func cutComm(name string) (raw string, cut bool) {
	raw = format.UnescapeText(escape.Raw(name))
	if len(raw) <= maxComm {
		return raw, false
	}
	return raw[:maxComm], true
}

func commWarning(name, raw string) error {
	return fmt.Errorf("--comm %s: the kernel keeps %d bytes of a name: taken as %q", name, maxComm, format.EscapeText(raw))
}

// recordComms are the names to record by, in which * stands for any letters.
func recordComms(names []string, warn func(error)) (comms []string, err error) {
	for _, name := range names {
		if strings.Contains(name, "*") {
			raw := format.UnescapeText(name)
			if letters := len(strings.ReplaceAll(raw, "*", "")); letters > maxComm {
				return nil, &exitError{code: exitUsage, err: fmt.Errorf("--comm %s: no name can match, for the kernel keeps %d bytes of a name and this has %d", name, maxComm, letters),
					hint: "ps -eLo comm lists the names as the kernel has them"}
			}
			comms = append(comms, raw)
			continue
		}
		raw, cut := cutComm(name)
		if cut {
			warn(commWarning(name, raw))
		}
		if raw == "" {
			return nil, errors.New("--comm: a name is empty")
		}
		comms = append(comms, raw)
		if literal := format.UnescapeText(name); literal != raw && !cut {
			comms = append(comms, literal) // a backslash may be one of the name
		}
	}
	return comms, nil
}

// readComms are the patterns to read by. A name that the kernel has cut is
// found by what it kept; imports may have the whole.
func readComms(names []string, warn func(error)) (patterns []string) {
	for _, name := range names {
		patterns = append(patterns, name)
		whole, _, pattern := strings.Cut(name, "*")
		raw, cut := cutComm(whole)
		switch {
		case cut && strings.Contains(name, ","): // it is a list
		case cut:
			warn(commWarning(name, raw))
			patterns = append(patterns, format.EscapeText(raw))
		case !pattern:
			patterns = append(patterns, format.EscapeText(raw))
		}
	}
	return patterns
}
