package importer

import (
	"bytes"
	"errors"
	"strconv"

	"systape/format/abi"
	"systape/replay/render/decode"
)

// What a line of strace can be, after its prefix. The grammar is that of
// strace's own source (syscall.c, strace.c, up to 6.x) and of old texts that
// people keep.
type straceKind uint8

const (
	straceCall       straceKind = iota // name(args) = ret
	straceUnfinished                   // name(args <unfinished ...>, <detached ...>, <pid changed to N ...>
	straceResumed                      // <... name resumed>args) = ret
	straceAbandoned                    // <... name resumed> <unfinished ...>) = ?, name(args) = ?
	straceSignal                       // --- SIGURG {…} ---, --- stopped by SIGSTOP ---
	straceExited                       // +++ exited with 0 +++
	straceKilled                       // +++ killed by SIGKILL (core dumped) +++
	straceSuperseded                   // +++ superseded by execve in pid 12 +++
	straceNote                         // messages of strace itself, stack traces
)

type straceText struct {
	kind     straceKind
	name     string
	args     [6][]byte // as they stand; nil when there are fewer
	nargs    int
	all      []byte // all arguments
	resumed  bool
	ret      int64
	file     string // what the descriptor stands for that was returned (-y); "" when that is not told
	returned bool
	durNS    int64 // -1: not given
	code     int   // exit status, or signal number
	core     bool
	pid      int32 // superseded by, changed to
}

var (
	errForm     = errors.New("not of the form name(arguments) = result")
	unfinished  = []byte("<unfinished ...>")
	detached    = []byte("<detached ...>")
	unavailable = []byte("<unavailable>")
)

// parse reads a line without its prefix.
func (s *straceText) parse(b []byte, a abi.ABI) error {
	*s = straceText{durNS: -1}
	b = bytes.TrimRight(b, " ")
	switch {
	case len(b) == 0:
		return errForm
	case bytes.HasPrefix(b, []byte("--- ")):
		s.kind = straceSignal
		if !bytes.HasSuffix(b, []byte(" ---")) {
			return errors.New("signal line without its end")
		}
		return nil
	case bytes.HasPrefix(b, []byte("+++ ")):
		return s.parseEnd(b, a)
	case bytes.HasPrefix(b, []byte("<... ")):
		return s.parseResumed(b)
	case b[0] == '>' || bytes.HasPrefix(b, []byte(" >")): // -k: a frame of the stack
		s.kind = straceNote
		return nil
	}
	open := bytes.IndexByte(b, '(')
	if open <= 0 || !isCallName(b[:open]) {
		return errForm
	}
	s.name = string(b[:open])
	return s.parseCall(b[open+1:])
}

func isCallName(b []byte) bool {
	if bytes.Equal(b, []byte("???")) {
		return true
	}
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return len(b) > 0
}

func (s *straceText) parseEnd(b []byte, a abi.ABI) error {
	rest, ok := bytes.CutSuffix(b[len("+++ "):], []byte(" +++"))
	if !ok {
		return errors.New("line of a thread's end without its end")
	}
	word := func(prefix string) bool {
		r, ok := bytes.CutPrefix(rest, []byte(prefix))
		if ok {
			rest = r
		}
		return ok
	}
	switch {
	case word("exited with "):
		n, err := strconv.Atoi(string(rest))
		if err != nil {
			return errors.New("exit status is no number")
		}
		s.kind, s.code = straceExited, n
	case word("killed by "):
		s.kind = straceKilled
		if r, ok := bytes.CutSuffix(rest, []byte(" (core dumped)")); ok {
			s.core, rest = true, r
		}
		for sig := 1; sig <= 64; sig++ {
			if abi.SignalName(a, sig) == string(rest) {
				s.code = sig
			}
		}
	case word("superseded by execve in pid "):
		s.kind = straceSuperseded
		n, _, ok := leadingID(rest)
		if !ok {
			return errors.New("superseded by no number")
		}
		s.pid = n
	default:
		s.kind = straceNote // +++ Process … detached +++
	}
	return nil
}

