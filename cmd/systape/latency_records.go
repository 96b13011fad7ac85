package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"systape/format"
)

// latencyColumn is one column of a result in machine form, and the key of the
// same name in JSON.
type latencyColumn struct {
	name string
	kind format.ColumnType // Int64, Float64, String or Bool
}

// latencyList is a value that is an array in JSON and text elsewhere.
type latencyList struct {
	json []any
	text string
}

// latencyRecords writes rows of a result as json, jsonl, csv or parquet. A
// value is an int64, a float64, a string, a bool, or a latencyList in a
// String column.
type latencyRecords struct {
	cols []latencyColumn
	row  func(row []any) error
	end  func(tail []latencyField) error
	rows int
}

// newLatencyRecords starts a result. In json it is the array called name in
// an object that begins with head, the keys and values of the document; in
// parquet, the file's metadata has meta.
func newLatencyRecords(w io.Writer, kind, name string, cols []latencyColumn, meta map[string]string, head ...latencyField) (*latencyRecords, error) {
	r := &latencyRecords{cols: cols}
	switch kind {
	case "json":
		return r, r.asJSON(w, name, head)
	case "jsonl":
		r.row = func(row []any) error {
			b, err := r.object(nil, row)
			if err == nil {
				_, err = w.Write(append(b, '\n'))
			}
			return err
		}
		r.end = func([]latencyField) error { return nil }
		return r, nil
	case "csv":
		return r, r.asCSV(w)
	case "parquet":
		return r, r.asParquet(w, meta)
	}
	return nil, fmt.Errorf("internal error: records as %q", kind)
}

func (r *latencyRecords) add(row ...any) error {
	if len(row) != len(r.cols) {
		return fmt.Errorf("internal error: %d values for %d columns", len(row), len(r.cols))
	}
	err := r.row(row)
	r.rows++
	return err
}

// finish ends the result. In json, tail follows the rows.
func (r *latencyRecords) finish(tail ...latencyField) error { return r.end(tail) }

// latencyField is a key of a JSON object with its value.
type latencyField struct {
	name  string
	value any
}

func appendLatencyFields(b []byte, fields []latencyField) ([]byte, error) {
	for i, f := range fields {
		if i > 0 {
			b = append(b, '\n', ',')
		}
		v, err := json.Marshal(f.value)
		if err != nil {
			return b, err
		}
		b = append(append(strconv.AppendQuote(b, f.name), ':'), v...)
	}
	return b, nil
}

func (r *latencyRecords) asJSON(w io.Writer, name string, head []latencyField) error {
	b, err := appendLatencyFields([]byte{'{'}, head)
	if err != nil {
		return err
	}
	if len(head) > 0 {
		b = append(b, '\n', ',')
	}
	b = append(strconv.AppendQuote(b, name), ':', '[')
	if _, err := w.Write(b); err != nil {
		return err
	}
	r.row = func(row []any) error {
		b = b[:0]
		if r.rows > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = r.object(append(b, '\n'), row); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
	r.end = func(tail []latencyField) error {
		b := append(b[:0], ']')
		if len(tail) > 0 {
			b = append(b, "\n,"...)
		}
		b, err := appendLatencyFields(b, tail)
		if err == nil {
			_, err = w.Write(append(b, "}\n"...))
		}
		return err
	}
	return nil
}

func (r *latencyRecords) object(b []byte, row []any) ([]byte, error) {
	b = append(b, '{')
	for i, v := range row {
		if l, ok := v.(latencyList); ok {
			v = append([]any{}, l.json...) // never null
		}
		text, err := json.Marshal(v)
		if err != nil {
			return b, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(strconv.AppendQuote(b, r.cols[i].name), ':'), text...)
	}
	return append(b, '}'), nil
}

func (r *latencyRecords) asCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	text := make([]string, len(r.cols))
	for i, col := range r.cols {
		text[i] = col.name
	}
	r.row = func(row []any) error {
		for i, v := range row {
			switch v := v.(type) {
			case string:
				text[i] = v
			case int64:
				text[i] = strconv.FormatInt(v, 10)
			case float64:
				text[i] = strconv.FormatFloat(v, 'g', -1, 64)
			case bool:
				text[i] = strconv.FormatBool(v)
			case latencyList:
				text[i] = v.text
			default:
				return fmt.Errorf("internal error: %T in a table", v)
			}
		}
		return c.Write(text)
	}
	r.end = func([]latencyField) error {
		c.Flush()
		return c.Error()
	}
	return c.Write(text)
}

func (r *latencyRecords) asParquet(w io.Writer, meta map[string]string) error {
	cols := make([]format.Column, len(r.cols))
	for i, c := range r.cols {
		cols[i] = format.Column{Name: c.name, Type: c.kind}
	}
	t, err := format.NewTableWriter(w, format.Parquet, cols, meta)
	if err != nil {
		return err
	}
	r.row = func(row []any) error {
		for i, v := range row {
			switch v := v.(type) {
			case string:
				*t.Strings(i) = append(*t.Strings(i), v)
			case int64:
				*t.Int64(i) = append(*t.Int64(i), v)
			case float64:
				*t.Float64(i) = append(*t.Float64(i), v)
			case bool:
				*t.Bools(i) = append(*t.Bools(i), v)
			case latencyList:
				*t.Strings(i) = append(*t.Strings(i), v.text)
			default:
				return fmt.Errorf("internal error: %T in a table", v)
			}
		}
		if r.rows%4096 == 4095 {
			return t.Flush()
		}
		return nil
	}
	r.end = func([]latencyField) error { return errors.Join(t.Flush(), t.Close()) }
	return nil
}

// latencyUnreached names the percentiles that are lower bounds.
func latencyUnreached(above [4]bool) string {
	var names []string
	for i, a := range above {
		if a {
			names = append(names, [4]string{"p50", "p90", "p99", "p999"}[i])
		}
	}
	return strings.Join(names, " ")
}
