package decode

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"systape/format/abi"
)

// This file reads the text of one argument back to its value.

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
		word = bytes.TrimSpace(word)
		if v, ok := ioctlNames()[a][string(word)]; ok {
			return v, true
		}
		if v, ok := sets["ioctl"].parse(a, word); ok {
			return v, true
		}
	}
	return 0, false
}

// ioctlNames are the commands of ioctl by name, those of several drivers with
// one number each.
var ioctlNames = sync.OnceValue(func() (names [5]map[string]int64) {
	for _, a := range abi.All() {
		names[a] = map[string]int64{}
		for _, c := range sets["ioctl"].field[a] {
			for name := range strings.SplitSeq(c.name, " or ") {
				names[a][name] = int64(c.value)
			}
		}
	}
	return names
})
