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

// inUse reports whether another open file has the lock of f.
func inUse(f *os.File) bool {
	err := flock(f, syscall.LOCK_SH)
	if err == nil {
		flock(f, syscall.LOCK_UN)
	}
	return errors.Is(err, syscall.EWOULDBLOCK)
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err != syscall.EINTR {
			return err
		}
	}
}
