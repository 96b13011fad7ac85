package main

import (
	"strings"
	"testing"
	"time"

	"systape/format"
	"systape/replay/units"
)

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration // -1: refused
	}{
		{"5", 5 * time.Second},
		{"0", 0},
		{"1.5", 1500 * time.Millisecond},
		{".25", 250 * time.Millisecond},
		{"0.001", time.Millisecond},
		{"0.0000000019", 1},
		{"10s", 10 * time.Second},
		{"1m30s", 90 * time.Second},
		{"1.5ms", 1500 * time.Microsecond},
		{"100us", 100 * time.Microsecond},
		{"100µs", 100 * time.Microsecond},
		{"250ns", 250},
		{"0.5ns", 0},
		{"2d00h", 48 * time.Hour},            // as units.Duration prints
		{"1.23 ms", 1230 * time.Microsecond}, // likewise
		{"3h07m", 187 * time.Minute},
		{"0.5d", 12 * time.Hour},
		{"9223372036", 9223372036 * time.Second},
		{"9223372036.9", -1},
		{"9223372037", -1},
		{"106752d", -1},
		{"-1s", -1},
		{"-5", -1},
		{"", -1},
		{" ", -1},
		{"abc", -1},
		{"1e3", -1},
		{"inf", -1},
		{"1x", -1},
		{"s", -1},
		{"1m30", -1},
		{"1..5s", -1},
		{".", -1},
		{"5 minutes", -1},
	} {
		got, err := parseDuration(c.text)
		if c.want < 0 {
			if err == nil {
				t.Errorf("%q: got %v, want it refused", c.text, time.Duration(got))
			}
			continue
		}
		if err != nil || time.Duration(got) != c.want {
			t.Errorf("%q: got %v %v, want %v", c.text, time.Duration(got), err, c.want)
		}
	}
}

// Whatever systape prints for a duration, it reads as that, to its three
// digits.
func TestParseDurationReadsWhatIsPrinted(t *testing.T) {
	for ns := int64(1); ns < 1e18; ns = ns*7/3 + 1 {
		for _, printed := range []string{units.Duration(ns), time.Duration(ns).String()} {
			got, err := parseDuration(printed)
			if off := float64(got)/float64(ns) - 1; err != nil || off > 0.02 || off < -0.02 {
				t.Errorf("%d ns is printed as %q and read as %d, %v", ns, printed, got, err)
			}
		}
	}
}

func TestInstant(t *testing.T) {
	const first = 1795709682_888_000_123 // 2026-11-26 16:14:42.888000123 UTC
	at := func(s string) int64 {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixNano()
	}
	for _, c := range []struct {
		text string
		want int64
		word string // of the warning, or of the error if want is -1
	}{
		{"16:14:43.963004", at("2026-11-26T16:14:43.963004Z"), ""}, // latency --slowest
		{"16:14:43", at("2026-11-26T16:14:43Z"), ""},
		{"16:15", at("2026-11-26T16:15:00Z"), ""},
		{"16:14", at("2026-11-26T16:14:00Z"), ""}, // shortly before the first event
		{"00:05:00", at("2026-11-27T00:05:00Z"), ""},
		{"15:00:00", at("2026-11-27T15:00:00Z"), ""},
		{"2026-11-26T16:14:43.5Z", at("2026-11-26T16:14:43.5Z"), ""},
		{"2026-11-26T17:14:43.5+01:00", at("2026-11-26T16:14:43.5Z"), ""},
		{"2026-11-26 16:14:42.888 UTC", at("2026-11-26T16:14:42.888Z"), ""}, // heat maps
		{"2026-11-26 16:14:42", at("2026-11-26T16:14:42Z"), ""},
		{"2026-11-26", at("2026-11-26T00:00:00Z"), ""},
		{"1795709683.734327320", 1795709683_734327320, ""}, // replay --time epoch
		{"1795709683.7", 1795709683_700000000, ""},
		{"1795709683", 1795709683_000000000, ""},         // date +%s
		{"1795709683734327320", 1795709683734327320, ""}, // ts_ns
		{"1795709683734", 1795709683_734000000, "is taken as milliseconds since the epoch"},
		{"1795709683734327", 1795709683_734327000, "is taken as microseconds since the epoch"},
		{"+1.5s", first + 1_500_000_000, ""},
		{"+1.5", first + 1_500_000_000, ""},
		{"+242 ms", first + 242_000_000, ""}, // latency --errors
		{"+1m40s", first + 100_000_000_000, ""},
		{"+0", first, ""},
		{"0.245715907", first + 245_715_907, ""}, // replay
		{"12.000000000", first + 12_000_000_000, ""},
		{"0", 0, ""},
		{"5", -1, "+5 is an offset"},
		{"42000000", -1, "no time near the capture's"},
		{"99999999999999999999", -1, "no time"},
		{"noon", -1, "no time"},
		{"25:00:00", -1, "no time"},
		{"2026-13-01", -1, "no time"},
		{"3026-01-01", -1, "year"},
		{"+x", -1, "no offset"},
		{"+-1s", -1, "negative"},
		{"+9223372036s", -1, "beyond all time"},
		{"-1", -1, "no time"},
	} {
		i, err := parseInstant(c.text)
		got, word := int64(0), ""
		if err == nil {
			got, word, err = i.resolve(first, format.WallClock{}, false)
		}
		if c.want < 0 {
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%q: got %d %v, want an error that says %q", c.text, got, err, c.word)
			}
			continue
		}
		if err != nil || got != c.want || !strings.HasSuffix(word, c.word) || (word == "") != (c.word == "") {
			t.Errorf("%q: got %s %q %v, want %s %q", c.text, time.Unix(0, got).UTC().Format(time.RFC3339Nano), word, err, time.Unix(0, c.want).UTC().Format(time.RFC3339Nano), c.word)
		}
	}
}

