package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// leftovers is what an interrupt must not leave behind: files that have not got
// their names, and folders of what is being made.
type leftovers struct {
	mu     sync.Mutex
	next   int
	remove map[int]func()
	once   sync.Once
}

var leftOnInterrupt leftovers

// add has something removed if the program is interrupted before done.
func (l *leftovers) add(remove func()) (done func()) {
	if ownProcess {
		l.once.Do(l.watch)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.remove == nil {
		l.remove = map[int]func(){}
	}
	n := l.next
	l.next++
	l.remove[n] = remove
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.remove, n)
	}
}

// file is add for a file: it is removed while its name still means it, which
// ends when it gets another.
func (l *leftovers) file(f *os.File) (done func()) {
	ours, err := f.Stat()
	if err != nil {
		return func() {}
	}
	return l.add(func() {
		if there, err := os.Lstat(f.Name()); err == nil && os.SameFile(there, ours) {
			os.Remove(f.Name())
		}
	})
}

func (l *leftovers) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, remove := range l.remove {
		remove()
	}
}

// watch sweeps when the program is interrupted, and lets it then end as it would
// have.
func (l *leftovers) watch() {
	var ends []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			ends = append(ends, s)
		}
	}
	if len(ends) == 0 {
		return
	}
	met := make(chan os.Signal, 1)
	signal.Notify(met, ends...)
	go func() {
		s := <-met
		l.sweep()
		signal.Reset(s)
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(s) == nil {
			time.Sleep(time.Second) // the signal ends the program
		}
		os.Exit(exitFailed)
	}()
}
