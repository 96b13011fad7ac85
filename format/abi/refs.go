package abi

// Refs says which of a call's argument registers name what the call is
// about: one bit for each register, the lowest for the first.
type Refs struct {
	FDs       uint8 // a file descriptor
	DirFDs    uint8 // a descriptor, or AT_FDCWD, that the path in the next register is relative to
	Paths     uint8 // the address of a file name
	Addresses uint8 // the address of a socket address, whose length is in the next register
	Messages  uint8 // the address of a message (struct msghdr), which may have a socket address
	Pairs     uint8 // the address of two descriptors that the call makes

	AddressesBack uint8 // where the call writes a socket address; the next register has where it writes the length
	MessagesBack  uint8 // the address of a message into which the call may write a socket address

	Names uint8 // the address of a name that is no path
	Words uint8 // the address of arguments of 64 bits, whose length is in the next register
	Calls uint8 // the address of the arguments that socketcall passes on, of 32 bits
}

// Sockets returns the registers that lead to a socket address.
func (s Refs) Sockets() uint8 { return s.Addresses | s.Messages | s.AddressesBack | s.MessagesBack }

// AtFDCWD stands for the working directory where a call takes a descriptor of
// a directory (include/uapi/linux/fcntl.h).
const AtFDCWD = -100

// None reports whether the call names nothing.
func (s Refs) None() bool { return s == Refs{} }

var refTables = [numABIs][]Refs{
	X86_64: x86_64Refs[:], I386: i386Refs[:], X32: x32Refs[:], ARM64: arm64Refs[:], ARM: armRefs[:],
}

// RefsOf returns what the registers of call nr of a name; nothing for a
// call that is not known.
func RefsOf(a ABI, nr int32) Refs {
	switch {
	case a >= numABIs:
		return Refs{}
	case a == X32:
		if nr&x32Bit == 0 {
			return Refs{}
		}
		nr &^= x32Bit
	}
	if t := refTables[a]; uint(nr) < uint(len(t)) {
		return t[nr]
	}
	return Refs{}
}
