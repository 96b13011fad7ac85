package capture_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/capture"
	"systape/format"
	"systape/internal/kerneltest"
)

// wholeCalls checks that a filter chose whole calls: in each thread enters and
// exits take turns and agree, but for what does not return and for the first
// exit of a thread.
func wholeCalls(t *testing.T, r recording) {
	t.Helper()
	type last struct {
		open bool
		name string
	}
	threads := map[int32]*last{}
	for _, e := range r.events {
		switch e.Kind {
		case format.Enter, format.Exit:
			th := threads[e.TID]
			switch {
			case th == nil:
				th = &last{}
				threads[e.TID] = th
			case e.Kind == format.Enter && th.open:
				t.Errorf("thread %d enters %s inside %s", e.TID, e.Syscall, th.name)
			case e.Kind == format.Exit && (!th.open || th.name != e.Syscall && !(th.name == "rt_sigreturn" && e.Nr == -1)):
				t.Errorf("thread %d leaves %s (open: %v %s)", e.TID, e.Syscall, th.open, th.name)
			}
			th.open, th.name = e.Kind == format.Enter, e.Syscall
		case format.ThreadEnd:
			delete(threads, e.TID)
		case format.Exec:
			if old := int32(e.Args[format.ExecOldTID]); old != e.TID {
				threads[e.TID] = threads[old]
				delete(threads, old)
			}
		}
	}
	for tid, th := range threads {
		if th.open && th.name != "exit" && th.name != "exit_group" {
			t.Errorf("thread %d has not left %s", tid, th.name)
		}
	}
}

// named returns the rows of a kind about a call.
func (r *recording) named(kind format.Kind, syscall string) (rows []format.Event) {
	for _, e := range r.events {
		if e.Kind == kind && e.Syscall == syscall {
			rows = append(rows, e)
		}
	}
	return rows
}

// A thread that leaves a filter inside a call is recorded to the end of that
// call, and one that comes in from the beginning of the next.
func TestFiltersChooseWholeCalls(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		t.Run("user", func(t *testing.T) {
			r := record(t, capture.Options{Command: []string{"setpriv", "--reuid", "65534", "--clear-groups", "sleep", "0.1"}, UIDs: []uint32{0}, NoBTF: noBTF}, nil)
			wholeCalls(t, r)
			if e, x := r.named(format.Enter, "setresuid"), r.named(format.Exit, "setresuid"); len(e) != 1 || len(x) != 1 || x[0].TS-e[0].TS > 50e6 {
				t.Errorf("got enters %v and exits %v of setresuid", e, x)
			}
			if n := len(r.named(format.Enter, "clock_nanosleep")); n != 0 {
				t.Errorf("%d calls of the other user are there", n)
			}
			if f := r.meta.Filtered; f == nil || f.UIDs < 10 {
				t.Errorf("got filtered %+v", f)
			}
		})
		t.Run("user, by a thread that calls execve", func(t *testing.T) {
			t.Setenv("SYSTAPE_EXEC_THREAD", "1")
			r := record(t, capture.Options{Command: []string{os.Args[0]}, UIDs: []uint32{0}, NoBTF: noBTF}, nil)
			wholeCalls(t, r)
			if n := len(r.named(format.Exit, "execve")); n != 2 {
				t.Errorf("%d exits of execve, want 2", n)
			}
		})
		t.Run("name", func(t *testing.T) {
			const script = `c=/proc/$$/comm; printf other >$c; kill -0 $$; printf in >$c; kill -0 $$; kill -0 $$; printf other >$c; kill -0 $$`
			for _, names := range [][]string{{"in"}, {"i*"}, {"*n"}} {
				r := record(t, capture.Options{Command: []string{"bash", "-c", script}, Comms: names, NoBTF: noBTF}, nil)
				wholeCalls(t, r)
				if n := len(r.named(format.Enter, "kill")); n != 2 {
					t.Errorf("%q: %d calls under the name, want 2", names, n)
				}
				writes := r.named(format.Exit, "write")
				if len(writes) != 1 {
					t.Errorf("%q: %d exits of write, want that of the call in which the name changed", names, len(writes))
				}
			}
		})
		t.Run("cgroup", func(t *testing.T) {
			for _, mount := range cgroupMounts(t) {
				dir := filepath.Join(mount, fmt.Sprintf("systape-test-%d", os.Getpid()))
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				script := fmt.Sprintf(`kill -0 $$; echo $$ >%s/cgroup.procs; kill -0 $$; kill -0 $$; echo $$ >%s/cgroup.procs; kill -0 $$`, dir, mount)
				r := record(t, capture.Options{Command: []string{"bash", "-c", script}, Cgroups: []string{dir}, NoBTF: noBTF}, nil)
				wholeCalls(t, r)
				if n := len(r.named(format.Enter, "kill")); n != 2 {
					t.Errorf("%s: %d calls in the cgroup, want 2", mount, n)
				}
				waitRemoved(t, dir)
			}
		})
	})
}

