package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// durationFlag is a flag that takes a duration, in every command. A plain
// number is seconds.
type durationFlag time.Duration

// addDuration adds a flag for a duration. The usage names its value in
// backquotes, as everywhere.
func addDuration(f *pflag.FlagSet, d *time.Duration, name, short string, value time.Duration, usage string) {
	*d = value
	f.VarP((*durationFlag)(d), name, short, usage)
}

// Type makes FlagSet.GetDuration read the flag.
func (d *durationFlag) Type() string { return "duration" }

func (d *durationFlag) String() string {
	if *d == 0 {
		return "0"
	}
	return time.Duration(*d).String()
}

func (d *durationFlag) Set(s string) error {
	ns, err := parseDuration(s)
	*d = durationFlag(ns)
	return err
}

var errDuration = errors.New("want a duration such as 10s, 1.5ms, 1m30s, or a number of seconds")

// parseDuration reads a duration that is not negative: a number of seconds, or
// numbers with their units as systape prints them, "1m40s", "1.23 ms", "2d00h".
func parseDuration(s string) (ns int64, err error) {
	rest := strings.ReplaceAll(s, " ", "")
	if strings.HasPrefix(rest, "-") {
		return 0, errors.New("a duration cannot be negative")
	}
	if rest == "" {
		return 0, errDuration
	}
	if ns, ok := parseDecimal(rest, 1e9); ok {
		return ns, nil
	}
	for rest != "" {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits < 0 {
			return 0, errDuration
		}
		end := strings.IndexFunc(rest[digits:], func(r rune) bool { return r == '.' || r >= '0' && r <= '9' })
		if end < 0 {
			end = len(rest) - digits
		}
		unit, ok := durationUnits[rest[digits:digits+end]]
		if !ok {
			return 0, errDuration
		}
		part, ok := parseDecimal(rest[:digits], unit)
		if !ok || ns > math.MaxInt64-part {
			return 0, errDuration
		}
		ns += part
		rest = rest[digits+end:]
	}
	return ns, nil
}

var durationUnits = map[string]int64{
	"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9,
}

// parseDecimal reads "12", "12.5" or ".5" in units of so many nanoseconds, to
// the nanosecond. It says no to what is none or too large.
func parseDecimal(s string, unit int64) (ns int64, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" {
		return 0, false
	}
	if whole != "" {
		n, err := strconv.ParseUint(whole, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/unit {
			return 0, false
		}
		ns = int64(n) * unit
	}
	for _, digit := range fraction {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		unit /= 10 // what is left of 10 ns or less is nothing
		if part := int64(digit-'0') * unit; ns <= math.MaxInt64-part {
			ns += part
		} else {
			return 0, false
		}
	}
	return ns, true
}
