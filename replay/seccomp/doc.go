// Package seccomp makes seccomp profiles of what was really called, says how
// much such a profile rests on, and tells which recorded calls a given profile
// would refuse.
//
// A profile is the JSON that OCI runtimes, Docker, Podman and containerd read
// (github.com/opencontainers/runtime-spec config-linux.md, "seccomp"), with
// what Docker adds to it: archMap, includes and excludes.
package seccomp

import (
	"slices"

	"systape/format/abi"
)

// arch is how profiles name an ABI.
type arch struct {
	abi    abi.ABI
	scmp   string // libseccomp's constant, in architectures and archMap
	docker string // in the arches of includes and excludes
}

var arches = []arch{
	{abi.X86_64, "SCMP_ARCH_X86_64", "amd64"},
	{abi.I386, "SCMP_ARCH_X86", "x86"},
	{abi.X32, "SCMP_ARCH_X32", "x32"},
	{abi.ARM64, "SCMP_ARCH_AARCH64", "arm64"},
	{abi.ARM, "SCMP_ARCH_ARM", "arm"},
}

// archOf returns how profiles name a.
func archOf(a abi.ABI) arch {
	return arches[slices.IndexFunc(arches, func(x arch) bool { return x.abi == a })]
}
