// Package decode gives the registers of a system call their meaning: flags,
// modes, signals, clocks, commands and errors by name, as strace writes them;
// and reads such text back to registers ([Parse]). It works from the recorded
// values alone, on any OS; what it does not know stays a number, and a pointer
// stays a pointer, unless the detail of its event says what it points to.
//
// The functions that append do so to memory of the caller and allocate nothing
// else.
package decode

import (
	"math"
	"strconv"
	"strings"
	"sync"

	"systape/format"
	"systape/format/abi"
	"systape/replay/escape"
	"systape/replay/files"
)

//go:generate go run gen/main.go

// constant is a name for a value.
type constant struct {
	value uint64
	name  string
}

type perABI [5][]constant // by abi.ABI

// set is a group of constants: the bits of mask hold one value of field, the
// others are flags.
type set struct {
	mask  uint64
	field perABI
	flags perABI
	zero  string // name of no bit at all
	shift string // name of the shift of a huge page's size in the bits from 26 on
	enum  bool   // an unknown value is a decimal number
}

// param is one argument of a call.
type param struct {
	name   string
	kind   kind
	bits   uint8 // of the register that the kernel reads
	signed bool
	set    *set
	when   func(a abi.ABI, args *[6]int64) bool // nil: always
}

type call struct {
	params  []param
	starts  [6]uint8           // of params, see starts
	options map[uint32][]param // all arguments, by what the first one asks for
	result  kind
	known   bool
}

var tables = sync.OnceValue(func() (t [5][]call) {
	for _, a := range abi.All() {
		for name, text := range calls {
			nr, ok := abi.Number(a, name)
			if !ok {
				continue
			}
			i := index(a, nr)
			for len(t[a]) <= i {
				t[a] = append(t[a], call{})
			}
			t[a][i] = parseCall(a, name, text)
		}
	}
	return t
})

// armPrivate is where the tables keep ARM's private calls, from 0x0f0000.
const armPrivate = 1000

func index(a abi.ABI, nr int32) int {
	switch {
	case a == abi.X32:
		return int(nr &^ 0x40000000)
	case a == abi.ARM && nr >= 0x0f0000 && nr < 0x0f0010:
		return int(nr-0x0f0000) + armPrivate
	}
	return int(nr)
}

func lookup(a abi.ABI, nr int32) *call {
	t := tables()
	if int(a) >= len(t) {
		return &unknown
	}
	if i := index(a, nr); uint(i) < uint(len(t[a])) && t[a][i].known {
		return &t[a][i]
	}
	return &unknown
}

var unknown call

// of returns the arguments of a call whose registers are args.
func (c *call) of(args *[6]int64) []param {
	if c.options != nil {
		if p, ok := c.options[uint32(args[0])]; ok {
			return p
		}
	}
	return c.params
}

// parseCall reads one entry of calls for one ABI.
func parseCall(a abi.ABI, name, text string) call {
	backwards := cloneBackwards(a)
	for _, other := range strings.Split(text, ";")[1:] {
		which, rest, _ := strings.Cut(strings.TrimSpace(other), " ")
		if narrow(a) && which == "32" || a == abi.ARM && which == "arm" || backwards && which == "backwards" {
			text = rest
		}
	}
	text, _, _ = strings.Cut(text, ";")
	c := call{known: true}
	declared := Declared(a, name)
	for word := range strings.FieldsSeq(text) {
		if r, ok := strings.CutPrefix(word, "="); ok {
			c.result = mustKind(r)
			continue
		}
		p := parseParam(word)
		// mmap declares a long, and takes an int of it (fget); umask an int, and takes a mode of it.
		if n := len(c.params); n < len(declared) && p.kind != kindFD && p.kind != kindMode {
			p.bits, p.signed = uint8(declared[n].Bits()), p.signed || declared[n].Signed()
		}
		c.params = append(c.params, p)
	}
	c.starts = starts(c.params)
	if o := options[name]; o != nil {
		c.options = map[uint32][]param{}
		for what, text := range o {
			v, ok := c.params[0].set.value(a, what)
			if !ok {
				panic("decode: internal error: no option " + what)
			}
			list := []param{c.params[0]}
			for word := range strings.FieldsSeq(text) {
				list = append(list, parseParam(word))
			}
			c.options[uint32(v)] = list
		}
	}
	return c
}

// parseParam reads "name:kind" or "name:kind?condition".
func parseParam(word string) param {
	name, k, _ := strings.Cut(word, ":")
	k, when, _ := strings.Cut(k, "?")
	p := param{name: name}
	var ok bool
	if p.kind, ok = kinds[k]; !ok {
		p.kind = kindSet
		if set, isPair := strings.CutPrefix(k, "pair-"); isPair {
			p.kind, k = kindSetPair, set
		}
		if p.set = sets[k]; p.set == nil {
			panic("decode: internal error: no set " + k)
		}
	}
	p.bits, p.signed = p.kind.bits(), p.kind.signed()
	if when != "" {
		if p.when = conditions[when]; p.when == nil {
			panic("decode: internal error: no condition " + when)
		}
	}
	return p
}

