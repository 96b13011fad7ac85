package replay

import (
	"slices"

	"systape/format"
	"systape/format/abi"
)

// rows are the columns of a batch, all of one length; those that were not read
// are zeros, but for details, which are then nil.
type rows struct {
	ts, seqs, rets              []int64 // seqs: nil when not read
	kind                        []format.Kind
	tids, pids, cpus, nrs       []int32
	abis                        []abi.ABI
	syscalls, comms, containers []format.Symbol
	args                        [6][]int64
	details                     []string
	read                        columnsRead
	hasArgs                     bool // all arguments were read
}

// columnsRead says which columns, of those that pairing does without, a batch has.
type columnsRead struct {
	pid, syscall, comm, container, detail bool
	args                                  [6]bool
}

// zeros stand for columns that were not read.
type zeros struct {
	i64 []int64
	i32 []int32
	sym []format.Symbol
}

// rowsOf returns the rows of b, which has the columns that checkColumns wants.
// They are valid until the next call.
func (p *Pairer) rowsOf(b *format.Batch) *rows {
	n, r := b.N, &p.rows
	*r = rows{
		ts: b.TS[:n], rets: b.Ret[:n], kind: b.Kind[:n], tids: b.TID[:n], cpus: b.CPU[:n], nrs: b.Nr[:n], abis: b.ABI[:n],
		pids:     orZeros(b.PID, n, &p.zeros.i32)[:n],
		syscalls: orZeros(b.Syscall, n, &p.zeros.sym)[:n], comms: orZeros(b.Comm, n, &p.zeros.sym)[:n], containers: orZeros(b.Container, n, &p.zeros.sym)[:n],
		read:    columnsRead{pid: len(b.PID) >= n, syscall: len(b.Syscall) >= n, comm: len(b.Comm) >= n, container: len(b.Container) >= n, detail: len(b.Detail) >= n},
		hasArgs: true,
	}
	if len(b.Seq) > 0 {
		r.seqs = b.Seq[:n]
	}
	for k := range r.args {
		r.read.args[k] = len(b.Args[k]) >= n
		r.hasArgs = r.hasArgs && len(b.Args[k]) > 0
		r.args[k] = orZeros(b.Args[k], n, &p.zeros.i64)[:n]
	}
	if len(b.Detail) >= n {
		r.details = b.Detail[:n]
	}
	return r
}

// The fast path: most rows are an enter and right behind it the exit that
// belongs to it, of a thread of which nothing special is known. They are
// counted by straight, and become calls in takeStraight without having been
// open. All else goes row by row through Push; the result is the same.

// straight returns how many calls from row i on are straight: of one thread
// that is outside of any call, each an enter and its exit, with no loss that
// could concern them. A sigreturn never is, also where its exit kept the number,
// as a log of another tracer tells it. It looks at nothing but rows, so that Push says what is
// wrong with them.
func (p *Pairer) straight(r *rows, i int) (calls int) {
	ts, kind, tids, nrs, abis, rets := r.ts, r.kind, r.tids, r.nrs, r.abis, r.rets
	n := len(ts) - 1
	kind, tids, nrs, abis, rets = kind[:len(ts)], tids[:len(ts)], nrs[:len(ts)], abis[:len(ts)], rets[:len(ts)]
	if i >= n || kind[i] != format.Enter || kind[i+1] != format.Exit || tids[i] != tids[i+1] || p.floating || p.holds {
		return 0
	}
	tid := tids[i]
	t := p.threads.get(tid)
	if t == nil || t.slot >= 0 || t.flags != 0 {
		return 0
	}
	last, unsafe, end := p.now, p.loss.unsafe, p.loss.next
	nr, a := nrs[i], abis[i]
	if p.classes.of(a, nr) == classSigreturn {
		return 0
	}
	for ; i < n; i += 2 {
		if kind[i] != format.Enter || kind[i+1] != format.Exit || tids[i] != tid || tids[i+1] != tid ||
			nrs[i] != nrs[i+1] || abis[i] != abis[i+1] || isRestart(rets[i+1]) ||
			ts[i] < last || ts[i+1] < ts[i] || ts[i] <= unsafe || ts[i+1] >= end {
			break
		}
		if nrs[i] != nr || abis[i] != a {
			if nr, a = nrs[i], abis[i]; p.classes.of(a, nr) == classSigreturn {
				break
			}
		}
		last = ts[i+1]
		calls++
	}
	if calls > 0 {
		t.last, p.now = last, last
	}
	return calls
}

// takeStraight appends the straight calls from row i on to out, some at a time
// and column by column: that stays in the CPU's nearest cache, and what was not
// read costs nothing.
func (p *Pairer) takeStraight(r *rows, i, calls int, out []Call) []Call {
	const some = 64
	p.cov.Enters += int64(calls)
	p.cov.Exits += int64(calls)
	p.cov.ByStatus[OK] += int64(calls)
	from := len(out)
	out = slices.Grow(out, calls)[:from+calls]
	for to := out[from:]; len(to) > 0; {
		n := min(some, len(to))
		p.takeSome(r, i, to[:n])
		to, i = to[n:], i+2*n
	}
	return out
}

// takeSome sets to to the straight calls from row i on.
func (p *Pairer) takeSome(r *rows, i int, to []Call) {
	n := 2 * len(to)
	clear(to)
	ts, rets := r.ts[i:i+n], r.rets[i:i+n]
	for k := range to {
		c := &to[k]
		c.StartNS, c.DurNS, c.Continues, c.Ret = ts[2*k], ts[2*k+1]-ts[2*k], -1, rets[2*k+1]
	}
	if r.seqs != nil {
		seqs := r.seqs[i : i+n]
		for k := range to {
			to[k].EnterSeq, to[k].ExitSeq, to[k].EndSeq = seqs[2*k], seqs[2*k+1], seqs[2*k+1]
		}
	} else {
		for k := range to {
			seq := p.row + 2*int64(k)
			to[k].EnterSeq, to[k].ExitSeq, to[k].EndSeq = seq, seq+1, seq+1
		}
	}
	p.row += int64(n)
	cpus, nrs, abis := r.cpus[i:i+n], r.nrs[i:i+n], r.abis[i:i+n]
	tid := r.tids[i]
	for k := range to {
		c := &to[k]
		c.TID, c.CPUEnter, c.CPUExit, c.Nr, c.ABI = tid, cpus[2*k], cpus[2*k+1], nrs[2*k], abis[2*k]
	}
	for a, read := range r.read.args {
		if read {
			args := r.args[a][i : i+n]
			for k := range to {
				to[k].Args[a] = args[2*k]
			}
		}
	}
	if r.read.pid {
		pids := r.pids[i : i+n]
		for k := range to {
			to[k].PID = pids[2*k]
		}
	}
	if r.read.syscall {
		syscalls := r.syscalls[i : i+n]
		for k := range to {
			to[k].Syscall = syscalls[2*k]
		}
	}
	if r.read.comm {
		comms := r.comms[i : i+n]
		for k := range to {
			to[k].Comm = comms[2*k]
		}
	}
	if r.read.container {
		containers := r.containers[i : i+n]
		for k := range to {
			to[k].Container = containers[2*k]
		}
	}
	if r.details != nil {
		details := r.details[i : i+n]
		for k := range to {
			to[k].Told = details[2*k]
			to[k].learn(details[2*k+1])
		}
	}
}
