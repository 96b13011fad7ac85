package seccomp_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/seccomp"
)

// calls pairs the events of a text.
func calls(t testing.TB, text string) ([]replay.Call, *format.SymbolTable) {
	t.Helper()
	events, err := format.ParseText(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	p := replay.NewPairer(replay.PairOptions{Meta: &format.Meta{}})
	c, err := p.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Finish(c), b.Symbols
}

func docker(t testing.TB) *seccomp.Profile {
	t.Helper()
	text, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := seccomp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestVerdicts holds what Docker and libseccomp make of each construct of a
// profile.
func TestVerdicts(t *testing.T) {
	p := docker(t)
	plain := seccomp.Host{Native: abi.X86_64, Kernel: "6.1.0-13-amd64", Caps: seccomp.DockerCaps}
	admin := plain
	admin.Caps = append(slices.Clone(plain.Caps), "CAP_SYS_ADMIN")
	old := plain
	old.Kernel = "4.4.0"
	arm := plain
	arm.Native = abi.ARM64
	for _, c := range []struct {
		name string
		host seccomp.Host
		call string
		want string
	}{
		{"named", plain, "read(3, 0x7f00, 1)", "allow"},
		{"not named", plain, "mount(1, 2, 3)", "errno EPERM"},
		{"not equal, high half", plain, "socket(0x100000028, 1)", "allow"},
		{"not equal", plain, "socket(40, 1)", "errno EPERM"},
		{"equal", plain, "personality(0xffffffff)", "allow"},
		{"equal looks at 64 bits", plain, "personality(-1)", "errno EPERM"},
		{"a 32-bit call has 32 bits", plain, "personality(-1) abi=i386", "allow"},
		{"conditions on one argument are alternatives", plain, "fcntl(1, 3)", "allow"},
		{"and no more than they say", plain, "fcntl(1, 4)", "errno EPERM"},
		{"conditions on two must both hold", plain, "mmap(0, 1, 3, 1)", "allow"},
		{"one of two", plain, "mmap(0, 1, 3, 0)", "errno EPERM"},
		{"the other of two, unsigned", plain, "mmap(0, 1, -1, 1)", "errno EPERM"},
		{"masked", plain, "clone(0x11)", "allow"},
		{"masked, a new namespace", plain, "clone(0x10000011)", "errno EPERM"},
		{"includes a capability", admin, "clone(0x10000011)", "allow"},
		{"errnoRet", plain, "clone3(1, 2)", "errno ENOSYS"},
		{"excludes a capability", admin, "clone3(1, 2)", "allow"},
		{"minKernel", plain, "ptrace(0)", "allow"},
		{"minKernel, older", old, "ptrace(0)", "errno EPERM"},
		{"name instead of names", plain, "chroot(1)", "allow"},
		{"log lets it pass", plain, "reboot(1)", "log"},
		{"kill", plain, "swapon(1)", "kill_process"},
		{"an agent decides", plain, "acct(1)", "notify"},
		{"arches", plain, "arch_prctl(1, 2)", "allow"},
		{"arches of another machine", arm, "nr=983041() abi=arm", "allow"},
		{"an architecture of archMap", plain, "nr=3(1, 2, 3) abi=i386", "allow"},
		{"an architecture that is not in archMap", plain, "nr=0x40000000(1, 2, 3) abi=x32", "kill"},
		{"through socketcall", plain, "socketcall(1, 0x7f00) abi=i386", "?"},
		{"through socketcall, not named", plain, "socketcall(2, 0x7f00) abi=i386", "errno EPERM"},
		{"an argument that is not known", plain, `socket(0, 1) "0=?"`, "?"},
		{"an argument that no rule looks at", plain, `socket(1, 0) "1=?"`, "allow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, _ := calls(t, "1000 enter 7 "+c.call+"\n")
			f := p.For(c.host)
			v, known := f.Of(&list[0], abi.NameOr(list[0].ABI, list[0].Nr))
			got := v.String()
			if !known {
				got = "?"
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.call, got, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{`{`, "no JSON"},
		{`[]`, "array"},
		{`{"syscalls": []}`, "no defaultAction"},
		{`{"defaultAction": "SCMP_ACT_MAYBE"}`, `unknown action "SCMP_ACT_MAYBE"`},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}`, "one of them"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": ""}]}`, "rule 1: unknown action"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}`, "names no calls"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]}`, "one of them"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}`, "index 6"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "op": "EQ"}]}]}`, `operator "EQ"`},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}]}`, "minKernel"},
		{`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": -1, "op": "SCMP_CMP_EQ"}]}]}`, "value"},
		{`{"ociVersion":"1.0","linux":{"namespaces":[]}}`, "the container has none"},
	} {
		if _, err := seccomp.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error with %q", c.text, err, c.says)
		}
	}
	inConfig := `{"process": {}, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_KILL", "syscalls": []}}}`
	if p, err := seccomp.Parse([]byte(inConfig)); err != nil || p.DefaultAction != "SCMP_ACT_KILL" {
		t.Errorf("config.json: got %+v, %v", p, err)
	}
}

