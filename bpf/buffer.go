package bpf

import (
	"sync/atomic"
	"unsafe"
)

// Buffer is the memory that one CPU's events are written to.
type Buffer struct {
	CPU     int32
	Control *Control
	data    unsafe.Pointer
	Bytes   uint64 // of data, slack not counted; a power of two
}

// NewBuffer lays a buffer over memory of ControlBytes, a power of two of data
// and SlackBytes. The memory must be aligned to 8 bytes and stay where it is.
func NewBuffer(cpu int32, memory []byte) Buffer {
	page := unsafe.Pointer(unsafe.SliceData(memory))
	return Buffer{
		CPU:     cpu,
		Control: (*Control)(page),
		data:    unsafe.Add(page, ControlBytes),
		Bytes:   uint64(len(memory) - ControlBytes - SlackBytes),
	}
}

// At returns the record at a position, counted in bytes ever reserved. The
// record and its payload stand without a break.
func (b *Buffer) At(position uint64) *Record {
	return (*Record)(unsafe.Add(b.data, position&(b.Bytes-1)))
}

// Payload returns what follows the fixed part of r.
func Payload[T any](r *Record) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(r), RecordBytes))
}

// Clear puts zeros into the places of the records between two positions, as
// the kernel side expects them, and gives the room back. The slack may keep
// what is there: no record begins in it, so no tag is read from it.
func (b *Buffer) Clear(from, to uint64) {
	for from < to {
		offset := from & (b.Bytes - 1)
		n := min(to-from, b.Bytes-offset)
		clear(unsafe.Slice((*byte)(unsafe.Add(b.data, offset)), n))
		from += n
	}
	atomic.StoreUint64(&b.Control.Tail, to)
}

