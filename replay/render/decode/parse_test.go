package decode_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// split cuts at the commas that stand in no parentheses, brackets or strings.
func split(text string) (parts [][]byte) {
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, []byte(strings.TrimSpace(text[start:i]))), i+1
			}
		}
	}
	if rest := strings.TrimSpace(text[start:]); rest != "" {
		parts = append(parts, []byte(rest))
	}
	return parts
}

// What strace writes comes back as registers; what its text does not say of a
// register is not known, and is never zero.
func TestParse(t *testing.T) {
	for _, c := range []struct{ call, args, want string }{
		{"openat", `AT_FDCWD, "/etc/passwd", O_WRONLY|O_TRUNC`, `AT_FDCWD, "/etc/passwd", O_WRONLY|O_TRUNC`},
		{"openat", `AT_FDCWD</tmp>, "a\nb\"\\\33[31m\xff", O_RDWR|O_CREAT|O_CLOEXEC, 0640`, `AT_FDCWD, "a\nb\"\\\x1b[31m\xff", O_RDWR|O_CREAT|O_CLOEXEC, 0640`},
		{"open", `"?", O_RDONLY`, `"?", O_RDONLY`},
		{"open", `"/very/long"..., O_RDONLY`, `?, O_RDONLY`},
		{"open", `0x7ffc, O_RDONLY|0x40000000 /* O_??? */`, `0x7ffc, O_RDONLY|0x40000000`},
		{"kill", `200, SIGKILL`, `200, SIGKILL`},
		{"kill", `200<bash>, SIGRT_2`, `200, SIGRT_2`},
		{"lseek", `3, 0, SEEK_END`, `3, 0, SEEK_END`},
		{"mmap", `NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0`, `NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0`},
		{"mmap2 abi=i386", `NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0x2000`, `NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0x2000`},
		{"access", `"/etc/ld.so.preload", R_OK`, `"/etc/ld.so.preload", R_OK`},
		{"fcntl", `3, F_GETFD`, `3, F_GETFD`},
		{"fcntl", `3</etc/passwd>, F_SETFL, O_RDONLY|O_NONBLOCK`, `3, F_SETFL, O_RDONLY|O_NONBLOCK`},
		{"futex", `0x7f00, FUTEX_WAIT_PRIVATE, 2, NULL`, `0x7f00, FUTEX_WAIT_PRIVATE, 2, NULL`},
		{"futex", `0x7f00, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY`,
			`0x7f00, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY`},
		{"futex", `0x7f00, FUTEX_WAIT, 0, {tv_sec=1, tv_nsec=0}`, `0x7f00, FUTEX_WAIT, 0, ?`},
		{"read", `3, "abc"..., 512`, `3, ?, 512`},
		{"write", `1</dev/pts/0<char 136:0>>, "x", 1`, `1, ?, 1`},
		{"pipe2", `[3, 4], O_CLOEXEC`, `[3, 4], O_CLOEXEC`},
		{"pipe", `[3<pipe:[17]>, 4<pipe:[17]>]`, `[3, 4]`},
		{"socketpair", `AF_UNIX, SOCK_STREAM, 0, [3, 4]`, `AF_UNIX, SOCK_STREAM, 0, [3, 4]`},
		{"pipe", `[3, evil]`, `?`},
		{"wait4", `-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], WNOHANG|WSTOPPED, NULL`, `-1, ?, WNOHANG|WUNTRACED, NULL`},
		{"pread64 abi=i386", `3, "x", 4096, 4294967297`, `3, ?, 4096, 4294967297`},
		{"pread64 abi=arm", `3, "x", 4096, 4294967297`, `3, ?, 4096, 4294967297`},
		{"_llseek abi=i386", `3, 4294967298, [0], SEEK_SET`, `3, 4294967298, ?, SEEK_SET`},
		{"socket", `PF_LOCAL, SOCK_STREAM|SOCK_CLOEXEC, 0`, `AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0`},
		{"connect", `3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}, 16`, `3, 1.2.3.4:80, 16`},
		{"connect", `3, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28`, `3, [::1]:53, 28`},
		{"connect", `3, {sa_family=AF_UNIX, sun_path="/run/x.sock"}, 110`, `3, /run/x.sock, 110`},
		{"bind", `3, {sa_family=AF_UNIX, sun_path=@"abstract"}, 20`, `3, @abstract, 20`},
		{"bind", `3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12`, `3, ?, 12`},
		{"ioctl", `1, TCGETS, {B38400 opost isig icanon echo ...}`, `1, TCGETS, ?`},
		{"ioctl", `1, SNDCTL_TMR_TIMEBASE or TCGETS, 0x7ffc`, `1, TCGETS, 0x7ffc`},
		{"ioctl", `3, _IOC(_IOC_WRITE, 0xfe, 0x6a, 0x8), 0x10`, `3, _IOC(_IOC_WRITE, 0xfe, 0x6a, 0x8), 0x10`},
		{"ioctl", `3, FICLONE, 4`, `3, FICLONE or BTRFS_IOC_CLONE, 0x4`},
		{"ioctl", `3, BTRFS_IOC_CLONE or FICLONE, 4`, `3, FICLONE or BTRFS_IOC_CLONE, 0x4`},
		{"ioctl", `3, KVM_RUN, 0`, `3, KVM_RUN, NULL`},
		{"execve", `"/bin/ls", ["ls", "-l"], 0x7ffd /* 35 vars */`, `"/bin/ls", ?, 0x7ffd`},
		{"prctl", `PR_SET_NAME, "worker"`, `PR_SET_NAME, "worker"`},
		{"prctl", `PR_CAPBSET_READ, CAP_SYS_ADMIN`, `PR_CAPBSET_READ, CAP_SYS_ADMIN`},
		{"mount", `"none", "/mnt", NULL, MS_MGC_VAL|MS_NOSUID, NULL`, `"none", "/mnt", NULL, MS_MGC_VAL|MS_NOSUID, NULL`},
		{"statx", `AT_FDCWD, "x", AT_STATX_SYNC_AS_STAT, STATX_ALL, {stx_mask=STATX_ALL}`, `AT_FDCWD, "x", AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS|STATX_BTIME, ?`},
		{"clone", `child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f10`, `CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0x7f10`},
		{"clone abi=i386", `child_stack=0, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0xf7fa35e8`, `CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0xf7fa35e8`},
		{"clone", `child_stack=0x7f00, flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS|CLONE_PARENT_SETTID, parent_tid=[12], tls=0x7f20, child_tidptr=0x7f10`, `CLONE_VM|CLONE_THREAD|CLONE_SETTLS|CLONE_PARENT_SETTID, 0x7f00, ?, 0x7f20`},
		{"openat", `AT_FDCWD, "x", O_NO_SUCH_FLAG`, `AT_FDCWD, "x", ?`},
		{"close", ``, `?`},
		{"syscall_999", `0x1, 0x2`, `1, 2, ?, ?, ?, ?`},
	} {
		name, rest, _ := strings.Cut(c.call, " ")
		if n, ok := strings.CutPrefix(name, "syscall_"); ok {
			name = "nr=" + n
		}
		e := format.MustParseText("1 enter 1 " + strings.TrimSpace(name+"() "+rest))[0]
		args, detail := decode.Parse(e.ABI, e.Nr, split(c.args))
		if got := string(decode.AppendArgs(nil, e.ABI, e.Nr, &args, detail)); got != c.want {
			t.Errorf("%s(%s)\ngot  %s\nwant %s (registers %#x, detail %q)", c.call, c.args, got, c.want, args, detail)
		}
	}
}

