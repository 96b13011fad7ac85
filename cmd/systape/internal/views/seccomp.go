package views

import (
	"cmp"
	"fmt"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/format/abi"
	"systape/replay/escape"
	"systape/replay/render/decode"
	"systape/replay/seccomp"
	"systape/replay/units"
)

// Seccomp is the evidence for a profile: what was called, first where, how
// often, with which constant arguments, and how complete that is.
type Seccomp struct {
	Frame
	Calls      []*seccomp.Seen
	Built      *seccomp.Built
	Saturation seccomp.Saturation
	Runtime    seccomp.Runtime
	Several    bool  // captures: where something was first seen is worth a column
	Launched   bool  // calls were left out, with which the recorder became the recorded command
	Started    int64 // calls of a container's runtime that were left out
}

// Write writes the evidence.
func (s *Seccomp) Write() error {
	if s.people() {
		return s.text()
	}
	return out.WriteJSON(s.Out, s.document(), "  ")
}

// Profile writes the profile alone, for a runtime to read.
func (s *Seccomp) Profile() error { return out.WriteJSON(s.Out, s.Built.Profile, "  ") }

func (s *Seccomp) text() error {
	t := out.Table{Columns: out.Columns("call", "abi", ">calls", ">errors", ">programs", "first", "by")}
	if s.Several {
		t.Columns = append(t.Columns, out.Column{Name: "in"})
	}
	t.Columns = append(t.Columns, out.Column{Name: "always"})
	for _, c := range s.Calls {
		if c.Count == 0 {
			continue
		}
		failed := ""
		if c.Errors > 0 {
			failed = units.Count(c.Errors)
		}
		cells := []string{c.Name, c.ABI.String(), units.Count(c.Count), failed, units.Count(c.Processes), s.timeOfDay(c.FirstNS),
			fmt.Sprintf("%s/%d", c.FirstComm, c.FirstPID)}
		if s.Several {
			cells = append(cells, c.FirstIn)
		}
		t.Add(append(cells, constants(c))...)
	}
	if err := t.Write(s.Out, s.Style); err != nil {
		return err
	}
	s.println()
	for _, line := range s.Words() {
		out.Wrap(s.Out, line, "", s.Style.TableWidth())
	}
	return nil
}

// constants are the arguments that were the same in all calls, as the kernel
// names them.
func constants(c *seccomp.Seen) string {
	var words []string
	for _, k := range c.Constants() {
		words = append(words, fmt.Sprintf("%s=%s", k.Name, constantText(c, k)))
	}
	return strings.Join(words, " ")
}

// constantText decodes one argument as replay does, by decoding the call with
// it and all others zero.
func constantText(c *seccomp.Seen, k seccomp.Constant) string {
	var args [6]int64
	args[k.Index] = k.Value
	list := strings.Split(string(decode.AppendArgs(nil, c.ABI, c.Nr, &args, "")), ", ")
	if len(list) == abi.NumArgs(c.ABI, c.Nr) && k.Index < len(list) {
		return list[k.Index]
	}
	return fmt.Sprint(k.Value)
}

// Words says what a profile rests on, what was added to it and what it lacks,
// a sentence an entry.
func (s *Seccomp) Words() []string {
	b, sat := s.Built, s.Saturation
	words := []string{
		fmt.Sprintf("Allowed: %s%s, seen in %s of %s.", units.Counted(int64(len(b.Names)), "name"), underABIs(b.ABIs),
			units.Counted(sat.Calls, "call"), units.Counted(sat.Programs, "program")),
		saturated(sat),
	}
	add := func(format string, names []string) {
		if len(names) > 0 {
			words = append(words, fmt.Sprintf(format, strings.Join(names, " ")))
		}
	}
	add("Added, because the kernel has threads call it after signals: %s.", b.Kernel)
	add("Added, because "+s.Runtime.Name+" itself calls it under the filter: %s (--runtime none leaves that out).", b.Added)
	if n := len(b.Wider); n > 0 {
		words = append(words, fmt.Sprintf("A profile allows a name under every ABI it lets in; of these, %s seen under some only.", wereOf(n)))
	}
	var names []string
	for _, c := range b.Left {
		names = append(names, fmt.Sprintf("%s (%s)", c.Name, c.ABI))
	}
	add("Left out, because it has no name that a profile could say: %s.", names)
	if s.Launched {
		words = append(words, "Left out, because it is the recorder's: what its child called up to the execve that became the recorded command.")
	}
	if s.Started > 0 {
		words = append(words, startedWords(s.Started))
	}
	names = nil
	for _, c := range b.Refused {
		names = append(names, c.Name)
	}
	add("Left out, because it was refused whenever it was called: %s.", names)
	return words
}

// startedWords tells of what a container's runtime called to make the container.
func startedWords(calls int64) string {
	return fmt.Sprintf("Left out, because the container's runtime made them before it executed the program: %s (--runtime none keeps them).", units.Counted(calls, "call"))
}

