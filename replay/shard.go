package replay

import (
	"cmp"
	"math"
	"slices"

	"systape/format"
	"systape/format/abi"
)

// shard pairs the rows of one row group as far as that can be done without
// knowing what came before: of a thread, the calls behind its first one. Once a
// thread was seen to enter a call and to leave it as calls are left, nothing
// that came before matters to its next call, as long as nothing was lost. Where
// events were lost, threads are where they are at the beginning of a group:
// not known. All other rows are loose: a [Pairer] gets them, in order, and
// does not miss those that stood between them.
//
// It is made of the parts of a Pairer that says of a thread: not there, it is
// not known where the thread is; flagLoose, it is inside a call whose enter is a loose
// row; no flag, it is outside of any call, or inside one that is the shard's own. The time
// of a thread is that of its last exit that is no loose row, unseen if there is
// none behind its latest loose row.
type shard struct {
	p       Pairer
	losses  []LossSpan // of the capture, in order and apart
	next    int64      // where the first of them begins that has not begun yet
	until   int64      // the last instant of those that have: rows up to it are loose
	loose   []looseRow
	unorder bool // they are not in order of seq
	has     columnsRead
	out     []Call
}

// flagLoose says that the enter of a thread's open call is a loose row.
const flagLoose = 1 << 7

// looseRow is a row of a batch.
type looseRow struct {
	ts, seq, ret             int64
	args                     [6]int64
	pid, tid, cpu, nr        int32
	syscall, comm, container format.Symbol
	detail                   string
	kind                     format.Kind
	abi                      abi.ABI
}

// kindUntil is the kind of a row that no capture has: the thread was outside of
// any call since the time in its first argument, at which it had left one.
const kindUntil format.Kind = 1<<8 - 1

func newShard() *shard {
	s := &shard{}
	s.p = Pairer{classes: newClassTable(), linking: true}
	s.p.loss.init(nil, false)
	return s
}

// begin goes to another row group, of a capture that lost events in losses.
func (s *shard) begin(losses []LossSpan) {
	p := &s.p
	p.threads.init()
	p.open, p.spare = p.open[:0], p.spare[:0]
	p.cov, p.now = Coverage{}, never
	s.losses, s.until = losses, never
	s.lossesAfter(0)
	s.loose, s.unorder = s.loose[:0], false
}

// lossesAfter drops the first n losses.
func (s *shard) lossesAfter(n int) {
	s.losses, s.next = s.losses[n:], math.MaxInt64
	if len(s.losses) > 0 {
		s.next = s.losses[0].First
	}
	s.p.loss.next = s.next
}

// lost is told that row i is the first that is not before the next loss.
func (s *shard) lost(r *rows, i int) {
	for k := range s.p.threads.list {
		s.leaveOpen(&s.p.threads.list[k], r.seqs[i], r.ts[i])
	}
	s.p.threads.init()
	s.p.open, s.p.spare = s.p.open[:0], s.p.spare[:0]
	begun, _ := slices.BinarySearchFunc(s.losses, r.ts[i], func(l LossSpan, now int64) int {
		if l.First <= now {
			return -1
		}
		return 1
	})
	s.until = s.losses[begun-1].Last
	s.lossesAfter(begun)
}

// push pairs the rows of a batch of the group, which has the columns of
// [PairColumns] and seq. It returns the calls that are the shard's own, valid until the next push.
func (s *shard) push(b *format.Batch) []Call {
	p := &s.p
	r := p.rowsOf(b)
	s.has = r.read
	out := s.out[:0]
	kinds, tids, nrs, abis := r.kind, r.tids, r.nrs, r.abis
	for i := 0; i < len(kinds); i++ {
		kind, tid := kinds[i], tids[i]
		if r.ts[i] >= s.next {
			s.lost(r, i)
		}
		if r.ts[i] <= s.until {
			s.leave(r, i)
			continue
		}
		switch kind {
		case format.Enter:
			t := p.threads.find(tid)
			switch {
			case t == nil:
				s.enterLoose(p.threads.add(tid), r, i)
			case t.slot >= 0:
				if t.flags&flagLoose == 0 {
					s.leaveCall(&p.open[t.slot])
				}
				p.spare = append(p.spare, t.slot)
				s.enterLoose(t, r, i)
			default:
				if calls := s.p.straight(r, i); calls > 0 {
					out = p.takeStraight(r, i, calls, out)
					i += 2*calls - 1
					continue
				}
				t.slot = p.newSlot()
				p.open[t.slot] = Call{
					StartNS: r.ts[i], EnterSeq: r.seqs[i], ExitSeq: -1, EndSeq: -1, Continues: -1,
					Args: [6]int64{r.args[0][i], r.args[1][i], r.args[2][i], r.args[3][i], r.args[4][i], r.args[5][i]},
					PID:  r.pids[i], TID: tid, CPUEnter: r.cpus[i], CPUExit: -1, Nr: nrs[i], ABI: abis[i],
					Syscall: r.syscalls[i], Comm: r.comms[i], Container: r.containers[i],
				}
				if r.details != nil {
					p.open[t.slot].Told = r.details[i]
				}
			}
		case format.Exit:
			t := p.threads.find(tid)
			switch {
			case t == nil:
				s.leave(r, i)
			case t.slot < 0:
				s.leaveThread(t, r, i)
				s.leave(r, i)
			default:
				c := &p.open[t.slot]
				plain := c.Nr == nrs[i] && c.ABI == abis[i] && !isRestart(r.rets[i]) && p.classes.of(c.ABI, c.Nr) != classSigreturn
				own := t.flags&flagLoose == 0
				if !plain {
					s.leaveThread(t, r, i)
					s.leave(r, i)
					break
				}
				p.spare = append(p.spare, t.slot)
				t.slot, t.flags = -1, 0
				if !own {
					s.leave(r, i)
					t.last = unseen
					break
				}
				t.last = r.ts[i]
				out = append(out, *c)
				c = &out[len(out)-1]
				if e := r.args[format.ExitEntered][i]; e != 0 {
					c.StartNS = min(e, t.last)
				}
				c.DurNS, c.ExitSeq, c.CPUExit, c.Ret = t.last-c.StartNS, r.seqs[i], r.cpus[i], r.rets[i]
				c.EndSeq = c.ExitSeq
				if r.details != nil {
					c.learn(r.details[i])
				}
				p.cov.Enters++
				p.cov.Exits++
				p.cov.ByStatus[OK]++
			}
		default:
			switch kind {
			case format.Fork:
				s.leaveThread(p.threads.find(int32(r.args[format.ForkTID][i])), r, i)
			case format.Exec:
				s.leaveThread(p.threads.find(int32(r.args[format.ExecOldTID][i])), r, i)
				fallthrough
			case format.ThreadEnd, format.Mark:
				s.leaveThread(p.threads.find(tid), r, i)
			}
			s.leave(r, i)
		}
	}
	s.out = out
	return out
}

