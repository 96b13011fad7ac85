package capture_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/capture"
	"systape/format"
	"systape/format/abi"
	"systape/internal/kerneltest"
)

// recording is what a test recorded.
type recording struct {
	meta   *format.Meta
	path   string         // of the spool
	events []format.Event // without marks
	status capture.Status
	code   int
	left   []int32 // what Survivors says
}

// rows reads the spool row by row, marks included: what a load made does not
// fit into memory.
func (r *recording) rows(t *testing.T) iter.Seq2[int, format.Event] {
	return func(yield func(int, format.Event) bool) {
		t.Helper()
		reader, err := format.Open([]string{r.path}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		i := 0
		for e, err := range reader.Events() {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(i, e) {
				return
			}
			i++
		}
	}
}

// record is recordRows that also has the events in memory.
func record(t *testing.T, opt capture.Options, meanwhile func()) recording {
	t.Helper()
	r := recordRows(t, opt, meanwhile)
	for _, e := range r.rows(t) {
		if e.Kind != format.Mark {
			r.events = append(r.events, e)
		}
	}
	return r
}

// recordRows records with the options and checks that the spool tells of
// everything. meanwhile runs while recording goes on, which ends when it
// returns; nil when a command sets the end.
func recordRows(t *testing.T, opt capture.Options, meanwhile func()) recording {
	t.Helper()
	opt.Tool = "systape test"
	file, err := os.Create(filepath.Join(t.TempDir(), "test.spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, err := capture.Start(opt, capture.Files{In: null, Out: null, Err: os.Stderr}, file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if meanwhile != nil {
		go func() {
			meanwhile()
			stop()
		}()
	}
	meta, err := r.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := recording{meta: meta, path: file.Name(), status: r.Status(), left: r.Survivors()}
	if r.Done() != nil {
		select {
		case <-r.Done():
			got.code = r.ExitCode()
		default:
			t.Error("the command has not ended")
		}
	}
	conserved(t, got)
	if len(opt.Comms)+len(opt.UIDs)+len(opt.Cgroups) == 0 && opt.Syscalls == nil {
		explained(t, got)
	}
	return got
}

// conserved checks that for every CPU the rows and the dated losses add up to
// what the kernel side counted.
func conserved(t *testing.T, r recording) {
	t.Helper()
	rows := map[int32]*format.CPUCounts{}
	last := int64(0)
	for i, e := range r.rows(t) {
		if e.Kind == format.Lost && e.Args[format.LostCause] == int64(format.CauseSkipped) {
			continue // no program ran, so none counted
		}
		c := rows[e.CPU]
		if c == nil {
			c = &format.CPUCounts{CPU: e.CPU}
			rows[e.CPU] = c
		}
		switch e.Kind {
		case format.Enter:
			c.Enters++
		case format.Exit:
			c.Exits++
		case format.Lost:
			c.LostEnters += e.Args[format.LostEnters]
			c.LostExits += e.Args[format.LostExits]
			c.LostLifecycle += e.Args[format.LostCount] - e.Args[format.LostEnters] - e.Args[format.LostExits]
		case format.Mark, format.Count, format.FD: // of which the kernel side knows nothing
		default:
			c.Lifecycle++
		}
		if e.TS < last || e.Seq != int64(i) {
			t.Fatalf("row %d: time %d after %d, seq %d", i, e.TS, last, e.Seq)
		}
		last = e.TS
	}
	for _, want := range r.meta.Counts.PerCPU {
		got := format.CPUCounts{CPU: want.CPU}
		if c := rows[want.CPU]; c != nil {
			got = *c
			got.Enters += got.LostEnters
			got.Exits += got.LostExits
			got.Lifecycle += got.LostLifecycle
		}
		if got != want {
			t.Errorf("cpu %d: rows and losses make %+v, the kernel side counted %+v", want.CPU, got, want)
		}
	}
}

func bothHooks(t *testing.T, f func(t *testing.T, noBTF bool)) {
	kerneltest.Require(t)
	t.Run("tp_btf", func(t *testing.T) { f(t, false) })
	t.Run("raw_tracepoint", func(t *testing.T) { f(t, true) })
}

// A program that makes a known number of known calls in several threads of
// several processes is recorded call for call, argument for argument, in the
// order of each thread.
func TestTruth(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		const processes, threads, calls = 3, 4, 2000
		t.Setenv("SYSTAPE_TRUTH", fmt.Sprintf("%d,%d,%d", processes, threads, calls))
		r := record(t, capture.Options{Command: []string{os.Args[0]}, NoBTF: noBTF}, nil)
		skipped := int64(0) // programs that the kernel passed over, which no recorder can help
		for _, e := range r.events {
			if e.Kind == format.Lost && e.Args[format.LostCause] == int64(format.CauseSkipped) {
				skipped += e.Args[format.LostCount]
			}
		}
		if r.status.Lost != skipped {
			t.Fatalf("lost %d events", r.status.Lost)
		}
		type thread struct {
			pid, tid     int32
			enters, exit int64
			next         int64 // what its next call is to pass
		}
		byFD := map[int64]*thread{}
		open := map[int32]*thread{}
		pids := map[int32]bool{}
		for _, e := range r.events {
			if e.Syscall != "lseek" {
				continue
			}
			if e.Kind == format.Exit {
				th := open[e.TID]
				if th == nil {
					continue
				}
				delete(open, e.TID)
				if th.exit++; th.exit != th.enters && skipped == 0 || e.Ret != -9 || e.Args != [6]int64{} {
					t.Fatalf("exit %d of thread %d: returned %d, args %v", th.exit, e.TID, e.Ret, e.Args)
				}
				continue
			}
			fd := e.Args[0]
			if fd > -1000 {
				continue // the Go runtime's own
			}
			th := byFD[fd]
			if th == nil {
				th = &thread{pid: e.PID, tid: e.TID}
				byFD[fd] = th
				pids[e.PID] = true
			}
			if skipped > 0 {
				th.next = max(th.next, e.Args[1])
			}
			if want := [6]int64{fd, th.next, 7}; e.Args != want || e.TID != th.tid || e.PID != th.pid {
				t.Fatalf("got %v in thread %d/%d, want %v in %d/%d", e.Args, e.PID, e.TID, want, th.pid, th.tid)
			}
			th.enters++
			th.next++
			open[e.TID] = th
		}
		missing := int64(0)
		for p := range processes {
			for th := range threads {
				got := byFD[truthFD(p, th)]
				if got == nil || (got.enters != calls || got.exit != calls) && skipped == 0 || got.next > calls {
					t.Errorf("process %d, thread %d: got %+v, want %d calls", p, th, got, calls)
				} else {
					missing += 2*calls - got.enters - got.exit
				}
			}
		}
		if missing > 2*skipped { // an exit is taken for none without its enter
			t.Errorf("%d halves of calls are missing, of %d it is told", missing, skipped)
		}
		if len(pids) != processes {
			t.Errorf("got the calls of %d processes, want %d", len(pids), processes)
		}
		if first := r.events[0]; first.Kind == format.Lost && skipped > 0 {
			t.Logf("the recording begins with %d lost, which may have been the command's execve", first.Args[format.LostCount])
		} else if first.Kind != format.Enter || first.Syscall != "execve" {
			t.Errorf("the recording begins with %v %s, want the command's execve", first.Kind, first.Syscall)
		}
	})
}

