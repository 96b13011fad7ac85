// Package jsonl writes events as JSON lines and reads them again. Nothing is
// lost on the way: the events that come back are the same.
//
// A line is one object with the columns of the events table as keys, in their
// order, numbers as JSON numbers and the rest as strings:
//
//	{"ts_ns":1000,"seq":0,"kind":"enter","cpu":1,"pid":7,"tid":8,"abi":"x86_64","nr":0,"syscall":"read","ret":0,
//	"arg0":3,"arg1":32512,"arg2":512,"arg3":0,"arg4":0,"arg5":0,"comm":"web","container":"","detail":""}
//
// (on one line). What a capture says about itself is a line of its own, with
// the key meta beside its kind: {"kind":"meta","meta":{…}}. An argument or a
// result of which the row's detail says that it is not known is null.
//
// Some programs read JSON numbers as 64-bit floating point and
// round those beyond 2^53: addresses and times; this package does not. Bytes
// that are not UTF-8 are written as \udc80 to \udcff, as Python's
// surrogateescape does.
package jsonl

import (
	"encoding/json"
	"strconv"

	"systape/format"
	"systape/replay/escape"
)

// AppendEvent appends row i of b as a line, with its newline. Columns that
// were not read are 0 or "".
func AppendEvent(dst []byte, b *format.Batch, i int) []byte {
	dst = number(dst, `{"ts_ns":`, b.TS, i)
	dst = number(dst, `,"seq":`, b.Seq, i)
	dst = append(dst, `,"kind":"`...)
	if i < len(b.Kind) {
		dst = append(dst, b.Kind[i].String()...)
	}
	dst = number(dst, `","cpu":`, b.CPU, i)
	dst = number(dst, `,"pid":`, b.PID, i)
	dst = number(dst, `,"tid":`, b.TID, i)
	dst = append(dst, `,"abi":"`...)
	if i < len(b.ABI) {
		dst = append(dst, b.ABI[i].String()...)
	}
	dst = number(dst, `","nr":`, b.Nr, i)
	dst = sym(dst, `,"syscall":`, b, b.Syscall, i)
	detail := ""
	if i < len(b.Detail) {
		detail = b.Detail[i]
	}
	if detail == format.UnknownResult {
		dst = append(dst, `,"ret":null`...)
	} else {
		dst = number(dst, `,"ret":`, b.Ret, i)
	}
	for k, key := range argKeys {
		if detail != "" && i < len(b.Kind) && b.Kind[i] == format.Enter && i < len(b.Args[k]) && format.ArgumentUnknown(detail, k, b.Args[k][i]) {
			dst = append(append(dst, key...), "null"...)
		} else {
			dst = number(dst, key, b.Args[k], i)
		}
	}
	dst = sym(dst, `,"comm":`, b, b.Comm, i)
	dst = sym(dst, `,"container":`, b, b.Container, i)
	dst = AppendString(append(dst, `,"detail":`...), detail)
	return append(dst, '}', '\n')
}

// AppendMeta appends what a capture says about itself as a line.
func AppendMeta(dst []byte, m *format.Meta) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("jsonl: internal error: " + err.Error()) // Meta holds nothing that has no JSON
	}
	return append(append(append(dst, `{"kind":"meta","meta":`...), escape.JSON(text)...), '}', '\n')
}

var argKeys = [6]string{`,"arg0":`, `,"arg1":`, `,"arg2":`, `,"arg3":`, `,"arg4":`, `,"arg5":`}

func number[T int32 | int64](dst []byte, key string, col []T, i int) []byte {
	dst = append(dst, key...)
	if i >= len(col) {
		return append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(col[i]), 10)
}

func sym(dst []byte, key string, b *format.Batch, col []format.Symbol, i int) []byte {
	s := ""
	if i < len(col) {
		s = b.Symbols.String(col[i])
	}
	return AppendString(append(dst, key...), s)
}

// AppendString appends s as a JSON string that a terminal may be shown.
func AppendString(dst []byte, s string) []byte { return escape.AppendJSON(dst, s) }
