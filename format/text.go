package format

import (
	"strconv"

	"systape/format/abi"
)

func argIndex(k Kind, key string) int {
	for i := range len(Event{}.Args) {
		if key == argKey(k, i) || key == "arg"+strconv.Itoa(i) {
			return i
		}
	}
	return -1
}

// argKey is what text calls argument i of rows of kind k.
func argKey(k Kind, i int) string {
	if names := kinds[k].args; i < len(names) {
		return names[i]
	}
	return "arg" + strconv.Itoa(i)
}

// FormatText writes events in the text form that [ParseText] reads.
func FormatText(events []Event) []byte {
	var dst []byte
	for i, e := range events {
		dst = append(appendText(dst, e, int64(i)), '\n')
	}
	return dst
}

// AppendText appends one event in the form of [ParseText], without a newline
// and always with seq=. The event has one of the known kinds and ABIs.
func AppendText(dst []byte, e Event) []byte { return appendText(dst, e, e.Seq-1) }

// appendText leaves seq out when it is position.
func appendText(dst []byte, e Event, position int64) []byte {
	dst = strconv.AppendInt(dst, e.TS, 10)
	dst = append(append(append(dst, ' '), e.Kind.String()...), ' ')
	if !e.Kind.nobodys() || e.PID != 0 || e.TID != 0 {
		dst = append(appendIDs(dst, int64(e.PID), int64(e.TID)), ' ')
	}
	written := 0 // arguments that the row's own form has told
	call := e.Kind.call()
	name := ""
	if call {
		name = abi.NameOr(e.ABI, e.Nr)
		if known, ok := abi.Name(e.ABI, e.Nr); ok && known == e.Syscall {
			dst = append(dst, known...)
		} else {
			dst = strconv.AppendInt(append(dst, "nr="...), int64(e.Nr), 10)
		}
	}
	switch e.Kind {
	case Enter:
		written = abi.NumArgs(e.ABI, e.Nr)
		dst = append(dst, '(')
		for i := range written {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendTextNumber(dst, e.Args[i])
		}
		dst = append(dst, ')')
	case Exit:
		dst = appendTextNumber(append(dst, " = "...), e.Ret)
	case Fork:
		if a, b := e.Args[ForkPID], e.Args[ForkTID]; int64(int32(a)) == a && int64(int32(b)) == b {
			dst = appendIDs(append(dst, "-> "...), a, b)
			written = 2
		}
	case Exec:
		if written = 1; e.Args[ExecOldTID] != int64(e.TID) {
			dst = appendTextField(dst, "old", e.Args[ExecOldTID])
		}
	case Mark:
		written = MarkLast + 1
		for i := range written {
			dst = appendTextField(dst, argKey(Mark, i), e.Args[i])
		}
	case Lost:
		for i, v := range e.Args {
			dst = appendTextField(dst, argKey(Lost, i), v)
		}
		written = len(e.Args)
	}
	for i := written; i < len(e.Args); i++ {
		if e.Args[i] != 0 {
			dst = appendTextField(dst, argKey(e.Kind, i), e.Args[i])
		}
	}
	if e.Ret != 0 && e.Kind != Exit {
		dst = appendTextField(dst, "ret", e.Ret)
	}
	if e.Detail != "" {
		dst = strconv.AppendQuote(blank(dst), e.Detail)
	}
	if e.ABI != abi.X86_64 {
		dst = append(append(blank(dst), "abi="...), e.ABI.String()...)
	}
	if e.CPU != 0 {
		dst = appendTextField(dst, "cpu", int64(e.CPU))
	}
	if !call && e.Nr != -1 {
		dst = appendTextField(dst, "nr", int64(e.Nr))
	}
	dst = appendTextString(dst, "syscall", e.Syscall, name)
	dst = appendTextString(dst, "comm", e.Comm, "")
	dst = appendTextString(dst, "container", e.Container, "")
	if e.Seq != position {
		dst = strconv.AppendInt(append(blank(dst), "seq="...), e.Seq, 10)
	}
	if dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// blank appends a separator where there is none.
func blank(dst []byte) []byte {
	if dst[len(dst)-1] != ' ' {
		dst = append(dst, ' ')
	}
	return dst
}

func appendIDs(dst []byte, pid, tid int64) []byte {
	dst = strconv.AppendInt(dst, pid, 10)
	return strconv.AppendInt(append(dst, '/'), tid, 10)
}

func appendTextField(dst []byte, key string, v int64) []byte {
	return strconv.AppendInt(append(append(blank(dst), key...), '='), v, 10)
}

func appendTextString(dst []byte, key, value, byDefault string) []byte {
	if value == byDefault {
		return dst
	}
	return strconv.AppendQuote(append(append(blank(dst), key...), '='), value)
}

// appendTextNumber writes what looks like a pointer or a bit set in
// hexadecimal.
func appendTextNumber(dst []byte, v int64) []byte {
	if v >= -1<<31 && v < 1<<24 {
		return strconv.AppendInt(dst, v, 10)
	}
	return strconv.AppendUint(append(dst, "0x"...), uint64(v), 16)
}
