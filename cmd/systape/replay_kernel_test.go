//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"systape/internal/kerneltest"
)

// TestKernelDecodingAgainstStrace runs one program under strace and under
// record, and compares: the same calls of each thread, the same results, the
// same flags, commands, modes and clocks. Strings and structures, which only
// strace reads from memory, are not compared.
func TestKernelDecodingAgainstStrace(t *testing.T) {
	kerneltest.Require(t)
	for _, tool := range []string{"strace", "setarch"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("SYSTAPE_KERNEL_TESTS=1 needs %s: %v", tool, err)
		}
	}
	dir := pairCompile(t, "decode_flags")
	t.Chdir(dir)
	// Without address randomisation, most addresses are the same in both runs.
	program := []string{"setarch", "-R", filepath.Join(dir, "decode_flags")}
	theirs := filepath.Join(dir, "strace.txt")
	cmd := exec.Command("strace", append([]string{"-f", "-o", theirs, "--"}, program...)...)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 7 {
		t.Fatalf("strace: %v: %s", err, out)
	}
	capture := filepath.Join(dir, "capture.parquet")
	if code, _, stderr := runReplayCommand(t, append([]string{"record", "-f", "-o", capture, "--"}, program...)...); code != 7 {
		t.Fatalf("record: exit code %d, want the program's 7: %s", code, stderr)
	}
	ours := filepath.Join(dir, "systape.txt")
	if code, _, stderr := runReplayCommand(t, "export", capture, "--format", "strace", "-o", ours); code != exitOK {
		t.Fatal(stderr)
	}
	want, got := replayReadStrace(t, theirs), replayReadStrace(t, ours)
	if len(want) != 3 || len(got) != 3 {
		t.Fatalf("strace saw %d threads, systape %d, want 3", len(want), len(got))
	}
	// What setarch itself does depends on where it was loaded.
	for _, threads := range [][][]replayStraceCall{want, got} {
		for k, c := range slices.Backward(threads[0]) {
			if c.name == "execve" {
				threads[0] = threads[0][k+1:]
				break
			}
		}
	}
	compared := 0
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Errorf("thread %d: %d calls, strace saw %d", i, len(got[i]), len(want[i]))
		}
		for k := range min(len(got[i]), len(want[i])) {
			g, w := got[i][k], want[i][k]
			if g.name == "rt_sigreturn" { // has no result: strace shows a register that it gives back
				w.ret = g.ret
			}
			if g.name != w.name || g.ret != w.ret {
				t.Errorf("thread %d, call %d: %v, strace saw %v", i, k, g, w)
				continue
			}
			switch w.name {
			case "clone", "clone3", "rt_sigreturn":
				continue // strace writes the arguments in an order of its own, or reads memory
			}
			if len(g.args) != len(w.args) {
				t.Errorf("thread %d, call %d: %v, strace saw %v", i, k, g, w)
				continue
			}
			for n := range w.args {
				if !replaySameArgument(g.args[n], w.args[n]) {
					t.Errorf("%s, argument %d: %s, strace saw %s", w.name, n, g.args[n], w.args[n])
				}
				compared++
			}
		}
	}
	if compared < 300 {
		t.Errorf("only %d arguments were compared", compared)
	}
}

type replayStraceCall struct {
	name string
	args []string
	ret  string
}

// replayReadStrace reads the calls of each thread, threads in the order of their
// first call, ids by that order.
func replayReadStrace(t *testing.T, file string) [][]replayStraceCall {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := regexp.MustCompile(`^(\d+) +(?:\d+\.\d+ )?(.*)$`)
	resumed := regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	whole := regexp.MustCompile(`^(\w+)\((.*)\) += (\S+(?: E\w+)?)`)
	var threads [][]replayStraceCall
	var ids []string
	open := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		m := head.FindStringSubmatch(s.Text())
		if m == nil {
			t.Fatalf("%s: %q", file, s.Text())
		}
		tid, rest := m[1], m[2]
		if strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
			continue
		}
		if r := resumed.FindStringSubmatch(rest); r != nil {
			if open[tid] == "" {
				continue // the child's side of clone, which strace does not show
			}
			rest = open[tid] + r[1]
			delete(open, tid)
		}
		if begun, ok := strings.CutSuffix(rest, "<unfinished ...>"); ok {
			open[tid] = strings.TrimRight(begun, " ")
			continue
		}
		m = whole.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("%s: %q", file, rest)
		}
		i := slices.Index(ids, tid)
		if i < 0 {
			i = len(ids)
			ids, threads = append(ids, tid), append(threads, nil)
		}
		threads[i] = append(threads[i], replayStraceCall{m[1], replaySplitArguments(m[2]), m[3]})
	}
	// Process ids differ from run to run.
	alias := func(s string) string {
		if i := slices.Index(ids, s); i >= 0 {
			return fmt.Sprint("thread", i)
		}
		return s
	}
	for _, calls := range threads {
		for k := range calls {
			c := &calls[k]
			if c.ret = alias(c.ret); c.name == "getppid" {
				c.ret = "parent"
			}
			for n := range c.args {
				c.args[n] = alias(c.args[n])
			}
		}
	}
	return threads
}

// replaySplitArguments splits at commas outside of quotes and brackets, and takes
// strace's comments away.
func replaySplitArguments(s string) (args []string) {
	s = regexp.MustCompile(` ?/\*.*?\*/`).ReplaceAllString(s, "")
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			args, start = append(args, strings.TrimSpace(s[start:i])), i+1
		}
	}
	if rest := strings.TrimSpace(s[start:]); rest != "" {
		args = append(args, rest)
	}
	return args
}

// replaySameArgument compares what both can know.
func replaySameArgument(ours, theirs string) bool {
	if strings.IndexByte(`"{[~`, theirs[0]) >= 0 {
		return strings.HasPrefix(ours, "0x") || ours == "NULL" // a pointer, to what strace shows
	}
	a, errA := strconv.ParseInt(ours, 0, 64)
	b, errB := strconv.ParseInt(theirs, 0, 64)
	if errA == nil && errB == nil {
		// Addresses on the stack depend on the environment.
		return a == b || a > 1<<46 && b > 1<<46
	}
	x, y := strings.Split(ours, "|"), strings.Split(theirs, "|")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
