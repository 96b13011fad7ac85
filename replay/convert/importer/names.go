package importer

import (
	"strings"

	"systape/format/abi"
)

// kernelNames are calls whose function in the kernel is named differently from
// the call, as LTTng and perf name them (SYSCALL_DEFINE in fs/stat.c,
// kernel/sys.c, fs/namespace.c and others).
var kernelNames = map[string][]string{
	"newstat": {"stat"}, "newlstat": {"lstat"}, "newfstat": {"fstat"}, "newuname": {"uname"}, "umount": {"umount2"},
	"sendfile64": {"sendfile"}, "mmap_pgoff": {"mmap2", "mmap"}, "old_mmap": {"mmap"}, "old_select": {"select"}, "llseek": {"_llseek"},
	"old_getrlimit": {"getrlimit"}, "old_readdir": {"readdir"}, "fstatat": {"newfstatat"}, "pread": {"pread64"}, "pwrite": {"pwrite64"},
	"select": {"_newselect"}, "olduname": {"oldolduname"},
}

// tableName returns the name by which the table of an ABI has a call that a
// tool names as the kernel does: newstat is stat. It returns the name itself
// when the table has it, or nothing like it.
func tableName(a abi.ABI, name string) string {
	has := func(n string) bool {
		_, ok := abi.Number(a, n)
		return ok
	}
	if has(name) {
		return name
	}
	for _, n := range kernelNames[name] {
		if has(n) {
			return n
		}
	}
	for _, suffix := range []string{"_time32", "32", "16", "_time64"} {
		if n, ok := strings.CutSuffix(name, suffix); ok && has(n) {
			return n
		}
	}
	if n, ok := strings.CutPrefix(name, "compat_"); ok {
		return tableName(a, n)
	}
	return name
}

// compat is the ABI of 32-bit programs beside a 64-bit one.
func compat(a abi.ABI) abi.ABI {
	if a == abi.ARM64 || a == abi.ARM {
		return abi.ARM
	}
	return abi.I386
}
