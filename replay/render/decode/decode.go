// Package decode gives the registers of a system call their meaning: flags,
// modes, signals, clocks, commands and errors by name, as strace writes them.
// It works from the recorded values alone, on any OS; what it does not know
// stays a number, and a pointer stays a pointer.
//
// All functions append to memory of the caller and allocate nothing else.
package decode

import (
	"strconv"
	"strings"
	"sync"

	"systape/format/abi"
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
	enum  bool   // an unknown value is a decimal number
}

// param is one argument of a call.
type param struct {
	name string
	kind kind
	set  *set
	when func(a abi.ABI, args *[6]int64) bool // nil: always
}

type call struct {
	params []param
	result kind
	known  bool
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
			t[a][i] = parse(a, text)
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

// parse reads one entry of calls for one ABI.
func parse(a abi.ABI, text string) call {
	narrow := a == abi.I386 || a == abi.ARM
	for _, other := range strings.Split(text, ";")[1:] {
		which, rest, _ := strings.Cut(strings.TrimSpace(other), " ")
		if narrow && which == "32" || a == abi.ARM && which == "arm" {
			text = rest
		}
	}
	text, _, _ = strings.Cut(text, ";")
	c := call{known: true}
	for _, word := range strings.Fields(text) {
		if r, ok := strings.CutPrefix(word, "="); ok {
			c.result = mustKind(r)
			continue
		}
		name, k, _ := strings.Cut(word, ":")
		k, when, _ := strings.Cut(k, "?")
		p := param{name: name}
		var ok bool
		if p.kind, ok = kinds[k]; !ok {
			p.kind, p.set = kindSet, sets[k]
			if p.set == nil {
				panic("decode: internal error: no set " + k)
			}
		}
		if when != "" {
			if p.when = conditions[when]; p.when == nil {
				panic("decode: internal error: no condition " + when)
			}
		}
		c.params = append(c.params, p)
	}
	return c
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
// does not read with these flags are left out.
func AppendArgs(dst []byte, a abi.ABI, nr int32, args *[6]int64) []byte {
	c := lookup(a, nr)
	if !c.known {
		for i := range abi.NumArgs(a, nr) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendUnknown(dst, args[i])
		}
		return dst
	}
	reg, first := 0, true
	for i := range c.params {
		p := &c.params[i]
		if reg >= len(args) {
			break
		}
		n := p.kind.registers()
		if p.shown(a, args) {
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			dst = p.append(dst, a, args, reg)
		}
		reg += n
	}
	return dst
}

// EachArg calls f for every argument that [AppendArgs] writes, with its name
// ("arg0" and so on when the call is not known) and its text, which is valid
// until f returns. buf is memory to work in; EachArg returns it for reuse.
func EachArg(buf []byte, a abi.ABI, nr int32, args *[6]int64, f func(name string, text []byte)) []byte {
	c := lookup(a, nr)
	if !c.known {
		for i := range abi.NumArgs(a, nr) {
			buf = appendUnknown(buf[:0], args[i])
			f(argNames[i], buf)
		}
		return buf
	}
	reg := 0
	for i := range c.params {
		p := &c.params[i]
		if reg >= len(args) {
			break
		}
		if p.shown(a, args) {
			buf = p.append(buf[:0], a, args, reg)
			f(p.name, buf)
		}
		reg += p.kind.registers()
	}
	return buf
}

var argNames = [6]string{"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"}

func (p *param) shown(a abi.ABI, args *[6]int64) bool {
	if p.kind == kindPad || p.kind == kindSkip {
		return false
	}
	if p.when != nil {
		return p.when(a, args)
	}
	return !p.kind.absent(args)
}

// AppendResult appends what a call returned: a number, descriptor or address,
// "-1 ENOENT (No such file or directory)" for an error, and
// "? ERESTARTSYS (…)" for a restart that the caller never sees.
func AppendResult(dst []byte, a abi.ABI, nr int32, args *[6]int64, ret int64) []byte {
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
