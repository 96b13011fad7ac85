package export

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// stack is what folded stacks and pprof add up: who called what, and how it
// ended.
type stack struct {
	comm    format.Symbol
	pid     int32
	syscall format.Symbol
	abi     abi.ABI
	errno   int16
}

type sums struct{ calls, ns int64 }

// stacks adds up calls.
type stacks struct {
	walker
	sums    map[stack]*sums
	omitted int64 // calls without a measured duration
}

func (s *stacks) init(o Options) {
	s.walker = walker{o: o, v: s}
	s.sums = map[stack]*sums{}
}

func (s *stacks) Push(b *format.Batch, calls []replay.Call) error {
	s.push(b, calls)
	return nil
}

func (s *stacks) row(*format.Batch, int) {}

func (s *stacks) call(c *replay.Call) {
	if !measured(c.Status) {
		s.omitted++
		return
	}
	k := stack{c.Comm, c.PID, c.Syscall, c.ABI, int16(c.Errno())}
	v := s.sums[k]
	if v == nil {
		v = new(sums)
		s.sums[k] = v
	}
	v.calls++
	v.ns += c.DurNS
}

// sorted returns the stacks in an order that the capture alone decides.
func (s *stacks) sorted() []stack {
	n := s.o.Symbols
	return slices.SortedFunc(maps.Keys(s.sums), func(a, b stack) int {
		return cmp.Or(cmp.Compare(n.String(a.comm), n.String(b.comm)), cmp.Compare(a.pid, b.pid),
			cmp.Compare(n.String(a.syscall), n.String(b.syscall)), cmp.Compare(a.abi, b.abi), cmp.Compare(a.errno, b.errno))
	})
}

func (s *stacks) notes() []string {
	var notes []string
	if s.omitted > 0 {
		notes = append(notes, count(s.omitted, "call without a measured duration is", "calls without a measured duration are")+" left out: "+
			statusList(s.shown, func(x replay.Status) bool { return !measured(x) }))
	}
	notes = append(notes, "threads, arguments and order are not in sums")
	return append(notes, lossNote(s.lost)...)
}

// folded writes one line for each stack: "name (pid);syscall;ERRNO weight",
// which flamegraph.pl, inferno and speedscope read.
type folded struct {
	stacks
	w *bufio.Writer
}

func newFolded(w *bufio.Writer, o Options) Exporter {
	f := &folded{w: w}
	f.init(o)
	return f
}

func (f *folded) Finish(calls []replay.Call) ([]string, error) {
	f.rest(calls)
	for _, k := range f.sorted() {
		v := f.sums[k]
		fmt.Fprintf(f.w, "%s (%d);%s", frame(shownName(f.o.Symbols, k.comm, k.pid)), k.pid, frame(f.o.Symbols.String(k.syscall)))
		if k.errno != 0 {
			fmt.Fprintf(f.w, ";%s", errnoText(k.abi, int(k.errno)))
		}
		n := v.ns
		if f.o.Weight == Count {
			n = v.calls
		}
		fmt.Fprintf(f.w, " %d\n", n)
	}
	unit := "widths are nanoseconds in calls, waiting included"
	if f.o.Weight == Count {
		unit = "widths are numbers of calls"
	}
	return append([]string{unit}, f.notes()...), f.w.Flush()
}

// frame takes what separates frames and lines out of a name.
func frame(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ';' || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, s)
}

func errnoText(a abi.ABI, errno int) string {
	if n := abi.ErrnoName(a, errno); n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", errno)
}
