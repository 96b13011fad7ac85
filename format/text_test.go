package format_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
)

const textExample = `1000 enter 7/8 read(3, 32512, 512) cpu=1 comm="web" container="0a1b2c3d4e5f"
1200 exit 7/8 read = 12
1300 exit 7/8 nr=-1 = -4
1400 lost count=5 first=1400 last=1450 enters=3 exits=2 cause=0 cpu=1
1500 fork 7/8 -> 7/9
1600 exec 7/7 old=8 "/bin/ls"
1700 rename 7/8 comm="worker"
1800 thread_end 7/8 group=1
1900 enter 7/7 mmap2(0, 4096, 3, 34, -1, 0) abi=i386
2000 exit 7/7 mmap = 0x7f0000001000
2100 enter 7/7 nr=999(1, 2, 3, 4, 5, 6)
2200 exit 7/7 nr=0 = 0 syscall="odd name\x00\xff"
`

func TestTextExample(t *testing.T) {
	events := format.MustParseText(textExample)
	if got := string(format.FormatText(events)); got != textExample {
		t.Errorf("got\n%s\nwant\n%s", got, textExample)
	}
	want := []format.Event{
		{TS: 1000, Seq: 0, Kind: format.Enter, CPU: 1, PID: 7, TID: 8, Nr: 0, Syscall: "read", Args: [6]int64{3, 0x7f00, 512}, Comm: "web", Container: "0a1b2c3d4e5f"},
		{TS: 1200, Seq: 1, Kind: format.Exit, PID: 7, TID: 8, Nr: 0, Syscall: "read", Ret: 12},
		{TS: 1300, Seq: 2, Kind: format.Exit, PID: 7, TID: 8, Nr: -1, Syscall: "syscall_-1", Ret: -4},
		{TS: 1400, Seq: 3, Kind: format.Lost, Nr: -1, CPU: 1, Args: [6]int64{5, 1400, 1450, 3, 2, 0}},
		{TS: 1500, Seq: 4, Kind: format.Fork, PID: 7, TID: 8, Nr: -1, Args: [6]int64{7, 9}},
		{TS: 1600, Seq: 5, Kind: format.Exec, PID: 7, TID: 7, Nr: -1, Args: [6]int64{8}, Detail: "/bin/ls"},
		{TS: 1700, Seq: 6, Kind: format.Rename, PID: 7, TID: 8, Nr: -1, Comm: "worker"},
		{TS: 1800, Seq: 7, Kind: format.ThreadEnd, PID: 7, TID: 8, Nr: -1, Args: [6]int64{0, 1}},
		{TS: 1900, Seq: 8, Kind: format.Enter, ABI: abi.I386, PID: 7, TID: 7, Nr: 192, Syscall: "mmap2", Args: [6]int64{0, 4096, 3, 34, -1, 0}},
		{TS: 2000, Seq: 9, Kind: format.Exit, PID: 7, TID: 7, Nr: 9, Syscall: "mmap", Ret: 0x7f0000001000},
		{TS: 2100, Seq: 10, Kind: format.Enter, PID: 7, TID: 7, Nr: 999, Syscall: "syscall_999", Args: [6]int64{1, 2, 3, 4, 5, 6}},
		{TS: 2200, Seq: 11, Kind: format.Exit, PID: 7, TID: 7, Nr: 0, Syscall: "odd name\x00\xff"},
	}
	if !slices.Equal(events, want) {
		t.Errorf("got\n%+v\nwant\n%+v", events, want)
	}
}

func TestTextDefaults(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"comments and blank lines are skipped", "# a story\n\n  1 rename 5 # said again\n", "1 rename 5/5\n"},
		{"# within quotes is no comment", `1 rename 5 comm="a # b"`, "1 rename 5/5 comm=\"a # b\"\n"},
		{"one id stands for two", "1 exit 5 read = 0", "1 exit 5/5 read = 0\n"},
		{"fields come in any order", `1 enter 5 cpu=2 abi=arm64 comm="x" read(3)`, "1 enter 5/5 read(3, 0, 0) abi=arm64 cpu=2 comm=\"x\"\n"},
		{"missing arguments are 0", "1 enter 5 openat()", "1 enter 5/5 openat(0, 0, 0, 0)\n"},
		{"no list is no arguments", "1 enter 5 getpid", "1 enter 5/5 getpid()\n"},
		{"a loss begins at its row's time", "9 lost count=2 last=12", "9 lost count=2 first=9 last=12 enters=0 exits=0 cause=0\n"},
		{"a loss may be one instant", "9 lost count=2", "9 lost count=2 first=9 last=9 enters=0 exits=0 cause=0\n"},
		{"exec keeps the thread id", `9 exec 5/6 "/bin/x"`, "9 exec 5/6 \"/bin/x\"\n"},
		{"hexadecimal is 64 bits", "1 exit 5 brk = 0xffffffffffffffff", "1 exit 5/5 brk = -1\n"},
		{"an unknown number's name is read", "1 exit 5 syscall_999 = 0", "1 exit 5/5 nr=999 = 0\n"},
		{"seq is kept when it is not the position", "1 rename 5\n2 rename 5 seq=7", "1 rename 5/5\n2 rename 5/5 seq=7\n"},
		{"a call takes more arguments than its number says", "1 enter 5 getpid(0, 7)", "1 enter 5/5 getpid() arg1=7\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			events, err := format.ParseText(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(format.FormatText(events)); got != c.want {
				t.Errorf("got  %swant %s", got, c.want)
			}
		})
	}
}

func TestTextErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"x enter 5 read":               `line 1: time: "x" is not a 64-bit number`,
		"# c\n\n1 entre 5":             `line 3: unknown kind "entre"`,
		"1 enter":                      `line 1: pid/tid: "" is not a 64-bit number`,
		"1 enter 5/99999999999":        `line 1: pid/tid: 99999999999 does not fit 32 bits`,
		"1 enter 5":                    `line 1: enter wants a system call or nr=`,
		"1 enter 5 raed(1)":            `line 1: x86_64 has no system call "raed"`,
		"1 enter 5 mmap2(1)":           `line 1: x86_64 has no system call "mmap2"`,
		"1 enter 5 read(1, 2":          `line 1: want , or ) at ""`,
		"1 enter 5 read(1 2)":          `line 1: want , or ) at "2)"`,
		"1 enter 5 read(,)":            `line 1: arg0: "" is not a 64-bit number`,
		"1 enter 5 nr=1(1,2,3,4,5,6,)": `line 1: more than six arguments`,
		"1 enter 5 read(1)cpu=1":       `line 1: want a blank at "cpu=1"`,
		"1 enter 5 read(1) cpu=1 cpu=": `line 1: cpu is there twice`,
		"1 enter 5 read(1) arg0=1":     `line 1: arg0 is there twice`,
		"1 enter 5 read write":         `line 1: name is there twice`,
		"1 enter 5 read colour=1":      `line 1: unknown field "colour" for enter`,
		"1 exit 5 read = ":             `line 1: return value: "" is not a 64-bit number`,
		"1 rename 5 comm=x":            `line 1: comm: want a quoted string at "x"`,
		`1 rename 5 comm="x`:           `line 1: comm: want a quoted string at "\"x"`,
		"1 rename 5 abi=vax":           `line 1: unknown abi "vax"`,
		"1 rename 5 code=1":            `line 1: unknown field "code" for rename`,
	} {
		_, err := format.ParseText(strings.NewReader(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
	long := "1 rename 5\n1 rename 5 comm=\"" + strings.Repeat("x", 2<<20) + "\""
	if _, err := format.ParseText(strings.NewReader(long)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("a line of 2 MiB: got %v, want an error for line 2", err)
	}
}

// Any row comes back as it was, however odd.
func TestTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	numbers := []int64{0, 1, -1, 7, 4096, math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, 0x7ffc12345678, -512}
	number := func() int64 {
		if r.IntN(2) == 0 {
			return 0
		}
		return numbers[r.IntN(len(numbers))]
	}
	texts := []string{"", "", "", "web", "a b", "\"", "\\", "\n\t\x00", "é世", "\xff\xfe", "#", "x=1", "(", strings.Repeat("y", 300)}
	text := func() string { return texts[r.IntN(len(texts))] }
	var events []format.Event
	for i := range 20000 {
		e := format.Event{TS: number(), Seq: int64(i), Kind: format.Kind(r.IntN(int(format.NumKinds))), ABI: abi.All()[r.IntN(5)],
			CPU: int32(number()), PID: int32(number()), TID: int32(number()), Nr: int32(r.IntN(500) - 2), Ret: number(),
			Comm: text(), Container: text(), Detail: text()}
		for k := range e.Args {
			e.Args[k] = number()
		}
		switch r.IntN(4) {
		case 0:
			e.Seq = number()
		case 1:
			e.Nr = int32(number())
		}
		if e.Syscall = abi.NameOr(e.ABI, e.Nr); r.IntN(10) == 0 {
			e.Syscall = text()
		}
		events = append(events, e)
	}
	got, err := format.ParseText(strings.NewReader(string(format.FormatText(events))))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range events {
		if got[i] != want {
			t.Fatalf("event %d:\ngot  %+v\nwant %+v\ntext %s", i, got[i], want, format.AppendText(nil, want))
		}
	}
	for _, want := range events {
		one, err := format.ParseText(strings.NewReader(string(format.AppendText(nil, want))))
		if err != nil || len(one) != 1 || one[0] != want {
			t.Fatalf("alone: got %+v, %v\nwant %+v", one, err, want)
		}
	}
}

func FuzzParseText(f *testing.F) {
	for line := range strings.Lines(textExample) {
		f.Add(line)
	}
	f.Add(textExample)
	f.Add("1 lost 5 = 0x10 \"a\" ret=1")
	f.Fuzz(func(t *testing.T, text string) {
		events, err := format.ParseText(strings.NewReader(text))
		if err != nil {
			return
		}
		once := format.FormatText(events)
		again, err := format.ParseText(strings.NewReader(string(once)))
		if err != nil {
			t.Fatalf("%q does not read back: %v", once, err)
		}
		if !slices.Equal(events, again) {
			t.Fatalf("got  %+v\nwant %+v", again, events)
		}
		if twice := format.FormatText(again); string(twice) != string(once) {
			t.Fatalf("got  %q\nwant %q", twice, once)
		}
	})
}
