package format

import "systape/format/abi"

// Columns is a set of columns of the events table.
type Columns uint32

// One bit for each column, in the order of the table.
const (
	ColTS Columns = 1 << iota
	ColSeq
	ColKind
	ColCPU
	ColPID
	ColTID
	ColABI
	ColNr
	ColSyscall
	ColRet
	ColArg0
	ColArg1
	ColArg2
	ColArg3
	ColArg4
	ColArg5
	ColComm
	ColContainer
	ColDetail

	ColArgs    = ColArg0 | ColArg1 | ColArg2 | ColArg3 | ColArg4 | ColArg5
	AllColumns = ColDetail<<1 - 1
)

// Batch is a run of events as columns: the one currency between the stages
// of the program. A column that was not asked for has length 0; all others
// have length N. Whoever fills a batch owns its memory: the columns are valid
// until the batch is filled again.
type Batch struct {
	N         int
	TS        []int64
	Seq       []int64
	Kind      []Kind
	CPU       []int32
	PID       []int32
	TID       []int32
	ABI       []abi.ABI
	Nr        []int32
	Syscall   []Symbol
	Ret       []int64
	Args      [6][]int64
	Comm      []Symbol
	Container []Symbol
	Detail    []string // a string of its own, not a Symbol: there is no bound on distinct file names

	Symbols *SymbolTable // what the Symbols of this batch mean

	keyed keyedColumns
}

// NewBatch returns an empty batch whose Symbols belong to names, with room for
// rows events in every column.
func NewBatch(names *SymbolTable, rows int) *Batch {
	b := &Batch{Symbols: names}
	for _, c := range columns {
		c.alloc(b, rows)
	}
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.keep(0, 0) }

// Truncate keeps the first n rows.
func (b *Batch) Truncate(n int) { b.keep(0, n) }

// keep drops all rows but from…to.
func (b *Batch) keep(from, to int) {
	b.N = to - from
	for _, c := range columns {
		c.cut(b, from, to)
	}
	b.keyed.cut(from, to)
}

// AppendRows adds the rows from…to of src, which must have every column and the
// same Symbols.
func (b *Batch) AppendRows(src *Batch, from, to int) {
	b.Symbols = src.Symbols
	b.N += to - from
	for _, c := range columns {
		c.add(b, src, from, to)
	}
}

// Append adds one event to every column. It interns the event's names, so it
// is meant for tests, importers and tools; the recorder fills columns itself.
func (b *Batch) Append(e Event) {
	if b.Symbols == nil {
		b.Symbols = NewSymbolTable()
	}
	b.N++
	b.TS, b.Seq, b.Kind = append(b.TS, e.TS), append(b.Seq, e.Seq), append(b.Kind, e.Kind)
	b.CPU, b.PID, b.TID = append(b.CPU, e.CPU), append(b.PID, e.PID), append(b.TID, e.TID)
	b.ABI, b.Nr, b.Ret = append(b.ABI, e.ABI), append(b.Nr, e.Nr), append(b.Ret, e.Ret)
	b.Syscall = append(b.Syscall, b.Symbols.InternString(e.Syscall))
	for i := range b.Args {
		b.Args[i] = append(b.Args[i], e.Args[i])
	}
	b.Comm = append(b.Comm, b.Symbols.InternString(e.Comm))
	b.Container = append(b.Container, b.Symbols.InternString(e.Container))
	b.Detail = append(b.Detail, e.Detail)
}

// At returns row i as plain values; columns that were not read are zero.
func (b *Batch) At(i int) Event {
	var e Event
	get(&e.TS, b.TS, i)
	get(&e.Seq, b.Seq, i)
	get(&e.Kind, b.Kind, i)
	get(&e.CPU, b.CPU, i)
	get(&e.PID, b.PID, i)
	get(&e.TID, b.TID, i)
	get(&e.ABI, b.ABI, i)
	get(&e.Nr, b.Nr, i)
	get(&e.Ret, b.Ret, i)
	get(&e.Detail, b.Detail, i)
	for k := range e.Args {
		get(&e.Args[k], b.Args[k], i)
	}
	var s Symbol
	if get(&s, b.Syscall, i) {
		e.Syscall = b.Symbols.String(s)
	}
	if get(&s, b.Comm, i) {
		e.Comm = b.Symbols.String(s)
	}
	if get(&s, b.Container, i) {
		e.Container = b.Symbols.String(s)
	}
	return e
}

func get[T any](dst *T, col []T, i int) bool {
	if i >= len(col) {
		return false
	}
	*dst = col[i]
	return true
}
