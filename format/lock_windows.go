package format

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Locks of Windows keep others from the bytes that are locked, so it is a byte
// far behind the end of every file that is locked.
func lockedByte() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// lock takes the exclusive lock of f. It returns [ErrInUse] if another open
// file has it, and nil where there are no locks.
func lock(f *os.File) error {
	if lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK) == LockHeld {
		return ErrInUse
	}
	return nil
}

// lockState tells whether another open file has the lock of f.
func lockState(f *os.File) LockState {
	state := lockByte(f, 0)
	if state == LockFree {
		windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockedByte())
	}
	return state
}

func lockByte(f *os.File, how uint32) LockState {
	err := windows.LockFileEx(windows.Handle(f.Fd()), how|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, lockedByte())
	switch {
	case err == nil:
		return LockFree
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return LockHeld
	}
	return LockUnknown
}
