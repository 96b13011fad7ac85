package redact_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"systape/format"
	"systape/replay/redact"
)

func key(t testing.TB, text string) redact.Key {
	t.Helper()
	k, err := redact.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const story = `1000 fd 7 fd=3 flags=2 "/home/alice/acme/orders.db" comm="acme-shop" container="0a1b2c3d4e5f"
1001 fd 7 fd=4 flags=2 "socket:[123]" comm="acme-shop" container="0a1b2c3d4e5f"
1010 enter 7 openat(-100, 0x7f1234567890, 0x80000, 0) "1=/usr/lib/x86_64-linux-gnu/libc.so.6" comm="acme-shop" container="0a1b2c3d4e5f"
1020 exit 7 openat = 5 comm="acme-shop" container="0a1b2c3d4e5f"
1030 enter 7 openat(-100, 0x7f1234567890, 0x80000, 0) "1=/home/alice/acme/libacme.so" comm="acme-shop" container="0a1b2c3d4e5f"
1040 exit 7 openat = -2 comm="acme-shop" container="0a1b2c3d4e5f"
1050 enter 7 connect(4, 0x7ffc00001000, 16) "1=203.0.113.9:443" comm="acme-shop" container="0a1b2c3d4e5f"
1060 exit 7 connect = 0 comm="acme-shop" container="0a1b2c3d4e5f"
1070 enter 7 mmap(0, 4096, 3, 0x22, 0xffffffffffffffff, 0) comm="acme-shop" container="0a1b2c3d4e5f"
1080 exit 7 mmap = 0x7f1234567000 comm="acme-shop" container="0a1b2c3d4e5f"
1090 enter 7 setresuid(1001, 0, 0xffffffff) comm="sh"
1100 exit 7 setresuid = 0 comm="sh"
1110 enter 7 read(0x7f1100000003, 0x7f1234567890, 512) comm="kworker/0:1"
1120 exit 7 read = 12 comm="kworker/0:1"
1130 lost count=5 first=1130 last=1150 enters=3 exits=2 cause=0 cpu=1
1160 exec 7 "/opt/acme/bin/acme-shop" comm="acme-shop"
1170 enter 7 openat(-100, 0, 0, 0) "1=/home/alice/acme/orders.db\n3=?" comm="acme-shop"
1180 exit 7 openat "ret=?" comm="acme-shop"
1200 fd 7 fd=6 flags=2 "TCP:[192.0.2.77:22->203.0.113.9:50000]" comm="acme-shop"
1201 fd 7 fd=7 flags=2 "UNIX-STREAM:[/run/acme/orders.sock]" comm="acme-shop"
1202 fd 7 fd=8 flags=2 "NETLINK:[netlink:77:0x1]" comm="acme-shop"
1210 enter 7 accept4(6, 0x7ffc00001000, 0x7ffc00001010, 0) comm="acme-shop"
1220 exit 7 accept4 = 9 "1=203.0.113.9:4000" comm="acme-shop"
1230 enter 7 pipe2(0x7ffc00001000, 0) comm="acme-shop"
1240 exit 7 pipe2 = 0 "0=[10, 11]" comm="acme-shop"
1250 enter 7 connect(4, 0x7ffc00001000, 16) "1=vsock:17:99" comm="acme-shop"
1260 exit 7 connect = 0 comm="acme-shop"
1270 enter 7 openat(-100, 0x7f1234567890, 0, 0) comm="acme-shop"
1280 exit 7 openat "1=ACME\nret=?" comm="acme-shop"
1290 enter 7 clone3(0x7f1234567890, 88) "0={0x400, 0x7f1234567890, 0x7f1234567891, 0x7f1234567892, 0x11}" comm="acme-shop"
1300 exit 7 clone3 = 78 comm="acme-shop"
1310 enter 7 openat2(-100, 0x7f1234567890, 0x7f1234567891, 24) "1=/etc/passwd\n2={0x80000, 0x0, 0x10}" comm="acme-shop"
1320 exit 7 openat2 = 10 comm="acme-shop"
1330 enter 7 socketcall(3, 0xff123456) "1={0x3, 0xff123457, 0x10, 0x0, 0x0, 0x0}" comm="acme-shop" abi=i386
1340 exit 7 socketcall = 0 comm="acme-shop" abi=i386
1350 enter 7 openat(-100, 0, 0, 0) "0</home/alice/acme>\n1=orders.db" comm="acme-shop"
1360 exit 7 openat = 11 "ret</home/alice/acme/orders.db>" comm="acme-shop"
1370 enter 7 read(0, 0, 1) "0<TCP:[192.0.2.77:22->203.0.113.9:50000]>\n1=?" comm="acme-shop"
1380 exit 7 read = 1 comm="acme-shop"
`

// redacted redacts a text capture.
func redacted(t testing.TB, r *redact.Redactor, text string) []format.Event {
	t.Helper()
	events, err := format.ParseText(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	out, err := r.Batch(b)
	if err != nil {
		t.Fatal(err)
	}
	var got []format.Event
	for i := range out.N {
		got = append(got, out.At(i))
	}
	return got
}

func TestRedactStory(t *testing.T) {
	r := redact.New(key(t, testKey), redact.Options{})
	got := redacted(t, r, story)
	text := string(format.FormatText(got))
	for _, secret := range []string{"alice", "acme", "orders", "203.0.113.9", "192.0.2.77", "vsock:17", "ACME", "0a1b2c3d4e5f", "1001", "0x7f12", "0x7f11", "0xff12", "140733193392128"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the redacted capture:\n%s", secret, text)
		}
	}
	for _, kept := range []string{`1=/usr/lib/x86_64-linux-gnu/libc.so.6`, `.so"`, `:443`, `/home/`, `comm="sh"`, `comm="kworker/0:1"`, `socket:[123]`, `3=?`, `ret=?`, `.db`,
		`"TCP:[ip4-`, `:22->ip4-`, `:50000]"`, `"UNIX-STREAM:[/run/`, `.sock]"`, `"NETLINK:[netlink:77:0x1]"`, `:4000"`, `"0=[10, 11]"`, `:99"`, `\nret=?"`, `"0={0x400, 0x0, 0x0, 0x0, 0x11}"`,
		`2={0x80000, 0x0, 0x10}"`, `"0</home/`, `"ret</home/`, `.db>"`, `:50000]>\n1=?"`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is gone:\n%s", kept, text)
		}
	}
	want, err := format.ParseText(strings.NewReader(story))
	if err != nil {
		t.Fatal(err)
	}
	shift := got[0].TS - want[0].TS
	if shift <= 0 {
		t.Errorf("times are shifted by %d", shift)
	}
	for i, w := range want {
		g := got[i]
		if g.TS-w.TS != shift || g.Seq != w.Seq || g.Kind != w.Kind || g.PID != w.PID || g.TID != w.TID || g.Nr != w.Nr || g.Syscall != w.Syscall || g.ABI != w.ABI {
			t.Errorf("event %d: got %+v, want the like of %+v", i, g, w)
		}
	}
	lost := got[14]
	if lost.Args[format.LostFirst] != lost.TS || lost.Args[format.LostLast]-lost.TS != 20 || lost.Args[format.LostCount] != 5 {
		t.Errorf("the loss: %+v", lost)
	}
	if got[2].Args[1] != got[4].Args[1] || got[2].Args[1] == want[2].Args[1] || got[2].Args[1] == 0 {
		t.Errorf("addresses: %#x and %#x, which were the same", got[2].Args[1], got[4].Args[1])
	}
	if got[8].Args[0] != 0 || got[9].Ret == want[9].Ret {
		t.Errorf("NULL became %#x, a mapped address %#x", got[8].Args[0], got[9].Ret)
	}
	if got[12].Args[0] != 3 {
		t.Errorf("descriptor 3 with something in the upper half became %#x", got[12].Args[0])
	}
	if got[5].Ret != -2 || got[13].Ret != 12 || got[10].Args[1] != 0 {
		t.Errorf("errors, sizes, root: %d, %d, %d", got[5].Ret, got[13].Ret, got[10].Args[1])
	}
	if !strings.HasSuffix(got[0].Detail, strings.TrimPrefix(strings.Split(got[16].Detail, "\n")[0], "1=")) {
		t.Errorf("the same path has two pseudonyms: %q, %q", got[0].Detail, got[16].Detail)
	}
	if name := got[15].Detail[strings.LastIndexByte(got[15].Detail, '/')+1:]; name != got[15].Comm {
		t.Errorf("a program %q and its thread %q had the same name", name, got[15].Comm)
	}
}

