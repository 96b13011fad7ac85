package parquet

import (
	"encoding/binary"
	"errors"
)

// thrift reads Thrift's compact protocol, in which Parquet writes footers and
// page headers, with every access checked: the first that leaves the buffer
// sets err, and all later ones return zero. Lists that claim more elements
// than there are bytes left are refused before anything is allocated.
type thrift struct {
	b     []byte
	err   error
	depth int
}

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

var (
	errThriftShort = errors.New("metadata ends too early")
	errThrift      = errors.New("metadata is damaged")
)

func (t *thrift) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.b = nil
}

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.fail(errThriftShort)
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		if n == 0 {
			t.fail(errThriftShort)
		} else {
			t.fail(errThrift)
		}
		return 0
	}
	t.b = t.b[n:]
	return v
}

func (t *thrift) i64() int64 { u := t.uvarint(); return int64(u>>1) ^ -int64(u&1) }

func (t *thrift) i32() int32 {
	v := t.i64()
	if int64(int32(v)) != v {
		t.fail(errThrift)
	}
	return int32(v)
}

// bytes returns a string's bytes, which stay in the buffer.
func (t *thrift) bytes() []byte {
	n := t.uvarint()
	if n > uint64(len(t.b)) {
		t.fail(errThriftShort)
		return nil
	}
	s := t.b[:n]
	t.b = t.b[n:]
	return s
}

// fields calls f for each field of a struct; f reads the value or calls skip.
func (t *thrift) fields(f func(id int, typ byte)) {
	if t.depth++; t.depth > 32 {
		t.fail(errThrift)
	}
	id := 0
	for t.err == nil {
		head := t.byte()
		if head == 0 {
			break
		}
		if delta := int(head >> 4); delta != 0 {
			id += delta
		} else {
			id = int(int16(t.i64()))
		}
		f(id, head&15)
	}
	t.depth--
}

// list calls f for each element of a list, if its elements are of type elem.
func (t *thrift) list(elem byte, f func(n int)) {
	head := t.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.b)) { // every element takes a byte at least
		t.fail(errThriftShort)
		return
	}
	if head&15 != elem && n > 0 {
		t.fail(errThrift)
		return
	}
	for i := 0; i < int(n) && t.err == nil; i++ {
		f(int(n))
	}
}

// skip passes over a value of type typ.
func (t *thrift) skip(typ byte) {
	if t.depth++; t.depth > 32 {
		t.fail(errThrift)
	}
	defer func() { t.depth-- }()
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case thriftDouble:
		if len(t.b) < 8 {
			t.fail(errThriftShort)
			return
		}
		t.b = t.b[8:]
	case thriftBinary:
		t.bytes()
	case thriftList, thriftSet:
		if len(t.b) == 0 {
			t.fail(errThriftShort)
			return
		}
		elem := t.b[0] & 15
		t.list(elem, func(int) { t.skipElement(elem) })
	case thriftMap:
		n := t.uvarint()
		if n == 0 {
			return
		}
		types := t.byte()
		if n > uint64(len(t.b)) {
			t.fail(errThriftShort)
			return
		}
		for ; n > 0 && t.err == nil; n-- {
			t.skipElement(types >> 4)
			t.skipElement(types & 15)
		}
	case thriftStruct:
		t.fields(func(_ int, typ byte) { t.skip(typ) })
	default:
		t.fail(errThrift)
	}
}

// skipElement passes over an element of a list; there a bool takes a byte.
func (t *thrift) skipElement(typ byte) {
	if typ == thriftTrue || typ == thriftFalse {
		typ = thriftByte
	}
	t.skip(typ)
}

// want reports whether a field has the type it must have, and fails otherwise.
func (t *thrift) want(got, want byte) bool {
	if got != want {
		t.fail(errThrift)
	}
	return got == want
}
