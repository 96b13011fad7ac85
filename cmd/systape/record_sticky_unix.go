//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// heldFast reports whether a file is another user's, in a folder that lets nobody
// take its name from it but its owner and the folder's: /tmp is one.
func heldFast(path string) bool {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode()&fs.ModeSticky == 0 || os.Geteuid() == 0 {
		return false
	}
	file, err := os.Lstat(path)
	if err != nil {
		return false
	}
	of := func(info fs.FileInfo) bool {
		s, ok := info.Sys().(*syscall.Stat_t)
		return ok && int(s.Uid) == os.Geteuid()
	}
	return !of(file) && !of(dir)
}