// TestRedactWhatTellsTheShift: results and arguments that would undo a pseudonym or
// the shift of times, were they as they are beside what is not.
// TestMetadataIsInTheInventory: whatever text of the metadata redaction leaves out or
// replaces is listed as held.
func TestMetadataIsInTheInventory(t *testing.T) {
	m := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("a", 32), Recovered: "saved from /srv/acme-recovered.spool",
		Host:      format.Host{Name: "acme-host", Kernel: "6.1.0-acme-kernel"},
		Request:   format.Request{Command: []string{"acme-command"}, Comms: []string{"acme-comm"}, Cgroups: []string{"/acme-cgroup"}, Containers: []string{"acme-container"}, UIDs: []uint32{77001}, Keep: &format.Keep{Name: "acme-keep.parquet"}},
		Flight:    &format.Flight{Triggers: []string{"exec:acme-asked", "openat:EMFILE"}, Trigger: "exec:acme-fired", What: "ran acme-ran", Comm: "acme-thread"},
		Selection: &format.Selection{Filter: "--path /acme-chosen"}}
	r := redact.New(key(t, testKey), redact.Options{})
	safe, err := r.Meta(m)
	if err != nil {
		t.Fatal(err)
	}
	var listed strings.Builder
	for _, k := range r.Found().Kinds {
		for _, e := range k.Examples {
			listed.WriteString(e.Text + "\n")
		}
	}
	text, err := json.Marshal(safe)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("recovered host kernel command comm cgroup container keep asked fired ran thread chosen") {
		if strings.Contains(string(text), "acme-"+name) || !strings.Contains(listed.String(), "acme-"+name) {
			t.Errorf("acme-%s is left, or not listed:\n%s\n%s", name, text, listed.String())
		}
	}
	if strings.Contains(string(text), "77001") || !strings.Contains(listed.String(), "77001") {
		t.Errorf("the user is left, or not listed")
	}
}

