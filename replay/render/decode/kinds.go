package decode

import (
	"sort"
	"strconv"

	"systape/format/abi"
)

// kind is how a register is to be read.
type kind uint8

const (
	kindInt kind = iota // 32 bits, signed
	kindUint
	kindLong // as wide as a register
	kindUlong
	kindSize
	kindOff
	kindPair    // 64 bits in two registers, the lower half first
	kindHexPair // the same, in hexadecimal
	kindPad     // an empty register before a pair
	kindSkip    // a register that the call does not use
	kindPages   // a file offset in units of 4096 bytes
	kindFD
	kindDirFD
	kindPtr
	kindHex
	kindMode
	kindFileMode
	kindAccessMode
	kindID // a user or group, -1 for none
	kindSig
	kindKey // of System V IPC
	kindClock
	kindCloneFlags
	kindCloneChild
	kindCloneTLS
	kindIPCGet
	kindShmGet
	kindFcntlArg
	kindFcntl // result of fcntl
	kindIoctl
	kindProtocol
	kindSockOpt
	kindFutexVal
	kindFutexTimeout
	kindFutexAddr2
	kindFutexVal3
	kindSet     // constants
	kindSetPair // constants in two registers
	kindPairHigh
	kindPath         // a pointer to a file name
	kindStr          // a pointer to another text that ends with 0
	kindName         // likewise, which is read: the name of something
	kindSockAddr     // a pointer to a socket address
	kindFDPair       // a pointer to two descriptors that the call makes
	kindMsgHdr       // a pointer to a message, which may have a socket address
	kindSockAddrBack // a pointer to where the call writes a socket address
	kindMsgHdrBack   // a pointer to a message into which the call writes one
	kindCloneArgs    // a pointer to the arguments of clone3
	kindOpenHow      // a pointer to how openat2 is to open
	kindCallArgs     // a pointer to the arguments that socketcall passes on
	kindKeyID        // of the kernel's key service
	kindMountFlags
	kindSwapFlags
	kindQuotaCmd
	kindIOPrio
)

var kinds = map[string]kind{
	"int": kindInt, "uint": kindUint, "long": kindLong, "ulong": kindUlong, "size": kindSize, "off": kindOff,
	"pair": kindPair, "hexpair": kindHexPair, "pad": kindPad, "skip": kindSkip, "pages": kindPages,
	"fd": kindFD, "dirfd": kindDirFD, "ptr": kindPtr, "hex": kindHex,
	"mode": kindMode, "filemode": kindFileMode, "accessmode": kindAccessMode, "id": kindID, "sig": kindSig, "key": kindKey,
	"clock": kindClock, "cloneflags": kindCloneFlags, "clonechild": kindCloneChild, "clonetls": kindCloneTLS,
	"ipcgetflags": kindIPCGet, "shmgetflags": kindShmGet, "fcntlarg": kindFcntlArg, "fcntlresult": kindFcntl, "ioctl": kindIoctl,
	"protocol": kindProtocol, "sockopt": kindSockOpt,
	"pairhigh": kindPairHigh, "path": kindPath, "str": kindStr, "name": kindName, "sockaddr": kindSockAddr, "fdpair": kindFDPair,
	"msghdr": kindMsgHdr, "sockaddrback": kindSockAddrBack, "msghdrback": kindMsgHdrBack, "keyid": kindKeyID,
	"cloneargs": kindCloneArgs, "openhow": kindOpenHow, "callargs": kindCallArgs,
	"mountflags": kindMountFlags, "swapon": kindSwapFlags, "quotacmd": kindQuotaCmd, "ioprioval": kindIOPrio,
	"futexval": kindFutexVal, "futextimeout": kindFutexTimeout, "futexaddr2": kindFutexAddr2, "futexval3": kindFutexVal3,
}

func (k kind) registers() int {
	switch k {
	case kindPair, kindHexPair, kindPairHigh, kindSetPair:
		return 2
	}
	return 1
}

// bits returns how many bits of a register an argument of this kind has when
// the kernel's own declaration is not known.
func (k kind) bits() uint8 {
	switch k {
	case kindLong, kindUlong, kindSize, kindOff, kindPair, kindHexPair, kindPairHigh, kindSetPair, kindSkip, kindPages,
		kindHex, kindFcntlArg, kindCloneFlags, kindMountFlags, kindFutexTimeout:
		return 64
	case kindMode, kindFileMode:
		return 16 // umode_t
	}
	if k.pointer() {
		return 64
	}
	return 32
}

