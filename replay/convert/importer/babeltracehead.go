package importer

import (
	"bytes"
	"errors"
	"regexp"
	"time"
)

// lttngHead is what stands before the braces of an event.
type lttngHead struct {
	ns    int64
	kind  stampKind
	grain int64
	name  string
	rest  []byte // from the first brace
}

var (
	errLTTng       = errors.New("not of the form [time] (+delta) host event: { fields }")
	errLTTngCut    = errors.New("the line is cut off")
	errLTTngCycles = errors.New("the time is in cycles of a clock: leave out babeltrace's --clock-cycles")
	errLTTngNames  = errors.New("fields without names: leave out babeltrace's --names=none")
)

// colors are what babeltrace2 --color=always writes.
var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// lttngPlain is a line without colours and indentation.
func lttngPlain(b []byte) []byte {
	if bytes.IndexByte(b, '\x1b') >= 0 {
		b = colors.ReplaceAll(b, nil)
	}
	return bytes.TrimLeft(b, " \t")
}

// readLTTngHead reads the two forms of a head, of which the second is that of
// --names=header and all (babeltrace 2.0 src/plugins/text/pretty/print.c,
// print_event_header). With --names=scope each pair of braces has a name before
// it, too.
//
//	[17:02:57.265276947] (+0.000960778) host syscall_entry_openat: {
//	timestamp = 17:02:57.265276947, delta = +0.000960778, trace:hostname = host, name = syscall_entry_openat, {
func readLTTngHead(b []byte) (h lttngHead, err error) {
	brace := bytes.IndexByte(b, '{')
	if brace < 0 {
		return h, errLTTng
	}
	head := b[:brace]
	h.rest = b[brace:]
	word, name, ok := lttngStamp(head)
	if !ok {
		return h, errLTTng
	}
	if named := []byte("name = "); bytes.HasPrefix(head, []byte("timestamp = ")) {
		at := bytes.LastIndex(name, named)
		if at < 0 {
			return h, errLTTng
		}
		name, _, _ = bytes.Cut(name[at+len(named):], []byte(","))
	} else {
		at := bytes.LastIndex(name, []byte(": "))
		if at < 0 {
			return h, errLTTng
		}
		name = name[bytes.LastIndexByte(name[:at], ' ')+1 : at]
	}
	h.name = string(name[bytes.LastIndexByte(name, ':')+1:])
	if h.ns, h.kind, h.grain, ok = lttngTime(word); !ok {
		if isCycles(word) {
			return h, errLTTngCycles
		}
		return h, errLTTng
	}
	return h, nil
}

// lttngStamp finds the time of a head.
func lttngStamp(head []byte) (word, after []byte, ok bool) {
	if inner, found := bytes.CutPrefix(head, []byte("[")); found {
		word, after, ok = bytes.Cut(inner, []byte("]"))
	} else if inner, found := bytes.CutPrefix(head, []byte("timestamp = ")); found {
		word, after, ok = bytes.Cut(inner, []byte(","))
	}
	return word, after, ok
}

// isCycles knows what --clock-cycles prints: %020lu.
func isCycles(word []byte) bool {
	return len(word) >= 20 && len(bytes.Trim(word, "0123456789")) == 0
}

// lttngTime reads 17:02:57.265276947, 2018-05-16 01:51:29.858505538 and
// 1526435489.858505538. Seconds are since the trace's origin however few they
// are: a clock without an offset counts from the machine's start.
func lttngTime(word []byte) (ns int64, kind stampKind, grain int64, ok bool) {
	day := int64(0)
	if date, clock, isDate := bytes.Cut(word, []byte(" ")); isDate {
		d, err := time.Parse("2006-01-02", string(date))
		if err != nil {
			return 0, noStamp, 0, false
		}
		day, word = d.UnixNano(), clock
	}
	ns, kind, grain, _ = parseStamp(append(bytes.Clone(word), ' '))
	if day != 0 {
		ns += day
	}
	if day != 0 || kind == relative {
		kind = epoch
	}
	return ns, kind, grain, kind != noStamp
}
