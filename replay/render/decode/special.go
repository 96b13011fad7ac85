package decode

import (
	"strconv"

	"systape/format/abi"
)

// Arguments whose meaning depends on other arguments.

const (
	oCreat        = 0o100      // the same in every ABI here
	oTmpfile      = 0o20000000 // __O_TMPFILE, without O_DIRECTORY
	mremapFixed   = 2
	mremapDontUn  = 4
	cloneParent   = 0x00100000 // CLONE_PARENT_SETTID
	cloneChildSet = 0x01000000 // CLONE_CHILD_SETTID
	cloneChildClr = 0x00200000 // CLONE_CHILD_CLEARTID
	cloneTLS      = 0x00080000 // CLONE_SETTLS
	clonePidFD    = 0x00001000 // CLONE_PIDFD
)

var conditions = map[string]func(a abi.ABI, args *[6]int64) bool{
	"creat1":     func(_ abi.ABI, args *[6]int64) bool { return args[1]&(oCreat|oTmpfile) != 0 },
	"creat2":     func(_ abi.ABI, args *[6]int64) bool { return args[2]&(oCreat|oTmpfile) != 0 },
	"mqcreat":    func(_ abi.ABI, args *[6]int64) bool { return args[1]&oCreat != 0 },
	"fixed":      func(_ abi.ABI, args *[6]int64) bool { return args[3]&(mremapFixed|mremapDontUn) != 0 },
	"clonetids":  func(_ abi.ABI, args *[6]int64) bool { return args[0]&(cloneParent|clonePidFD) != 0 },
	"prctl2":     func(_ abi.ABI, args *[6]int64) bool { return prctlReads(args, 1) },
	"prctl3":     func(_ abi.ABI, args *[6]int64) bool { return prctlReads(args, 2) },
	"prctl4":     func(_ abi.ABI, args *[6]int64) bool { return prctlReads(args, 3) },
	"prctl5":     func(_ abi.ABI, args *[6]int64) bool { return prctlReads(args, 4) },
	"device1":    func(_ abi.ABI, args *[6]int64) bool { return isDevice(args[1]) },
	"device2":    func(_ abi.ABI, args *[6]int64) bool { return isDevice(args[2]) },
	"membarrier": func(_ abi.ABI, args *[6]int64) bool { return args[1]&1 != 0 },               // MEMBARRIER_CMD_FLAG_CPU
	"kcmp":       func(_ abi.ABI, args *[6]int64) bool { return args[2] == 0 || args[2] == 7 }, // KCMP_FILE, KCMP_EPOLL_TFD
}

// absent tells arguments that a call does not read, for kinds that know it.
func (k kind) absent(args *[6]int64) bool {
	switch k {
	case kindFcntlArg:
		return !fcntlReads(args[1])
	case kindFutexTimeout:
		return !futexReads(args[1], 3)
	case kindFutexAddr2:
		return !futexReads(args[1], 4)
	case kindFutexVal3:
		return !futexReads(args[1], 5)
	case kindFutexVal:
		return !futexReads(args[1], 2)
	case kindCloneChild:
		return args[0]&(cloneChildSet|cloneChildClr) == 0
	case kindCloneTLS:
		return args[0]&cloneTLS == 0
	}
	return false
}

func appendFileMode(dst []byte, a abi.ABI, v int64) []byte {
	u := uint64(uint32(v))
	if name := find(sets["filetype"].field[a], u&0o170000, true); name != "" {
		dst = append(append(dst, name...), '|')
		u &= 0o7777
	}
	return appendOctal(dst, u)
}

func appendSignal(dst []byte, a abi.ABI, sig int32) []byte {
	if sig > 32 && sig <= 64 {
		// Written in place: the name of a real-time signal is not stored.
		return strconv.AppendInt(append(dst, "SIGRT_"...), int64(sig-32), 10)
	}
	if n := abi.SignalName(a, int(sig)); n != "" {
		return append(dst, n...)
	}
	return strconv.AppendInt(dst, int64(sig), 10)
}

