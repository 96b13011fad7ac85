package capture_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/capture"
	"systape/format"
	"systape/internal/kerneltest"
)

// TestInNamespace runs the tests of that name below in new namespaces, as in a
// container.
func TestInNamespace(t *testing.T) {
	kerneltest.Require(t)
	for name, flags := range map[string]uintptr{"pid": unix.CLONE_NEWPID | unix.CLONE_NEWNS, "time": 0} {
		t.Run(name, func(t *testing.T) {
			var c *exec.Cmd
			run := []string{os.Args[0], "-test.run", "^TestInside_" + name + "$", "-test.v"}
			if name == "time" {
				c = exec.Command("unshare", append([]string{"-T", "--monotonic", "86400", "--fork"}, run...)...)
			} else {
				c = exec.Command("/bin/sh", append([]string{"-c", `mount -t proc proc /proc && exec "$@"`, "sh"}, run...)...)
				c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Unshareflags: unix.CLONE_NEWNS}
			}
			c.Env = append(os.Environ(), "SYSTAPE_INSIDE=1")
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// In a pid namespace a command is recorded whole, under its name; what cannot
// be recorded there is refused.
func TestInside_pid(t *testing.T) {
	if os.Getenv("SYSTAPE_INSIDE") == "" {
		t.Skip("run by TestInNamespace")
	}
	bothHooks(t, func(t *testing.T, noBTF bool) {
		r := record(t, capture.Options{Command: []string{"/bin/sh", "-c", "/bin/true; exit 7"}, NoBTF: noBTF}, nil)
		calls := map[string]int{}
		for _, e := range r.events {
			if e.Kind == format.Enter {
				calls[e.Comm+" "+e.Syscall]++
			}
			if e.Comm == "" {
				t.Fatalf("an event without a name: %+v", e)
			}
		}
		if r.code != 7 || calls["sh exit_group"] != 1 || calls["true exit_group"] != 1 {
			t.Errorf("exit code %d, calls %v", r.code, calls)
		}
		// One ends before its execve: what starts a command tries out the kernel first.
		if len(r.left) != 0 {
			t.Errorf("%d processes are said to run on", len(r.left))
		}
		refuses := []capture.Options{{All: true}, {PIDs: []int32{int32(os.Getpid())}}}
		if noBTF {
			refuses = append(refuses, capture.Options{Command: []string{"/bin/true"}, WaitAll: true})
		}
		for _, opt := range refuses {
			opt.NoBTF = noBTF
			var refused *capture.SetupError
			if _, err := capture.Start(opt, capture.Files{}, os.Stderr); !errors.As(err, &refused) || refused.Hint == "" {
				t.Errorf("got %v", err)
			}
		}
	})
}

// In a time namespace the times are the machine's.
func TestInside_time(t *testing.T) {
	if os.Getenv("SYSTAPE_INSIDE") == "" {
		t.Skip("run by TestInNamespace")
	}
	bothHooks(t, func(t *testing.T, noBTF bool) {
		before := time.Now().UnixNano()
		r := record(t, capture.Options{Command: []string{"/bin/true"}, NoBTF: noBTF}, nil)
		after := time.Now().UnixNano()
		if len(r.events) < 5 {
			t.Fatalf("%d events", len(r.events))
		}
		for _, e := range r.events {
			if e.TS < before || e.TS > after {
				t.Fatalf("an event of %v, recorded between %v and %v", time.Unix(0, e.TS), time.Unix(0, before), time.Unix(0, after))
			}
		}
		fmt.Println(len(r.events), "events")
	})
}
