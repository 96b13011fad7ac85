package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"systape/bpf"
)

// command is the process that was started to be recorded.
type command struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	code int           // valid after done: its exit code, or 128 + the signal that ended it
}

// Files are what a recorded command gets as its standard files.
type Files struct{ In, Out, Err *os.File }

// launch starts the command with the kernel side looking on. The thread that
// forks is named to the kernel side first, so that the child is known before
// its first instruction and recorded from its execve on; no stub program and
// no tracer is in between.
func launch(k *bpf.Kernel, args []string, files Files) (*command, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		if errors.Is(err, exec.ErrDot) {
			return nil, &SetupError{Err: err, Hint: "write ./" + args[0] + " to run the program in this folder", ExitCode: 127}
		}
		return nil, startError(args[0], err)
	}
	c := &command{cmd: &exec.Cmd{Path: path, Args: args, Stdin: files.In, Stdout: files.Out, Stderr: files.Err}, done: make(chan struct{})}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := k.SetLauncher(uint32(syscall.Gettid())); err != nil {
		return nil, err
	}
	err = c.cmd.Start()
	if unset := k.SetLauncher(0); unset != nil {
		return nil, unset
	}
	if err != nil {
		return nil, startError(args[0], err)
	}
	go func() {
		c.cmd.Wait() // the state says more than the error
		c.code = exitCode(c.cmd.ProcessState)
		close(c.done)
	}()
	return c, nil
}

func startError(name string, err error) error {
	e := &SetupError{Err: fmt.Errorf("start %s: %w", name, err), ExitCode: 126}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		e.Err, e.ExitCode = fmt.Errorf("start %s: no such command", name), 127
		e.Hint = "check the spelling, or give the program's path"
	} else if errors.Is(err, fs.ErrPermission) {
		e.Hint = "the file is not executable: chmod +x " + name
	}
	return e
}

func exitCode(state *os.ProcessState) int {
	if state == nil {
		return 125
	}
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return state.ExitCode()
}
