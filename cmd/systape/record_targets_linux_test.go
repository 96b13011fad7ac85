package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/format"
	"systape/format/abi"
)

// recordChildren: of many short lives, none is missed and all have their name.
func recordChildren(t *testing.T, r recorder) {
	const children = 200
	file := filepath.Join(t.TempDir(), "t.parquet")
	r.succeed(t, "record", "-q", "-o", file, "--", "sh", "-c", fmt.Sprintf("for i in $(seq %d); do /bin/true; done; /bin/echo end >/dev/null", children))
	events := r.whole(t, file)
	root := events[0].PID
	trues, ended, forked := map[int32]bool{}, 0, 0
	containers := map[string]int{}
	became := map[int32]bool{}
	for _, e := range events {
		containers[e.Container]++
		if e.Kind == format.Fork && e.PID == root {
			forked++
		}
		if e.Kind == format.Exec && e.Detail == "/bin/true" {
			trues[e.PID] = true
		}
		if e.Kind == format.Exec {
			became[e.PID] = true
			if want := filepath.Base(e.Detail); e.Comm != want {
				t.Errorf("exec of %s in process %d has the name %q", e.Detail, e.PID, e.Comm)
			}
		}
		if e.Kind == format.Rename {
			continue // shortly before its exec
		}
		if e.PID != root && !became[e.PID] && e.Comm != "sh" {
			t.Fatalf("%v %s of process %d before its exec has the name %q, want sh", e.Kind, e.Syscall, e.PID, e.Comm)
		}
		if trues[e.PID] && e.Comm != "true" {
			t.Fatalf("%v %s of process %d has the name %q, want true", e.Kind, e.Syscall, e.PID, e.Comm)
		}
		if e.Kind == format.ThreadEnd && trues[e.PID] {
			ended++
		}
	}
	if len(trues) != children || ended != children || forked != children+2 { // and seq and echo
		t.Errorf("got %d forks, %d execs and %d ends of true, want %d, %d and %d", forked, len(trues), ended, children+2, children, children)
	}
	if len(containers) != 1 {
		t.Errorf("processes of one cgroup are in several containers: %v", containers)
	}
	if n := calls(events); n["execve"] != children+3 || n["exit_group"] != children+3 {
		t.Errorf("got %d execve and %d exit_group, want %d each", n["execve"], n["exit_group"], children+3)
	}
}

// recordIDComesBack: a stranger that gets the id of a process that was recorded,
// and has ended, is not recorded.
func recordIDComesBack(t *testing.T, r recorder) {
	for _, hook := range []string{"--no-btf=false", "--no-btf"} {
		file := filepath.Join(t.TempDir(), "t.parquet")
		c := r.command(t, "record", "-q", hook, "-o", file, "--", "sh", "-c", "(:) & echo $!; wait $!; echo gone; read end")
		in, out := startPiped(t, c)
		var id int32
		var gone string
		if _, err := fmt.Fscan(out, &id, &gone); err != nil {
			t.Fatal(err)
		}
		stranger, err := exec.Command(r.program("with_id"), fmt.Sprint(id)).CombinedOutput()
		in.Close()
		if e := c.Wait(); e != nil && c.ProcessState.ExitCode() != 1 { // read's, at the end of its input
			t.Fatal(e)
		}
		if err != nil {
			t.Fatalf("a process with the id %d: %v\n%s", id, err, stranger)
		}
		ended := false
		for _, e := range r.whole(t, file) {
			if e.PID == id && ended {
				t.Fatalf("%s: %v %s of a stranger with the id of a process that had ended", hook, e.Kind, e.Syscall)
			}
			ended = ended || e.PID == id && e.Kind == format.ThreadEnd
		}
		if !ended {
			t.Errorf("%s: no end of %d", hook, id)
		}
	}
}

// recordI386: calls through int 0x80 are read by the 32-bit table, with all
// their arguments, in the middle of a 64-bit program.
func recordI386(t *testing.T, r recorder) {
	for _, hook := range []string{"--no-btf=false", "--no-btf"} {
		file := filepath.Join(t.TempDir(), "t.parquet")
		r.succeed(t, "record", "-q", hook, "-o", file, "--", r.program("int80_arguments"))
		got := map[string]string{}
		for _, e := range r.whole(t, file) {
			if e.ABI != abi.I386 {
				if e.Nr == 19 || e.Nr == 192 {
					t.Errorf("%s: got %v of %s by the 64-bit table", hook, e.Kind, e.Syscall)
				}
				continue
			}
			if e.Kind == format.Enter {
				got[e.Syscall] += fmt.Sprint(e.Args)
			} else {
				got[e.Syscall] += fmt.Sprint("=", e.Ret)
			}
		}
		// A 32-bit register holds no sign: -7 is 4294967289.
		want := map[string]string{"lseek": "[4294967289 11 2 0 0 0]=-9", "mmap2": "[1 2 3 4 4294967291 6]=-9"}
		if len(got) != 2 || got["lseek"] != want["lseek"] || !strings.HasPrefix(got["mmap2"], "[1 2 3 4 4294967291 6]=-") {
			t.Errorf("%s: got %v, want %v", hook, got, want)
		}
	}
}

