package format

import (
	"errors"
	"io/fs"
	"os"
)

// ErrRecording means that a spool is in use: the recording still goes on.
// Whoever reads it gets what there is so far.
var ErrRecording = errors.New("the recording still goes on")

// LockSpool marks the spool f as in use until f is closed or the program ends,
// however it ends. A recorder calls it before it writes. Readers then say
// [ErrRecording] where the spool ends, [Recover] leaves it alone, and a second
// recorder gets ErrRecording here. The lock keeps nobody from reading (flock; on
// Windows, of a byte behind the end); where the system or the file system has
// none, nothing is locked and nothing fails.
func LockSpool(f *os.File) error {
	if err := lock(f); err != nil {
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: ErrRecording}
	}
	return nil
}

// LockState tells whether a spool is in use.
type LockState uint8

// The states.
const (
	LockUnknown LockState = iota // the system or the file system has no locks
	LockFree                     // no recorder has it: the recording has ended, or was cut off
	LockHeld                     // a recorder writes it
)

// SpoolLock tells whether a recorder writes the spool f.
func SpoolLock(f *os.File) LockState { return lockState(f) }

// inUse reports whether another open file has the lock of f.
func inUse(f *os.File) bool { return lockState(f) == LockHeld }

// CreateSpool makes the spool of the capture name, which is called
// [SpoolName], and locks it. It is a new file that only its owner can read,
// whatever stood there: no link is followed. It fails with [ErrRecording] while
// another recorder writes one, with fs.ErrExist if one was left and Force is
// not set, and for everything that is no regular file.
func CreateSpool(name string, opt FileOptions) (*os.File, error) {
	path := SpoolName(name)
	if info, err := os.Lstat(path); err == nil {
		if err := replaceable(path, info); err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() && pathInUse(path) {
			return nil, &fs.PathError{Op: "create", Path: path, Err: ErrRecording}
		}
		if !opt.Force {
			return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
	}
	f, err := createExclusive(path, opt.Force)
	if errors.Is(err, ErrInUse) {
		err = &fs.PathError{Op: "create", Path: path, Err: ErrRecording}
	}
	if err == nil && opt.Created != nil {
		if err = opt.Created(f); err != nil {
			f.Close()
			os.Remove(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// RemoveEmptySpool removes a spool into which no event was recorded, as a recorder
// leaves it that is killed as it begins, and reports whether it has. One that a
// program writes, or that is damaged, stays.
func RemoveEmptySpool(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > emptySpoolBytes {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if lockState(f) != LockFree || !holdsNoEvent(path) {
		return false
	}
	return removeUnused(path) == nil
}

// emptySpoolBytes is more than what stands before the first event of a spool.
const emptySpoolBytes = 1 << 20

// holdsNoEvent reports whether a spool was cut off before its first event.
func holdsNoEvent(path string) bool {
	r, err := Open([]string{path}, ReadOptions{})
	if err == nil {
		defer r.Close()
		var b Batch
		if err = r.Next(&b); err == nil {
			return false
		}
	}
	var cut *IncompleteError
	return errors.As(err, &cut) && cut.Rows == 0 && !cut.events
}

// pathInUse reports whether a program has locked the file, which may be one
// that belongs to another user.
func pathInUse(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return inUse(f)
}
