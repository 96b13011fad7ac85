package decode

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

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
		case p.kind == kindPath || p.kind == kindStr:
			if s, ok := quoted(text); ok {
				lines = format.AppendArgument(lines, reg, s)
			} else {
				unknown(reg)
			}
		case p.kind == kindSockAddr:
			if s := sockAddr(text); s != "" {
				lines = format.AppendArgument(lines, reg, s)
			} else {
				unknown(reg)
			}
		default:
			unknown(reg)
		}
		reg += n
	}
	return args, string(lines)
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
				if s, ok := quoted(t); ok && k != kindPath && k != kindStr {
					t = []byte(s) // flags by name, as a text
				}
				v, known[reg] = params[reg].parse(a, &args, t)
				if !known[reg] {
					if k := params[reg].kind; k == kindPath || k == kindStr {
						if s, ok := quoted(t); ok {
							lines = format.AppendArgument(lines, reg, s)
							continue
						}
					}
				}
			} else {
				v, known[reg] = parseNumber(t)
			}
			if known[reg] {
				args[reg] = v
				continue
			}
		}
		lines = format.AppendUnknownArgument(lines, reg)
	}
	return args, string(lines)
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
	"uaddr": "addr", "addr": "addr", "addrlen": "len", "option": "option", "signum": "sig", "timeout_msecs": "timeout",
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

// parse reads names and numbers with bars between them.
func (s *set) parse(a abi.ABI, t []byte) (v int64, ok bool) {
	for part := range bytes.SplitSeq(t, []byte("|")) {
		part, shift, shifted := bytes.Cut(bytes.TrimSpace(part), []byte("<<"))
		n, ok := parseNumber(part)
		if !ok {
			if n, ok = nameValue(a, s, string(annotated(part))); !ok {
				return 0, false
			}
		}
		if shifted {
			by, ok := parseNumber(shift)
			if !ok {
				if by, ok = nameValue(a, s, string(shift)); !ok {
					return 0, false
				}
			}
			if by < 0 || by > 63 {
				return 0, false
			}
			n <<= by
		}
		v |= n
	}
	return v, true
}

// value returns what a name of the set stands for.
func (s *set) value(a abi.ABI, name string) (int64, bool) {
	for _, list := range [][]constant{s.field[a], s.flags[a]} {
		for i := range list {
			if list[i].name == name {
				return int64(list[i].value), true
			}
		}
	}
	return 0, s.zero != "" && s.zero == name
}

// suffix returns the value of the one name of the set that ends in _NAME:
// perf trace leaves prefixes away.
func (s *set) suffix(a abi.ABI, name string) (v int64, ok bool) {
	for _, list := range [][]constant{s.field[a], s.flags[a]} {
		for i := range list {
			if first, rest, cut := strings.Cut(list[i].name, "_"); cut && (rest == name || rest == "OK" && first == name) {
				if ok && v != int64(list[i].value) {
					return 0, false
				}
				v, ok = int64(list[i].value), true
			}
		}
	}
	if _, rest, cut := strings.Cut(s.zero, "_"); cut && rest == name {
		return 0, true
	}
	return v, ok
}

// noSet reads what only literals has.
var noSet set

// aliases are names that other tools have for what the tables call otherwise.
var aliases = map[string]string{
	"AF_LOCAL": "AF_UNIX", "AF_FILE": "AF_UNIX", "PF_LOCAL": "AF_UNIX", "PF_FILE": "AF_UNIX", "AF_ROUTE": "AF_NETLINK", "O_NDELAY": "O_NONBLOCK",
	"WSTOPPED": "WUNTRACED", "SCHED_NORMAL": "SCHED_OTHER", "O_ASYNC": "FASYNC", "SIGCLD": "SIGCHLD", "SIGPOLL": "SIGIO", "SIGUNUSED": "SIGSYS",
	"F_SHLCK": "F_RDLCK", "F_EXLCK": "F_WRLCK", "O_RSYNC": "O_SYNC", "MAP_ANON": "MAP_ANONYMOUS", "__O_TMPFILE": "O_TMPFILE", "SIGIOT": "SIGABRT",
}

// literals are names that no set has.
var literals = map[string]int64{
	"NULL": 0, "AT_FDCWD": -100, "CWD": -100, "F_OK": 0, "IPC_PRIVATE": 0, "FUTEX_BITSET_MATCH_ANY": 0xffffffff, "STATX_ALL": 0xfff,
	"MFD_HUGE_SHIFT": 26, "MAP_HUGE_SHIFT": 26, "SHM_HUGE_SHIFT": 26, "SWAP_FLAG_PRIO_SHIFT": 0, "MS_MGC_VAL": 0xc0ed0000, "PR_SET_PTRACER_ANY": -1,
	"IRWXU": 0o700, "IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXG": 0o70, "IRGRP": 0o40, "IWGRP": 0o20, "IXGRP": 0o10,
	"IRWXO": 7, "IROTH": 4, "IWOTH": 2, "IXOTH": 1, "IRUGO": 0o444, "IWUGO": 0o222, "IXUGO": 0o111, "IRWXUGO": 0o777, "IALLUGO": 0o7777,
	"ISUID": 0o4000, "ISGID": 0o2000, "ISVTX": 0o1000,
	"FUTEX_PRIVATE_FLAG": 128, "FUTEX_OP_OPARG_SHIFT": 8, "SIG_0": 0,
}