func mustKind(name string) kind {
	k, ok := kinds[name]
	if !ok {
		panic("decode: internal error: no kind " + name)
	}
	return k
}

// Known reports whether the arguments of call nr of a have names and kinds
// here. Those of other calls are written as numbers.
func Known(a abi.ABI, nr int32) bool { return lookup(a, nr).known }

// AppendArgs appends the arguments of a call with commas between them, such
// as "AT_FDCWD, 0x7ffc3a5e1f20, O_RDONLY|O_CLOEXEC". Arguments that the call
// does not read with these flags are left out. What detail, that of the enter,
// says of an argument stands in its place: the text that it points to, or a
// question mark when it is not known (see [format.Argument]).
func AppendArgs(dst []byte, a abi.ABI, nr int32, args *[6]int64, detail string) []byte {
	return AppendNamedArgs(dst, a, nr, args, detail, &Names{})
}

// Names are what the descriptors in the registers of a call stand for, or each of
// the two that it made where a register points to; "" where there is none or it
// is not known.
type Names [6]Name

// Name is what a descriptor stands for.
type Name struct {
	Text string
	Gone bool // Text ends in [format.DeletedSuffix], which is no part of the name
}

// AppendNamedArgs is AppendArgs that writes behind each descriptor what it
// stands for, as strace -y does: "3</etc/hosts>, 0x7ffc3a5e1f20, 4096".
func AppendNamedArgs(dst []byte, a abi.ABI, nr int32, args *[6]int64, detail string, names *Names) []byte {
	return appendFirstArgs(dst, a, nr, args, detail, names, len(args))
}

// appendFirstArgs is AppendNamedArgs of the first n registers.
func appendFirstArgs(dst []byte, a abi.ABI, nr int32, args *[6]int64, detail string, names *Names, n int) []byte {
	c := lookup(a, nr)
	if !c.known {
		for i := range min(abi.NumArgs(a, nr), n) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if text, isUnknown, told := format.Argument(detail, i); told {
				dst = appendTold(dst, a, kindPath, text, isUnknown)
			} else {
				dst = appendUnknown(dst, args[i])
			}
		}
		return dst
	}
	params := c.of(args)
	reg, first := 0, true
	for i := range params {
		p := &params[i]
		if reg >= n {
			break
		}
		if p.shown(a, args) {
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			if detail == "" {
				dst = p.append(dst, a, args, reg)
			} else if call, passed, of, ok := passedOn(p.kind, args, detail); ok {
				dst = append(appendFirstArgs(append(dst, '['), a, call.Nr, &passed, of, names, call.Args), ']')
			} else if text, isUnknown, told := format.Argument(detail, reg); told {
				if p.kind == kindFDPair && names[reg].Text != "" && isPair(text) {
					dst = appendPair(dst, text, names[reg])
				} else {
					dst = appendTold(dst, a, p.kind, text, isUnknown)
				}
			} else {
				dst = p.append(dst, a, args, reg)
			}
			if names[reg].Text != "" && (p.kind == kindFD || p.kind == kindDirFD) {
				dst = AppendName(dst, names[reg])
			}
		}
		reg += p.kind.registers()
	}
	return dst
}

// AppendName appends what a descriptor stands for, "</etc/hosts>". Angle
// brackets in a name are escapes, so that a file cannot be named to look like
// the rest of a line.
func AppendName(dst []byte, of Name) []byte {
	name := of.Text
	if of.Gone { // as strace writes it
		dst = append(appendBare(append(dst, '<'), strings.TrimSuffix(name, format.DeletedSuffix)), '>')
		return append(dst, strings.TrimSpace(format.DeletedSuffix)...)
	}
	dst = append(dst, '<')
	if kind, rest, ok := strings.Cut(name, "->"); ok && name[0] != '/' { // a socket's peer
		dst = append(appendBare(dst, kind), "->"...)
		name = rest
	}
	return append(appendBare(dst, name), '>')
}

func appendBare(dst []byte, name string) []byte {
	for {
		i := strings.IndexAny(name, "<>")
		if i < 0 {
			break
		}
		dst = escape.Append(dst, name[:i])
		dst = append(dst, `\x3`...)
		dst = append(dst, "ce"[name[i]>>1&1])
		name = name[i+1:]
	}
	return escape.Append(dst, name)
}

// appendTold writes what an event says of an argument beside its register.
func appendTold(dst []byte, a abi.ABI, k kind, text string, isUnknown bool) []byte {
	switch {
	case isUnknown:
		return append(dst, '?')
	case k == kindFDPair && isPair(text):
		return append(dst, text...)
	case k == kindCloneArgs || k == kindOpenHow || k == kindCallArgs:
		if words, n, ok := format.Words(text); ok {
			return appendWords(dst, a, k, words[:n])
		}
	case k == kindMsgHdr || k == kindMsgHdrBack:
		dst = append(dst, "{msg_name="...)
		return append(appendTold(dst, a, kindSockAddr, text, false), '}')
	case k == kindSockAddr || k == kindSockAddrBack:
		start := len(dst)
		dst = strconv.AppendQuote(dst, text)
		return append(dst[:start], dst[start+1:len(dst)-1]...) // without the quotes
	}
	return strconv.AppendQuote(dst, text)
}

