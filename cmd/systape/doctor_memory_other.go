//go:build !linux && !darwin && !windows

package main

import "errors"

// machineMemory is not known here.
func machineMemory() (uint64, error) { return 0, errors.ErrUnsupported }
