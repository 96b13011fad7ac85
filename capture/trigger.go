package capture

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"systape/format/abi"
)

// Trigger is what makes a flight recorder write a file: one of [TriggerForms].
// The zero value fires at nothing.
type Trigger struct {
	text string
	kind triggerKind

	calls   *abi.Set      // calls
	errno   int           // calls: of those that fail with this; anyErrno; 0: of all
	longer  time.Duration // calls: that last longer; 0: see rate
	rate    int64         // calls: when there are more of them in a second; 0: at each
	code    int           // exit, signal: this one; -1: any but success
	program string        // exec: a pattern as of path.Match
}

type triggerKind uint8

const (
	triggerNone triggerKind = iota
	triggerCalls
	triggerExit
	triggerSignal
	triggerExec
	triggerEnd
)

const anyErrno = -1

// TriggerForms are the sentences of the language, and what each means. Calls are
// a set in the language of -e, such as fsync,fdatasync or %network or all.
var TriggerForms = []struct{ Form, Example, Meaning string }{
	{"CALLS>TIME", "fsync>200ms", "a call lasts longer, whether it has returned or not"},
	{"CALLS:ERRNO", "openat:EMFILE", "a call fails with that error; * is any"},
	{"CALLS>N/s", "%process>500/s", "there are more calls in a second"},
	{"CALLS:ERRNO>N/s", "connect:*>20/s", "more of them fail in a second"},
	{"exit:STATUS", "exit:*", "a process ends with that status; * is any but 0"},
	{"signal:NAME", "signal:SIGSEGV", "a signal ends a process; * is any"},
	{"exec:PROGRAM", "exec:core*", "a program of that name is run; with / its whole path"},
	{"end", "end", "the recording ends"},
}

// String returns the text that was parsed.
func (t Trigger) String() string { return t.text }

// AtEnd reports whether the trigger is the end of the recording.
func (t Trigger) AtEnd() bool { return t.kind == triggerEnd }

// ParseTrigger reads one of [TriggerForms].
func ParseTrigger(text string) (Trigger, error) {
	t := Trigger{text: text}
	fail := func(format string, args ...any) (Trigger, error) {
		return Trigger{}, fmt.Errorf("trigger %q: %w", text, fmt.Errorf(format, args...))
	}
	word, rest, _ := strings.Cut(text, ":")
	switch word {
	case "end":
		if t.kind = triggerEnd; text != word {
			return fail("nothing follows end")
		}
		return t, nil
	case "exit":
		t.kind, t.code = triggerExit, -1
		if rest == "*" {
			return t, nil
		}
		n, err := strconv.ParseUint(rest, 10, 8)
		if err != nil {
			return fail("want an exit status from 0 to 255, or *")
		}
		t.code = int(n)
		return t, nil
	case "signal":
		t.kind, t.code = triggerSignal, -1
		if rest == "*" {
			return t, nil
		}
		if t.code = signalNumber(rest); t.code == 0 {
			return fail("%q is no signal", rest)
		}
		return t, nil
	case "exec":
		t.kind, t.program = triggerExec, rest
		if _, err := path.Match(rest, ""); err != nil || rest == "" {
			return fail("want the name of a program, in which * stands for any letters")
		}
		return t, nil
	}
	return t.parseCalls(fail)
}

func (t Trigger) parseCalls(fail func(string, ...any) (Trigger, error)) (Trigger, error) {
	t.kind = triggerCalls
	calls, bound, bounded := cutLast(t.text, ">")
	if bounded {
		var err error
		bound = strings.TrimSpace(bound)
		if number, isRate := strings.CutSuffix(bound, "/s"); isRate {
			if t.rate, err = strconv.ParseInt(number, 10, 64); err != nil || t.rate < 1 {
				return fail("want a rate such as 500/s")
			}
		} else if t.longer, err = parseTime(bound); err != nil || t.longer <= 0 {
			return fail("want a time such as 200ms, or a rate such as 500/s")
		}
	}
	set, errno, failing := cutLast(calls, ":")
	if failing {
		ok := false
		if t.errno, ok = abi.ErrnoNumber(abi.X86_64, errno); errno == "*" {
			t.errno, ok = anyErrno, true
		}
		if !ok {
			return fail("%q is no error such as EMFILE, nor *", errno)
		}
	}
	if !bounded && !failing {
		return fail("want %s, %s or another of the forms in the help", TriggerForms[0].Example, TriggerForms[1].Example)
	}
	var err error
	if t.calls, err = abi.ParseSet(strings.TrimSpace(set)); err != nil {
		return fail("%w", err)
	}
	return t, nil
}

// parseTime takes a number of seconds, too.
func parseTime(s string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && n < 1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	return time.ParseDuration(strings.ReplaceAll(s, " ", ""))
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// signalNumber takes a name with SIG or without, or a number; 0: it is none.
func signalNumber(name string) int {
	if n, err := strconv.Atoi(name); err == nil && abi.SignalName(abi.X86_64, n) != "" {
		return n
	}
	name = "SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")
	for n := 1; n <= 64; n++ {
		if abi.SignalName(abi.X86_64, n) == name {
			return n
		}
	}
	return 0
}

// slow reports whether the durations of calls matter to the trigger.
func (t *Trigger) slow() bool { return t.kind == triggerCalls && t.longer > 0 }

// matchesErrno reports whether a call's result is a failure that the trigger asks
// for. What restarts a call is none that a program sees.
func (t *Trigger) matchesErrno(ret int64) bool {
	const first, internal = -4095, -512
	switch t.errno {
	case 0:
		return true
	case anyErrno:
		return ret < 0 && ret >= first && ret > internal || ret < -531 && ret >= first
	}
	return ret == int64(-t.errno)
}

// matchesProgram reports whether a program's file is what the trigger asks for.
func (t *Trigger) matchesProgram(file string) bool {
	if !strings.Contains(t.program, "/") {
		file = path.Base(file)
	}
	ok, _ := path.Match(t.program, file)
	return ok
}

// wait statuses (wait(2)).
func exitStatus(code int64) (status int, exited bool) { return int(code >> 8 & 0xff), code&0x7f == 0 }
func fatalSignal(code int64) int                      { return int(code & 0x7f) }
