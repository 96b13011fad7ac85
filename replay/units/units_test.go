package units_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"systape/replay/units"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{units.Count(0), "0"}, {units.Count(999), "999"}, {units.Count(1000), "1,000"}, {units.Count(-1234567), "-1,234,567"},
		{units.Counted(1, "call"), "1 call"}, {units.Counted(0, "call"), "0 calls"}, {units.Counted(2000, "process"), "2,000 processes"},
		{units.CountCell(0), ""},
		{units.Share(0, 5), "0 %"}, {units.Share(5, 5), "100 %"}, {units.Share(0, 0), "100 %"}, {units.Share(1, 1e6), "<0.01 %"},
		{units.Share(1e6-1, 1e6), "99.99 %"}, {units.Share(7, 8), "87.5 %"}, {units.Share(1, 200), "0.50 %"},
		{units.ShareOf(0.125), "12.5 %"}, {units.ShareOf(0.0004), "0.04 %"}, {units.ShareOf(1.5), "150.0 %"},
		{units.ShareCell(0), ""}, {units.ShareCell(0.0004), "<0.1%"}, {units.ShareCell(0.012), "1.2%"}, {units.ShareCell(0.0999), "10%"},
		{units.ShareCell(0.5), "50%"}, {units.ShareCell(0.9949), "99%"}, {units.ShareCell(0.99999), "99.9%"}, {units.ShareCell(1), "100%"},
		{units.Rate(0.004), "<0.01"}, {units.Rate(3500), "3.50k"}, {units.Rate(999.7), "1.00k"}, {units.Rate(12e6), "12.0M"}, {units.Rate(3e12), "3000G"}, {units.RateCell(0), ""},
		{units.Bytes(0), "0 B"}, {units.Bytes(1023), "1023 B"}, {units.Bytes(1536), "1.5 KiB"}, {units.Bytes(1 << 20), "1 MiB"}, {units.Bytes(1<<20 - 1), "1 MiB"},
		{units.Bytes(1<<63 - 1), "8 EiB"}, {units.BytesFlag(64 << 20), "64MiB"}, {units.BytesFlag(96 << 10), "96KiB"}, {units.BytesFlag(1000), "1000B"}, {units.BytesFlag(0), "0B"},
		{units.Offset(0), "0"}, {units.Offset(1_500_000), "+1.5 ms"}, {units.Offset(-300), "-300 ns"}, {units.Offset(-1 << 63), "-106751d23h"}, {units.Offset(100e9), "+1m40s"},
		{units.Power(1), "1 ns"}, {units.Power(100_000), "100 µs"}, {units.Power(1e12), "1000 s"},
		{units.Date(0), "1970-01-01 00:00:00 UTC"}, {units.Date(1e9 + 888e6), "1970-01-01 00:00:01.888 UTC"},
		{units.Date(1e9 + 1), "1970-01-01 00:00:01.000000001 UTC"}, {units.Date(-1), "1969-12-31 23:59:59.999999999 UTC"},
		{units.Clock(61e9 + 1999), "00:01:01.000001"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		-5: "0 ns", 0: "0 ns", 999: "999 ns", 1000: "1.00 µs", 9994: "9.99 µs", 9995: "10.0 µs", 9996: "10.0 µs", 99949: "99.9 µs", 99951: "100 µs",
		999499: "999 µs", 999500: "1.00 ms", 999_499_999: "999 ms", 999_500_000: "1.00 s ", 59_900_000_000: "59.9 s ", 99_940_000_000: "99.9 s ",
		100_000_000_000: "1m40s", 3_599_000_000_000: "59m59s", 3_600_000_000_000: "1h00m", 172_800_000_000_000: "2d00h", 1<<63 - 1: "106751d23h",
	} {
		if got := units.DurationCell(ns); got != want {
			t.Errorf("DurationCell(%d) = %q, want %q", ns, got, want)
		}
	}
	if got := units.Duration(1e9); got != "1.00 s" {
		t.Errorf("Duration of a second is %q", got)
	}
}

func TestAppendDuration(t *testing.T) {
	for ns, want := range map[int64]string{0: "0ns", 7: "7ns", 999: "999ns", 1000: "1.00µs", 1004: "1.00µs", 1005: "1.01µs", 9994: "9.99µs",
		9995: "10.0µs", 12345: "12.3µs", 99949: "99.9µs", 99950: "100µs", 123456: "123µs", 999499: "999µs", 999500: "1.00ms",
		4560000: "4.56ms", 61e9: "61.0s", 3600e9: "3600s", 999_499_999: "999ms", 999_500_000: "1.00s", -5: "-5ns"} {
		if got := string(units.AppendDuration(nil, ns)); got != want {
			t.Errorf("AppendDuration(%d) = %s, want %s", ns, got, want)
		}
	}
	// Three digits are right to half of the last one.
	r := rand.New(rand.NewPCG(5, 6))
	for range 100000 {
		ns := int64(r.Uint64() >> (1 + r.IntN(62)))
		got, err := time.ParseDuration(string(units.AppendDuration(nil, ns)))
		if ns > 1<<53 {
			continue // more hours than ParseDuration knows exactly
		}
		if err != nil || float64(got-time.Duration(ns)) > 0.0051*float64(ns) || float64(time.Duration(ns)-got) > 0.0051*float64(ns) {
			t.Fatalf("AppendDuration(%d) = %v, %v", ns, got, err)
		}
	}
}

// An axis has some marks and not too many, whatever its span.
func TestTicks(t *testing.T) {
	for span := int64(1); span > 0 && span < 1<<62; span = span*3/2 + 1 {
		n := len(units.Ticks(span, 8))
		if n < 1 || n > 9 || span > 100 && n < 2 {
			t.Errorf("%d marks on an axis of %v", n, time.Duration(span))
		}
		if span > 1<<61 {
			break
		}
	}
}