func TestRedactWhatTellsTheShift(t *testing.T) {
	const text = `1000000000000000010 enter 7 time(0)
1000000000000000020 exit 7 time = 1000000000
1000000000000000030 enter 7 times(0x7ffc00001000)
1000000000000000040 exit 7 times = 123456
1000000000000000050 enter 7 setuid(54321)
1000000000000000060 exit 7 setuid = 0
1000000000000000070 enter 7 getuid()
1000000000000000080 exit 7 getuid = 54321
1000000000000000090 enter 7 setpriority(0, 54321, 5)
1000000000000000100 exit 7 setpriority = 0
1000000000000000110 enter 7 setpriority(2, 54321, 5)
1000000000000000120 exit 7 setpriority = 0
1000000000000000130 enter 7 keyctl(4, 987654321, 54321, 54321)
1000000000000000140 exit 7 keyctl = 0
1000000000000000150 enter 7 add_key(0x7ffc00001000, 0x7ffc00001010, 0, 0, -3)
1000000000000000160 exit 7 add_key = 987654321
1000000000000000170 enter 7 access(0x7ffc00001000, 0)
1000000000000000180 exit 7 access = -2 entered=1000000000000000170
`
	r := redact.New(key(t, testKey), redact.Options{})
	got := redacted(t, r, text)
	shift := got[0].TS - 1000000000000000010
	if got[1].Ret != 1000000000+shift/1e9 {
		t.Errorf("time() = %d, shifted by %d", got[1].Ret, shift)
	}
	if got[3].Ret != 0 || got[3].Detail != format.UnknownResult {
		t.Errorf("times() = %d, %q", got[3].Ret, got[3].Detail)
	}
	user := got[4].Args[0]
	if user == 54321 || got[7].Ret != user || got[10].Args[1] != user || got[12].Args[2] != user || got[12].Args[3] != user {
		t.Errorf("a user is %d, %d, %d and %v", user, got[7].Ret, got[10].Args[1], got[12].Args)
	}
	if got[8].Args[1] != 54321 {
		t.Errorf("a process became %d", got[8].Args[1])
	}
	if k := got[12].Args[1]; k == 987654321 || got[15].Ret != k || got[14].Args[4] != -3 {
		t.Errorf("a key is %d and %d, the thread's keyring %d", k, got[15].Ret, got[14].Args[4])
	}
	if e := got[17].Args[format.ExitEntered]; e != got[16].TS {
		t.Errorf("entered at %d, the enter is at %d", e, got[16].TS)
	}
}

