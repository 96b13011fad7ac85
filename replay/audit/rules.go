package audit

import (
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"systape/format/abi"
	"systape/replay"
)

// Rule says which calls together deserve a look.
type Rule struct {
	Name   string
	Title  string
	Kind   string // "sequence": the steps in order; "set": all of them; "rate": the one step so often
	By     string // whose calls count together, a word of scopes
	Within int64  // ns from the first to the last
	Count  int    // of a rate
	Steps  []Step

	line int // of the text, where it begins
}

// scopes say whose calls count together. A family is the process of the first
// step, and the processes that it makes, for the steps after it.
var scopes = []string{"thread", "process", "family", "tree", "capture"}

// Step is a condition on one call.
type Step struct {
	Text   string
	calls  []string // patterns
	checks []func(*Record) bool

	outcome string // "success" or "failure", where a check asks for it
	denied  bool   // a check asks for it
	args    []argument
}

// argument is a check of one.
type argument struct {
	n          int
	mask, want uint64
}

// starter is the set of rules that comes with the program.
//
//go:embed rules.txt
var starter string

// Starter returns the rules that come with the program, and their text.
func Starter() ([]Rule, string) {
	rules, err := ParseRules(starter)
	if err != nil {
		panic("audit: internal error: " + err.Error())
	}
	return rules, starter
}

