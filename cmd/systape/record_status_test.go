package main

import (
	"strings"
	"testing"

	"systape/format"
)

// What a slow disk lost is not put down to the kernel's buffers, and the hint
// can be pasted.
func TestHintsAfterLosses(t *testing.T) {
	for _, c := range []struct {
		full, stored, skipped int64
		want                  string
	}{
		{full: 10, want: "--buffer 256MiB,"},
		{full: 10, stored: 3, skipped: 20, want: "--buffer 256MiB,"},
		{full: 1, stored: 30, want: "another disk"},
		{stored: 1, want: "another disk"},
		{skipped: 5},
	} {
		var by [format.Causes]int64
		by[format.CauseRingFull], by[format.CauseDropped], by[format.CauseSkipped] = c.full, c.stored, c.skipped
		got := lossHint(by, 64<<20)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%+v: got %q", c, got)
		}
		if strings.Contains(got, "disk") && strings.Contains(got, "--buffer") {
			t.Errorf("%+v: blames both: %q", c, got)
		}
	}
}
