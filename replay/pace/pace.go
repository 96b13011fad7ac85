// Package pace gives recorded time back: it waits between the lines of a
// replay as long as the recording did, or a fraction of it.
package pace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Max is the speed that never waits.
const Max = math.MaxFloat64

// The slowest and the fastest speed that ParseSpeed and the keys allow.
const (
	slowest = 1e-6
	fastest = 1e6
)

// ParseSpeed reads "1x", "0.1x", "10" or "max".
func ParseSpeed(s string) (float64, error) {
	if s == "max" {
		return Max, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(v >= slowest && v <= fastest) {
		return 0, fmt.Errorf("%q is no speed: want 1x, 0.1x, 10x or max", s)
	}
	return v, nil
}

// FormatSpeed is the inverse of ParseSpeed.
func FormatSpeed(v float64) string {
	if v == Max {
		return "max"
	}
	return strconv.FormatFloat(v, 'g', 6, 64) + "x"
}

// Clock tells the time and waits; the machine's is [System].
type Clock interface {
	Now() time.Time
	// Timer returns a channel that delivers once when at has come, and a
	// function that gives the timer up.
	Timer(at time.Time) (c <-chan time.Time, stop func())
}

// System is the machine's monotonic clock.
type System struct{}

// Now returns the time with its monotonic reading.
func (System) Now() time.Time { return time.Now() }

// Timer implements [Clock].
func (System) Timer(at time.Time) (<-chan time.Time, func()) {
	t := time.NewTimer(time.Until(at))
	return t.C, func() { t.Stop() }
}

// Command is what a user asks of a running replay.
type Command uint8

const (
	Pause  Command = iota // stop, or go on
	Step                  // one more line, then stop
	Faster                // twice the speed
	Slower                // half the speed
	Skip                  // do not wait for the next line any longer
	Quit                  // end the replay
)

// ErrQuit is what Wait returns after the command Quit.
var ErrQuit = errors.New("replay ended by the user")

// Pacer waits until each line of a replay is due. Every wait ends at a time
// that is computed from the first line and the recorded time, never from the
// wait before, so that errors do not add up: after an hour the replay is as
// exact as after a second.
type Pacer struct {
	clock    Clock
	commands <-chan Command
	speed    float64
	paused   bool
	steps    int // lines that may pass although the replay is paused

	started bool
	origin  int64     // capture time …
	at      time.Time // … that corresponds to this
}

// NewPacer returns a Pacer. commands may be nil; the Pacer reads it while
// it waits.
func NewPacer(clock Clock, speed float64, commands <-chan Command) *Pacer {
	return &Pacer{clock: clock, commands: commands, speed: speed}
}

// Speed returns the current speed; it is negative while the replay is paused.
func (p *Pacer) Speed() float64 {
	if p.paused {
		return -p.speed
	}
	return p.speed
}

// Restart makes the next line the first one again, for replays that loop.
func (p *Pacer) Restart() { p.started = false }

// Ready reports whether the line with capture time ts may be shown at once.
// It costs nothing at full speed without commands, so a caller can gather
// many lines before it writes them and calls Wait.
func (p *Pacer) Ready(ts int64) bool {
	if p.commands != nil && (p.paused || len(p.commands) > 0) {
		return false
	}
	if p.speed == Max {
		return true
	}
	return p.started && !p.clock.Now().Before(p.when(ts))
}

// when returns the time at which capture time ts is due.
func (p *Pacer) when(ts int64) time.Time {
	ns := float64(ts-p.origin) / p.speed
	if ns > math.MaxInt64/2 {
		ns = math.MaxInt64 / 2
	}
	return p.at.Add(time.Duration(ns))
}

// anchor ties capture time ts to now; the waits after it count from there.
func (p *Pacer) anchor(ts int64) { p.origin, p.at, p.started = ts, p.clock.Now(), true }

// Wait returns when the line with capture time ts is to be shown: nil when it
// is due, ErrQuit, or the error of ctx. Times must not go back but after
// Restart.
func (p *Pacer) Wait(ctx context.Context, ts int64) error {
	if !p.started {
		p.anchor(ts)
	}
	for {
		// Commands that are there come before anything else.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c, ok := <-p.commands:
			if show, err := p.obey(c, ok, ts); show || err != nil {
				return err
			}
			continue
		default:
		}
		var timer <-chan time.Time
		stop := func() {}
		switch {
		case p.paused && p.steps > 0:
			p.steps--
			p.anchor(ts)
			return nil
		case p.paused:
		case p.speed == Max:
			p.anchor(ts)
			return nil
		default:
			at := p.when(ts)
			if !at.After(p.clock.Now()) {
				return nil
			}
			timer, stop = p.clock.Timer(at)
		}
		select {
		case <-ctx.Done():
			stop()
			return ctx.Err()
		case <-timer:
			return nil
		case c, ok := <-p.commands:
			stop()
			if show, err := p.obey(c, ok, ts); show || err != nil {
				return err
			}
		}
	}
}

// obey carries out a command that came while the line ts was waited for, and
// reports whether the line is to be shown at once.
func (p *Pacer) obey(c Command, ok bool, ts int64) (show bool, err error) {
	if !ok {
		p.commands = nil // no one is left to say "go on"
		p.paused = false
		return false, nil
	}
	switch c {
	case Pause:
		p.hold(ts)
		p.paused, p.steps = !p.paused, 0
		if !p.paused {
			p.at = p.clock.Now()
		}
	case Step:
		p.hold(ts)
		p.paused = true
		p.steps++
	case Faster, Slower:
		p.hold(ts)
		p.at = p.clock.Now()
		p.change(c)
	case Skip:
		if !p.paused {
			p.anchor(ts)
			return true, nil
		}
	case Quit:
		return false, ErrQuit
	}
	return false, nil
}

func (p *Pacer) change(c Command) {
	switch {
	case c == Slower && p.speed == Max:
		p.speed = 1
	case c == Slower:
		p.speed = max(p.speed/2, slowest)
	case p.speed != Max:
		if p.speed *= 2; p.speed > fastest {
			p.speed = Max
		}
	}
}

// hold moves the origin to the capture time that corresponds to now, so that
// a pause or another speed begins here. The replay does not run past the line
// that it waits for.
func (p *Pacer) hold(ts int64) {
	if p.paused {
		return
	}
	now := p.clock.Now()
	if p.speed != Max {
		p.origin = min(ts, p.origin+int64(min(float64(now.Sub(p.at))*p.speed, math.MaxInt64/4)))
	} else {
		p.origin = ts
	}
	p.at = now
}
