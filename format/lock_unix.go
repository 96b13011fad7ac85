//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package format

import (
	"errors"
	"os"
	"syscall"
)

// lock takes the exclusive lock of f. It returns [ErrInUse] if another open
// file has it, and nil where there are no locks.
func lock(f *os.File) error {
	if err := flock(f, syscall.LOCK_EX); errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return nil
}

// lockState tells whether another open file has the lock of f.
func lockState(f *os.File) LockState {
	switch err := flock(f, syscall.LOCK_SH); {
	case err == nil:
		flock(f, syscall.LOCK_UN)
		return LockFree
	case errors.Is(err, syscall.EWOULDBLOCK):
		return LockHeld
	}
	return LockUnknown
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err != syscall.EINTR {
			return err
		}
	}
}
