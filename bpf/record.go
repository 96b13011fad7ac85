package bpf

import "unsafe"

// Record is the fixed part of every record in a buffer; see record.h.
type Record struct {
	Tag     uint64 // size, kind, ABI and number; 0 while the record is being written
	TS      uint64 // CLOCK_MONOTONIC, ns
	PidTgid uint64 // thread-group id in the upper half, thread id in the lower
}

// RecordBytes is the size of the fixed part. The payload follows it.
const RecordBytes = int(unsafe.Sizeof(Record{}))

// Size returns the bytes of the record and its payload, a multiple of 8.
func Size(tag uint64) uint64 { return tag & 0xffff }

// KindOf returns what the record tells.
func KindOf(tag uint64) RecordKind { return RecordKind(tag >> 16 & 0xff) }

// ABIOf returns by which table the record's number is to be read.
func ABIOf(tag uint64) RecordABI { return RecordABI(tag >> 24 & 0xff) }

// Nr returns the system-call number as the kernel saw it.
func Nr(tag uint64) int32 { return int32(tag >> 32) }

// TableSize is how many numbers of each ABI the kernel side has a place for.
const TableSize = 1024

// RecordKind mirrors enum record_kind.
type RecordKind uint8

// The kinds of records.
const (
	RecordEnter RecordKind = iota + 1
	RecordExit
	RecordFork
	RecordExec
	RecordRename
	RecordThreadEnd
)

// RecordABI mirrors enum record_abi.
type RecordABI uint8

// ABIs as the kernel side tells them apart; which table Native and Compat are
// depends on the machine.
const (
	ABINative RecordABI = iota
	ABICompat
	ABIX32
)

// Class mirrors enum event_class: events are counted by class.
type Class int

// The classes.
const (
	ClassEnter Class = iota
	ClassExit
	ClassLifecycle
	Classes
)

// Control is the first page of a CPU's buffer. The kernel side writes all up
// to GapOpen; the reader writes Tail and Rung.
type Control struct {
	Head      uint64          // bytes ever reserved
	Seen      [Classes]uint64 // events that passed the filters
	Lost      [Classes]uint64 // of these, found no room
	LostTotal uint64          // the sum of Lost
	GapFirst  uint64          // CLOCK_MONOTONIC of the first loss beyond Reported
	GapLast   uint64          // CLOCK_MONOTONIC of the latest loss
	Dated     uint64          // of LostTotal, GapFirst and GapLast know about
	_         [5]uint64
	Tail      uint64 // bytes ever read
	Rung      uint64 // 1: the doorbell has been rung since the reader last looked
	Reported  uint64 // of LostTotal, is in the file
	_         [13]uint64
}

// ControlBytes and SlackBytes frame the data of a buffer: a record that begins
// in the last word of the data runs on into the slack, so none ever wraps.
const (
	ControlBytes = 4096
	SlackBytes   = 4096
)

// ForkPayload follows a RecordFork.
type ForkPayload struct {
	ChildPidTgid uint64
	Cgroup       uint64 // cgroup v2 id of the parent
}

// ExecPayload follows a RecordExec.
type ExecPayload struct {
	OldTID   uint64
	Cgroup   uint64
	Comm     [16]byte
	Filename [256]byte // empty without BTF
}

// RenamePayload follows a RecordRename.
type RenamePayload struct {
	Comm [16]byte
}

// EndPayload follows a RecordThreadEnd.
type EndPayload struct {
	Code  int64 // as wait(2) encodes it; -1: not known (no BTF)
	Group int64 // 1: the process has no thread left; -1: not known
}

// A difference in size between these and the generated twins does not compile;
// layout_test.go compares the fields.
const (
	_ = -(unsafe.Sizeof(Record{}) ^ unsafe.Sizeof(withBTFRecord{}))
	_ = -(unsafe.Sizeof(Control{}) ^ unsafe.Sizeof(withBTFControl{}))
	_ = -(unsafe.Sizeof(ForkPayload{}) ^ unsafe.Sizeof(withBTFForkPayload{}))
	_ = -(unsafe.Sizeof(ExecPayload{}) ^ unsafe.Sizeof(withBTFExecPayload{}))
	_ = -(unsafe.Sizeof(RenamePayload{}) ^ unsafe.Sizeof(withBTFRenamePayload{}))
	_ = -(unsafe.Sizeof(EndPayload{}) ^ unsafe.Sizeof(withBTFEndPayload{}))
)
