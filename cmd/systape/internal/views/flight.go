package views

import (
	"cmp"
	"fmt"
	"strings"

	"systape/format"
	"systape/replay/escape"
	"systape/replay/units"
)

// flightWords says what the recorder was that wrote the file.
func flightWords(f *format.Flight) string {
	var keeps []string
	if f.WindowNS > 0 {
		keeps = append(keeps, units.Duration(f.WindowNS))
	}
	if f.WindowBytes > 0 {
		keeps = append(keeps, units.Bytes(f.WindowBytes))
	}
	words := fmt.Sprintf("file %d of a recorder that keeps the last %s", f.Number, strings.Join(keeps, " and at most "))
	for i, t := range f.Triggers {
		words += choose(i == 0, " and looks for ", ", ") + escape.Text(t)
	}
	return words
}

// flightReason says why it was written, and when that was.
func flightReason(f *format.Flight) string {
	words := ""
	switch f.Why {
	case format.FlightTrigger:
		words = cmp.Or(escape.Text(strings.TrimSpace(f.Trigger)), "a trigger that is not told")
		if f.What != "" {
			words += ": " + escape.Text(f.What)
		}
		if f.PID != 0 {
			words += fmt.Sprintf(", of %d/%d %s", f.PID, f.TID, escape.Name(f.Comm))
		}
	case format.FlightSignal:
		words = "a signal"
	case format.FlightEnd:
		words = "the recorder's end"
	default:
		words = escape.Text(string(f.Why))
	}
	words = strings.TrimSpace(words) + " at " + Instant(f.AtNS)
	if f.Passed > 0 {
		words += "; since the file before, triggers fired " + units.Counted(f.Passed, "more time") + " without a file"
	}
	return words
}
