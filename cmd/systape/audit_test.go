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

// TestAuditTakes holds single calls against the categories, by what they are asked
// for and how they end.
func TestAuditTakes(t *testing.T) {
	for _, c := range []struct{ call, category string }{
		{"capset(1, 2) = 0", "identity"},
		{"prctl(24, 38, 0, 0, 0) = 0", "identity"},                      // PR_CAPBSET_DROP
		{"prctl(28, 1, 0, 0, 0) = -1", "identity"},                      // PR_SET_SECUREBITS, refused
		{"prctl(8, 1, 0, 0, 0) = 0", "identity"},                        // PR_SET_KEEPCAPS
		{"prctl(38, 1, 0, 0, 0) = 0", "identity"},                       // PR_SET_NO_NEW_PRIVS
		{"prctl(47, 2, 10, 0, 0) = 0", "identity"},                      // PR_CAP_AMBIENT_RAISE
		{"prctl(47, 1, 10, 0, 0) = 0", ""},                              // PR_CAP_AMBIENT_IS_SET
		{"prctl(23, 38, 0, 0, 0) = 1", ""},                              // PR_CAPBSET_READ
		{"prctl(15, 0x1000, 0, 0, 0) = 0", ""},                          // PR_SET_NAME
		{"prctl(0x59616d61, 0xffffffffffffffff, 0, 0, 0) = 0", "trace"}, // PR_SET_PTRACER
		{"open_by_handle_at(3, 0x1000, 0) = -1", "open_failed"},
		{"open_by_handle_at(3, 0x1000, 0) = 4", ""},
		{"openat(3, 0x1000, 0) = -2", "open_failed"},
		{"read(3, 0x1000, 1) = -1", ""},
	} {
		enter, ret, _ := strings.Cut(c.call, " = ")
		syscall, _, _ := strings.Cut(enter, "(")
		name := latencyCapture(t, []byte("10 enter 7 "+enter+"\n11 exit 7 "+syscall+" = "+ret+"\n"))
		code, got, stderr := commandLine(t, "audit", name, "--format", "csv", "--rules", "none")
		if code != 0 {
			t.Fatal(stderr)
		}
		category := ""
		if _, line, _ := strings.Cut(got, "\n"); line != "" {
			category = strings.Split(line, ",")[9]
		}
		if category != c.category {
			t.Errorf("%s: got %q, want %q", c.call, category, c.category)
		}
	}
}

// A path that stands among the arguments is not told again, however it is quoted
// there; what an execve turned out to execute is.
func TestAuditTellsPathOnce(t *testing.T) {
	name := latencyCapture(t, []byte(`
10 enter 7 openat(-100, 0x10, 0) "1=/tmp/\x1b]0;x\x0d"
11 exit 7 openat = -2
20 enter 7 execve(0x10, 2, 3) "0=script"
21 exec 7 old=7 "/bin/sh" comm="script"
22 exit 7 execve = 0
`))
	_, got, _ := commandLine(t, "audit", name, "--rules", "none")
	if strings.Count(got, "]0;x") != 1 || !strings.Contains(got, "= 0  /bin/sh") {
		t.Errorf("got\n%s", got)
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
