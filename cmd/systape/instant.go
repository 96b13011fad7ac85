package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"systape/format"
)

// instantHelp says what an instant may look like, for help texts.
const instantHelp = `Times are what systape prints anywhere: a time of day (16:14:43.963, of the
capture's day), a date (2026-03-01T12:00:00.5Z, "2026-03-01 12:00:00.5 UTC"),
seconds or nanoseconds since the epoch, or an offset from the first event
(+1.5s, 1.500000000). Dates and times of day are UTC, unless they say otherwise.
What came twice, because the clock was set back, is the last for --to, and the
first else`

// An instant is a time as the user gives it, which may need the capture to be
// understood.
type instant struct {
	text string
	form instantForm
	ns   int64
}

type instantForm uint8

const (
	noInstant  instantForm = iota
	anOffset               // since the first event
	aWallTime              // since the epoch, as the clock on the wall showed
	aTimeOfDay             // since midnight UTC, as the clock on the wall showed
	aNumber                // a bare integer: its unit is to be found
)

// What has a decimal point and lies before this, in March 1973, is an offset.
const firstEpochNS = 100_000_000 * 1e9

// parseInstant reads a time; "" is none.
func parseInstant(s string) (instant, error) {
	i := instant{text: s}
	s = strings.TrimSpace(s)
	if s == "" {
		return i, nil
	}
	if offset, ok := strings.CutPrefix(s, "+"); ok {
		ns, err := parseDuration(offset)
		if err != nil {
			return i, fmt.Errorf("%q is no offset: %w", i.text, err)
		}
		i.form, i.ns = anOffset, ns
		return i, nil
	}
	if ns, ok := parseDecimal(s, 1); ok && !strings.Contains(s, ".") {
		i.form, i.ns = aNumber, ns
		return i, nil
	}
	if ns, ok := parseDecimal(s, 1e9); ok {
		if i.form, i.ns = aWallTime, ns; ns < firstEpochNS {
			i.form = anOffset
		}
		return i, nil
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			i.form, i.ns = aTimeOfDay, t.Sub(t.Truncate(24*time.Hour)).Nanoseconds()
			return i, nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if y := t.Year(); y < 1678 || y > 2261 {
			return i, fmt.Errorf("the year of %q cannot be told in nanoseconds", i.text)
		}
		i.form, i.ns = aWallTime, t.UnixNano()
		return i, nil
	}
	return i, fmt.Errorf("%q is no time: want one such as 16:14:43.5, 2026-03-01T12:00:00Z, an offset (+1.5s), or seconds or nanoseconds since the epoch", i.text)
}

// resolve returns the capture time that is meant, in a capture whose first
// event is at first and which has this wall clock; of a time that this showed
// twice the last, if so asked. The word is what the user should know of how the
// text was understood, mostly "".
func (i instant) resolve(first int64, wall format.WallClock, last bool) (ns int64, word string, err error) {
	switch i.form {
	case anOffset:
		if i.ns > math.MaxInt64-first {
			return 0, "", fmt.Errorf("%q lies beyond all time", i.text)
		}
		return first + i.ns, "", nil
	case aWallTime:
		ns, word = i.onWall(i.ns, first, wall, last)
		return ns, word, nil
	case aTimeOfDay:
		const day = 24 * int64(time.Hour)
		// The first such time that is not more than an hour before the first event.
		earliest := wall.At(first) - int64(time.Hour)
		midnight := earliest - ((earliest%day)+day)%day
		at := midnight + i.ns
		if at < earliest {
			at += day
		}
		ns, word = i.onWall(at, first, wall, last)
		return ns, word, nil
	case aNumber:
		return i.number(first)
	}
	return 0, "", nil
}

// onWall returns when the clock on the wall showed a time. The word tells where
// that was twice.
func (i instant) onWall(real, begin int64, wall format.WallClock, last bool) (ns int64, word string) {
	a, b := wall.Capture(real)
	if a == b {
		return a, ""
	}
	since := func(ns int64) string {
		if ns < begin {
			return "before the first event"
		}
		return "+" + offset(ns-begin)
	}
	if last {
		return b, fmt.Sprintf("%s came twice, for the clock was set back: the last is meant, %s; the first is %s", i.text, since(b), since(a))
	}
	return a, fmt.Sprintf("%s came twice, for the clock was set back: the first is meant, %s; the last is %s", i.text, since(a), since(b))
}

// number finds the unit of a bare integer, of which capture time has
// nanoseconds: of the four units, a thousand apart, one makes it a time near
// the capture, within a factor of ten or so.
func (i instant) number(first int64) (ns int64, word string, err error) {
	near := func(ns int64) bool { return ns >= first/20 && ns/20 <= first }
	if first < firstEpochNS || i.ns == 0 || near(i.ns) {
		return i.ns, "", nil // captures whose time does not count from the epoch, too
	}
	for _, u := range []struct {
		ns   int64
		name string
	}{{1e9, ""}, {1e6, "milliseconds"}, {1e3, "microseconds"}} {
		if i.ns > math.MaxInt64/u.ns || !near(i.ns*u.ns) {
			continue
		}
		if u.name != "" {
			word = fmt.Sprintf("%s is taken as %s since the epoch", i.text, u.name)
		}
		return i.ns * u.ns, word, nil
	}
	return 0, "", fmt.Errorf("%q is no time near the capture's, in whatever unit since the epoch; +%s is an offset in seconds from its first event", i.text, i.text)
}
