package abi_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"systape/format/abi"
)

func mustSet(t *testing.T, expr string) *abi.Set {
	t.Helper()
	s, err := abi.ParseSet(expr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSet(t *testing.T) {
	for _, c := range []struct{ expr, in, out string }{
		{"openat,read", "openat read", "open write pread64"},
		{"trace=openat", "openat", "open"},
		{" openat , read", "openat read", "write"},
		{"!futex", "read getpid syscall_999 syscall_-1", "futex"},
		{"trace=!futex,read", "write", "futex read"},
		{"%file", "openat newfstatat execve unlink", "read close futex"},
		{"%net", "socket sendto socketcall", "read"},
		{"%network", "socket sendto", "read"},
		{"%desc", "read close mmap epoll_wait", "futex brk"},
		{"%memory", "mmap brk mprotect", "read"},
		{"%process", "clone3 execve exit_group wait4", "read"},
		{"%signal", "rt_sigaction kill", "read"},
		{"%ipc", "semget ipc", "read"},
		{"%clock", "clock_gettime", "nanosleep"},
		{"%stat", "stat stat64", "fstat lstat statx"},
		{"%%stat", "stat lstat fstat statx newfstatat", "statfs"},
		{"%%statfs", "statfs fstatfs", "stat"},
		{"%creds", "setuid capget", "getpid"},
		{"%pure", "getpid getuid", "getpgid"},
		{"%io", "read pwrite64 sendfile", "openat"},
		{"/^open", "open openat openat2 open_by_handle_at", "reopen read"},
		{"/stat$/", "stat fstat lstat", "statx"},
		{"!/^open", "read", "openat"},
		{"?no_such_call,read", "read", "openat"},
		{"?%nonsense,read", "read", "openat"},
		{"all", "read syscall_999 syscall_-1", ""},
		{"none", "", "read syscall_999"},
		{"!all", "", "read syscall_999 no_such_call"},
		{"!none", "read syscall_999 no_such_call", ""},
		{"999", "syscall_999", "syscall_998 read"},
		{"syscall_999", "syscall_999", "syscall_998 read"},
		{"9999,syscall_-1", "syscall_9999 syscall_-1", "syscall_9998 syscall_-2 read"},
		{"-1", "syscall_-1", "syscall_-2 read"},
		{"!syscall_9999", "syscall_9998 read", "syscall_9999"},
		{"9999,all", "syscall_9999 syscall_9998", ""},
		{"all,9999", "syscall_9999 syscall_9998", ""},
		{"0x7fffffff,syscall_-2147483648", "syscall_2147483647 syscall_-2147483648", "syscall_2147483646"},
		{"mmap2", "mmap2", "mmap"},
		{"cacheflush", "cacheflush", "set_tls"},
	} {
		s := mustSet(t, c.expr)
		if got := s.String(); got != c.expr {
			t.Errorf("String() = %q, want %q", got, c.expr)
		}
		for _, n := range strings.Fields(c.in) {
			if !s.HasName(n) {
				t.Errorf("%q lacks %s", c.expr, n)
			}
		}
		for _, n := range strings.Fields(c.out) {
			if s.HasName(n) {
				t.Errorf("%q has %s", c.expr, n)
			}
		}
	}
}

func TestParseSetSaysWhatIsWrong(t *testing.T) {
	for expr, want := range map[string]string{
		"":              `set of system calls "": empty word`,
		"read,,write":   `set of system calls "read,,write": empty word`,
		"opneat":        `set of system calls "opneat": unknown system call "opneat", did you mean "openat"?`,
		"read,wirte":    `set of system calls "read,wirte": unknown system call "wirte", did you mean "write"?`,
		"%fiel":         `set of system calls "%fiel": unknown class "%fiel", did you mean "%file"?`,
		"file":          `set of system calls "file": unknown system call "file", did you mean the class "%file"?`,
		"read,!futex":   `set of system calls "read,!futex": "!futex": a ! negates the whole list and stands in front of it`,
		"/(":            "set of system calls \"/(\": \"/(\": error parsing regexp: missing closing ): `(`",
		"/nothing_at_a": `set of system calls "/nothing_at_a": "/nothing_at_a" matches no system call`,
		"5000000000":    `set of system calls "5000000000": "5000000000": system-call numbers have 32 bits`,
		"syscall_x":     `set of system calls "syscall_x": unknown system call "syscall_x", did you mean "_sysctl"?`,
		"read@16":       `set of system calls "read@16": "read@16": after @ stands 64, 32 or x32`,
	} {
		if _, err := abi.ParseSet(expr); err == nil || err.Error() != want {
			t.Errorf("ParseSet(%q): got %v\nwant %s", expr, err, want)
		}
	}
}

func TestSetKnowsABIs(t *testing.T) {
	s := mustSet(t, "read")
	for a, nr := range map[abi.ABI]int32{abi.X86_64: 0, abi.I386: 3, abi.X32: 0x40000000, abi.ARM64: 63, abi.ARM: 3} {
		if !s.Has(a, nr) {
			t.Errorf("read lacks %v %d", a, nr)
		}
		if got := s.Numbers(a); !slices.Equal(got, []int32{nr}) {
			t.Errorf("Numbers(%v) = %d, want only %d", a, got, nr)
		}
		if s.Has(a, nr+1) || s.Has(a, -1) || s.Has(a, math.MinInt32) || s.Has(a, math.MaxInt32) {
			t.Errorf("read has more than %v %d", a, nr)
		}
	}
	if s.Has(abi.X32, 0) {
		t.Error("a number without the x32 bit is in the x32 set")
	}
	if s.Has(200, 0) {
		t.Error("an unknown ABI is in the set")
	}
	narrow := mustSet(t, "read@32")
	if narrow.Has(abi.X86_64, 0) || !narrow.Has(abi.I386, 3) || !narrow.Has(abi.ARM, 3) || narrow.Has(abi.ARM64, 63) {
		t.Error("read@32 is not read of the 32-bit ABIs alone")
	}
	private := mustSet(t, "cacheflush")
	if got := private.Numbers(abi.ARM); !slices.Equal(got, []int32{0x0f0002}) {
		t.Errorf("cacheflush is %#x, want 0xf0002", got)
	}
	number := mustSet(t, "1")
	if !number.Has(abi.X86_64, 1) || !number.Has(abi.X32, 0x40000001) || !number.Has(abi.ARM64, 1) {
		t.Error("1 is not number 1 of every ABI")
	}
}

func TestSetsMeet(t *testing.T) {
	for _, c := range []struct {
		a, b string
		meet bool
	}{
		{"read", "read", true}, {"read", "write", false}, {"%file", "openat", true}, {"%network", "fsync", false},
		{"!fsync", "fsync", false}, {"!fsync", "fsync,fdatasync", true}, {"!read", "!write", true}, {"all", "fsync", true},
		{"9999", "read", false}, {"9999", "!read", true},
	} {
		a, errA := abi.ParseSet(c.a)
		b, errB := abi.ParseSet(c.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.Meets(b) != c.meet || b.Meets(a) != c.meet {
			t.Errorf("%s and %s meet: %v and %v, want %v", c.a, c.b, a.Meets(b), b.Meets(a), c.meet)
		}
	}
}

func TestNegationIsComplement(t *testing.T) {
	for _, expr := range []string{"read", "%file", "all", "none", "/^f", "999", "cacheflush,4@32", "2001,-2,901", "all,-1"} {
		plain, not := mustSet(t, expr), mustSet(t, "!"+expr)
		for _, a := range abi.All() {
			for _, base := range []int32{math.MinInt32, -3, 0, 900, 2000, 0x0f0000, 0x40000000, 0x7ffffff0} {
				for i := range int32(16) {
					if nr := base + i; plain.Has(a, nr) == not.Has(a, nr) {
						t.Errorf("%q and its negation agree on %v %d", expr, a, nr)
					}
				}
			}
		}
	}
}

func TestClassesNameKernelCalls(t *testing.T) {
	for _, class := range abi.Classes() {
		calls := abi.Class(class)
		if len(calls) == 0 {
			t.Errorf("%%%s is empty", class)
		}
		seen := map[string]bool{}
		for _, c := range calls {
			known := false
			for _, a := range abi.All() {
				_, ok := abi.Number(a, c)
				known = known || ok
			}
			if !known {
				t.Errorf("%%%s: no ABI has a call %q", class, c)
			}
			if seen[c] {
				t.Errorf("%%%s names %s twice", class, c)
			}
			seen[c] = true
		}
	}
}

func FuzzParseSet(f *testing.F) {
	for _, s := range []string{"openat,%file", "!futex", "/^open/", "?x", "1@32", "trace=all", "%%stat", "@", "?", "!", "/", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		s, err := abi.ParseSet(expr)
		if err != nil {
			return
		}
		again, err := abi.ParseSet(s.String())
		if err != nil {
			t.Fatalf("%q parsed once, then: %v", expr, err)
		}
		for _, a := range abi.All() {
			for nr := int32(-3); nr < 1100; nr++ {
				if s.Has(a, nr) != again.Has(a, nr) {
					t.Fatalf("%q: %v %d differs the second time", expr, a, nr)
				}
			}
		}
	})
}

func TestSetBeyondTheTables(t *testing.T) {
	for _, c := range []struct {
		expr               string
		unlisted, negative bool
	}{
		{"read", false, false},
		{"!read", true, true},
		{"9999", true, false},
		{"syscall_-1", false, true},
		{"!9999,-1", true, true}, // all but these
	} {
		s := mustSet(t, c.expr)
		if got := [2]bool{s.HasUnlisted(abi.X86_64), s.HasNegative(abi.X86_64)}; got != [2]bool{c.unlisted, c.negative} {
			t.Errorf("%s: got %v", c.expr, got)
		}
	}
}
