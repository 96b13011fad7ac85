package main

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// machineMemory returns how many bytes of memory the machine has
// (GlobalMemoryStatusEx of sysinfoapi.h).
func machineMemory() (uint64, error) {
	var status struct {
		length, load uint32
		total        uint64
		_            [6]uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx").Call(uintptr(unsafe.Pointer(&status)))
	if ok == 0 {
		return 0, err
	}
	return status.total, nil
}