// Captures whose time counts from somewhere else, as an import of relative
// times, are asked in their own nanoseconds.
func TestInstantOfSmallTimes(t *testing.T) {
	for _, text := range []string{"5", "1000", "1795709683734327320"} {
		i, err := parseInstant(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, word, err := i.resolve(40, format.WallClock{}, false); err != nil || word != "" || got != i.ns {
			t.Errorf("%s: got %d %q %v", text, got, word, err)
		}
	}
}

// What is told by the clock on the wall is asked by it, also after the machine
// was asleep: here for an hour, ten seconds after the first event.
func TestInstantAfterSleep(t *testing.T) {
	const first = 1795709682_000000000
	clock := format.Clock{Anchors: []format.Anchor{
		{TS: first, RealNS: first},
		{TS: first + 10e9, RealNS: first + 10e9},
		{TS: first + 20e9, RealNS: first + 20e9 + 3600e9},
	}}
	wall := clock.Wall()
	for text, want := range map[string]int64{
		"16:14:47":             first + 5e9,
		"17:15:07":             first + 25e9,
		"2026-11-26T17:15:07Z": first + 25e9,
		"1795713307.0":         first + 25e9,
		"1795709707000000000":  first + 25e9, // capture time, as ts_ns has it
		"+25s":                 first + 25e9,
	} {
		i, err := parseInstant(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := i.resolve(first, wall, false); err != nil || got != want {
			t.Errorf("%s: got first+%v %v, want first+%v", text, time.Duration(got-first), err, time.Duration(want-first))
		}
	}
}

// A time of day that came twice, because the clock was set back by 20 s, is for
// --to the last of them, so that no call of that time is left out; and it is said.
func TestInstantThatCameTwice(t *testing.T) {
	const first = 1795709682_000000000
	clock := format.Clock{Anchors: []format.Anchor{{TS: first, RealNS: first}, {TS: first + 30e9, RealNS: first + 30e9}, {TS: first + 30e9 + 20e6, RealNS: first + 10e9 + 20e6}, {TS: first + 90e9, RealNS: first + 70e9}}}
	for _, c := range []struct {
		text string
		last bool
		want int64
		says string
	}{
		{"16:14:57", false, 15e9, "16:14:57 came twice, for the clock was set back: the first is meant, +15.000000000s; the last is +35.000000000s"},
		{"16:14:57", true, 35e9, "16:14:57 came twice, for the clock was set back: the last is meant, +35.000000000s; the first is +15.000000000s"},
		{"2026-11-26T16:14:57Z", true, 35e9, "the last is meant, +35.000000000s"},
		{"1795709697.0", true, 35e9, "the last is meant"},
		{"16:14:47", true, 5e9, ""},
		{"16:15:42", false, 80e9, ""},
		{"+15s", true, 15e9, ""},
		{"1795709697000000000", true, 15e9, ""}, // capture time, as ts_ns has it
	} {
		i, err := parseInstant(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, word, err := i.resolve(first, clock.Wall(), c.last)
		if err != nil || got != first+c.want || !strings.Contains(word, c.says) || (c.says == "") != (word == "") {
			t.Errorf("%s, last %t: first+%v, %q, %v; want first+%v, %q", c.text, c.last, time.Duration(got-first), word, err, time.Duration(c.want), c.says)
		}
	}
}

// FuzzInstant: a time is read or refused, and an offset that is written again is
// the same.
func FuzzInstant(f *testing.F) {
	for _, s := range []string{"16:14:43.963", "+1.5s", "2026-03-01T12:00:00.5Z", "2026-03-01 12:00:00.5 UTC", "1772366400", "1m40s", "1.23 ms", "2d00h", ".5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ns, err := parseDuration(s); err == nil {
			if again, err := parseDuration(offset(ns)); ns < 0 || err != nil || again != ns {
				t.Errorf("%q is %d ns, written as %s and read as %d, %v", s, ns, offset(ns), again, err)
			}
		}
		at, err := parseInstant(s)
		if err != nil || at.form == noInstant {
			return
		}
		const first = 1_772_366_400_000_000_000
		if ns, _, err := at.resolve(first, (&format.Clock{}).Wall(), false); err == nil && at.form == anOffset && ns < first {
			t.Errorf("%q from %d on is %d", s, int64(first), ns)
		}
	})
}
