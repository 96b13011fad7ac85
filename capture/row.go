package capture

import (
	"bytes"
	"unsafe"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

// calls is rows for a record that is an enter or an exit, which nearly all are.
func (m *merger) calls(end uint64) (more bool) {
	b := m.batch
	s := m.heap[0]
	limit := m.turn(end)
	for {
		r := s.At(s.pos)
		tag := r.Tag
		kind := bpf.KindOf(tag)
		if kind > bpf.RecordExit {
			return true
		}
		if !plausible(r, bpf.Size(tag), s.head-s.pos) {
			m.skipDamage(s)
			return false
		}
		s.read[kind-bpf.RecordEnter]++ // in the order of the classes
		if r.PidTgid != s.ids || s.known != m.known {
			s.ids, s.known = r.PidTgid, m.known
			s.thread = m.thread(s, s.ids)
		}
		if bpf.AfterLoss(tag) {
			m.threadLost(r.Ts, s.thread)
		}
		i := m.openRow(r.Ts)
		b.Thread[i], b.Call[i] = s.thread, m.call(tag)
		if kind == bpf.RecordExit {
			b.Ret[i] = *bpf.Payload[int64](r)
			for k := range b.Used {
				b.Args[k][i] = 0
			}
		} else {
			b.Ret[i] = 0
			m.registers(i, r, tag)
		}
		if !s.advance(tag) {
			return false
		}
		if m.crowded() || s.ts > end {
			return true
		}
		if s.ts > limit {
			m.sink(0)
			s = m.heap[0]
			if s.ts > end {
				return true
			}
			limit = m.turn(end)
		}
	}
}

// callWithTexts writes the row of an enter or an exit with what its arguments
// point to.
func (m *merger) callWithTexts(s *source, r *bpf.Record) {
	kind := bpf.KindOf(r.Tag)
	countEvents(kind, &s.read)
	thread := m.thread(s, r.PidTgid)
	if bpf.AfterLoss(r.Tag) {
		m.threadLost(r.Ts, thread)
	}
	i := m.openRow(r.Ts)
	b := m.batch
	b.Thread[i], b.Call[i], b.Ret[i] = thread, m.call(r.Tag), 0
	var args [6]int64
	if kind == bpf.RecordExitTexts {
		b.Ret[i] = *bpf.Payload[int64](r)
	} else {
		args = *bpf.Payload[[6]int64](r)
	}
	b.SetArgs(i, &args)
	m.texts(i, r)
}

// texts writes into a row what its arguments point to.
func (m *merger) texts(i int, r *bpf.Record) {
	m.text = m.text[:0]
	for t, bytes := range bpf.Texts(r) {
		m.text = appendText(m.text, t, bytes)
	}
	if b := m.batch; len(m.text) > 0 {
		b.Detail, b.DetailAt = append(b.Detail, string(m.text)), append(b.DetailAt, int32(i))
		m.textBytes += len(m.text)
	}
}

// wholeCall writes the enter and the exit of a call that was held until it
// returned: its enter stands where the exit does, which tells when it was and
// what its arguments point to.
func (m *merger) wholeCall(s *source, r *bpf.Record) {
	b := m.batch
	kind := bpf.KindOf(r.Tag)
	countEvents(kind, &s.read)
	thread := m.thread(s, r.PidTgid)
	if bpf.AfterLoss(r.Tag) {
		m.threadLost(r.Ts, thread)
	}
	p := bpf.Payload[bpf.CallPayload](r)
	var args [6]int64
	n := len(args)
	if kind == bpf.RecordCall {
		n = (int(bpf.Size(r.Tag)) - bpf.RecordBytes - int(unsafe.Sizeof(*p))) / 8
	}
	copy(args[:], unsafe.Slice((*int64)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))), n))
	i := m.openRow(r.Ts)
	b.Thread[i], b.Call[i], b.Ret[i] = thread, m.callOf(bpf.RecordEnter, bpf.ABIOf(r.Tag), bpf.Nr(r.Tag)), 0
	b.SetArgs(i, &args)
	i = m.openRow(r.Ts)
	b.Thread[i], b.Call[i], b.Ret[i] = thread, m.callOf(bpf.RecordExit, bpf.RecordABI(min(p.ExitAbi, uint32(bpf.ABIX32))), p.ExitNr), p.Ret
	b.SetArgs(i, &[6]int64{format.ExitEntered: min(int64(p.Entered)+m.offset, b.TS[i])})
	if kind == bpf.RecordCallTexts {
		m.texts(i, r)
	}
}

