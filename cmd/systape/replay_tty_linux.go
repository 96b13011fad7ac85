package main

import "golang.org/x/sys/unix"

const (
	replayGetTermios = unix.TCGETS
	replaySetTermios = unix.TCSETS
)