// cgroupMounts are hierarchies in which cgroups can be made: cgroup v2, and
// one of v1 where the machine has such.
func cgroupMounts(t *testing.T) (mounts []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[2] == "cgroup2" || f[2] == "cgroup" && strings.Contains(","+f[3]+",", ",pids,") {
			mounts = append(mounts, f[1])
		}
	}
	if len(mounts) == 0 {
		t.Skip("no cgroups are mounted")
	}
	return mounts
}

func waitRemoved(t *testing.T, dir string) {
	t.Helper()
	for range 500 {
		if os.Remove(dir) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("cannot remove %s", dir)
}

// What the exit decides is recorded whole, and what is left out is counted.
func TestFiltersByOutcome(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		const processes, threads, calls = 2, 3, 500
		t.Setenv("SYSTAPE_TRUTH", fmt.Sprintf("%d,%d,%d", processes, threads, calls))
		t.Run("failed", func(t *testing.T) {
			r := record(t, capture.Options{Command: []string{os.Args[0]}, Failed: true, NoBTF: noBTF}, nil)
			wholeCalls(t, r)
			next := map[int64]int64{}
			var enter format.Event
			for _, e := range r.events {
				switch {
				case e.Kind == format.Exit && (e.Ret >= 0 || e.Ret < -4095):
					t.Fatalf("%s = %d is there", e.Syscall, e.Ret)
				case e.Kind == format.Exit && (e.Args[format.ExitEntered] == 0 || e.Args[format.ExitEntered] > e.TS || e.TS != enter.TS || e.Seq != enter.Seq+1):
					t.Fatalf("exit %+v after enter %+v", e, enter)
				case e.Kind == format.Enter:
					enter = e
					if e.Syscall == "lseek" && e.Args[0] <= -1000 {
						if e.Args[1] != next[e.Args[0]] || e.Args[2] != 7 {
							t.Fatalf("got %v, want call %d", e.Args, next[e.Args[0]])
						}
						next[e.Args[0]]++
					}
				}
			}
			if len(next) != processes*threads {
				t.Errorf("%d threads, want %d", len(next), processes*threads)
			}
			for fd, n := range next {
				if n != calls {
					t.Errorf("thread %d: %d calls, want %d", fd, n, calls)
				}
			}
			if n, errors := r.counted("lseek"); n < processes*threads*calls || errors < processes*threads*calls || errors > n {
				t.Errorf("counted %d lseek, %d errors", n, errors)
			}
			if f := r.meta.Filtered; f == nil || f.Outcome < 100 {
				t.Errorf("got filtered %+v", f)
			}
		})
		t.Run("lasting", func(t *testing.T) {
			r := record(t, capture.Options{Command: []string{"sleep", "0.2"}, LeastTime: 100 * time.Millisecond, NoBTF: noBTF}, nil)
			exits := r.named(format.Exit, "clock_nanosleep")
			if len(exits) != 1 || exits[0].TS-exits[0].Args[format.ExitEntered] < 200e6 {
				t.Fatalf("got %v", exits)
			}
			for _, e := range r.events {
				if e.Kind == format.Exit && e.TS-e.Args[format.ExitEntered] < 100e6 {
					t.Errorf("%s is there, which took %d ns", e.Syscall, e.TS-e.Args[format.ExitEntered])
				}
			}
		})
	})
}

// counted is what the count rows tell of a call.
func (r *recording) counted(name string) (calls, errors int64) {
	for _, e := range r.named(format.Count, name) {
		calls += e.Args[format.CountCalls]
		errors += e.Args[format.CountErrors]
	}
	return calls, errors
}

