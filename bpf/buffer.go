package bpf

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Buffer is the memory that one CPU's events are written to.
type Buffer struct {
	CPU     int32
	Control *Control
	Bytes   uint64 // of data, a power of two
	data    unsafe.Pointer
	shift   uint8   // position >> shift is the part
	frame   uintptr // bytes between the data of one part and the next
}

// NewBuffer lays a buffer over memory of as many parts as are asked for, a
// power of two: each of ControlBytes, a power of two of data and SlackBytes.
// The memory must be aligned to 8 bytes and stay where it is.
func NewBuffer(cpu int32, memory []byte, parts int) Buffer {
	page := unsafe.Pointer(unsafe.SliceData(memory))
	part := len(memory)/parts - ControlBytes - SlackBytes
	return Buffer{
		CPU:     cpu,
		Control: (*Control)(page),
		Bytes:   uint64(part * parts),
		data:    unsafe.Add(page, ControlBytes),
		shift:   uint8(bits.TrailingZeros64(uint64(part))),
		frame:   uintptr(ControlBytes + SlackBytes),
	}
}

// At returns the record at a position, counted in bytes ever reserved. The
// record and its payload stand without a break.
func (b *Buffer) At(position uint64) *Record {
	at := uintptr(position & (b.Bytes - 1))
	return (*Record)(unsafe.Add(b.data, at+(at>>b.shift)*b.frame))
}

// Payload returns what follows the fixed part of r.
func Payload[T any](r *Record) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(r), RecordBytes))
}

// Empty makes a record's room read as not written yet; see [WritersMixed].
func Empty(r *Record, size uint64) {
	clear(unsafe.Slice((*uint64)(unsafe.Pointer(r)), size/8))
}

// Release gives the room before a position back to the kernel side, and has
// the doorbell ring again.
func (b *Buffer) Release(position uint64) {
	atomic.StoreUint64(&b.Control.Tail, position)
	atomic.StoreUint64(&b.Control.Rung, 0)
}

// Shut has events of a class neither recorded nor counted as lost from now on,
// on this CPU; Open ends that. A program that runs at this moment may still
// finish its record. Both take effect within the time that a store needs to
// reach another CPU.
func (b *Buffer) Shut(c Class) { atomic.OrUint64(&b.Control.Closed, 1<<c) }

// Open is the inverse of [Buffer.Shut]. Buffers are shut in the beginning.
func (b *Buffer) Open(c Class) { atomic.AndUint64(&b.Control.Closed, ^uint64(1<<c)) }