// TestRedactWhatMayBeAnything: arguments that are addresses or keys for some options
// only, those of calls that nobody describes, and registers that a handler gives back.
func TestRedactWhatMayBeAnything(t *testing.T) {
	const stays, blurred, left = "stays", "is another", "is left out"
	for _, c := range []struct {
		row    string
		column int // 6: the result
		want   string
	}{
		{"enter 7 prctl(15, 0x1c9b2a0, 0, 0, 0)", 1, blurred},
		{"enter 7 prctl(15, 0xffd12340, 0, 0, 0) abi=i386", 1, blurred},
		{"enter 7 prctl(1, 15, 0, 0, 0)", 1, stays},
		{"enter 7 fcntl(3, 6, 0x1c9b2a0)", 2, blurred},
		{"enter 7 fcntl(3, 1031, 1048576)", 2, stays},
		{"enter 7 ptrace(5, 7, 0x1c9b2a0, 0x53455243)", 3, blurred},
		{"enter 7 semctl(3, 0, 16, 0x1c9b2a0)", 3, blurred},
		{"enter 7 ipc(23, 0x5e5e1234, 4096, 0600, 0, 0) abi=i386", 1, blurred},
		{"enter 7 ipc(21, 0x5e5e1234, 0, 0, 0, 0) abi=i386", 1, stays},
		{"enter 7 nr=999(1795768688, 54321)", 0, left},
		{"enter 7 nr=999(1795768688, 54321)", 1, left},
		{"enter 7 stime(0x8049000) abi=i386", 0, left},
		{"exit 7 nr=-1 = 1795768688", 6, blurred},
		{"exit 7 nr=-1 = -4", 6, stays},
		{"exit 7 nr=-1 = 202", 6, stays},
	} {
		raw := format.MustParseText("1000 " + c.row + "\n")[0]
		e := redacted(t, redact.New(key(t, testKey), redact.Options{}), "1000 "+c.row+"\n")[0]
		before, after, unknown := raw.Ret, e.Ret, false
		if c.column < 6 {
			before, after = raw.Args[c.column], e.Args[c.column]
			_, unknown, _ = format.Argument(e.Detail, c.column)
		}
		got := stays
		switch {
		case unknown && after == 0:
			got = left
		case after != before:
			got = blurred
		}
		if got != c.want {
			t.Errorf("%s: %d %s (%d), want that it %s", c.row, before, got, after, c.want)
		}
	}
}

// Since when a machine has been up tells nothing about the time any more.
func TestRedactClock(t *testing.T) {
	m, err := redact.New(key(t, testKey), redact.Options{}).Meta(&format.Meta{Clock: format.Clock{OffsetNS: 1795715999421990015, Anchors: []format.Anchor{{TS: 1795715999421990025, RealNS: 1795715999421990026}}}})
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Clock.Anchors[0]; m.Clock.OffsetNS != 0 || a.TS == 1795715999421990025 || a.RealNS != a.TS+1 {
		t.Errorf("got %+v", m.Clock)
	}
}

func TestKeys(t *testing.T) {
	names := func(k string) string {
		var b strings.Builder
		for _, e := range redacted(t, redact.New(key(t, k), redact.Options{}), story) {
			b.WriteString(e.Comm + e.Container + e.Detail)
		}
		return b.String()
	}
	first := names(testKey)
	if again := names(testKey); again != first {
		t.Error("the same key gives other pseudonyms the second time")
	}
	if first == names(strings.Replace(testKey, "0", "1", 1)) {
		t.Error("another key gives the same pseudonyms")
	}
	for _, text := range []string{
		"short", "# README\n\nA file that everybody has.\n", "untrusted comment: minisign encrypted secret key\nRWRTY0IyAAAAAAAAAAAAAAAAAAAA",
		"-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI jane", "PAR1\x00\x01\x02 0123456789 0123456789", strings.Repeat("a1", 200),
	} {
		if _, err := redact.ParseKey(text); err == nil {
			t.Errorf("%.30q is taken as a key", text)
		}
	}
}