// Of a program that calls with a period, one call in N is recorded, whole, and
// of every kind alike; the counts are exact.
func TestSampling(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		const threads, calls, one = 4, 20_000, 10
		t.Setenv("SYSTAPE_TRUTH", fmt.Sprintf("1,%d,%d", threads, calls))
		r := record(t, capture.Options{Command: []string{os.Args[0]}, Sample: one, NoBTF: noBTF}, nil)
		wholeCalls(t, r)
		byPhase := [one]int{} // by place in a period of 10
		n := 0
		for _, e := range r.named(format.Enter, "lseek") {
			if e.Args[0] <= -1000 {
				byPhase[e.Args[1]%one]++
				n++
			}
		}
		within := func(got, of int) bool { // six standard errors
			p := 1.0 / one
			return math.Abs(float64(got)-p*float64(of)) < 6*math.Sqrt(float64(of)*p*(1-p))
		}
		if !within(n, threads*calls) {
			t.Errorf("recorded %d of %d calls, want one in %d", n, threads*calls, one)
		}
		for phase, n := range byPhase {
			if !within(n, threads*calls/one) {
				t.Errorf("phase %d: %d of %d calls", phase, n, threads*calls/one)
			}
		}
		all, errors := r.counted("lseek")
		if want := int64(threads * calls); all < want || all > want+100 || errors < want { // the runtime seeks, too
			t.Errorf("counted %d calls, %d errors, want %d", all, errors, want)
		}
		if r.meta.Request.Sample != one || r.meta.Request.Seed == 0 || r.meta.Filtered == nil || r.meta.Filtered.Sample < threads*calls/2 {
			t.Errorf("got request %+v, filtered %+v", r.meta.Request, r.meta.Filtered)
		}
		shares := 0
		for _, e := range r.rows(t) {
			if e.Kind == format.Mark && format.MarkOf(e.Args[format.MarkWhat]) == format.ShareSet {
				shares++
				if e.Args[format.MarkShare] != format.ShareAll/one {
					t.Errorf("share %d", e.Args[format.MarkShare])
				}
			}
		}
		if shares != 1 {
			t.Errorf("the share is told %d times", shares)
		}
	})
}

// The share falls when there are more calls than asked for, and rises again.
func TestMaxRate(t *testing.T) {
	kerneltest.Require(t)
	load := exec.Command(os.Args[0])
	load.Env = append(os.Environ(), "SYSTAPE_LOAD=0,60000")
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		load.Process.Kill()
		load.Wait()
	}()
	r := record(t, capture.Options{PIDs: []int32{int32(load.Process.Pid)}, MaxRate: 5000}, func() {
		time.Sleep(2 * time.Second)
		load.Process.Signal(syscall.SIGSTOP)
		time.Sleep(2 * time.Second)
	})
	var shares []int64
	for _, e := range r.rows(t) {
		if e.Kind == format.Mark && format.MarkOf(e.Args[format.MarkWhat]) == format.ShareSet {
			shares = append(shares, e.Args[format.MarkShare])
		}
	}
	least := int64(format.ShareAll)
	for _, s := range shares {
		least = min(least, s)
	}
	if len(shares) < 3 || shares[0] != format.ShareAll || least > format.ShareAll/4 || shares[len(shares)-1] <= least {
		t.Errorf("got shares %v: want all, then less, then more again", shares)
	}
	if calls, _ := r.counted("getppid"); calls < 2*int64(len(r.named(format.Exit, "getppid"))) {
		t.Errorf("%d calls counted, %d recorded", calls, len(r.named(format.Exit, "getppid")))
	}
}

// Processes that descend from a target are recorded though they were there
// before, by -f only.
func TestDescendants(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		// Three levels: the youngest calls, as long as the test is there.
		shell := exec.Command("sh", "-c", fmt.Sprintf(`sh -c 'sh -c "while kill -0 %d; do sleep 0.01; done" & wait' & wait`, os.Getpid()))
		shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := shell.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			syscall.Kill(-shell.Process.Pid, syscall.SIGKILL)
			shell.Wait()
		}()
		waitForDescendant(t, shell.Process.Pid, 2)
		for _, follow := range []bool{false, true} {
			r := record(t, capture.Options{PIDs: []int32{int32(shell.Process.Pid)}, Follow: follow, Paths: capture.AllPaths, NoBTF: noBTF}, func() { time.Sleep(300 * time.Millisecond) })
			if n := len(r.named(format.Enter, "kill")); follow != (n > 0) {
				t.Errorf("follow %v: %d calls of the youngest", follow, n)
			}
			for _, e := range r.named(format.Enter, "kill") {
				if !slices.ContainsFunc(r.events, func(open format.Event) bool { return open.Kind == format.FD && open.PID == e.PID }) {
					t.Fatalf("nothing is told of what process %d had open", e.PID)
				}
			}
		}
	})
}

// waitForDescendant returns when a process has a descendant so many generations below.
func waitForDescendant(t *testing.T, pid, generations int) {
	t.Helper()
	for range 1000 {
		at := fmt.Sprint(pid)
		for range generations {
			list, _ := os.ReadFile("/proc/" + at + "/task/" + at + "/children")
			if at, _, _ = strings.Cut(string(list), " "); at == "" {
				break
			}
		}
		if at != "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d never came to have descendants", pid)
}
