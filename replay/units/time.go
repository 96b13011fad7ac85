package units

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration writes a duration with three digits and its unit: "1.23 ms",
// "1m40s", "2d00h". It has no sign; what is negative counts as nothing.
func Duration(ns int64) string { return strings.TrimRight(DurationCell(ns), " ") }

// DurationCell is Duration with a unit of two columns, so that right-aligned
// digits stand below each other.
func DurationCell(ns int64) string {
	ns = max(ns, 0)
	if ns < 1000 {
		return strconv.FormatInt(ns, 10) + " ns"
	}
	v := float64(ns)
	for _, unit := range []string{"ns", "µs", "ms", "s "} {
		if s := digits(v); v < 1000 && s != "1000" {
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

// AppendDuration appends a duration without a blank, with three digits and in
// seconds however long it is, as strace's lines have it: 870ns, 12.3µs,
// 3600s. It allocates nothing.
func AppendDuration(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst = append(dst, '-')
		ns = -ns
	}
	unit, name := int64(1), "ns"
	// Rounding may carry into the next unit: 999.6 µs is 1.00 ms.
	switch {
	case ns >= 999_500_000:
		unit, name = 1e9, "s"
	case ns >= 999_500:
		unit, name = 1e6, "ms"
	case ns >= 1000:
		unit, name = 1e3, "µs"
	}
	if unit == 1 {
		return append(strconv.AppendInt(dst, ns, 10), name...)
	}
	switch hundredth := unit / 100; {
	case ns >= 99_950*unit/1000:
		dst = strconv.AppendInt(dst, (ns+unit/2)/unit, 10)
	case ns >= 9_995*unit/1000:
		tenth := unit / 10
		n := (ns + tenth/2) / tenth
		dst = append(strconv.AppendInt(dst, n/10, 10), '.', byte('0'+n%10))
	default:
		n := (ns + hundredth/2) / hundredth
		dst = append(strconv.AppendInt(dst, n/100, 10), '.', byte('0'+n/10%10), byte('0'+n%10))
	}
	return append(dst, name...)
}

// Offset writes a time since some origin, as on an axis: "0", "+1.5 ms".
func Offset(ns int64) string {
	switch {
	case ns == 0:
		return "0"
	case ns < 0:
		return "-" + Offset(-max(ns, -1<<63+1))[1:]
	}
	number, unit, _ := strings.Cut(Duration(ns), " ")
	return strings.TrimSpace("+" + trimmed(number) + " " + unit)
}

// Power writes a power of ten nanoseconds, the mark of an axis: "10 µs".
func Power(ns int64) string {
	for _, u := range []struct {
		ns   int64
		name string
	}{{1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}, {1, " ns"}} {
		if ns >= u.ns {
			return strconv.FormatInt(ns/u.ns, 10) + u.name
		}
	}
	return "0 ns"
}

// Date writes a capture time in UTC with all of its fraction, because offsets
// are counted from it: "2026-11-26 16:14:42.888 UTC".
func Date(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05") + fraction(ns) + " UTC"
}

// Clock writes the time of day of a capture time in UTC, to the microsecond.
func Clock(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04:05.000000") }

// fraction writes the part of a second in groups of three digits, as many as
// it needs.
func fraction(ns int64) string {
	ns %= 1e9
	if ns < 0 {
		ns += 1e9
	}
	s := fmt.Sprintf(".%09d", ns)
	for strings.HasSuffix(s, "000") {
		s = s[:len(s)-3]
	}
	return strings.TrimSuffix(s, ".")
}

// Ticks returns about n round times from 0 to span nanoseconds, for the marks
// of an axis.
func Ticks(span int64, n int) (ticks []int64) {
	step := int64(1)
	for i := 0; span/step >= int64(n) && i < len(RoundTimes); i++ {
		step = RoundTimes[i]
	}
	for t := int64(0); t >= 0 && t <= span; t += step {
		ticks = append(ticks, t)
	}
	return ticks
}

// RoundTimes are the steps of an axis of time in nanoseconds, up to a century.
var RoundTimes = func() (t []int64) {
	for ns := int64(1); ns < 1e10; ns *= 10 {
		t = append(t, ns, 2*ns, 5*ns)
	}
	t = t[:len(t)-2] // up to a second
	const day, year = 86400, 365 * 86400
	for _, s := range []int64{2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, day, 7 * day, 30 * day, 90 * day, year, 2 * year, 5 * year, 10 * year, 20 * year, 50 * year, 100 * year} {
		t = append(t, s*1e9)
	}
	return t
}()
