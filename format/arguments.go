package format

import (
	"strconv"
	"strings"
)

// What is known of a call's arguments beyond its registers stands in the
// column detail of its enter, one line for each argument: its position from 0,
// an equals sign, and the text of what it points to, such as "1=/etc/passwd".
// "N=?" says that nothing is known of argument N, not even its register: there
// the column argN holds 0. The result of an exit that is not known is "ret=?".
//
// Within a line, control characters and bytes that are not UTF-8 are written
// \xNN; so are a backslash that would begin such an escape, and the question
// mark of a text that is nothing else.
//
// Where the source of an imported capture tells what the descriptor in argument
// N stands for, that is "N</etc/hosts>", and "ret</etc/hosts>" of the one that
// was returned; it is there beside what is known of the register, not instead.

// UnknownResult is the detail of an exit whose result is not known.
const UnknownResult = "ret=?"

// AppendArgument appends the line that gives the text of argument n.
func AppendArgument(dst []byte, n int, text string) []byte {
	dst = argumentHead(dst, n)
	if text == "?" {
		return append(dst, `\x3f`...)
	}
	return appendLine(dst, text)
}

// appendLine appends text that stands within a line.
func appendLine(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	for _, c := range []byte(EscapeText(text)) {
		if c < ' ' || c == 0x7f {
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendUnknownArgument appends the line that says that argument n is not known.
func AppendUnknownArgument(dst []byte, n int) []byte { return append(argumentHead(dst, n), '?') }

func argumentHead(dst []byte, n int) []byte {
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	return append(strconv.AppendInt(dst, int64(n), 10), '=')
}

// Argument returns what the detail of an enter says of argument n: its text,
// escapes resolved, or that it is not known. Without a line about it, told is
// false: the register is all that there is.
func Argument(detail string, n int) (text string, unknown, told bool) {
	for detail != "" {
		line, rest, _ := strings.Cut(detail, "\n")
		if len(line) >= 2 && line[1] == '=' && int(line[0]-'0') == n {
			if line = line[2:]; line == "?" {
				return "", true, true
			}
			return UnescapeText(line), false, true
		}
		detail = rest
	}
	return "", false, false
}

// Result is the place of what a call returned among those of its arguments.
const Result = -1

// AppendDescriptor appends the line that says what the descriptor in argument n
// stands for, or that in [Result].
func AppendDescriptor(dst []byte, n int, name string) []byte {
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	return append(appendLine(append(dst, descriptorHead(n)...), name), '>')
}

func descriptorHead(n int) string {
	if n == Result {
		return "ret<"
	}
	return string([]byte{'0' + byte(n), '<'})
}

// Descriptor returns what the detail of an enter or exit says that the
// descriptor in argument n stands for, or that in [Result], escapes resolved.
func Descriptor(detail string, n int) (name string, told bool) {
	head := descriptorHead(n)
	for detail != "" {
		line, rest, _ := strings.Cut(detail, "\n")
		if name, is := strings.CutPrefix(line, head); is && strings.HasSuffix(name, ">") {
			return UnescapeText(name[:len(name)-1]), true
		}
		detail = rest
	}
	return "", false
}

// AppendWords appends the text of arguments that stand in memory:
// "{0x400, 0x0, 0x11}".
func AppendWords(dst []byte, words []uint64) []byte {
	dst = append(dst, '{')
	for i, word := range words {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendUint(append(dst, "0x"...), word, 16)
	}
	return append(dst, '}')
}

// Words reads what [AppendWords] wrote; ok is false for any other text.
func Words(text string) (words [6]uint64, n int, ok bool) {
	inner, open := strings.CutPrefix(text, "{")
	inner, end := strings.CutSuffix(inner, "}")
	if !open || !end || inner == "" {
		return words, 0, false
	}
	for word := range strings.SplitSeq(inner, ", ") {
		digits, hex := strings.CutPrefix(word, "0x")
		v, err := strconv.ParseUint(digits, 16, 64)
		if !hex || err != nil || n == len(words) {
			return words, 0, false
		}
		words[n] = v
		n++
	}
	return words, n, true
}

// ArgumentUnknown reports whether the register of argument n is not known: the
// detail of its enter says so, or it gives a text where the register is 0, for
// no address is 0 that has a text.
func ArgumentUnknown(detail string, n int, register int64) bool {
	if detail == "" || register != 0 {
		return false
	}
	_, _, told := Argument(detail, n)
	return told
}

// ArgumentsUnknown reports whether the detail of an enter says of any argument
// that it is not known.
func ArgumentsUnknown(detail string) bool {
	for line := range strings.SplitSeq(detail, "\n") {
		if strings.HasSuffix(line, "=?") {
			return true
		}
	}
	return false
}