// ParseRules reads rules from their text:
//
//	rule NAME: what it is about
//	    sequence|set by thread|process|family|tree|capture within 5s
//	    rate 20 by process within 1s
//	    step CALL,CALL… [ok|failed|denied] [errno=E,E] [path=PATTERN,…] [comm=PATTERN,…] [argN=V] [argN&MASK=V]
//
// In patterns * stands for any characters. Empty lines and what follows a # are
// for people. An error names the line.
func ParseRules(text string) (rules []Rule, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] != "rule" && len(rules) == 0 {
			return nil, fmt.Errorf("line %d: %.40q before the first rule", n, fields[0])
		}
		switch fields[0] {
		case "rule":
			name, title, ok := strings.Cut(strings.TrimSpace(strings.TrimSpace(line)[len("rule"):]), ":")
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("line %d: want rule NAME: what it is about", n)
			}
			for _, r := range rules {
				if r.Name == name {
					return nil, fmt.Errorf("line %d: there is a rule %s already, in line %d", n, name, r.line)
				}
			}
			rules = append(rules, Rule{Name: name, Title: strings.TrimSpace(title), Kind: "set", By: "thread", line: n})
		case "step":
			s, err := parseStep(fields[1:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			r := &rules[len(rules)-1]
			r.Steps = append(r.Steps, s)
		default:
			if err := rules[len(rules)-1].parseKind(fields); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	if len(rules) == 0 {
		return nil, errors.New("no rule in it")
	}
	for i := range rules {
		r := &rules[i]
		switch {
		case len(r.Steps) == 0:
			return nil, fmt.Errorf("line %d: rule %s has no step", r.line, r.Name)
		case len(r.Steps) > 1 && r.Within == 0:
			return nil, fmt.Errorf("line %d: rule %s has several steps and no within", r.line, r.Name)
		case r.Kind == "rate" && (len(r.Steps) != 1 || r.Within == 0 || r.Count < 2):
			return nil, fmt.Errorf("line %d: rule %s: a rate has one step, a count from 2, and a within", r.line, r.Name)
		case len(r.Steps) > 16:
			return nil, fmt.Errorf("line %d: rule %s has more than 16 steps", r.line, r.Name)
		}
	}
	return rules, nil
}

func (r *Rule) parseKind(f []string) error {
	r.Kind, f = f[0], f[1:]
	if !slices.Contains([]string{"sequence", "set", "rate"}, r.Kind) {
		return fmt.Errorf("%.40q: want sequence, set, rate or step", r.Kind)
	}
	if r.Kind == "rate" {
		if len(f) == 0 {
			return fmt.Errorf("rate: how many?")
		}
		n, err := strconv.Atoi(f[0])
		if err != nil || n > 1<<20 {
			return fmt.Errorf("rate %.40q: want a number", f[0])
		}
		r.Count, f = n, f[1:]
	}
	for len(f) >= 2 {
		switch f[0] {
		case "by":
			if r.By = f[1]; !slices.Contains(scopes, r.By) {
				return fmt.Errorf("by %.40q: want one of %s", r.By, strings.Join(scopes, " "))
			}
		case "within":
			d, err := time.ParseDuration(f[1])
			if err != nil || d <= 0 {
				return fmt.Errorf("within %.40q: want a duration such as 5s", f[1])
			}
			r.Within = int64(d)
		default:
			return fmt.Errorf("%.40q: want by or within", f[0])
		}
		f = f[2:]
	}
	if len(f) > 0 {
		return fmt.Errorf("%.40q: want by or within, and what", f[0])
	}
	return nil
}

func parseStep(f []string) (s Step, err error) {
	if len(f) == 0 {
		return s, fmt.Errorf("step: which call?")
	}
	s.Text = strings.Join(f, " ")
	s.calls = strings.Split(f[0], ",")
	for _, c := range s.calls {
		if !strings.Contains(c, "*") && !knownCall(c) {
			return s, fmt.Errorf("no call %.40q", c)
		}
	}
	for _, w := range f[1:] {
		check, err := s.parseCheck(w)
		if err != nil {
			return s, err
		}
		s.checks = append(s.checks, check)
	}
	return s, s.possible()
}

// possible refuses a step that no call of a trail can be. Any call may have been
// denied, but who means that has to say so.
func (s *Step) possible() error {
	if s.outcome == "success" && s.denied {
		return errors.New("a call that was denied is not ok: this can never hold")
	}
	for _, a := range s.args {
		if a.want&^a.mask != 0 {
			return fmt.Errorf("arg%d&%#x=%#x can never hold: the mask leaves less", a.n, a.mask, a.want)
		}
	}
	for _, pattern := range s.calls {
		if s.denied || pattern == "*" {
			continue
		}
		only, in := "", false
		for i := range Categories {
			c := &Categories[i]
			if !slices.ContainsFunc(c.Calls, func(call string) bool { return matches([]string{pattern}, call) }) {
				continue
			}
			if c.Only != "" && s.outcome != "" && s.outcome != c.Only {
				only = c.Only
				continue
			}
			in = true
		}
		switch {
		case in:
		case only == "failure":
			return fmt.Errorf("%.40s is in the trail only where it failed: this can never hold", pattern)
		case only != "":
			return fmt.Errorf("%.40s is in the trail only where it succeeded: this can never hold", pattern)
		default:
			return fmt.Errorf("%.40s is of no category, so the trail has it only where it was denied: say denied, or leave it out", pattern)
		}
		for _, a := range s.args {
			if a.want != 0 && !takesArgument(pattern, a.n) {
				return fmt.Errorf("%.40s has no arg%d: this can never hold", pattern, a.n)
			}
		}
	}
	return nil
}

// takesArgument reports whether a call that matches the pattern has an argument n.
func takesArgument(pattern string, n int) bool {
	for _, a := range abi.All() {
		for i := range Categories {
			for _, call := range Categories[i].Calls {
				if nr, ok := abi.Number(a, call); ok && matches([]string{pattern}, call) && abi.NumArgs(a, nr) > n {
					return true
				}
			}
		}
	}
	return false
}

func knownCall(name string) bool {
	return slices.ContainsFunc(abi.All(), func(a abi.ABI) bool { _, ok := abi.Number(a, name); return ok })
}

// asks notes an outcome that a check asks for.
func (s *Step) asks(outcome string) error {
	if s.outcome != "" && s.outcome != outcome {
		return errors.New("a call that failed is not ok: this can never hold")
	}
	s.outcome = outcome
	return nil
}

func (s *Step) parseCheck(w string) (func(*Record) bool, error) {
	outcome := ""
	switch {
	case w == "ok":
		outcome = "success"
	case w == "failed" || strings.HasPrefix(w, "errno="):
		outcome = "failure"
	}
	if outcome != "" {
		if err := s.asks(outcome); err != nil {
			return nil, err
		}
	}
	switch w {
	case "ok":
		return func(r *Record) bool { return r.Outcome() == "success" }, nil
	case "failed":
		return func(r *Record) bool { return r.Outcome() == "failure" }, nil
	case "denied":
		s.denied = true
		return func(r *Record) bool { return r.Status == replay.Denied }, nil
	}
	key, value, ok := strings.Cut(w, "=")
	if !ok || value == "" {
		return nil, fmt.Errorf("%.40q: want ok, failed, denied, or a condition such as errno=EACCES", w)
	}
	list := strings.Split(value, ",")
	switch {
	case key == "errno":
		for _, e := range list {
			if _, ok := abi.ErrnoNumber(abi.X86_64, e); !ok {
				return nil, fmt.Errorf("no error %.40q", e)
			}
		}
		return func(r *Record) bool { e := r.Errno(); return e != 0 && slices.Contains(list, abi.ErrnoName(r.ABI, e)) }, nil
	case key == "path":
		return func(r *Record) bool { return r.Path != "" && matches(list, r.Path) }, nil
	case key == "comm":
		return func(r *Record) bool { return matches(list, r.Comm) }, nil
	case strings.HasPrefix(key, "arg"):
		a, err := parseArg(key[len("arg"):], value)
		s.args = append(s.args, a)
		return a.holds, err
	}
	return nil, fmt.Errorf("%.40q: unknown condition", w)
}

// parseArg reads N or N&MASK.
func parseArg(key, value string) (a argument, err error) {
	digit, maskText, masked := strings.Cut(key, "&")
	n, err := strconv.ParseUint(digit, 10, 8)
	if err != nil || n > 5 {
		return a, fmt.Errorf("arg%.20s: want arg0 to arg5", key)
	}
	mask := ^uint64(0)
	if masked {
		if mask, err = strconv.ParseUint(maskText, 0, 64); err != nil {
			return a, fmt.Errorf("mask %.20q: want a number", maskText)
		}
	}
	want, err := strconv.ParseUint(value, 0, 64)
	if err != nil {
		return a, fmt.Errorf("arg%d=%.20s: want a number", n, value)
	}
	return argument{int(n), mask, want}, nil
}

func (a argument) holds(r *Record) bool {
	return r.Status.HasEnter() && uint64(r.Args[a.n])&a.mask == a.want
}

// matches compares with patterns in which * stands for any characters, / too.
func matches(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(strings.ReplaceAll(p, "/", "\x01"), strings.ReplaceAll(s, "/", "\x01"))
		return err == nil && ok
	})
}

func (s *Step) takes(r *Record) bool {
	if !matches(s.calls, r.Name) {
		return false
	}
	for _, c := range s.checks {
		if !c(r) {
			return false
		}
	}
	return true
}
