package format

// ColumnType is the type of a column in a file. There are no unsigned types
// and no nulls: what arrow v17 and other readers do with those differs.
type ColumnType uint8

// The column types, with their Parquet form.
const (
	Int64       ColumnType = iota // INT64
	Int32                         // INT32
	Float64                       // DOUBLE
	String                        // BYTE_ARRAY, UTF8
	TimestampUS                   // INT64, TIMESTAMP(MICROS, UTC)
	Bool                          // BOOLEAN
)

var columnTypeNames = [...]string{"int64", "int32", "float64", "utf8", "timestamp[us, UTC]", "bool"}

// String returns the name that FORMAT.md uses, such as "int64".
func (t ColumnType) String() string {
	if int(t) < len(columnTypeNames) {
		return columnTypeNames[t]
	}
	return "unknown"
}

// Column describes one column of a table.
type Column struct {
	Name   string
	Type   ColumnType
	Delta  bool // DELTA_BINARY_PACKED instead of a dictionary; 64-bit integers only, because arrow v17 miswrites 32-bit deltas
	NoDict bool // values as they are; for columns whose values hardly repeat
	Stats  bool // minimum and maximum of each row group, for readers that skip; integers only
}

// eventColumn is a column of the events table.
type eventColumn struct {
	Column
	set   Columns
	since int // format version that introduced it; a version's table is a prefix of this one
}

// columns is the events table: writer, reader, verification and FORMAT.md
// (by a test) follow it. Statistics are kept where a reader can skip row
// groups by them.
var columns = [...]eventColumn{
	{Column{Name: "ts_ns", Type: Int64, Delta: true, Stats: true}, ColTS, 1},
	{Column{Name: "seq", Type: Int64, Delta: true, Stats: true}, ColSeq, 1},
	{Column{Name: "kind", Type: String}, ColKind, 1},
	{Column{Name: "cpu", Type: Int32}, ColCPU, 1},
	{Column{Name: "pid", Type: Int32, Stats: true}, ColPID, 1},
	{Column{Name: "tid", Type: Int32, Stats: true}, ColTID, 1},
	{Column{Name: "abi", Type: String}, ColABI, 1},
	{Column{Name: "nr", Type: Int32}, ColNr, 1},
	{Column{Name: "syscall", Type: String}, ColSyscall, 1},
	{Column{Name: "ret", Type: Int64}, ColRet, 1},
	{Column{Name: "arg0", Type: Int64}, ColArg0, 1},
	{Column{Name: "arg1", Type: Int64}, ColArg1, 1},
	{Column{Name: "arg2", Type: Int64}, ColArg2, 1},
	{Column{Name: "arg3", Type: Int64}, ColArg3, 1},
	{Column{Name: "arg4", Type: Int64}, ColArg4, 1},
	{Column{Name: "arg5", Type: Int64}, ColArg5, 1},
	{Column{Name: "comm", Type: String}, ColComm, 1},
	{Column{Name: "container", Type: String}, ColContainer, 1},
	{Column{Name: "detail", Type: String}, ColDetail, 1},
}

// Positions in columns, for code that treats one of them by itself.
const (
	posTS = iota
	posSeq
	posKind
	posCPU
	posPID
	posTID
	posABI
	posNr
	posSyscall
	posRet
	posArg0
	posComm      = posArg0 + 6
	posContainer = posComm + 1
	posDetail    = posContainer + 1
)

const _ = -uint(len(columns) - posDetail - 1) // the last position is the last column

// int64s returns the batch's column at position pos of the table, which must
// be of type int64.
func (b *Batch) int64s(pos int) *[]int64 {
	switch pos {
	case posTS:
		return &b.TS
	case posSeq:
		return &b.Seq
	case posRet:
		return &b.Ret
	}
	return &b.Args[pos-posArg0]
}

// int32s is int64s for columns of type int32.
func (b *Batch) int32s(pos int) *[]int32 {
	switch pos {
	case posCPU:
		return &b.CPU
	case posPID:
		return &b.PID
	case posTID:
		return &b.TID
	}
	return &b.Nr
}

// syms returns the batch's column of names at position pos.
func (b *Batch) syms(pos int) *[]Symbol {
	switch pos {
	case posSyscall:
		return &b.Syscall
	case posComm:
		return &b.Comm
	}
	return &b.Container
}

// check reports a batch whose columns do not all have N rows, or hold a kind
// or an ABI that no capture can store. Writers refuse such a batch whole.
func (b *Batch) check() error {
	for pos := range columns {
		var n int
		switch c := columns[pos]; {
		case pos == posKind:
			n = len(b.Kind)
		case pos == posABI:
			n = len(b.ABI)
		case pos == posDetail:
			n = len(b.Detail)
		case c.Type == Int64:
			n = len(*b.int64s(pos))
		case c.Type == Int32:
			n = len(*b.int32s(pos))
		default:
			n = len(*b.syms(pos))
		}
		if n != b.N {
			return errColumnLength(columns[pos].Name, n, b.N)
		}
	}
	if b.N > 0 && b.Symbols == nil {
		return errNoNames
	}
	for i, k := range b.Kind {
		if k >= NumKinds {
			return &CorruptError{Row: int64(i), Group: -1, Column: "kind", Err: errUnknownKind}
		}
	}
	for i, a := range b.ABI {
		if int(a) >= len(abiWords) {
			return &CorruptError{Row: int64(i), Group: -1, Column: "abi", Err: errUnknownABI}
		}
	}
	return nil
}