func wereOf(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

func underABIs(abis []abi.ABI) string {
	if len(abis) < 2 {
		return ""
	}
	var words []string
	for _, a := range abis {
		words = append(words, a.String())
	}
	return " under " + strings.Join(words, ", ")
}

func saturated(s seccomp.Saturation) string {
	switch {
	case s.Programs == 0:
		return "Nothing was called."
	case s.Programs == 1:
		return fmt.Sprintf("Of the calls, %s kinds were made once only: the next call is one that the profile lacks with probability %s (%s to %s); the last new one, %s, came after %s calls. One program does not tell what others do.",
			units.Count(s.Once), chance(s.Call.P), chance(s.Call.Low), chance(s.Call.High), s.Newest, units.Count(s.After))
	}
	return fmt.Sprintf("Of the programs, %s made a call that no other made: one more program meets a refusal with probability %s (95%%: %s to %s). The last new call, %s, came after %s calls.",
		units.Count(s.Alone), chance(s.Program.P), chance(s.Program.Low), chance(s.Program.High), s.Newest, units.Count(s.After))
}

func chance(p float64) string { return cmp.Or(units.ShareCell(p), "0") }

type seccompCall struct {
	ABI       string             `json:"abi"`
	Syscall   string             `json:"syscall"`
	Nr        int32              `json:"nr"`
	Count     int64              `json:"count"`
	Errors    int64              `json:"errors"`
	Refused   int64              `json:"refused"`
	Programs  int64              `json:"programs"`
	FirstNS   int64              `json:"first_ns"`
	FirstFile string             `json:"first_file"`
	FirstPID  int32              `json:"first_pid"`
	FirstComm string             `json:"first_comm"`
	Constant  []seccomp.Constant `json:"constant_args"`
}

func (s *Seccomp) document() any {
	calls := []seccompCall{}
	for _, c := range s.Calls {
		calls = append(calls, seccompCall{c.ABI.String(), c.Name, c.Nr, c.Count, c.Errors, c.Refused, c.Processes, c.FirstNS, c.FirstIn,
			c.FirstPID, c.FirstComm, append([]seccomp.Constant{}, c.Constants()...)})
	}
	list := func(names []string) []string { return append([]string{}, names...) }
	return struct {
		Calls      []seccompCall      `json:"calls"`
		Saturation seccomp.Saturation `json:"saturation"`
		Runtime    string             `json:"runtime"`
		ByKernel   []string           `json:"added_for_kernel"`
		ByRuntime  []string           `json:"added_for_runtime"`
		Wider      []string           `json:"wider"`
		Profile    *seccomp.Profile   `json:"profile"`
	}{calls, s.Saturation, s.Runtime.Name, list(s.Built.Kernel), list(s.Built.Added), list(s.Built.Wider), s.Built.Profile}
}

// SeccompCheck is what a profile would have refused.
type SeccompCheck struct {
	Frame
	Name     string // of the profile
	Check    *seccomp.Check
	Refusals []*seccomp.Refusal
	Started  int64 // calls of a container's runtime that were left out
}

// Write writes the refusals.
func (s *SeccompCheck) Write() error {
	if s.people() {
		return s.text()
	}
	type refusal struct {
		ABI       string   `json:"abi"`
		Syscall   string   `json:"syscall"`
		Nr        int32    `json:"nr"`
		Action    string   `json:"action"`
		Errno     string   `json:"errno"`
		Why       string   `json:"why"`
		Count     int64    `json:"count"`
		Already   int64    `json:"already"`
		FirstNS   int64    `json:"first_ns"`
		FirstFile string   `json:"first_file"`
		FirstPID  int32    `json:"first_pid"`
		FirstComm string   `json:"first_comm"`
		FirstArgs [6]int64 `json:"first_args"`
	}
	refused := []refusal{}
	for _, r := range s.Refusals {
		errno := ""
		if r.Verdict.Errno != 0 {
			errno = abi.ErrnoName(r.ABI, int(r.Verdict.Errno))
		}
		refused = append(refused, refusal{r.ABI.String(), r.Name, r.Nr, r.Verdict.Action, errno, r.Verdict.Why, r.Count, r.Already, r.FirstNS, r.FirstIn, r.FirstPID, r.FirstComm, r.First.Args})
	}
	return out.WriteJSON(s.Out, struct {
		OK        bool      `json:"ok"`
		Calls     int64     `json:"calls"`
		Undecided int64     `json:"undecided"`
		Refused   []refusal `json:"refused"`
	}{len(refused) == 0, s.Check.Calls, s.Check.Undecided, refused}, "  ")
}

func (s *SeccompCheck) text() error {
	var all int64
	for _, r := range s.Refusals {
		all += r.Count
	}
	if len(s.Refusals) == 0 {
		s.println(fmt.Sprintf("%s lets all of %s pass", escape.Text(s.Name), units.Counted(s.Check.Calls, "call")))
	} else {
		s.println(fmt.Sprintf("%s would refuse %s of %s", escape.Text(s.Name), units.Count(all), units.Counted(s.Check.Calls, "call")))
		t := out.Table{Columns: out.Columns(">calls", "abi", "becomes", "why", "first", "by", "the first call")}
		for _, r := range s.Refusals {
			call := r.Name
			if r.First.Status.HasEnter() {
				call += "(" + string(decode.AppendArgs(nil, r.ABI, r.Nr, &r.First.Args, r.First.Told)) + ")"
			}
			t.Add(units.Count(r.Count), r.ABI.String(), r.Verdict.String(), r.Verdict.Why, s.timeOfDay(r.FirstNS), fmt.Sprintf("%s/%d", r.FirstComm, r.FirstPID), call)
		}
		if err := t.Write(s.Out, s.Style); err != nil {
			return err
		}
	}
	if s.Started > 0 {
		out.Wrap(s.Out, startedWords(s.Started), "", s.Style.TableWidth())
	}
	if n := s.Check.Undecided; n > 0 {
		s.println(fmt.Sprintf("undecided: %s, because the capture does not tell an argument that a rule looks at", units.Counted(n, "call")))
	}
	return nil
}