// registers sets the arguments of an enter.
func (m *merger) registers(i int, r *bpf.Record, tag uint64) {
	b := m.batch
	n := (int(bpf.Size(tag)) - bpf.RecordBytes) / 8
	args := bpf.Payload[[6]int64](r)
	for k := n - 1; k >= b.Used; k-- {
		if args[k] != 0 {
			b.Use(k+1, i)
			break
		}
	}
	for k := range b.Used {
		if k < n {
			b.Args[k][i] = args[k]
		} else {
			b.Args[k][i] = 0
		}
	}
}

// openRow begins the next row at a time by CLOCK_MONOTONIC. The batch has room.
func (m *merger) openRow(mono uint64) int {
	b := m.batch
	i := b.N
	b.N++
	ts := int64(mono) + m.offset
	if ts < m.lastTS {
		// A loss or damage that was found out late: the row says itself when
		// it was.
		ts = m.lastTS
		m.clamped++
	}
	m.lastTS = ts
	b.TS[i] = ts
	return i
}

// thread returns the code of a thread on the CPU of s.
func (m *merger) thread(s *source, ids uint64) format.Code {
	pid, tid := int32(ids>>32), int32(ids)
	t := m.threads.at(tid)
	if !t.known {
		m.learnThread(pid, tid)
	}
	return m.threadCode(s, t, pid, tid)
}

// threadCode returns the code of the thread t on the CPU of s.
func (m *merger) threadCode(s *source, t *thread, pid, tid int32) format.Code {
	table := &m.batch.Threads
	if t.turn != int32(table.Turn) || t.cpu != s.CPU || t.pid != pid {
		t.code = table.Add(format.Thread{CPU: s.CPU, PID: pid, TID: tid, Comm: t.comm, Container: t.container()})
		t.turn, t.cpu, t.pid = int32(table.Turn), s.CPU, pid
	}
	return t.code
}

// callCodes are the codes of the calls that have one, by kind, ABI and number.
type callCodes struct {
	turn  int
	codes [2][3][bpf.TableSize]format.Code // plus one; 0: none
}

// call returns the code of an enter or an exit.
func (m *merger) call(tag uint64) format.Code {
	return m.callOf(bpf.KindOf(tag), bpf.ABIOf(tag), bpf.Nr(tag))
}

func (m *merger) callOf(recorded bpf.RecordKind, a bpf.RecordABI, nr int32) format.Code {
	index := uint32(nr)
	if a == bpf.ABIX32 {
		index &^= 0x40000000
	}
	kind := format.Enter
	if recorded == bpf.RecordExit || recorded == bpf.RecordExitTexts {
		kind = format.Exit
	}
	if index >= uint32(bpf.TableSize) {
		return m.rareCall(format.Call{Kind: kind, ABI: m.abis[a], Nr: nr, Syscall: m.intern(abi.NameOr(m.abis[a], nr))})
	}
	code := &m.coded.codes[kind&1][a][index]
	if *code == 0 {
		*code = m.batch.Calls.Add(format.Call{Kind: kind, ABI: m.abis[a], Nr: nr, Syscall: m.syscalls[a][index]}) + 1
	}
	return *code - 1
}

// rareCall returns the code of a row that has no place in the table by number.
func (m *merger) rareCall(c format.Call) format.Code {
	code, ok := m.rare[c]
	if !ok {
		code = m.batch.Calls.Add(c)
		m.rare[c] = code
	}
	return code
}