func (s *straceText) parseResumed(b []byte) error {
	name, rest, ok := bytes.Cut(bytes.TrimPrefix(b, []byte("<... ")), []byte(" resumed>"))
	if !ok || !isCallName(name) {
		return errors.New("resumed call without its name")
	}
	s.name, s.resumed = string(name), true
	if r, ok := bytes.CutPrefix(bytes.TrimLeft(rest, " "), unfinished); ok {
		if bytes.HasPrefix(r, []byte(")")) {
			s.kind = straceAbandoned
		} else {
			s.kind = straceUnfinished
		}
		return nil
	}
	return s.parseCall(rest)
}

// parseCall reads what follows the opening parenthesis.
func (s *straceText) parseCall(b []byte) error {
	for _, end := range [][]byte{unfinished, detached} {
		if r, ok := bytes.CutSuffix(b, end); ok {
			s.kind = straceUnfinished
			s.splitArgs(r)
			return nil
		}
	}
	if r, ok := bytes.CutSuffix(b, []byte(" ...>")); ok {
		if i := bytes.LastIndex(r, []byte("<pid changed to ")); i >= 0 {
			n, _, ok := leadingID(r[i+len("<pid changed to "):])
			if !ok {
				return errForm
			}
			s.kind, s.pid = straceUnfinished, n
			s.splitArgs(r[:i])
			return nil
		}
	}
	close := s.splitArgs(b)
	if close < 0 || !s.parseResult(b[close+1:]) {
		// The arguments did not end where they seemed to: take the last
		// place that reads like an end.
		for i := len(b); ; {
			i = bytes.LastIndexByte(b[:i], ')')
			if i < 0 {
				return errForm
			}
			if s.parseResult(b[i+1:]) {
				break
			}
		}
	}
	s.kind = straceCall
	if s.resumed {
		s.kind = straceResumed
	}
	if !s.returned {
		s.kind = straceAbandoned
	}
	return nil
}

// splitArgs finds the arguments and returns the position of the parenthesis
// that closes them, -1 if there is none.
func (s *straceText) splitArgs(b []byte) int {
	s.nargs, s.args, s.all = 0, [6][]byte{}, nil
	depth, start := 0, 0
	comments, annotations := true, true // false once one did not end: none after it will
	put := func(end int) {
		if s.nargs < len(s.args) {
			s.args[s.nargs] = bytes.TrimSpace(b[start:end])
		}
		s.nargs++
	}
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '/':
			if comments && i+1 < len(b) && b[i+1] == '*' {
				n := bytes.Index(b[i:], []byte("*/"))
				if comments = n >= 0; comments {
					i += n + 1
				}
			}
		case '<':
			if annotations && i > 0 && (b[i-1] >= '0' && b[i-1] <= '9' || bytes.HasSuffix(b[:i], []byte("AT_FDCWD"))) {
				end := skipAnnotation(b, i)
				if annotations = end > i; annotations {
					i = end
				}
			}
		case '(', '[', '{':
			depth++
		case ']', '}':
			depth--
		case ')':
			if depth <= 0 {
				if i > start || s.nargs > 0 {
					put(i)
				}
				s.all = b[:i]
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				put(i)
				start = i + 1
			}
		}
	}
	if rest := bytes.TrimSpace(b[start:]); len(rest) > 0 {
		put(len(b))
	}
	s.all = b
	return -1
}

// splitList cuts a list of arguments at its commas.
func splitList(b []byte) [][]byte {
	var parts [][]byte
	depth, start := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, b[start:i]), i+1
			}
		}
	}
	return append(parts, b[min(start, len(b)):])
}

