package capture_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"systape/capture"
	"systape/format"
	"systape/format/abi"
	"systape/internal/kerneltest"
)

// callsProgram returns testdata/calls for the architecture: from the folder
// SYSTAPE_CALLS where there is no Go (see .ci/kernels), else built.
func callsProgram(t *testing.T, goarch string) string {
	t.Helper()
	if dir := os.Getenv("SYSTAPE_CALLS"); dir != "" {
		return filepath.Join(dir, "calls-"+goarch)
	}
	path := filepath.Join(t.TempDir(), "calls-"+goarch)
	build := exec.Command("go", "build", "-o", path, "./testdata/calls")
	build.Env = append(os.Environ(), "GOARCH="+goarch, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// Every register of every number of arguments is recorded as it was, natively
// and by the 32-bit table, and what a call does not take is 0.
func TestArgumentsOfEachABI(t *testing.T) {
	kerneltest.Require(t)
	arches := map[string]abi.ABI{"amd64": abi.X86_64, "386": abi.I386}
	if runtime.GOARCH == "arm64" {
		arches = map[string]abi.ABI{"arm64": abi.ARM64, "arm": abi.ARM}
	}
	names := []string{"getppid", "close", "fchmod", "read", "openat", "prctl", "splice"}
	errnos := []unix.Errno{0, unix.EBADF, unix.EBADF, unix.EBADF, unix.EFAULT, unix.EINVAL, unix.EINVAL}
	for goarch, want := range arches {
		t.Run(goarch, func(t *testing.T) {
			program := callsProgram(t, goarch)
			if err := exec.Command(program).Run(); errors.Is(err, unix.ENOEXEC) {
				t.Skipf("this machine runs no program of %s: %v", goarch, err)
			}
			bothHooks(t, func(t *testing.T, noBTF bool) {
				r := record(t, capture.Options{Command: []string{program}, NoBTF: noBTF}, nil)
				rounds, next := 0, 0
				for i, e := range r.events {
					if e.Kind != format.Enter || e.Syscall != names[next] || next > 0 && e.Args != arguments(want, next) {
						continue
					}
					if e.Args != arguments(want, next) || e.ABI != want {
						t.Errorf("%s: got %x, %v, want %x, %v", e.Syscall, e.Args, e.ABI, arguments(want, next), want)
					}
					exit := e // the thread's next event; the runtime's other threads call, too
					for _, x := range r.events[i+1:] {
						if x.TID == e.TID {
							exit = x
							break
						}
					}
					if exit.Kind != format.Exit || exit.TID != e.TID || exit.Syscall != e.Syscall || next > 0 && exit.Ret != -int64(errnos[next]) {
						t.Errorf("%s: got exit %+v, want %v", e.Syscall, exit, errnos[next])
					}
					if next++; next == len(names) {
						rounds, next = rounds+1, 0
					}
				}
				if rounds != 3 {
					t.Errorf("got %d rounds of calls, want 3; waiting for %s", rounds, names[next])
				}
			})
		})
	}
}

// A chosen execve has its exit also where it runs a program of the other ABI, by
// whose rules it returns then; and a call whose number is that of the other ABI's
// execve, as munmap's is on x86, is not taken for it.
func TestExecveBetweenABIs(t *testing.T) {
	kerneltest.Require(t)
	other := map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH]
	native, compat := callsProgram(t, runtime.GOARCH), callsProgram(t, other)
	if err := exec.Command(compat).Run(); errors.Is(err, unix.ENOEXEC) {
		t.Skipf("this machine runs no program of %s: %v", other, err)
	}
	set, err := abi.ParseSet("execve")
	if err != nil {
		t.Fatal(err)
	}
	bothHooks(t, func(t *testing.T, noBTF bool) {
		r := record(t, capture.Options{Command: []string{native, native, compat, compat, native}, Syscalls: set, NoBTF: noBTF}, nil)
		enters, open := 0, false
		for _, e := range r.events {
			switch e.Kind {
			case format.Enter:
				if e.Syscall != "execve" || open {
					t.Errorf("got %+v", e)
				}
				enters, open = enters+1, true
			case format.Exit:
				if !open || e.Ret != 0 {
					t.Errorf("got %+v", e)
				}
				open = false
			}
		}
		if enters != 5 || open {
			t.Errorf("%d execve, the last is open: %v; want 5 that have returned", enters, open)
		}
	})
}

// arguments are what testdata/calls passes, as far as a call takes them.
func arguments(a abi.ABI, n int) (args [6]int64) {
	for i := range n {
		wide := uint64(0x7766_5544_7322_1100) + uint64(i)
		if i%2 == 1 {
			wide |= 1<<63 | 1<<31
		}
		if a == abi.I386 || a == abi.ARM {
			wide &= 1<<32 - 1
		}
		args[i] = int64(wide)
	}
	return args
}
