// Package signals tells what os/signal does not: who sent a signal, and which
// signals were ignored when this process began. A wrapper that is not felt
// must know both. A key typed at the terminal has reached the wrapped command
// already; and what the caller of the command ignores, the command ignores.
//
// Other systems than Linux on amd64 and arm64 tell neither.
package signals

import "syscall"

// Received is one signal and who sent it.
type Received struct {
	Signal syscall.Signal
	// Typed is set when the kernel sent it, to all processes in the foreground
	// of a terminal: for a key such as Ctrl-C, or because the terminal is gone.
	// Otherwise a process sent it, with kill(2).
	Typed bool
}
