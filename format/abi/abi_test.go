package abi_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"systape/format/abi"
)

// The generator goes through go/parser; this test reads the same files as
// lines of text, so that an error of one way shows.
func TestNamesAgainstXSys(t *testing.T) {
	def := regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`)
	for a, goarch := range map[abi.ABI]string{abi.X86_64: "amd64", abi.I386: "386", abi.ARM64: "arm64", abi.ARM: "arm"} {
		t.Run(a.String(), func(t *testing.T) {
			seen := map[int32]bool{}
			for _, m := range def.FindAllStringSubmatch(readXSys(t, "zsysnum_linux_"+goarch+".go"), -1) {
				if m[1] == "SYSCALL_MASK" || m[1] == "ARCH_SPECIFIC_SYSCALL" {
					continue // not calls
				}
				want := strings.ToLower(m[1])
				nr := int32(atoi(t, m[2]))
				seen[nr] = true
				if got, ok := abi.Name(a, nr); !ok || got != want {
					t.Errorf("Name(%v, %d) = %q, %t, want %q", a, nr, got, ok, want)
				}
			}
			if len(seen) < 300 {
				t.Errorf("only %d numbers in x/sys: the file has another shape than expected", len(seen))
			}
			for nr := int32(-1); nr < 2000; nr++ {
				if n, ok := abi.Name(a, nr); ok && !seen[nr] {
					t.Errorf("Name(%v, %d) = %q, which x/sys does not have", a, nr, n)
				}
			}
		})
	}
}

func TestNamesAgainstThisMachine(t *testing.T) {
	def := regexp.MustCompile(`(?m)^#define __NR_(\w+) (\d+|\(__X32_SYSCALL_BIT \+ (\d+)\))$`)
	for a, header := range map[abi.ABI]string{abi.X86_64: "unistd_64.h", abi.I386: "unistd_32.h", abi.X32: "unistd_x32.h"} {
		t.Run(a.String(), func(t *testing.T) {
			var text []byte
			for _, dir := range []string{"/usr/include/asm", "/usr/include/x86_64-linux-gnu/asm"} {
				if b, err := os.ReadFile(filepath.Join(dir, header)); err == nil {
					text = b
				}
			}
			if text == nil {
				t.Skip("SKIPPED: no ", header, " on this machine")
			}
			n := 0
			for _, m := range def.FindAllStringSubmatch(strings.ReplaceAll(string(text), "BIT+", "BIT + "), -1) {
				digits, bit := m[2], int32(0)
				if m[3] != "" {
					digits, bit = m[3], 0x40000000
				}
				nr := int32(atoi(t, digits)) | bit
				n++
				if got, _ := abi.Name(a, nr); got != m[1] {
					t.Errorf("Name(%v, %#x) = %q, want %q", a, nr, got, m[1])
				}
				if got, ok := abi.Number(a, m[1]); !ok || got != nr {
					t.Errorf("Number(%v, %q) = %#x, %t, want %#x", a, m[1], got, ok, nr)
				}
			}
			if n < 300 {
				t.Errorf("only %d numbers in %s", n, header)
			}
		})
	}
}

func TestNumberIsTheInverseOfName(t *testing.T) {
	for _, a := range abi.All() {
		names := map[string]int32{}
		try := func(nr int32) {
			n, ok := abi.Name(a, nr)
			if !ok {
				return
			}
			if first, dup := names[n]; dup {
				t.Errorf("%v: %q is both %d and %d", a, n, first, nr)
			}
			names[n] = nr
			if got, ok := abi.Number(a, n); !ok || got != nr {
				t.Errorf("Number(%v, %q) = %d, %t, want %d", a, n, got, ok, nr)
			}
			if n != strings.ToLower(n) || strings.ContainsAny(n, " \t") {
				t.Errorf("%v %d: %q is no kernel name", a, nr, n)
			}
		}
		for nr := int32(0); nr < 3000; nr++ {
			try(nr)
			try(nr | 0x40000000)
			try(nr + 0x0f0000)
		}
		if len(names) < 300 {
			t.Errorf("%v has only %d names", a, len(names))
		}
	}
}