// recordKilledInCall: a process that dies in a call has its end recorded. The
// call ends with the code that would have the kernel make it once more
// (kernel/signal.c: the signal is acted on after the tracepoint).
func recordKilledInCall(t *testing.T, r recorder) {
	file := filepath.Join(t.TempDir(), "t.parquet")
	if got := r.run(t, "record", "-q", "-o", file, "--", r.program("killed_in_call")); got.code != 128+9 {
		t.Fatalf("got %+v, want 128+9", got)
	}
	paused, ends := int32(0), map[int32]int64{}
	var groups int64
	for _, e := range r.whole(t, file) {
		switch {
		case e.Kind == format.Enter && e.Syscall == "pause":
			paused = e.TID
		case e.Kind == format.Exit && e.Syscall == "pause" && e.Ret != -514:
			t.Errorf("pause returned %d, want -514 (ERESTARTNOHAND)", e.Ret)
		case e.Kind == format.ThreadEnd:
			ends[e.TID] = e.Args[format.EndCode]
			groups += e.Args[format.EndGroup]
		}
	}
	if len(ends) != 2 || paused == 0 || ends[paused] != 9 || groups != 1 {
		t.Errorf("got ends %v, %d of them the last, of %d in pause; want 2 by signal 9, one the last", ends, groups, paused)
	}
	pairs := r.succeed(t, "info", "--format", "table", file)
	if !strings.Contains(pairs.out, "killed") {
		t.Errorf("info does not tell of the killed call:\n%s", pairs.out)
	}
}

