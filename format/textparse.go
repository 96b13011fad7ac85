package format

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"systape/format/abi"
)

// ParseText reads events from their text form, which loses nothing: what
// [FormatText] writes reads back as the same events. It is made for test
// cases and for looking at a capture, one event a line:
//
//	1000 enter 7/8 read(3, 0x7f00, 512) cpu=1 comm="web" container="0a1b2c3d4e5f"
//	1200 exit 7/8 read = 12
//	1300 exit 7/8 nr=-1 = -4
//	1400 lost count=5 first=1400 last=1450 enters=3 exits=2 cause=0 cpu=1
//	1500 fork 7/8 -> 7/9
//	1600 exec 7/7 old=8 "/bin/ls"
//	1700 rename 7/8 comm="worker"
//	1800 thread_end 7/8 code=0 group=1
//	1900 mark what=1 first=1900 last=1950 cpu=-1
//	2000 count 7/0 read calls=90 errors=2 total=41000 first=1000 last=2000
//	2000 fd 7/7 fd=3 flags=2 "/var/log/web"
//
// A line is TS KIND PID/TID and then, in any order, its fields; PID alone
// stands for PID/PID, and rows of lost and mark may leave it out. A # outside of quotes
// begins a comment; see [WriteDump] for those that tell metadata. The fields:
//
//	NAME  NAME(ARG, …)    the system call by name, enters with up to six arguments, missing ones are 0
//	nr=N  nr=N(ARG, …)    the same by number; its name is then the one of the table, syscall_N if it has none
//	= N                   the return value
//	-> PID/TID            fork: the new thread
//	"…"                   detail
//	abi=A                 default x86_64
//	cpu=N seq=N           default 0, and the number of events before this one
//	comm="…" container="…" syscall="…"   default empty, and the name of nr
//	count first last enters exits cause   lost: arg0 to arg5; first defaults to TS, last to first
//	old=N                 exec: arg0, default TID
//	code=N group=N        thread_end: arg0 and arg1
//	what first last       mark: arg0 to arg2; first defaults to TS, last to first
//	calls errors total first last   count: arg0 to arg4
//	fd=N flags=N          fd: arg0 and arg1
//	ret=N arg0=N … arg5=N what a row holds beyond the fields of its kind
//
// Numbers are decimal or 0x-hexadecimal, the latter as 64 bits, so that
// 0xffffffffffffffff is -1. Strings are quoted as in Go. An error names the
// line.
func ParseText(r io.Reader) ([]Event, error) {
	var events []Event
	d := NewDumpReader(r)
	for {
		e, err := d.event()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

// MustParseText is ParseText for test cases and other text of the program's
// own; it panics on an error.
func MustParseText(text string) []Event {
	events, err := ParseText(strings.NewReader(text))
	if err != nil {
		panic("format: internal error: " + err.Error())
	}
	return events
}

// textParser takes one line apart. The first error stays.
type textParser struct {
	rest string
	err  error
	seen map[string]bool
}

func (p *textParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

// space skips blanks and a comment.
func (p *textParser) space() {
	p.rest = strings.TrimLeft(p.rest, " \t\r")
	if strings.HasPrefix(p.rest, "#") {
		p.rest = ""
	}
}

// take returns the longest prefix without any of the stop characters.
func (p *textParser) take(stop string) string {
	i := strings.IndexAny(p.rest, stop)
	if i < 0 {
		i = len(p.rest)
	}
	s := p.rest[:i]
	p.rest = p.rest[i:]
	return s
}

func (p *textParser) word() string {
	w := p.take(" \t\r")
	p.space()
	return w
}

// literal consumes s if it is next.
func (p *textParser) literal(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *textParser) number(what, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		var u uint64
		u, err = strconv.ParseUint(hex, 16, 64)
		n = int64(u)
	}
	if err != nil {
		p.fail("%s: %q is not a 64-bit number", what, s)
	}
	return n
}

func (p *textParser) number32(what, s string) int32 {
	n := p.number(what, s)
	if int64(int32(n)) != n {
		p.fail("%s: %s does not fit 32 bits", what, s)
	}
	return int32(n)
}

func (p *textParser) quoted(what string) string {
	q, err := strconv.QuotedPrefix(p.rest)
	if err != nil || q[0] != '"' {
		p.fail("%s: want a quoted string at %q", what, p.rest)
		p.rest = ""
		return ""
	}
	p.rest = p.rest[len(q):]
	s, _ := strconv.Unquote(q)
	return s
}

func (p *textParser) ids(what, s string) (pid, tid int32) {
	a, b, two := strings.Cut(s, "/")
	pid = p.number32(what, a)
	if !two {
		return pid, pid
	}
	return pid, p.number32(what, b)
}

func (p *textParser) once(field string) {
	if p.seen[field] {
		p.fail("%s is there twice", field)
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[field] = true
}

func (p *textParser) event(position int64) Event {
	e := Event{Seq: position, Nr: -1}
	e.TS = p.number("time", p.word())
	kind := p.word()
	var ok bool
	if e.Kind, ok = ParseKind(kind); !ok {
		p.fail("unknown kind %q", kind)
		return e
	}
	if !e.Kind.nobodys() || p.rest != "" && strings.IndexByte("-0123456789", p.rest[0]) >= 0 {
		e.PID, e.TID = p.ids("pid/tid", p.word())
	}
	name := ""
	for p.err == nil && p.rest != "" {
		switch {
		case p.rest[0] == '"':
			p.once("detail")
			e.Detail = p.quoted("detail")
		case p.literal("->"):
			p.once("arg0")
			p.once("arg1")
			p.space()
			pid, tid := p.ids("new thread", p.take(" \t\r"))
			e.Args[ForkPID], e.Args[ForkTID] = int64(pid), int64(tid)
		case p.literal("="):
			p.once("ret")
			p.space()
			e.Ret = p.number("return value", p.take(" \t\r"))
		default:
			key := p.take(" \t\r=(\"")
			if p.literal("=") {
				p.field(&e, key)
			} else {
				p.once("name")
				name = key
			}
			if p.literal("(") {
				p.args(&e)
			}
		}
		if p.rest != "" && strings.IndexByte(" \t\r", p.rest[0]) < 0 {
			p.fail("want a blank at %q", p.rest)
		}
		p.space()
	}
	p.defaults(&e, name)
	return e
}

func (p *textParser) field(e *Event, key string) {
	p.once(key)
	switch key {
	case "comm":
		e.Comm = p.quoted(key)
		return
	case "container":
		e.Container = p.quoted(key)
		return
	case "syscall":
		e.Syscall = p.quoted(key)
		return
	}
	value := p.take(" \t\r(")
	switch key {
	case "abi":
		var ok bool
		if e.ABI, ok = abi.Parse(value); !ok {
			p.fail("unknown abi %q", value)
		}
	case "cpu":
		e.CPU = p.number32(key, value)
	case "nr":
		e.Nr = p.number32(key, value)
	case "seq":
		e.Seq = p.number(key, value)
	case "ret":
		e.Ret = p.number(key, value)
	default:
		if i := argIndex(e.Kind, key); i >= 0 {
			arg := "arg" + strconv.Itoa(i)
			if key != arg {
				p.once(arg)
			}
			e.Args[i] = p.number(key, value)
			return
		}
		p.fail("unknown field %q for %s", key, e.Kind)
	}
}

func (p *textParser) args(e *Event) {
	i := 0
	for p.space(); !p.literal(")"); p.space() {
		if i > 0 {
			if !p.literal(",") {
				p.fail("want , or ) at %q", p.rest)
				return
			}
			p.space()
		}
		if i == len(e.Args) {
			p.fail("more than six arguments")
			return
		}
		arg := "arg" + strconv.Itoa(i)
		p.once(arg)
		if e.Args[i] = p.number(arg, p.take(" \t\r,)")); p.err != nil {
			return
		}
		i++
	}
}

// defaults fills in what follows from other fields, now that all are known.
func (p *textParser) defaults(e *Event, name string) {
	call := e.Kind.call()
	switch {
	case p.err != nil:
	case name != "" && !p.seen["nr"]:
		nr, ok := abi.Number(e.ABI, name)
		if !ok {
			if n, err := strconv.ParseInt(strings.TrimPrefix(name, "syscall_"), 10, 32); err == nil && abi.NameOr(e.ABI, int32(n)) == name {
				nr, ok = int32(n), true
			}
		}
		if !ok {
			p.fail("%s has no system call %q", e.ABI, name)
		}
		e.Nr = nr
	case call && name == "" && !p.seen["nr"]:
		p.fail("%s wants a system call or nr=", e.Kind)
	}
	if !p.seen["syscall"] {
		if name != "" {
			e.Syscall = name
		} else if call {
			e.Syscall = abi.NameOr(e.ABI, e.Nr)
		}
	}
	switch e.Kind {
	case Lost, Mark: // LostFirst is MarkFirst, LostLast is MarkLast
		if !p.seen["arg1"] && !p.seen["first"] {
			e.Args[LostFirst] = e.TS
		}
		if !p.seen["arg2"] && !p.seen["last"] {
			e.Args[LostLast] = e.Args[LostFirst]
		}
	case Exec:
		if !p.seen["arg0"] && !p.seen["old"] {
			e.Args[ExecOldTID] = int64(e.TID)
		}
	}
}
