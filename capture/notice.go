package capture

import (
	"math"
	"slices"
	"sync/atomic"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

// notice is a row about the capture itself that no record tells: of events
// that are missing, or a mark.
type notice struct {
	first, last uint64 // CLOCK_MONOTONIC; the row stands at first
	cpu         int32  // -1: not of one CPU
	kind        format.Kind
	lost        [bpf.Classes]uint64 // Lost
	cause       format.Cause        // Lost
	mark        format.MarkOf       // Mark
	open        *openFile           // FD
	share       int64               // Mark of ShareSet
	why         format.ShareReason  // likewise
	count       countRow            // Count: of the calls that returned between last and first
}

// notice has a row written in its turn.
func (m *merger) notice(n notice) {
	at, _ := slices.BinarySearchFunc(m.notices, n, func(a, b notice) int {
		if a.first <= b.first {
			return -1
		}
		return 1
	})
	m.notices = slices.Insert(m.notices, at, n)
}

// noticeLosses tells what the kernel side only counts: it lies between the
// look before and this one. It returns the time up to which that is sure.
func (m *merger) noticeLosses() (known uint64) {
	since := max(m.looked, storeDelay+1) - storeDelay
	for i := range m.sources {
		s := &m.sources[i]
		if s.mixed == nil {
			continue
		}
		n := notice{first: since, cpu: s.CPU, kind: format.Lost}
		for c := range n.lost {
			total := atomic.LoadUint64(&s.Control.Lost[c])
			n.lost[c] = total - s.mixed.lost[c]
			s.mixed.lost[c] = total
		}
		if n.lost != [bpf.Classes]uint64{} {
			n.last = m.clock()
			n.cause = m.causeOf(n.first, n.last)
			m.notice(n)
		}
	}
	if m.skipped == nil {
		return math.MaxUint64
	}
	return m.noticeSkips(since)
}

// skips is what is known of the events for which the kernel ran no program.
// The count may be ahead for a moment, by events that are on their way to a
// spare program: what is still there at the next look is lost. A task that
// waits between two programs for longer than from look to look makes that
// wrong: its event has been told as lost, and is not. The count then falls
// below what was told, and what was told falls with it, so that the next event
// that is really lost is told, too.
type skips struct {
	told [bpf.Classes]uint64 // has become rows, and has not turned out to be there

	suspected bool                // count was more than told at the latest look
	count     [bpf.Classes]uint64 // of that look
	first     uint64              // the look before it, the order being held back there
	last      uint64              // its time
}

func (m *merger) noticeSkips(since uint64) (known uint64) {
	s := &m.skips
	now := m.skipped()
	for c := range now {
		s.told[c] = min(s.told[c], now[c])
	}
	if s.suspected {
		n := notice{first: s.first, last: s.last, cpu: -1, kind: format.Lost, cause: format.CauseSkipped}
		for c := range n.lost {
			if sure := min(now[c], s.count[c]); sure > s.told[c] {
				n.lost[c] = sure - s.told[c]
				s.told[c] = sure
			}
		}
		if n.lost != [bpf.Classes]uint64{} {
			m.notice(n)
		}
	}
	s.suspected = false
	for c := range now {
		s.suspected = s.suspected || now[c] > s.told[c]
	}
	if !s.suspected {
		return math.MaxUint64
	}
	s.count, s.first, s.last = now, since, m.clock()
	return since
}

func (m *merger) tell(n notice) error {
	if m.crowded() {
		if err := m.flush(); err != nil {
			return err
		}
	}
	switch n.kind {
	case format.Lost:
		m.lostRow(n)
	case format.FD:
		m.fdRow(n)
	case format.Count:
		m.countRow(n)
	default:
		m.markRow(n, m.batch.Threads.Add(format.Thread{CPU: n.cpu}))
	}
	return nil
}

// countRow is how many calls of a process returned, and how long they took.
type countRow struct {
	of bpf.CountKey
	n  bpf.Count
}

// countRow writes exact numbers. The batch has room.
func (m *merger) countRow(n notice) {
	i := m.openRow(n.first)
	of, b := n.count.of, m.batch
	args := [6]int64{
		format.CountCalls: int64(n.count.n.Calls), format.CountErrors: int64(n.count.n.Errors), format.CountTotalNS: int64(n.count.n.Total),
		format.CountFirst: int64(n.last) + m.offset, format.CountLast: b.TS[i],
	}
	a := m.abis[min(of.ABI, bpf.ABIX32)]
	b.Call[i], b.Ret[i] = m.rareCall(format.Call{Kind: format.Count, ABI: a, Nr: of.Nr, Syscall: m.intern(abi.NameOr(a, of.Nr))}), 0
	b.SetArgs(i, &args)
	b.Thread[i] = b.Threads.Add(format.Thread{CPU: n.cpu, PID: int32(of.Tgid), Container: m.threads.at(int32(of.Tgid)).container()})
	m.told++
}

// lostRow writes that events are missing. The batch has room.
func (m *merger) lostRow(n notice) {
	i := m.openRow(n.first)
	var args [6]int64
	for _, k := range n.lost {
		args[format.LostCount] += int64(k)
	}
	args[format.LostFirst] = int64(n.first) + m.offset
	args[format.LostLast] = max(int64(n.last)+m.offset, args[format.LostFirst])
	args[format.LostEnters] = int64(n.lost[bpf.ClassEnter])
	args[format.LostExits] = int64(n.lost[bpf.ClassExit])
	args[format.LostCause] = int64(n.cause)
	m.other(i, format.Lost, &args)
	m.batch.Thread[i] = m.batch.Threads.Add(format.Thread{CPU: n.cpu})
	m.told++
	m.lost += args[format.LostCount]
	m.lostBy[n.cause] += args[format.LostCount]
}

// markRow writes a mark. The batch has room.
func (m *merger) markRow(n notice, thread format.Code) {
	i := m.openRow(n.first)
	var args [6]int64
	args[format.MarkWhat] = int64(n.mark)
	args[format.MarkFirst] = m.batch.TS[i]
	args[format.MarkLast] = max(int64(n.last)+m.offset, m.batch.TS[i])
	args[format.MarkShare], args[format.MarkWhy] = n.share, int64(n.why)
	m.other(i, format.Mark, &args)
	m.batch.Thread[i] = thread
	m.told++
}

// threadLost marks that events of a thread are among the lost.
func (m *merger) threadLost(at uint64, thread format.Code) {
	m.markRow(notice{first: at, last: at, mark: format.ThreadLost}, thread)
}

// openFile is a descriptor that a process had when it was looked at.
type openFile struct {
	pid   int32
	tid   int32 // pid, or a thread that has descriptors or directories of its own
	fd    int64 // or one of the others of format.FDNumber
	flags int64
	name  string // what /proc/PID/fd says
}

// fdRow writes that a descriptor was open. The batch has room.
func (m *merger) fdRow(n notice) {
	i := m.openRow(n.first)
	var args [6]int64
	args[format.FDNumber], args[format.FDFlags] = n.open.fd, n.open.flags
	m.other(i, format.FD, &args)
	t := m.threads.at(n.open.tid)
	m.batch.Thread[i] = m.batch.Threads.Add(format.Thread{PID: n.open.pid, TID: n.open.tid, Comm: t.comm, Container: t.container()})
	m.batch.Detail, m.batch.DetailAt = append(m.batch.Detail, format.EscapeText(n.open.name)), append(m.batch.DetailAt, int32(i))
	m.textBytes += len(n.open.name)
	m.told++
}