// recordTargets: the whole system, narrowed by cgroup, container, name, user
// and calls.
func recordTargets(t *testing.T, r recorder) {
	mount := cgroup2(t)
	id := strings.Repeat("0123456789abcdef", 4)
	parent := filepath.Join(mount, fmt.Sprintf("systape-test-%d.slice", os.Getpid()))
	scope := filepath.Join(parent, "docker-"+id+".scope")
	for _, dir := range []string{parent, scope} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // children first, once their processes have left
			for range 500 {
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("cannot remove %s", dir)
		})
	}
	dir, err := os.Open(scope)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	inside := background(t, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}, "sh", "-c", "while :; do /bin/true; sleep 0.01; done")
	user := background(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}, r.program("busy"), "5000")
	outside := background(t, nil, r.program("busy"), "5000")

	path := strings.TrimPrefix(scope, mount)
	for _, c := range []struct {
		name string
		args []string
		want func(e format.Event) bool
		pids []int
	}{
		{"container", []string{"-a", "--container", id[:12]}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"container by the first digits", []string{"-a", "--container", id[:4]}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"container, no BTF", []string{"-a", "--no-btf", "--container", id[:12]}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"cgroup", []string{"-a", "--cgroup", path}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"cgroup above", []string{"-a", "--cgroup", filepath.Dir(path)}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"cgroup by its folder", []string{"-a", "--cgroup", scope}, func(e format.Event) bool { return e.Container == id[:12] }, []int{inside.Process.Pid}},
		{"names by a pattern", []string{"-a", "--comm", "b*y"}, func(e format.Event) bool { return e.Comm == "busy" }, []int{user.Process.Pid, outside.Process.Pid}},
		{"name", []string{"-a", "--comm", "busy"}, func(e format.Event) bool { return e.Comm == "busy" }, []int{user.Process.Pid, outside.Process.Pid}},
		{"user", []string{"-a", "--uid", "54321"}, func(e format.Event) bool { return e.PID == int32(user.Process.Pid) }, []int{user.Process.Pid}},
		{"user and name", []string{"-a", "--uid", "54321", "--comm", "busy,sh"}, func(e format.Event) bool { return e.PID == int32(user.Process.Pid) }, []int{user.Process.Pid}},
		{"processes", []string{"-p", fmt.Sprintf("%d,%d", outside.Process.Pid, user.Process.Pid)}, func(e format.Event) bool {
			return e.PID == int32(user.Process.Pid) || e.PID == int32(outside.Process.Pid)
		}, []int{user.Process.Pid, outside.Process.Pid}},
		{"calls", []string{"-a", "--comm", "busy", "-e", "openat,close"}, func(e format.Event) bool {
			return e.Kind > format.Exit || e.Syscall == "openat" || e.Syscall == "close"
		}, []int{user.Process.Pid, outside.Process.Pid}},
		{"calls but some", []string{"-p", fmt.Sprint(outside.Process.Pid), "-e", "!getppid,%file"}, func(e format.Event) bool {
			return e.Syscall != "getppid" && e.Syscall != "openat"
		}, []int{outside.Process.Pid}},
		{"whole system", []string{"-a"}, func(e format.Event) bool {
			switch int(e.PID) {
			case inside.Process.Pid:
				return e.Container == id[:12]
			case outside.Process.Pid, user.Process.Pid:
				return e.Container != id[:12]
			}
			return true
		}, []int{inside.Process.Pid, user.Process.Pid, outside.Process.Pid}},
	} {
		t.Run(c.name, func(t *testing.T) {
			missing := 0
			// On a machine that is busy with other things a process may not get
			// to run for long.
			for _, duration := range []string{"200ms", "2s", "10s"} {
				file := filepath.Join(t.TempDir(), "t.parquet")
				r.succeed(t, append([]string{"record", "-q", "-d", duration, "-o", file}, c.args...)...)
				seen := map[int]int{}
				known := map[int32]bool{int32(inside.Process.Pid): true, int32(user.Process.Pid): true, int32(outside.Process.Pid): true}
				for _, e := range r.whole(t, file) {
					if e.Kind == format.Fork {
						known[int32(e.Args[format.ForkPID])] = true
					}
					// A process that was about to end when recording began may have no
					// name and no cgroup any more when somebody looks.
					if !c.want(e) && (e.Container != "" || known[e.PID]) {
						t.Fatalf("got %+v", e)
					}
					seen[int(e.PID)]++
				}
				if missing = slices.IndexFunc(c.pids, func(pid int) bool { return seen[pid] == 0 }); missing < 0 {
					return
				}
			}
			t.Errorf("no event of process %d", c.pids[missing])
		})
	}

	t.Run("long name is found by its first 15 bytes, by both", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "t.parquet")
		got := r.succeed(t, "record", "-q", "--comm", "averyveryverylongname", "-o", file, "--", "bash", "-c", "printf averyveryverylongname >/proc/$$/comm; kill -0 $$; kill -0 $$")
		if !strings.Contains(got.stderr, `taken as "averyveryverylo"`) || len(r.check(t, file)) == 0 {
			t.Errorf("got %+v", got)
		}
		for _, name := range []string{"averyveryverylongname", "averyveryverylo", "averyveryverylongn*", "avery*"} {
			got := r.succeed(t, "replay", "--comm", name, file)
			if !strings.Contains(got.out, "kill(") || strings.Contains(got.stderr, "taken as") != (len(name) > 15) {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		if got := r.run(t, "record", "--comm", "a*0123456789abcde", "-a"); got.code != exitUsage || !strings.Contains(got.stderr, "no name can match") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("nothing recorded", func(t *testing.T) {
		dir := t.TempDir()
		parent := background(t, nil, "sh", "-c", "sleep 60 & wait")
		pid, child := fmt.Sprint(parent.Process.Pid), 0
		waitFor(t, "a child", func() bool { child = childOf(parent.Process.Pid); return child != 0 })
		t.Cleanup(func() { syscall.Kill(child, syscall.SIGKILL) })
		time.Sleep(100 * time.Millisecond)
		for says, args := range map[string][]string{
			fmt.Sprintf("hint: the process made no call itself; its children are recorded by -p %d, and with -f all", child): {"-p", pid},
			"passed the other filters, none of a thread of that name":                                                        {"-a", "--comm", "nosuchname"},
			"passed the other filters, none of that user":                                                                    {"-a", "--uid", "54323"},
			"were made, none of those that -e chose":                                                                         {"-a", "-e", "syscall_9999"},
			" lasted 50m00s":                                                                                                 {"-a", "--min-duration", "50m"},
			"hint: no call was made":                                                                                         {"-p", fmt.Sprint(child)},
		} {
			got := r.succeed(t, append([]string{"record", "--force", "-d", "200ms", "-o", filepath.Join(dir, "t.parquet")}, args...)...)
			if !strings.Contains(got.stderr, says) {
				t.Errorf("%q: got %q, want %q", args, got.stderr, says)
			}
		}
	})

	t.Run("command of which a part is recorded", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "t.parquet")
		r.succeed(t, "record", "-q", "-e", "openat,execve", "--comm", "true", "-o", file, "--", "sh", "-c", "/bin/true; /bin/echo >/dev/null")
		for _, e := range r.whole(t, file) {
			if e.Comm != "true" && e.Kind != format.Rename { // to and from the name
				t.Errorf("got %+v", e)
			}
		}
	})
	t.Run("children of a process, with -f only", func(t *testing.T) {
		for _, follow := range []bool{false, true} {
			file := filepath.Join(t.TempDir(), "t.parquet")
			args := []string{"record", "-q", "-d", "300ms", "-p", fmt.Sprint(inside.Process.Pid), "-o", file}
			if follow {
				args = append(args, "-f")
			}
			r.succeed(t, args...)
			pids, execs := map[int32]bool{}, 0
			for _, e := range r.whole(t, file) {
				pids[e.PID] = true
				if e.Kind == format.Exec {
					execs++
				}
			}
			if follow != (len(pids) > 1) || follow != (execs > 0) {
				t.Errorf("follow %v: got events of %d processes, %d execs", follow, len(pids), execs)
			}
		}
	})
}

// cgroup2 returns where the unified hierarchy is mounted. It mounts it where
// it is not, which says nothing about containers that cannot be made.
func cgroup2(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[2] == "cgroup2" {
			return f[1]
		}
	}
	dir := t.TempDir()
	if err := unix.Mount("cgroup2", dir, "cgroup2", 0, ""); err != nil {
		t.Fatalf("no cgroup v2: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, 0) })
	return dir
}
