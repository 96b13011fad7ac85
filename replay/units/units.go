// Package units writes numbers for people: durations, counts, shares, rates,
// sizes and times, in one system everywhere. Machine formats have plain
// numbers, in nanoseconds and bytes.
//
// There are two kinds of text. What stands in a sentence or on an axis has no
// padding (Duration, Share). What stands in a column of a table ends in Cell:
// its digits align when it is put to the right, and it is "" where there is
// nothing to see.
package units

import (
	"math"
	"strconv"
	"strings"
)

// Count writes a count with a comma between thousands: 41,300,000.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// CountCell is Count, and "" for none.
func CountCell(n int64) string {
	if n == 0 {
		return ""
	}
	return Count(n)
}

// Counted writes a count of things: "1 call", "2,000 calls".
func Counted(n int64, thing string) string { return Count(n) + " " + Plural(n, thing) }

// Plural returns the word for n of thing: call, calls; process, processes.
func Plural(n int64, thing string) string {
	switch {
	case n == 1:
		return thing
	case strings.HasSuffix(thing, "s"):
		return thing + "es"
	}
	return thing + "s"
}

// Share writes n of all as a percentage, rounded towards what is not whole:
// "100 %" means all, "0 %" none. All of nothing is everything.
func Share(n, all int64) string {
	switch {
	case n == all:
		return "100 %"
	case n == 0:
		return "0 %"
	}
	return share(float64(n) / float64(all) * 100)
}

// ShareOf is Share of a part between 0 and 1.
func ShareOf(x float64) string {
	switch x {
	case 1:
		return "100 %"
	case 0:
		return "0 %"
	}
	return share(x * 100)
}

func share(p float64) string {
	switch {
	case p > 99.99 && p < 100:
		return "99.99 %"
	case p < 0.01:
		return "<0.01 %"
	case p < 1 || p > 99 && p < 100:
		return strconv.FormatFloat(p, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// ShareCell writes a part between 0 and 1 in two digits or so, for tables and
// labels: "12%", "" for nothing. Only all is "100%".
func ShareCell(x float64) string {
	p := x * 100
	switch {
	case p == 0:
		return ""
	case p < 0.1:
		return "<0.1%"
	case p < 9.95:
		return strconv.FormatFloat(p, 'f', 1, 64) + "%"
	case p < 99.5 || p == 100:
		return strconv.FormatFloat(p, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(math.Floor(p*10)/10, 'f', 1, 64) + "%"
}

// Rate writes how many there are in a second, with three digits: "3.50k".
func Rate(x float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if x < 999.5 || unit == "G" {
			if unit == "" && x < 0.005 && x > 0 {
				return "<0.01"
			}
			return digits(x) + unit
		}
		x /= 1000
	}
	return ""
}

// RateCell is Rate, and "" for none.
func RateCell(x float64) string {
	if x == 0 {
		return ""
	}
	return Rate(x)
}

// Mark writes a number beside an axis: "100", "10k".
func Mark(x float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if x < 999.5 || unit == "G" {
			return trimmed(digits(x)) + unit
		}
		x /= 1000
	}
	return ""
}

// Bytes writes a size in powers of 1024 with three digits: "870 B", "1.50 KiB".
func Bytes(n int64) string {
	v := float64(n)
	if v < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		if v /= 1024; v < 999.5 || unit == "EiB" {
			return trimmed(digits(v)) + " " + unit
		}
	}
	return ""
}

// BytesFlag writes a size as flags take it, without a blank and exactly:
// "64MiB".
func BytesFlag(n int64) string {
	unit := 0
	for unit < 4 && n != 0 && n%1024 == 0 {
		n /= 1024
		unit++
	}
	return strconv.FormatInt(n, 10) + [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}

// digits writes 0 <= v < 1000 with three significant digits.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// trimmed leaves out zeros at the end of a fraction.
func trimmed(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// OneIn says what share n of all is: "every call", "one call in 10", "one call in 3.5".
func OneIn(n, all int64) string {
	switch {
	case n >= all:
		return "every call"
	case n <= 0:
		return "no call"
	}
	in := strconv.FormatFloat(float64(all)/float64(n), 'f', 1, 64)
	return "one call in " + strings.TrimSuffix(in, ".0")
}
