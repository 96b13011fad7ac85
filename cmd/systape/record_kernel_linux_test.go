package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/format"
	"systape/internal/kerneltest"
	"systape/internal/readers"
)

// TestRecord runs the program as its users do, on the real kernel. The tests
// of record_*_linux_test.go are its subtests, so that the program and the
// programs it records are built once.
func TestRecord(t *testing.T) {
	kerneltest.Require(t)
	r := buildRecorder(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, recorder)
	}{
		{"command", recordCommand},
		{"command is left alone", recordLeavesAlone},
		{"name", recordChoosesName},
		{"names", recordNames},
		{"readers", recordReaders},
		{"stream", recordStream},
		{"sudo", recordSudo},
		{"refusals", recordRefusals},
		{"file system without owners", recordWithoutOwners},
		{"rights", recordRights},
		{"signals", recordSignals},
		{"duration", recordDuration},
		{"terminal", recordTerminal},
		{"interactive", recordInteractive},
		{"job control", recordJobControl},
		{"strace", recordStrace},
		{"paths", recordPaths},
		{"addresses", recordAddresses},
		{"addresses behind socketcall", recordSocketcall},
		{"removed files", recordRemoved},
		{"shared tables", recordSharedTables},
		{"shared before", recordSharedBefore},
		{"state of parts", recordStateOfParts},
		{"sockets at the start", recordSocketsAtStart},
		{"paths of chosen calls", recordPathsOfChosen},
		{"children", recordChildren},
		{"an id comes back", recordIDComesBack},
		{"i386", recordI386},
		{"killed in a call", recordKilledInCall},
		{"targets", recordTargets},
		{"containers", recordContainers},
		{"sampling", recordSampling},
		{"loss", recordLoss},
		{"loss by a slow disk", recordSlowDisk},
		{"summary", recordSummaryTrue},
		{"full disk", recordFullDisk},
		{"disk full at once", recordDiskFullAtOnce},
		{"full disk in parts", recordFullDiskInParts},
		{"folder moved", recordFolderMoved},
		{"ended at once", recordEndedAtOnce},
		{"sticky folder", recordStickyFolder},
		{"starts again", recordStartsAgain},
		{"kill -9", recordKilled},
		{"parts", recordRotates},
		{"keeps the latest of all", recordKeepsLatestOfAll},
		{"signed", recordSigned},
		{"flight", recordFlight},
		{"budget", recordBudget},
		{"soak", recordSoak},
		{"spool given back", recordGivesBack},
		{"followed while giving back", recordFollowedWhileGivingBack},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, r) })
	}
}

// recorder is the program and the folder of programs to record, all of which
// any user may run.
type recorder struct {
	systape string
	dir     string
}

func buildRecorder(t *testing.T) recorder {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := recorder{filepath.Join(dir, "systape"), dir}
	build := exec.Command("go", "build", "-o", r.systape, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as it is given away: containers have no libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, name := range []string{"busy", "noise", "in_turn", "int80_arguments", "killed_in_call", "with_id", "shared_tables", "socketcall"} {
		source := filepath.Join("..", "..", "testdata", "programs", name+".c")
		if out, err := exec.Command("cc", "-O1", "-static", "-pthread", "-Wno-unused-result", "-o", r.program(name), source).CombinedOutput(); err != nil {
			t.Fatalf("compile %s: %v\n%s", name, err, out)
		}
	}
	return r
}

func (r recorder) program(name string) string { return filepath.Join(r.dir, name) }

// outcome is how a command line ended.
type outcome struct {
	code        int // 128 + the signal, if one ended it
	out, stderr string
}

// recordLimit is more than anything here takes, on the busiest machine.
const recordLimit = 90 * time.Second

// run runs systape with these arguments to its end.
func (r recorder) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return r.finish(t, r.command(t, args...))
}

// succeed runs systape and fails the test unless it exits with 0.
func (r recorder) succeed(t *testing.T, args ...string) outcome {
	t.Helper()
	got := r.run(t, args...)
	if got.code != 0 {
		t.Fatalf("systape %s: exit code %d\n%s%s", strings.Join(args, " "), got.code, got.out, got.stderr)
	}
	return got
}

