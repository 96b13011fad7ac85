package bpf

import (
	"iter"
	"unsafe"
)

// What the C side defines in record.h comes from the object file; these are
// its names in Go.
type (
	Record        = withBTFRecord        // the fixed part of every record in a buffer
	Control       = withBTFControl       // the beginning of a CPU's buffer
	CallPayload   = withBTFCallPayload   // follows a RecordCall, and is followed by its arguments
	ForkPayload   = withBTFForkPayload   // follows a RecordFork
	ExecPayload   = withBTFExecPayload   // follows a RecordExec
	RenamePayload = withBTFRenamePayload // follows a RecordRename
	EndPayload    = withBTFEndPayload    // follows a RecordThreadEnd
	PlacePayload  = withBTFPlacePayload  // follows a RecordMove and a RecordCgroup
	Text          = withBTFText          // heads each text of a record with texts
	GapPayload    = withBTFGapPayload    // follows a RecordGap, whose Ts is the first loss
	RecordKind    = withBTFRecordKind
	RecordABI     = withBTFRecordAbi
	Class         = withBTFEventClass // events are counted by class
	Writers       = withBTFWriterRule
	TextRule      = withBTFTextRule
	textKind      = withBTFTextKind
	filterBits    = withBTFFilter
	targetFlags   = withBTFTarget
)

// The kinds of records.
const (
	RecordEnter     = withBTFRecordKindRECORD_ENTER
	RecordExit      = withBTFRecordKindRECORD_EXIT
	RecordFork      = withBTFRecordKindRECORD_FORK
	RecordExec      = withBTFRecordKindRECORD_EXEC
	RecordRename    = withBTFRecordKindRECORD_RENAME
	RecordThreadEnd = withBTFRecordKindRECORD_THREAD_END
	RecordGap       = withBTFRecordKindRECORD_GAP  // events of this CPU found no room before the record that follows
	RecordCall      = withBTFRecordKindRECORD_CALL // an enter and its exit, told at the exit

	RecordEnterTexts = withBTFRecordKindRECORD_ENTER_TEXTS // an enter, with texts behind its arguments
	RecordExitTexts  = withBTFRecordKindRECORD_EXIT_TEXTS  // an exit, likewise
	RecordMove       = withBTFRecordKindRECORD_MOVE        // a task comes into a cgroup; no event, see [PlacePayload]
	RecordCgroup     = withBTFRecordKindRECORD_CGROUP      // a cgroup of version 2 is made; no event

	RecordCallTexts = withBTFRecordKindRECORD_CALL_TEXTS // a RecordCall, likewise: its arguments are always six
)

// When texts are read, see [Config.Texts].
const (
	TextsNever  = withBTFTextRuleTEXTS_NEVER
	TextsAlways = withBTFTextRuleTEXTS_ALWAYS
	TextsFailed = withBTFTextRuleTEXTS_FAILED // of calls that failed, at the exit
)

// What [Text.Length] says beside the bytes.
const (
	TextLength  = withBTFTextFlagTEXT_LENGTH  // the bits that are the length
	TextCut     = withBTFTextFlagTEXT_CUT     // a file name that goes on
	TextSocket  = withBTFTextFlagTEXT_SOCKET  // a socket address as it is in memory
	TextPair    = withBTFTextFlagTEXT_PAIR    // two descriptors of 32 bits
	TextWords   = withBTFTextFlagTEXT_WORDS   // arguments of 64 bits
	TextHalves  = withBTFTextFlagTEXT_HALVES  // arguments of 32 bits
	TextUnread  = withBTFTextFlagTEXT_UNREAD  // it could not be read
	TextNothing = withBTFTextFlagTEXT_NOTHING // as the argument: no texts follow
)

// ABIs as the kernel side tells them apart; which table Native and Compat are
// depends on the machine.
const (
	ABINative = withBTFRecordAbiABI_NATIVE
	ABICompat = withBTFRecordAbiABI_COMPAT
	ABIX32    = withBTFRecordAbiABI_X32
)

// The classes.
const (
	ClassEnter     = withBTFEventClassCLASS_ENTER
	ClassExit      = withBTFEventClassCLASS_EXIT
	ClassLifecycle = withBTFEventClassCLASS_LIFECYCLE
	Classes        = withBTFEventClassCLASSES
)

// How many programs may write into a CPU's buffer at a time; see [Kernel].
const (
	WritersAlone = withBTFWriterRuleWRITERS_ALONE // one, by the kernel's own rules
	WritersHold  = withBTFWriterRuleWRITERS_HOLD  // one, since each forbids preemption while it writes
	WritersMixed = withBTFWriterRuleWRITERS_MIXED // another may write between any two instructions of one
)

// Sizes in bytes, and of tables in entries. ControlBytes and SlackBytes frame
// the data of each part of a buffer: a record that begins in the last word of
// the data runs on into the slack, so none ever wraps.
const (
	TableSize    = int(withBTFLayoutTABLE_SIZE) // numbers of each ABI that the kernel side has a place for
	ControlBytes = int(withBTFLayoutCONTROL_BYTES)
	SlackBytes   = int(withBTFLayoutSLACK_BYTES)
	SocketCalls  = int(withBTFLayoutSOCKET_CALLS) // of socketcall, that it has a place for
	TextMax      = int(withBTFLayoutTEXT_MAX)     // bytes of a file name that can be asked for
	RecordBytes  = int(unsafe.Sizeof(Record{}))   // the fixed part; the payload follows it
)

// Size returns the bytes of the record and its payload, a multiple of 8.
func Size(tag uint64) uint64 { return tag & 0xffff }

// KindOf returns what the record tells.
func KindOf(tag uint64) RecordKind { return RecordKind(tag >> 16 & 0xff) }

// ABIOf returns by which table the record's number is to be read.
func ABIOf(tag uint64) RecordABI {
	return RecordABI(tag >> 24 & (1<<withBTFRecordAbiABI_BITS - 1))
}

// Texts gives the texts of a record of a kind that has them, with their bytes, which are valid as long as the record.
func Texts(r *Record) iter.Seq2[Text, []byte] {
	return func(yield func(Text, []byte) bool) {
		at, end := uintptr(RecordBytes)+8, uintptr(Size(r.Tag))
		switch KindOf(r.Tag) {
		case RecordEnterTexts:
			at = uintptr(RecordBytes) + unsafe.Sizeof([6]int64{})
		case RecordCallTexts:
			at = uintptr(RecordBytes) + unsafe.Sizeof(CallPayload{}) + unsafe.Sizeof([6]int64{})
		}
		const head = unsafe.Sizeof(Text{})
		for at+head <= end {
			t := (*Text)(unsafe.Add(unsafe.Pointer(r), at))
			n := uintptr(t.Length & uint32(TextLength))
			if at += head; t.Argument >= 6 || at+n > end {
				return
			}
			if !yield(*t, unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), at)), n)) {
				return
			}
			at += (n + 7) &^ 7
		}
	}
}

// AfterLoss reports whether events of the record's thread were lost since its
// record before; only enters and exits tell.
func AfterLoss(tag uint64) bool { return tag>>(24+withBTFRecordAbiABI_BITS)&1 == 1 }

// Nr returns the system-call number as the kernel saw it.
func Nr(tag uint64) int32 { return int32(tag >> 32) }
