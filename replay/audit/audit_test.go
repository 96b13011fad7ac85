package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/audit"
)

// found returns the rules that hold of a capture, each with when it does and of
// how many calls.
func found(t testing.TB, rules, text string) string {
	t.Helper()
	set, err := audit.ParseRules(rules)
	if err != nil {
		t.Fatal(err)
	}
	events, err := format.ParseText(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	p := replay.NewPairer(replay.PairOptions{Meta: &format.Meta{}})
	calls, err := p.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	trail, f := audit.NewTrail(b.Symbols), audit.NewFinder(set)
	trail.Events(b)
	var got []string
	for i := range calls {
		r, ok := trail.Of(&calls[i])
		if !ok {
			continue
		}
		for _, x := range f.Add(&r) {
			got = append(got, fmt.Sprintf("%s@%d×%d", x.Rule.Name, r.StartNS, x.Count))
		}
	}
	return strings.Join(got, " ")
}

// call is an enter and an exit of a thread.
func call(ts int64, pid int, what string, ret int64) string {
	name, _, _ := strings.Cut(what, "(")
	return fmt.Sprintf("%d enter %d %s\n%d exit %d %s = %d\n", ts, pid, what, ts+1, pid, name, ret)
}

func TestRules(t *testing.T) {
	const second = 1_000_000_000
	opens := func(n int, every int64, ret int64) (text string) {
		for i := range int64(n) {
			text += call(i*every, 7, "openat(-100, 1, 0, 0)", ret)
		}
		return text
	}
	fork := "5 fork 7 -> 9\n"
	for _, c := range []struct{ name, rule, text, want string }{
		{"one call", "step bpf arg0=5 ok", call(10, 7, "bpf(5, 1, 2)", 3), "r@10×1"},
		{"it failed", "step bpf arg0=5 ok", call(10, 7, "bpf(5, 1, 2)", -1), ""},
		{"another argument", "step bpf arg0=5 ok", call(10, 7, "bpf(6, 1, 2)", 3), ""},
		{"a mask", "step mprotect arg2&6=6", call(10, 7, "mprotect(1, 2, 7)", 0), "r@10×1"},
		{"a rate", "rate 3 by process within 1s\nstep openat errno=EACCES", opens(3, 10, -13), "r@20×3"},
		{"a rate, once for a stretch", "rate 3 by process within 1s\nstep openat errno=EACCES", opens(30, 10, -13), "r@20×3"},
		{"too slow", "rate 3 by process within 1s\nstep openat errno=EACCES", opens(9, second, -13), ""},
		{"another error", "rate 3 by process within 1s\nstep openat errno=EACCES", opens(9, 10, -2), ""},
		{"a sequence", "sequence by thread within 1s\nstep setuid\nstep execve", call(10, 7, "setuid(0)", 0) + call(20, 7, "execve(1, 2, 3)", 0), "r@20×2"},
		{"in another order", "sequence by thread within 1s\nstep setuid\nstep execve", call(10, 7, "execve(1, 2, 3)", 0) + call(20, 7, "setuid(0)", 0), ""},
		{"a set has no order", "set by thread within 1s\nstep setuid\nstep execve", call(10, 7, "execve(1, 2, 3)", 0) + call(20, 7, "setuid(0)", 0), "r@20×2"},
		{"too late", "sequence by thread within 1s\nstep setuid\nstep execve", call(10, 7, "setuid(0)", 0) + call(20+second, 7, "execve(1, 2, 3)", 0), ""},
		{"another process", "sequence by process within 1s\nstep setuid\nstep execve", call(10, 7, "setuid(0)", 0) + call(20, 9, "execve(1, 2, 3)", 0), ""},
		{"of the same tree", "sequence by tree within 1s\nstep setuid\nstep execve", fork + call(10, 9, "setuid(0)", 0) + call(20, 7, "execve(1, 2, 3)", 0), "r@20×2"},
		{"a child goes on", "sequence by family within 1s\nstep setuid\nstep execve", fork + call(10, 7, "setuid(0)", 0) + call(20, 9, "execve(1, 2, 3)", 0), "r@20×2"},
		{"a parent does not", "sequence by family within 1s\nstep setuid\nstep execve", fork + call(10, 9, "setuid(0)", 0) + call(20, 7, "execve(1, 2, 3)", 0), ""},
		{"a sibling does not", "sequence by family within 1s\nstep setuid\nstep execve", fork + "6 fork 7 -> 11\n" + call(10, 9, "setuid(0)", 0) + call(20, 11, "execve(1, 2, 3)", 0), ""},
		{"denied", "step * denied", call(1, 7, "getpid()", 7) + "10 exit 7 mount = -1\n", "r@10×1"},
		{"path", "step openat path=/etc/*", "10 enter 7 openat(-100, 1, 0, 0) \"1=/etc/pam.d/su\"\n11 exit 7 openat = -13\n", "r@10×1"},
		{"another path", "step openat path=/etc/*", "10 enter 7 openat(-100, 1, 0, 0) \"1=/usr/etc/x\"\n11 exit 7 openat = -13\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := found(t, "rule r: title\n"+c.rule, c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseRulesRefuses(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "no rule in it"},
		{"# nothing\n\n", "no rule in it"},
		{"rule a: b\nstep setuid\nrule a: c\nstep setgid", "line 3: there is a rule a already, in line 1"},
		{"rule a: b\nstep getpid", "line 2: getpid is of no category"},
		{"rule a: b\nstep setuid,getpid ok", "getpid is of no category"},
		{"rule a: b\nstep get*", "get* is of no category"},
		{"rule a: b\nstep openat ok", "only where it failed"},
		{"rule a: b\nstep fork failed", "only where it succeeded"},
		{"rule a: b\nstep setuid ok failed", "can never hold"},
		{"rule a: b\nstep setuid ok errno=EPERM", "can never hold"},
		{"rule a: b\nstep setuid ok denied", "can never hold"},
		{"rule a: b\nstep setuid arg0&1=2", "the mask leaves less"},
		{"rule a: b\nstep setuid arg3=1", "setuid has no arg3"},
		{"step read", "before the first rule"},
		{"rule a b: c", "want rule NAME"},
		{"rule a", "want rule NAME"},
		{"rule a: b", "line 1: rule a has no step"},
		{"rule a: b\nstep", "which call"},
		{"rule a: b\nstep raed", `no call "raed"`},
		{"rule a: b\nstep setuid maybe", "want ok"},
		{"rule a: b\nstep setuid errno=EWHAT", `no error "EWHAT"`},
		{"rule a: b\nstep setuid arg6=1", "arg0 to arg5"},
		{"rule a: b\nstep setuid arg1=x", "want a number"},
		{"rule a: b\nstep setuid arg1&x=1", "want a number"},
		{"rule a: b\nset by user\nstep read", "want one of thread"},
		{"rule a: b\nset within soon\nstep read", "want a duration"},
		{"rule a: b\nset by\nstep read", "and what"},
		{"rule a: b\nsometimes\nstep read", "want sequence, set, rate"},
		{"rule a: b\nsequence by thread\nstep setuid\nstep execve", "no within"},
		{"rule a: b\nrate 3 by thread\nstep setuid", "a within"},
		{"rule a: b\nrate x\nstep read", "want a number"},
		{"rule a: b\nrate 1 within 1s\nstep setuid", "from 2"},
	} {
		if _, err := audit.ParseRules(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %v, want an error with %q", c.text, err, c.says)
		}
	}
}

// What may hold of a denied call alone is taken where it says so.
func TestParseRulesTakes(t *testing.T) {
	for _, step := range []string{"getpid denied", "*", "* denied", "get* denied", "openat", "openat errno=ENOENT", "open* failed", "clone ok", "setuid failed errno=EPERM", "setuid arg0&0xff=7"} {
		if _, err := audit.ParseRules("rule a: b\nstep " + step); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// The rules that come with the program speak of calls, never of intent.
func TestStarterRules(t *testing.T) {
	rules, text := audit.Starter()
	if len(rules) < 10 {
		t.Errorf("%d rules", len(rules))
	}
	names := map[string]bool{}
	for _, r := range rules {
		if names[r.Name] || r.Title == "" {
			t.Errorf("rule %s comes twice, or has no title", r.Name)
		}
		names[r.Name] = true
	}
	for _, word := range []string{"malware", "attack", "malicious"} {
		if strings.Contains(strings.ToLower(strings.ReplaceAll(text, "PTRACE_ATTACH", "")), word) {
			t.Errorf("a rule says %q", word)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	_, text := audit.Starter()
	f.Add(text)
	f.Add("rule a: b\nrate 3 by thread within 1s\nstep * arg1&0x10=3")
	f.Fuzz(func(t *testing.T, text string) {
		if rules, err := audit.ParseRules(text); err == nil {
			audit.NewFinder(rules)
		}
	})
}
