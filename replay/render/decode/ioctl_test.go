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

// Commands whose structures have different sizes where registers are of
// different width, and where there is none, by header.
func TestIoctlsOfEachABI(t *testing.T) {
	for _, c := range []struct {
		name                     string
		x86_64, i386, arm64, arm uint64 // 0: none
	}{
		{"TCGETS", 0x5401, 0x5401, 0x5401, 0x5401},
		{"FIOQSIZE", 0x5460, 0x5460, 0x5460, 0x545e},
		{"BLKGETSIZE64", 0x80081272, 0x80041272, 0x80081272, 0x80041272},
		{"SIOCGIFCONF", 0x8912, 0x8912, 0x8912, 0x8912},
		{"KVM_RUN", 0xae80, 0xae80, 0xae80, 0},
		{"KVM_GET_REGS", 0x8090ae81, 0x8090ae81, 0x8360ae81, 0},
		{"KVM_ARM_VCPU_INIT", 0, 0, 0x4020aeae, 0},
		{"DRM_IOCTL_VERSION", 0xc0406400, 0xc0246400, 0xc0406400, 0xc0246400},
		{"DRM_IOCTL_MODE_ATOMIC", 0xc03864bc, 0xc03864bc, 0xc03864bc, 0xc03864bc},
		{"BTRFS_IOC_SNAP_CREATE_V2", 0x50009417, 0x50009417, 0x50009417, 0x50009417},
		{"BTRFS_IOC_SEND", 0x40489426, 0x40449426, 0x40489426, 0x40489426},
	} {
		for a, want := range map[abi.ABI]uint64{abi.X86_64: c.x86_64, abi.X32: c.x86_64, abi.I386: c.i386, abi.ARM64: c.arm64, abi.ARM: c.arm} {
			if got := decode.Values(a, c.name); want == 0 && len(got) != 0 || want != 0 && (len(got) != 1 || got[0] != want) {
				t.Errorf("%v %s is %#x, want %#x", a, c.name, got, want)
			}
		}
	}
}

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
