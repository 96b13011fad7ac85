package importer

import (
	"bytes"
	"regexp"

	"systape/format/abi"
)

// straceMessage is what strace says of itself, at the end of a line: "strace:
// Process 12 attached", "/usr/bin/strace: …", "./strace: …", and as it was before 4.10
// "Process 12 suspended".
var straceMessage = regexp.MustCompile(`(?:\.{0,2}(?:/[\w.+-]+)*/)?(?:strace: )?Process (\d+) (attached(?: with (\d+) threads)?(?: - interrupt to quit)?` +
	`|attached \(waiting for parent\)|detached|suspended|resumed(?: \(parent \d+ ready\))?|created.*|leaving ptrace stop|Untraced)$`)

// maxMessage is how long a message of strace may be.
const maxMessage = 300

// ownMessage begins a line that is nothing else.
var ownMessage = regexp.MustCompile(`^(?:\.{0,2}(?:/[\w.+-]+)*/)?strace: `)

// message takes a message of strace off the end of a line. goesOn says that
// the call before it does, in the next line.
func (s *strace) message(b []byte) (before []byte, goesOn, ok bool) {
	var m []int
	at := bytes.LastIndex(b, []byte("Process "))
	if at >= 0 {
		at = max(0, at-maxMessage) // room for the path of strace
		m = straceMessage.FindSubmatchIndex(b[at:min(len(b), at+2*maxMessage)])
	}
	if m == nil {
		return nil, false, bytes.Contains(b[:min(len(b), maxMessage)], []byte("strace: ")) && ownMessage.Match(b)
	}
	begin := at + m[0]
	for begin > 0 && b[begin] == '.' && b[begin-1] == '.' {
		begin++ // "abc".../usr/bin/strace: the dots are those of a string that was cut
	}
	before = bytes.TrimSuffix(b[:begin], []byte("^C"))
	b = b[at:]
	id, _, _ := leadingID(b[m[2]:m[3]])
	what := b[m[4]:m[5]]
	switch {
	case m[6] >= 0:
		t := s.thread(id, "")
		s.main, s.current = t, t
		t.join(t.thread)
		n, _, _ := leadingID(b[m[6]:m[7]])
		s.attach = int(n) - 1
	case bytes.HasPrefix(what, []byte("attached")):
		t := s.thread(id, "")
		s.told[id] = true
		if s.main == nil && len(before) == 0 { // -p
			s.main, s.current = t, t
			t.join(t.thread)
		}
	case bytes.HasPrefix(what, []byte("detached")):
		if t := s.threads[id]; t != nil && len(before) == 0 {
			s.gone(t)
		}
		return before, false, true
	}
	return before, true, true
}

func (s *strace) personality(b []byte) error {
	id, rest, ok := leadingID(b[len("[ Process PID="):])
	if !ok {
		return errForm
	}
	t := s.thread(id, "")
	switch {
	case bytes.Contains(rest, []byte("32 bit")):
		t.abi = either(s.opt.ABI == abi.ARM64, abi.ARM, abi.I386)
	case bytes.Contains(rest, []byte("x32")):
		t.abi = abi.X32
	default:
		t.abi = s.opt.ABI
	}
	return errIgnore
}
