package replay

import (
	"systape/format"
	"systape/format/abi"
)

// Launch tells the calls that the recorder's child made before it became the
// recorded command: where a whole system is recorded they are there, and are no
// calls of a program that anybody asked for. It needs every batch, with
// [format.ColSeq] and [format.ColPID], in order.
type Launch struct {
	pid     int32 // of the child; 0: there is none, or it is not known yet
	guessed bool  // pid is that of the first call: a capture of the command alone
	stage   launchStage
	exec    int64 // seq of the row that shows that it became; valid when done
}

type launchStage uint8

const (
	launchAwaited launchStage = iota
	launchGoesOn
	launchEnds // its execve was entered
	launchDone
	launchUnseen // the capture has nothing of it
)

// NewLaunch returns a Launch of a capture that says this of itself.
func NewLaunch(m *format.Meta) *Launch {
	r := &m.Request
	alone := (len(r.Command) > 0 || r.Hidden != "") && !r.All && len(r.PIDs) == 0
	l := &Launch{pid: r.Launched, guessed: r.Launched == 0 && alone}
	if m.Flight != nil || m.Part.Number > 1 || l.pid == 0 && !l.guessed {
		l.stage = launchUnseen
	}
	return l
}

// Events learns from a batch, which may be nil.
func (l *Launch) Events(b *format.Batch) {
	if b == nil || l.stage >= launchDone {
		return
	}
	for i, kind := range b.Kind {
		call := kind == format.Enter || kind == format.Exit
		if l.guessed && l.pid == 0 && call {
			l.pid = b.PID[i]
		}
		if l.pid == 0 || b.PID[i] != l.pid || !call && kind != format.Exec {
			continue
		}
		if l.step(kind, b.ABI[i], b.Nr[i], b.Ret[i]); l.stage == launchDone {
			l.exec = b.Seq[i]
			return
		}
	}
}

// step takes one row of the child. Its first one is its return from the call that
// made it or, where it is recorded from there on, its execve.
func (l *Launch) step(kind format.Kind, a abi.ABI, nr int32, ret int64) {
	name, _ := abi.Name(a, nr)
	execve, made := name == "execve", name == "clone" || name == "clone3" || name == "fork" || name == "vfork"
	switch {
	case l.stage == launchAwaited && kind == format.Exit && made && ret == 0:
		l.stage = launchGoesOn
	case l.stage <= launchGoesOn && kind == format.Enter && execve:
		l.stage = launchEnds
	case l.stage == launchAwaited:
		l.stage = launchUnseen
	case l.stage == launchEnds && (kind == format.Enter || kind == format.Exec || execve && ret == 0): // one of these may be lost
		l.stage = launchDone
	case l.stage == launchEnds:
		l.stage = launchGoesOn
	}
}

// Made reports whether the recorder's child made the call; became is true of the
// one by which it became the command. What ended in a batch is asked for after
// Events of that batch.
func (l *Launch) Made(c *Call) (made, became bool) {
	switch {
	case c.PID != l.pid || l.pid == 0:
	case l.stage == launchGoesOn || l.stage == launchEnds:
		return true, false
	case l.stage == launchDone:
		first := c.EnterSeq
		if first < 0 {
			first = c.EndSeq
		}
		made = first < l.exec
		return made, made && (c.EndSeq >= l.exec || c.EndSeq < 0)
	}
	return false, false
}
