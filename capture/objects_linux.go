package capture

import "systape/bpf"

// KernelObjects tells which kernel programs this program has.
func KernelObjects() string {
	with, without := bpf.Objects()
	return "objects " + with + " (BTF), " + without + " (no BTF)"
}
