package jsonl

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"regexp"
	"strconv"
	"unicode/utf8"

	"systape/format"
	"systape/format/abi"
)

// maxLine bounds what one line may take.
const maxLine = 4 << 20

// Reader reads events from JSON lines. It wants the columns of the events
// table as keys, in any order. What a line leaves out is 0 or "", but for the
// kind, which must be there, seq, which then counts the lines, and syscall,
// which then is the name of abi and nr. Empty lines are skipped.
type Reader struct {
	lines *bufio.Scanner
	meta  *format.Meta
	line  int64
	rows  int64
	buf   []byte
	err   error
}

// Meta returns what the capture says about itself, as far as it was read: the
// last line about that counts. nil if there was none.
func (r *Reader) Meta() *format.Meta { return r.meta }

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	return &Reader{lines: s}
}

// Read fills b with up to n events and interns their names in b.Names. It
// returns io.EOF when there are none left. Another error names the line; b
// then has the events before it.
func (r *Reader) Read(b *format.Batch, n int) error {
	b.Reset()
	if r.err != nil {
		return r.err
	}
	if b.Symbols == nil {
		b.Symbols = format.NewSymbolTable()
	}
	for b.N < n {
		if !r.lines.Scan() {
			if r.err = r.lines.Err(); r.err == nil {
				r.err = io.EOF
			} else {
				r.err = fmt.Errorf("line %d: %w", r.line+1, r.err)
			}
			break
		}
		r.line++
		line := r.lines.Bytes()
		if isMeta(line) {
			var m struct {
				Meta *format.Meta `json:"meta"`
			}
			if err := json.Unmarshal(line, &m); err != nil || m.Meta == nil {
				r.err = fmt.Errorf("line %d: what the capture says about itself cannot be read: %w", r.line, cmp.Or(err, errNoMeta))
				break
			}
			r.meta = m.Meta
			continue
		}
		if err := r.row(b, line); err != nil {
			r.err = fmt.Errorf("line %d: %w", r.line, err)
			break
		}
	}
	if b.N > 0 && r.err == io.EOF {
		return nil // the next Read says it
	}
	return r.err
}

var errNoMeta = errors.New("the key meta is missing")

var metaLine = regexp.MustCompile(`^\s*\{\s*"kind"\s*:\s*"meta"`)

func isMeta(line []byte) bool {
	return len(line) > 0 && bytes.Contains(line[:min(len(line), 40)], []byte(`"meta"`)) && metaLine.Match(line)
}

// columns are the keys of a line.
var columns = map[string]format.Columns{
	"ts_ns": format.ColTS, "seq": format.ColSeq, "kind": format.ColKind, "cpu": format.ColCPU, "pid": format.ColPID, "tid": format.ColTID,
	"abi": format.ColABI, "nr": format.ColNr, "syscall": format.ColSyscall, "ret": format.ColRet,
	"arg0": format.ColArg0, "arg1": format.ColArg1, "arg2": format.ColArg2, "arg3": format.ColArg3, "arg4": format.ColArg4, "arg5": format.ColArg5,
	"comm": format.ColComm, "container": format.ColContainer, "detail": format.ColDetail,
}

