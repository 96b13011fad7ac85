package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"systape/capture"
	"systape/cmd/systape/internal/signals"
)

// signalGrace is how long a recording goes on that was told to end by a signal
// which its command has got, too.
const signalGrace = 5 * time.Second

// signalRelay answers the signals that the recorder gets. Without a command,
// INT, QUIT, TERM and HUP end the recording. With one:
//
//	           typed or hung up: the command has it   sent to the recorder alone
//	INT QUIT   is the command's, however often        goes to the command, ends the recording
//	HUP        ends the recording                     goes to the command, ends the recording; begins
//	                                                  another part where there are parts
//	TERM                                              goes to the command, ends the recording
//	USR1 USR2                                         goes to the command; USR1 has a flight
//	                                                  recorder write a file, and goes nowhere
//	TSTP       the recorder stops with the command    goes to the command, and likewise
//
// What ends the recording gives the command time to end first, for the
// recording ends with it: none when the command ignores the signal, else
// signalGrace. A second such signal does not wait.
type signalRelay struct {
	watcher   *signals.Watcher
	inherited []syscall.Signal // ignored when the recorder was started
	rotates   bool             // HUP that is sent begins another part
	flies     bool             // USR1 has a flight recorder write a file
	started   chan *capture.Recording
	quit      chan struct{}
}

// relaySignals begins to receive signals. What comes before the
// recording has begun is answered then; end ends it.
func relaySignals(command, rotates, flies bool, end func()) *signalRelay {
	s := &signalRelay{inherited: signals.Inherited(), started: make(chan *capture.Recording), rotates: rotates, flies: flies, quit: make(chan struct{})}
	// A shell starts what runs in the background with INT ignored, and its
	// scripts end it by just that.
	list := []syscall.Signal{unix.SIGINT, unix.SIGTERM}
	others := []syscall.Signal{unix.SIGQUIT, unix.SIGHUP, unix.SIGPIPE}
	if command {
		others = append(others, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP)
	} else if flies {
		others = append(others, unix.SIGUSR1)
	}
	for _, o := range others {
		if !slices.Contains(s.inherited, o) {
			list = append(list, o)
		}
	}
	s.watcher = signals.Watch(list...)
	go s.run(end)
	return s
}

// begin says that the recording has begun.
func (s *signalRelay) begin(r *capture.Recording) {
	s.watcher.Again()
	s.started <- r
}

// stop ends the answering: signals do what they do to any program.
func (s *signalRelay) stop() {
	s.watcher.Stop()
	close(s.quit)
}

func (s *signalRelay) run(end func()) {
	type received struct {
		signals.Received
		at time.Time
	}
	var early []received
	var r *capture.Recording
	for r == nil {
		select {
		case <-s.quit:
			return
		case got := <-s.watcher.C:
			early = append(early, received{got, time.Now()})
		case r = <-s.started:
		}
	}
	a := &signalAnswers{recording: r, rotates: s.rotates, flies: s.flies, end: end}
	for _, got := range early {
		a.answer(earlyAnswer(got.Received, got.at, r.Launched()))
	}
	for {
		select {
		case <-s.quit:
			return
		case got := <-s.watcher.C:
			a.answer(got)
		case by := <-r.Stopped():
			a.commandStopped(by)
		}
	}
}

// earlyAnswer is a signal that came when nobody knew yet whether there is a
// command: before it was launched, nothing that was typed could reach it.
func earlyAnswer(got signals.Received, at, launched time.Time) signals.Received {
	got.Typed = got.Typed && at.After(launched)
	return got
}

// signalAnswers answers the signals to a recording that has begun.
type signalAnswers struct {
	recording *capture.Recording
	rotates   bool
	flies     bool
	end       func()
	ending    bool      // told to end
	stopping  bool      // told to stop, and about to with the command
	held      bool      // the command was stopped, and we were not
	resumed   time.Time // when we went on
}

