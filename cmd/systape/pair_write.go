package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// pairColumns is the calls table. The order is that of pairRow and of
// pairTable.write.
var pairColumns = []format.Column{
	{Name: "start_ns", Type: format.Int64, Delta: true, Stats: true},
	{Name: "dur_ns", Type: format.Int64},
	{Name: "time", Type: format.TimestampUS, Delta: true},
	{Name: "pid", Type: format.Int32, Stats: true},
	{Name: "tid", Type: format.Int32, Stats: true},
	{Name: "comm", Type: format.String},
	{Name: "container", Type: format.String},
	{Name: "syscall", Type: format.String},
	{Name: "abi", Type: format.String},
	{Name: "nr", Type: format.Int32},
	{Name: "arg0", Type: format.Int64},
	{Name: "arg1", Type: format.Int64},
	{Name: "arg2", Type: format.Int64},
	{Name: "arg3", Type: format.Int64},
	{Name: "arg4", Type: format.Int64},
	{Name: "arg5", Type: format.Int64},
	{Name: "ret", Type: format.Int64},
	{Name: "errno", Type: format.String},
	{Name: "status", Type: format.String},
	{Name: "cpu_enter", Type: format.Int32},
	{Name: "cpu_exit", Type: format.Int32},
	{Name: "enter_seq", Type: format.Int64, Delta: true},
	{Name: "exit_seq", Type: format.Int64, Delta: true},
	{Name: "detail", Type: format.String},
	{Name: "continues", Type: format.Int64},
}

// pairWriter writes calls in one of the formats.
type pairWriter interface {
	write(calls []replay.Call) error
	// close ends the table; coverage is a JSON document for the metadata of
	// formats that have some at their end.
	close(coverage string) error
}

var (
	_ pairWriter = (*pairTable)(nil)
	_ pairWriter = (*pairText)(nil)
)

func newPairWriter(kind string, w io.Writer, names *format.SymbolTable, meta map[string]string) (pairWriter, error) {
	switch kind {
	case "csv", "jsonl":
		return newPairText(kind == "csv", w, names), nil
	case "arrows":
		return newPairTable(w, format.ArrowStream, names, meta)
	}
	return newPairTable(w, format.Parquet, names, meta)
}

// errnoName is how a failed call's error is told: its name, or its number if
// it has none; "" if it did not fail.
func errnoName(c *replay.Call) string {
	e := c.Errno()
	if e == 0 {
		return ""
	}
	if n := abi.ErrnoName(c.ABI, e); n != "" {
		return n
	}
	return strconv.Itoa(e)
}

// pairTable writes Parquet and Arrow.
type pairTable struct {
	*format.TableWriter
	names    *format.SymbolTable
	statuses [replay.NumStatuses]format.Symbol
	abis     map[abi.ABI]format.Symbol
	errnos   map[errnoKey]format.Symbol
}

type errnoKey struct {
	abi   abi.ABI
	errno int
}

func newPairTable(w io.Writer, f format.TableFormat, names *format.SymbolTable, meta map[string]string) (*pairTable, error) {
	tw, err := format.NewTableWriter(w, f, pairColumns, meta)
	if err != nil {
		return nil, err
	}
	tw.SetSymbols(names)
	t := &pairTable{TableWriter: tw, names: names, abis: map[abi.ABI]format.Symbol{}, errnos: map[errnoKey]format.Symbol{}}
	for s := range t.statuses {
		t.statuses[s] = names.InternString(replay.Status(s).String())
	}
	for _, a := range abi.All() {
		t.abis[a] = names.InternString(a.String())
	}
	return t, nil
}

func (t *pairTable) errno(c *replay.Call) format.Symbol {
	e := c.Errno()
	if e == 0 {
		return 0
	}
	key := errnoKey{c.ABI, e}
	s, ok := t.errnos[key]
	if !ok {
		s = t.names.InternString(errnoName(c))
		t.errnos[key] = s
	}
	return s
}

func (t *pairTable) write(calls []replay.Call) error {
	col := 0
	i64 := func(get func(*replay.Call) int64) {
		p := t.Int64(col)
		for i := range calls {
			*p = append(*p, get(&calls[i]))
		}
		col++
	}
	i32 := func(get func(*replay.Call) int32) {
		p := t.Int32(col)
		for i := range calls {
			*p = append(*p, get(&calls[i]))
		}
		col++
	}
	sym := func(get func(*replay.Call) format.Symbol) {
		p := t.Symbols(col)
		for i := range calls {
			*p = append(*p, get(&calls[i]))
		}
		col++
	}
	i64(func(c *replay.Call) int64 { return c.StartNS })
	i64(func(c *replay.Call) int64 { return c.DurNS })
	i64(func(c *replay.Call) int64 { return microseconds(c.StartNS) })
	i32(func(c *replay.Call) int32 { return c.PID })
	i32(func(c *replay.Call) int32 { return c.TID })
	sym(func(c *replay.Call) format.Symbol { return c.Comm })
	sym(func(c *replay.Call) format.Symbol { return c.Container })
	sym(func(c *replay.Call) format.Symbol { return c.Syscall })
	sym(func(c *replay.Call) format.Symbol { return t.abis[c.ABI] })
	i32(func(c *replay.Call) int32 { return c.Nr })
	for k := range 6 {
		i64(func(c *replay.Call) int64 { return decode.Value(c.ABI, c.Nr, &c.Args, k) })
	}
	i64(func(c *replay.Call) int64 { return c.Ret })
	sym(t.errno)
	sym(func(c *replay.Call) format.Symbol { return t.statuses[c.Status] })
	i32(func(c *replay.Call) int32 { return c.CPUEnter })
	i32(func(c *replay.Call) int32 { return c.CPUExit })
	i64(func(c *replay.Call) int64 { return c.EnterSeq })
	i64(func(c *replay.Call) int64 { return c.ExitSeq })
	detail := t.Strings(col)
	for i := range calls {
		*detail = append(*detail, pairDetail(&calls[i]))
	}
	col++
	i64(func(c *replay.Call) int64 { return c.Continues })
	return t.Flush()
}

