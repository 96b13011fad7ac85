package format

import (
	"math/bits"

	"systape/format/abi"
	"systape/format/internal/columnar"
)

// Column describes one column of a table: its Name, its Type, and how Parquet
// stores it: Delta (DELTA_BINARY_PACKED instead of a dictionary, 64-bit integers
// only), NoDict (values as they are, for columns whose values hardly repeat),
// Stats (minimum and maximum of each row group, for readers that skip; integers
// and text only) and Sorted (the rows are in its ascending order, and in that of
// the next that is Sorted where this one is the same).
type Column = columnar.Column

// ColumnType is the type of a column in a file. There are no unsigned types
// and no nulls: what arrow v17 and other readers do with those differs.
type ColumnType = columnar.Type

// The column types, with their Parquet form.
const (
	Int64       = columnar.Int64       // INT64
	Int32       = columnar.Int32       // INT32
	Float64     = columnar.Float64     // DOUBLE
	String      = columnar.String      // BYTE_ARRAY, UTF8
	TimestampUS = columnar.TimestampUS // INT64, TIMESTAMP(MICROS, UTC)
	Bool        = columnar.Bool        // BOOLEAN
)

// eventColumn is a column of the events table: its form in files, the format
// version that introduced it, and its place in batches.
type eventColumn struct {
	Column
	since int
	cells
}

// columns is the events table. Everything that treats all columns is a loop
// over it: batches, the encoders and decoders of both forms, verification, and
// (by a test) FORMAT.md. A version's table is a prefix of this one. Its order
// is that of the bits of Columns. Statistics are kept where a reader can skip
// row groups by them.
var columns = [...]eventColumn{
	{Column{Name: "ts_ns", Type: Int64, Delta: true, Stats: true}, 1, int64s(func(b *Batch) *[]int64 { return &b.TS })},
	{Column{Name: "seq", Type: Int64, Delta: true, Stats: true}, 1, int64s(func(b *Batch) *[]int64 { return &b.Seq })},
	{Column{Name: "kind", Type: String}, 1, codes(kindCodes, func(b *Batch) *[]Kind { return &b.Kind })},
	{Column{Name: "cpu", Type: Int32}, 1, int32s(func(b *Batch) *[]int32 { return &b.CPU })},
	{Column{Name: "pid", Type: Int32, Stats: true}, 1, int32s(func(b *Batch) *[]int32 { return &b.PID })},
	{Column{Name: "tid", Type: Int32, Stats: true}, 1, int32s(func(b *Batch) *[]int32 { return &b.TID })},
	{Column{Name: "abi", Type: String}, 1, codes(abiCodes, func(b *Batch) *[]abi.ABI { return &b.ABI })},
	{Column{Name: "nr", Type: Int32}, 1, int32s(func(b *Batch) *[]int32 { return &b.Nr })},
	{Column{Name: "syscall", Type: String}, 1, symbols(func(b *Batch) *[]Symbol { return &b.Syscall })},
	{Column{Name: "ret", Type: Int64}, 1, int64s(func(b *Batch) *[]int64 { return &b.Ret })},
	{Column{Name: "arg0", Type: Int64}, 1, argument(0)},
	{Column{Name: "arg1", Type: Int64}, 1, argument(1)},
	{Column{Name: "arg2", Type: Int64}, 1, argument(2)},
	{Column{Name: "arg3", Type: Int64}, 1, argument(3)},
	{Column{Name: "arg4", Type: Int64}, 1, argument(4)},
	{Column{Name: "arg5", Type: Int64}, 1, argument(5)},
	{Column{Name: "comm", Type: String}, 1, symbols(func(b *Batch) *[]Symbol { return &b.Comm })},
	{Column{Name: "container", Type: String}, 1, symbols(func(b *Batch) *[]Symbol { return &b.Container })},
	{Column{Name: "detail", Type: String}, 1, texts(func(b *Batch) *[]string { return &b.Detail })},
}

// There is a column for each bit, and a bit for each column.
var _ = [1]struct{}{}[AllColumns-(1<<len(columns)-1)]

func argument(i int) cells {
	return int64s(func(b *Batch) *[]int64 { return &b.Args[i] })
}

// pos returns the place of a single column in the table.
func (c Columns) pos() int { return bits.TrailingZeros32(uint32(c)) }

// has reports whether the column at place pos is in the set.
func (c Columns) has(pos int) bool { return c>>pos&1 != 0 }

// columnsOf returns the events table of a format version: a prefix of the
// table of the newest.
func columnsOf(version int) []eventColumn {
	n := len(columns)
	for n > 0 && columns[n-1].since > version {
		n--
	}
	return columns[:n]
}

// Table returns the columns of the events table, in order.
func Table() []Column { return tableOf(Version) }

func tableOf(version int) []Column {
	var out []Column
	for _, c := range columnsOf(version) {
		out = append(out, c.Column)
	}
	return out
}

// check reports a batch whose columns do not all have N rows, or hold what no
// capture of the version can store. Writers refuse such a batch whole.
func (b *Batch) check(version int) error {
	for pos, c := range columnsOf(version) {
		n := c.size(b)
		if v := b.keyed.of(pos); v != nil {
			n += v.Len()
		}
		if n != b.N {
			return errColumnLength(c.Name, n, b.N)
		}
	}
	if b.N > 0 && b.Symbols == nil {
		return errNoNames
	}
	for _, c := range columnsOf(version) {
		if row, err := c.fault(b, version); err != nil {
			return &CorruptError{Row: int64(row), Group: -1, Column: c.Name, Err: err}
		}
	}
	return nil
}

// values returns the columns of a version's table, for a writer.
func (b *Batch) values(dst []columnar.Values, version int) []columnar.Values {
	dst = dst[:0]
	for pos, c := range columnsOf(version) {
		if v := b.keyed.of(pos); v != nil {
			dst = append(dst, *v)
		} else {
			dst = append(dst, c.values(b))
		}
	}
	return dst
}
