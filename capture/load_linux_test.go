package capture_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"systape/capture"
	"systape/format"
)

// explained checks that no half of a call is missing without a word: within a
// thread enters and exits take turns, unless a mark says that the thread has
// lost events, or a loss that does not name threads may have been between.
func explained(t *testing.T, r recording) {
	t.Helper()
	type thread struct {
		kind format.Kind
		ts   int64 // of the latest enter or exit; 0: none
		lost bool
	}
	threads := map[int32]*thread{}
	at := func(tid int32) *thread {
		if threads[tid] == nil {
			threads[tid] = &thread{}
		}
		return threads[tid]
	}
	type span struct{ first, last int64 }
	var ofAny []span // when any thread may have lost an event
	for _, e := range r.rows(t) {
		if e.Kind == format.Lost {
			lifecycle := e.Args[format.LostCount] - e.Args[format.LostEnters] - e.Args[format.LostExits]
			if e.Args[format.LostCause] > int64(format.CauseDropped) || lifecycle > 0 {
				ofAny = append(ofAny, span{e.Args[format.LostFirst], e.Args[format.LostLast]})
			}
		}
	}
	mayHaveLost := func(from, to int64) bool {
		return slices.ContainsFunc(ofAny, func(s span) bool { return s.first <= to && from <= s.last })
	}
	halvesUntil := int64(0) // until then only exits are recorded
	missing := 0            // exits with EPERM or ENOSYS aside: seccomp refuses calls before they are seen
	for i, e := range r.rows(t) {
		switch e.Kind {
		case format.Mark:
			switch format.MarkOf(e.Args[format.MarkWhat]) {
			case format.ThreadLost:
				at(e.TID).lost = true
			case format.ExitsBegan: // a moment before enters
				halvesUntil = math.MaxInt64
			case format.EntersBegan:
				halvesUntil = e.Args[format.MarkLast]
			case format.EntersStopped:
				halvesUntil = math.MaxInt64
			}
		case format.Fork:
			delete(threads, int32(e.Args[format.ForkTID]))
		case format.ThreadEnd:
			delete(threads, e.TID)
		case format.Exec:
			if old := int32(e.Args[format.ExecOldTID]); old != e.TID {
				threads[e.TID] = threads[old]
				delete(threads, old)
			}
		case format.Enter, format.Exit:
			th := at(e.TID)
			if th.ts != 0 && th.kind == e.Kind && !th.lost && th.ts > halvesUntil && !noReturn(e.Syscall) && !(e.Kind == format.Exit && (e.Ret == -1 || e.Ret == -38)) && !mayHaveLost(th.ts, e.TS) {
				if missing++; missing < 5 {
					t.Errorf("row %d: thread %d: %v of %s after %v, and no loss is told between", i, e.TID, e.Kind, e.Syscall, th.kind)
				}
			}
			th.kind, th.ts, th.lost = e.Kind, e.TS, false
		}
	}
	if missing > 0 {
		t.Errorf("%d halves of calls are missing without a word", missing)
	}
}

func noReturn(syscall string) bool {
	return slices.Contains([]string{"exit", "exit_group", "rt_sigreturn", "sigreturn"}, syscall)
}

// busy runs n processes that count by lseek as fast as they can, for so long, and one
// that wakes up all the time and so preempts them.
func busy(n int, d time.Duration) {
	var wait sync.WaitGroup
	for i := range n {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("SYSTAPE_COUNT=%d,%d", i%2, d.Milliseconds()))
		wait.Go(func() { c.Run() })
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "SYSTAPE_WAKE=1")
		c.Run()
	}
	wait.Wait()
}

// overload leaves the recorder no turn, again and again, for so long.
func overload(t *testing.T, d time.Duration) {
	var wait sync.WaitGroup
	for cpu := range runtime.NumCPU() {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("SYSTAPE_BURSTS=%d,%d", cpu, d.Milliseconds()))
		wait.Go(func() {
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("load: %v: %s", err, out)
			}
		})
	}
	wait.Wait()
}

// Tasks preempt each other inside system calls. On kernels that also preempt
// the programs of the recorder (7.x) some events cannot be recorded; that is
// told, and nothing else is missing or mixed up.
func TestTasksThatPreemptEachOther(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		r := recordRows(t, capture.Options{All: true, NoBTF: noBTF}, func() { busy(6, 3*time.Second) })
		lost := map[format.Cause]int64{}
		rows := map[format.Cause]int{}
		span := int64(0)
		for _, e := range r.rows(t) {
			if e.Kind == format.Lost {
				c := format.Cause(e.Args[format.LostCause])
				lost[c] += e.Args[format.LostCount]
				rows[c]++
				span += e.Args[format.LostLast] - e.Args[format.LostFirst]
			}
		}
		t.Logf("%d events; lost %v in %v rows that span %v in all", r.status.Events, lost, rows, time.Duration(span))
		if lost[format.CauseDamaged] > 0 {
			t.Errorf("%d records were damaged", lost[format.CauseDamaged])
		}
	})
}

// With a buffer far too small about half of the events or more are lost. The losses
// are told gap by gap, and the calls that are whole in the file are known to
// be whole but for very few.
func TestOverloadSpoilsFewCalls(t *testing.T) {
	bothHooks(t, func(t *testing.T, noBTF bool) {
		r := recordRows(t, capture.Options{All: true, NoBTF: noBTF, Buffer: 64 << 10}, func() { overload(t, 2*time.Second) })
		// A call is whole in the file when its enter and its exit stand next to
		// each other in their thread; it is given up when a mark stands between.
		// The load's lseek returns what it was given, so a pair that is none shows.
		whole, givenUp, wrong := 0, 0, 0
		open, marked := map[int32]format.Event{}, map[int32]bool{}
		for _, e := range r.rows(t) {
			switch {
			case e.Kind == format.Mark:
				marked[e.TID] = true
			case e.Kind == format.Enter:
				open[e.TID], marked[e.TID] = e, false
			case e.Kind == format.Exit:
				enter, ok := open[e.TID]
				delete(open, e.TID)
				if !ok || enter.Nr != e.Nr {
					continue
				}
				if e.Syscall == "lseek" && e.Ret >= 0 && enter.Args[2] == 0 && enter.Args[1] != e.Ret && !marked[e.TID] {
					wrong++
				}
				if whole++; marked[e.TID] {
					givenUp++
				}
			}
		}
		share := float64(r.status.Lost) / float64(r.status.Lost+r.status.Events)
		t.Logf("%.0f %% of the events lost; of %d calls with both halves %d (%.2f %%) given up", 100*share, whole, givenUp, 100*float64(givenUp)/float64(whole))
		if share < 0.2 {
			t.Error("hardly anything was lost: the test shows nothing")
		}
		if givenUp*50 > whole || wrong > 0 {
			t.Errorf("%d of %d calls given up, want at most 2 %%; %d pairs are none", givenUp, whole, wrong)
		}
	})
}
