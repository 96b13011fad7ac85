package bpf

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/rlimit"

	"systape/internal/kerneltest"
)

// A trial tells what the kernel does: our ids and its clock.
func TestIdentifyInKernel(t *testing.T) {
	kerneltest.Require(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	got, err := identify()
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(os.Getpid())<<32 | uint64(syscall.Gettid()); got.pidTgid != want && initialPIDNamespace() {
		t.Errorf("got ids %#x, want %#x", got.pidTgid, want)
	}
	if got.behind.Abs() > got.slack && !timeNamespace() {
		t.Errorf("the kernel's clock is %v off, measured to %v", got.behind, got.slack)
	}
}

// The trial of preemption comes to one answer, however often it is made. Which
// one is right is known where tracepoints always hold preemption off.
func TestPreemptionTrialInKernel(t *testing.T) {
	kerneltest.Require(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	answers := map[answer]int{}
	for range 5 {
		a, err := tryPreemption()
		if err != nil {
			t.Log(err)
		}
		answers[a]++
	}
	t.Logf("unknown %d, yes %d, no %d", answers[unknown], answers[yes], answers[no])
	if answers[yes] > 0 && answers[no] > 0 {
		t.Errorf("the answers differ")
	}
	if answers[yes] > 0 && haveBTF() && !haveKfunc("bpf_preempt_disable") {
		t.Errorf("programs of a kernel before 6.10 were preempted %d times", answers[yes])
	}
}

// An interrupt that comes too late says nothing: when it woke the thread that was
// to come in between, the program had ended. Beside it, what a try may show.
func TestLateInterruptsSayNothing(t *testing.T) {
	for _, c := range []struct {
		what   string
		result trialTrialResult
		ran    time.Duration
		want   answer
	}{
		{"interrupted, went on", trialTrialResult{Began: 1e6, Woken: 1.2e6, Ended: 1.6e6}, 1.61e6, no},
		{"interrupted, the other ran", trialTrialResult{Began: 1e6, Woken: 1.2e6, Ended: 1.3e6, Seen: 1}, 1.21e6, yes},
		{"interrupted after its end", trialTrialResult{Began: 1e6, Ended: 1.6e6}, 1.7e6, unknown},
		{"interrupted behind its last look", trialTrialResult{Began: 1e6, Ended: 1.6e6, Woken: 1.601e6}, 1.602e6, unknown},
		{"the other came before it", trialTrialResult{Began: 1e6, Ended: 1.001e6, Seen: 1}, 0.9e6, unknown},
		{"the other got no turn for long", trialTrialResult{Began: 1e6, Woken: 1.2e6, Ended: 1.6e6}, 40e6, unknown},
	} {
		if got := c.result.preempted(c.ran); got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

// Likewise by a timer that goes off too late. A try in which the program came too
// late as well is none.
func TestLateInterruptsInKernel(t *testing.T) {
	kerneltest.Require(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	i, err := newIntrusion()
	if err != nil {
		t.Skip(err) // a kernel without bpf_loop
	}
	defer i.close()
	for late := 0; late < 5; {
		ran, err := i.try(lingers)
		if err != nil {
			t.Fatal(err)
		}
		r := i.call.result
		if r.Seen != 0 || ran < time.Duration(r.Ended) || r.Woken != 0 && r.Woken < r.Ended {
			continue
		}
		late++
		if a := r.preempted(ran); a != unknown {
			t.Errorf("an interrupt %v after the end of the program: got %v, want that nothing is known (%+v)", ran-time.Duration(r.Ended), a, *r)
		}
	}
}
