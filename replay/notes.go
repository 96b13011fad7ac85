package replay

import (
	"cmp"
	"fmt"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay/units"
)

// Notes gathers what a capture says beside its durations: which processes were
// refused calls, and whether some of the work went past the recorder by way
// of io_uring. The zero value is ready.
type Notes struct {
	Calls       int64
	Denied      int64
	RingSetups  int64 // io_uring_setup that succeeded, io_uring_register not counted
	RingEnters  int64 // io_uring_enter
	RingThreads int   // threads that called io_uring_enter

	denied  map[DeniedCalls]int64 // Count being 0
	threads map[int32]bool
}

// DeniedCalls is how often one process was refused one call.
type DeniedCalls struct {
	PID     int32
	Comm    format.Symbol
	Syscall format.Symbol
	Errno   int // 0: what the call returned was no error, as after a trap
	Count   int64
}

// maxDenied bounds the distinct entries; further ones count in Denied only.
const maxDenied = 1 << 16

// The numbers of io_uring are the same in every ABI (they came after the
// tables were unified); x32 adds its bit.
var ringSetup, ringEnter = mustNumber("io_uring_setup"), mustNumber("io_uring_enter")

func mustNumber(name string) int32 {
	nr, ok := abi.Number(abi.X86_64, name)
	if !ok {
		panic("replay: internal error: no call " + name)
	}
	return nr
}

// Add takes calls into account.
func (n *Notes) Add(calls []Call) {
	n.Calls += int64(len(calls))
	for i := range calls {
		c := &calls[i]
		if c.Status == Denied {
			n.deny(c)
		}
		switch nr := c.Nr &^ x32Bit; {
		case nr == ringEnter && c.EnterSeq >= 0:
			n.RingEnters++
			if n.threads == nil {
				n.threads = map[int32]bool{}
			}
			if len(n.threads) < maxDenied {
				n.threads[c.TID] = true
			}
			n.RingThreads = len(n.threads)
		case nr == ringSetup && c.Status == OK && c.Ret >= 0:
			n.RingSetups++
		}
	}
}

// Join takes into account what another has gathered.
func (n *Notes) Join(o *Notes) {
	n.Calls += o.Calls
	n.Denied += o.Denied
	n.RingSetups += o.RingSetups
	n.RingEnters += o.RingEnters
	for key, count := range o.denied {
		if n.denied == nil {
			n.denied = map[DeniedCalls]int64{}
		}
		if _, known := n.denied[key]; known || len(n.denied) < maxDenied {
			n.denied[key] += count
		}
	}
	for tid := range o.threads {
		if n.threads == nil {
			n.threads = map[int32]bool{}
		}
		if len(n.threads) < maxDenied {
			n.threads[tid] = true
		}
	}
	n.RingThreads = len(n.threads)
}

func (n *Notes) deny(c *Call) {
	n.Denied++
	if n.denied == nil {
		n.denied = map[DeniedCalls]int64{}
	}
	key := DeniedCalls{PID: c.PID, Comm: c.Comm, Syscall: c.Syscall, Errno: c.Errno()}
	if _, known := n.denied[key]; known || len(n.denied) < maxDenied {
		n.denied[key]++
	}
}

// DeniedByProcess lists the refused calls, most frequent first, then by process
// and by names, whose table is given: the order does not depend on how the
// capture was read.
func (n *Notes) DeniedByProcess(names *format.SymbolTable) []DeniedCalls {
	list := make([]DeniedCalls, 0, len(n.denied))
	for d, count := range n.denied {
		d.Count = count
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b DeniedCalls) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.PID, b.PID), cmp.Compare(names.String(a.Comm), names.String(b.Comm)),
			cmp.Compare(names.String(a.Syscall), names.String(b.Syscall)), cmp.Compare(a.Errno, b.Errno))
	})
	return list
}

// IOUring returns the line that a capture with io_uring in it deserves, ""
// if there is none: what is submitted through a ring is no system call.
func (n *Notes) IOUring() string {
	if n.RingSetups == 0 && n.RingEnters == 0 {
		return ""
	}
	return fmt.Sprintf("io_uring is in use (%s set up, entered %s times by %s): reads, writes and the like that went through rings are not in this capture",
		units.Counted(n.RingSetups, "ring"), units.Count(n.RingEnters), units.Counted(int64(n.RingThreads), "thread"))
}