// enterLoose opens a call of t whose enter, row i, is loose.
func (s *shard) enterLoose(t *thread, r *rows, i int) {
	s.leave(r, i)
	t.slot, t.flags, t.last = s.p.newSlot(), flagLoose, unseen
	s.p.open[t.slot] = Call{Nr: r.nrs[i], ABI: r.abis[i]}
}

// leaveThread gives up to know where t is, before row i; t may be nil.
func (s *shard) leaveThread(t *thread, r *rows, i int) {
	if t == nil {
		return
	}
	s.leaveOpen(t, r.seqs[i], r.ts[i])
	if t.slot >= 0 {
		s.p.spare = append(s.p.spare, t.slot)
	}
	s.p.threads.remove(t.tid)
}

// leaveOpen leaves to the Pairer what t is in before the row of seq and ts.
func (s *shard) leaveOpen(t *thread, seq, ts int64) {
	switch {
	case t.slot >= 0 && t.flags&flagLoose == 0:
		s.leaveCall(&s.p.open[t.slot])
	case t.slot < 0 && t.last != unseen:
		s.leaveUntil(t, seq, ts)
	}
}

// leaveUntil tells when t, which is outside of any call, left the last one.
func (s *shard) leaveUntil(t *thread, seq, ts int64) {
	s.loose = append(s.loose, looseRow{kind: kindUntil, seq: seq, ts: ts, tid: t.tid, args: [6]int64{t.last}})
}

// leaveCall makes the enter of a call loose.
func (s *shard) leaveCall(c *Call) {
	s.loose = append(s.loose, looseRow{
		kind: format.Enter, ts: c.StartNS, seq: c.EnterSeq, args: c.Args,
		pid: c.PID, tid: c.TID, cpu: c.CPUEnter, nr: c.Nr, abi: c.ABI,
		syscall: c.Syscall, comm: c.Comm, container: c.Container, detail: c.Told,
	})
	s.unorder = true
}

// leave makes row i loose.
func (s *shard) leave(r *rows, i int) {
	l := looseRow{
		kind: r.kind[i], ts: r.ts[i], seq: r.seqs[i], ret: r.rets[i],
		pid: r.pids[i], tid: r.tids[i], cpu: r.cpus[i], nr: r.nrs[i], abi: r.abis[i],
		syscall: r.syscalls[i], comm: r.comms[i], container: r.containers[i],
	}
	for k := range l.args {
		l.args[k] = r.args[k][i]
	}
	if r.details != nil {
		l.detail = r.details[i]
	}
	s.loose = append(s.loose, l)
}

// end is told that the group has no more rows; last is the place of its last
// one. It returns the loose rows, in order.
func (s *shard) end(last format.RowSpan) []looseRow {
	for i := range s.p.threads.list {
		s.leaveOpen(&s.p.threads.list[i], last.LastSeq, last.LastTS)
	}
	if s.unorder {
		slices.SortStableFunc(s.loose, func(a, b looseRow) int { return cmp.Compare(a.seq, b.seq) })
	}
	return s.loose
}

// looseBatch fills b with loose rows.
func looseBatch(b *format.Batch, loose []looseRow, has columnsRead, names *format.SymbolTable) {
	b.Reset()
	b.N, b.Symbols = len(loose), names
	for i := range loose {
		l := &loose[i]
		b.TS, b.Seq, b.Kind = append(b.TS, l.ts), append(b.Seq, l.seq), append(b.Kind, l.kind)
		b.CPU, b.TID, b.ABI = append(b.CPU, l.cpu), append(b.TID, l.tid), append(b.ABI, l.abi)
		b.Nr, b.Ret = append(b.Nr, l.nr), append(b.Ret, l.ret)
		if has.pid {
			b.PID = append(b.PID, l.pid)
		}
		if has.syscall {
			b.Syscall = append(b.Syscall, l.syscall)
		}
		if has.comm {
			b.Comm = append(b.Comm, l.comm)
		}
		if has.container {
			b.Container = append(b.Container, l.container)
		}
		if has.detail {
			b.Detail = append(b.Detail, l.detail)
		}
		for k := range l.args {
			if has.args[k] {
				b.Args[k] = append(b.Args[k], l.args[k])
			}
		}
	}
}
