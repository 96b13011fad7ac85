//go:build linux || darwin

package main

import "golang.org/x/sys/unix"

// replayOneKeyAtATime makes a terminal give each key at once and show none,
// and leaves everything else as it is: Ctrl-C still interrupts, and lines
// still end as they did.
func replayOneKeyAtATime(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, replayGetTermios)
	if err != nil {
		return nil, err
	}
	now := *before
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, replaySetTermios, &now); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(fd, replaySetTermios, before) }, nil
}
