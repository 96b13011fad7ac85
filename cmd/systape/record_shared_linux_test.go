package main

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recordSharedTables: processes that share descriptors or directories by clone3,
// roots of openat2's own, and socketcall. The program tells the truth.
func recordSharedTables(t *testing.T, r recorder) {
	file := filepath.Join(t.TempDir(), "t.parquet")
	truth, err := exec.Command(r.systape, "record", "-q", "--paths", "-o", file, "--", r.program("shared_tables")).Output()
	if err != nil {
		t.Fatal(err)
	}
	r.compareTruth(t, string(truth), 22, file)
}

// compareTruth compares what testdata/programs/shared_tables.c told with what
// the captures say of its checks: each name is right or not given, and least
// are given.
func (r recorder) compareTruth(t *testing.T, truth string, least int, files ...string) {
	t.Helper()
	out, err := exec.Command(r.systape, append([]string{"replay", "-y", "--comm", "shared_tables", "--patience", "1h", "--columns", "call"}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "fcntl(") || strings.Contains(line, "AT_EMPTY_PATH") {
			shown = append(shown, line)
		}
	}
	var want []string
	for line := range strings.Lines(truth) {
		if what, _, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && what != "" {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(shown) != len(want) {
		t.Fatalf("%d checks are recorded, the program made %d:\n%s", len(shown), len(want), strings.Join(shown, ""))
	}
	right := 0
	for i, line := range want {
		fd, name, _ := strings.Cut(line, " ")
		_, got, _ := strings.Cut(shown[i], "(")
		got, _, _ = strings.Cut(got, ",")
		switch number, given, ok := strings.Cut(strings.TrimSuffix(got, ">"), "<"); {
		case number != fd:
			t.Errorf("check %d is of %s, the program's of %s", i, number, fd)
		case !ok:
			t.Logf("not known: check %d, %s", i, line)
		case sameFile(given, name) == 0 && !(strings.HasPrefix(name, "socket:") && given == "TCP"):
			t.Errorf("check %d: %s is %q, in truth %q", i, fd, given, name)
		default:
			right++
		}
	}
	t.Logf("%d of %d names are right", right, len(want))
	if right < least {
		t.Errorf("%d of %d names are known, want %d", right, len(want), least)
	}
}

// recordSharedBefore: what threads and processes share, or do not, since before
// recording began.
func recordSharedBefore(t *testing.T, r recorder) {
	c := exec.Command(r.program("shared_tables"), "wait")
	in, out := startPiped(t, c)
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	p := r.start(t, "--paths", "-f", "-p", strconv.Itoa(c.Process.Pid))
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	truth, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := p.end(t); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	r.compareTruth(t, string(truth), 12, p.file) // of 31 nothing is known after a dup2 that fails
}

// recordStateOfParts: each part of a recording, and each file of a flight
// recorder, knows what was open before it began.
func recordStateOfParts(t *testing.T, r recorder) {
	// A shell is told what to do line by line.
	shell := func(args ...string) *flying {
		f := r.fly(t, append([]string{"--paths"}, args...)...)
		f.run(t, "exec 5</etc/hosts; cd /usr")
		return f
	}
	ask := func(f *flying) { f.run(t, "exec 6<&5; exec 6<&-; test -e lib") }
	knows := func(file string) {
		t.Helper()
		replayed := r.succeed(t, "replay", "-y", "--columns", "call", file).out
		for _, want := range []string{`(5</etc/hosts>, 6`, `AT_FDCWD</usr>, "lib"`} {
			if !strings.Contains(replayed, want) {
				t.Errorf("%s: no %s in\n%s", filepath.Base(file), want, replayed)
			}
		}
		r.succeed(t, "verify", file)
	}
	t.Run("parts", func(t *testing.T) {
		f := shell("-W", "10")
		f.Process.Signal(syscall.SIGHUP)
		second := filepath.Join(f.dir, "t-00002.parquet")
		waitFor(t, "the second part", func() bool { return exists(second+".spool") || exists(second) })
		ask(f)
		files := f.land(t)
		knows(second)
		all := r.succeed(t, append([]string{"replay", "-y", "--columns", "call"}, files...)...).out
		if !strings.Contains(all, `(5</etc/hosts>, 6`) {
			t.Errorf("the parts together do not know it:\n%s", all)
		}
		r.succeed(t, append([]string{"verify"}, files...)...)
	})
	t.Run("flight", func(t *testing.T) {
		f := shell("--flight", "1s")
		opened := time.Now()
		waitFor(t, "the window", func() bool { f.run(t, ":"); return time.Since(opened) > 5*time.Second })
		ask(f)
		files := f.land(t)
		if len(files) != 1 {
			t.Fatalf("files %q", files)
		}
		if out := r.succeed(t, "replay", "--columns", "call", files[0]).out; strings.Contains(out, `"/etc/hosts"`) {
			t.Fatal("the open is still in the file: the test says nothing")
		}
		knows(files[0])
	})
}