func (r *Reader) row(b *format.Batch, line []byte) error {
	p := parser{s: line, buf: r.buf}
	p.space()
	if len(p.s) == 0 {
		return nil
	}
	var has format.Columns
	var e struct {
		ts, seq, ret    int64
		cpu, pid, tid   int32
		nr              int32
		kind            format.Kind
		abi             abi.ABI
		args            [6]int64
		syscall         format.Symbol
		comm, container format.Symbol
		detail          string
	}
	e.seq = r.rows
	unknown, unknownRet := 0, false // what is null
	p.want('{')
	for first := true; p.err == nil && !p.is('}'); first = false {
		if !first {
			p.want(',')
		}
		key := p.text()
		col := columns[string(key)]
		switch {
		case p.err != nil:
		case col == 0:
			p.fail("unknown key %q", key)
		case has&col != 0:
			p.fail("the key %s is there twice", key)
		}
		has |= col
		p.want(':')
		switch col {
		case format.ColTS:
			e.ts = p.int64()
		case format.ColSeq:
			e.seq = p.int64()
		case format.ColKind:
			word := p.text()
			var ok bool
			if e.kind, ok = format.ParseKind(string(word)); !ok {
				p.fail("unknown kind %q", word)
			}
		case format.ColCPU:
			e.cpu = p.int32()
		case format.ColPID:
			e.pid = p.int32()
		case format.ColTID:
			e.tid = p.int32()
		case format.ColABI:
			word := p.text()
			var ok bool
			if e.abi, ok = abi.Parse(string(word)); !ok {
				p.fail("unknown abi %q", word)
			}
		case format.ColNr:
			e.nr = p.int32()
		case format.ColSyscall:
			e.syscall = p.sym(b.Symbols)
		case format.ColRet:
			var known bool
			if e.ret, known = p.maybe(); !known {
				unknownRet = true
			}
		case format.ColArg0, format.ColArg1, format.ColArg2, format.ColArg3, format.ColArg4, format.ColArg5:
			i := bits.TrailingZeros32(uint32(col / format.ColArg0))
			var known bool
			if e.args[i], known = p.maybe(); !known {
				unknown |= 1 << i
			}
		case format.ColComm:
			e.comm = p.sym(b.Symbols)
		case format.ColContainer:
			e.container = p.sym(b.Symbols)
		case format.ColDetail:
			if word := p.text(); len(word) > 0 {
				e.detail = string(word)
			}
		}
		p.space()
	}
	p.want('}')
	if p.space(); p.err == nil && len(p.s) > 0 {
		p.fail("text after the object")
	}
	if p.err == nil && has&format.ColKind == 0 {
		p.fail("the key kind is missing")
	}
	r.buf = p.buf
	if p.err != nil {
		return p.err
	}
	if has&format.ColSyscall == 0 && e.kind <= format.Exit {
		e.syscall = b.Symbols.InternString(abi.NameOr(e.abi, e.nr))
	}
	if unknown != 0 || unknownRet {
		e.detail = tell(e.kind, e.detail, &e.args, unknown, unknownRet)
	}
	b.N++
	b.TS, b.Seq, b.Kind = append(b.TS, e.ts), append(b.Seq, e.seq), append(b.Kind, e.kind)
	b.CPU, b.PID, b.TID = append(b.CPU, e.cpu), append(b.PID, e.pid), append(b.TID, e.tid)
	b.ABI, b.Nr, b.Ret = append(b.ABI, e.abi), append(b.Nr, e.nr), append(b.Ret, e.ret)
	for i := range b.Args {
		b.Args[i] = append(b.Args[i], e.args[i])
	}
	b.Syscall, b.Comm, b.Container = append(b.Syscall, e.syscall), append(b.Comm, e.comm), append(b.Container, e.container)
	b.Detail = append(b.Detail, e.detail)
	r.rows++
	return nil
}

// tell returns the detail of a row with lines about what is null, where it has
// none yet.
func tell(kind format.Kind, detail string, args *[6]int64, unknown int, unknownRet bool) string {
	switch {
	case kind == format.Exit && unknownRet && detail == "":
		return format.UnknownResult
	case kind != format.Enter:
		return detail
	}
	d := []byte(detail)
	for i := range args {
		if unknown&(1<<i) != 0 && !format.ArgumentUnknown(detail, i, 0) {
			d = format.AppendUnknownArgument(d, i)
		}
	}
	return string(d)
}

// maybe reads a number or null.
func (p *parser) maybe() (v int64, known bool) {
	p.space()
	if rest, ok := bytes.CutPrefix(p.s, []byte("null")); ok {
		p.s = rest
		return 0, false
	}
	return p.int64(), true
}

