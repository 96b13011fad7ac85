package files

import (
	"systape/format"
	"systape/format/abi"
)

// Ended is a call that has ended, or of which it is not known how it did.
type Ended struct {
	EnterSeq int64
	Args     [6]int64
	Ret      int64
	Told     string // what enter and exit tell of its arguments
	Nr       int32
	ABI      abi.ABI
	Returned bool // Ret is what it returned
	Failed   bool // it returned an error
}

// enter notes what a call names and does what it does at once: a number is
// free, and may be given to another thread, before close has returned.
func (f *Follower) enter(b *format.Batch, i int) *Named {
	a, nr := b.ABI[i], b.Nr[i]
	refs, e := abi.RefsOf(a, nr), f.effectOf(a, nr)
	if refs == (abi.Refs{}) && e.what == nothing {
		return nil
	}
	if e.what == leaves {
		f.leave(b.TID[i])
		return nil
	}
	t := f.task(b.TID[i], b.PID[i])
	args := [6]int64{b.Args[0][i], b.Args[1][i], b.Args[2][i], b.Args[3][i], b.Args[4][i], b.Args[5][i]}
	told := b.Detail[i]
	if refs.Calls != 0 {
		if call, with, of, ok := PassedOn(&args, told); ok {
			nr, args, told = call.Nr, with, of
			refs, e = abi.RefsOf(a, nr), f.effectOf(a, nr)
		}
	}
	n := unknownNamed
	if refs != (abi.Refs{}) {
		n = f.named(t, a, nr, refs, &args, told)
	}
	t.ended()
	t.call = pending{seq: b.Seq[i], named: n, clone: byProcess, what: e.what}
	switch e.what {
	case closes:
		f.free(t, args[0], args[0], told)
	case closesRange:
		if args[2]&closeRangeUnshare != 0 {
			t.copying() // and closes in the copy, see apply
		} else if args[2]&closeRangeCloexec == 0 {
			f.free(t, int64(uint32(args[0])), int64(uint32(args[1])), told)
		}
	case replaces:
		if args[0] != args[1] || told != "" {
			f.replacing(t, args[1], told)
		}
	case clones, forks:
		t.call.what, t.call.clone = clones, f.sharing(&e, &args, told)
		t.copying()
	case unshares:
		t.copying()
	case changesDir, changesRoot:
		t.place.changing++
	}
	return n
}

// leave drops a thread that is about to end: captures may not tell when it has. One
// that shares something stays, for those that are seen later to share it, too.
func (f *Follower) leave(tid int32) {
	if t := f.tasks[tid]; t != nil && t.table.tasks == 1 && t.place.tasks == 1 {
		f.end(tid)
	}
}

// ended notes that t is in no call any more.
func (t *task) ended() {
	if t.call.what == changesDir || t.call.what == changesRoot {
		t.place.changing--
	}
	t.call.what = nothing
}

// free forgets the descriptors from first to last; all of them, if the
// source does not tell which.
func (f *Follower) free(t *task, first, last int64, told string) {
	if told != "" && format.ArgumentsUnknown(told) {
		t.table.forget()
		return
	}
	if len(t.table.entries) == 0 {
		t.table.stamp++ // one may be kept that is being replaced
		return
	}
	t.table.own(&f.bytes)
	if first == last {
		delete(t.table.entries, int32(first))
		return
	}
	for fd := range t.table.entries {
		if int64(fd) >= first && int64(fd) <= last {
			delete(t.table.entries, fd)
		}
	}
}

// replacing frees a descriptor that a call is about to replace, and notes it for
// the case that the call fails.
func (f *Follower) replacing(t *task, fd int64, told string) {
	was := t.table.entries[int32(fd)]
	f.free(t, fd, fd, told)
	if !format.ArgumentsUnknown(told) {
		t.call.kept = kept{was, t.table.stamp}
	}
}

// keep takes back that a descriptor was replaced, unless it may have been closed by
// another thread since.
func (f *Follower) keep(t *task, fd int32, k kept) {
	if k.open != nil && k.stampThen == t.table.stamp {
		f.set(t, fd, k.open, k.onExec)
	}
}

// End takes a call of thread tid that has ended, and returns what it named and
// what its result stands for; nil when it names nothing or its enter was not
// seen.
func (f *Follower) End(tid int32, c *Ended) *Named {
	t := f.tasks[tid]
	if t == nil || c.EnterSeq < 0 || t.call.seq != c.EnterSeq {
		return nil
	}
	n, kept := t.call.named, t.call.kept
	t.ended()
	was := t.call.before
	t.call = pending{seq: -1, clone: byProcess, before: was}
	if abi.RefsOf(c.ABI, c.Nr).Calls != 0 {
		if call, with, of, ok := PassedOn(&c.Args, c.Told); ok {
			as := *c
			as.Nr, as.Args, as.Told = call.Nr, with, of
			c = &as
		}
	}
	refs, e := abi.RefsOf(c.ABI, c.Nr), f.effectOf(c.ABI, c.Nr)
	if refs.Paths|refs.Sockets() != 0 && n.Paths[0] == "" && c.Told != "" { // the exit told it
		more := *n
		f.addPaths(&more, t, c.ABI, c.Nr, refs, &c.Args, c.Told)
		n = &more
	}
	if !c.Returned {
		f.uncertain(t, e.what, c)
	} else if c.Failed && e.what == replaces {
		f.keep(t, int32(c.Args[1]), kept)
	} else if !c.Failed || e.what == connects && c.Ret == -eInProgress {
		if file := f.toldResult(t, c.Told, int32(c.Ret), f.apply(t, &e, c, n)); file != nil {
			with := *n
			with.Ret = file
			n = &with
		} else if pair, at := e.pair(c); pair != nil {
			with := *n
			with.Pair, with.PairAt = pair, at
			n = &with
		}
	}
	if f.asks(refs, &c.Args) {
		f.counts.Asked++
		if n.known() {
			f.counts.Known++
		}
	}
	return n
}

const eInProgress = 115 // include/uapi/asm-generic/errno.h

// Affects reports whether call nr of a does something to descriptors,
// directories or threads.
func (f *Follower) Affects(a abi.ABI, nr int32) bool { return f.effectOf(a, nr).what != nothing }

// asks reports whether the arguments of a call name anything.
func (f *Follower) asks(refs abi.Refs, args *[6]int64) bool {
	if refs.Paths|refs.Addresses != 0 {
		return true
	}
	for r := range args {
		if refs.FDs>>r&1 != 0 && int32(args[r]) >= 0 {
			return true
		}
	}
	return false
}
