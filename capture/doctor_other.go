//go:build !linux

package capture

import (
	"context"
	"runtime"
)

// Examine says that recording needs Linux.
func Examine(context.Context, ExamineOptions) Examination {
	var e Examination
	e.add("system", FindingFails, "recording needs Linux, this is "+runtime.GOOS,
		"record on the Linux machine, then analyse the capture here: every command but record works")
	return e
}

// CountCalls does nothing here: there is nothing to measure.
func CountCalls(float64) (nsPerCall float64, calls int) { return 0, 0 }
