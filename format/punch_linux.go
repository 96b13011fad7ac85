package format

import (
	"os"
	"syscall"
)

// include/uapi/linux/falloc.h
const (
	fallocKeepSize  = 1
	fallocPunchHole = 2
)

// punch gives the disk space of the bytes from…to back; they read as zeros then,
// and the file stays as long as it is.
func punch(f *os.File, from, to int64) error {
	if from >= to {
		return nil
	}
	return syscall.Fallocate(int(f.Fd()), fallocPunchHole|fallocKeepSize, from, to-from)
}

// canPunch finds out whether the file system has holes, behind the file's end.
func canPunch(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && punch(f, st.Size()+1<<40, st.Size()+1<<40+1<<12) == nil
}
