package decode_test

import (
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
