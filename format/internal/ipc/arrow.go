package ipc

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"systape/format/internal/columnar"
)

// arrowTypes are the Arrow forms of the column types. Strings are plain utf8:
// arrow v17 writes dictionary arrays with a negative null count.
var arrowTypes = [...]arrow.DataType{
	columnar.Int64: arrow.PrimitiveTypes.Int64, columnar.Int32: arrow.PrimitiveTypes.Int32, columnar.Float64: arrow.PrimitiveTypes.Float64,
	columnar.String: arrow.BinaryTypes.String, columnar.TimestampUS: arrow.FixedWidthTypes.Timestamp_us, columnar.Bool: arrow.FixedWidthTypes.Boolean,
}

// arrowSchema returns the Arrow schema of cols, no column nullable, with meta
// as its metadata.
func arrowSchema(cols []columnar.Column, meta []columnar.Pair) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowTypes[c.Type]}
	}
	return arrow.NewSchema(fields, arrowMetadata(meta))
}

func arrowMetadata(meta []columnar.Pair) *arrow.Metadata {
	keys, values := make([]string, len(meta)), make([]string, len(meta))
	for i, p := range meta {
		keys[i], values[i] = p.Key, p.Value
	}
	md := arrow.NewMetadata(keys, values)
	return &md
}

// newArray returns an array of n values without nulls over buffers that the
// caller keeps; text is nil unless t is String.
func newArray(t columnar.Type, n int, values, text *memory.Buffer) arrow.Array {
	buffers := []*memory.Buffer{nil, values, text}
	if t != columnar.String {
		buffers = buffers[:2]
	}
	data := array.NewData(arrowTypes[t], n, buffers, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// recycler is an allocator that hands freed memory out again, because arrow
// allocates a buffer for every column of every batch. Its memory is not
// cleared; arrow writes before it reads. What it keeps is bounded.
type recycler struct {
	mu   sync.Mutex
	free [recyclerClasses][][]byte // by size class: powers of two
}

const (
	recyclerClasses = 27 // up to 64 MiB
	recyclerKeep    = 24 // buffers of one class
)

func newRecycler() *recycler { return new(recycler) }

func (r *recycler) class(size int) int { return bits.Len(uint(max(size, 64) - 1)) }

// Allocate implements memory.Allocator.
func (r *recycler) Allocate(size int) []byte {
	if size <= 0 {
		return []byte{}
	}
	c := r.class(size)
	if c >= recyclerClasses {
		return make([]byte, size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.free[c]; len(l) > 0 {
		b := l[len(l)-1]
		r.free[c] = l[:len(l)-1]
		return b[:size]
	}
	return make([]byte, size, 1<<c)
}

// Reallocate implements memory.Allocator.
func (r *recycler) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := r.Allocate(size)
	copy(grown, b)
	r.Free(b)
	return grown
}

// Free implements memory.Allocator.
func (r *recycler) Free(b []byte) {
	c := bits.Len(uint(cap(b))) - 1
	if cap(b) < 64 || c >= recyclerClasses || cap(b) != 1<<c {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free[c]) < recyclerKeep {
		r.free[c] = append(r.free[c], b[:0])
	}
}
