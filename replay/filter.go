package replay

import (
	"slices"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/escape"
	"systape/replay/files"
)

// Filter chooses calls. The zero value chooses all; a call must satisfy every
// field that is set, and one of the values of a field that lists several.
type Filter struct {
	PIDs       []int32
	TIDs       []int32
	Comms      []string // thread names, raw or as they are shown; * stands for any characters
	Containers []string // container ids or the beginnings of them, or cgroup names, with * for any characters; "host" stands for none
	Syscalls   *abi.Set // nil: every call
	Statuses   []Status
	Errnos     []int // error numbers
	AnyErrno   bool  // any error
	NoErrno    bool  // success
	// From and To bound when a call began: From ≤ StartNS < To, in capture
	// time; 0 leaves an end open. What has no enter in the capture counts
	// by its exit.
	From, To    int64
	MinDuration int64 // ns; what has no duration is shorter than any
	// Paths and FileTypes ask what the call is about: one of the names that
	// its arguments and its result have, * standing for any characters, and
	// the type of a descriptor. They need [Call.Files].
	Paths     []string
	FileTypes []files.Type

	comms, containers verdicts
}

// verdicts remembers for each Symbol whether its string matches, so that every
// string is looked at once.
type verdicts []uint8

const (
	verdictYes = 1 + iota
	verdictNo
)

// Empty reports whether f chooses every call.
func (f *Filter) Empty() bool { return !f.HasSubject() && !f.HasOutcome() }

// HasSubject reports whether f asks who made the call, which and when.
func (f *Filter) HasSubject() bool {
	return len(f.PIDs)+len(f.TIDs)+len(f.Comms)+len(f.Containers) > 0 || f.Syscalls != nil || f.From != 0 || f.To != 0 || f.HasFile()
}

// HasFile reports whether f asks for files or descriptors.
func (f *Filter) HasFile() bool { return len(f.Paths)+len(f.FileTypes) > 0 }

// choosesThreads reports whether f asks who made the call or which it was.
func (f *Filter) choosesThreads() bool {
	return len(f.PIDs)+len(f.TIDs)+len(f.Comms)+len(f.Containers) > 0 || f.Syscalls != nil || f.HasFile()
}

// WholeThreads reports whether f takes, within its time, all calls of a thread
// or none: it does not ask which calls, how they ended, or what can change
// between two of them.
func (f *Filter) WholeThreads() bool {
	return !f.HasOutcome() && !f.HasFile() && f.Syscalls == nil && len(f.Comms)+len(f.Containers) == 0
}

// WholeProcesses is WholeThreads of all threads of a process together.
func (f *Filter) WholeProcesses() bool { return f.WholeThreads() && len(f.TIDs) == 0 }

// HasProcess reports whether f may choose calls of a process.
func (f *Filter) HasProcess(pid int32) bool { return len(f.PIDs) == 0 || slices.Contains(f.PIDs, pid) }

// HasOutcome reports whether f asks how the call ended.
func (f *Filter) HasOutcome() bool {
	return len(f.Statuses)+len(f.Errnos) > 0 || f.AnyErrno || f.NoErrno || f.MinDuration > 0
}

// Match reports whether f chooses c, whose Symbols belong to names. All calls
// that one Filter sees must use the same table.
func (f *Filter) Match(c *Call, names *format.SymbolTable) bool {
	return f.MatchSubject(c, names) && f.MatchOutcome(c)
}

// choose keeps of calls those that f chooses, in place, and adds those of the
// subject to coverage.
func (f *Filter) choose(calls []Call, names *format.SymbolTable, coverage *Coverage) []Call {
	if f.Empty() {
		coverage.Add(calls)
		return calls
	}
	kept := calls[:0]
	for i := range calls {
		c := &calls[i]
		if !f.MatchSubject(c, names) {
			continue
		}
		coverage.Count(c.Status)
		if f.MatchOutcome(c) {
			kept = append(kept, *c)
		}
	}
	return kept
}

// which appends for each call whether f chooses it, and adds those of the
// subject to coverage.
func (f *Filter) which(dst []bool, calls []Call, names *format.SymbolTable, coverage *Coverage) []bool {
	for i := range calls {
		subject := f.MatchSubject(&calls[i], names)
		if subject {
			coverage.Count(calls[i].Status)
		}
		dst = append(dst, subject && f.MatchOutcome(&calls[i]))
	}
	return dst
}

// Apart returns a filter that chooses the same calls, for another goroutine.
func (f *Filter) Apart() Filter {
	same := *f
	same.comms, same.containers = nil, nil
	return same
}

// MatchSubject asks only who made the call, which it was and when it was made.
// Coverage counts these calls: it tells what happened to the calls that were
// asked about, so it must not leave out those that ended badly.
func (f *Filter) MatchSubject(c *Call, names *format.SymbolTable) bool {
	if len(f.PIDs) > 0 && !slices.Contains(f.PIDs, c.PID) || len(f.TIDs) > 0 && !slices.Contains(f.TIDs, c.TID) {
		return false
	}
	if f.From != 0 || f.To != 0 {
		at := c.BeganNS()
		if at < f.From || f.To != 0 && at >= f.To {
			return false
		}
	}
	if f.Syscalls != nil && !f.Syscalls.Has(c.ABI, c.Nr) {
		return false
	}
	if len(f.Paths) > 0 && !c.Files.Any(f.hasPath) || len(f.FileTypes) > 0 && !slices.ContainsFunc(f.FileTypes, c.Files.HasType) {
		return false
	}
	return (len(f.Comms) == 0 || f.comms.match(c.Comm, names, f.Comms, MatchName)) &&
		(len(f.Containers) == 0 || f.containers.match(c.Container, names, f.Containers, matchContainer))
}

func (f *Filter) hasPath(name string) bool {
	text := escape.Text(name) // as it is shown
	return slices.ContainsFunc(f.Paths, func(p string) bool { return MatchName(p, name) || text != name && MatchName(p, text) })
}

// MatchOutcome asks only how the call ended.
func (f *Filter) MatchOutcome(c *Call) bool {
	if len(f.Statuses) > 0 && !slices.Contains(f.Statuses, c.Status) || c.DurNS < f.MinDuration {
		return false
	}
	if len(f.Errnos) == 0 && !f.AnyErrno && !f.NoErrno {
		return true
	}
	e := c.Errno()
	if e == 0 {
		return f.NoErrno && c.HasResult()
	}
	return f.AnyErrno || slices.Contains(f.Errnos, e)
}

// match looks s up in the verdicts.
func (v *verdicts) match(s format.Symbol, names *format.SymbolTable, want []string, eq func(want, have string) bool) bool {
	for int(s) >= len(*v) {
		*v = append(*v, 0)
	}
	if (*v)[s] == 0 {
		(*v)[s] = verdictNo
		have := names.String(s)
		text, cell := escape.Text(have), escape.Cell(have) // as it is shown, also in CSV
		if slices.ContainsFunc(want, func(w string) bool { return eq(w, have) || eq(w, text) || eq(w, cell) }) {
			(*v)[s] = verdictYes
		}
	}
	return (*v)[s] == verdictYes
}

// MatchName compares with a pattern in which * stands for any characters.
func MatchName(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return s == pattern
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], more
	}
}

// matchContainer lets a container be named by its whole id or the beginning
// of it; captures store 12 digits. A name may hold * as those of threads may.
func matchContainer(want, have string) bool {
	if have == "" {
		return want == "host"
	}
	if strings.Contains(want, "*") {
		return MatchName(want, have)
	}
	return want != "" && (strings.HasPrefix(have, want) || strings.HasPrefix(want, have) && len(have) >= 12)
}