func (t *pairTable) close(coverage string) error {
	t.SetMeta("systape.coverage", coverage)
	return t.Close()
}

// pairDetail is what is known of a call beside numbers: what its exit or its
// exec told, and otherwise the texts of its arguments.
func pairDetail(c *replay.Call) string {
	if c.Detail != "" {
		return c.Detail
	}
	return c.Told
}

// microseconds rounds down, also before 1970.
func microseconds(ns int64) int64 {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return us
}

// pairText writes CSV (RFC 4180) and JSON lines.
type pairText struct {
	w     *bufio.Writer
	csv   bool
	names *format.SymbolTable
	line  []byte
	keys  [][]byte // before each value
	quote map[string][]byte
}

func newPairText(asCSV bool, w io.Writer, names *format.SymbolTable) *pairText {
	t := &pairText{w: bufio.NewWriterSize(w, 256<<10), csv: asCSV, names: names, quote: map[string][]byte{}}
	for i, c := range pairColumns {
		switch {
		case asCSV && i == 0:
			t.keys = append(t.keys, nil)
		case asCSV:
			t.keys = append(t.keys, []byte{','})
		case i == 0:
			t.keys = append(t.keys, []byte(`{"`+c.Name+`":`))
		default:
			t.keys = append(t.keys, []byte(`,"`+c.Name+`":`))
		}
		if asCSV {
			t.line = append(append(t.line, t.keys[i]...), c.Name...)
		}
	}
	if asCSV {
		t.w.Write(append(t.line, '\n')) // an error sticks in w
	}
	return t
}

func (t *pairText) write(calls []replay.Call) error {
	for i := range calls {
		t.line = t.row(t.line[:0], &calls[i])
		if _, err := t.w.Write(t.line); err != nil {
			return err
		}
	}
	return nil
}

func (t *pairText) row(b []byte, c *replay.Call) []byte {
	col := 0
	number := func(v int64) {
		b = strconv.AppendInt(append(b, t.keys[col]...), v, 10)
		col++
	}
	text := func(s string) {
		b = append(append(b, t.keys[col]...), t.quoted(s)...)
		col++
	}
	number(c.StartNS)
	number(c.DurNS)
	b = append(b, t.keys[col]...)
	if !t.csv {
		b = append(b, '"')
	}
	b = time.UnixMicro(microseconds(c.StartNS)).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	if !t.csv {
		b = append(b, '"')
	}
	col++
	number(int64(c.PID))
	number(int64(c.TID))
	text(t.names.String(c.Comm))
	text(t.names.String(c.Container))
	text(t.names.String(c.Syscall))
	text(c.ABI.String())
	number(int64(c.Nr))
	unknown := func() {
		b = append(b, t.keys[col]...)
		if !t.csv {
			b = append(b, "null"...)
		}
		col++
	}
	for k := range c.Args {
		if format.ArgumentUnknown(c.Told, k, c.Args[k]) {
			unknown()
		} else {
			number(decode.Value(c.ABI, c.Nr, &c.Args, k))
		}
	}
	if c.ExitSeq < 0 || c.HasResult() {
		number(c.Ret)
	} else {
		unknown()
	}
	text(errnoName(c))
	text(c.Status.String())
	number(int64(c.CPUEnter))
	number(int64(c.CPUExit))
	number(c.EnterSeq)
	number(c.ExitSeq)
	text(pairDetail(c))
	number(c.Continues)
	if !t.csv {
		b = append(b, '}')
	}
	return append(b, '\n')
}

// quoted returns s as the format writes it. Names come again and again.
func (t *pairText) quoted(s string) []byte {
	if q, ok := t.quote[s]; ok {
		return q
	}
	var q []byte
	if t.csv {
		var buf bytes.Buffer
		w := csv.NewWriter(&buf)
		w.Write([]string{s, ""}) // alone, an empty field would be quoted
		w.Flush()
		q = bytes.TrimSuffix(buf.Bytes(), []byte(",\n"))
	} else {
		q, _ = json.Marshal(s) // of a string, it cannot fail
	}
	if len(t.quote) < 1<<16 {
		t.quote[s] = q
	}
	return q
}

func (t *pairText) close(string) error { return t.w.Flush() }
