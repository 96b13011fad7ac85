package out

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"systape/format"
	"systape/replay/escape"
)

// rowsText is what the forms of one row a line have in common.
type rowsText[T any] struct {
	w       io.Writer
	fields  []Field[T]
	symbols *format.SymbolTable
	line    []byte
	keys    [][]byte // before each value
	quote   func(dst []byte, s string) []byte
	quoted  map[string][]byte // names come again and again
	clock   clock
}

// What is kept of the texts as they are written: names, not arguments.
const (
	maxQuoted      = 1 << 16
	maxQuotedBytes = 64
)

func (t *rowsText[T]) appendText(dst []byte, s string) []byte {
	q, ok := t.quoted[s]
	if !ok {
		q = t.quote(nil, s)
		if len(s) <= maxQuotedBytes && len(t.quoted) < maxQuoted {
			t.quoted[s] = q
		}
	}
	return append(dst, q...)
}

// appendValue appends the value of a field, in JSON with quotes around times.
func (t *rowsText[T]) appendValue(dst []byte, f *Field[T], row *T, quote string) ([]byte, error) {
	switch {
	case f.Unknown != nil && f.Unknown(row):
		if quote != "" {
			dst = append(dst, "null"...)
		}
		return dst, nil
	case f.Type == format.TimestampUS:
		return append(t.clock.append(append(dst, quote...), f.Int(row)), quote...), nil
	case f.Int != nil:
		return strconv.AppendInt(dst, f.Int(row), 10), nil
	case f.Float != nil && quote != "":
		b, err := json.Marshal(f.Float(row))
		return append(dst, b...), err
	case f.Float != nil:
		return strconv.AppendFloat(dst, f.Float(row), 'g', -1, 64), nil
	case f.Bool != nil:
		return strconv.AppendBool(dst, f.Bool(row)), nil
	case f.Symbol != nil:
		return t.appendText(dst, t.symbols.String(f.Symbol(row))), nil
	}
	return t.appendText(dst, f.Text(row)), nil
}

// textBytes is how much text is gathered before it is handed on.
const textBytes = 32 << 10

// lines writes rows, many at a time.
func (t *rowsText[T]) lines(rows []T, appendRow func([]byte, *T) ([]byte, error)) (err error) {
	b := t.line[:0]
	for i := range rows {
		if b, err = appendRow(b, &rows[i]); err != nil {
			return err
		}
		if len(b) >= textBytes || i == len(rows)-1 {
			if _, err := t.w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	t.line = b
	return nil
}

// csvText writes RFC 4180. Control characters are visible escapes, so a row is
// a line, and no cell is a formula.
type csvText[T any] struct{ rowsText[T] }

func newCSV[T any](w io.Writer, fields []Field[T], symbols *format.SymbolTable) (*csvText[T], error) {
	c := &csvText[T]{rowsText[T]{w: w, fields: fields, symbols: symbols, quote: appendCell, quoted: map[string][]byte{}}}
	for i, f := range fields {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		c.line = append(c.line, f.Name...)
	}
	_, err := w.Write(append(c.line, '\n'))
	return c, err
}

func appendCell(dst []byte, s string) []byte {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	w.Write([]string{escape.Cell(s), ""}) // alone, an empty field would be quoted
	w.Flush()
	return append(dst, bytes.TrimSuffix(buf.Bytes(), []byte(",\n"))...)
}

func (c *csvText[T]) write(rows []T) error { return c.lines(rows, c.appendRow) }

func (c *csvText[T]) appendRow(b []byte, row *T) (_ []byte, err error) {
	for j := range c.fields {
		if j > 0 {
			b = append(b, ',')
		}
		if b, err = c.appendValue(b, &c.fields[j], row, ""); err != nil {
			return b, err
		}
	}
	return append(b, '\n'), nil
}

func (c *csvText[T]) close([]Value) error { return nil }

// jsonText writes one object a row: a line of its own, or within an array.
type jsonText[T any] struct {
	rowsText[T]
	array bool
	any   bool // there are rows
}

func newJSON[T any](w io.Writer, array bool, fields []Field[T], doc Document) (*jsonText[T], error) {
	j := &jsonText[T]{rowsText: rowsText[T]{w: w, fields: fields, symbols: doc.Symbols, quote: escape.AppendJSON, quoted: map[string][]byte{}}, array: array}
	for i, f := range fields {
		key := []byte{'{'}
		if i > 0 {
			key[0] = ','
		}
		j.keys = append(j.keys, append(escape.AppendJSON(key, f.Name), ':'))
	}
	if !array {
		return j, nil
	}
	b, err := appendValues([]byte{'{'}, doc.Head)
	if err != nil {
		return nil, err
	}
	if len(doc.Head) > 0 {
		b = append(b, '\n', ',')
	}
	_, err = w.Write(append(escape.AppendJSON(b, doc.Name), ':', '['))
	return j, err
}

func appendValues(b []byte, values []Value) ([]byte, error) {
	for i, v := range values {
		if i > 0 {
			b = append(b, '\n', ',')
		}
		text, err := marshal(v.Value, "")
		if err != nil {
			return b, err
		}
		b = append(append(escape.AppendJSON(b, v.Name), ':'), bytes.TrimSuffix(text, []byte("\n"))...)
	}
	return b, nil
}

func (j *jsonText[T]) write(rows []T) error { return j.lines(rows, j.appendRow) }

func (j *jsonText[T]) appendRow(b []byte, row *T) (_ []byte, err error) {
	switch {
	case j.array && j.any:
		b = append(b, ',', '\n')
	case j.array:
		b = append(b, '\n')
	}
	j.any = true
	for k := range j.fields {
		b = append(b, j.keys[k]...)
		f := &j.fields[k]
		if f.List != nil {
			text, err := marshal(f.List(row), "")
			if err != nil {
				return b, err
			}
			b = append(b, bytes.TrimSuffix(text, []byte("\n"))...)
		} else if b, err = j.appendValue(b, f, row, `"`); err != nil {
			return b, err
		}
	}
	b = append(b, '}')
	if !j.array {
		b = append(b, '\n')
	}
	return b, nil
}

func (j *jsonText[T]) close(tail []Value) error {
	if !j.array {
		return nil
	}
	b := []byte{']'}
	if len(tail) > 0 {
		b = append(b, "\n,"...)
	}
	b, err := appendValues(b, tail)
	if err == nil {
		_, err = j.w.Write(append(b, "}\n"...))
	}
	return err
}