// appendClock knows the clocks that are made of a process id or a file
// descriptor (include/linux/posix-timers_types.h).
func appendClock(dst []byte, a abi.ABI, id int32) []byte {
	if id >= 0 {
		return sets["clock"].append(dst, a, int64(id))
	}
	if id&7 == 3 {
		dst = append(dst, "FD_TO_CLOCKID("...)
		return append(strconv.AppendInt(dst, int64(^(id>>3)), 10), ')')
	}
	word := "MAKE_PROCESS_CPUCLOCK("
	if id&4 != 0 {
		word = "MAKE_THREAD_CPUCLOCK("
	}
	dst = strconv.AppendInt(append(dst, word...), int64(^(id >> 3)), 10)
	return append(append(append(dst, ", "...), [...]string{"CPUCLOCK_PROF", "CPUCLOCK_VIRT", "CPUCLOCK_SCHED", "3"}[id&3]...), ')')
}

func appendCloneFlags(dst []byte, a abi.ABI, v int64) []byte {
	flags, sig := v&^0xff, int32(v&0xff)
	if flags == 0 && sig == 0 {
		return append(dst, '0')
	}
	if flags != 0 {
		dst = sets["clone"].append(dst, a, flags)
		if sig != 0 {
			dst = append(dst, '|')
		}
	}
	if sig != 0 {
		dst = appendSignal(dst, a, sig)
	}
	return dst
}

// appendWithMode writes flags that share an argument with a mode.
func appendWithMode(dst []byte, a abi.ABI, s *set, v int64) []byte {
	if flags := v &^ 0o777; flags != 0 {
		dst = append(s.append(dst, a, flags), '|')
	}
	return appendOctal(dst, uint64(v&0o777))
}

// Commands of fcntl that read no third argument, and those that read flags.
// The numbers are the same in every ABI (include/uapi/asm-generic/fcntl.h,
// include/uapi/linux/fcntl.h).
const (
	fDupFD      = 0
	fGetFD      = 1
	fSetFD      = 2
	fGetFL      = 3
	fSetFL      = 4
	fSetOwn     = 8
	fGetOwn     = 9
	fSetSig     = 10
	fGetSig     = 11
	fSetLease   = 1024
	fGetLease   = 1025
	fNotify     = 1026
	fDupFDQuery = 1027
	fDupFDClo   = 1030
	fSetPipe    = 1031
	fGetPipe    = 1032
	fAddSeals   = 1033
	fGetSeals   = 1034
)

func fcntlReads(cmd int64) bool {
	switch int32(cmd) {
	case fGetFD, fGetFL, fGetOwn, fGetSig, fGetLease, fGetPipe, fGetSeals:
		return false
	}
	return true
}

func appendFcntlArg(dst []byte, a abi.ABI, cmd, v int64) []byte {
	switch int32(cmd) {
	case fDupFD, fDupFDClo, fDupFDQuery, fSetOwn, fSetPipe:
		return strconv.AppendInt(dst, int64(int32(v)), 10)
	case fSetFD:
		return sets["fdflags"].append(dst, a, v)
	case fSetFL:
		return sets["open"].append(dst, a, v)
	case fSetSig:
		return appendSignal(dst, a, int32(v))
	case fSetLease:
		return sets["lease"].append(dst, a, v)
	case fAddSeals:
		return sets["seals"].append(dst, a, v)
	case fNotify:
		return appendHex(dst, uint64(uint32(v)))
	}
	return appendPtr(dst, a, v)
}

func appendFcntlResult(dst []byte, a abi.ABI, cmd, ret int64) []byte {
	var s *set
	switch int32(cmd) {
	case fGetFD:
		s = sets["fdflags"]
	case fGetFL:
		s = sets["open"]
	case fGetSeals:
		s = sets["seals"]
	default:
		return strconv.AppendInt(dst, ret, 10)
	}
	dst = appendHex(dst, uint64(ret))
	if ret == 0 && int32(cmd) != fGetFL {
		return dst
	}
	return append(s.append(append(dst, " (flags "...), a, ret), ')')
}

// appendIoctl writes a command by name or by its parts
// (include/uapi/asm-generic/ioctl.h, which x86 and arm use).
func appendIoctl(dst []byte, a abi.ABI, cmd uint32) []byte {
	if name := find(sets["ioctl"].field[a], uint64(cmd), true); name != "" {
		return append(dst, name...)
	}
	dst = append(dst, "_IOC("...)
	dst = append(dst, [...]string{"_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"}[cmd>>30]...)
	for _, part := range [...]uint32{cmd >> 8 & 0xff, cmd & 0xff, cmd >> 16 & 0x3fff} {
		dst = appendHex(append(dst, ", "...), uint64(part))
	}
	return append(dst, ')')
}

