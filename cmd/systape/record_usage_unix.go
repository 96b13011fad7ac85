//go:build unix

package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func processUsage() usage {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return usage{}
	}
	peak := int64(u.Maxrss)
	if runtime.GOOS == "linux" {
		peak <<= 10 // getrusage(2): kilobytes there
	}
	return usage{float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, peak}
}