// parser takes one flat object apart. The first error stays.
type parser struct {
	s   []byte
	buf []byte // of text with escapes
	err error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) space() {
	for len(p.s) > 0 && (p.s[0] == ' ' || p.s[0] == '\t' || p.s[0] == '\r') {
		p.s = p.s[1:]
	}
}

func (p *parser) is(c byte) bool {
	p.space()
	return len(p.s) > 0 && p.s[0] == c
}

func (p *parser) want(c byte) {
	if !p.is(c) {
		p.fail("want %q at %q", c, head(p.s))
		return
	}
	p.s = p.s[1:]
}

// head is the beginning of s, for messages.
func head(s []byte) []byte { return s[:min(len(s), 20)] }

func (p *parser) int64() int64 {
	p.space()
	i := 0
	negative := i < len(p.s) && p.s[i] == '-'
	if negative {
		i++
	}
	start := i
	var v uint64
	for ; i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9'; i++ {
		if v > (math.MaxUint64-9)/10 {
			break
		}
		v = v*10 + uint64(p.s[i]-'0')
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	whole := i == len(p.s) || p.s[i] == ',' || p.s[i] == '}' || p.s[i] == ' ' || p.s[i] == '\t'
	if i == start || !whole || v > limit || i > start+1 && p.s[start] == '0' {
		p.fail("want a 64-bit integer at %q", head(p.s))
		return 0
	}
	p.s = p.s[i:]
	if negative {
		return -int64(v)
	}
	return int64(v)
}

func (p *parser) int32() int32 {
	v := p.int64()
	if int64(int32(v)) != v {
		p.fail("%d does not fit 32 bits", v)
	}
	return int32(v)
}

func (p *parser) sym(names *format.SymbolTable) format.Symbol {
	s, err := names.Intern(p.text())
	if err != nil {
		p.fail("%w", err)
	}
	return s
}

var errEscape = errors.New("bad escape in a string")

// text reads a string. It is valid until the next one is read.
func (p *parser) text() []byte {
	p.want('"')
	for i := 0; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			t := p.s[:i]
			p.s = p.s[i+1:]
			return t
		case c == '\\':
			return p.escaped(i)
		case c < ' ':
			p.fail("a control character in a string")
			return nil
		}
	}
	p.fail("a string has no end")
	return nil
}

func (p *parser) escaped(i int) []byte {
	p.buf = append(p.buf[:0], p.s[:i]...)
	for i < len(p.s) {
		c := p.s[i]
		switch {
		case c == '"':
			p.s = p.s[i+1:]
			return p.buf
		case c < ' ':
			p.fail("a control character in a string")
			return nil
		case c != '\\':
			p.buf = append(p.buf, c)
			i++
			continue
		}
		n := p.escape(p.s[i:])
		if n == 0 {
			p.fail("%w", errEscape)
			return nil
		}
		i += n
	}
	p.fail("a string has no end")
	return nil
}

// escape appends what the escape at the beginning of s stands for and returns
// its length, 0 if it is none.
func (p *parser) escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range from {
		if s[1] == from[i] {
			p.buf = append(p.buf, to[i])
			return 2
		}
	}
	u, ok := unit(s)
	if !ok {
		return 0
	}
	switch {
	case u >= 0xd800 && u < 0xdc00:
		low, ok := unit(s[6:])
		if !ok || low < 0xdc00 || low > 0xdfff {
			return 0
		}
		p.buf = utf8.AppendRune(p.buf, (u-0xd800)<<10+(low-0xdc00)+0x10000)
		return 12
	case u >= 0xdc80 && u <= 0xdcff:
		p.buf = append(p.buf, byte(u)) // a byte that is not UTF-8
	case u >= 0xdc00 && u <= 0xdfff:
		return 0
	default:
		p.buf = utf8.AppendRune(p.buf, u)
	}
	return 6
}

// unit reads \uXXXX.
func unit(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return rune(v), err == nil
}
