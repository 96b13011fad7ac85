//go:build !linux || !(amd64 || arm64)

package signals

import (
	"os"
	"os/signal"
	"syscall"
)

// Watcher receives signals.
type Watcher struct {
	C       <-chan Received
	arrived chan os.Signal
	watched []syscall.Signal
	quit    chan struct{}
}

// Watch begins to receive signals, which then do nothing else to the process.
func Watch(watched ...syscall.Signal) *Watcher {
	c := make(chan Received)
	w := &Watcher{C: c, watched: watched, arrived: make(chan os.Signal, 64), quit: make(chan struct{})}
	w.Again()
	go func() {
		for {
			select {
			case <-w.quit:
				return
			case s := <-w.arrived:
				select {
				case <-w.quit:
					return
				case c <- Received{Signal: s.(syscall.Signal)}:
				}
			}
		}
	}()
	return w
}

// Again goes on after some of the signals were ignored for a while.
func (w *Watcher) Again() {
	for _, s := range w.watched {
		signal.Notify(w.arrived, s)
	}
}

// Stop ends it: the signals do again what they did before.
func (w *Watcher) Stop() {
	signal.Stop(w.arrived)
	close(w.quit)
}

// Inherited returns the signals that this process was started with ignored,
// as far as they are known: none.
func Inherited() []syscall.Signal { return nil }