// passedOn is files.PassedOn of an argument that is the address of others.
func passedOn(k kind, args *[6]int64, detail string) (call abi.SocketCall, passed [6]int64, of string, ok bool) {
	if k == kindCallArgs {
		return files.PassedOn(args, detail)
	}
	return call, passed, "", false
}

// appendPair writes two descriptors that stand for the same.
func appendPair(dst []byte, text string, name Name) []byte {
	first, second, _ := strings.Cut(strings.TrimSuffix(text, "]"), ",")
	dst = AppendName(append(dst, first...), name)
	dst = AppendName(append(append(dst, ','), second...), name)
	return append(dst, ']')
}

// isPair tells the descriptors that pipe and socketpair made, "[3, 4]".
func isPair(text string) bool {
	_, _, ok := files.Pair(text)
	return ok
}

func (p *param) shown(a abi.ABI, args *[6]int64) bool {
	if p.kind == kindPad || p.kind == kindSkip {
		return false
	}
	if p.when != nil {
		return p.when(a, args)
	}
	return !p.kind.absent(args)
}

// Value returns argument n of a call as the kernel takes it: of a register
// whose upper half the kernel does not read, the lower half, with its sign if
// the argument has one. AT_FDCWD is -100 whatever the program had in the rest
// of the register.
func Value(a abi.ABI, nr int32, args *[6]int64, n int) int64 {
	if v := args[n]; uint64(v) <= math.MaxUint16 {
		return v // which every kind of register has room for
	}
	return wideValue(a, nr, args, n)
}

func wideValue(a abi.ABI, nr int32, args *[6]int64, n int) int64 {
	v := args[n]
	p := register(a, nr, args, n)
	switch {
	case p == nil:
		return v
	case p.bits == 16:
		return int64(uint16(v))
	case (p.bits == 32 || narrow(a)) && p.signed:
		return int64(int32(v))
	case p.bits == 32:
		return int64(uint32(v))
	}
	return v
}

// register returns the argument that stands in register n, nil when no
// argument begins there.
func register(a abi.ABI, nr int32, args *[6]int64, n int) *param {
	c := lookup(a, nr)
	if c.options == nil {
		if i := c.starts[n]; i > 0 {
			return &c.params[i-1]
		}
		return nil
	}
	params := c.of(args)
	if i := starts(params)[n]; i > 0 {
		return &params[i-1]
	}
	return nil
}

// starts returns by register which of params begins there, plus one; 0: none.
func starts(params []param) (s [6]uint8) {
	reg := 0
	for i := range params {
		if reg >= len(s) {
			break
		}
		s[reg] = uint8(i + 1)
		reg += params[i].kind.registers()
	}
	return s
}

// AppendResult appends what a call returned: a number, descriptor or address,
// "-1 ENOENT (No such file or directory)" for an error, and
// "? ERESTARTSYS (…)" for a restart that the caller never sees.
func AppendResult(dst []byte, a abi.ABI, nr int32, args *[6]int64, ret int64) []byte {
	if narrow(a) { // the program sees 32 bits; the kernel may have returned an unsigned int
		if r := int64(int32(ret)); r < 0 && r >= -4095 {
			ret = r
		}
	}
	if ret < 0 && ret >= -4095 {
		return appendError(dst, a, int(-ret))
	}
	switch k := lookup(a, nr).result; k {
	case kindPtr, kindHex:
		return appendHex(dst, wide(a, ret))
	case kindMode:
		return appendOctal(dst, uint64(ret))
	case kindFcntl:
		return appendFcntlResult(dst, a, args[1], ret)
	case kindIOPrio:
		dst = append(strconv.AppendInt(dst, ret, 10), " ("...)
		return append(appendIOPrio(dst, a, uint32(ret)), ')')
	}
	return strconv.AppendInt(dst, ret, 10)
}

// restartTexts say what the kernel does with an internal return value
// (include/linux/errno.h).
var restartTexts = map[int]string{
	512: "To be restarted if SA_RESTART is set",
	513: "To be restarted",
	514: "To be restarted if no handler",
	516: "Interrupted by signal",
}

func appendError(dst []byte, a abi.ABI, errno int) []byte {
	text := ""
	if errno >= 512 && errno <= 516 && errno != 515 {
		dst = append(dst, "? "...)
		text = restartTexts[errno]
	} else {
		dst = append(dst, "-1 "...)
		text = ErrorText(errno)
	}
	if name := abi.ErrnoName(a, errno); name != "" {
		dst = append(dst, name...)
	} else {
		dst = strconv.AppendInt(append(dst, "errno "...), int64(errno), 10)
	}
	if text != "" {
		dst = append(append(append(dst, " ("...), text...), ')')
	}
	return dst
}

// ErrorText returns what an error number means, such as "No such file or
// directory"; "" for numbers that have no text.
func ErrorText(errno int) string {
	if uint(errno) < uint(len(errorTexts)) {
		return errorTexts[errno]
	}
	return ""
}
