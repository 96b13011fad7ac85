package decode_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"systape/format/abi"
	"systape/replay/render/decode"
)

// The names of all commands are those that strace has for them. It calls by
// hand what it does not know.
func TestIoctlsAgainstStrace(t *testing.T) {
	commands := decode.Ioctls(abi.X86_64)
	if os.Getenv("SYSTAPE_TEST_IOCTLS") != "" {
		runtime.LockOSThread()
		for _, c := range commands {
			syscall.Syscall(syscall.SYS_IOCTL, ^uintptr(0), uintptr(c), 0)
		}
		return
	}
	if _, err := exec.LookPath("strace"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("the comparison needs strace on x86_64")
	}
	text := filepath.Join(t.TempDir(), "strace")
	run := exec.Command("strace", "-f", "-qq", "-e", "trace=ioctl", "-e", "signal=none", "-o", text, os.Args[0], "-test.run=^TestIoctlsAgainstStrace$")
	run.Env = append(os.Environ(), "SYSTAPE_TEST_IOCTLS=1")
	if out, err := run.CombinedOutput(); err != nil {
		t.Skipf("strace does not trace here: %v\n%s", err, out)
	}
	data, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range regexp.MustCompile(`ioctl\(-1, (.*)\) += -1`).FindAllStringSubmatch(string(data), -1) {
		shown = append(shown, m[1])
	}
	if len(shown) != len(commands) {
		t.Fatalf("strace shows %d calls of %d", len(shown), len(commands))
	}
	same, unknown := 0, 0
	for i, c := range commands {
		got := string(decode.AppendArgs(nil, abi.X86_64, 16, &[6]int64{-1, int64(c)}, ""))
		got = strings.TrimSuffix(strings.TrimPrefix(got, "-1, "), ", NULL")
		want, _, _ := strings.Cut(shown[i], ", ") // some it shows without the argument
		switch {
		case strings.HasPrefix(want, "_IOC"), strings.HasPrefix(want, "0x"):
			unknown++
		case slices.ContainsFunc(strings.Split(got, " or "), func(name string) bool { return slices.Contains(strings.Split(want, " or "), name) }):
			same++
		default:
			t.Errorf("%#x is %s, strace shows %s", c, got, shown[i])
		}
	}
	t.Logf("%d commands have strace's name, %d strace does not know", same, unknown)
	if same < 700 || unknown > 100 {
		t.Errorf("%d of %d names compared", same, len(commands))
	}
}