// pointer tells the kinds that are always an address.
func (k kind) pointer() bool {
	switch k {
	case kindPtr, kindPath, kindStr, kindName, kindSockAddr, kindFDPair, kindMsgHdr, kindSockAddrBack, kindMsgHdrBack,
		kindCloneArgs, kindOpenHow, kindCallArgs, kindCloneChild, kindCloneTLS, kindFutexAddr2:
		return true
	}
	return false
}

// signed tells the kinds of which a value may be negative.
func (k kind) signed() bool {
	switch k {
	case kindInt, kindFD, kindDirFD, kindID, kindSig, kindClock, kindKeyID, kindLong, kindOff:
		return true
	}
	return false
}

// narrow tells the ABIs whose registers have 32 bits.
func narrow(a abi.ABI) bool { return a == abi.I386 || a == abi.ARM }

// wide returns v as an unsigned register of a.
func wide(a abi.ABI, v int64) uint64 {
	if narrow(a) {
		return uint64(uint32(v))
	}
	return uint64(v)
}

// long returns v as a signed register of a.
func long(a abi.ABI, v int64) int64 {
	if narrow(a) {
		return int64(int32(v))
	}
	return v
}

// withSign returns the register as the kernel reads it, with its sign.
func (p *param) withSign(a abi.ABI, v int64) int64 {
	if p.bits <= 32 {
		return int64(int32(v))
	}
	return long(a, v)
}

// unsigned returns the register as the kernel reads it, without a sign.
func (p *param) unsigned(a abi.ABI, v int64) uint64 {
	switch {
	case p.bits <= 16:
		return uint64(uint16(v))
	case p.bits <= 32:
		return uint64(uint32(v))
	}
	return wide(a, v)
}

func (p *param) append(dst []byte, a abi.ABI, args *[6]int64, reg int) []byte {
	v := args[reg]
	if p.kind.pointer() {
		return appendPtr(dst, a, v)
	}
	switch p.kind {
	case kindInt, kindLong, kindOff, kindFD:
		return strconv.AppendInt(dst, p.withSign(a, v), 10)
	case kindUint, kindUlong, kindSize, kindFutexVal:
		return strconv.AppendUint(dst, p.unsigned(a, v), 10)
	case kindPair:
		return strconv.AppendInt(dst, pair(args, reg), 10)
	case kindPairHigh:
		return strconv.AppendInt(dst, pairHigh(args, reg), 10)
	case kindHexPair:
		return appendHex(dst, uint64(pair(args, reg)))
	case kindPages:
		return appendHex(dst, wide(a, v)*4096)
	case kindHex:
		return appendHex(dst, p.unsigned(a, v))
	case kindMode:
		return appendOctal(dst, p.unsigned(a, v))
	case kindSet:
		return p.set.append(dst, a, p.unsigned(a, v))
	case kindSetPair:
		return p.set.append(dst, a, uint64(pair(args, reg)))
	case kindDirFD:
		if int32(v) == -100 {
			return append(dst, "AT_FDCWD"...)
		}
		return strconv.AppendInt(dst, int64(int32(v)), 10)
	case kindFileMode:
		return appendFileMode(dst, a, p.unsigned(a, v))
	case kindAccessMode:
		if uint32(v) == 0 {
			return append(dst, "F_OK"...)
		}
		return sets["access"].append(dst, a, p.unsigned(a, v))
	case kindID:
		if int32(v) == -1 {
			return append(dst, "-1"...)
		}
		return strconv.AppendUint(dst, uint64(uint32(v)), 10)
	case kindKey:
		if uint32(v) == 0 {
			return append(dst, "IPC_PRIVATE"...)
		}
		return appendHex(dst, uint64(uint32(v)))
	case kindKeyID:
		if name := find(sets["keyid"].field[a], uint64(uint32(v)), true); name != "" {
			return append(dst, name...)
		}
		return strconv.AppendInt(dst, int64(int32(v)), 10)
	case kindSig:
		return appendSignal(dst, a, int32(v))
	case kindClock:
		return appendClock(dst, a, int32(v))
	case kindCloneFlags:
		return appendCloneFlags(dst, a, v)
	case kindIPCGet:
		return appendWithMode(dst, a, sets["ipcget"], p.unsigned(a, v))
	case kindShmGet:
		return appendWithMode(dst, a, sets["shmget"], p.unsigned(a, v))
	case kindFcntlArg:
		return appendFcntlArg(dst, a, args[1], v)
	case kindIoctl:
		return appendIoctl(dst, a, uint32(v))
	case kindProtocol:
		return appendProtocol(dst, a, args[0], v)
	case kindSockOpt:
		return appendSockOpt(dst, a, args[1], v)
	case kindMountFlags:
		return appendMountFlags(dst, a, p.unsigned(a, v))
	case kindSwapFlags:
		return appendSwapFlags(dst, a, uint32(v))
	case kindQuotaCmd:
		return appendQuotaCmd(dst, a, uint32(v))
	case kindIOPrio:
		return appendIOPrio(dst, a, uint32(v))
	case kindFutexTimeout:
		if futexUsesNumber(args[1]) {
			return strconv.AppendInt(dst, int64(int32(v)), 10)
		}
		return appendPtr(dst, a, v)
	case kindFutexVal3:
		return appendFutexVal3(dst, a, args[1], v)
	}
	return appendUnknown(dst, v)
}