// TestObserver tells a story: two programs, one of which executes another, one
// i386 call, one call that was refused, a number without a name, a child's
// return.
const story = `1000 enter 7 read(3, 0x7f00, 512)
1010 exit 7 read = 12
1020 enter 7 read(3, 0x7f80, 512)
1030 exit 7 read = -11
1040 enter 7 execve(0x1, 0x2, 0x3)
1050 exec 7 "/bin/b"
1051 exit 7 execve = 0
1060 enter 7 getpid()
1070 exit 7 getpid = 7
1080 fork 7 -> 9
1081 exit 9 nr=56 = 0 comm="b"
1090 enter 9 getpid()
1095 exit 9 getpid = 9
1100 enter 9 write(1, 0x1, 0x2) abi=i386
1110 exit 9 write = 2 abi=i386
1120 exit 9 mount = -1
1130 enter 9 nr=4000(1)
1140 exit 9 nr=4000 = -38
`

func TestObserver(t *testing.T) {
	o := seccomp.NewObserver()
	list, names := calls(t, story)
	o.Add("a.parquet", list, names)
	seen := map[string]*seccomp.Seen{}
	for _, s := range o.Calls() {
		seen[s.ABI.String()+" "+s.Name] = s
	}
	for _, c := range []struct {
		call                              string
		count, errors, refused, processes int64
		first                             int64
		constant                          string
	}{
		{"x86_64 read", 2, 1, 0, 1, 1000, "fd=3 count=512 "},
		{"x86_64 execve", 1, 0, 0, 1, 1040, ""},
		{"x86_64 getpid", 2, 0, 0, 2, 1060, ""},
		{"i386 write", 1, 0, 0, 1, 1100, ""},
		{"x86_64 mount", 0, 0, 1, 0, 1110, ""},
		{"x86_64 syscall_4000", 1, 1, 0, 1, 1130, ""},
	} {
		s := seen[c.call]
		if s == nil {
			t.Errorf("%s was not seen", c.call)
			continue
		}
		constant := ""
		for _, k := range s.Constants() {
			constant += k.Name + "=" + fmt.Sprint(k.Value) + " "
		}
		if s.Count != c.count || s.Errors != c.errors || s.Refused != c.refused || s.Processes != c.processes || constant != c.constant || s.FirstIn != "a.parquet" {
			t.Errorf("%s: got %+v, constant %q, want %+v", c.call, *s, constant, c)
		}
		if c.call != "x86_64 mount" && s.FirstNS != c.first {
			t.Errorf("%s: first at %d, want %d", c.call, s.FirstNS, c.first)
		}
	}
	if len(seen) != 6 {
		t.Errorf("got %d calls: the child's return of clone is not a call that it made", len(seen))
	}
	sat := o.Saturation()
	if sat.Programs != 3 || sat.Alone != 2 || sat.Calls != 7 || sat.Once != 3 || sat.Kinds != 5 {
		t.Errorf("got %+v, want 3 programs, 2 of which called what no other did", sat)
	}

	runc, _ := seccomp.RuntimeOf("runc")
	b := seccomp.Build(o.Calls(), seccomp.BuildOptions{Native: abi.X86_64, Action: "SCMP_ACT_ERRNO", Runtime: runc})
	if got := strings.Join(b.Names, " "); got != "execve getpid read write" {
		t.Errorf("names: %s", got)
	}
	if got := strings.Join(b.Profile.Architectures, " "); got != "SCMP_ARCH_X86_64 SCMP_ARCH_X86" {
		t.Errorf("architectures: %s", got)
	}
	if slices.Contains(b.Added, "read") || !slices.Contains(b.Added, "capset") || len(b.Left) != 1 || len(b.Refused) != 1 {
		t.Errorf("added %q, left %d, refused %d", b.Added, len(b.Left), len(b.Refused))
	}
	for _, r := range b.Profile.Syscalls {
		if slices.Contains(r.Names, "mount") {
			t.Error("what was refused is allowed now")
		}
	}
	if want := "[Service]\nSystemCallArchitectures=x86-64 x86\nSystemCallErrorNumber=EPERM\n"; !strings.HasPrefix(b.Systemd(), want) {
		t.Errorf("got %s, want it to begin with %s", b.Systemd(), want)
	}
}

