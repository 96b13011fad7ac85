package capture

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	telling sync.Mutex          // of a stop, from the kernel to stopped
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
		return nil, startError(args[0], "", err)
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
		return nil, startError(args[0], path, err)
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
		c.telling.Lock()
		unix.Waitid(unix.P_PID, pid, &taken, unix.WSTOPPED|unix.WNOHANG, nil)
		select {
		case c.stopped <- stopSignal(&state):
		default:
		}
		c.telling.Unlock()
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

// StoppedAnew reports whether the command has been stopped since Stopped told of it
// last: that will tell of it, unless the command goes on before.
func (r *Recording) StoppedAnew() bool {
	c := r.command
	if c == nil {
		return false
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	var state unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, &state, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && state.Code == cldStopped || len(c.stopped) > 0
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

// startError says why a command was not started, with the status that a shell
// has for it.
func startError(name, path string, err error) error {
	word := shellWord(name)
	e := &SetupError{Err: fmt.Errorf("start %s: %w", word, err), ExitCode: 126}
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		e.ExitCode = 127
		if wants := interpreter(path); wants != "" {
			e.Err = fmt.Errorf("start %s: its interpreter %s is not there", word, shellWord(wants))
			e.Hint = "install it, or correct the first line of the file"
			break
		}
		e.Err = fmt.Errorf("start %s: no such command", word)
		e.Hint = "check the spelling, or give the program's path"
	case errors.Is(err, unix.ENOEXEC):
		e.Err = fmt.Errorf("start %s: %w", word, unix.ENOEXEC)
		e.Hint = "the file is no program of this machine; a script needs a first line such as #!/bin/sh, or: systape record -- sh " + word
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "the file is not executable: chmod +x " + word
	}
	return e
}

// interpreter returns what a file that is there names as its interpreter: a
// script in its first line, a program in its header (execve(2)).
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if program, err := elf.NewFile(f); err == nil {
		for _, p := range program.Progs {
			if p.Type == elf.PT_INTERP {
				name := make([]byte, min(p.Filesz, unix.PathMax))
				n, _ := p.ReadAt(name, 0)
				return string(bytes.TrimRight(name[:n], "\x00"))
			}
		}
		return ""
	}
	line := make([]byte, 256) // all that the kernel looks at
	n, _ := f.ReadAt(line, 0)
	first, _, _ := bytes.Cut(line[:n], []byte("\n"))
	rest, script := bytes.CutPrefix(first, []byte("#!"))
	words := bytes.Fields(rest)
	if !script || len(words) == 0 {
		return ""
	}
	return string(words[0])
}

// shellWord writes a name so that it can be pasted into a shell.
func shellWord(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./+:@%,", r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
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