// perf trace leaves prefixes and zeros away, and names its arguments as the
// kernel does.
func TestParseNamed(t *testing.T) {
	for _, c := range []struct {
		call, args string
		zero       bool
		want       string
	}{
		{"openat", "dfd: CWD, filename: \"/etc/ld.so.cache\", flags: RDONLY|CLOEXEC", true, `AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC`},
		{"mmap", "len: 8192, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS", true, "NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, 0, 0"},
		{"read", "fd: 3, buf: 0x7ffc, count: 832", true, "3, 0x7ffc, 832"},
		{"access", "mode: R", true, "NULL, R_OK"},
		{"openat", "dfd: CWD, filename: ?, flags: CREAT|TRUNC|WRONLY, mode: IRUGO|IWUGO", true, "AT_FDCWD, ?, O_WRONLY|O_CREAT|O_TRUNC, 0666"},
		{"read", "fd: 3, count: 832", false, "3, ?, 832"},
		{"read", "fd: 3, colour: 7", true, "3, ?, ?"},
		{"openat", "dirfd: -100, pathname: \"/x\", flags: 524288, mode: 0", false, `AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC`},
	} {
		nr, _ := abi.Number(abi.X86_64, c.call)
		var names []string
		var texts [][]byte
		for _, part := range split(c.args) {
			name, text, _ := strings.Cut(string(part), ": ")
			names, texts = append(names, name), append(texts, []byte(text))
		}
		args, detail := decode.ParseNamed(abi.X86_64, nr, c.call, names, texts, c.zero)
		if got := string(decode.AppendArgs(nil, abi.X86_64, nr, &args, detail)); got != c.want {
			t.Errorf("%s(%s)\ngot  %s\nwant %s", c.call, c.args, got, c.want)
		}
	}
}

