package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The trail stands in the order in which calls began, whoever was done first, and a
// process keeps its parent when its number is another's later.
func TestAuditInOrderOfBegins(t *testing.T) {
	name := latencyCapture(t, []byte(`
10 fork 7 -> 9
20 enter 7 execve(1, 2, 3)
21 enter 9 setuid(0)
22 exit 9 setuid = 0
30 exit 7 execve = 0
40 thread_end 9 group=1
50 fork 8 -> 9
60 enter 9 setgid(5)
61 exit 9 setgid = 0
`))
	code, got, stderr := commandLine(t, "audit", name, "--format", "csv", "--rules", "none")
	if code != 0 {
		t.Fatal(stderr)
	}
	var order []string
	for line := range strings.Lines(got) {
		f := strings.Split(line, ",")
		order = append(order, f[3]+" "+f[5]+" "+f[10])
	}
	if got := strings.Join(order, "; "); got != "pid parent_pid syscall; 7  execve; 9 7 setuid; 9 8 setgid" {
		t.Errorf("got %s", got)
	}
}

// What the recorder's child did before it became the command is not in the trail;
// that it became it is.
func TestAuditLeavesLauncherOut(t *testing.T) {
	name := latencyCapture(t, []byte(`# systape.request {"command":["web"],"all":true,"launched":7}
1 enter 5 setuid(5)
2 exit 5 setuid = 0
3 exit 7 clone = 0
4 enter 7 setgroups(0, 0)
5 exit 7 setgroups = 0
6 enter 7 execve(1, 2, 3)
7 exec 7 old=7 "/bin/web"
8 exit 7 execve = 0
9 enter 7 setgid(5)
10 exit 7 setgid = 0
`))
	code, got, stderr := commandLine(t, "audit", name, "--format", "csv", "--rules", "none", "--syscall", "execve,setuid,setgid,setgroups")
	if code != 0 {
		t.Fatal(stderr)
	}
	var calls []string
	for line := range strings.Lines(got) {
		calls = append(calls, strings.Split(line, ",")[10])
	}
	if got := strings.Join(calls, " "); got != "syscall setuid execve setgid" {
		t.Errorf("got %s", got)
	}
}

func TestAuditRefusesRules(t *testing.T) {
	name := latencyCapture(t, []byte("1 enter 7 getpid()\n2 exit 7 getpid = 7\n"))
	for _, c := range []struct{ rules, says string }{
		{"", "no rule in it"},
		{"rule a: b\n  step getpid\n", "line 2: getpid is of no category"},
		{"rule a: b\n  step setuid\n\nrule a: b\n  step setgid\n", "line 4: there is a rule a already, in line 1"},
	} {
		file := filepath.Join(t.TempDir(), "my.rules")
		if err := os.WriteFile(file, []byte(c.rules), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := commandLine(t, "audit", name, "--rules", file)
		if code != exitFailed || !strings.Contains(stderr, file+": "+c.says) || !strings.Contains(stderr, "--show-rules") {
			t.Errorf("%q: exit code %d, %s", c.rules, code, stderr)
		}
	}
}
