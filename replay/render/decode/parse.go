package decode

import (
	"bytes"
	"strings"

	"systape/format"
	"systape/format/abi"
)

// Parse reads the arguments of a call as strace writes them, one text for each
// in the order of [AppendArgs], back to registers: numbers, and names by the
// tables that AppendArgs writes them with. It returns the registers, and the
// detail that says of each argument what else is known: the text of a path, or
// that nothing is. What a text shows of a structure or of data says nothing
// about the register, so it is not known.
func Parse(a abi.ABI, nr int32, texts [][]byte) (args [6]int64, detail string) {
	var lines []byte
	unknown := func(reg int) { lines = format.AppendUnknownArgument(lines, reg) }
	c := lookup(a, nr)
	takes := min(abi.NumArgs(a, nr), len(args))
	if !c.known {
		for reg := range takes {
			var ok bool
			if reg < len(texts) {
				args[reg], ok = parseNumber(texts[reg])
			}
			if !ok {
				unknown(reg)
			}
		}
		return args, string(lines)
	}
	next, reg := 0, 0
	params := c.params
	named := cloneTexts(texts)
	for i := 0; i < len(params) && reg < len(args); i++ {
		if i == 1 {
			params = c.of(&args)
			if i >= len(params) {
				break
			}
		}
		p := &params[i]
		n := p.kind.registers()
		if reg+n > len(args) {
			break
		}
		if !p.shown(a, &args) {
			reg += n
			continue
		}
		var text []byte
		switch {
		case named != nil:
			text = stripComments(named[p.name])
		case next < len(texts):
			text = stripComments(texts[next])
		}
		next++
		switch v, ok := p.parse(a, &args, text); {
		case ok && n == 2 && p.kind == kindPairHigh:
			args[reg], args[reg+1] = v>>32&0xffffffff, v&0xffffffff
		case ok && n == 2:
			args[reg], args[reg+1] = v&0xffffffff, v>>32&0xffffffff
		case ok:
			args[reg] = v
		case p.kind == kindPath || p.kind == kindStr || p.kind == kindName:
			if s, ok := Unquote(text); ok {
				lines = format.AppendArgument(lines, reg, s)
			} else {
				unknown(reg)
			}
		case p.kind == kindSockAddr || p.kind == kindSockAddrBack:
			if s := sockAddr(text); s != "" {
				lines = format.AppendArgument(lines, reg, s)
			} else {
				unknown(reg)
			}
		case p.kind == kindFDPair:
			if s, ok := fdPair(text); ok {
				lines = format.AppendArgument(lines, reg, s)
			} else {
				unknown(reg)
			}
		default:
			unknown(reg)
		}
		if p.kind == kindFD || p.kind == kindDirFD {
			lines = appendDescriptorName(lines, reg, text)
		}
		reg += n
	}
	return args, string(lines)
}

// appendDescriptorName appends what a text says of the descriptor in a register.
func appendDescriptorName(lines []byte, reg int, text []byte) []byte {
	if name, ok := descriptorName(text); ok {
		return format.AppendDescriptor(lines, reg, name)
	}
	return lines
}

// cloneTexts tells the texts of clone, which strace writes with the names of
// its own: child_stack=NULL, flags=CLONE_VM|SIGCHLD. nil if they are not that.
func cloneTexts(texts [][]byte) map[string][]byte {
	var named map[string][]byte
	for _, t := range texts {
		name, value, ok := bytes.Cut(bytes.TrimSpace(t), []byte("="))
		if !ok {
			continue
		}
		switch string(name) {
		case "child_stack", "stack":
			name = []byte("stack")
		case "flags", "tls":
		case "parent_tid", "parent_tidptr":
			name = []byte("parent_tid")
		case "child_tid", "child_tidptr":
			name = []byte("child_tid")
		default:
			continue
		}
		if named == nil {
			named = map[string][]byte{}
		}
		named[string(name)] = value
	}
	return named
}

// ParseNamed is Parse for texts with the names of the kernel's own arguments,
// in any order: those of perf trace, babeltrace and Tracee. zero says that an
// argument without a text is 0, as perf trace has it, unless there are texts
// that could not be assigned.
func ParseNamed(a abi.ABI, nr int32, call string, names []string, texts [][]byte, zero bool) (args [6]int64, detail string) {
	proto := Declared(a, call)
	c := lookup(a, nr)
	if !c.known {
		proto = nil
	}
	var lines []byte
	takes := min(abi.NumArgs(a, nr), len(args))
	used := 0
	known := [6]bool{}
	text := [6][]byte{}
	for i, name := range names {
		at := -1
		switch {
		case proto != nil:
			at = position(proto, name)
		case len(names) == takes: // they are all there, in their order
			at = i
		}
		if at >= 0 && at < takes && text[at] == nil {
			text[at] = stripComments(texts[i])
			used++
		}
	}
	zero = zero && used == len(names)
	params := c.params
	if proto == nil {
		params = nil
	}
	for reg := range takes {
		if reg == 1 && params != nil {
			params = c.of(&args)
		}
		t := text[reg]
		if t == nil && zero {
			continue
		}
		if t != nil {
			var v int64
			if reg < len(params) {
				k := params[reg].kind
				if s, ok := Unquote(t); ok && k != kindPath && k != kindStr {
					t = []byte(s) // flags by name, as a text
				}
				v, known[reg] = params[reg].parse(a, &args, t)
				if !known[reg] {
					if s, ok := pointedAt(params[reg].kind, text[reg]); ok {
						lines = format.AppendArgument(lines, reg, s)
						continue
					}
				}
			} else {
				if s, ok := Unquote(t); ok {
					t = []byte(s)
				}
				v, known[reg] = parseNumber(t)
			}
			if known[reg] {
				args[reg] = v
				if reg < len(params) && (params[reg].kind == kindFD || params[reg].kind == kindDirFD) {
					lines = appendDescriptorName(lines, reg, t)
				}
				continue
			}
		}
		lines = format.AppendUnknownArgument(lines, reg)
	}
	return args, string(lines)
}