// skipAnnotation returns the position of the > that ends a descriptor's
// annotation (-y, -yy): 3</tmp/a(b>, 3<TCP:[127.0.0.1:1->127.0.0.1:2]>,
// 0</dev/pts/0<char 136:0>>. strace writes a > in a path as \76.
func skipAnnotation(b []byte, i int) int {
	depth := 0
	for j := i; j < len(b); j++ {
		switch b[j] {
		case '<':
			depth++
		case '>':
			if b[j-1] == '-' {
				continue
			}
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return i
}

// restarts are the kernel's own return values (include/linux/errno.h) that
// strace shows as "? NAME".
var restarts = map[string]int64{"ERESTARTSYS": -512, "ERESTARTNOINTR": -513, "ERESTARTNOHAND": -514, "ERESTART_RESTARTBLOCK": -516}

// parseResult reads " = ret …" up to the end of the line, and reports whether
// it is that.
func (s *straceText) parseResult(b []byte) bool {
	b = bytes.TrimLeft(b, " ")
	if len(b) < 2 || b[0] != '=' || b[1] != ' ' {
		return false
	}
	b = bytes.TrimLeft(b[2:], " ")
	s.durNS, s.file = -1, ""
	if i := bytes.LastIndexByte(b, ' '); i >= 0 && len(b) > i+2 && b[i+1] == '<' && b[len(b)-1] == '>' {
		if bytes.Equal(b[i+1:], unavailable) {
			b = bytes.TrimRight(b[:i], " ")
		} else if d, ok := parseSeconds(b[i+2 : len(b)-1]); ok {
			s.durNS = d
			b = bytes.TrimRight(b[:i], " ")
		}
	}
	word, rest := b, []byte(nil)
	if i := bytes.IndexAny(b, " <"); i >= 0 {
		word, rest = b[:i], b[i:]
	}
	if bytes.Equal(word, []byte("?")) {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 || bytes.Equal(rest, unavailable) {
			return true
		}
		name, _, _ := bytes.Cut(rest, []byte(" "))
		s.ret, s.returned = restarts[string(name)], true
		return s.ret != 0
	}
	n, ok := parseInteger(word)
	if !ok {
		return false
	}
	s.ret, s.returned = n, true
	s.file, _ = decode.DescriptorName(rest)
	if n == -1 {
		rest = bytes.TrimLeft(rest, " ")
		name, _, _ := bytes.Cut(rest, []byte(" "))
		if r, ok := restarts[string(name)]; ok {
			s.ret = r
		} else if e, ok := abi.ErrnoNumber(abi.X86_64, string(name)); ok && len(name) > 0 && name[0] == 'E' {
			s.ret = -int64(e)
		} else if r, ok := bytes.CutPrefix(rest, []byte("(errno ")); ok {
			if e, err := strconv.Atoi(string(bytes.TrimRight(r, ")"))); err == nil && e > 0 && e <= 4095 {
				s.ret = -int64(e)
			}
		}
	}
	return true
}

// parseInteger reads what strace prints for numbers: decimal, 0x…, and 0…
// for octal modes; unsigned 64-bit values are bit-cast.
func parseInteger(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 24 || b[0] != '-' && (b[0] < '0' || b[0] > '9') {
		return 0, false
	}
	for _, c := range b {
		if c == '_' {
			return 0, false
		}
	}
	str := string(b)
	if n, err := strconv.ParseInt(str, 0, 64); err == nil {
		return n, true
	}
	if n, err := strconv.ParseUint(str, 0, 64); err == nil {
		return int64(n), true
	}
	return 0, false
}

// parseSeconds reads 12.345678 as nanoseconds.
func parseSeconds(b []byte) (int64, bool) {
	whole, frac, _ := bytes.Cut(b, []byte("."))
	if len(whole) == 0 || len(whole) > 10 || len(frac) > 9 {
		return 0, false
	}
	n := int64(0)
	for _, c := range whole {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	for i := range 9 {
		n *= 10
		if i < len(frac) {
			c := frac[i]
			if c < '0' || c > '9' {
				return 0, false
			}
			n += int64(c - '0')
		}
	}
	if n < 0 {
		return 0, false
	}
	return n, true
}

// leadingID reads a decimal process or thread id.
func leadingID(b []byte) (id int32, rest []byte, ok bool) {
	i, n := 0, int64(0)
	for i < len(b) && b[i] >= '0' && b[i] <= '9' && i < 11 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || n > 1<<31-1 {
		return 0, b, false
	}
	return int32(n), b[i:], true
}

// firstString returns the first quoted argument, without its escapes.
func firstString(b []byte) string {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return ""
	}
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			if str, ok := decode.Unquote(b[i : j+1]); ok {
				return str
			}
			return string(b[i+1 : j])
		}
	}
	return ""
}
