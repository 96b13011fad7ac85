package capture

import (
	"bytes"
	"sync/atomic"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

// extend opens a batch for writing by index: every column gets the length of
// its capacity.
func extend(b *format.Batch) { setLen(b, cap(b.TS)); b.N = 0 }

// trim ends it: every column gets the length N.
func trim(b *format.Batch) { setLen(b, b.N) }

func setLen(b *format.Batch, n int) {
	b.TS, b.Seq, b.Kind = b.TS[:n], b.Seq[:n], b.Kind[:n]
	b.CPU, b.PID, b.TID = b.CPU[:n], b.PID[:n], b.TID[:n]
	b.ABI, b.Nr, b.Syscall, b.Ret = b.ABI[:n], b.Nr[:n], b.Syscall[:n], b.Ret[:n]
	for i := range b.Args {
		b.Args[i] = b.Args[i][:n]
	}
	b.Comm, b.Container, b.Detail = b.Comm[:n], b.Container[:n], b.Detail[:n]
}

// row writes one record as a row. The batch has room.
func (m *merger) row(s *source, r *bpf.Record) {
	pid, tid := int32(r.PidTgid>>32), int32(r.PidTgid)
	t := m.threads.at(tid)
	if !t.known {
		m.meet(pid, tid)
	}
	switch bpf.KindOf(r.Tag) {
	case bpf.RecordEnter:
		i := m.begin(s, r.TS, format.Enter, pid, tid)
		m.call(i, r.Tag)
		b := m.batch
		args := bpf.Payload[[6]int64](r)
		count := (int(bpf.Size(r.Tag)) - bpf.RecordBytes) / 8
		for k := range b.Args {
			var v int64
			if k < count {
				v = args[k]
			}
			b.Args[k][i] = v
		}
		m.end(i, t)
	case bpf.RecordExit:
		i := m.begin(s, r.TS, format.Exit, pid, tid)
		m.call(i, r.Tag)
		m.args(i, [6]int64{})
		m.batch.Ret[i] = *bpf.Payload[int64](r)
		m.end(i, t)
	default:
		m.life(s, r, t, pid, tid)
	}
}

// begin opens the next row with the columns that all kinds share.
func (m *merger) begin(s *source, mono uint64, kind format.Kind, pid, tid int32) int {
	b := m.batch
	i := b.N
	b.N++
	ts := int64(mono) + m.offset
	if ts < m.lastTS {
		// Only where programs can be preempted: an older record was written
		// after a younger one had been read.
		ts = m.lastTS
		m.lates++
	}
	m.lastTS = ts
	b.TS[i], b.Seq[i], b.Kind[i] = ts, m.seq, kind
	m.seq++
	b.CPU[i], b.PID[i], b.TID[i] = s.CPU, pid, tid
	b.Ret[i] = 0
	return i
}

func (m *merger) call(i int, tag uint64) {
	b := m.batch
	a, nr := bpf.ABIOf(tag), bpf.Nr(tag)
	if a > bpf.ABIX32 {
		a = bpf.ABINative
	}
	b.ABI[i], b.Nr[i] = m.abis[a], nr
	index := uint32(nr)
	if a == bpf.ABIX32 {
		index &^= 0x40000000
	}
	if index < bpf.TableSize {
		b.Syscall[i] = m.syscalls[a][index]
	} else {
		b.Syscall[i] = m.intern(abi.NameOr(m.abis[a], nr))
	}
}

func (m *merger) args(i int, args [6]int64) {
	for k := range m.batch.Args {
		m.batch.Args[k][i] = args[k]
	}
}

func (m *merger) end(i int, t *thread) {
	b := m.batch
	b.Comm[i], b.Container[i], b.Detail[i] = t.comm, t.container, ""
}

// notACall fills the columns that only calls use.
func (m *merger) notACall(i int) {
	b := m.batch
	b.ABI[i], b.Nr[i], b.Syscall[i] = m.abis[bpf.ABINative], -1, 0
}

// life writes a row about a thread and learns from it.
func (m *merger) life(s *source, r *bpf.Record, t *thread, pid, tid int32) {
	var args [6]int64
	var kind format.Kind
	var detail string
	switch bpf.KindOf(r.Tag) {
	case bpf.RecordFork:
		p := bpf.Payload[bpf.ForkPayload](r)
		kind = format.Fork
		child := int32(p.ChildPidTgid)
		args[format.ForkPID], args[format.ForkTID] = int64(p.ChildPidTgid>>32), int64(child)
		c := m.threads.at(child)
		if m.live != nil && !c.known {
			m.live[int32(p.ChildPidTgid>>32)]++
		}
		*c = *t
	case bpf.RecordExec:
		p := bpf.Payload[bpf.ExecPayload](r)
		kind = format.Exec
		args[format.ExecOldTID] = int64(p.OldTID)
		detail = text(p.Filename[:])
		t.comm = m.intern(text(p.Comm[:]))
		// Container runtimes move a process into its cgroup before it becomes the program.
		if name, ok := m.resolve.container(pid, p.Cgroup); ok {
			t.container = m.intern(name)
		}
		if old := int32(p.OldTID); old != tid {
			*m.threads.at(old) = thread{}
		}
		if m.live != nil {
			m.live[pid] = 1 // the others have ended
		}
	case bpf.RecordRename:
		kind = format.Rename
		t.comm = m.intern(text(bpf.Payload[bpf.RenamePayload](r).Comm[:]))
	case bpf.RecordThreadEnd:
		p := bpf.Payload[bpf.EndPayload](r)
		kind = format.ThreadEnd
		args[format.EndCode], args[format.EndGroup] = p.Code, p.Group
		if m.live != nil {
			args[format.EndGroup] = m.lastOf(pid)
		}
	default:
		panic("capture: internal error: record of unknown kind")
	}
	i := m.begin(s, r.TS, kind, pid, tid)
	m.notACall(i)
	m.args(i, args)
	m.end(i, t)
	m.batch.Detail[i] = format.EscapeText(detail)
	if kind == format.ThreadEnd {
		*t = thread{} // the id may come again as another thread
	}
}

// lostRow writes that events are missing.
func (m *merger) lostRow(l loss) error {
	if m.batch.N == len(m.batch.TS) {
		if err := m.flush(); err != nil {
			return err
		}
	}
	i := m.begin(l.source, l.first, format.Lost, 0, 0)
	m.notACall(i)
	var args [6]int64
	var total uint64
	for c, n := range l.lost {
		total += n
		l.source.reported[c] += n
	}
	args[format.LostCount] = int64(total)
	args[format.LostFirst] = m.batch.TS[i]
	args[format.LostLast] = max(int64(l.last)+m.offset, m.batch.TS[i])
	args[format.LostEnters] = int64(l.lost[bpf.ClassEnter])
	args[format.LostExits] = int64(l.lost[bpf.ClassExit])
	args[format.LostCause] = int64(format.CauseRingFull)
	m.args(i, args)
	m.end(i, &thread{})
	l.source.gapStart = 0
	atomic.AddUint64(&l.source.Control.Reported, total)
	m.lostRows++
	return nil
}

// lastOf takes a thread from its process and returns 1 if it was the last.
func (m *merger) lastOf(pid int32) int64 {
	if m.live[pid]--; m.live[pid] > 0 {
		return 0
	}
	delete(m.live, pid)
	return 1
}

// meet asks about a thread that shows up for the first time.
func (m *merger) meet(pid, tid int32) {
	comm, container := m.resolve.thread(pid, tid)
	m.know(pid, tid, comm, container)
}

// know notes what is known of a thread from elsewhere than its events.
func (m *merger) know(pid, tid int32, comm, container string) {
	t := m.threads.at(tid)
	if m.live != nil && !t.known {
		m.live[pid]++
	}
	*t = thread{comm: m.intern(comm), container: m.intern(container), known: true}
}

// intern gives up names rather than events: a recording that has met more
// distinct names than the table holds goes on with empty ones.
func (m *merger) intern(s string) format.Symbol {
	sym, err := m.names.Intern([]byte(format.EscapeText(s)))
	if err != nil {
		return 0
	}
	return sym
}

// text returns the C string in b.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
