package bpf

import (
	"os"
	"runtime"
	"syscall"
	"testing"

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
