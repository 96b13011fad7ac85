package format

import (
	"errors"
	"fmt"

	"systape/format/abi"
	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
)

// CodedBatch is a run of events the way the recorder writes them and spools
// store them: what the rows of a thread or of a call have in common stands in a
// table, and a row has its place there. Nothing of it is text. Rows follow each
// other in time, their seq rises by one.
type CodedBatch struct {
	N        int
	Seq      int64   // of the first row
	TS       []int64 // capture time
	Thread   []Code  // places in Threads
	Call     []Code  // places in Calls
	Ret      []int64
	Args     [6][]int64 // of those from Used on every row has 0
	Used     int
	Detail   []string // of the rows in DetailAt; all others have none
	DetailAt []int32

	Threads CodeTable[Thread]
	Calls   CodeTable[Call]
	Symbols *SymbolTable // what the Symbols in both mean
}

// Code is a place in a [Table].
type Code int16

// CodeTable is what codes stand for. It grows at its end; Turn counts how often it
// has begun anew, from 1.
type CodeTable[T any] struct {
	Rows []T
	Turn int
}

// Thread is what rows of one thread on one CPU have in common.
type Thread struct {
	CPU, PID, TID   int32
	Comm, Container Symbol
}

// Call is what rows of one kind and system call have in common.
type Call struct {
	Kind    Kind
	ABI     abi.ABI
	Nr      int32
	Syscall Symbol
}

// CodedRows is how many rows a CodedBatch has at most.
const CodedRows = 8 << 10

// tableRows is how many entries a table may have when a batch begins; one that
// has more begins anew, with what the batch needs.
const tableRows = 256

// NewCodedBatch returns an empty batch.
func NewCodedBatch(names *SymbolTable) *CodedBatch {
	b := &CodedBatch{
		TS: make([]int64, CodedRows), Thread: make([]Code, CodedRows), Call: make([]Code, CodedRows), Ret: make([]int64, CodedRows),
		Threads: CodeTable[Thread]{Turn: 1}, Calls: CodeTable[Call]{Turn: 1}, Symbols: names,
	}
	for i := range b.Args {
		b.Args[i] = make([]int64, CodedRows)
	}
	return b
}

// Next empties the batch, so that it can go on behind its last row. It keeps
// the tables unless they have become long: then their Turn has risen, and codes
// of an earlier Turn mean nothing any more.
func (b *CodedBatch) Next() {
	b.Seq += int64(b.N)
	b.N, b.Used, b.Detail, b.DetailAt = 0, 0, b.Detail[:0], b.DetailAt[:0]
	b.Threads.renew()
	b.Calls.renew()
}

func (t *CodeTable[T]) renew() {
	if len(t.Rows) > tableRows {
		t.Rows = t.Rows[:0]
		t.Turn++
	}
}

// Add appends an entry and returns its code. There is room for one in each row
// of a batch.
func (t *CodeTable[T]) Add(row T) Code {
	t.Rows = append(t.Rows, row)
	return Code(len(t.Rows) - 1)
}

// SetArgs sets the arguments of row i, which is the last one.
func (b *CodedBatch) SetArgs(i int, args *[6]int64) {
	for k := len(args) - 1; k >= b.Used; k-- {
		if args[k] != 0 {
			b.Use(k+1, i)
			break
		}
	}
	for k := range b.Used {
		b.Args[k][i] = args[k]
	}
}

// Use makes the first n arguments ones that rows have values for, beginning
// with row i.
func (b *CodedBatch) Use(n, i int) {
	for ; b.Used < n; b.Used++ {
		clear(b.Args[b.Used][:i])
	}
}

// At returns row i as plain values.
func (b *CodedBatch) At(i int) Event {
	t, c := &b.Threads.Rows[b.Thread[i]], &b.Calls.Rows[b.Call[i]]
	e := Event{
		TS: b.TS[i], Seq: b.Seq + int64(i), Kind: c.Kind, ABI: c.ABI, CPU: t.CPU, PID: t.PID, TID: t.TID, Nr: c.Nr,
		Syscall: b.Symbols.String(c.Syscall), Ret: b.Ret[i], Comm: b.Symbols.String(t.Comm), Container: b.Symbols.String(t.Container),
	}
	for k := range b.Used {
		e.Args[k] = b.Args[k][i]
	}
	for k, at := range b.DetailAt {
		if int(at) == i {
			e.Detail = b.Detail[k]
		}
	}
	return e
}

// check reports what no capture can store.
func (b *CodedBatch) check() error {
	for _, n := range []int{len(b.TS), len(b.Thread), len(b.Call), len(b.Ret)} {
		if b.N > n || b.N > CodedRows {
			return errors.New("a batch with more rows than its columns")
		}
	}
	if len(b.Detail) != len(b.DetailAt) || b.Used > len(b.Args) {
		return errors.New("a batch whose columns differ in length")
	}
	var threads, calls Code
	for i, t := range b.Thread[:b.N] {
		threads, calls = max(threads, t), max(calls, b.Call[i])
	}
	if b.N > 0 && (int(threads) >= len(b.Threads.Rows) || int(calls) >= len(b.Calls.Rows)) {
		return errors.New("a code of no table")
	}
	for _, c := range b.Calls.Rows {
		if c.Kind >= NumKinds {
			return errUnknownKind
		}
	}
	return nil
}

