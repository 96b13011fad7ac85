package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
)

// recordStrace: for programs that do the same on every run, the calls of each
// thread are those that strace -f shows: names, arguments and results, in
// order. Both run without address-space randomisation.
//
// What differs between any two runs, by design of the kernel:
//   - ids of threads, which are replaced by the order in which they came;
//   - random bytes, times and sizes that no call here returns.
//
// What the two show differently:
//   - strace leaves out arguments that it knows not to matter (clone's, without
//     the flags that make use of them); only those it has are compared.
//   - strace cuts arguments to the 32 bits that the kernel looks at, and gives
//     those of 32-bit calls a sign.
//   - The first execve is made by strace or by systape, out of its own memory.
//   - A thread that kills itself returns from kill, to die on its way out of the
//     kernel. The tracepoint sees that; a tracer hears no more from it.
//
// What is chance is left out: whether joining a thread has to wait (futex), and
// in shells where a child's end finds their handler (rt_sigreturn, and the
// call that is interrupted and made once more).
func recordStrace(t *testing.T, r recorder) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		command []string
		threads int
		chance  []string
	}{
		{"cat", []string{"cat", "/etc/hostname", "/nonexistent"}, 1, nil},
		{"ls", []string{"ls", "-l", "/usr/share/common-licenses"}, 1, nil},
		{"static program", []string{r.program("int80_arguments")}, 1, nil},
		{"shell", []string{"sh", "-c", "/bin/true; x=$(/bin/echo one); cat < /etc/passwd > /dev/null; (exit 3); exit 4"}, 5, []string{"rt_sigreturn"}},
		{"signals", []string{"sh", "-c", "trap 'x=1' USR1; kill -USR1 $$; kill -USR1 $$; exit 2"}, 1, nil},
		{"killed", []string{"sh", "-c", "/bin/true; kill -9 $$"}, 2, []string{"rt_sigreturn"}},
		{"threads", []string{r.program("in_turn")}, 7, []string{"futex"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			text, file := filepath.Join(dir, "strace"), filepath.Join(dir, "t.parquet")
			straced := exec.Command("setarch", append([]string{"-R", "strace", "-f", "-e", "raw=all", "-e", "signal=none", "-o", text}, c.command...)...)
			straced.Run()
			recorded := exec.Command("setarch", append([]string{"-R", r.systape, "record", "-q", "-o", file, "--"}, c.command...)...)
			recorded.Run()
			if a, b := exitStatus(straced.ProcessState), exitStatus(recorded.ProcessState); a != b {
				t.Errorf("exit code %d, under strace %d", b, a)
			}
			want := straceCalls(t, text)
			got := recordedCalls(r.whole(t, file))
			if len(want) != c.threads {
				t.Errorf("strace shows %d threads, want %d: the test has changed", len(want), c.threads)
			}
			n := 0
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) {
					t.Fatalf("got %d threads, strace shows %d", len(got), len(want))
				}
				n += compareCalls(t, i, leaveOut(got[i], c.chance), leaveOut(want[i], c.chance))
			}
			t.Logf("%d calls of %d threads agree", n, len(want))
		})
	}
}

// plainCall is a call as both show it.
type plainCall struct {
	name string
	args []uint64
	ret  string // decimal; "T3" for a thread; "?" where there is none

	compat bool // made through the 32-bit table
}

func (c plainCall) String() string { return fmt.Sprintf("%s%x = %s", c.name, c.args, c.ret) }

// idArguments and idResults say which calls take and return ids of threads.
var (
	idArguments = map[string]int{"kill": 1, "tgkill": 2, "tkill": 1, "wait4": 1}
	idResults   = []string{"clone", "clone3", "fork", "vfork", "getpid", "gettid", "getppid", "set_tid_address", "wait4", "getpgrp", "getpgid", "getsid", "rt_sigreturn"}
)

// plain replaces what differs from run to run.
func plain(threads map[int64]int, name string, args []uint64, ret int64) plainCall {
	c := plainCall{name: name, ret: fmt.Sprint(ret)}
	for i, v := range args {
		if i < idArguments[name] {
			if n, ok := threads[int64(int32(v))]; ok {
				v = 0x7ead0000 + uint64(n)
			}
		}
		c.args = append(c.args, v)
	}
	if slices.Contains(idResults, name) && ret > 0 {
		c.ret = "T?" // of a process that was not recorded
		if n, ok := threads[ret]; ok {
			c.ret = fmt.Sprintf("T%d", n)
		}
	}
	if ret <= -512 && ret >= -516 {
		c.ret = "restart"
	}
	return c
}

// leaveOut removes the calls of these names; with rt_sigreturn also what the
// signal interrupted and the kernel made once more.
func leaveOut(calls []plainCall, names []string) []plainCall {
	return slices.DeleteFunc(calls, func(c plainCall) bool {
		return slices.Contains(names, c.name) || c.ret == "restart" && slices.Contains(names, "rt_sigreturn")
	})
}

