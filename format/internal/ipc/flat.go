package ipc

import (
	"encoding/binary"
	"errors"

	"systape/format/internal/columnar"
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

// Message is the head of a message.
type Message struct {
	flat
	kind    byte
	header  int // table
	bodyLen int64
}

// The kinds of messages, of types and of compression that a table without nulls
// and lists needs.
const (
	messageSchema     = 1
	messageDictionary = 2
	messageBatch      = 3
	typeInt           = 2
	typeUtf8          = 5
	codecLZ4          = 0
	codecZstd         = 1
)

// ParseMessage reads the head of a message's metadata. What is wrong with it
// is told by the methods.
func ParseMessage(meta []byte) *Message {
	m := &Message{flat: flat{b: meta}}
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

// BodyLen returns how many bytes of body follow the metadata.
func (m *Message) BodyLen() (int64, error) { return m.bodyLen, m.err }

// Field is a column of a schema.
type Field struct {
	Name       string
	Type       columnar.Type // NumTypes: one that is not read here
	Dictionary int64         // number of the dictionary that holds its values; NoDictionary
}

// text reports whether the values of the column are text.
func (f *Field) text() bool { return f.Type == columnar.String }

// NoDictionary is the Dictionary of a column that holds its values itself.
const NoDictionary = -1

// ErrNoSchema is a message of another kind where a schema must be.
var ErrNoSchema = errors.New("it does not begin with a schema")

// Schema returns the fields and the metadata of a schema, of the fields at
// most maxFields+1.
func (m *Message) Schema(maxFields int) ([]Field, []columnar.Pair, error) {
	if m.kind != messageSchema {
		return nil, nil, ErrNoSchema
	}
	first, n := m.vector(m.header, 2, 4)
	pairs := make([]columnar.Pair, 0, min(n, 64))
	for i := range n {
		kv := m.ref(first + 4*i)
		pairs = append(pairs, columnar.Pair{Key: m.str(kv, 0), Value: m.str(kv, 1)})
		if m.err != nil {
			return nil, nil, m.err
		}
	}
	var fields []Field
	first, n = m.vector(m.header, 1, 4)
	for i := range min(n, maxFields+1) {
		field := m.ref(first + 4*i)
		f := Field{Name: m.str(field, 0), Type: columnar.NumTypes, Dictionary: NoDictionary}
		kind, t, width := byte(0), 0, 0
		if p := m.field(field, 2); p != 0 {
			kind = m.u8(p)
		}
		if p := m.field(field, 3); p != 0 {
			t = m.ref(p)
		}
		if kind == typeInt {
			if p := m.field(t, 0); p != 0 {
				width = m.u32(p)
			}
		}
		switch {
		case kind == typeInt && width == 64:
			f.Type = columnar.Int64
		case kind == typeInt && width == 32:
			f.Type = columnar.Int32
		case kind == typeUtf8:
			f.Type = columnar.String
		}
		if p := m.field(field, 4); p != 0 && !m.dictionary(m.ref(p), &f) {
			f.Type = columnar.NumTypes
		}
		fields = append(fields, f)
		if m.err != nil {
			return nil, nil, m.err
		}
	}
	return fields, pairs, m.err
}

// dictionary reads how a field is encoded. Only positions of 16 bits are known
// here, which is what an encoding without a type of its own does not have.
func (m *Message) dictionary(at int, f *Field) bool {
	f.Dictionary = 0
	if p := m.field(at, 0); p != 0 {
		f.Dictionary = m.i64(p)
	}
	width, signed := 0, false
	if p := m.field(at, 1); p != 0 {
		t := m.ref(p)
		if p := m.field(t, 0); p != 0 {
			width = m.u32(p)
		}
		if p := m.field(t, 1); p != 0 {
			signed = m.u8(p) != 0
		}
	}
	return f.Dictionary >= 0 && width == 16 && signed && (f.Type == columnar.Int32 || f.Type == columnar.String)
}

// buffers returns the rows of a record batch of cols columns and where its
// buffers lie in the body, all of them inside it.
func (m *Message) buffers(header, cols, bodyLen int, spans []span) (rows int64, codec byte, _ []span, err error) {
	if p := m.field(header, 0); p != 0 {
		rows = m.i64(p)
	}
	node, nodes := m.vector(header, 1, 16)
	buf, bufs := m.vector(header, 2, 16)
	comp := m.field(header, 3)
	if m.err == nil && (nodes != cols || comp == 0) {
		m.err = errFlat
	}
	if comp != 0 {
		if p := m.field(m.ref(comp), 0); p != 0 {
			codec = m.u8(p)
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
		spans = append(spans, span{int(off), int(size)})
	}
	return rows, codec, spans, m.err
}

// span is a part of a body.
type span struct{ off, size int }