func (r recorder) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, r.systape, args...)
}

func (r recorder) finish(t *testing.T, c *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &stdout
	}
	c.Stderr = &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", c.Args, err)
	}
	return outcome{exitStatus(c.ProcessState), stdout.String(), stderr.String()}
}

func exitStatus(s *os.ProcessState) int {
	if w := s.Sys().(syscall.WaitStatus); w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// recordInfo is what the tests read of info --format json.
type recordInfo struct {
	Rows      int64            `json:"rows"`
	Lost      int64            `json:"lost"`
	Complete  bool             `json:"complete"`
	Kinds     map[string]int64 `json:"kinds"`
	Request   format.Request   `json:"request"`
	Probes    []format.Probe   `json:"probes"`
	Recovered string           `json:"recovered"`
}

func (r recorder) info(t *testing.T, file string) recordInfo {
	t.Helper()
	var i recordInfo
	if err := json.Unmarshal([]byte(r.succeed(t, "info", "--format", "json", file).out), &i); err != nil {
		t.Fatalf("info %s: %v", file, err)
	}
	return i
}

// check verifies a capture and returns its events.
func (r recorder) check(t *testing.T, file string) []format.Event {
	t.Helper()
	r.succeed(t, "verify", file)
	return recordEvents(t, file)
}

// recordEvents reads a capture and holds its order against the rules.
func recordEvents(t *testing.T, file string) []format.Event {
	t.Helper()
	reader, err := format.Open([]string{file}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var events []format.Event
	for e, err := range reader.Events() {
		if errors.Is(err, format.ErrIncomplete) && reader.Meta().Recovered != "" {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := len(events); e.Seq != int64(n) || n > 0 && e.TS < events[n-1].TS {
			t.Fatalf("%s: row %d has seq %d and time %d after %d", file, n, e.Seq, e.TS, events[max(n-1, 0)].TS)
		}
		events = append(events, e)
	}
	return events
}

// calls counts the enters of each call.
func calls(events []format.Event) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		if e.Kind == format.Enter {
			n[e.Syscall]++
		}
	}
	return n
}

// recordCommand: the command's output and exit code are its own.
func recordCommand(t *testing.T, r recorder) {
	for _, c := range []struct {
		name, script string
		code         int
		out, stderr  string
	}{
		{"success", "echo out; echo err >&2", 0, "out\n", "err\n"},
		{"failure", "echo out; exit 7", 7, "out\n", ""},
		{"code that is also ours", "exit 125", 125, "", ""},
		{"signal", "echo out; kill -SEGV $$", 128 + 11, "out\n", ""},
		{"kill", "kill -9 $$", 128 + 9, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.parquet")
			got := r.run(t, "record", "-o", file, "--", "sh", "-c", c.script)
			summary, ok := strings.CutPrefix(got.stderr, c.stderr)
			if got.code != c.code || got.out != c.out || !ok {
				t.Fatalf("got %+v, want code %d, output %q and %q", got, c.code, c.out, c.stderr)
			}
			if want := regexp.MustCompile(`^systape: \d+ events in [0-9.]+m?s, 0 lost, .*: ` + regexp.QuoteMeta(file) + "\n$"); !want.MatchString(summary) {
				t.Errorf("got summary %q", summary)
			}
			events := r.check(t, file)
			info := r.info(t, file)
			marks := 4 // enters and exits began and stopped
			if !info.Complete || info.Rows != int64(len(events)) || !strings.Contains(summary, fmt.Sprintf(" %d events ", len(events)-marks)) {
				t.Errorf("info says %d rows, complete %v; there are %d: %s", info.Rows, info.Complete, len(events), summary)
			}
			if n := strings.Count(r.succeed(t, "replay", "--events", file).out, "\n"); n != len(events) {
				t.Errorf("replay --events prints %d lines, want %d", n, len(events))
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
			if err != nil || len(left) != 1 {
				t.Errorf("got files %q, want the capture alone", left)
			}
			if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
				t.Errorf("got mode %v %v, want 0600", info.Mode(), err)
			}
			events = slices.DeleteFunc(events, func(e format.Event) bool { return e.Kind == format.Mark })
			first, last := events[0], events[len(events)-1]
			if first.Kind != format.Enter || first.Syscall != "execve" || first.Comm != "systape" {
				t.Errorf("the capture begins with %v %q of %q, want the command's execve, still systape's", first.Kind, first.Syscall, first.Comm)
			}
			if last.Kind != format.ThreadEnd || last.PID != first.PID {
				t.Errorf("the capture ends with %v of %d, want the end of %d", last.Kind, last.PID, first.PID)
			}
		})
	}
	t.Run("quiet", func(t *testing.T) {
		if got := r.run(t, "record", "-q", "-o", filepath.Join(t.TempDir(), "t.parquet"), "--", "sh", "-c", "echo out; echo err >&2; exit 3"); got != (outcome{3, "out\n", "err\n"}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("input", func(t *testing.T) {
		c := r.command(t, "record", "-q", "-o", filepath.Join(t.TempDir(), "t.parquet"), "--", "cat")
		c.Stdin = strings.NewReader("to the command\n")
		if got := r.finish(t, c); got != (outcome{0, "to the command\n", ""}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no-btf", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "t.parquet")
		if got := r.run(t, "record", "-q", "--no-btf", "-o", file, "--", "sh", "-c", "/bin/true; exit 4"); got != (outcome{4, "", ""}) {
			t.Errorf("got %+v", got)
		}
		n := calls(r.check(t, file))
		if got := r.info(t, file).Request.Hook; got != "raw_tracepoint" || n["execve"] != 2 || n["exit_group"] != 2 {
			t.Errorf("got hook %s and calls %v", got, n)
		}
	})
}

// recordLeavesAlone: a command sees the same world as without us.
func recordLeavesAlone(t *testing.T, r recorder) {
	const look = `ulimit -a; ulimit -Ha; umask; nice; pwd; env; grep -E '^(Sig|Shd|Cap|NoNew|Seccomp|Cpus|Groups|Uid|Gid)' /proc/self/status | grep -v SigQ; ls /proc/$$/fd; cat /proc/$$/oom_score_adj /proc/$$/personality; ps -o sid=,pgid= -p $$`
	plain, err := exec.Command("bash", "-c", look).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := r.run(t, "record", "-q", "-o", filepath.Join(t.TempDir(), "t.parquet"), "--", "bash", "-c", look)
	if got.out != string(plain) || got.code != 0 {
		t.Errorf("got %s\nwithout systape %s", got.out, plain)
	}
}

func recordChoosesName(t *testing.T, r recorder) {
	for _, c := range []struct {
		args []string
		name string
	}{
		{[]string{"--", "/bin/true"}, "true"},
		{[]string{"--", "sh", "-c", "exit 0", "../x"}, "sh"},
		{[]string{"-a", "-d", "50ms"}, "system"},
		{[]string{"-p", fmt.Sprint(os.Getpid()), "-d", "50ms"}, fmt.Sprintf("pid%d", os.Getpid())},
	} {
		cmd := r.command(t, append([]string{"record"}, c.args...)...)
		cmd.Dir = t.TempDir()
		got := r.finish(t, cmd)
		name := regexp.MustCompile(`: (` + c.name + `-\d{8}-\d{6}(-\d+)?\.parquet)\n`).FindStringSubmatch(got.stderr)
		if got.code != 0 || name == nil {
			t.Fatalf("got %+v, want the name of a file that begins with %s", got, c.name)
		}
		r.check(t, filepath.Join(cmd.Dir, name[1]))
	}
}

// recordNames: names are free, fit, and belong to one recorder at a time.
func recordNames(t *testing.T, r recorder) {
	t.Run("default names of one second differ", func(t *testing.T) {
		dir := t.TempDir()
		var all []*exec.Cmd
		for range 4 {
			c := r.command(t, "record", "-q", "--", "true")
			c.Dir = dir
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		for _, c := range all {
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(files) != len(all) {
			t.Errorf("got files %q, want one for each of %d", files, len(all))
		}
		for _, file := range files {
			r.check(t, file)
		}
	})
	t.Run("long names", func(t *testing.T) {
		for _, n := range []int{243, 249, 255} {
			dir := t.TempDir()
			file := filepath.Join(dir, strings.Repeat("é", (n-8)/2)+strings.Repeat("x", (n-8)%2)+".parquet")
			r.succeed(t, "record", "-q", "-o", file, "--", "true")
			r.check(t, file)
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
				t.Errorf("%d bytes: got files %q", n, left)
			}
		}
		c := r.command(t, "record", "-q", "--", "./"+strings.Repeat("p", 250))
		c.Dir = t.TempDir()
		if err := os.Symlink("/bin/true", filepath.Join(c.Dir, strings.Repeat("p", 250))); err != nil {
			t.Fatal(err)
		}
		if got := r.finish(t, c); got.code != 0 {
			t.Errorf("default name of a long program name: got %+v", got)
		}
	})
	t.Run("one recorder a name", func(t *testing.T) {
		p := r.startCommand(t, ": > $0; sleep 2; exit 3")
		for _, force := range [][]string{nil, {"--force"}} {
			got := r.run(t, append(append([]string{"record", "-o", p.file}, force...), "--", "true")...)
			if got.code != 125 || !strings.Contains(got.stderr, "still goes on") || !strings.Contains(got.stderr, "hint: choose another name") {
				t.Errorf("%q: got %+v", force, got)
			}
		}
		if got := p.end(t); got.code != 3 {
			t.Errorf("got %+v", got)
		}
		r.whole(t, p.file)
	})
	t.Run("folder that is renamed or removed meanwhile", func(t *testing.T) {
		for _, c := range []struct{ script, name, capture string }{
			{"mv a b", "renamed", "b/t.parquet"},
			{"mv a/t.parquet.spool 'other name'", "renamed", "other name.parquet"},
			{"rm -r a", "removed", ""},
			{"rm a/t.parquet.spool; : > a/t.parquet.spool", "removed", ""},
		} {
			cmd := r.command(t, "record", "-o", "a/t.parquet", "--", "sh", "-c", c.script)
			cmd.Dir = t.TempDir()
			if err := os.Mkdir(filepath.Join(cmd.Dir, "a"), 0o700); err != nil {
				t.Fatal(err)
			}
			got := r.finish(t, cmd)
			if got.code != 125 || !strings.Contains(got.stderr, "a/t.parquet.spool was "+c.name+" while") || strings.Contains(got.stderr, "is safe in") != (c.capture != "") {
				t.Errorf("%s: got %+v", c.script, got)
			}
			if c.capture == "" {
				continue
			}
			// The hint can be pasted.
			_, hint, _ := strings.Cut(got.stderr, "to make a capture of it:\n  systape ")
			recover := exec.Command("sh", "-c", r.systape+" "+hint)
			recover.Dir = cmd.Dir
			if out, err := recover.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v, %s", c.script, hint, err, out)
			}
			r.check(t, filepath.Join(cmd.Dir, c.capture))
		}
	})
	t.Run("spool that another user has planted", func(t *testing.T) {
		dir := t.TempDir()
		victim, file := filepath.Join(dir, "victim"), filepath.Join(dir, "t.parquet")
		if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, file+".spool"); err != nil {
			t.Fatal(err)
		}
		if got := r.run(t, "record", "-q", "-o", file, "--", "true"); got.code != 125 {
			t.Errorf("got %+v", got)
		}
		r.succeed(t, "record", "-q", "--force", "-o", file, "--", "true")
		if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
			t.Errorf("the victim holds %q %v", b, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("got mode %v %v", info.Mode(), err)
		}
	})
	t.Run("names of descriptors", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/fd/3"} {
			file, err := os.Create(filepath.Join(dir, "copy.spool"))
			if err != nil {
				t.Fatal(err)
			}
			c := r.command(t, "record", "-q", "--force", "-o", name, "--", "sh", "-c", "ls -l /proc/self/fd | grep -c copy.spool; echo out")
			var stdout bytes.Buffer
			c.Stdout = file
			if name == "/dev/fd/3" {
				c.Stdout, c.ExtraFiles = &stdout, []*os.File{file}
			}
			got := r.finish(t, c)
			says := got.stderr
			if name == "/dev/fd/3" {
				says = stdout.String()
			}
			if file.Close(); got.code != 0 || says != "0\nout\n" {
				t.Errorf("%s: got %+v, the command wrote %q", name, got, says)
			}
			r.check(t, file.Name())
		}
		if info, err := os.Lstat("/dev/stdout"); err != nil || info.Mode().Type() != os.ModeSymlink {
			t.Fatalf("/dev/stdout is %v now", info.Mode())
		}
	})
}

// recordReaders: the files open in what our users have, with the same rows.
func recordReaders(t *testing.T, r recorder) {
	python := readers.Python(t)
	file := filepath.Join(t.TempDir(), "t.parquet")
	r.succeed(t, "record", "-q", "-o", file, "--", "sh", "-c", "ls -l / >/dev/null; /bin/true")
	events := r.check(t, file)
	sum := int64(0)
	for _, e := range events {
		sum += e.Ret % 1000003
	}
	want := fmt.Sprintf("%d %d %d", len(events), calls(events)["execve"], sum)
	const script = `
import sys, math, pyarrow.parquet, polars, duckdb
file = sys.argv[1]
rem = lambda v: int(math.fmod(v, 1000003))
a = pyarrow.parquet.read_table(file)
print(a.num_rows, sum(1 for k, s in zip(a["kind"].to_pylist(), a["syscall"].to_pylist()) if (k, s) == ("enter", "execve")), sum(rem(v) for v in a["ret"].to_pylist()))
p = polars.read_parquet(file)
print(len(p), len(p.filter((polars.col("kind") == "enter") & (polars.col("syscall") == "execve"))), sum(rem(v) for v in p["ret"]))
d = duckdb.sql(f"SELECT count(*), count(*) FILTER (kind = 'enter' AND syscall = 'execve'), sum(ret % 1000003)::BIGINT FROM '{file}'").fetchall()[0]
print(*d)
`
	out, err := exec.Command(python, "-c", script, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, got := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if got != want {
			t.Errorf("%s counts rows, execves and results %s, want %s", []string{"pyarrow", "Polars", "DuckDB"}[i], got, want)
		}
	}
}

// recordStream: -o - writes a spool for the next program in the pipe.
func recordStream(t *testing.T, r recorder) {
	file := filepath.Join(t.TempDir(), "copy.spool")
	got := r.run(t, "record", "-o", "-", "--", "sh", "-c", "echo out; echo err >&2; exit 6")
	if got.code != 6 || !strings.Contains(got.stderr, "out\nerr\nsystape: ") || !strings.HasSuffix(got.stderr, ": standard output\n") {
		t.Errorf("got code %d, %q", got.code, got.stderr)
	}
	if err := os.WriteFile(file, []byte(got.out), 0o600); err != nil {
		t.Fatal(err)
	}
	events := r.check(t, file)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"info", "--format", "json", "-"}, fmt.Sprintf(`"rows": %d,`, len(events))},
		{[]string{"verify", "-"}, "0 do not\n"},
		{[]string{"replay", "--events", "-"}, "execve"},
	} {
		cmd := r.command(t, c.args...)
		cmd.Stdin = strings.NewReader(got.out)
		if piped := r.finish(t, cmd); piped.code != 0 || !strings.Contains(piped.out, c.want) || piped.stderr != "" {
			t.Errorf("%v: got %+v, want %q", c.args, piped, c.want)
		}
	}
}

// recordSudo: what sudo runs leaves files that belong to the user.
func recordSudo(t *testing.T, r recorder) {
	for _, args := range [][]string{{"-o", "t.parquet"}, {"-o", "t.parquet", "--spool"}} {
		c := r.command(t, append(append([]string{"record", "-q"}, args...), "--", "true")...)
		c.Dir = t.TempDir()
		c.Env = append(os.Environ(), "SUDO_UID=12345", "SUDO_GID=23456")
		if got := r.finish(t, c); got.code != 0 {
			t.Fatalf("got %+v", got)
		}
		files, _ := filepath.Glob(filepath.Join(c.Dir, "*"))
		if len(files) != 1 {
			t.Fatalf("got files %q", files)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 23456 || info.Mode() != 0o600 {
			t.Errorf("%s belongs to %d:%d, mode %v; want 12345:23456, 0600", files[0], st.Uid, st.Gid, info.Mode())
		}
	}
}