// pointedAt is the path, text or socket address that a text shows of what an
// argument points to.
func pointedAt(k kind, t []byte) (s string, ok bool) {
	switch k {
	case kindPath, kindStr:
		return Unquote(t)
	case kindSockAddr, kindSockAddrBack:
		s = sockAddr(t)
		return s, s != ""
	}
	return "", false
}

// position finds an argument by the kernel's name, or by the names that man
// pages and Tracee have for the same.
func position(proto []Param, name string) int {
	for i, p := range proto {
		if p.Name == name {
			return i
		}
	}
	plain := plainName(name)
	at := -1
	for i, p := range proto {
		if plainName(p.Name) == plain {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

// synonyms are the names that tools have for arguments, and one of the
// kernel's.
var synonyms = map[string]string{
	"pathname": "filename", "path": "filename", "dirfd": "dfd", "sockfd": "fd", "umodeflags": "flags", "length": "len", "mode_t": "mode",
	"tgid": "pid", "how": "flags", "clone_flags": "flags", "count": "len", "size": "len", "buffer": "buf", "ubuf": "buf", "statbuf": "buf",
	"buff": "buf", "uaddr": "addr", "uservaddr": "addr", "umyaddr": "addr", "upeer_sockaddr": "addr", "usockaddr": "addr", "dest_addr": "addr",
	"src_addr": "addr", "addr_len": "addrlen", "upeer_addrlen": "addrlen", "usockaddr_len": "addrlen", "option": "option", "signum": "sig", "timeout_msecs": "timeout",
}

func plainName(name string) string {
	name = strings.TrimLeft(name, "_")
	if s, ok := synonyms[name]; ok {
		return s
	}
	return name
}

// parse reads an argument's text as a register.
func (p *param) parse(a abi.ABI, args *[6]int64, t []byte) (int64, bool) {
	if len(t) == 0 {
		return 0, false
	}
	switch p.kind {
	case kindSet, kindSetPair, kindMountFlags:
		s := p.set
		if p.kind == kindMountFlags {
			s = sets["mount"]
		}
		return s.parse(a, t)
	case kindAccessMode:
		return sets["access"].parse(a, t)
	case kindFileMode:
		return sets["filetype"].parse(a, t)
	case kindCloneFlags:
		return sets["clone"].parse(a, t)
	case kindIPCGet:
		return sets["ipcget"].parse(a, t)
	case kindShmGet:
		return sets["shmget"].parse(a, t)
	case kindIoctl:
		return parseIoctl(a, t)
	case kindClock:
		return parseClock(a, t)
	case kindQuotaCmd:
		if v := arguments(t, "QCMD", a, sets["quotacmd"], sets["quotatype"]); v != nil {
			return v[0]<<8 | v[1]&0xff, true
		}
	case kindIOPrio:
		if v := arguments(t, "IOPRIO_PRIO_VALUE", a, sets["ioprioclass"], sets["ioprioclass"]); v != nil {
			return v[0]<<13 | v[1]&0x1fff, true
		}
	case kindFutexVal3:
		return sets["futexop"].parse(a, t)
	case kindKeyID:
		return sets["keyid"].parse(a, t)
	case kindSwapFlags:
		return sets["swapon"].parse(a, t)
	case kindProtocol:
		if int32(args[0]) == afNetlink {
			return sets["netlink"].parse(a, t)
		}
		return sets["ipproto"].parse(a, t)
	case kindSockOpt:
		if s := sockOpts(int32(args[1])); s != nil {
			return s.parse(a, t)
		}
	case kindFcntlArg:
		if s := fcntlSet(int32(args[1])); s != nil {
			return s.parse(a, t)
		}
	case kindMode:
		return noSet.parse(a, t)
	case kindPages:
		v, ok := parseNumber(t)
		return v / 4096, ok && v%4096 == 0
	case kindPath, kindStr, kindSockAddr:
		if t[0] == '"' || t[0] == '{' || t[0] == '@' {
			return 0, false
		}
	}
	if v, ok := parseNumber(t); ok {
		return v, true
	}
	return nameValue(a, nil, string(annotated(t)))
}
