package decode

import (
	_ "embed"
	"strings"
	"sync"

	"systape/format/abi"
)

// Param is an argument as the kernel declares it.
type Param struct {
	Name string // "filename"
	Type string // "const char*"
}

// Bits returns how many bits of a register of 64 bits the kernel reads for an
// argument of this type (include/linux/types.h).
func (p Param) Bits() int {
	if p.Pointer() {
		return 64
	}
	switch strings.TrimPrefix(p.Type, "const ") {
	case "umode_t", "unsigned short":
		return 16
	case "int", "unsigned int", "unsigned", "u32", "__u32", "__s32", "pid_t", "uid_t", "gid_t", "key_t", "key_serial_t", "qid_t",
		"mqd_t", "timer_t", "clockid_t", "rwf_t", "enum landlock_rule_type":
		return 32
	}
	return 64
}

// Pointer reports whether the argument is an address by its type.
func (p Param) Pointer() bool {
	t := strings.TrimSuffix(p.Type, "const")
	return strings.HasSuffix(t, "*")
}

// Signed reports whether the type has a sign.
func (p Param) Signed() bool {
	switch strings.TrimPrefix(p.Type, "const ") {
	case "int", "long", "__s32", "pid_t", "key_t", "key_serial_t", "mqd_t", "timer_t", "clockid_t", "rwf_t", "off_t", "loff_t":
		return true
	}
	return false
}

// kernel.txt is what /sys/kernel/tracing/events/syscalls of Linux 6.18 on
// x86_64 says of each call: the names and types of SYSCALL_DEFINE. A call that
// other architectures have, too, is declared there the same way.
//
//go:embed kernel.txt
var kernelText string

var prototypes = sync.OnceValue(func() map[string][]Param {
	m := map[string][]Param{}
	for line := range strings.Lines(kernelText) {
		call, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		params := []Param{}
		for word := range strings.SplitSeq(rest, ", ") {
			if i := strings.LastIndexByte(word, ' '); i > 0 {
				params = append(params, Param{Name: word[i+1:], Type: word[:i]})
			}
		}
		m[call] = params
	}
	return m
})

// Declared returns the arguments of a call in the registers of an ABI, nil when
// they are not known to be as the kernel declares them: registers of 32 bits
// hold half of what a long one holds, and clone has another order on some.
func Declared(a abi.ABI, call string) []Param {
	if narrow(a) || call == "clone" && cloneBackwards(a) {
		return nil
	}
	return Prototype(call)
}

// cloneBackwards tells the ABIs with CONFIG_CLONE_BACKWARDS.
func cloneBackwards(a abi.ABI) bool { return a == abi.I386 || a == abi.ARM64 || a == abi.ARM }

// Prototype returns the arguments of a call as the kernel declares them for
// 64-bit ABIs; nil when it is not known. The caller must not change them.
func Prototype(call string) []Param { return prototypes()[call] }
