package format

import "systape/format/abi"

// Kind says what a row of the events table is.
type Kind uint8

// The kinds. Enter and Exit are tracepoint hits of system calls; Fork, Exec,
// Rename and ThreadEnd tell what became of threads; Lost says that events are
// missing, how many and when. Those since version 2: Mark tells of the capture
// itself, Count of calls that have no rows of their own, FD of a descriptor that
// was open at the start.
const (
	Enter Kind = iota
	Exit
	Lost
	Fork
	Exec
	Rename
	ThreadEnd
	Mark
	Count
	FD
	NumKinds
)

// kinds is what is known of each kind: the word that captures store, the
// format version that has it (a version's kinds are a prefix of these), and what
// its arguments are called in text.
var kinds = [NumKinds]struct {
	word  string
	since int
	args  []string
}{
	Enter:     {"enter", 1, nil},
	Exit:      {"exit", 1, []string{"entered"}},
	Lost:      {"lost", 1, []string{"count", "first", "last", "enters", "exits", "cause"}},
	Fork:      {"fork", 1, nil},
	Exec:      {"exec", 1, []string{"old"}},
	Rename:    {"rename", 1, nil},
	ThreadEnd: {"thread_end", 1, []string{"code", "group"}},
	Mark:      {"mark", 2, []string{"what", "first", "last"}},
	Count:     {"count", 2, []string{"calls", "errors", "total", "first", "last"}},
	FD:        {"fd", 2, []string{"fd", "flags"}},
}

// kindsOf returns how many of the kinds a format version has.
func kindsOf(version int) int {
	n := int(NumKinds)
	for n > 0 && kinds[n-1].since > version {
		n--
	}
	return n
}

func kindWords() []string {
	var words []string
	for _, k := range kinds {
		words = append(words, k.word)
	}
	return words
}

// call reports whether rows of the kind are about a system call, and so have
// nr and syscall.
func (k Kind) call() bool { return k == Enter || k == Exit || k == Count }

// nobodys reports whether rows of the kind belong to no thread.
func (k Kind) nobodys() bool { return k == Lost || k == Mark }

// String returns the word that captures store, such as "enter".
func (k Kind) String() string {
	if k < NumKinds {
		return kinds[k].word
	}
	return "unknown"
}

// ParseKind is the inverse of [Kind.String]; ok is false for any other word.
func ParseKind(s string) (k Kind, ok bool) {
	for i := range kinds {
		if kinds[i].word == s {
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

	MarkWhat  = 0 // Mark: a MarkOf
	MarkFirst = 1 // Mark: first instant of the change, capture time; equals TS
	MarkLast  = 2 // Mark: last instant of the change; at least MarkFirst
	MarkShare = 3 // Mark of ShareSet: the share of calls, of ShareAll
	MarkWhy   = 4 // Mark of ShareSet: a ShareReason

	CountCalls   = 0 // Count: calls of PID (0: of all), ABI and Nr
	CountErrors  = 1 // Count: those among CountCalls that returned an error
	CountTotalNS = 2 // Count: their durations together, ns
	CountFirst   = 3 // Count: first instant of the interval, capture time
	CountLast    = 4 // Count: last instant of the interval; equals TS

	ExitEntered = 0 // Exit: capture time of the call's enter, whose row stands right before and has the exit's time; 0: the enter's row tells

	FDNumber = 0 // FD: the descriptor, or one of FDCwd, FDRoot, FDSharesFiles, FDSharesDirs
	FDFlags  = 1 // FD: how it was opened, the O_ flags of open(2) of the machine that was recorded
)

// Descriptors that are none, in [FDNumber].
const (
	FDCwd  = -100 // the working directory, AT_FDCWD of the kernel
	FDRoot = -101 // the root directory

	// What a process or thread shares with another one, whose id stands in
	// [FDFlags]; its own id: with none; 0: it is not known with whom.
	FDSharesFiles = -102 // its descriptors
	FDSharesDirs  = -103 // its directories
)

// FDAsOpened, in [FDFlags], says that detail is the name under which a call of
// the capture opened the file, which may lead over symbolic links.
const FDAsOpened = 1 << 32

// FDDeleted, in [FDFlags], says that the file had no name any more: the
// [DeletedSuffix] of detail is a word of /proc, no part of its name.
const FDDeleted = 1 << 33

// DeletedSuffix stands behind the name of a file that was removed.
const DeletedSuffix = " (deleted)"

// MarkOf is what a [Mark] tells of: of the events that it names, those before
// MarkFirst are all recorded and those after MarkLast not at all, or, for
// Began, the other way round.
type MarkOf int64

// The marks.
const (
	EntersStopped MarkOf = 1 + iota
	ExitsStopped
	EntersBegan
	ExitsBegan
	ThreadLost // no change: events of the row's thread are among the lost, between its row before and the next
	ShareSet   // calls entered after MarkLast are recorded by lot, MarkShare of ShareAll of them; see [Share]
)

var markWords = map[MarkOf]string{EntersStopped: "enters stopped", ExitsStopped: "exits stopped", EntersBegan: "enters began", ExitsBegan: "exits began",
	ThreadLost: "events of the thread were lost", ShareSet: "share of calls set"}

// ShareAll is the share of every call in [MarkShare].
const ShareAll = 1 << 32

// ShareReason is why the share of the calls that are recorded was set.
type ShareReason int64

// The reasons.
const (
	ShareAsked  ShareReason = iota // the user asked for one call in so many
	ShareRate                      // there were more calls than the user asked for
	ShareBudget                    // recording took more of the machine than the user allowed
	ShareRoom                      // the share rises, since there is room
)

var shareReasons = []string{"as asked", "more calls than asked for", "recording cost more than allowed", "there is room"}

// String names the reason in words.
func (r ShareReason) String() string {
	if r >= 0 && int(r) < len(shareReasons) {
		return shareReasons[r]
	}
	return "unknown reason"
}

// String names the mark in words.
func (m MarkOf) String() string {
	if s, ok := markWords[m]; ok {
		return s
	}
	return "unknown mark"
}

// Cause says why events are missing.
type Cause int64

// The causes; those since version 2 are the last two.
const (
	CauseRingFull Cause = iota // the CPU's buffer was full: the recorder could not keep up
	CauseDropped               // the recorder had the event and could not store it
	CauseSkipped               // the kernel passed over the program, which stood preempted in another task
	CauseDamaged               // what was stored made no sense, or was damaged later
	numCauses
)

// Causes is how many causes there are.
const Causes = int(numCauses)

// MarksThreads reports whether a recorder of format version 2 names, by
// [ThreadLost], each thread that lost events to the cause: other threads lost
// none.
func (c Cause) MarksThreads() bool { return c == CauseRingFull || c == CauseDropped }

var causeWords = [numCauses]string{"buffer full", "not stored", "skipped by the kernel", "damaged"}

// String names the cause in words.
func (c Cause) String() string {
	if c >= 0 && c < numCauses {
		return causeWords[c]
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
