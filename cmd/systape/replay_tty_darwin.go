package main

import "golang.org/x/sys/unix"

const (
	replayGetTermios = unix.TIOCGETA
	replaySetTermios = unix.TIOCSETA
)