// With a buffer far too small, events are lost; every one of them is counted
// and dated (see conserved).
func TestLossIsCountedAndDated(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		r := record(t, capture.Options{All: true, NoBTF: noBTF, Buffer: 64 << 10}, func() { overload(t, 300*time.Millisecond) })
		if r.status.Lost == 0 {
			t.Error("a buffer of 64 KiB lost nothing while nobody emptied it: the test shows nothing")
		}
	})
}

func TestFilters(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		set, err := abi.ParseSet("execve,getppid,exit_group")
		if err != nil {
			t.Fatal(err)
		}
		r := record(t, capture.Options{Command: []string{"/bin/sh", "-c", "/bin/true; exit 7"}, NoBTF: noBTF, Syscalls: set}, nil)
		if r.code != 7 {
			t.Errorf("got exit code %d, want 7", r.code)
		}
		calls := map[string]int{}
		for _, e := range r.events {
			if e.Kind == format.Enter {
				calls[e.Syscall]++
			}
		}
		if calls["execve"] != 2 || calls["exit_group"] != 2 || len(calls) > 3 {
			t.Errorf("got %v", calls)
		}

		own := int32(os.Getpid())
		r = record(t, capture.Options{All: true, Comms: []string{"yes"}, NoBTF: noBTF}, func() {
			yes := exec.Command("yes")
			out, err := yes.StdoutPipe()
			if err == nil {
				err = yes.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			out.Read(make([]byte, 1))
			out.Close() // which ends it
			yes.Wait()
		})
		n := 0
		for _, e := range r.events {
			if e.Comm != "yes" && e.Kind != format.Rename && e.Kind != format.Exec {
				t.Errorf("got an event of %q", e.Comm)
			}
			if e.PID == own {
				t.Error("the recorder recorded itself")
			}
			if e.Syscall == "write" {
				n++
			}
		}
		if n == 0 {
			t.Error("no write of yes")
		}

		r = record(t, capture.Options{All: true, UIDs: []uint32{12345}, NoBTF: noBTF}, func() {
			exec.Command("true").Run()
		})
		if len(r.events) != 0 {
			t.Errorf("got %d events of a user who does not run anything", len(r.events))
		}
	})
}