// nameValue returns what a name stands for: in set if it has it, and otherwise
// in whichever set does. A bare name without its prefix, such as perf trace
// writes, counts within set only.
func nameValue(a abi.ABI, s *set, name string) (int64, bool) {
	if s != nil {
		if v, ok := s.value(a, name); ok {
			return v, true
		}
	}
	if v, ok := literals[strings.TrimPrefix(name, "S_")]; ok {
		return v, true
	}
	if other, ok := aliases[name]; ok {
		name = other
	} else if family, ok := strings.CutPrefix(name, "PF_"); ok {
		name = "AF_" + family
	}
	if v, ok := everyName()[a][name]; ok {
		return v, true
	}
	if v, ok := signalValue(a, name); ok {
		return v, true
	}
	if s != nil {
		return s.suffix(a, name)
	}
	return 0, false
}

// everyName has the names of all sets that stand for one value only.
var everyName = sync.OnceValue(func() (all [5]map[string]int64) {
	for _, a := range abi.All() {
		m, clash := map[string]int64{}, map[string]bool{}
		for _, s := range sets {
			for _, list := range [][]constant{s.field[a], s.flags[a]} {
				for _, c := range list {
					if v, ok := m[c.name]; ok && v != int64(c.value) {
						clash[c.name] = true
					}
					m[c.name] = int64(c.value)
				}
			}
			if s.zero != "" {
				m[s.zero] = 0
			}
		}
		for name := range clash {
			delete(m, name)
		}
		all[a] = m
	}
	return all
})

func signalValue(a abi.ABI, name string) (int64, bool) {
	if n, ok := strings.CutPrefix(name, "SIGRT_"); ok {
		v, err := strconv.Atoi(n)
		return int64(v) + 32, err == nil && v > 0 && v <= 32
	}
	if name == "SIGRTMIN" {
		return 32, true
	}
	if !strings.HasPrefix(name, "SIG") {
		return 0, false
	}
	for sig := 1; sig <= 31; sig++ {
		if abi.SignalName(a, sig) == name {
			return int64(sig), true
		}
	}
	return 0, false
}

// arguments reads NAME(x, y), each of its own set; nil when t is not that.
func arguments(t []byte, name string, a abi.ABI, of ...*set) []int64 {
	inner, ok := bytes.CutPrefix(t, []byte(name+"("))
	if inner, end := bytes.CutSuffix(inner, []byte(")")); ok && end {
		parts := bytes.Split(inner, []byte(","))
		if len(parts) != len(of) {
			return nil
		}
		v := make([]int64, len(of))
		for i := range of {
			if v[i], ok = of[i].parse(a, bytes.TrimSpace(parts[i])); !ok {
				return nil
			}
		}
		return v
	}
	return nil
}

// parseClock reads also the clocks that are made of a process id or a
// descriptor.
func parseClock(a abi.ABI, t []byte) (int64, bool) {
	for i, name := range []string{"MAKE_PROCESS_CPUCLOCK", "MAKE_THREAD_CPUCLOCK"} {
		inner, ok := bytes.CutPrefix(t, []byte(name+"("))
		if !ok {
			continue
		}
		id, kind, _ := bytes.Cut(bytes.TrimSuffix(inner, []byte(")")), []byte(","))
		n, ok := parseNumber(id)
		for k, name := range cpuClocks {
			if string(bytes.TrimSpace(kind)) == name {
				return ^n<<3 | int64(i)<<2 | int64(k), ok
			}
		}
		return 0, false
	}
	if v := arguments(t, "FD_TO_CLOCKID", a, sets["clock"]); v != nil {
		return ^v[0]<<3 | 3, true
	}
	return sets["clock"].parse(a, t)
}

// parseIoctl reads a command's name, several with "or" between them (old
// strace did not know which), or _IOC(_IOC_READ, 0x54, 0x45, 0x4).
func parseIoctl(a abi.ABI, t []byte) (int64, bool) {
	if inner, ok := bytes.CutPrefix(t, []byte("_IOC(")); ok {
		parts := bytes.Split(bytes.TrimSuffix(inner, []byte(")")), []byte(","))
		if len(parts) != 4 {
			return 0, false
		}
		dir := int64(0)
		for d := range bytes.SplitSeq(bytes.TrimSpace(parts[0]), []byte("|")) {
			switch string(d) {
			case "_IOC_NONE", "0":
			case "_IOC_WRITE":
				dir |= 1
			case "_IOC_READ":
				dir |= 2
			default:
				return 0, false
			}
		}
		var n [3]int64
		for i, max := range []int64{0xff, 0xff, 0x3fff} {
			v, ok := parseNumber(bytes.TrimSpace(parts[i+1]))
			if !ok || v < 0 || v > max {
				return 0, false
			}
			n[i] = v
		}
		return dir<<30 | n[2]<<16 | n[0]<<8 | n[1], true
	}
	for word := range bytes.SplitSeq(t, []byte(" or ")) {
		if v, ok := sets["ioctl"].parse(a, bytes.TrimSpace(word)); ok {
			return v, true
		}
	}
	return 0, false
}

