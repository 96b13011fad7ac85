// Package replay turns the events of a capture back into what happened: calls
// with a status, their statistics, their order. It works on captures alone:
// no root, no Linux, no eBPF. It prints nothing and exits nowhere.
package replay

import (
	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// Status says what became of a call. Every enter and every exit of a capture
// belongs to exactly one call, and every call has exactly one status.
type Status uint8

// The statuses. Only OK and Restarted have a duration that was measured from
// end to end; for OpenAtStart, OpenAtEnd and Killed it is a lower bound. For
// NoReturn it is the time until the thread's end, for Sigreturn and Mismatch
// the time between the two halves; the others have none, and it is 0.
const (
	OK            Status = iota // enter and exit of the same call
	Restarted                   // exit with -512…-516; the kernel continued it with a later call, or gave it up with EINTR
	NoReturn                    // exit, exit_group: calls that do not come back
	Sigreturn                   // rt_sigreturn, whose exit shows number -1 on x86
	ChildReturn                 // first exit of a new thread: the child's side of clone, clone3, fork, vfork
	OpenAtStart                 // exit of a call entered before enters were recorded
	OpenAtEnd                   // enter of a call that had not returned when the capture ended
	Killed                      // the thread ended inside the call
	Denied                      // exit without enter and without loss near it: refused before the tracepoint
	EnterLost                   // the enter fell into a dated loss
	ExitLost                    // the exit fell into a dated loss
	Mismatch                    // enter and exit disagree on number or ABI, with no loss near
	EnterAfterEnd               // exit of a call entered when enters were no longer recorded: outside the capture
	NumStatuses
)

var statusNames = [NumStatuses]string{"ok", "restarted", "no_return", "sigreturn", "child_return", "open_at_start",
	"open_at_end", "killed", "denied", "enter_lost", "exit_lost", "mismatch", "enter_after_end"}

// String returns the word that the calls table stores, such as "open_at_end".
func (s Status) String() string {
	if s < NumStatuses {
		return statusNames[s]
	}
	return "unknown"
}

// ParseStatus is the inverse of [Status.String]; ok is false for any other word.
func ParseStatus(s string) (st Status, ok bool) {
	for i, n := range statusNames {
		if n == s {
			return Status(i), true
		}
	}
	return 0, false
}

// HasEnter reports whether calls of this status own an enter event.
func (s Status) HasEnter() bool {
	switch s {
	case ChildReturn, OpenAtStart, Denied, EnterLost, EnterAfterEnd:
		return false
	}
	return true
}

// Call is an enter and its exit, or the half of them that the capture has.
// Symbols belong to the Names of the batches that were paired.
type Call struct {
	StartNS   int64 // capture time of the enter; for statuses without enter, the earliest time the call is known to have been running
	DurNS     int64 // EndNS - StartNS; what it means depends on Status
	EnterSeq  int64 // -1: no enter in the capture
	ExitSeq   int64 // -1: no exit in the capture
	EndSeq    int64 // of the row that ended the call, its exit or what happened to its thread instead; -1: the end of the capture did
	Continues int64 // EnterSeq of the restarted call that this one continues, -1 if none
	Ret       int64 // raw return value; 0 without exit
	Args      [6]int64
	PID       int32
	TID       int32
	CPUEnter  int32 // -1 without enter
	CPUExit   int32 // -1 without exit
	Nr        int32
	Syscall   format.Symbol
	Comm      format.Symbol
	Container format.Symbol
	ABI       abi.ABI
	Status    Status
	NoRet     bool   // the source of an imported capture does not tell what the call returned
	Detail    string // of an execve the file, of a mismatch what it returned as
	Told      string // detail of enter and exit: what is known of arguments beside their registers, see [format.Argument]
	// Files is what the arguments name, nil when they name nothing or the
	// session does not follow descriptors ([Options.Files]).
	Files *files.Named
}

// BeganNS returns the capture time by which a call is chosen: that of its enter,
// and of its exit where the capture has no enter.
func (c *Call) BeganNS() int64 {
	if c.EnterSeq < 0 {
		return c.StartNS + c.DurNS
	}
	return c.StartNS
}

// learn takes the detail of the call's exit.
func (c *Call) learn(detail string) {
	switch {
	case detail == "":
	case detail == format.UnknownResult:
		c.NoRet = true
	case c.Told == "":
		c.Told = detail
	default:
		c.Told += "\n" + detail
	}
}

// HasResult reports whether Ret is what the call returned. It is not when the
// call has not returned, when its source does not tell, after rt_sigreturn
// (Ret then is a register of the program that was interrupted), and when
// seccomp refused the call with a signal: the kernel puts the registers back
// as they were, so on x86 the result is the number of the call
// (syscall_rollback in arch/x86/include/asm/syscall.h, kernel/seccomp.c), and on
// arm64 its first argument (arch/arm64/include/asm/syscall.h): there only what
// reads as an error is taken for a result. An
// exit with number -1 whose enter is not in the capture may be an rt_sigreturn's.
func (c *Call) HasResult() bool {
	switch {
	case c.ExitSeq < 0 || c.NoRet || c.Status == Sigreturn:
		return false
	case c.Status == Denied:
		if c.ABI == abi.ARM64 || c.ABI == abi.ARM {
			return c.errno() != 0
		}
		return c.Ret != int64(c.Nr)
	case c.Nr == -1 && (c.Status == OpenAtStart || c.Status == EnterLost || c.Status == EnterAfterEnd):
		return false // it may be an rt_sigreturn's exit
	}
	return true
}

// Errno returns the error number that the call returned, 0 if it succeeded,
// was restarted or has not returned (kernel include/linux/err.h: -4095…-1).
// Without a result ([Call.HasResult]) it is 0.
func (c *Call) Errno() int {
	if !c.HasResult() {
		return 0
	}
	return c.errno()
}

// errno is what Ret reads as.
func (c *Call) errno() int {
	ret := c.Ret
	if c.ABI == abi.I386 || c.ABI == abi.ARM {
		// The program sees 32 bits: modify_ldt returns an unsigned int.
		ret = int64(int32(ret))
	}
	if ret < 0 && ret >= -4095 && !(ret <= -512 && ret >= -516) {
		return int(-ret)
	}
	return 0
}
