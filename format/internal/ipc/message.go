package ipc

import (
	"encoding/binary"
	"fmt"
	"slices"

	"systape/format/internal/columnar"
)

// frame is a message in the making: its body, which is ready before its
// metadata, behind room for it.
type frame struct {
	body []byte
	out  []byte
}

func (f *frame) begin() { f.body = f.body[:0] }

// pad lets the next buffer begin at a multiple of 8 bytes.
func (f *frame) pad() {
	for len(f.body)%8 != 0 {
		f.body = append(f.body, 0)
	}
}

// write writes the message, with one call of Write, and with our checksum. The
// metadata says nothing of the length of the body yet: where, is meta.bodyLen.
func (f *frame) write(out *columnar.Output, meta builtMessage) error {
	f.pad()
	if len(f.body) > maxFrameBody || len(meta.b) > maxFrameMeta {
		return fmt.Errorf("%w: %d bytes of metadata, %d of data", columnar.ErrTooLarge, len(meta.b), len(f.body))
	}
	binary.LittleEndian.PutUint64(meta.b[meta.bodyLen:], uint64(len(f.body)))
	f.out = binary.LittleEndian.AppendUint32(f.out[:0], continuation)
	f.out = binary.LittleEndian.AppendUint32(f.out, uint32(len(meta.b)+sealBytes))
	f.out = append(append(f.out, meta.b...), sealMark...)
	f.out = binary.LittleEndian.AppendUint32(f.out, frameSum(meta.b, f.body))
	f.out = append(f.out, f.body...)
	_, err := out.Write(f.out)
	return err
}

// builtMessage is the metadata of a message, padded to 8 bytes.
type builtMessage struct {
	b       []byte
	bodyLen int // where its length of the body stands
}

// builder lays out a flatbuffer from front to back, tables behind what refers
// to them.
type builder struct{ b []byte }

func (w *builder) align(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *builder) u16(v int) { w.b = binary.LittleEndian.AppendUint16(w.b, uint16(v)) }
func (w *builder) u32(v int) { w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v)) }
func (w *builder) u64(v int64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
}

// refer makes the offset at p point to the end of what is there.
func (w *builder) refer(p int) {
	binary.LittleEndian.PutUint32(w.b[p:], uint32(len(w.b)-p))
}

// tableAt begins a table of size bytes whose fields lie at the given places in
// it (0: absent), behind the first 4, and makes the offset at p point to it.
func (w *builder) tableAt(p, size int, fields ...int) int {
	// The vtable first, so that the table begins at a multiple of 8.
	for (len(w.b)+4+2*len(fields))%8 != 0 {
		w.b = append(w.b, 0)
	}
	vtable := len(w.b)
	w.u16(4 + 2*len(fields))
	w.u16(size)
	for _, f := range fields {
		w.u16(f)
	}
	at := len(w.b)
	w.u32(at - vtable)
	w.b = append(w.b, make([]byte, size-4)...)
	binary.LittleEndian.PutUint32(w.b[p:], uint32(at-p))
	return at
}

// The tables are those of Message.fbs (Arrow 17), by the order of their fields.

// headerToLen is how far the offset of a message's header lies before the
// length of its body.
const headerToLen = 8

// message begins a message. Its header is to follow.
func message(kind byte) (w *builder, bodyLen int) {
	const version5 = 4
	w = &builder{b: make([]byte, 4, 2048)}
	// version, kind of header, header, length of the body
	at := w.tableAt(0, 24, 4, 6, 8, 16)
	w.b[at+4], w.b[at+6] = version5, kind
	return w, at + 16
}

// batch appends a record batch and makes the offset at p point to it.
func (w *builder) batch(p, rows, cols int, spans []span) {
	at := w.plainBatch(p, rows, cols, spans, 24)
	// codec, method
	c := w.tableAt(at+24, 8, 4, 5)
	w.b[c+4] = codecZstd
}

// plainBatch is batch without a compression, for which there is room at the
// given place of the table; 0: there is none.
func (w *builder) plainBatch(p, rows, cols int, spans []span, compression int) int {
	// rows, nodes, buffers, compression
	at := w.tableAt(p, 32, 8, 16, 20, compression)
	binary.LittleEndian.PutUint64(w.b[at+8:], uint64(rows))
	w.vector(at+16, cols, func() {
		for range cols {
			w.u64(int64(rows))
			w.u64(0) // nulls
		}
	})
	w.vector(at+20, len(spans), func() {
		for _, s := range spans {
			w.u64(int64(s.off))
			w.u64(int64(s.size))
		}
	})
	return at
}

// vector appends n structs of 8-byte fields.
func (w *builder) vector(p, n int, fill func()) {
	for len(w.b)%8 != 4 {
		w.b = append(w.b, 0)
	}
	w.refer(p)
	w.u32(n)
	fill()
}

func (w *builder) done(bodyLen int) builtMessage {
	w.align(8)
	return builtMessage{slices.Clip(w.b), bodyLen}
}

// batchMessage is the metadata of a record batch of compressed buffers.
func batchMessage(rows, cols int, spans []span) builtMessage {
	w, bodyLen := message(messageBatch)
	w.batch(bodyLen-headerToLen, rows, cols, spans)
	return w.done(bodyLen)
}

// dictionaryMessage is the metadata of a batch with the entries of a dictionary.
func dictionaryMessage(id int64, entries int, spans []span) builtMessage {
	w, entriesAt, bodyLen := dictionaryOf(id)
	w.batch(entriesAt, entries, 1, spans)
	return w.done(bodyLen)
}

// noEntries is dictionaryMessage for a dictionary without entries: Polars takes
// no empty buffers that are called compressed.
func noEntries(id int64, spans []span) builtMessage {
	w, entriesAt, bodyLen := dictionaryOf(id)
	w.plainBatch(entriesAt, 0, 1, spans, 0)
	return w.done(bodyLen)
}

func dictionaryOf(id int64) (w *builder, entriesAt, bodyLen int) {
	w, bodyLen = message(messageDictionary)
	// id, entries, whether they are to be added to those before
	at := w.tableAt(bodyLen-headerToLen, 24, 8, 16, 0)
	binary.LittleEndian.PutUint64(w.b[at+8:], uint64(id))
	return w, at + 16, bodyLen
}
