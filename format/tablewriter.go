package format

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"systape/format/internal/columnar"
	"systape/format/internal/ipc"
	"systape/format/internal/parquet"
)

// TableFormat is how a [TableWriter] stores a table.
type TableFormat uint8

// The formats of tables.
const (
	Parquet     TableFormat = iota // row groups of 131,072 rows, zstd
	ArrowStream                    // Arrow IPC stream, record batches of 65,536 rows, lz4
	ArrowPlain                     // likewise, without compression
)

// TableWriter writes the result of a stage, such as the calls of a capture,
// as a table. It takes rows as columns: append to the slices of all columns,
// then call Flush, as often as it suits (every few thousand rows); nothing is
// allocated for a row.
//
//	t, err := format.NewTableWriter(w, format.Parquet, cols, nil)
//	for … {
//		*t.Int64(0) = append(*t.Int64(0), start)
//		*t.Symbols(1) = append(*t.Symbols(1), syscall)
//		if err := t.Flush(); err != nil { … }
//	}
//	err = t.Close()
//
// A column of strings takes either names, by Symbols, which is the fast way, or
// strings, by Strings. What a writer promises about errors holds as for
// captures: the first error of the underlying writer sticks, a short write is
// an error, and Close returns nil only if every byte was accepted.
type TableWriter struct {
	cols   []Column
	data   []columnar.Values
	syms   [][]Symbol // rows of columns that take Symbols
	names  *SymbolTable
	file   *parquet.Writer
	stream *ipc.StreamWriter
	meta   []columnar.Pair
	rows   int64
	err    error
	closed bool
}