func TestKnownNames(t *testing.T) {
	for _, c := range []struct {
		a    abi.ABI
		nr   int32
		want string
		args int
	}{
		{abi.X86_64, 0, "read", 3},
		{abi.X86_64, 9, "mmap", 6},
		{abi.X86_64, 15, "rt_sigreturn", 0},
		{abi.X86_64, 17, "pread64", 4},
		{abi.X86_64, 56, "clone", 5},
		{abi.X86_64, 156, "_sysctl", 1},
		{abi.X86_64, 158, "arch_prctl", 2},
		{abi.X86_64, 166, "umount2", 2},
		{abi.X86_64, 219, "restart_syscall", 0},
		{abi.X86_64, 262, "newfstatat", 4},
		{abi.X86_64, 335, "uretprobe", 0},
		{abi.X86_64, 435, "clone3", 2},
		{abi.I386, 82, "select", 1},
		{abi.I386, 90, "mmap", 1},
		{abi.I386, 102, "socketcall", 2},
		{abi.I386, 117, "ipc", 6},
		{abi.I386, 120, "clone", 5},
		{abi.I386, 142, "_newselect", 5},
		{abi.I386, 180, "pread64", 5},
		{abi.I386, 192, "mmap2", 6},
		{abi.I386, 193, "truncate64", 3},
		{abi.I386, 225, "readahead", 4},
		{abi.I386, 250, "fadvise64", 5},
		{abi.I386, 272, "fadvise64_64", 6},
		{abi.I386, 314, "sync_file_range", 6},
		{abi.I386, 324, "fallocate", 6},
		{abi.X32, 0x40000000, "read", 3},
		{abi.X32, 0x40000200, "rt_sigaction", 4},
		{abi.X32, 0x40000223, "pwritev2", 6},
		{abi.ARM64, 63, "read", 3},
		{abi.ARM64, 79, "newfstatat", 4},
		{abi.ARM64, 84, "sync_file_range", 4},
		{abi.ARM, 180, "pread64", 6},
		{abi.ARM, 193, "truncate64", 4},
		{abi.ARM, 225, "readahead", 5},
		{abi.ARM, 270, "arm_fadvise64_64", 6},
		{abi.ARM, 0x0f0002, "cacheflush", 3},
		{abi.ARM, 0x0f0005, "set_tls", 1},
	} {
		if got, ok := abi.Name(c.a, c.nr); !ok || got != c.want {
			t.Errorf("Name(%v, %d) = %q, %t, want %q", c.a, c.nr, got, ok, c.want)
		}
		if got := abi.NumArgs(c.a, c.nr); got != c.args {
			t.Errorf("NumArgs(%v, %s) = %d, want %d", c.a, c.want, got, c.args)
		}
	}
}

func TestAnyNumberIsSafe(t *testing.T) {
	nrs := []int32{math.MinInt32, -0x40000000, -2, -1, 600, 5000, 0x0f0000, 0x0f0007, 0x3fffffff, 0x40000000 - 1, 0x7fffffff}
	for _, a := range append(abi.All(), 5, 255) {
		for _, nr := range nrs {
			if n, ok := abi.Name(a, nr); ok {
				t.Errorf("Name(%v, %d) = %q, want none", a, nr, n)
			}
			if got, want := abi.NameOr(a, nr), "syscall_"+strconv.Itoa(int(nr)); got != want {
				t.Errorf("NameOr(%v, %d) = %q, want %q", a, nr, got, want)
			}
			if n := abi.NumArgs(a, nr); n != 6 {
				t.Errorf("NumArgs(%v, %d) = %d, want 6", a, nr, n)
			}
		}
	}
	if n, ok := abi.Name(abi.X32, 0); ok {
		t.Errorf("Name(x32, 0) = %q: a number without the x32 bit is not x32", n)
	}
	if n, ok := abi.Name(abi.X32, 0x40000000|16); ok {
		t.Errorf("Name(x32, 16) = %q: ioctl is 514 in x32", n)
	}
}

// The kernel of this machine says itself how many arguments its calls take.
func TestNumArgsAgainstTracefs(t *testing.T) {
	formats, _ := filepath.Glob("/sys/kernel/tracing/events/syscalls/sys_enter_*/format")
	if len(formats) == 0 {
		t.Skip("SKIPPED: no readable tracefs at /sys/kernel/tracing")
	}
	a := map[string]abi.ABI{"amd64": abi.X86_64, "arm64": abi.ARM64}[goarch(t)]
	// The entry point's name differs from the call's in few places.
	alias := map[string]string{"newstat": "stat", "newlstat": "lstat", "newfstat": "fstat", "newuname": "uname",
		"sendfile64": "sendfile", "umount": "umount2"}
	for _, f := range formats {
		name := strings.TrimPrefix(filepath.Base(filepath.Dir(f)), "sys_enter_")
		if s := alias[name]; s != "" {
			name = s
		}
		nr, ok := abi.Number(a, name)
		if !ok {
			continue // newer than x/sys, or a second entry point
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Skip("SKIPPED: ", err)
		}
		want := 0
		for _, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "field:") && !strings.Contains(line, " common_") &&
				!strings.Contains(line, "__syscall_nr") && !strings.Contains(line, "__data_loc") {
				want++
			}
		}
		if got := abi.NumArgs(a, nr); got != want {
			t.Errorf("NumArgs(%v, %s) = %d, tracefs says %d", a, name, got, want)
		}
	}
}

