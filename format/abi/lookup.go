package abi

import (
	"strconv"
	"sync"
)

//go:generate go run gen/main.go gen/refs.go

// x32Bit marks a number of the x32 ABI (arch/x86/include/uapi/asm/unistd.h,
// __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// armPrivateBase is where the private calls of 32-bit ARM begin
// (arch/arm/include/uapi/asm/unistd.h, __ARM_NR_BASE), less one.
const armPrivateBase = 0x0f0000

type table struct {
	names []string
	args  []uint8
}

var tables = [numABIs]table{
	X86_64: {x86_64Names[:], x86_64Args[:]},
	I386:   {i386Names[:], i386Args[:]},
	X32:    {x32Names[:], x32Args[:]},
	ARM64:  {arm64Names[:], arm64Args[:]},
	ARM:    {armNames[:], armArgs[:]},
}

// find returns the table that nr belongs to and the index in it. The index
// is to be checked: nr may be anything.
func find(a ABI, nr int32) (t table, i int) {
	switch {
	case a >= numABIs:
		return table{}, 0
	case a == X32:
		if nr&x32Bit == 0 {
			return table{}, 0
		}
		nr &^= x32Bit
	case a == ARM && nr > armPrivateBase:
		return table{armPrivateNames[:], armPrivateArgs[:]}, int(nr) - armPrivateBase - 1
	}
	return tables[a], int(nr)
}

// Name returns the kernel's name of system call nr under a, such as "openat".
// ok is false when the table has no such number. On X32, nr carries the bit
// 0x40000000 as it does in the kernel.
func Name(a ABI, nr int32) (name string, ok bool) {
	t, i := find(a, nr)
	if uint(i) >= uint(len(t.names)) || t.names[i] == "" {
		return "", false
	}
	return t.names[i], true
}

// NameOr is Name, with "syscall_N" for a number that has no name; this is
// what captures store.
func NameOr(a ABI, nr int32) string {
	if n, ok := Name(a, nr); ok {
		return n
	}
	return "syscall_" + strconv.Itoa(int(nr))
}

// NumArgs returns how many of the six argument registers call nr reads under
// a. 64-bit arguments take two registers in 32-bit ABIs, and sometimes an
// empty one before them. It is 6 for unknown calls, so that nothing is lost.
func NumArgs(a ABI, nr int32) int {
	t, i := find(a, nr)
	if uint(i) >= uint(len(t.args)) {
		return 6
	}
	return int(t.args[i])
}

var numbers = sync.OnceValue(func() (m [numABIs]map[string]int32) {
	for a, t := range tables {
		m[a] = make(map[string]int32, len(t.names))
		for nr, n := range t.names {
			if n == "" {
				continue
			}
			if ABI(a) == X32 {
				nr |= x32Bit
			}
			m[a][n] = int32(nr)
		}
	}
	for i, n := range armPrivateNames {
		m[ARM][n] = int32(armPrivateBase + 1 + i)
	}
	return m
})

// Number is the inverse of Name; ok is false when a has no call of that name.
func Number(a ABI, name string) (nr int32, ok bool) {
	if a >= numABIs {
		return 0, false
	}
	nr, ok = numbers()[a][name]
	return nr, ok
}

// Errors that stay inside the kernel, from include/linux/errno.h at v6.12.
// Raw tracepoints see them: they fire before signal delivery turns a restart
// into EINTR or into a second call.
var internalErrnoNames = [...]string{
	512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 515: "ENOIOCTLCMD",
	516: "ERESTART_RESTARTBLOCK", 517: "EPROBE_DEFER", 518: "EOPENSTALE", 519: "ENOPARAM",
	521: "EBADHANDLE", 522: "ENOTSYNC", 523: "EBADCOOKIE", 524: "ENOTSUPP", 525: "ETOOSMALL",
	526: "ESERVERFAULT", 527: "EBADTYPE", 528: "EJUKEBOX", 529: "EIOCBQUEUED", 530: "ERECALLCONFLICT",
	531: "ENOGRACE",
}

// ErrnoName returns the name of a positive error number, such as "ENOENT",
// or "" when it has none. The kernel's internal numbers from 512
// (ERESTARTSYS) to 531 are among them. The ABIs of this package all use one
// table; another architecture need not.
func ErrnoName(a ABI, errno int) string {
	switch {
	case a >= numABIs || errno < 0:
		return ""
	case errno < len(errnoNames):
		return errnoNames[errno]
	case errno < len(internalErrnoNames):
		return internalErrnoNames[errno]
	}
	return ""
}

var errnoNumbers = sync.OnceValue(func() map[string]int {
	m := map[string]int{}
	for _, list := range [][]string{errnoNames[:], internalErrnoNames[:]} {
		for i, n := range list {
			if n != "" {
				m[n] = i
			}
		}
	}
	for n, i := range errnoAliases {
		m[n] = i
	}
	return m
})

// ErrnoNumber is the inverse of ErrnoName. It knows the second names too,
// such as EWOULDBLOCK.
func ErrnoNumber(a ABI, name string) (errno int, ok bool) {
	if a >= numABIs {
		return 0, false
	}
	errno, ok = errnoNumbers()[name]
	return errno, ok
}

// The kernel's first and last real-time signal; glibc's SIGRTMIN is 34
// because it keeps two for itself.
const (
	sigRTMin = 32
	sigRTMax = 64
)

// SignalName returns the name of a signal, such as "SIGKILL". Real-time
// signals are counted from the kernel's SIGRTMIN, 32, as strace does: 34 is
// "SIGRT_2". Numbers that are no signal have the name "".
func SignalName(a ABI, sig int) string {
	switch {
	case a >= numABIs || sig <= 0 || sig > sigRTMax:
		return ""
	case sig < len(signalNames):
		return signalNames[sig]
	case sig == sigRTMin:
		return "SIGRTMIN"
	}
	return "SIGRT_" + strconv.Itoa(sig-sigRTMin)
}
