package replay

import "systape/format/abi"

// class says how a system call departs from "enter, then exit".
type class uint8

const (
	classPlain     class = iota
	classExit            // does not come back
	classSigreturn       // restores a context, number included
	classExec            // may change ABI and thread id
	classSpawn           // comes back twice
	classRestart         // issued by the kernel to continue an interrupted call
	classCreds           // may change the user id
)

var classNames = [...][]string{
	classExit:      {"exit", "exit_group"},
	classSigreturn: {"rt_sigreturn", "sigreturn"},
	classExec:      {"execve", "execveat"},
	classSpawn:     {"clone", "clone3", "fork", "vfork"},
	classRestart:   {"restart_syscall"},
	classCreds:     {"setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32", "setns", "unshare"},
}

// x32Bit marks the numbers of the x32 ABI.
const x32Bit = 0x40000000

// classTable gives the class of a call by ABI and number.
type classTable [8][1024]class

func newClassTable() *classTable {
	var t classTable
	for cl, names := range classNames {
		for _, a := range abi.All() {
			for _, n := range names {
				if nr, ok := abi.Number(a, n); ok {
					t[a&7][nr&^x32Bit&1023] = class(cl)
				}
			}
		}
	}
	return &t
}

func (t *classTable) of(a abi.ABI, nr int32) class {
	if a == abi.X32 {
		nr &^= x32Bit
	}
	if uint32(nr) >= 1024 {
		return classPlain
	}
	return t[a&7][nr]
}
