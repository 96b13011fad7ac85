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
	hasArgs                     bool // all arguments were read
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
		hasArgs: true,
	}
	if len(b.Seq) > 0 {
		r.seqs = b.Seq[:n]
	}
	for k := range r.args {
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
// could concern them. It looks at nothing but rows, so that Push says what is
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
	for ; i < n; i += 2 {
		if kind[i] != format.Enter || kind[i+1] != format.Exit || tids[i] != tid || tids[i+1] != tid ||
			nrs[i] != nrs[i+1] || abis[i] != abis[i+1] || isRestart(rets[i+1]) ||
			ts[i] < last || ts[i+1] < ts[i] || ts[i] <= unsafe || ts[i+1] >= end {
			break
		}
		last = ts[i+1]
		calls++
	}
	if calls > 0 {
		t.last, p.now = last, last
	}
	return calls
}

// takeStraight appends the straight calls from row i on to out.
func (p *Pairer) takeStraight(r *rows, i, calls int, out []Call) []Call {
	p.cov.Enters += int64(calls)
	p.cov.Exits += int64(calls)
	p.cov.ByStatus[OK] += int64(calls)
	from := len(out)
	out = slices.Grow(out, calls)[:from+calls]
	seq := p.row
	for k := range out[from:] {
		c := &out[from+k]
		c.StartNS, c.DurNS = r.ts[i], r.ts[i+1]-r.ts[i]
		if r.seqs != nil {
			c.EnterSeq, c.ExitSeq = r.seqs[i], r.seqs[i+1]
		} else {
			c.EnterSeq, c.ExitSeq = seq, seq+1
			seq += 2
		}
		c.EndSeq, c.Continues, c.Ret = c.ExitSeq, -1, r.rets[i+1]
		for a := range c.Args {
			c.Args[a] = r.args[a][i]
		}
		c.PID, c.TID, c.CPUEnter, c.CPUExit, c.Nr = r.pids[i], r.tids[i], r.cpus[i], r.cpus[i+1], r.nrs[i]
		c.Syscall, c.Comm, c.Container, c.ABI = r.syscalls[i], r.comms[i], r.containers[i], r.abis[i]
		c.Status, c.NoRet, c.Detail, c.Told, c.Files = OK, false, "", "", nil
		if r.details != nil {
			c.Told = r.details[i]
			c.learn(r.details[i+1])
		}
		i += 2
	}
	p.row += 2 * int64(calls)
	return out
}