// Processes are recorded by id from the middle of their lives, and the
// recording ends with them.
func TestRecordRunningProcess(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		shell := exec.Command("/bin/sh", "-c", "read line; /bin/true; /bin/echo")
		input, err := shell.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := shell.Start(); err != nil {
			t.Fatal(err)
		}
		waitForSyscall(t, shell.Process.Pid, unix.SYS_READ)
		ended := make(chan struct{})
		defer close(ended)
		r := record(t, capture.Options{PIDs: []int32{int32(shell.Process.Pid)}, Follow: true, NoBTF: noBTF}, func() {
			input.Write([]byte("\n"))
			shell.Wait()
			<-ended // the recording has to end by itself
		})
		var first *format.Event
		execs := 0
		for i, e := range r.events {
			if first == nil && e.Kind == format.Exit {
				first = &r.events[i]
			}
			if e.Kind == format.Exec {
				execs++
			}
		}
		if first == nil || first.Syscall != "read" || first.Comm != "sh" {
			t.Errorf("got %+v as the first exit, want that of sh's read", first)
		}
		if execs != 2 {
			t.Errorf("got %d execs, want those of true and echo", execs)
		}
	})
}

// waitForSyscall returns when the process's first thread is inside the call.
func waitForSyscall(t *testing.T, pid, nr int) {
	t.Helper()
	for range 1000 {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(state), fmt.Sprintf("%d ", nr)) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d never came to call %d", pid, nr)
}

func TestSetupErrors(t *testing.T) {
	kerneltest.Require(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "x.spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name  string
		opt   capture.Options
		check func(*capture.SetupError) bool
	}{
		{"nothing to do", capture.Options{}, func(e *capture.SetupError) bool { return e.Usage }},
		{"no such pid", capture.Options{PIDs: []int32{1 << 22}}, func(e *capture.SetupError) bool { return e.Usage && e.Hint != "" }},
		{"no such command", capture.Options{Command: []string{"no-such-command-here"}}, func(e *capture.SetupError) bool { return e.ExitCode == 127 }},
		{"not executable", capture.Options{Command: []string{"/etc/passwd"}}, func(e *capture.SetupError) bool { return e.ExitCode == 126 }},
		{"no such cgroup", capture.Options{All: true, Cgroups: []string{"/no/such"}}, func(e *capture.SetupError) bool { return e.Usage }},
		{"odd buffer", capture.Options{All: true, Buffer: 100_000}, func(e *capture.SetupError) bool { return e.Usage }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := capture.Start(c.opt, capture.Files{}, file)
			var setup *capture.SetupError
			if !errors.As(err, &setup) || !c.check(setup) {
				t.Errorf("got %#v", err)
			}
		})
	}
}
