package main

import (
	"fmt"
	"os"

	"systape/capture"
	"systape/replay/units"
)

// offlineMemory is what the largest of the commands that work on captures take.
const offlineMemory = 300 << 20

// offlineChecks looks at what all commands but record need: a folder for
// temporary files, and memory.
func offlineChecks() []capture.Check {
	temp := capture.Check{Name: "temp", Finding: capture.FindingOK, Found: os.TempDir() + " can be written to"}
	if f, err := os.CreateTemp("", "systape-"); err != nil {
		temp = capture.Check{Name: "temp", Finding: capture.FindingNote, Found: err.Error() + ": captures from a pipe and large tables need it",
			Next: "set TMPDIR to a folder that can be written to"}
	} else {
		f.Close()
		os.Remove(f.Name())
	}
	memory := capture.Check{Name: "analysis", Finding: capture.FindingOK, Found: "commands on captures take up to " + units.Bytes(offlineMemory) + " of memory"}
	if all, err := machineMemory(); err == nil {
		memory.Found += fmt.Sprintf(", this machine has %s", units.Bytes(int64(all)))
		if all < 2*offlineMemory {
			memory.Finding, memory.Next = capture.FindingNote, "analyse large captures on a larger machine"
		}
	}
	return []capture.Check{temp, memory}
}
