package sequences

import (
	"fmt"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// By says which calls make one stream.
type By uint8

// The groupings. Only ByThread follows a program's own order: in the others
// the calls of several threads interleave as the scheduler willed it, which
// hides most of what is unusual.
const (
	ByThread By = iota
	ByProcess
	ByContainer
	ByCapture
	numBys
)

var byNames = [numBys]string{"thread", "process", "container", "capture"}

// String returns the word that the command line and baselines use.
func (b By) String() string {
	if b < numBys {
		return byNames[b]
	}
	return "unknown"
}

// ParseBy is the inverse of [By.String].
func ParseBy(s string) (By, error) {
	for i, n := range byNames {
		if n == s {
			return By(i), nil
		}
	}
	return 0, fmt.Errorf("unknown grouping %q: want thread, process, container or capture", s)
}

// Columns are those that the batches and calls which [Streams] takes must hold.
const Columns = format.ColSeq | format.ColPID | format.ColSyscall | format.ColComm | format.ColContainer

// Options say how a capture is divided into streams of symbols.
type Options struct {
	By         By
	MaxN       int  // longest window that the tables of the observers count, 1…MaxN; 0 means 6
	WithErrors bool // a call that failed is a symbol of its own: openat:ENOENT
	// Paths are rules that tell calls apart by what they are about: a call
	// whose path or address, or else that of its first descriptor, matches one
	// (* stands for any characters) is a symbol with the first such rule
	// behind its name, openat:/etc/*. They need [replay.Call.Files].
	Paths         []string
	SkipContinued bool // a call that continues an interrupted one (restart_syscall, or issued again) is not counted again
	// Native is the capture's own ABI; calls through another one get its
	// name before theirs. Without HaveNative the first call decides.
	Native     abi.ABI
	HaveNative bool
	// Accept chooses the calls that count, nil means all. Calls that are
	// left out do not cut a stream: the sequence is that of the chosen calls.
	Accept func(*replay.Call) bool
	// Late are losses whose rows stand later in the capture than the time
	// they tell of; see replay.LateLosses.
	Late []replay.Loss
	// Store takes the state of idle streams when there are too many to keep
	// in memory; without one, memory is that of the live threads.
	Store *Store
}
