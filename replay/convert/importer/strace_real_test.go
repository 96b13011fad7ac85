package importer_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/convert/importer"
	"systape/replay/render/decode"
)

// straced runs a shell script under strace and imports what strace wrote, to
// standard error or to a file, with the options given.
func straced(t *testing.T, toFile bool, options ...string) (events []format.Event, res *importer.Result) {
	t.Helper()
	// Without address randomisation, what is no process id is the same each time.
	const script = `ls / >/dev/null; echo a >out.txt; cat out.txt >/dev/null; mv out.txt b; chmod 600 b; rm b; (true; kill -0 $$) & wait; true`
	args := append(append([]string{"-R", "strace", "-f"}, options...), "sh", "-c", script)
	dir := t.TempDir()
	cmd := exec.Command("setarch", args...)
	if toFile {
		args = append([]string{"-R", "strace", "-f", "-o", filepath.Join(dir, "log")}, append(options, "sh", "-c", script)...)
		cmd = exec.Command("setarch", args...)
	}
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Skipf("SKIPPED: strace cannot trace here: %v: %.200s", err, &stderr)
	}
	text := stderr.Bytes()
	if toFile {
		var err error
		if text, err = os.ReadFile(filepath.Join(dir, "log")); err != nil {
			t.Fatal(err)
		}
	}
	opt := importer.Options{From: "strace", Guess: true, Bad: func(_ string, line int64, text string, err error) { t.Errorf("line %d: %v: %s", line, err, text) }}
	res, err := importer.Import([]importer.Source{{Name: "log", R: bytes.NewReader(text)}}, opt, func(b *format.Batch) error {
		for i := range b.N {
			events = append(events, b.At(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, events)
	return events, res
}

func needStrace(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"strace", "setarch", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: no %s", tool)
		}
	}
}

// byProcess returns the enters of each process, in the order in which the
// processes began, without the calls by which a shell waits for a child:
// whether the child has ended when the shell asks is a matter of turns.
func byProcess(events []format.Event) (calls [][]format.Event) {
	at := map[int32]int{}
	for _, e := range events {
		if e.Kind != format.Enter {
			continue
		}
		switch e.Syscall {
		case "wait4", "rt_sigprocmask", "rt_sigsuspend", "rt_sigreturn":
			continue
		}
		i, ok := at[e.PID]
		if !ok {
			i = len(calls)
			at[e.PID] = i
			calls = append(calls, nil)
		}
		calls[i] = append(calls[i], e)
	}
	return calls
}

// The names that strace prints become the numbers that strace prints of the
// same call with -e raw=all: every flag, command, descriptor and length of a
// real program, pointers and process ids aside.
func TestNamesBecomeTheNumbersOfRealStrace(t *testing.T) {
	needStrace(t)
	named, _ := straced(t, true)
	raw, _ := straced(t, true, "-e", "raw=all")
	a, b := byProcess(named), byProcess(raw)
	if len(a) < 6 || len(a) != len(b) {
		t.Fatalf("%d processes, and %d in the second run", len(a), len(b))
	}
	// What runs at the same time begins in any order: the calls of the shell
	// itself are compared, and those of the programs that it waits for.
	compared, flags, paths := 0, 0, 0
	for i := range a[:6] {
		if len(a[i]) != len(b[i]) {
			t.Logf("process %d makes %d calls, and %d in the second run", i, len(a[i]), len(b[i]))
			continue
		}
		for k := range a[i] {
			x, y := a[i][k], b[i][k]
			if x.Syscall != y.Syscall {
				t.Logf("process %d, call %d: %s, and %s in the second run", i, k, x.Syscall, y.Syscall)
				break
			}
			declared := decode.Declared(x.ABI, x.Syscall)
			for n := range min(abi.NumArgs(x.ABI, x.Nr), len(declared)) {
				_, _, told := format.Argument(x.Detail, n)
				if told && strings.HasPrefix(declared[n].Type, "const char*") {
					paths++
				}
				switch d := declared[n]; {
				case told, d.Pointer(), d.Type == "pid_t", x.Syscall == "clone", x.Syscall == "brk", x.Syscall == "arch_prctl", x.Syscall == "mmap" && n == 0,
					x.Syscall == "rseq", x.Syscall == "prctl":
					continue
				}
				got, want := decode.Value(x.ABI, x.Nr, &x.Args, n), decode.Value(y.ABI, y.Nr, &y.Args, n)
				if hidden(&x, n) {
					continue
				}
				compared++
				if got > 9 {
					flags++
				}
				if got != want && !address(uint64(want)) {
					t.Errorf("process %d, call %d: argument %d of %s is %#x, strace -e raw=all says %#x (%s)", i, k, n, x.Syscall, got, want,
						decode.AppendArgs(nil, x.ABI, x.Nr, &x.Args, x.Detail))
				}
			}
		}
	}
	if compared < 300 || flags < 100 || paths < 20 {
		t.Errorf("only %d arguments compared, %d of them larger than 9, %d paths", compared, flags, paths)
	}
	t.Logf("%d arguments compared, %d of them larger than 9, %d paths", compared, flags, paths)
}

// hidden tells arguments that the call does not read with these flags, which
// strace does not print.
func hidden(e *format.Event, n int) bool {
	other := e.Args
	other[n] ^= 0x5a5a
	return string(decode.AppendArgs(nil, e.ABI, e.Nr, &e.Args, "")) == string(decode.AppendArgs(nil, e.ABI, e.Nr, &other, ""))
}

// address tells what is one on x86_64 and arm64: lengths of a heap and the like
// may depend on it.
func address(v uint64) bool { return v > 1<<32 && v < 1<<48 }

// strace -f without -o leaves [pid N] out while one process lives. The
// processes, their calls and their ends are those of strace -f -o.
func TestStderrOfRealStraceIsTheSame(t *testing.T) {
	needStrace(t)
	file, _ := straced(t, true)
	stderr, res := straced(t, false)
	if res.Guessed > 0 || res.Skipped > 0 {
		t.Errorf("%d threads guessed, %d lines skipped", res.Guessed, res.Skipped)
	}
	count := func(events []format.Event, kind format.Kind) (n int) {
		for _, e := range events {
			if e.Kind == kind {
				n++
			}
		}
		return n
	}
	for _, kind := range []format.Kind{format.Fork, format.Exec, format.ThreadEnd, format.Lost} {
		if got, want := count(stderr, kind), count(file, kind); got != want {
			t.Errorf("%d rows of %v, %d with -o", got, kind, want)
		}
	}
	a, b := byProcess(file), byProcess(stderr)
	if len(a) != len(b) {
		t.Fatalf("%d processes, and %d with -o", len(b), len(a))
	}
	// Each exit belongs to the call that its thread is in.
	inside := map[int32]string{}
	for _, e := range stderr {
		switch e.Kind {
		case format.Enter:
			inside[e.TID] = e.Syscall
		case format.Exit:
			if in, ok := inside[e.TID]; ok && in != e.Syscall {
				t.Errorf("%d returns from %s inside %s", e.TID, e.Syscall, in)
			}
		}
	}
	if a, b := names(a[0]), names(b[0]); a != b {
		t.Errorf("the shell's calls are\n%s\nwith -o\n%s", b, a)
	}
}

func names(calls []format.Event) string {
	var s []string
	for _, e := range calls {
		s = append(s, e.Syscall)
	}
	return strings.Join(s, " ")
}
