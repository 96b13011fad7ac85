//go:build amd64 || arm64

package signals

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Watcher receives signals.
type Watcher struct {
	// C tells of every signal, of none less often than it came.
	C       <-chan Received
	watched []syscall.Signal
	arrived chan os.Signal
	quit    chan struct{}
}

// Watch begins to receive signals, which then do nothing else to the process.
func Watch(watched ...syscall.Signal) *Watcher {
	c := make(chan Received)
	w := &Watcher{C: c, watched: watched, arrived: make(chan os.Signal, 2*numSignals), quit: make(chan struct{})}
	w.Again()
	go w.tell(c)
	return w
}

// Again goes on after some of the signals were ignored for a while, with
// [signal.Ignore].
func (w *Watcher) Again() {
	for _, s := range w.watched {
		signal.Notify(w.arrived, s)
		observe(s)
	}
}

// Stop ends it: the signals do again what they did before.
func (w *Watcher) Stop() {
	signal.Stop(w.arrived)
	close(w.quit)
}

func (w *Watcher) tell(c chan<- Received) {
	for {
		var s syscall.Signal
		select {
		case <-w.quit:
			return
		case arrived := <-w.arrived:
			s = arrived.(syscall.Signal)
		}
		// The runtime may tell once of two that came together.
		for sender := range seen[s] {
			for range atomic.SwapUint32(&seen[s][sender], 0) {
				select {
				case <-w.quit:
					return
				case c <- Received{s, sender == 1}:
				}
			}
		}
	}
}

// numSignals is one more than the highest signal.
const numSignals = 65

// What the handler in handler_linux_*.s counts, and where it goes on.
var (
	seen  [numSignals][2]uint32 // from processes, from the kernel
	chain [numSignals]uintptr   // the Go runtime's handler
)

// handlerPC returns the address of the handler.
func handlerPC() uintptr

// observe puts the handler before the Go runtime's, which os/signal has
// installed. It does no more than look at si_code, which the runtime does not
// hand on, and count.
func observe(s syscall.Signal) {
	a, err := disposition(s)
	if err != nil || a.handler <= ignore || a.handler == handlerPC() {
		return
	}
	chain[s] = a.handler
	a.handler = handlerPC()
	a.install(s)
}

// action is the kernel's struct sigaction.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const ignore = 1 // SIG_IGN

func disposition(s syscall.Signal) (a action, err error) {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), 0, uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a.mask), 0, 0)
	if errno != 0 {
		return a, errno
	}
	return a, nil
}

func (a action) install(s syscall.Signal) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&a)), 0, unsafe.Sizeof(a.mask), 0, 0)
}
