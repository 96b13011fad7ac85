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

// Release gives the room before a position back to the kernel side, and has
// the doorbell ring again.
func (b *Buffer) Release(position uint64) {
	atomic.StoreUint64(&b.Control.Tail, position)
	atomic.StoreUint64(&b.Control.Rung, 0)
}
