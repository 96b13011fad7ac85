package decode

import "systape/format/abi"

// Registers counts the registers that the entry of a call reads.
func Registers(a abi.ABI, nr int32) (n int) {
	for _, p := range lookup(a, nr).params {
		n += p.kind.registers()
	}
	return n
}

// Values returns the values that the sets have for a name.
func Values(a abi.ABI, name string) (v []uint64) {
	for _, s := range sets {
		for _, list := range [][]constant{s.field[a], s.flags[a]} {
			for _, c := range list {
				if c.name == name {
					v = append(v, c.value)
				}
			}
		}
	}
	return v
}

// Ioctls returns the commands of ioctl that have a name.
func Ioctls(a abi.ABI) (commands []uint32) {
	for _, c := range sets["ioctl"].field[a] {
		commands = append(commands, uint32(c.value))
	}
	return commands
}

// Kind is what the table says of an argument.
type Kind struct {
	Name               string
	Pointer, Text, Any bool // Any: depends on other arguments
}

// Kinds returns the arguments of a call.
func Kinds(a abi.ABI, nr int32) (k []Kind) {
	for _, p := range lookup(a, nr).params {
		k = append(k, Kind{p.name,
			p.kind.pointer(),
			p.kind == kindPath || p.kind == kindStr || p.kind == kindName,
			p.kind == kindFutexTimeout || p.kind == kindFcntlArg || p.kind == kindSkip || lookup(a, nr).options != nil})
	}
	return k
}

// Refs returns which registers of a call refer to files, by the kinds of its
// arguments.
func Refs(a abi.ABI, nr int32) (r abi.Refs) {
	reg := 0
	for _, p := range lookup(a, nr).params {
		bit := uint8(1) << reg
		switch p.kind {
		case kindFD:
			r.FDs |= bit
		case kindDirFD:
			r.DirFDs |= bit
		case kindPath:
			r.Paths |= bit
		case kindSockAddr:
			r.Addresses |= bit
		case kindSockAddrBack:
			r.AddressesBack |= bit
		case kindMsgHdr:
			r.Messages |= bit
		case kindMsgHdrBack:
			r.MessagesBack |= bit
		case kindFDPair:
			r.Pairs |= bit
		case kindCloneArgs, kindOpenHow:
			r.Words |= bit
		case kindName:
			r.Names |= bit
		case kindCallArgs:
			r.Calls |= bit
		}
		reg += p.kind.registers()
	}
	return r
}