func compareCalls(t *testing.T, thread int, got, want []plainCall) int {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) {
			t.Errorf("thread %d: strace shows %d calls, got %d: %v is missing", thread, len(want), len(got), want[i])
			return i
		}
		if i >= len(want) {
			t.Errorf("thread %d: strace shows %d calls, got %d: %v is new", thread, len(want), len(got), got[i])
			return i
		}
		g, w := got[i], want[i]
		n := min(len(g.args), len(w.args))
		if thread == 0 && i == 0 {
			n = 0
		}
		if w.ret == "?" && i == len(want)-1 {
			g.ret = "?"
		}
		if g.name != w.name || g.ret != w.ret || !slices.EqualFunc(g.args[:n], w.args[:n], g.sameArgument) {
			t.Errorf("thread %d, call %d: got %v, strace shows %v", thread, i, g, w)
		}
	}
	return len(want)
}

func (c plainCall) sameArgument(ours, strace uint64) bool {
	return ours == strace || strace == ours&0xffffffff || c.compat && int32(ours) == int32(strace)
}

// recordedCalls returns the calls of each thread, in the order in which the
// threads came.
func recordedCalls(events []format.Event) [][]plainCall {
	threads := map[int64]int{int64(events[0].TID): 0}
	for _, e := range events {
		if e.Kind == format.Fork {
			threads[e.Args[format.ForkTID]] = len(threads)
		}
	}
	calls := make([][]plainCall, len(threads))
	open := map[int32]*format.Event{}
	for _, e := range events {
		thread := threads[int64(e.TID)]
		was := open[e.TID]
		switch e.Kind {
		case format.Enter, format.ThreadEnd:
			if was != nil {
				calls[thread] = append(calls[thread], unfinished(threads, was))
			}
			delete(open, e.TID)
			if e.Kind == format.Enter {
				open[e.TID] = &e
			}
		case format.Exit:
			if was != nil {
				c := plain(threads, was.Syscall, arguments(was), e.Ret)
				c.compat = was.ABI == abi.I386
				calls[thread] = append(calls[thread], c)
			}
			delete(open, e.TID)
		}
	}
	return calls
}

func unfinished(threads map[int64]int, e *format.Event) plainCall {
	c := plain(threads, e.Syscall, arguments(e), 0)
	c.ret = "?"
	return c
}

func arguments(e *format.Event) []uint64 {
	args := make([]uint64, 6)
	for i, v := range e.Args {
		args[i] = uint64(v)
	}
	return args
}

var (
	straceLine    = regexp.MustCompile(`^(\d+) +(.*)$`)
	straceCall    = regexp.MustCompile(`^(\w+)\((.*)\) += (.*)$`)
	straceResumed = regexp.MustCompile(`^<\.\.\. (\w+) resumed>(.*)$`)
)

// straceCalls reads what strace -f -e raw=all wrote.
func straceCalls(t *testing.T, file string) [][]plainCall {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	type call struct {
		thread    int64
		name, ret string
		args      []uint64
	}
	var all []call
	threads := map[int64]int{}
	begun := map[string]string{}
	for line := range strings.Lines(string(text)) {
		m := straceLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("strace: %q", line)
		}
		tid, _ := strconv.ParseInt(m[1], 10, 64)
		if len(threads) == 0 {
			threads[tid] = 0
		}
		rest := m[2]
		if strings.HasPrefix(rest, "+++") {
			if half, ok := begun[m[1]]; ok { // killed in a call
				rest = half + ") = ?"
				delete(begun, m[1])
			} else {
				continue
			}
		}
		if half, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
			begun[m[1]] = half
			continue
		}
		if r := straceResumed.FindStringSubmatch(rest); r != nil {
			rest = begun[m[1]] + r[2]
			delete(begun, m[1])
		}
		c := straceCall.FindStringSubmatch(rest)
		if c == nil {
			t.Fatalf("strace: %q", line)
		}
		one := call{thread: tid, name: c[1], ret: c[3]}
		for arg := range strings.SplitSeq(c[2], ", ") {
			v, err := strconv.ParseUint(strings.TrimPrefix(arg, "0x"), 16, 64)
			if err == nil {
				one.args = append(one.args, v)
			}
		}
		all = append(all, one)
		if slices.Contains([]string{"clone", "clone3", "fork", "vfork"}, one.name) {
			if child, err := strconv.ParseInt(strings.Fields(one.ret)[0], 0, 64); err == nil && child > 0 {
				threads[child] = len(threads)
			}
		}
	}
	calls := make([][]plainCall, len(threads))
	for _, c := range all {
		ret := strings.Fields(c.ret)
		p := plainCall{}
		switch value, err := strconv.ParseInt(ret[0], 0, 64); {
		case err == nil && value == -1 && len(ret) > 1:
			p = plain(threads, c.name, c.args, straceErrno(t, ret[1]))
		case err == nil:
			p = plain(threads, c.name, c.args, value)
		case len(ret) > 1 && strings.HasPrefix(ret[1], "ERESTART"):
			p = plain(threads, c.name, c.args, -512)
		default:
			if u, err := strconv.ParseUint(ret[0], 0, 64); err == nil {
				p = plain(threads, c.name, c.args, int64(u))
				break
			}
			p = plain(threads, c.name, c.args, 0)
			p.ret = "?"
		}
		calls[threads[c.thread]] = append(calls[threads[c.thread]], p)
	}
	return calls
}

func straceErrno(t *testing.T, name string) int64 {
	t.Helper()
	n, ok := abi.ErrnoNumber(abi.X86_64, name)
	if !ok {
		t.Fatalf("strace: unknown errno %q", name)
	}
	return -int64(n)
}
