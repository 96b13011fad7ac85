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
	"filter":     func(_ abi.ABI, args *[6]int64) bool { return args[1] == 2 }, // SECCOMP_MODE_FILTER
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

func appendFileMode(dst []byte, a abi.ABI, u uint64) []byte {
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

var cpuClocks = [...]string{"CPUCLOCK_PROF", "CPUCLOCK_VIRT", "CPUCLOCK_SCHED", "3"}

// appendClock knows the clocks that are made of a process id or a file
// descriptor (include/linux/posix-timers_types.h).
func appendClock(dst []byte, a abi.ABI, id int32) []byte {
	if id >= 0 {
		return sets["clock"].append(dst, a, uint64(id))
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
	return append(append(append(dst, ", "...), cpuClocks[id&3]...), ')')
}

func appendCloneFlags(dst []byte, a abi.ABI, v int64) []byte {
	flags, sig := wide(a, v)&^0xff, int32(v&0xff)
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

// appendWords writes the arguments that a call has in memory (struct clone_args
// and struct open_how, include/uapi/linux/sched.h and openat2.h).
func appendWords(dst []byte, a abi.ABI, k kind, words []uint64) []byte {
	word := func(i int) uint64 {
		if i < len(words) {
			return words[i]
		}
		return 0
	}
	switch k {
	case kindCloneArgs:
		dst = sets["clone"].append(append(dst, "{flags="...), a, word(0))
		dst = appendSignal(append(dst, ", exit_signal="...), a, int32(word(4)))
		return append(dst, ", ...}"...)
	case kindOpenHow:
		dst = sets["open"].append(append(dst, "{flags="...), a, word(0))
		if word(0)&(oCreat|oTmpfile) != 0 {
			dst = appendOctal(append(dst, ", mode="...), word(1))
		}
		return append(sets["openhow"].append(append(dst, ", resolve="...), a, word(2)), '}')
	}
	dst = append(dst, '[')
	for i, w := range words {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendUnknown(dst, int64(w))
	}
	return append(dst, ']')
}

// appendWithMode writes flags that share an argument with a mode.
func appendWithMode(dst []byte, a abi.ABI, s *set, v uint64) []byte {
	if flags := v &^ 0o777; flags != 0 {
		dst = append(s.append(dst, a, flags), '|')
	}
	return appendOctal(dst, v&0o777)
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

// fcntlSet are the constants of the third argument, nil where it is no flags.
func fcntlSet(cmd int32) *set {
	switch cmd {
	case fSetFD:
		return sets["fdflags"]
	case fSetFL:
		return sets["open"]
	case fSetLease:
		return sets["lease"]
	case fAddSeals:
		return sets["seals"]
	case fNotify:
		return sets["dnotify"]
	}
	return nil
}

func appendFcntlArg(dst []byte, a abi.ABI, cmd, v int64) []byte {
	if s := fcntlSet(int32(cmd)); s != nil {
		return s.append(dst, a, uint64(uint32(v)))
	}
	switch int32(cmd) {
	case fDupFD, fDupFDClo, fDupFDQuery, fSetOwn, fSetPipe:
		return strconv.AppendInt(dst, int64(int32(v)), 10)
	case fSetSig:
		return appendSignal(dst, a, int32(v))
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
	return append(s.append(append(dst, " (flags "...), a, uint64(ret)), ')')
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
		return sets["ipproto"].append(dst, a, uint64(uint32(v)))
	case afNetlink:
		return sets["netlink"].append(dst, a, uint64(uint32(v)))
	}
	return appendUnknown(dst, int64(int32(v)))
}

// sockOpts are the options of a level, nil for levels that have no set here.
func sockOpts(level int32) *set {
	switch level {
	case 0:
		return sets["ip"]
	case 1:
		return sets["so"]
	case 6:
		return sets["tcp"]
	case 41:
		return sets["ipv6"]
	}
	return nil
}

func appendSockOpt(dst []byte, a abi.ABI, level, v int64) []byte {
	if s := sockOpts(int32(level)); s != nil {
		return s.append(dst, a, uint64(uint32(v)))
	}
	return appendUnknown(dst, int64(int32(v)))
}

// isDevice reports whether mknod with this mode reads a device number.
func isDevice(mode int64) bool { return mode&0o170000 == 0o020000 || mode&0o170000 == 0o060000 }

// appendMountFlags knows the magic number in the upper half that mount(2) took
// once (include/uapi/linux/mount.h, MS_MGC_MSK).
func appendMountFlags(dst []byte, a abi.ABI, u uint64) []byte {
	if u&0xffff0000 != 0xc0ed0000 {
		return sets["mount"].append(dst, a, u)
	}
	dst = append(dst, "MS_MGC_VAL"...)
	if u &^= 0xffff0000; u != 0 {
		dst = sets["mount"].append(append(dst, '|'), a, u)
	}
	return dst
}

// appendSwapFlags writes the priority that shares an argument with flags
// (include/linux/swap.h).
func appendSwapFlags(dst []byte, a abi.ABI, u uint32) []byte {
	const mask, preferred = 0x7fff, 0x8000
	prio := u & mask
	if prio == 0 && u&preferred == 0 {
		return sets["swapon"].append(dst, a, uint64(u))
	}
	if u &^= mask; u != 0 {
		dst = append(sets["swapon"].append(dst, a, uint64(u)), '|')
	}
	return append(strconv.AppendUint(dst, uint64(prio), 10), "<<SWAP_FLAG_PRIO_SHIFT"...)
}

// appendQuotaCmd writes QCMD(command, type) of include/uapi/linux/quota.h.
func appendQuotaCmd(dst []byte, a abi.ABI, u uint32) []byte {
	dst = sets["quotacmd"].append(append(dst, "QCMD("...), a, uint64(u>>8))
	dst = sets["quotatype"].append(append(dst, ", "...), a, uint64(u&0xff))
	return append(dst, ')')
}

// appendIOPrio writes class and level (include/uapi/linux/ioprio.h).
func appendIOPrio(dst []byte, a abi.ABI, u uint32) []byte {
	dst = sets["ioprioclass"].append(append(dst, "IOPRIO_PRIO_VALUE("...), a, uint64(u>>13))
	return append(strconv.AppendUint(append(dst, ", "...), uint64(u&0x1fff), 10), ')')
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

func appendFutexVal3(dst []byte, a abi.ABI, op, v int64) []byte {
	u := uint32(v)
	switch op & 0x7f {
	case futexWaitBitset, futexWakeBitset:
		if u == 0xffffffff {
			return append(dst, "FUTEX_BITSET_MATCH_ANY"...)
		}
		return appendHex(dst, uint64(u))
	case futexWakeOp: // FUTEX_OP of include/uapi/linux/futex.h
		if u>>28&8 != 0 {
			dst = append(dst, "FUTEX_OP_OPARG_SHIFT<<28|"...)
		}
		dst = append(sets["futexop"].append(dst, a, uint64(u>>28&7)), "<<28|"...)
		dst = append(appendHex(dst, uint64(u>>12&0xfff)), "<<12|"...)
		dst = append(sets["futexcmp"].append(dst, a, uint64(u>>24&0xf)), "<<24|"...)
		return appendHex(dst, uint64(u&0xfff))
	}
	return strconv.AppendUint(dst, uint64(u), 10)
}
