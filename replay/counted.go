package replay

import (
	"slices"

	"systape/format"
	"systape/format/abi"
)

// Counted is what count rows tell of the calls of one process, ABI and number
// that returned, whether the capture has them or not. It is exact.
type Counted struct {
	PID       int32 // 0: of processes that had no room of their own
	Nr        int32
	ABI       abi.ABI
	Syscall   format.Symbol
	Container format.Symbol
	Calls     int64
	Errors    int64
	TotalNS   int64
}

// maxCounted bounds what is kept apart; what is beyond counts as that of PID 0.
const maxCounted = 1 << 18

// counts gathers count rows.
type counts struct {
	place map[countedKey]int
	list  []Counted
}

type countedKey struct {
	pid int32
	nr  int32
	abi abi.ABI
}

// rows adds those of a batch; without the columns there is nothing to add.
func (c *counts) rows(b *format.Batch) {
	for i, k := range b.Kind[:b.N] {
		if k != format.Count || len(b.PID) < b.N || len(b.Syscall) < b.N || len(b.Args[format.CountTotalNS]) < b.N {
			continue
		}
		if countingBegins(b, i) {
			continue
		}
		key := countedKey{b.PID[i], b.Nr[i], b.ABI[i]}
		n, ok := c.place[key]
		if !ok {
			if c.place == nil {
				c.place = map[countedKey]int{}
			}
			if len(c.list) >= maxCounted {
				key.pid = 0
				n, ok = c.place[key]
			}
			if !ok {
				n = len(c.list)
				c.place[key] = n
				c.list = append(c.list, Counted{PID: key.pid, Nr: key.nr, ABI: key.abi, Syscall: b.Syscall[i], Container: column(b.Container, i)})
			}
		}
		one := &c.list[n]
		one.Calls += b.Args[format.CountCalls][i]
		one.Errors += b.Args[format.CountErrors][i]
		one.TotalNS += b.Args[format.CountTotalNS][i]
	}
}

// countingBegins reports whether a count row says that what follows it is counted
// apart from what was before.
func countingBegins(b *format.Batch, i int) bool {
	return b.Args[format.CountCalls][i] == 0 && b.PID[i] == 0 && b.Nr[i] == -1
}

// Counted returns the exact numbers of the calls that the filter chooses; ok
// is false when the capture has none or is a selection of another, or the filter asks what they do not tell:
// which thread made a call, when, or how it ended.
func (s *Session) Counted() (chosen []Counted, ok bool) {
	f := &s.Filter
	if !s.Meta().Request.Counted() || s.Meta().Selection != nil || len(s.counts.list) == 0 || f.HasOutcome() || len(f.TIDs)+len(f.Comms)+len(f.Containers) > 0 || f.From != 0 || f.To != 0 || f.HasFile() {
		return nil, false
	}
	for _, c := range s.counts.list {
		if len(f.PIDs) > 0 && c.PID == 0 {
			return nil, false // those of the process may be among them
		}
		if (len(f.PIDs) == 0 || slices.Contains(f.PIDs, c.PID)) && (f.Syscalls == nil || f.Syscalls.Has(c.ABI, c.Nr)) {
			chosen = append(chosen, c)
		}
	}
	return chosen, true
}

// takeCounts tells the coverage of what was left out on purpose.
func (s *Session) takeCounts() {
	r := &s.Meta().Request
	if !r.Counted() {
		return
	}
	c := &s.coverage
	c.Partial = "drawn by lot"
	if r.Held() {
		c.Partial = "chosen by how they ended"
	}
	counted, ok := s.Counted()
	if !ok {
		c.LeftOutUnknown = true
		return
	}
	returned := int64(0)
	for _, one := range counted {
		returned += one.Calls
	}
	there := c.ByStatus[OK] + c.ByStatus[Restarted] + c.ByStatus[Sigreturn] + c.ByStatus[Mismatch]
	c.LeftOut = max(returned-there-c.LostCalls, 0)
	c.sum()
}
