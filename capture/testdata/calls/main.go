// Command calls makes one call of each number of arguments, with values by
// which a recording can be checked. It is built for the native and the 32-bit
// ABI; every call fails before it does anything. With arguments it runs the
// program that they are instead, after a munmap of nothing.
package main

import (
	"os"
	"runtime"
	"syscall"
)

func main() {
	runtime.LockOSThread()
	if len(os.Args) > 1 {
		syscall.RawSyscall(syscall.SYS_MUNMAP, 4096, 4096, 0)
		panic(syscall.Exec(os.Args[1], os.Args[1:], nil))
	}
	var args [6]uintptr
	for i := range args {
		args[i] = value(i)
	}
	for range 3 {
		for _, nr := range []uintptr{
			syscall.SYS_GETPPID, syscall.SYS_CLOSE, syscall.SYS_FCHMOD, syscall.SYS_READ,
			syscall.SYS_OPENAT, syscall.SYS_PRCTL, syscall.SYS_SPLICE,
		} {
			syscall.RawSyscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5])
		}
	}
}

// value fills a register, with the highest bit set in every second one.
func value(i int) uintptr {
	wide := uint64(0x7766_5544_7322_1100) + uint64(i)
	if i%2 == 1 {
		wide |= 1<<63 | 1<<31
	}
	return uintptr(wide)
}
