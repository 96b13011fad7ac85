package export

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/units"
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
	sums    map[stack]sums
	omitted int64              // calls without a measured duration
	others  map[int32]struct{} // processes whose sums were added to those of others, and are from then on
	unnamed bool               // names of threads were given up, too
}

// maxStacks bounds how many sums are kept apart: as many as fit 300 MB with
// the profile that is made of them.
const maxStacks = 100_000

// otherPID stands for the processes that were given up to keep that bound.
const otherPID = -1

func (s *stacks) init(o Options) {
	s.walker = walker{o: o, v: s}
	s.sums = map[stack]sums{}
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
	if _, other := s.others[k.pid]; other {
		if k.pid = otherPID; s.unnamed {
			k.comm = 0
		}
	}
	s.add(k, sums{1, c.DurNS})
	if len(s.sums) > maxStacks {
		s.fold()
	}
}

func (s *stacks) add(k stack, v sums) {
	old := s.sums[k]
	s.sums[k] = sums{old.calls + v.calls, old.ns + v.ns}
}

// fold adds up the processes with the least weight until half of the bound is
// free again.
func (s *stacks) fold() {
	type process struct {
		pid    int32
		weight int64
		stacks int
	}
	at := map[int32]int{}
	var all []process
	for k, v := range s.sums {
		if k.pid == otherPID {
			continue
		}
		i, ok := at[k.pid]
		if !ok {
			i = len(all)
			at[k.pid] = i
			all = append(all, process{pid: k.pid})
		}
		all[i].stacks++
		if s.o.Weight == Count {
			all[i].weight += v.calls
		} else {
			all[i].weight += v.ns
		}
	}
	slices.SortFunc(all, func(a, b process) int { return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.pid, b.pid)) })
	if s.others == nil {
		s.others = map[int32]struct{}{}
	}
	for n := 0; len(all) > 0 && n < maxStacks/2; all = all[1:] {
		s.others[all[0].pid] = struct{}{}
		n += all[0].stacks
	}
	s.merge(func(k stack) stack {
		if _, other := s.others[k.pid]; other {
			k.pid = otherPID
		}
		return k
	})
	if len(s.sums) > maxStacks*3/4 { // too many names
		s.unnamed = true
		s.merge(func(k stack) stack {
			if k.pid == otherPID {
				k.comm = 0
			}
			return k
		})
	}
}

// merge gives every sum the stack that as says.
func (s *stacks) merge(as func(stack) stack) {
	old := s.sums
	s.sums = make(map[stack]sums, maxStacks/2)
	for k, v := range old {
		s.add(as(k), v)
	}
}

// process is how a stack's process is shown.
func (k *stack) process() string {
	if k.pid == otherPID {
		return "others"
	}
	return strconv.Itoa(int(k.pid))
}

// name is how a stack's thread is shown.
func (k *stack) name(names *format.SymbolTable) string {
	if k.pid == otherPID && k.comm == 0 {
		return "other threads"
	}
	return shownName(names, k.comm, k.pid)
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
	if len(s.others) > 0 {
		what := "their names are kept"
		if s.unnamed {
			what = "without the names of threads"
		}
		notes = append(notes, fmt.Sprintf("more than %s sums: %s with the least of them are together as others, %s",
			units.Count(maxStacks), units.Counted(int64(len(s.others)), "process"), what))
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
		fmt.Fprintf(f.w, "%s (%s);%s", frame(k.name(f.o.Symbols)), k.process(), frame(f.o.Symbols.String(k.syscall)))
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
		if r == ';' || !escape.Visible(r) {
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