// stripComments takes " /* … */" off a text: strace explains numbers so.
func stripComments(t []byte) []byte {
	t = bytes.TrimSpace(t)
	if len(t) > 0 && t[0] == '"' {
		return t
	}
	if i := bytes.Index(t, []byte(" /*")); i > 0 {
		t = t[:i]
	}
	return t
}

// annotated takes off what strace says of a descriptor or process behind its
// number: 3</etc/passwd>, 17<bash>.
func annotated(t []byte) []byte {
	if i := bytes.IndexByte(t, '<'); i > 0 {
		return t[:i]
	}
	return t
}

// parseNumber reads what tools print for numbers: decimal, 0x…, and 0… for
// octal modes; unsigned 64-bit values are bit-cast. A descriptor's annotation
// does not count.
func parseNumber(t []byte) (int64, bool) {
	t = annotated(t)
	if string(t) == "NULL" {
		return 0, true
	}
	if len(t) == 0 || len(t) > 24 || t[0] != '-' && (t[0] < '0' || t[0] > '9') || bytes.IndexByte(t, '_') >= 0 {
		return 0, false
	}
	str := string(t)
	if n, err := strconv.ParseInt(str, 0, 64); err == nil {
		return n, true
	}
	n, err := strconv.ParseUint(str, 0, 64)
	return int64(n), err == nil
}

// quoted reads a C string as strace writes it, whole; one that was cut short
// ("abc"...) is not known.
func quoted(t []byte) (string, bool) {
	if len(t) < 2 || t[0] != '"' || t[len(t)-1] != '"' {
		return "", false
	}
	t = t[1 : len(t)-1]
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		switch c := t[i]; c {
		case '"':
			return "", false
		case '\\':
			n, r := unescape(t[i+1:])
			if n == 0 {
				return "", false
			}
			b.WriteByte(r)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unescape reads what follows a backslash and returns its length.
func unescape(t []byte) (n int, c byte) {
	if len(t) == 0 {
		return 0, 0
	}
	const from, to = `"\/tnrvfab?'e`, "\"\\/\t\n\r\v\f\a\b?'\x1b"
	if i := strings.IndexByte(from, t[0]); i >= 0 {
		return 1, to[i]
	}
	if t[0] == 'x' {
		for n = 1; n < 3 && n < len(t); n++ {
			d, err := strconv.ParseUint(string(t[n]), 16, 8)
			if err != nil {
				break
			}
			c = c<<4 | byte(d)
		}
		if n == 1 {
			return 0, 0
		}
		return n, c
	}
	for n < 3 && n < len(t) && t[n] >= '0' && t[n] <= '7' {
		c = c<<3 | (t[n] - '0')
		n++
	}
	return n, c
}

// sockAddr reads {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}
// and its like as an address: a path, @ and a name, or host:port. "" for others.
func sockAddr(t []byte) string {
	s := string(t)
	arg := func(key, open string) (string, bool) {
		_, rest, ok := strings.Cut(s, key)
		if !ok {
			return "", false
		}
		if i := strings.Index(rest, open); i >= 0 && i <= len(`inet_pton(AF_INET6, `) {
			return rest[i+len(open):], true
		}
		return "", false
	}
	text := func(rest string) (string, bool) {
		for i := 0; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return quoted([]byte(`"` + rest[:i+1]))
			}
		}
		return "", false
	}
	switch {
	case strings.Contains(s, "AF_INET,"), strings.Contains(s, "AF_INET6,"):
		key, portKey := "sin_addr=", "sin_port="
		if strings.Contains(s, "AF_INET6,") {
			key, portKey = "sin6_addr", "sin6_port="
			if i := strings.Index(s, "inet_pton(AF_INET6, "); i >= 0 {
				s = s[:i] + key + s[i:]
			}
		}
		rest, ok := arg(key, `"`)
		port, ok2 := arg(portKey, "htons(")
		if !ok || !ok2 {
			return ""
		}
		host, ok := text(rest)
		port, _, ok2 = strings.Cut(port, ")")
		if _, err := strconv.ParseUint(port, 10, 16); !ok || !ok2 || err != nil {
			return ""
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return host + ":" + port
	case strings.Contains(s, "AF_UNIX,"), strings.Contains(s, "AF_LOCAL,"), strings.Contains(s, "AF_FILE,"):
		rest, ok := arg("sun_path=", `"`)
		if !ok {
			rest, ok = arg("path=", `"`)
		}
		if !ok {
			return ""
		}
		name, ok := text(rest)
		if !ok {
			return ""
		}
		if strings.Contains(s, `path=@"`) {
			name = "@" + name
		}
		return name
	}
	return ""
}