func (a *signalAnswers) answer(got signals.Received) {
	if got.Signal == unix.SIGHUP && a.rotates && !got.Typed {
		a.recording.Rotate()
		return
	}
	if got.Signal == unix.SIGUSR1 && a.flies {
		a.recording.WriteOut()
		return
	}
	pid := a.recording.PID()
	if pid == 0 {
		if got.Signal != unix.SIGPIPE {
			a.end()
		}
		return
	}
	pass, end := signalAnswer(got, reachedByTerminal(pid, got.Signal))
	if got.Signal == unix.SIGTSTP {
		a.stop(pid, pass)
		return
	}
	if pass {
		a.recording.Signal(got.Signal)
	}
	if !end {
		return
	}
	if a.ending || processIgnores(pid, got.Signal) {
		a.end()
	} else {
		time.AfterFunc(signalGrace, a.end)
	}
	a.ending = true
}

// stop answers TSTP: what follows is in commandStopped, if the command stops.
func (a *signalAnswers) stop(pid int, pass bool) {
	switch stopped := processStopped(pid); {
	case time.Since(a.resumed) < 200*time.Millisecond: // of the stop that is over: it came to all of the group
	case stopped && a.held:
		a.stopSelf(pid)
	case pass:
		a.stopping = true
		if !stopped {
			a.recording.Signal(unix.SIGTSTP)
		}
	}
}

// commandStopped stops the recorder when job control has stopped its command:
// the shell that is to show it and to continue it waits for the recorder. So
// does a command that has the terminal to itself and stops, as a shell does that
// is told to suspend.
func (a *signalAnswers) commandStopped(by syscall.Signal) {
	pid := a.recording.PID()
	jobControl := by == unix.SIGTSTP || by == unix.SIGTTIN || by == unix.SIGTTOU
	switch {
	case !processStopped(pid): // it goes on already
	case jobControl && (a.stopping || inForeground(unix.Getpgrp())), by == unix.SIGSTOP && hasTerminal(pid):
		a.stopSelf(pid)
	default:
		a.held = true
	}
}

// stopSelf stops this process, and continues the command when it has been
// continued, if the shell has not.
func (a *signalAnswers) stopSelf(command int) {
	for again := true; again; {
		unix.Kill(os.Getpid(), unix.SIGSTOP)
		time.Sleep(20 * time.Millisecond) // in which the process is stopped
		stopped := processStopped(command)
		again = a.recording.StoppedAnew() && stopped // it went on meanwhile
		switch {
		case again:
			select {
			case <-a.recording.Stopped():
			case <-time.After(time.Second):
				again = false // it goes on again
			}
		case stopped:
			unix.Kill(command, unix.SIGCONT)
		}
	}
	a.held, a.stopping, a.resumed = false, false, time.Now()
}

// signalAnswer is the table of signalRelay: whether the command gets the
// signal from us, and whether the recording ends. Reached means that what is
// typed at the terminal gets to the command by itself.
func signalAnswer(got signals.Received, reached bool) (pass, end bool) {
	sent := !got.Typed || !reached
	switch got.Signal {
	case unix.SIGINT, unix.SIGQUIT:
		return sent, sent
	case unix.SIGHUP, unix.SIGTERM:
		return sent, true
	case unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP:
		return sent, false
	}
	return false, false // SIGPIPE: the write that failed says it
}

// reachedByTerminal reports whether a process gets what the terminal sends us:
// that goes to a process group, but for the end of the terminal, of which it
// tells the leader of the session alone, and others when that has ended
// (drivers/tty/tty_jobctrl.c at v6.12).
func reachedByTerminal(pid int, s syscall.Signal) bool {
	if session, err := unix.Getsid(0); s == unix.SIGHUP && err == nil && session == os.Getpid() {
		return false
	}
	group, err := unix.Getpgid(pid)
	return err == nil && group == unix.Getpgrp()
}

// hasTerminal reports whether a process has the terminal in a group that is not ours.
func hasTerminal(pid int) bool {
	group, err := unix.Getpgid(pid)
	return err == nil && group != unix.Getpgrp() && inForeground(group)
}

// inForeground reports whether a process group has our terminal.
func inForeground(wanted int) bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == wanted
}

// processStopped reports whether a process is stopped (proc_pid_stat(5)).
func processStopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return err == nil && bytes.HasPrefix(state, []byte("T"))
}

// processIgnores reports whether a process ignores a signal (proc_pid_status(5)).
func processIgnores(pid int, s syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits>>(s-1)&1 == 1
		}
	}
	return false
}

// keepFromCommand makes a descriptor that we were given ours alone.
func keepFromCommand(n int) { unix.CloseOnExec(n) }
