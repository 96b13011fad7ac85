package format

import "systape/format/abi"

// Kind says what a row of the events table is.
type Kind uint8

// The kinds of format version 1. Enter and Exit are tracepoint hits of
// system calls; Fork, Exec, Rename and ThreadEnd tell what became of threads;
// Lost says that events are missing, how many and when.
const (
	Enter Kind = iota
	Exit
	Lost
	Fork
	Exec
	Rename
	ThreadEnd
	NumKinds
)

var kindNames = [NumKinds]string{"enter", "exit", "lost", "fork", "exec", "rename", "thread_end"}

// String returns the word that captures store, such as "enter".
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind is the inverse of [Kind.String]; ok is false for any other word.
func ParseKind(s string) (k Kind, ok bool) {
	for i, n := range kindNames {
		if n == s {
			return Kind(i), true
		}
	}
	return 0, false
}

// What Args means on rows that are not system calls. Enter rows hold the
// registers of the call; every index not named here is 0.
const (
	LostCount  = 0 // Lost: events missing, the sum of LostEnters, LostExits and the lifecycle events among them
	LostFirst  = 1 // Lost: capture time of the first missing event, ns; equals TS
	LostLast   = 2 // Lost: capture time of the last missing event, ns; at least LostFirst
	LostEnters = 3 // Lost: enters among LostCount
	LostExits  = 4 // Lost: exits among LostCount
	LostCause  = 5 // Lost: a Cause

	ForkPID = 0 // Fork: thread-group id of the new thread (equals PID when it is a thread of the same process)
	ForkTID = 1 // Fork: thread id of the new thread

	ExecOldTID = 0 // Exec: thread id before the call; differs from TID when another thread than the leader called execve

	EndCode  = 0 // ThreadEnd: exit code as wait(2) encodes it (code<<8, or the signal); -1: not known
	EndGroup = 1 // ThreadEnd: 1 when it was the last thread of its process; -1: not known
)

// Cause says why events are missing.
type Cause int64

// The causes of format version 1.
const (
	CauseRingFull Cause = iota // the CPU's buffer was full: the recorder could not keep up
	CauseDropped               // the recorder had the event and could not store it
)

// String names the cause in words.
func (c Cause) String() string {
	switch c {
	case CauseRingFull:
		return "buffer full"
	case CauseDropped:
		return "not stored"
	}
	return "unknown cause"
}

// Event is one row of the events table as plain values. It is the convenient
// form; [Batch] is the fast one.
type Event struct {
	TS        int64 // ns since the UNIX epoch by CLOCK_MONOTONIC plus one constant offset
	Seq       int64 // position in the capture's total order, from 0
	Kind      Kind
	ABI       abi.ABI
	CPU       int32
	PID       int32 // thread-group id in the initial pid namespace
	TID       int32 // thread id in the initial pid namespace
	Nr        int32 // raw system-call number; -1 on rows that are not calls
	Syscall   string
	Ret       int64    // Exit: raw return value, -512…-516 included
	Args      [6]int64 // Enter: registers, bit-cast; other kinds: see LostCount and below
	Comm      string
	Container string
	Detail    string // Exec: file name
}