func TestErrnos(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\t\{(\d+), "(E\w+)", `)
	for _, goarch := range []string{"amd64", "386", "arm64", "arm"} {
		rows := row.FindAllStringSubmatch(readXSys(t, "zerrors_linux_"+goarch+".go"), -1)
		if len(rows) < 130 {
			t.Fatalf("%s: %d errors in x/sys", goarch, len(rows))
		}
		for _, m := range rows {
			errno, want := atoi(t, m[1]), m[2]
			if want == "ENOTSUP" {
				want = "EOPNOTSUPP"
			}
			for _, a := range abi.All() {
				if got := abi.ErrnoName(a, errno); got != want {
					t.Errorf("ErrnoName(%v, %d) = %q, want %q", a, errno, got, want)
				}
			}
		}
	}
	for name, want := range map[string]int{"ENOENT": 2, "EWOULDBLOCK": 11, "EDEADLOCK": 35, "ENOTSUP": 95, "EOPNOTSUPP": 95,
		"ERESTARTSYS": 512, "ERESTARTNOINTR": 513, "ERESTARTNOHAND": 514, "ERESTART_RESTARTBLOCK": 516, "ENOTSUPP": 524} {
		if got, ok := abi.ErrnoNumber(abi.X86_64, name); !ok || got != want {
			t.Errorf("ErrnoNumber(%q) = %d, %t, want %d", name, got, ok, want)
		}
	}
	for errno := range 700 {
		name := abi.ErrnoName(abi.ARM, errno)
		if name == "" {
			continue
		}
		if got, ok := abi.ErrnoNumber(abi.ARM, name); !ok || got != errno {
			t.Errorf("ErrnoNumber(%q) = %d, %t, want %d", name, got, ok, errno)
		}
	}
	for _, errno := range []int{math.MinInt, -2, 0, 41, 135, 511, 520, 532, 4095, math.MaxInt} {
		if got := abi.ErrnoName(abi.X86_64, errno); got != "" {
			t.Errorf("ErrnoName(%d) = %q, want none", errno, got)
		}
	}
	if _, ok := abi.ErrnoNumber(abi.X86_64, "ENONSENSE"); ok {
		t.Error("ErrnoNumber knows ENONSENSE")
	}
}

func TestSignals(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\t\{(\d+), "(SIG\w+)", `)
	for _, goarch := range []string{"amd64", "386", "arm64", "arm"} {
		rows := row.FindAllStringSubmatch(readXSys(t, "zerrors_linux_"+goarch+".go"), -1)
		if len(rows) != 31 {
			t.Fatalf("%s: %d signals in x/sys, want 31", goarch, len(rows))
		}
		for _, m := range rows {
			if got := abi.SignalName(abi.ARM64, atoi(t, m[1])); got != m[2] {
				t.Errorf("SignalName(%s) = %q, want %q", m[1], got, m[2])
			}
		}
	}
	for sig, want := range map[int]string{9: "SIGKILL", 32: "SIGRTMIN", 34: "SIGRT_2", 64: "SIGRT_32", 0: "", -1: "", 65: "", math.MaxInt: "", math.MinInt: ""} {
		if got := abi.SignalName(abi.X86_64, sig); got != want {
			t.Errorf("SignalName(%d) = %q, want %q", sig, got, want)
		}
	}
}

func TestTablesAreFresh(t *testing.T) {
	xsys(t)
	out := filepath.Join(t.TempDir(), "tables.go")
	if b, err := exec.Command("go", "run", "gen/main.go", "gen/refs.go", "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("go run gen/main.go gen/refs.go: %v\n%s", err, b)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("tables.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tables.go is not what gen writes: run go generate ./format/abi")
	}
}

// xsys returns the source directory of golang.org/x/sys/unix.
func xsys(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("SKIPPED: golang.org/x/sys is not in the module cache: go mod download golang.org/x/sys")
	}
	return filepath.Join(dir, "unix")
}

func readXSys(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(xsys(t), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func goarch(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	if err != nil {
		t.Skip("SKIPPED: no go command: ", err)
	}
	return strings.TrimSpace(string(out))
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