// renew empties the batch. Codes end where their table begins anew.
func (m *merger) renew() {
	m.textBytes = 0
	turn := m.batch.Threads.Turn
	m.batch.Next()
	if turn != m.batch.Threads.Turn {
		m.known++
	}
	if m.coded.turn != m.batch.Calls.Turn {
		m.coded = callCodes{turn: m.batch.Calls.Turn}
		clear(m.rare)
	}
}

// lifecycle writes a row about what became of a thread, and learns from it.
func (m *merger) lifecycle(s *source, r *bpf.Record) {
	m.known++
	pid, tid := int32(r.PidTgid>>32), int32(r.PidTgid)
	t := m.threads.at(tid)
	if !t.known {
		m.learnThread(pid, tid)
	}
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
		*c = thread{comm: t.comm, place: t.place, known: true, pid: int32(p.ChildPidTgid >> 32)}
		m.begunIn(c, p.Cgroup)
	case bpf.RecordExec:
		p := bpf.Payload[bpf.ExecPayload](r)
		kind = format.Exec
		args[format.ExecOldTID] = int64(p.OldTid)
		detail = text(p.Filename[:])
		t.comm, t.turn = m.intern(text(p.Comm[:])), 0
		m.placeAtExec(t, pid, p.Cgroup)
		if old := int32(p.OldTid); old != tid {
			*m.threads.at(old) = thread{}
		}
		if m.live != nil {
			m.live[pid] = 1 // the others have ended
		}
	case bpf.RecordRename:
		kind = format.Rename
		t.comm, t.turn = m.intern(text(bpf.Payload[bpf.RenamePayload](r).Comm[:])), 0
	case bpf.RecordThreadEnd:
		p := bpf.Payload[bpf.EndPayload](r)
		kind = format.ThreadEnd
		args[format.EndCode], args[format.EndGroup] = p.Code, p.Group
		if m.live != nil {
			args[format.EndGroup] = m.lastOf(pid)
		}
	}
	i := m.openRow(r.Ts)
	m.other(i, kind, &args)
	m.batch.Thread[i] = m.threadCode(s, t, pid, tid)
	if detail != "" {
		m.batch.Detail, m.batch.DetailAt = append(m.batch.Detail, format.EscapeText(detail)), append(m.batch.DetailAt, int32(i))
	}
	if kind == format.ThreadEnd {
		if args[format.EndGroup] == 1 && m.processEnded != nil {
			m.processEnded(pid)
		}
		*t = thread{} // the id may come again as another thread
	}
}

// other fills the columns of a row that is no call, its thread apart.
func (m *merger) other(i int, kind format.Kind, args *[6]int64) {
	b := m.batch
	b.Call[i], b.Ret[i] = m.rareCall(format.Call{Kind: kind, ABI: m.abis[bpf.ABINative], Nr: -1}), 0
	b.SetArgs(i, args)
}

// lastOf takes a thread from its process and returns 1 if it was the last.
func (m *merger) lastOf(pid int32) int64 {
	if m.live[pid]--; m.live[pid] > 0 {
		return 0
	}
	delete(m.live, pid)
	return 1
}

// learnThread asks about a thread that shows up for the first time.
func (m *merger) learnThread(pid, tid int32) {
	comm, cgroups := m.resolve.thread(pid, tid)
	m.seedThread(pid, tid, comm, cgroups)
}

// seedThread notes what is known of a thread from elsewhere than its events,
// cgroups being what /proc/PID/cgroup says.
func (m *merger) seedThread(pid, tid int32, comm, cgroups string) {
	t := m.threads.at(tid)
	if m.live != nil && !t.known {
		m.live[pid]++
	}
	// It may have been moved before it was known, and have ended since.
	in := m.placeOf(cgroups)
	if t.place != nil && len(in.cgroups) == 0 {
		in = t.place
	}
	*t = thread{comm: m.intern(comm), place: in, known: true, pid: pid}
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