// checkCoded is check for a coded batch.
func (o order) checkCoded(b *CodedBatch) (order, error) {
	if err := b.check(); err != nil || b.N == 0 {
		return o, err
	}
	if o.rows == 0 {
		o.first, o.last, o.ts = b.Seq, b.Seq-1, b.TS[0]
	}
	if b.Seq != o.last+1 {
		return o, &CorruptError{Group: -1, Row: o.rows, Column: "seq", Err: fmt.Errorf("%d, want %d", b.Seq, o.last+1)}
	}
	o.last += int64(b.N)
	for i, ts := range b.TS[:b.N] {
		if ts < o.ts {
			return o, &CorruptError{Group: -1, Row: o.rows + int64(i), Column: "ts_ns", Err: fmt.Errorf("%d after %d", ts, o.ts)}
		}
		o.ts = ts
	}
	o.rows += int64(b.N)
	return o, nil
}

// The groups of columns that share their codes, as the spool numbers them.
const (
	noGroup = iota
	threadGroup
	callGroup
)

// groupOf returns in which table a column's values stand.
func groupOf(c Columns) int {
	switch c {
	case ColCPU, ColPID, ColTID, ColComm, ColContainer:
		return threadGroup
	case ColKind, ColABI, ColNr, ColSyscall:
		return callGroup
	}
	return noGroup
}

// entries is the part of a table that one column holds.
type entries struct {
	int32s []int32
	ids    []uint32
	codes  []byte
}

// column sets v to the entries of a column that belongs to a table.
func (e *entries) column(b *CodedBatch, c Columns) columnar.Values {
	e.int32s, e.ids, e.codes = e.int32s[:0], e.ids[:0], e.codes[:0]
	for i := range b.Threads.Rows {
		switch t := &b.Threads.Rows[i]; c {
		case ColCPU:
			e.int32s = append(e.int32s, t.CPU)
		case ColPID:
			e.int32s = append(e.int32s, t.PID)
		case ColTID:
			e.int32s = append(e.int32s, t.TID)
		case ColComm:
			e.ids = append(e.ids, uint32(t.Comm))
		case ColContainer:
			e.ids = append(e.ids, uint32(t.Container))
		}
	}
	for i := range b.Calls.Rows {
		switch t := &b.Calls.Rows[i]; c {
		case ColKind:
			e.codes = append(e.codes, byte(t.Kind))
		case ColABI:
			e.codes = append(e.codes, byte(t.ABI))
		case ColNr:
			e.int32s = append(e.int32s, t.Nr)
		case ColSyscall:
			e.ids = append(e.ids, uint32(t.Syscall))
		}
	}
	switch c {
	case ColKind:
		return columnar.Values{Codes: e.codes, Words: kindCodes.Words}
	case ColABI:
		return columnar.Values{Codes: e.codes, Words: abiCodes.Words}
	case ColSyscall, ColComm, ColContainer:
		return columnar.Values{IDs: e.ids, List: *b.Symbols.list.Load()}
	}
	return columnar.Values{Int32: e.int32s}
}

// compactColumns is the events table as a spool stores it.
func compactColumns(version int) []ipc.CompactColumn {
	var out []ipc.CompactColumn
	for pos, c := range columnsOf(version) {
		out = append(out, ipc.CompactColumn{Column: c.Column, Group: groupOf(1 << pos)})
	}
	return out
}

// coder turns batches into coded ones.
type coder struct {
	out     *CodedBatch
	threads map[Thread]Code
	calls   map[Call]Code
	turns   [2]int
}

// code sets the coder's batch to rows from…to of b, which are at most CodedRows.
func (c *coder) code(b *Batch, from, to int) *CodedBatch {
	o := c.out
	if o == nil {
		o = NewCodedBatch(b.Symbols)
		c.out, c.threads, c.calls = o, map[Thread]Code{}, map[Call]Code{}
	}
	o.Next()
	if o.Symbols != b.Symbols { // symbols of the tables are of another table
		o.Threads.Rows, o.Calls.Rows = o.Threads.Rows[:0], o.Calls.Rows[:0]
		o.Threads.Turn++
		o.Calls.Turn++
	}
	if t := [2]int{o.Threads.Turn, o.Calls.Turn}; t != c.turns {
		if t[0] != c.turns[0] {
			clear(c.threads)
		}
		if t[1] != c.turns[1] {
			clear(c.calls)
		}
		c.turns = t
	}
	o.Symbols, o.Seq, o.N = b.Symbols, b.Seq[from], to-from
	copy(o.TS, b.TS[from:to])
	copy(o.Ret, b.Ret[from:to])
	for i := range o.N {
		r := from + i
		t := Thread{b.CPU[r], b.PID[r], b.TID[r], b.Comm[r], b.Container[r]}
		if i > 0 && t == o.Threads.Rows[o.Thread[i-1]] {
			o.Thread[i] = o.Thread[i-1]
		} else {
			o.Thread[i] = place(&o.Threads, c.threads, t)
		}
		o.Call[i] = place(&o.Calls, c.calls, Call{b.Kind[r], b.ABI[r], b.Nr[r], b.Syscall[r]})
		var args [6]int64
		for k := range args {
			args[k] = b.Args[k][r]
		}
		o.SetArgs(i, &args)
		if b.Detail[r] != "" {
			o.Detail, o.DetailAt = append(o.Detail, b.Detail[r]), append(o.DetailAt, int32(i))
		}
	}
	return o
}

func place[T comparable](t *CodeTable[T], known map[T]Code, row T) Code {
	c, ok := known[row]
	if !ok {
		c = t.Add(row)
		known[row] = c
	}
	return c
}
