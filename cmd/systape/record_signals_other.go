//go:build !linux

package main

import (
	"syscall"

	"systape/capture"
)

// signalRelay does nothing where nothing is recorded.
type signalRelay struct{ inherited []syscall.Signal }

func relaySignals(bool, bool, bool, func()) *signalRelay { return new(signalRelay) }

func (*signalRelay) begin(*capture.Recording) {}
func (*signalRelay) stop()                    {}

func keepFromCommand(int) {}