func TestDrop(t *testing.T) {
	got := redacted(t, redact.New(key(t, testKey), redact.Options{Drop: []string{"sizes", "descriptors", "results"}}), story)
	read, exit := got[12], got[13]
	for n, unknown := range []bool{true, false, true} {
		if format.ArgumentUnknown(read.Detail, n, read.Args[n]) != unknown {
			t.Errorf("read: argument %d: %#x, detail %q, want unknown %v", n, read.Args[n], read.Detail, unknown)
		}
	}
	if exit.Ret != 0 || exit.Detail != format.UnknownResult || got[5].Ret != -2 || got[5].Detail != "" {
		t.Errorf("results: %+v, an error %+v", exit, got[5])
	}
}

// Times near the end of what fits are refused, not wrapped.
func TestAbsurdTimes(t *testing.T) {
	b := format.NewBatch(format.NewSymbolTable(), 1)
	b.Append(format.Event{TS: math.MaxInt64 - 5, Kind: format.Enter, Syscall: "read"})
	if _, err := redact.New(key(t, testKey), redact.Options{}).Batch(b); err == nil {
		t.Error("a time beyond int64 came out")
	}
}

// Different addresses stay different, of 32 bits too.
func TestAddressesAreOneToOne(t *testing.T) {
	r := redact.New(key(t, testKey), redact.Options{})
	for _, abi := range []string{"x86_64", "i386"} {
		var text strings.Builder
		for i := range 20000 {
			text.WriteString("1000 enter 7 write(1, 0x" + strconv.FormatInt(int64(0x8000000+i*8), 16) + ", 1) abi=" + abi + "\n")
		}
		seen := map[int64]bool{}
		for _, e := range redacted(t, r, text.String()) {
			if seen[e.Args[1]] || e.Args[1] == 0 || abi == "i386" && uint64(e.Args[1]) > math.MaxUint32 {
				t.Fatalf("%s: %#x came out twice, or is none", abi, e.Args[1])
			}
			seen[e.Args[1]] = true
		}
	}
}

// FuzzParseKey: a key is any text that cannot be guessed, and the same text is the
// same key.
func FuzzParseKey(f *testing.F) {
	_, text := redact.NewKey()
	f.Add(text)
	f.Add("eleven words that nobody would say one after another at all")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := redact.ParseKey(text)
		if err != nil {
			return
		}
		again, err := redact.ParseKey(" " + text + "\n")
		if err != nil || again.Fingerprint() != k.Fingerprint() {
			t.Errorf("%q is another key with space around it: %v", text, err)
		}
		if len(strings.TrimSpace(text)) < redact.MinKey {
			t.Errorf("%q is too short", text)
		}
	})
}

// What socketcall of i386 has in memory is told as it would be of registers.
func TestSocketcall(t *testing.T) {
	const text = `1 enter 7 socketcall(3, 0xff123456) "1={0x3, 0xff123457, 0x10, 0xff123458, 0xff123459, 0xff12345a}\n2=/home/alice/acme.sock" abi=i386
2 exit 7 socketcall = 0 abi=i386
3 enter 7 socketcall(9, 0xff123456) "1={0x3, 0xff123457, 0x4, 0x0, 0xff123459, 0xff12345a}" abi=i386
4 exit 7 socketcall = 4 abi=i386
5 enter 7 socketcall(77, 0xff123456) "1={0x3, 0xff123457, 0x4, 0x0, 0xff123459, 0xff12345a}" abi=i386
6 exit 7 socketcall = -22 abi=i386
7 enter 7 connect(3, 0xff123457, 16) abi=i386
8 exit 7 connect = 0 abi=i386
`
	events := redacted(t, redact.New(key(t, testKey), redact.Options{}), text)
	blurred := "0x" + strconv.FormatUint(uint64(uint32(events[6].Args[1])), 16)
	connect, send := events[0].Detail, events[2].Detail
	if want := "1={0x3, " + blurred + ", 0x10, 0x0, 0x0, 0x0}\n2=/home/"; !strings.HasPrefix(connect, want) || strings.Contains(connect, "alice") || strings.Contains(connect, "acme") {
		t.Errorf("connect: %q, want %q and a pseudonym", connect, want)
	}
	if want := "1={0x3, " + blurred + ", 0x4, 0x0, 0x0, 0x0}"; send != want {
		t.Errorf("send: %q, want %q", send, want)
	}
	if events[4].Detail != "" {
		t.Errorf("a number that is no call: %q", events[4].Detail)
	}
}
