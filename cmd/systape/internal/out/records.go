package out

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"systape/format"
	"systape/replay/escape"
)

// Field is one column of records and, in JSON, the key of the same name. The
// function that fits its type gives the value of a row; a column of strings
// has Text or, for names that come again and again, Symbol.
type Field[T any] struct {
	Name                 string
	Type                 format.ColumnType
	Delta, Stats, Sorted bool           // see format.Column
	Int                  func(*T) int64 // Int64, Int32, and TimestampUS in microseconds
	Float                func(*T) float64
	Bool                 func(*T) bool
	Text                 func(*T) string
	Symbol               func(*T) format.Symbol
	// Unknown reports whether nothing is known of a value: null in JSON, an
	// empty cell in CSV, and 0 in tables, whose columns have a value always.
	Unknown func(*T) bool
	// Fill is Int and Unknown for many rows at once, into as many values, where
	// there are so many that a call for each tells; nil: there is none.
	Fill func(values []int64, rows []T)
	// List is what a column of strings is in JSON, if not a string: an array
	// of whatever encoding/json writes.
	List func(*T) any
}

// Int returns a column of 64-bit integers.
func Int[T any](name string, f func(*T) int64) Field[T] {
	return Field[T]{Name: name, Type: format.Int64, Int: f}
}

// Int32 returns a column of 32-bit integers.
func Int32[T any](name string, f func(*T) int64) Field[T] {
	return Field[T]{Name: name, Type: format.Int32, Int: f}
}

// Float returns a column of floating-point numbers.
func Float[T any](name string, f func(*T) float64) Field[T] {
	return Field[T]{Name: name, Type: format.Float64, Float: f}
}

// Bool returns a column of truth values.
func Bool[T any](name string, f func(*T) bool) Field[T] {
	return Field[T]{Name: name, Type: format.Bool, Bool: f}
}

// Text returns a column of strings.
func Text[T any](name string, f func(*T) string) Field[T] {
	return Field[T]{Name: name, Type: format.String, Text: f}
}

// Symbol returns a column of names.
func Symbol[T any](name string, f func(*T) format.Symbol) Field[T] {
	return Field[T]{Name: name, Type: format.String, Symbol: f}
}

// List returns a column that is an array in JSON and a string elsewhere.
func List[T any](name string, text func(*T) string, list func(*T) any) Field[T] {
	return Field[T]{Name: name, Type: format.String, Text: text, List: list}
}

// Value is a key with its value: of a JSON document, or of the metadata of a
// table.
type Value struct {
	Name  string
	Value any
}

// Document says what stands around the records.
type Document struct {
	Name    string              // of the array in JSON
	Head    []Value             // keys before it in JSON
	Meta    map[string]string   // of Parquet and Arrow
	Symbols *format.SymbolTable // what the Symbols of the rows mean; nil if there are none
}

// Records writes rows as json, jsonl, csv, parquet or arrows: columns of one
// table, whatever the form. Nothing is allocated for a row in the forms that
// are for many.
type Records[T any] struct{ enc encoder[T] }

// encoder is one form of records.
type encoder[T any] interface {
	write(rows []T) error
	appendRow(dst []byte, row *T) ([]byte, error)
	close(tail []Value) error
}

// RecordForms are the names of the forms, as --format has them and names of
// files end in.
func RecordForms() []string { return []string{"json", "jsonl", "csv", "parquet", "arrows"} }

// NewRecords begins a result on w.
func NewRecords[T any](w io.Writer, form string, fields []Field[T], doc Document) (*Records[T], error) {
	if doc.Symbols == nil {
		doc.Symbols = format.NewSymbolTable()
	}
	var enc encoder[T]
	var err error
	switch form {
	case "json", "jsonl":
		enc, err = newJSON(w, form == "json", fields, doc)
	case "csv":
		enc, err = newCSV(w, fields, doc.Symbols)
	case "parquet":
		enc, err = newColumns(w, format.Parquet, fields, doc)
	case "arrows":
		enc, err = newColumns(w, format.ArrowStream, fields, doc)
	case "arrows-plain":
		enc, err = newColumns(w, format.ArrowPlain, fields, doc)
	default:
		return nil, fmt.Errorf("internal error: records as %q", form)
	}
	return &Records[T]{enc}, err
}

// Write writes rows.
func (r *Records[T]) Write(rows []T) error { return r.enc.write(rows) }

// AppendRow appends one row as jsonl and csv have it, with its line end, for
// those who write lines when their time has come.
func (r *Records[T]) AppendRow(dst []byte, row *T) ([]byte, error) { return r.enc.appendRow(dst, row) }

