package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/cmd/systape/internal/signals"
)

func TestSignalAnswer(t *testing.T) {
	type answer struct{ pass, end bool }
	key, kill := true, false
	for _, c := range []struct {
		signal unix.Signal
		typed  bool
		want   answer
	}{
		{unix.SIGINT, key, answer{}},
		{unix.SIGQUIT, key, answer{}},
		{unix.SIGTSTP, key, answer{}},
		{unix.SIGHUP, key, answer{end: true}},
		{unix.SIGINT, kill, answer{pass: true, end: true}},
		{unix.SIGQUIT, kill, answer{pass: true, end: true}},
		{unix.SIGTERM, kill, answer{pass: true, end: true}},
		{unix.SIGHUP, kill, answer{pass: true, end: true}},
		{unix.SIGUSR1, kill, answer{pass: true}},
		{unix.SIGUSR2, kill, answer{pass: true}},
		{unix.SIGTSTP, kill, answer{pass: true}},
		{unix.SIGPIPE, kill, answer{}},
		{unix.SIGPIPE, key, answer{}},
	} {
		var got answer
		if got.pass, got.end = signalAnswer(signals.Received{Signal: c.signal, Typed: c.typed}, true); got != c.want {
			t.Errorf("%s, typed %v: got %+v, want %+v", unix.SignalName(c.signal), c.typed, got, c.want)
		}
		// What the terminal does not bring to the command is as if sent to us alone.
		sent, _ := signalAnswer(signals.Received{Signal: c.signal}, true)
		if got, _ := signalAnswer(signals.Received{Signal: c.signal, Typed: true}, false); got != sent {
			t.Errorf("%s, typed but not reached: passed on %v, want %v", unix.SignalName(c.signal), got, sent)
		}
	}
}

// TestEarlySignals: a key that was pressed once there was a command has reached it,
// also if nobody knew of the command then; before, it has reached nobody.
func TestEarlySignals(t *testing.T) {
	launched := time.Now()
	before, after := launched.Add(-time.Millisecond), launched.Add(time.Millisecond)
	for _, c := range []struct {
		typed bool
		at    time.Time
		want  bool
	}{
		{true, before, false},
		{true, after, true},
		{false, before, false},
		{false, after, false},
	} {
		got := earlyAnswer(signals.Received{Signal: unix.SIGINT, Typed: c.typed}, c.at, launched)
		if got.Typed != c.want || got.Signal != unix.SIGINT {
			t.Errorf("typed %v, %v after the launch: got %+v", c.typed, c.at.Sub(launched), got)
		}
	}
}