// The profile of a capture refuses none of its calls but those that no profile
// can name and those that were refused then; and another call it refuses.
func TestProfileFitsItsCapture(t *testing.T) {
	o := seccomp.NewObserver()
	list, names := calls(t, story)
	o.Add("a", list, names)
	b := seccomp.Build(o.Calls(), seccomp.BuildOptions{Native: abi.X86_64, Action: "SCMP_ACT_ERRNO"})
	list, names = calls(t, story+"1200 enter 9 unshare(0x10000000)\n1210 exit 9 unshare = 0\n")
	k := seccomp.NewCheck(b.Profile.For(seccomp.Host{Native: abi.X86_64}))
	k.Add("a", list, names)
	var got []string
	for _, r := range k.Refusals() {
		got = append(got, r.Name+" "+r.Verdict.String()+" "+fmt.Sprint(r.Count)+" "+fmt.Sprint(r.Already))
	}
	if want := "mount errno EPERM 1 1, syscall_4000 errno EPERM 1 0, unshare errno EPERM 1 0"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

// Two recordings have other processes by the same numbers.
func TestObserverOfTwoCaptures(t *testing.T) {
	for _, c := range []struct {
		end  bool
		want int64
	}{{false, 1}, {true, 2}} {
		o := seccomp.NewObserver()
		list, names := calls(t, "1000 enter 7 getpid()\n1010 exit 7 getpid = 7\n")
		for range 2 {
			o.Add("x", list, names)
			if c.end {
				o.EndCapture()
			}
		}
		if got := o.Saturation().Programs; got != c.want {
			t.Errorf("end %v: got %d programs, want %d", c.end, got, c.want)
		}
	}
}

// TestSaturationHoldsWhatItPromises draws programs from a known distribution of
// calls many times: the probability that one more program calls something new,
// which is known exactly, must lie in the interval in nearly all of them.
func TestSaturationHoldsWhatItPromises(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const kinds, programs, rounds = 60, 40, 400
	p := make([]float64, kinds) // that a program makes call k
	for k := range p {
		p[k] = 1 / float64(1+k)
	}
	inside, sum, truth := 0, 0.0, 0.0
	for range rounds {
		o := seccomp.NewObserver()
		seen := make([]bool, kinds)
		for pid := range int32(programs) {
			var list []replay.Call
			for k := range int32(kinds) {
				if r.Float64() < p[k] {
					list, seen[k] = append(list, replay.Call{PID: pid, TID: pid, Nr: k, ABI: abi.X86_64, Status: replay.OK, Ret: 1, ExitSeq: 1}), true
				}
			}
			o.Add("x", list, format.NewSymbolTable())
		}
		none := 1.0
		for k, s := range seen {
			if !s {
				none *= 1 - p[k]
			}
		}
		i := o.Saturation().Program
		sum, truth = sum+i.P, truth+1-none
		if i.Low <= 1-none && 1-none <= i.High {
			inside++
		}
	}
	if share := float64(inside) / rounds; share < 0.93 {
		t.Errorf("the truth is in %.3f of the intervals, want 0.95", share)
	}
	if bias := (sum - truth) / rounds; bias < -0.03 || bias > 0.03 {
		t.Errorf("the estimate is off by %.3f on average", bias)
	}
}

// FuzzParse: a profile is read or refused, and one that is read judges calls of
// every kind.
func FuzzParse(f *testing.F) {
	docker, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(docker)
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW","args":[{"index":5,"value":18446744073709551615,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]}`))
	f.Add([]byte(`{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := seccomp.Parse(text)
		if err != nil {
			return
		}
		filter := p.For(seccomp.Host{})
		for _, a := range []abi.ABI{abi.X86_64, abi.I386, abi.X32, abi.ARM64, abi.ARM} {
			for _, nr := range []int32{-1, 0, 1, 59, 435, 1 << 30} {
				name, _ := abi.Name(a, nr)
				filter.Of(&replay.Call{ABI: a, Nr: nr, Args: [6]int64{-1, 0, 1}}, name)
			}
		}
	})
}
