package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"systape/bpf"
)

// command is the process that was started to be recorded.
type command struct {
	cmd     *exec.Cmd
	began   time.Time           // just before it was forked
	stopped chan syscall.Signal // what stopped it, each time
	done    chan struct{}       // closed when it has ended
	code    int                 // valid after done: its exit code, or 128 + the signal that ended it
}

// Files are what a recorded command gets from its caller through the recorder:
// its standard files, and the signals that it ignores from the start. (The rest
// it inherits.) Start has os/signal ignore these signals; the caller watches
// again those that it wants to.
type Files struct {
	In, Out, Err *os.File
	Ignored      []syscall.Signal
}

// launch starts the command with the kernel side looking on. The thread that
// forks is named to the kernel side first, so that the child is known before
// its first instruction and recorded from its execve on; no stub program and
// no tracer is in between.
func launch(k *bpf.Kernel, args []string, user *User, files Files) (*command, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		if errors.Is(err, exec.ErrDot) {
			return nil, &SetupError{Err: err, Hint: "write ./" + args[0] + " to run the program in this folder", ExitCode: 127}
		}
		return nil, startError(args[0], err)
	}
	c := &command{
		cmd:     &exec.Cmd{Path: path, Args: args, Stdin: files.In, Stdout: files.Out, Stderr: files.Err},
		stopped: make(chan syscall.Signal, 1),
		done:    make(chan struct{}),
	}
	if user != nil {
		c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user.UID, Gid: user.GID, Groups: user.Groups}}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := k.SetLauncher(uint32(syscall.Gettid())); err != nil {
		return nil, err
	}
	beginIgnoring(files.Ignored)
	c.began = time.Now()
	err = c.cmd.Start()
	endIgnoring(files.Ignored)
	if unset := k.SetLauncher(0); unset != nil {
		return nil, unset
	}
	if err != nil {
		return nil, startError(args[0], err)
	}
	go c.wait()
	return c, nil
}

// wait tells of each time that the command is stopped, until it has ended.
func (c *command) wait() {
	pid := c.cmd.Process.Pid
	for {
		var state, taken unix.Siginfo
		// The end is left for os/exec to see.
		err := unix.Waitid(unix.P_PID, pid, &state, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || state.Code != cldStopped {
			break
		}
		unix.Waitid(unix.P_PID, pid, &taken, unix.WSTOPPED|unix.WNOHANG, nil)
		select {
		case c.stopped <- stopSignal(&state):
		default:
		}
	}
	c.cmd.Wait() // the state says more than the error
	c.code = exitCode(c.cmd.ProcessState)
	close(c.done)
}

// cldStopped is CLD_STOPPED (include/uapi/asm-generic/siginfo.h).
const cldStopped = 5

// stopSignal reads si_status, which follows si_pid and si_uid.
func stopSignal(info *unix.Siginfo) syscall.Signal {
	type child struct {
		signo, errno, code, _ int32 // 64 bits: the union is aligned
		pid, uid, status      int32
	}
	return syscall.Signal((*child)(unsafe.Pointer(info)).status)
}

// PID returns the process id of the recorded command, 0 without one.
func (r *Recording) PID() int {
	if r.command == nil {
		return 0
	}
	return r.command.cmd.Process.Pid
}

// Launched returns when the recorded command was started, the zero time without
// one. A signal to its process group reached it if it came after.
func (r *Recording) Launched() time.Time {
	if r.command == nil {
		return time.Time{}
	}
	return r.command.began
}

// Stopped tells each time that the command is stopped by which signal it is;
// nil without a command.
func (r *Recording) Stopped() <-chan syscall.Signal {
	if r.command == nil {
		return nil
	}
	return r.command.stopped
}

// beginIgnoring makes signals ignored, which a child inherits. Where SIGCHLD is
// ignored, nobody gets to know how a child ended; and what faults raise, such
// as SIGSEGV, Go does not let be ignored.
func beginIgnoring(list []syscall.Signal) {
	for _, s := range list {
		if s != unix.SIGCHLD {
			signal.Ignore(s)
		}
	}
}

// endIgnoring gives the runtime back the one signal that it needs: it
// interrupts its threads by it.
func endIgnoring(list []syscall.Signal) {
	if slices.Contains(list, unix.SIGURG) {
		c := make(chan os.Signal, 1)
		signal.Notify(c, unix.SIGURG)
		signal.Stop(c)
	}
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