func pair(args *[6]int64, reg int) int64 {
	if reg+1 >= len(args) {
		return int64(uint32(args[reg]))
	}
	return int64(uint64(uint32(args[reg])) | uint64(args[reg+1])<<32)
}

// pairHigh is a pair whose upper half comes first.
func pairHigh(args *[6]int64, reg int) int64 {
	return int64(uint64(args[reg])<<32 | uint64(uint32(args[reg+1])))
}

// append writes u as constants of the set.
func (s *set) append(dst []byte, a abi.ABI, u uint64) []byte {
	if u == 0 && s.zero != "" {
		return append(dst, s.zero...)
	}
	if (u == 0xffffffff || u == 1<<64-1) && !s.enum {
		return appendHex(dst, u) // every bit is not a choice of flags
	}
	start := len(dst)
	size := uint64(0)
	if s.shift != "" {
		size = u >> 26 & 0x3f // include/uapi/asm-generic/hugetlb_encode.h
		u &^= 0x3f << 26
	}
	if s.mask != 0 {
		mask := s.mask
		if s.enum {
			mask = ^uint64(0)
		}
		if name := find(s.field[a], u&mask, s.enum); name != "" {
			dst = append(dst, name...)
		} else if s.enum {
			if u>>32 != 0 {
				return appendHex(dst, u)
			}
			return appendUnknown(dst, int64(int32(u)))
		} else if u&mask != 0 {
			dst = appendHex(dst, u&mask)
		}
		u &^= mask
	}
	for _, c := range s.flags[a] {
		if u&c.value == c.value {
			if len(dst) > start {
				dst = append(dst, '|')
			}
			dst = append(dst, c.name...)
			if u &^= c.value; u == 0 {
				break
			}
		}
	}
	if u != 0 || len(dst) == start && size == 0 {
		if len(dst) > start {
			dst = append(dst, '|')
		}
		dst = appendHex(dst, u)
	}
	if size != 0 {
		if len(dst) > start {
			dst = append(dst, '|')
		}
		dst = append(append(strconv.AppendUint(dst, size, 10), "<<"...), s.shift...)
	}
	return dst
}

// find returns the name of value; sorted lists are those of enums. x/sys has
// the signed values of an enum in 64 bits.
func find(list []constant, value uint64, sorted bool) string {
	if sorted && len(list) > 16 {
		i := sort.Search(len(list), func(i int) bool { return list[i].value >= value })
		if i < len(list) && list[i].value == value {
			return list[i].name
		}
		return ""
	}
	for i := range list {
		if list[i].value == value || sorted && uint64(uint32(list[i].value)) == value {
			return list[i].name
		}
	}
	return ""
}

// appendUnknown writes a number that may be anything: small ones in decimal,
// others in hexadecimal.
func appendUnknown(dst []byte, v int64) []byte {
	if v >= -4096 && v < 1<<16 {
		return strconv.AppendInt(dst, v, 10)
	}
	return appendHex(dst, uint64(v))
}

func appendPtr(dst []byte, a abi.ABI, v int64) []byte {
	u := wide(a, v)
	if u == 0 {
		return append(dst, "NULL"...)
	}
	return appendHex(dst, u)
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, u uint64) []byte {
	if u == 0 {
		return append(dst, '0')
	}
	var b [18]byte
	i := len(b)
	for ; u != 0; u >>= 4 {
		i--
		b[i] = hexDigits[u&15]
	}
	b[i-1], b[i-2] = 'x', '0'
	return append(dst, b[i-2:]...)
}

// appendOctal writes a mode as strace does, with three digits at least.
func appendOctal(dst []byte, u uint64) []byte {
	dst = append(dst, '0')
	if u < 0o10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, u, 8)
}
