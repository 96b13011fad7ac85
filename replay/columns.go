package replay

import (
	"errors"

	"systape/format"
)

// PairColumns returns the columns that a [Pairer] needs, and those of need
// besides: what the caller wants to find in its calls. A column that is not
// read is zero in every Call, except EnterSeq and ExitSeq, which are then
// counted. Links from a restarted call to the same call issued again
// ([Call.Continues]) need all of format.ColArgs.
//
// A capture whose own counts say that it lost nothing can be paired without
// arg2 to arg5, which only lost rows need here, and one that was not filtered
// by thread name without comm: m says so if it is not nil.
func PairColumns(need format.Columns, m *format.Meta) format.Columns {
	need |= format.ColTS | format.ColKind | format.ColCPU | format.ColTID | format.ColABI | format.ColNr | format.ColRet |
		format.ColArg0 | format.ColArg1
	if m == nil || mayTellLate(m) {
		need |= format.ColArg2 | format.ColArg3 | format.ColArg4 | format.ColArg5
	}
	if m != nil && (m.Selection != nil || !m.Complete) {
		need |= format.ColSeq // rows may be missing, so it cannot be counted
	}
	if m != nil && m.Request.Counted() {
		need |= format.ColPID | format.ColSyscall | format.ColContainer | format.ColArg2 | format.ColArg3 | format.ColArg4
	}
	if m == nil || len(m.Request.Comms) > 0 && m.Request.Floating() {
		need |= format.ColComm // of rename rows
	}
	return need
}

// exitOnly returns the call of an exit whose enter is not in the capture.
func (p *Pairer) exitOnly(b *format.Batch, i int) Call {
	seq := p.seq(b, i)
	return Call{
		StartNS: p.now, EnterSeq: -1, ExitSeq: seq, EndSeq: seq, Continues: -1, Ret: b.Ret[i],
		PID: column(b.PID, i), TID: b.TID[i], CPUEnter: -1, CPUExit: b.CPU[i], Nr: b.Nr[i], ABI: b.ABI[i],
		Syscall: column(b.Syscall, i), Comm: column(b.Comm, i), Container: column(b.Container, i),
		NoRet: column(b.Detail, i) == format.UnknownResult,
	}
}

// column returns row i of a column, zero when it was not read.
func column[T any](col []T, i int) (v T) {
	if i < len(col) {
		v = col[i]
	}
	return v
}

// orZeros returns a column, or as many zeros if it was not read. zeros keeps
// them for the next time.
func orZeros[T any](col []T, n int, zeros *[]T) []T {
	if len(col) >= n {
		return col
	}
	if len(*zeros) < n {
		*zeros = make([]T, n)
	}
	return *zeros
}

// checkColumns makes sure that Push finds the columns of PairColumns.
func checkColumns(b *format.Batch) error {
	n := b.N
	if len(b.TS) < n || len(b.Kind) < n || len(b.CPU) < n || len(b.TID) < n || len(b.ABI) < n || len(b.Nr) < n || len(b.Ret) < n {
		return errors.New("replay: internal error: pairing needs more columns than were read")
	}
	if len(b.Args[0]) < n || len(b.Args[1]) < n {
		return errors.New("replay: internal error: pairing needs the columns arg0 and arg1")
	}
	return nil
}
