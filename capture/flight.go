package capture

import (
	"errors"
	"fmt"
	"time"

	"systape/format/abi"
)

// Flight makes a recording a flight recorder: it keeps the latest stretch in
// memory, compressed as a spool is, and writes it to a file when a trigger fires,
// at [Recording.WriteOut], or at the end where no trigger is given. Each file is
// a capture of its own.
type Flight struct {
	Window   time.Duration // what is kept at least; 0: as much as Bytes hold
	Bytes    int64         // what is kept takes at most so much; 0: as much as Window takes
	After    time.Duration // how long a file goes on after a trigger
	Cooldown time.Duration // from a trigger on, how long others write no file
	Triggers []Trigger
	// Next makes the spool of a file, as [Rotation].Next does.
	Next func(number int, now time.Time) (Output, error)
}

// leastFlightBytes holds a few stretches.
const leastFlightBytes = 4 << 20

// validate finds out whether it can be of a recording of these calls; nil: of all.
func (f *Flight) validate(calls *abi.Set) error {
	switch {
	case f.Window <= 0 && f.Bytes <= 0:
		return errors.New("a flight recorder keeps some time or some bytes")
	case f.Window < 0 || f.After < 0 || f.Cooldown < 0:
		return errors.New("a time of the flight recorder is negative")
	case f.Bytes != 0 && f.Bytes < leastFlightBytes:
		return fmt.Errorf("a flight recorder of %d bytes: it takes at least 4 MiB", f.Bytes)
	case len(f.Triggers) > maxTriggers:
		return fmt.Errorf("%d triggers, of which there can be %d", len(f.Triggers), maxTriggers)
	}
	for _, t := range f.Triggers {
		if t.calls != nil && calls != nil && !t.calls.Meets(calls) {
			return fmt.Errorf("trigger %q would never fire: none of its calls is recorded (-e %s)", t.text, calls)
		}
	}
	return nil
}

// atEnd reports whether the end of the recording writes a file.
func (f *Flight) atEnd() bool {
	for _, t := range f.Triggers {
		if t.AtEnd() {
			return true
		}
	}
	return len(f.Triggers) == 0
}

// FlightStatus is how a flight recorder stands.
type FlightStatus struct {
	Held   int64         // bytes kept in memory
	Window time.Duration // that they are of
	Files  int64         // that were begun
	Fired  int64         // times that triggers fired
	Passed int64         // of these, those that made no file: in the cool-down, or while one was being written
}