// Whatever AppendArgs writes of registers, Parse reads as registers of which
// AppendArgs writes the same, for every call of every ABI.
func TestParseReadsWhatAppendArgsWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, a := range abi.All() {
		calls := 0
		for i := range int32(600) {
			nr := i
			if a == abi.X32 {
				nr |= 0x40000000
			}
			if !decode.Known(a, nr) {
				continue
			}
			calls++
			for range 40 {
				var args [6]int64
				for k := range args {
					args[k] = int64(r.Uint64() >> r.IntN(64))
					if r.IntN(2) == 0 {
						args[k] &= 0xff
					}
				}
				want := string(decode.AppendArgs(nil, a, nr, &args, ""))
				back, detail := decode.Parse(a, nr, split(want))
				if got := string(decode.AppendArgs(nil, a, nr, &back, detail)); got != want {
					name, _ := abi.Name(a, nr)
					t.Fatalf("%v %s %#x\ngot  %s\nwant %s\nregisters %#x, detail %q", a, name, args, got, want, back, detail)
				}
			}
		}
		if calls < 200 {
			t.Errorf("%v: only %d calls", a, calls)
		}
	}
}

// The kernel's own declarations say how much of a register it reads, and
// which arguments are pointers; the table must not say otherwise.
func TestKindsAgainstTheKernelsDeclarations(t *testing.T) {
	checked := 0
	for nr := range int32(600) {
		name, ok := abi.Name(abi.X86_64, nr)
		proto := decode.Prototype(name)
		if !ok || proto == nil || !decode.Known(abi.X86_64, nr) {
			continue
		}
		if want := abi.NumArgs(abi.X86_64, nr); len(proto) != want {
			t.Errorf("%s: %d arguments are declared, the call takes %d", name, len(proto), want)
		}
		for i, p := range decode.Kinds(abi.X86_64, nr) {
			if i >= len(proto) {
				break
			}
			checked++
			pointer := strings.HasSuffix(proto[i].Type, "*")
			if text := proto[i].Type == "const char*" && name != "write" && name != "pwrite64" && name != "mq_timedsend"; pointer != p.Pointer && !addresses[proto[i].Type] && !p.Any {
				t.Errorf("%s: %s is declared as %s, and read as %s", name, p.Name, proto[i].Type, fmt.Sprint(p))
			} else if text && !p.Text && !p.Any {
				t.Errorf("%s: %s is declared as %s, and is not read as a text", name, p.Name, proto[i].Type)
			}
		}
	}
	if checked < 800 {
		t.Errorf("only %d arguments checked", checked)
	}
}

// addresses are the types of integers that hold addresses.
var addresses = map[string]bool{"unsigned long": true, "aio_context_t": true, "cap_user_header_t": true, "cap_user_data_t": true,
	"const cap_user_data_t": true, "struct landlock_ruleset_attr*const": true, "const struct landlock_ruleset_attr*const": true, "const void*const": true}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC`, `0x1<<70`, `_IOC(_IOC_READ, 1, 2)`, `{sa_family=AF_INET, sin_port=htons(`, `"\x`, `QCMD(, )`,
		`MAKE_PROCESS_CPUCLOCK(`, `-, |, <<`, `"\777"`, `{sa_family=AF_UNIX, sun_path=@"`} {
		f.Add(uint8(0), int32(257), s)
		f.Add(uint8(1), int32(42), s)
	}
	f.Fuzz(func(t *testing.T, a uint8, nr int32, text string) {
		which := abi.ABI(a % 6)
		args, detail := decode.Parse(which, nr, split(text))
		out := string(decode.AppendArgs(nil, which, nr, &args, detail))
		if strings.ContainsAny(out, "\n\x1b\x00") {
			t.Errorf("raw control characters: %q", out)
		}
		for i, line := range strings.Split(detail, "\n") {
			if detail != "" && (len(line) < 2 || line[1] != '=' && !(line[1] == '<' && line[len(line)-1] == '>')) {
				t.Errorf("line %d of the detail is %q", i, line)
			}
		}
	})
}

func TestValueIsWhatTheKernelTakes(t *testing.T) {
	for _, c := range []struct {
		call string
		n    int
		want int64
	}{
		{"openat(0xffffff9c, 0x10, 0)", 0, -100},
		{"openat(-100, 0x10, 0)", 0, -100},
		{"openat(0x12345ffffff9c, 0x10, 0)", 0, -100},
		{"openat(-100, 0x7ffc00000010, 0)", 1, 0x7ffc00000010},
		{"mkdir(0x10, -1)", 1, 0xffff},
		{"mprotect(0x1000, 4096, 0xdeadfeed00000001)", 2, -0x21520112ffffffff},
		{"kill(0xffffffff, 9)", 0, -1},
		{"futex(0x10, 0, 0x80000001)", 2, 0x80000001},
		{"lseek(3, 0xfffffff0, 2) abi=i386", 1, -16},
		{"openat(0xffffff9c, 0x10, 0) abi=i386", 0, -100},
		{"dup3(0, 1, 0x1234500080000)", 2, 0x80000},
		{"nr=999(0xffffffff)", 0, 0xffffffff},
	} {
		e := format.MustParseText("1 enter 1 " + c.call)[0]
		if got := decode.Value(e.ABI, e.Nr, &e.Args, c.n); got != c.want {
			t.Errorf("%s: argument %d is %#x, want %#x", c.call, c.n, got, c.want)
		}
	}
}
