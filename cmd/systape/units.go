package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"systape/replay/latency"
)

// formatDuration writes a duration with three digits and its unit, such as
// "1.23 ms". The unit takes two columns, so that right-aligned digits align.
func formatDuration(ns int64) string {
	if ns < 1000 {
		return strconv.FormatInt(ns, 10) + " ns"
	}
	v := float64(ns)
	for _, unit := range []string{"ns", "µs", "ms", "s "} {
		if s := latencyDigits(v); v < 1000 && s != "1000" {
			if unit == "s " && v >= 100 {
				break
			}
			return s + " " + unit
		}
		v /= 1000
	}
	d := time.Duration(ns).Round(time.Second)
	h, m, s := int64(d.Hours()), int64(d.Minutes())%60, int64(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%dd%02dh", h/24, h%24)
	case h > 0:
		return fmt.Sprintf("%dh%02dm", h, m)
	}
	return fmt.Sprintf("%dm%02ds", m, s)
}

// latencyDigits writes v < 1000 with three significant digits.
func latencyDigits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

func latencyQuantile(q latency.Quantile) string {
	if q.Above {
		return ">" + formatDuration(q.NS)
	}
	return formatDuration(q.NS)
}

// formatCount writes a count with a comma between thousands.
func formatCount(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted writes a count of things.
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return formatCount(n) + " " + thing + "s"
}

// formatPercent writes a share as a percentage; "" for none, because what
// stands in a column of blanks is seen.
func formatPercent(x float64) string {
	p := x * 100
	switch {
	case p == 0:
		return ""
	case p < 0.1:
		return "<0.1%"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + "%"
	case p < 99.5 || p == 100:
		return strconv.FormatFloat(p, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(math.Floor(p*10)/10, 'f', 1, 64) + "%"
}

// formatRate writes calls per second with three digits.
func formatRate(x float64) string {
	switch {
	case x == 0:
		return ""
	case x < 0.01:
		return "<0.01"
	case x < 999.5:
		return latencyDigits(x)
	case x < 999_500:
		return latencyDigits(x/1e3) + "k"
	}
	return latencyDigits(x/1e6) + "M"
}

// latencyClock writes the time of day of a capture time, in UTC, to the
// microsecond.
func latencyClock(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04:05.000000") }

// latencyDate writes a capture time in UTC, to the second.
func latencyDate(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05 UTC") }

// latencyOffset writes a time since the left edge of a picture.
func latencyOffset(ns int64) string {
	if ns == 0 {
		return "0"
	}
	s := formatDuration(ns)
	number, unit, _ := strings.Cut(s, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return strings.TrimSpace("+" + number + " " + unit)
}

// latencyPad right-aligns text that may hold multi-byte characters.
func latencyPad(s string, width int) string {
	if n := len([]rune(s)); n < width {
		return strings.Repeat(" ", width-n) + s
	}
	return s
}
