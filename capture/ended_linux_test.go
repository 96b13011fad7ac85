package capture

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// With SYSTAPE_FIRST_THREAD_ENDS the first thread of this program ends before
// anything else begins, and the others wait for the end of standard input.
func init() {
	if os.Getenv("SYSTAPE_FIRST_THREAD_ENDS") == "" {
		return
	}
	runtime.LockOSThread() // the first thread runs what init does
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	syscall.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

func TestProcessesThatHaveEnded(t *testing.T) {
	const none = 1 << 22 // PID_MAX_LIMIT: ids are below
	if !hasEnded(none) {
		t.Error("a process that there is not has not ended")
	}
	if hasEnded(os.Getpid()) {
		t.Error("this process has ended")
	}

	c := exec.Command("/proc/self/exe", "-test.run=^$")
	c.Env = append(os.Environ(), "SYSTAPE_FIRST_THREAD_ENDS=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := c.Process.Pid
	zombie := func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return bytes.Contains(stat, []byte(") Z "))
	}
	for !zombie() {
		runtime.Gosched()
	}
	if hasEnded(pid) {
		t.Error("a process whose first thread has ended, but not its others, has ended")
	}
	in.Close()
	// It stays a zombie until it is waited for.
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !hasEnded(pid) {
		t.Error("a process that waits for its parent has not ended")
	}
	if err := checkPIDs([]int32{int32(os.Getpid()), int32(pid)}); err == nil {
		t.Error("a process that has ended can be recorded")
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
