package decode

import "systape/format/abi"

// Class says what an argument is to somebody who is not to learn everything:
// an address, something that names a person, or a mere number.
type Class uint8

// The classes.
const (
	Unused     Class = iota // the call does not take it
	Address                 // of the process's memory
	Descriptor              // a number of an open file, AT_FDCWD
	Identity                // a user, a group, a key
	Size                    // how many bytes, and where in a file
	Constant                // flags, modes, signals: names of the kernel's
	Number                  // anything else
	Unknown                 // nobody describes the call, and it may be any of these
)

var kindClasses = map[Class][]kind{
	Unused: {kindPad, kindSkip},
	Address: {kindPtr, kindPath, kindStr, kindName, kindSockAddr, kindFDPair, kindMsgHdr, kindSockAddrBack, kindMsgHdrBack,
		kindCloneArgs, kindOpenHow, kindCallArgs, kindCloneChild, kindCloneTLS, kindFutexTimeout, kindFutexAddr2},
	Descriptor: {kindFD, kindDirFD},
	Identity:   {kindID, kindKey, kindKeyID},
	Size:       {kindSize, kindOff, kindPair, kindHexPair, kindPairHigh, kindPages},
	Constant: {kindSet, kindSetPair, kindMode, kindFileMode, kindAccessMode, kindSig, kindClock, kindCloneFlags, kindIPCGet, kindShmGet, kindFcntl, kindIoctl,
		kindProtocol, kindSockOpt, kindMountFlags, kindSwapFlags, kindQuotaCmd, kindIOPrio},
}

var classOfKind = func() map[kind]Class {
	m := map[kind]Class{}
	for c, kinds := range kindClasses {
		for _, k := range kinds {
			m[k] = c
		}
	}
	return m
}()

// HasOptions reports whether what a call's arguments are depends on its first one.
func HasOptions(a abi.ABI, nr int32) bool { return lookup(a, nr).options != nil }

// ClassOf returns the class of register n of a call. What the kernel declares
// as a pointer is an address whatever else it may mean.
func ClassOf(a abi.ABI, nr int32, args *[6]int64, n int) Class {
	declared := Declared(a, abi.NameOr(a, nr))
	if n < len(declared) && declared[n].Pointer() {
		return Address
	}
	params, reg := lookup(a, nr).of(args), 0
	for i := range params {
		p := &params[i]
		if reg <= n && n < reg+p.kind.registers() {
			if c, ok := classOfKind[p.kind]; ok {
				return c
			}
			return Number
		}
		reg += p.kind.registers()
	}
	if n >= abi.NumArgs(a, nr) {
		return Unused
	}
	if n >= len(declared) {
		return Unknown
	}
	return Number
}
