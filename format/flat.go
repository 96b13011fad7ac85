package format

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// flat reads flatbuffers, the encoding of Arrow's messages (format/Message.fbs
// and Schema.fbs at Arrow 17), with every access checked: the first that
// leaves the buffer sets err, and all later ones return zero. A message may
// come from anyone; arrow v17's own reader panics on damage and allocates
// what a message claims to need.
type flat struct {
	b   []byte
	err error
}

var errFlat = errors.New("message metadata is damaged")

func (f *flat) at(p, n int) []byte {
	if f.err != nil || p < 0 || n < 0 || p > len(f.b)-n {
		f.err = errFlat
		return make([]byte, min(max(n, 0), 8))
	}
	return f.b[p : p+n]
}

func (f *flat) u8(p int) byte   { return f.at(p, 1)[0] }
func (f *flat) u16(p int) int   { return int(binary.LittleEndian.Uint16(f.at(p, 2))) }
func (f *flat) u32(p int) int   { return int(binary.LittleEndian.Uint32(f.at(p, 4))) }
func (f *flat) i64(p int) int64 { return int64(binary.LittleEndian.Uint64(f.at(p, 8))) }

// field returns where field i of the table at p begins, 0 if it is absent.
func (f *flat) field(p, i int) int {
	vtable := p - int(int32(f.u32(p)))
	if slot := 4 + 2*i; slot+2 <= f.u16(vtable) {
		if off := f.u16(vtable + slot); off != 0 && f.err == nil {
			return p + off
		}
	}
	return 0
}

// ref follows the offset at p.
func (f *flat) ref(p int) int { return p + f.u32(p) }

// vector returns the first element and the number of elements of the vector
// in field i; the elements are known to lie in the buffer.
func (f *flat) vector(table, i, elemSize int) (first, n int) {
	p := f.field(table, i)
	if p == 0 {
		return 0, 0
	}
	p = f.ref(p)
	n = f.u32(p)
	if n > len(f.b)/elemSize {
		f.err = errFlat
		return 0, 0
	}
	f.at(p+4, n*elemSize)
	return p + 4, n
}

func (f *flat) str(table, i int) string {
	first, n := f.vector(table, i, 1)
	if n == 0 {
		return ""
	}
	return string(f.at(first, n))
}

// message is the head of a message.
type message struct {
	flat
	kind    byte
	header  int // table
	bodyLen int64
}

// The kinds of messages, and of types, that a spool has.
const (
	messageSchema = 1
	messageBatch  = 3
	typeInt       = 2
	typeUtf8      = 5
)

func flatMessage(meta []byte) *message {
	m := &message{flat: flat{b: meta}}
	root := m.ref(0)
	if p := m.field(root, 1); p != 0 {
		m.kind = m.u8(p)
	}
	if p := m.field(root, 2); p != 0 {
		m.header = m.ref(p)
	} else if m.err == nil {
		m.err = errFlat
	}
	if p := m.field(root, 3); p != 0 {
		m.bodyLen = m.i64(p)
	}
	return m
}

// schema checks that a schema message describes the events table, and returns
// its metadata.
func (m *message) schema() ([]metaPair, error) {
	if m.kind != messageSchema {
		return nil, fmt.Errorf("%w: it does not begin with a schema", ErrNotCapture)
	}
	first, n := m.vector(m.header, 2, 4)
	pairs := make([]metaPair, 0, min(n, 64))
	for i := range n {
		kv := m.ref(first + 4*i)
		pairs = append(pairs, metaPair{m.str(kv, 0), m.str(kv, 1)})
		if m.err != nil {
			return nil, m.err
		}
	}
	first, n = m.vector(m.header, 1, 4)
	for i := range min(n, len(columns)) {
		field := m.ref(first + 4*i)
		name, kind, t := m.str(field, 0), byte(0), 0
		if p := m.field(field, 2); p != 0 {
			kind = m.u8(p)
		}
		if p := m.field(field, 3); p != 0 {
			t = m.ref(p)
		}
		width := 0
		if kind == typeInt {
			if p := m.field(t, 0); p != 0 {
				width = m.u32(p)
			}
		}
		c := columns[i]
		ok := name == c.Name && m.field(field, 4) == 0
		switch c.Type {
		case Int64:
			ok = ok && kind == typeInt && width == 64
		case Int32:
			ok = ok && kind == typeInt && width == 32
		default:
			ok = ok && kind == typeUtf8
		}
		if m.err != nil {
			return nil, m.err
		}
		if !ok {
			return nil, fmt.Errorf("%w: its column %d is %q, not %s (%v)", ErrNotCapture, i, name, c.Name, c.Type)
		}
	}
	if m.err == nil && n != len(columns) {
		m.err = fmt.Errorf("%w: it has %d columns, the events table has %d", ErrNotCapture, n, len(columns))
	}
	return pairs, m.err
}

// batchBuffers returns the rows of a record batch and where its buffers lie
// in the body, all of them inside it.
func (m *message) batchBuffers(bodyLen int, buffers []span) (rows int64, _ []span, err error) {
	if p := m.field(m.header, 0); p != 0 {
		rows = m.i64(p)
	}
	node, nodes := m.vector(m.header, 1, 16)
	buf, bufs := m.vector(m.header, 2, 16)
	comp := m.field(m.header, 3)
	if m.err == nil && (nodes != len(columns) || comp == 0) {
		m.err = errFlat
	}
	if comp != 0 {
		if p := m.field(m.ref(comp), 0); p != 0 && m.u8(p) != 0 {
			m.err = errors.New("compressed with another codec than lz4")
		}
	}
	for i := range nodes {
		if m.i64(node+16*i) != rows || m.i64(node+16*i+8) != 0 {
			m.err = errors.Join(m.err, errFlat)
			break
		}
	}
	for i := range bufs {
		off, size := m.i64(buf+16*i), m.i64(buf+16*i+8)
		if off < 0 || size < 0 || off > int64(bodyLen)-size {
			m.err = errors.Join(m.err, errFlat)
			break
		}
		buffers = append(buffers, span{int(off), int(size)})
	}
	return rows, buffers, m.err
}

// span is a part of a body.
type span struct{ off, size int }