// NewTableWriter starts a table with the columns cols on w. Meta becomes the
// file's key-value metadata, in the order of its keys.
func NewTableWriter(w io.Writer, f TableFormat, cols []Column, meta map[string]string) (*TableWriter, error) {
	t := &TableWriter{cols: slices.Clone(cols), data: make([]columnar.Values, len(cols)), syms: make([][]Symbol, len(cols)), names: NewSymbolTable()}
	if len(cols) == 0 {
		return nil, errors.New("begin table: no columns")
	}
	for i, c := range cols {
		if c.Name == "" || c.Type >= columnar.NumTypes {
			return nil, fmt.Errorf("begin table: column %d: name %q, type %v", i, c.Name, c.Type)
		}
		if slices.IndexFunc(cols, func(o Column) bool { return o.Name == c.Name }) != i {
			return nil, fmt.Errorf("begin table: two columns %q", c.Name)
		}
	}
	for k, v := range meta {
		t.meta = append(t.meta, columnar.Pair{Key: columnar.CleanText(k), Value: columnar.CleanText(v)})
	}
	slices.SortFunc(t.meta, func(a, b columnar.Pair) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	var err error
	switch f {
	case Parquet:
		if t.file, err = parquet.NewWriter(w, t.cols, creator); err == nil {
			t.file.Workers = runtime.GOMAXPROCS(0)
		}
	case ArrowStream, ArrowPlain:
		t.stream = ipc.NewStreamWriter(w, t.cols)
		t.stream.Plain = f == ArrowPlain
		t.stream.Begin(t.meta)
	default:
		err = errors.New("unknown table format " + strconv.Itoa(int(f)))
	}
	if err != nil {
		return nil, fmt.Errorf("begin table: %w", err)
	}
	return t, nil
}

// SetSymbols says what the Symbols of this table mean. It must be called before
// any are appended, and with one table of names only.
func (t *TableWriter) SetSymbols(names *SymbolTable) { t.names = names }

// SetMeta sets a key of the metadata that is known only at the end, such as a
// count. Only Parquet has its metadata there; it does nothing to an Arrow
// stream, which begins with its metadata.
func (t *TableWriter) SetMeta(key, value string) {
	p := columnar.Pair{Key: columnar.CleanText(key), Value: columnar.CleanText(value)}
	i, found := slices.BinarySearchFunc(t.meta, p, func(a, b columnar.Pair) int { return strings.Compare(a.Key, b.Key) })
	if found {
		t.meta[i] = p
		return
	}
	t.meta = slices.Insert(t.meta, i, p)
}

// Int64 returns the column's rows that are not written yet, to append to. The
// column must be of type Int64 or TimestampUS.
func (t *TableWriter) Int64(col int) *[]int64 {
	t.want(col, Int64, TimestampUS)
	return &t.data[col].Int64
}

// Int32 is like Int64, for columns of type Int32.
func (t *TableWriter) Int32(col int) *[]int32 { t.want(col, Int32, Int32); return &t.data[col].Int32 }

// Float64 is like Int64, for columns of type Float64.
func (t *TableWriter) Float64(col int) *[]float64 {
	t.want(col, Float64, Float64)
	return &t.data[col].Float64
}

// Bools is like Int64, for columns of type Bool.
func (t *TableWriter) Bools(col int) *[]bool { t.want(col, Bool, Bool); return &t.data[col].Bools }

// Strings is like Int64, for columns of type String that never got a Symbol.
func (t *TableWriter) Strings(col int) *[]string {
	t.want(col, String, String)
	return &t.data[col].Strings
}

// Symbols is like Int64, for columns of type String that never got a string.
func (t *TableWriter) Symbols(col int) *[]Symbol {
	t.want(col, String, String)
	return &t.syms[col]
}

func (t *TableWriter) want(col int, a, b ColumnType) {
	if c := t.cols[col]; c.Type != a && c.Type != b {
		panic(fmt.Sprintf("format: internal error: column %s is of type %v", c.Name, c.Type))
	}
}

// Flush writes what makes whole row groups and keeps the rest for later. All
// columns must have the same number of rows; whoever got the slices must get
// them again afterwards.
func (t *TableWriter) Flush() error {
	switch {
	case t.err != nil:
		return t.err
	case t.closed:
		return fmt.Errorf("write table: %w", errClosed)
	}
	for i, syms := range t.syms {
		if syms != nil {
			t.data[i].IDs = columnar.IDs(syms)
		}
	}
	n := t.data[0].Len()
	for i := range t.data {
		if got := t.data[i].Len(); got != n {
			t.err = fmt.Errorf("write table: %w", errColumnLength(t.cols[i].Name, got, n))
			return t.err
		}
	}
	size := parquet.GroupRows
	if t.stream != nil {
		size = maxSpoolRows
	}
	if n < size {
		return nil
	}
	return t.write(n-n%size, size)
}

// write writes the first n rows in runs of at most size.
func (t *TableWriter) write(n, size int) error {
	run := make([]columnar.Values, len(t.data))
	for from := 0; from < n; from += size {
		to := min(from+size, n)
		for i := range run {
			run[i] = t.data[i].Run(from, to)
			if run[i].IDs != nil {
				run[i].List = *t.names.list.Load()
			}
		}
		var err error
		if t.stream != nil {
			err = t.stream.Write(run, to-from)
		} else {
			err = t.file.WriteGroup(run, to-from)
		}
		if err != nil {
			t.err = fmt.Errorf("write table, row %d and later: %w", t.rows, err)
			return t.err
		}
		t.rows += int64(to - from)
	}
	for i := range t.data {
		t.data[i].Drop(n)
		t.syms[i] = t.syms[i][:len(t.data[i].IDs)]
	}
	return nil
}

// Rows returns how many rows have been written to the file.
func (t *TableWriter) Rows() int64 { return t.rows }

// Close writes the rest and the end of the table. It does not close the
// underlying writer.
func (t *TableWriter) Close() error {
	if t.closed || t.err != nil {
		return t.err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if n := t.data[0].Len(); n > 0 {
		if err := t.write(n, n); err != nil {
			return err
		}
	}
	t.closed = true
	var err error
	if t.stream != nil {
		err = t.stream.End()
	} else {
		err = t.file.Close(t.meta, checkKey)
	}
	if err != nil {
		t.err = fmt.Errorf("close table: %w", err)
	}
	return t.err
}