const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16
)

func appendProtocol(dst []byte, a abi.ABI, family, v int64) []byte {
	switch int32(family) {
	case afInet, afInet6:
		return sets["ipproto"].append(dst, a, v)
	case afNetlink:
		return sets["netlink"].append(dst, a, v)
	}
	return appendUnknown(dst, int64(int32(v)))
}

func appendSockOpt(dst []byte, a abi.ABI, level, v int64) []byte {
	switch int32(level) {
	case 0:
		return sets["ip"].append(dst, a, v)
	case 1:
		return sets["so"].append(dst, a, v)
	case 6:
		return sets["tcp"].append(dst, a, v)
	case 41:
		return sets["ipv6"].append(dst, a, v)
	}
	return appendUnknown(dst, int64(int32(v)))
}

// prctlReads reports whether prctl reads argument i with these options. Of
// options whose number of arguments is not known here, zeros at the end are
// left out.
func prctlReads(args *[6]int64, i int) bool {
	switch int32(args[0]) {
	case 3, 7, 13, 21, 27, 30, 31, 32, 34, 39, 42: // GET_DUMPABLE … GET_THP_DISABLE, which take none
		return false
	case 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15, 16, 19, 20, 23, 24, 25, 26, 28, 29, 36, 37, 40, 41, 57, 58:
		return i == 1
	case 38: // PR_SET_NO_NEW_PRIVS wants its zeros
		return true
	}
	for ; i < 5; i++ {
		if args[i] != 0 {
			return true
		}
	}
	return false
}

// isDevice reports whether mknod with this mode reads a device number.
func isDevice(mode int64) bool { return mode&0o170000 == 0o020000 || mode&0o170000 == 0o060000 }

func appendPrctlArg(dst []byte, a abi.ABI, option, v int64) []byte {
	switch int32(option) {
	case 1: // PR_SET_PDEATHSIG
		return appendSignal(dst, a, int32(v))
	case 4, 8, 29, 36, 38, 41: // dumpable, keepcaps, timer slack, subreaper, no_new_privs, THP
		return strconv.AppendUint(dst, wide(a, v), 10)
	}
	return appendPtr(dst, a, v)
}

// Operations of futex by number, without FUTEX_PRIVATE_FLAG and
// FUTEX_CLOCK_REALTIME (include/uapi/linux/futex.h).
const (
	futexWait         = 0
	futexWake         = 1
	futexRequeue      = 3
	futexCmpRequeue   = 4
	futexWakeOp       = 5
	futexLockPI       = 6
	futexUnlockPI     = 7
	futexTrylockPI    = 8
	futexWaitBitset   = 9
	futexWakeBitset   = 10
	futexWaitRequeue  = 11
	futexCmpRequeuePI = 12
	futexLockPI2      = 13
)

// futexReads reports whether an operation reads argument i.
func futexReads(op int64, i int) bool {
	switch op & 0x7f {
	case futexWait:
		return i <= 3
	case futexLockPI, futexLockPI2:
		return i == 3
	case futexWake:
		return i <= 2
	case futexUnlockPI, futexTrylockPI:
		return false
	case futexRequeue:
		return i <= 4
	case futexWakeBitset:
		return i == 2 || i == 5
	case futexWaitBitset:
		return i <= 3 || i == 5
	case futexWaitRequeue:
		return i <= 4
	}
	return true
}

// futexUsesNumber tells operations whose fourth argument is a count.
func futexUsesNumber(op int64) bool {
	switch op & 0x7f {
	case futexRequeue, futexCmpRequeue, futexWakeOp, futexCmpRequeuePI:
		return true
	}
	return false
}

func appendFutexVal3(dst []byte, op, v int64) []byte {
	u := uint32(v)
	switch op & 0x7f {
	case futexWaitBitset, futexWakeBitset:
		if u == 0xffffffff {
			return append(dst, "FUTEX_BITSET_MATCH_ANY"...)
		}
		return appendHex(dst, uint64(u))
	case futexWakeOp:
		return appendHex(dst, uint64(u))
	}
	return strconv.AppendUint(dst, uint64(u), 10)
}
