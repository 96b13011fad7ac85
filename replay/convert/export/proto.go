package export

import "google.golang.org/protobuf/encoding/protowire"

// message builds one protobuf message. Nested messages are built in the same
// memory: begin notes where one starts, end puts its length in front of it.
type message struct{ b []byte }

func (m *message) uint(field protowire.Number, v uint64) {
	m.b = protowire.AppendVarint(protowire.AppendTag(m.b, field, protowire.VarintType), v)
}

func (m *message) int(field protowire.Number, v int64) { m.uint(field, uint64(v)) }

func (m *message) fixed64(field protowire.Number, v uint64) {
	m.b = protowire.AppendFixed64(protowire.AppendTag(m.b, field, protowire.Fixed64Type), v)
}

func (m *message) string(field protowire.Number, s string) {
	m.b = protowire.AppendString(protowire.AppendTag(m.b, field, protowire.BytesType), s)
}

func (m *message) bytes(field protowire.Number, s []byte) {
	m.b = protowire.AppendBytes(protowire.AppendTag(m.b, field, protowire.BytesType), s)
}

// begin opens a nested message and returns what end wants.
func (m *message) begin(field protowire.Number) int {
	m.b = protowire.AppendTag(m.b, field, protowire.BytesType)
	m.b = append(m.b, 0)
	return len(m.b)
}

// end closes the message that began at start. Most are shorter than 128
// bytes and their length takes the one byte kept for it.
func (m *message) end(start int) {
	n := len(m.b) - start
	if n < 0x80 {
		m.b[start-1] = byte(n)
		return
	}
	var l [10]byte
	size := protowire.AppendVarint(l[:0], uint64(n))
	m.b = append(m.b, size[1:]...)
	copy(m.b[start+len(size)-1:], m.b[start:start+n])
	copy(m.b[start-1:], size)
}
