package format

import (
	"fmt"
	"unicode/utf8"

	"systape/format/abi"
)

// rowCheck judges the values of rows, one after another, across row groups and
// files. It shares nothing with what the Reader checks on its way. A column
// that could not be read has length 0.
type rowCheck struct {
	v     *verifier
	row   int64 // of the file: the next
	gaps  bool  // rows were left out on purpose
	known bool  // whether seq and ts are those of the row before
	seq   int64
	ts    int64
	anyTS bool
}

// breaks reports whether seq cannot be that of the next row.
func (r *rowCheck) breaks(seq int64) bool {
	return seq != r.seq+1 && (seq <= r.seq || !r.gaps)
}

// missed is told that n rows could not be read; -1: not known how many.
func (r *rowCheck) missed(n int64) {
	if n < 0 {
		r.known = false
		return
	}
	r.row += n
	r.seq += n
}

// batch checks the rows of a batch of n rows.
func (r *rowCheck) batch(file string, b *Batch, n int) {
	v := r.v
	for i, seq := range b.Seq {
		if r.known && r.breaks(seq) {
			v.fail(RuleSeq, "%s: row %d: seq %d after %d", file, r.row+int64(i), seq, r.seq)
		}
		r.seq, r.known = seq, true
	}
	if len(b.Seq) == 0 {
		r.seq += int64(n)
	}
	for i, ts := range b.TS {
		if r.anyTS && ts < r.ts {
			v.fail(RuleTime, "%s: row %d: ts_ns %d after %d", file, r.row+int64(i), ts, r.ts)
		}
		r.ts, r.anyTS = ts, true
	}
	if b.complete(n) {
		for i := range n {
			if what := kindFault(b, i); what != "" {
				v.fail(RuleKinds, "%s: row %d (%v): %s", file, r.row+int64(i), b.Kind[i], what)
			}
		}
	}
	for i, d := range b.Detail {
		if d != "" && !utf8.ValidString(d) {
			v.fail(RuleText, "%s: row %d: detail is not UTF-8", file, r.row+int64(i))
		}
	}
	r.row += int64(n)
}

// complete reports whether all columns have n rows.
func (b *Batch) complete(n int) bool {
	for _, c := range columns {
		if c.size(b) != n {
			return false
		}
	}
	return true
}

// kindFault says what row i has that its kind does not allow.
func kindFault(b *Batch, i int) string {
	kind := b.Kind[i]
	switch {
	case int(b.ABI[i]) >= len(abi.All()):
		return "unknown ABI"
	case kind.call() == (b.Syscall[i] == 0):
		return fmt.Sprintf("syscall %q", b.Symbols.String(b.Syscall[i]))
	case !kind.call() && b.Nr[i] != -1:
		return fmt.Sprintf("nr %d", b.Nr[i])
	case kind != Exit && b.Ret[i] != 0:
		return fmt.Sprintf("ret %d", b.Ret[i])
	case !kind.nobodys() && (b.PID[i] < 0 || b.TID[i] < 0):
		return fmt.Sprintf("pid %d, tid %d", b.PID[i], b.TID[i])
	}
	arg := func(k int) int64 { return b.Args[k][i] }
	used := 0 // arguments that the kind uses
	switch kind {
	case Enter:
		used = 6
	case Exit:
		used = 1
		if e := arg(ExitEntered); e != 0 && e > b.TS[i] {
			return fmt.Sprintf("entered at %d, exit at %d", e, b.TS[i])
		}
	case Lost:
		used = 6
		switch {
		case arg(LostCount) < 0 || arg(LostEnters) < 0 || arg(LostExits) < 0:
			return "negative counts"
		case arg(LostEnters) > arg(LostCount)-arg(LostExits):
			return fmt.Sprintf("%d enters and %d exits among %d", arg(LostEnters), arg(LostExits), arg(LostCount))
		case arg(LostLast) < arg(LostFirst):
			return fmt.Sprintf("from %d to %d", arg(LostFirst), arg(LostLast))
		}
	case Fork:
		used = 2
		if arg(ForkPID) <= 0 || arg(ForkTID) <= 0 {
			return fmt.Sprintf("child %d/%d", arg(ForkPID), arg(ForkTID))
		}
	case Exec:
		used = 1
	case ThreadEnd:
		used = 2
		if g := arg(EndGroup); g < -1 || g > 1 {
			return fmt.Sprintf("group end %d", g)
		}
	case Mark:
		used = 3
		if MarkOf(arg(MarkWhat)) == ShareSet {
			if used = 5; arg(MarkShare) < 0 || arg(MarkShare) > ShareAll {
				return fmt.Sprintf("share %d", arg(MarkShare))
			}
		}
		switch {
		case arg(MarkWhat) < int64(EntersStopped):
			return fmt.Sprintf("mark %d", arg(MarkWhat))
		case arg(MarkWhat) == int64(ThreadLost):
			if b.TID[i] == 0 {
				return "no thread"
			}
		case b.CPU[i] != -1 || b.PID[i] != 0 || b.TID[i] != 0:
			return fmt.Sprintf("cpu %d, pid %d, tid %d", b.CPU[i], b.PID[i], b.TID[i])
		case arg(MarkLast) < arg(MarkFirst) || arg(MarkFirst) != b.TS[i]:
			return fmt.Sprintf("from %d to %d at %d", arg(MarkFirst), arg(MarkLast), b.TS[i])
		}
	case Count:
		used = 5
		switch {
		case arg(CountCalls) < 0 || arg(CountErrors) < 0 || arg(CountErrors) > arg(CountCalls) || arg(CountTotalNS) < 0:
			return fmt.Sprintf("%d calls, %d errors, %d ns", arg(CountCalls), arg(CountErrors), arg(CountTotalNS))
		case arg(CountLast) < arg(CountFirst):
			return fmt.Sprintf("from %d to %d", arg(CountFirst), arg(CountLast))
		}
	case FD:
		used = 2
		if fd := arg(FDNumber); fd < 0 && (fd > FDCwd || fd < FDSharesDirs) {
			return fmt.Sprintf("descriptor %d", fd)
		}
	}
	for k := used; k < len(b.Args); k++ {
		if arg(k) != 0 {
			return fmt.Sprintf("arg%d is %d", k, arg(k))
		}
	}
	return ""
}