// Close ends the result. In JSON, tail follows the rows; in Parquet it becomes
// metadata, under systape.NAME.
func (r *Records[T]) Close(tail ...Value) error { return r.enc.close(tail) }

// columns writes Parquet and Arrow.
type columns[T any] struct {
	*format.TableWriter
	fields []Field[T]
}

// columnRows is how many rows are taken apart at a time: so few that they stay
// in the CPU's cache from the first column to the last.
const columnRows = 256

func newColumns[T any](w io.Writer, f format.TableFormat, fields []Field[T], doc Document) (*columns[T], error) {
	cols := make([]format.Column, len(fields))
	for i, c := range fields {
		cols[i] = format.Column{Name: c.Name, Type: c.Type, Delta: c.Delta, Stats: c.Stats, Sorted: c.Sorted}
	}
	t, err := format.NewTableWriter(w, f, cols, doc.Meta)
	if err != nil {
		return nil, err
	}
	t.SetSymbols(doc.Symbols)
	return &columns[T]{t, fields}, nil
}

func (c *columns[T]) write(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), columnRows)
		for i := range c.fields {
			c.fields[i].put(c.TableWriter, i, rows[:n])
		}
		if err := c.Flush(); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (c *columns[T]) appendRow(dst []byte, _ *T) ([]byte, error) {
	return dst, errors.New("internal error: a row of a table is no line")
}

func (f *Field[T]) put(t *format.TableWriter, col int, rows []T) {
	switch {
	case f.Type == format.Int32:
		to := grow(t.Int32(col), len(rows))
		for i := range to {
			to[i] = int32(f.Int(&rows[i]))
		}
	case f.Fill != nil:
		f.Fill(grow(t.Int64(col), len(rows)), rows)
	case f.Int != nil:
		to := grow(t.Int64(col), len(rows))
		for i := range to {
			if f.Unknown != nil && f.Unknown(&rows[i]) {
				to[i] = 0
				continue
			}
			to[i] = f.Int(&rows[i])
		}
	case f.Float != nil:
		to := grow(t.Float64(col), len(rows))
		for i := range to {
			to[i] = f.Float(&rows[i])
		}
	case f.Bool != nil:
		to := grow(t.Bools(col), len(rows))
		for i := range to {
			to[i] = f.Bool(&rows[i])
		}
	case f.Symbol != nil:
		to := grow(t.Symbols(col), len(rows))
		for i := range to {
			to[i] = f.Symbol(&rows[i])
		}
	default:
		to := grow(t.Strings(col), len(rows))
		for i := range to {
			to[i] = f.Text(&rows[i])
		}
	}
}

// grow makes s longer by n and returns what was added, its contents undefined.
func grow[V any](s *[]V, n int) []V {
	*s = slices.Grow(*s, n)[:len(*s)+n]
	return (*s)[len(*s)-n:]
}

func (c *columns[T]) close(tail []Value) error {
	for _, v := range tail {
		text, err := json.Marshal(v.Value)
		if err != nil {
			return errors.Join(err, c.Close())
		}
		c.SetMeta("systape."+v.Name, string(text))
	}
	return errors.Join(c.Flush(), c.Close())
}

// Microseconds rounds down, also before 1970.
func Microseconds(ns int64) int64 {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return us
}

// Time returns a column of times in UTC, from nanoseconds, to the microsecond.
func Time[T any](name string, ns func(*T) int64) Field[T] {
	return Field[T]{Name: name, Type: format.TimestampUS, Int: func(r *T) int64 { return Microseconds(ns(r)) }}
}

// clock writes times; it remembers the text of one second, because calls come
// in order.
type clock struct {
	second int64
	text   []byte // up to the point
}

// append appends 2006-01-02T15:04:05.000000Z.
func (c *clock) append(dst []byte, us int64) []byte {
	second, micro := us/1e6, us%1e6
	if micro < 0 {
		second, micro = second-1, micro+1e6
	}
	if second != c.second || c.text == nil {
		c.second, c.text = second, time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	dst = append(append(dst, c.text...), '.')
	for unit := int64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+micro/unit%10))
	}
	return append(dst, 'Z')
}

// WriteJSON writes a JSON document that is no list of records.
func WriteJSON(w io.Writer, v any, indent string) error {
	b, err := marshal(v, indent)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// marshal writes v as encoding/json does, without its escapes for HTML.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return escape.JSON(b.Bytes()), err
}
