package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program on a terminal of its own, and somebody in front of it.
type terminal struct {
	*exec.Cmd
	t      *testing.T
	master *os.File
	done   chan struct{} // closed when no program has the terminal open

	mu     sync.Mutex
	screen bytes.Buffer // all that was written
	read   int          // what of it expect has seen
}

const (
	ctrlC         = "\x03"
	ctrlBackslash = "\x1c"
	ctrlZ         = "\x1a"
)

// onTerminal starts a program as the leader of a session of its own. Its
// standard files are the terminal, unless c says otherwise.
func onTerminal(t *testing.T, c *exec.Cmd) *terminal {
	t.Helper()
	master, slave := openTerminal(t)
	x := &terminal{Cmd: c, t: t, master: master, done: make(chan struct{})}
	c.Dir = t.TempDir()
	if c.Stdin == nil {
		c.Stdin = slave
	}
	c.Stdout, c.Stderr = slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		defer close(x.done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf) // EIO when the last slave is closed
			x.mu.Lock()
			x.screen.Write(buf[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return x
}

func (x *terminal) all() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// expect waits until text is written, after what was expected before.
func (x *terminal) expect(text string) {
	x.t.Helper()
	for end := time.Now().Add(recordLimit / 2); ; time.Sleep(2 * time.Millisecond) {
		screen := x.all()
		if i := strings.Index(screen[x.read:], text); i >= 0 {
			x.read += i + len(text)
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("waited in vain for %q after %q", text, screen)
		}
	}
}

func (x *terminal) end() (screen string, code int) {
	x.Wait()
	<-x.done
	return x.all(), exitStatus(x.ProcessState)
}

// counter is a script that tells of each INT and QUIT that it gets, waits for
// so many of them, and exits with 7.
func counter(n int) []string {
	return []string{"sh", "-c", fmt.Sprintf(`n=0; trap 'n=$((n+1)); echo INT $n.' INT; trap 'n=$((n+1)); echo QUIT $n.' QUIT
		echo ready; while [ $n -lt %d ]; do sleep 0.05; done; sleep 0.3; exit 7`, n)}
}

// recordInteractive: who sits in front of a recorded program does not feel the
// recorder.
func recordInteractive(t *testing.T, r recorder) {
	record := func(t *testing.T, args ...string) *exec.Cmd {
		return r.command(t, append([]string{"record", "-o", "t.parquet"}, args...)...)
	}
	onlyCommand := func(t *testing.T, x *terminal, wantCode int) {
		t.Helper()
		screen, code := x.end()
		if code != wantCode || strings.Contains(screen, "goroutine ") {
			t.Errorf("got code %d, want %d: %q", code, wantCode, screen)
		}
		r.whole(t, filepath.Join(x.Dir, "t.parquet"))
	}
	t.Run("every key is the command's, and reaches it once", func(t *testing.T) {
		for _, stdin := range []string{"the terminal", os.DevNull} {
			c := record(t, append([]string{"--"}, counter(6)...)...)
			if stdin == os.DevNull {
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer null.Close()
				c.Stdin = null
			}
			x := onTerminal(t, c)
			x.expect("ready")
			for n := 1; n <= 6; n++ {
				key, name := ctrlC, "INT"
				if n%2 == 0 {
					key, name = ctrlBackslash, "QUIT"
				}
				x.press(key)
				x.expect(fmt.Sprintf("%s %d.", name, n))
			}
			onlyCommand(t, x, 7)
			if screen := x.all(); strings.Contains(screen, "INT 7.") || strings.Contains(screen, "QUIT 7.") {
				t.Errorf("standard input from %s: a key came twice: %q", stdin, screen)
			}
		}
	})
	t.Run("key while the recorder has no turn", func(t *testing.T) {
		// The command stops the recorder. (Whether a key comes before the recorder knows
		// of its command is not forced here: TestEarlySignals.)
		script := counter(2)
		script[2] = "kill -STOP $PPID; " + script[2]
		x := onTerminal(t, record(t, append([]string{"--"}, script...)...))
		x.expect("ready")
		x.press(ctrlC)
		x.expect("INT 1.")
		x.Process.Signal(syscall.SIGCONT)
		x.press(ctrlBackslash)
		x.expect("QUIT 2.")
		onlyCommand(t, x, 7)
		if screen := x.all(); strings.Contains(screen, " 3.") {
			t.Errorf("a key came twice: %q", screen)
		}
	})
	t.Run("key that ends the command", func(t *testing.T) {
		x := onTerminal(t, record(t, "--", "sh", "-c", "echo ready; exec sleep 60"))
		x.expect("ready")
		x.press(ctrlC)
		onlyCommand(t, x, 128+2)
		x = onTerminal(t, record(t, "--", "sh", "-c", "ulimit -c 0; echo ready; exec sleep 60"))
		x.expect("ready")
		x.press(ctrlBackslash)
		onlyCommand(t, x, 128+3)
	})
	t.Run("key in front of a command that left the terminal", func(t *testing.T) {
		x := onTerminal(t, record(t, "--", "setsid", "sh", "-c", "echo ready; exec sleep 60"))
		x.expect("ready")
		x.press(ctrlC)
		onlyCommand(t, x, 128+2)
	})
	t.Run("signal to the recorder goes to the command", func(t *testing.T) {
		for _, s := range []syscall.Signal{unix.SIGINT, unix.SIGQUIT} {
			x := onTerminal(t, record(t, append([]string{"--"}, counter(1)...)...))
			x.expect("ready")
			x.Process.Signal(s)
			x.expect(strings.TrimPrefix(unix.SignalName(s), "SIG") + " 1.")
			onlyCommand(t, x, 7)
		}
		x := onTerminal(t, record(t, "--", "sh", "-c", "trap 'echo usr; exit 4' USR1; echo ready; while :; do sleep 0.05; done"))
		x.expect("ready")
		x.Process.Signal(unix.SIGUSR1)
		x.expect("usr")
		onlyCommand(t, x, 4)
	})
	t.Run("python and gdb", func(t *testing.T) {
		for name, say := range map[string][2]string{"python3": {"print(6*7)\n", "raise SystemExit(5)\n"}, "gdb": {"print 6*7\n", "quit 5\n"}} {
			args := map[string][]string{"python3": {"-q", "-i"}, "gdb": {"-q", "-nx"}}[name]
			x := onTerminal(t, record(t, append([]string{"--", needTool(t, name)}, args...)...))
			prompt := map[string]string{"python3": ">>> ", "gdb": "(gdb) "}[name]
			x.expect(prompt)
			for range 4 {
				x.press(ctrlC)
				x.expect(map[string]string{"python3": "KeyboardInterrupt", "gdb": "Quit"}[name])
				x.expect(prompt) // a key before it is one in the midst of telling of the other
			}
			x.press(say[0])
			x.expect("42")
			x.press(say[1])
			onlyCommand(t, x, 5)
		}
	})
	t.Run("recording of the system ends at each key", func(t *testing.T) {
		for _, key := range []string{ctrlC, ctrlBackslash} {
			x := onTerminal(t, record(t, "-a"))
			waitFor(t, "events on the spool", spoolGrows(filepath.Join(x.Dir, "t.parquet")))
			x.press(key)
			onlyCommand(t, x, 0)
		}
	})
	t.Run("terminal is gone", func(t *testing.T) {
		for _, args := range [][]string{{"-a"}, {"--", "sh", "-c", "trap '' HUP; sleep 60"}} {
			x := onTerminal(t, record(t, args...))
			file := filepath.Join(x.Dir, "t.parquet")
			waitFor(t, "events on the spool", spoolGrows(file))
			x.master.Close()
			x.Wait()
			if code := exitStatus(x.ProcessState); code != 0 {
				t.Errorf("%v: got code %d", args, code)
			}
			r.whole(t, file)
		}
	})
	t.Run("command hears that the terminal is gone", func(t *testing.T) { // from whoever leads the session: us
		x := onTerminal(t, record(t, "--", "sh", "-c", "trap 'exit 9' HUP; while :; do sleep 0.05; done"))
		file := filepath.Join(x.Dir, "t.parquet")
		waitFor(t, "events on the spool", spoolGrows(file))
		time.Sleep(50 * time.Millisecond) // in which it sets its trap
		x.master.Close()
		began := time.Now()
		x.Wait()
		if code := exitStatus(x.ProcessState); code != 9 || time.Since(began) > signalGrace/2 {
			t.Errorf("got code %d after %v", code, time.Since(began))
		}
		r.whole(t, file)
	})
	t.Run("command that survives is named", func(t *testing.T) {
		survives := func(x *terminal, pid string) {
			t.Helper()
			screen, code := x.end()
			if n, _ := strconv.Atoi(pid); n > 0 {
				syscall.Kill(n, syscall.SIGKILL)
			}
			want := "systape: sh (process " + pid + ") runs on, no longer recorded\r\nhint: kill " + pid + " ends it; systape record -p " + pid + " -f records it again\r\n"
			if code != 0 || !strings.HasSuffix(screen, want) {
				t.Errorf("got code %d, %q, want %q", code, screen, want)
			}
		}
		// That nobody has the terminal open ends a terminal.
		const script = "exec >%s.pid 2>&1 <&1; echo $$; %s while :; do sleep 0.05; done"
		start := func(trap string, args ...string) (x *terminal, pid string) {
			file := filepath.Join(t.TempDir(), "x")
			x = onTerminal(t, record(t, append(args, "--", "sh", "-c", fmt.Sprintf(script, file, trap))...))
			waitFor(t, "the command", func() bool { b, _ := os.ReadFile(file + ".pid"); pid = strings.TrimSpace(string(b)); return pid != "" })
			time.Sleep(50 * time.Millisecond) // in which it sets its trap
			return x, pid
		}
		survives(start("", "-d", "500ms"))
		x, pid := start("trap '' TERM;")
		x.Process.Signal(unix.SIGTERM)
		survives(x, pid)
		x, pid = start("trap : TERM;")
		x.Process.Signal(unix.SIGTERM)
		began := time.Now()
		survives(x, pid)
		if d := time.Since(began); d < signalGrace/2 {
			t.Errorf("the command got %v to end itself, want %v", d, signalGrace)
		}
	})
	t.Run("what the caller ignores, the command ignores", func(t *testing.T) {
		const script = `for s in $1; do trap "" $s; done; shift; exec "$@"`
		for _, ignored := range []string{"", "HUP", "HUP QUIT PIPE", "INT QUIT", "TERM USR1 TSTP TTIN TTOU URG", "ALRM XFSZ 40"} {
			look := []string{"bash", "-c", script, "bash", ignored}
			plain, err := exec.Command(look[0], append(look[1:], "grep", "^Sig[BIC]", "/proc/self/status")...).Output()
			if err != nil {
				t.Fatal(err)
			}
			c := exec.Command(look[0], append(look[1:], r.systape, "record", "-q", "-o", "t.parquet", "--", "grep", "^Sig[BIC]", "/proc/self/status")...)
			c.Dir = t.TempDir()
			if got := r.finish(t, c); got.out != string(plain) || got.code != 0 {
				t.Errorf("%s ignored: got %+v, want %s", ignored, got, plain)
			}
		}
	})
	t.Run("INT ends a recording that a script began in the background", func(t *testing.T) {
		c := exec.Command("sh", "-c", r.systape+" record -a -o t.parquet & p=$!; while ! [ -s t.parquet.spool ]; do sleep 0.05; done; sleep 0.5; kill -INT $p; wait $p")
		c.Dir = t.TempDir()
		if got := r.finish(t, c); got.code != 0 || !strings.Contains(got.stderr, "t.parquet\n") {
			t.Errorf("got %+v", got)
		}
	})
}

// recordJobControl: under a shell's job control, recorder and command are one
// job.
func recordJobControl(t *testing.T, r recorder) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	const loop = `trap 'n=$((n+1)); echo cont $n.' CONT; echo ready; while ! [ -e go ]; do sleep 0.05; done; exit 7`
	shell := func(t *testing.T) *terminal {
		c := exec.Command(bash, "--norc", "--noprofile", "-i")
		c.Env = append(os.Environ(), "PS1=$ ", "TERM=dumb", "PATH="+r.dir+":"+os.Getenv("PATH"))
		x := onTerminal(t, c)
		if err := os.WriteFile(filepath.Join(x.Dir, "loop"), []byte(loop), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Process.Kill(); x.Wait() })
		x.expect("$ ")
		return x
	}
	state := func(t *testing.T, pid int) string {
		t.Helper()
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
	}
	t.Run("stop and go on", func(t *testing.T) {
		x := shell(t)
		// dash starts programs by vfork(2): when ^Z reaches the child before it has
		// executed one, dash waits for the stopped child and can stop for nobody. bash
		// forks; but where a child ends just as ^C comes, it goes on.
		x.press("systape record -o t.parquet -- bash loop\n")
		x.expect("\nready")
		recorder := childOf(x.Process.Pid)
		command := childOf(recorder)
		for n := 1; n <= 2; n++ {
			x.press(ctrlZ)
			x.expect("Stopped")
			for _, pid := range []int{recorder, command} {
				if s := state(t, pid); s != "T" {
					t.Errorf("process %d is in state %s, want T", pid, s)
				}
			}
			x.press("fg\n")
			x.expect(fmt.Sprintf("cont %d.", n))
			time.Sleep(300 * time.Millisecond) // nobody is that quick
		}
		if err := os.WriteFile(filepath.Join(x.Dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		x.expect("t.parquet\r\n")
		x.press("echo code $?.\n")
		x.expect("code 7.")
		r.whole(t, filepath.Join(x.Dir, "t.parquet"))
	})
	t.Run("command that stops itself", func(t *testing.T) {
		x := shell(t)
		x.press("systape record -o t.parquet -- sh -c 'echo ready; kill -TSTP $$; echo back; exit 7'\n")
		x.expect("Stopped")
		x.press("fg\n")
		x.expect("\nback")
		x.expect("t.parquet\r\n")
	})
	t.Run("command that does not stop", func(t *testing.T) {
		x := shell(t)
		x.press("systape record -o t.parquet -- sh -c 'trap \"\" TSTP; echo ready; while ! [ -e go ]; do sleep 0.05; done; exit 7'\n")
		x.expect("\nready")
		x.press(ctrlZ)
		time.Sleep(300 * time.Millisecond)
		if s := state(t, childOf(x.Process.Pid)); s == "T" {
			t.Errorf("the recorder is stopped, its command runs on: %q", x.all())
		}
		if err := os.WriteFile(filepath.Join(x.Dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		x.expect("t.parquet\r\n")
		x.press("echo code $?.\n")
		x.expect("code 7.")
	})
	t.Run("command that stops all of its group", func(t *testing.T) { // as vim does
		x := shell(t)
		x.press("systape record -o t.parquet -- sh -c 'for n in 1 2 3 4 5 6 7 8 9; do kill -TSTP 0; echo back $n.; read go; done; exit 7'\n")
		for n := 1; n <= 9; n++ { // and stops again at once
			x.expect("Stopped")
			time.Sleep(50 * time.Millisecond)
			x.press("fg\n")
			x.expect(fmt.Sprintf("\nback %d.", n))
			x.press("\n")
		}
		x.expect("t.parquet\r\n")
	})
	t.Run("shell that is suspended", func(t *testing.T) { // in a group of its own, which has the terminal
		x := shell(t)
		x.press("systape record -o t.parquet -- " + bash + " --norc --noprofile -i\n")
		x.expect("\r\n$ ")
		x.press("suspend\n")
		x.expect("Stopped")
		x.press("fg\n")
		x.expect("--norc --noprofile -i\r\n")
		x.press("echo back $((6*7)).; exit 7\n")
		x.expect("\nback 42.")
		x.expect("t.parquet\r\n")
		x.press("echo code $?.\n")
		x.expect("code 7.")
	})
	t.Run("recorder told to stop", func(t *testing.T) {
		x := shell(t)
		x.press("systape record -o t.parquet -- sh loop\n")
		x.expect("\nready")
		recorder := childOf(x.Process.Pid)
		command := childOf(recorder)
		syscall.Kill(recorder, unix.SIGTSTP)
		x.expect("Stopped")
		if s := state(t, command); s != "T" {
			t.Errorf("the command is in state %s, want T", s)
		}
		syscall.Kill(recorder, unix.SIGCONT)
		x.expect("cont 1.")
		x.press("fg\n")
		x.expect("sh loop\r\n")
		x.press(ctrlC)
		x.expect("t.parquet\r\n")
	})
	t.Run("recording of the system", func(t *testing.T) {
		x := shell(t)
		x.press("systape record -a -o t.parquet\n")
		waitFor(t, "events on the spool", spoolGrows(filepath.Join(x.Dir, "t.parquet")))
		x.press(ctrlZ)
		x.expect("Stopped")
		x.press("fg\n")
		x.expect("events")
		x.press(ctrlC)
		x.expect("t.parquet\r\n")
		x.press("echo code $?.\n")
		x.expect("code 0.")
		if !r.info(t, filepath.Join(x.Dir, "t.parquet")).Complete {
			t.Error("the capture is not complete")
		}
	})
}
