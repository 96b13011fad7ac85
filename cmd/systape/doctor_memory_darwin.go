package main

import "golang.org/x/sys/unix"

// machineMemory returns how many bytes of memory the machine has.
func machineMemory() (uint64, error) { return unix.SysctlUint64("hw.memsize") }
