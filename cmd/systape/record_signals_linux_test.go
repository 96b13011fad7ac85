package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/format"
)

// running is a recording in the background.
type running struct {
	*exec.Cmd
	file        string
	out, stderr bytes.Buffer
}

// start begins a recording of processes that never rest, and waits until its
// spool has more than its head.
func (r recorder) start(t *testing.T, args ...string) *running {
	t.Helper()
	p := r.begin(t, args...)
	waitFor(t, "events on the spool", spoolGrows(p.file))
	return p
}

// startCommand begins a recording of a shell script, and waits until the
// script has made the file that it knows as $0.
func (r recorder) startCommand(t *testing.T, script string) *running {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	p := r.begin(t, "--", "sh", "-c", script, ready)
	waitFor(t, "the command", func() bool { _, err := os.Stat(ready); return err == nil })
	return p
}

func (r recorder) begin(t *testing.T, args ...string) *running {
	t.Helper()
	p := &running{file: filepath.Join(t.TempDir(), "t.parquet")}
	p.Cmd = r.command(t, append([]string{"record", "-o", p.file}, args...)...)
	p.Stdout, p.Stderr = &p.out, &p.stderr
	p.WaitDelay = recordLimit
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// spoolGrows returns a function that tells when a spool has more than its head.
func spoolGrows(file string) func() bool {
	head := int64(0)
	return func() bool {
		info, err := os.Stat(file + ".spool")
		if err != nil {
			return false
		}
		if head == 0 {
			head = info.Size()
		}
		return info.Size() > head
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(recordLimit / 2); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// end waits until the recorder has ended.
func (p *running) end(t *testing.T) outcome {
	t.Helper()
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{exitStatus(p.ProcessState), p.out.String(), p.stderr.String()}
}

// background starts a program that is stopped at the end of the test.
func background(t *testing.T, attr *syscall.SysProcAttr, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(name, args...)
	c.SysProcAttr = attr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// whole checks that a recording was ended properly, whatever ended it, and
// returns its events without the marks.
func (r recorder) whole(t *testing.T, file string) []format.Event {
	t.Helper()
	if !r.info(t, file).Complete {
		t.Error("the capture is not complete")
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("got files %q, want the capture alone", left)
	}
	return slices.DeleteFunc(r.check(t, file), func(e format.Event) bool { return e.Kind == format.Mark })
}

func recordSignals(t *testing.T, r recorder) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(unix.SignalName(s)+" ends a recording", func(t *testing.T) {
			busy := background(t, nil, r.program("busy"), "1000")
			for _, args := range [][]string{{"-a"}, {"-p", fmt.Sprint(busy.Process.Pid)}} {
				p := r.start(t, args...)
				p.Process.Signal(s)
				if got := p.end(t); got.code != 0 || !strings.Contains(got.stderr, " 0 lost, ") {
					t.Errorf("%v: got %+v", args, got)
				}
				n := 0
				for _, e := range r.whole(t, p.file) {
					if e.PID == int32(busy.Process.Pid) && e.Comm == "busy" {
						n++
					}
				}
				if n == 0 {
					t.Errorf("%v: no event of the busy process", args)
				}
			}
			if err := busy.Process.Signal(syscall.Signal(0)); err != nil {
				t.Errorf("the recorded process: %v", err)
			}
		})
		t.Run(unix.SignalName(s)+" goes to the command", func(t *testing.T) {
			p := r.startCommand(t, "/bin/true; : > $0; exec sleep 60")
			p.Process.Signal(s)
			if got := p.end(t); got.code != 128+int(s) {
				t.Errorf("got %+v, want code 128+%d", got, s)
			}
			events := r.whole(t, p.file)
			if last := events[len(events)-1]; last.Kind != format.ThreadEnd || last.Args[format.EndCode] != int64(s) {
				t.Errorf("the capture ends with %v, %v; want a thread's end by signal %d", last.Kind, last.Args, s)
			}
		})
	}
	t.Run("command answers a signal its own way", func(t *testing.T) {
		p := r.startCommand(t, "trap 'echo bye; exit 9' TERM; : > $0; while :; do sleep 0.01; done")
		p.Process.Signal(syscall.SIGTERM)
		if got := p.end(t); got.code != 9 || got.out != "bye\n" {
			t.Errorf("got %+v", got)
		}
		r.whole(t, p.file)
	})
	t.Run("second signal lets the command run on", func(t *testing.T) {
		note := filepath.Join(t.TempDir(), "note")
		p := r.startCommand(t, "trap '' TERM; : > $0; while ! [ -e "+note+".go ]; do sleep 0.01; done; echo survived > "+note)
		p.Process.Signal(syscall.SIGTERM)
		time.Sleep(200 * time.Millisecond)
		if err := p.Process.Signal(syscall.Signal(0)); err != nil {
			t.Fatalf("the recorder ended at the first signal, which its command ignores: %v", err)
		}
		p.Process.Signal(syscall.SIGTERM)
		waitFor(t, "the capture", func() bool { _, err := os.Stat(p.file); return err == nil })
		if err := os.WriteFile(note+".go", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := p.end(t); got.code != 0 {
			t.Errorf("got %+v", got)
		}
		r.whole(t, p.file)
		waitFor(t, "the command", func() bool { b, _ := os.ReadFile(note); return string(b) == "survived\n" })
	})
	t.Run("recorded processes end the recording", func(t *testing.T) {
		sleeper := background(t, nil, r.program("busy"), "1000")
		p := r.start(t, "-p", fmt.Sprint(sleeper.Process.Pid))
		sleeper.Process.Signal(syscall.SIGTERM)
		sleeper.Wait()
		if got := p.end(t); got.code != 0 {
			t.Errorf("got %+v", got)
		}
		events := r.whole(t, p.file)
		if last := events[len(events)-1]; last.Kind != format.ThreadEnd {
			t.Errorf("the capture ends with %v", last.Kind)
		}
	})
}

func recordDuration(t *testing.T, r recorder) {
	busy := background(t, nil, r.program("busy"), "1000")
	for _, args := range [][]string{{"-a"}, {"-p", fmt.Sprint(busy.Process.Pid)}, {"--", r.program("busy"), "1000"}} {
		file := filepath.Join(t.TempDir(), "t.parquet")
		c := r.command(t, append([]string{"record", "-o", file, "-d", "300ms"}, args...)...)
		c.Stdout, c.WaitDelay = os.Stderr, time.Millisecond // a command that runs on keeps a pipe open
		var stderr bytes.Buffer
		c.Stderr = &stderr
		c.Run()
		if code := exitStatus(c.ProcessState); code != 0 {
			t.Errorf("%v: got code %d: %s", args, code, stderr.String())
		}
		events := r.whole(t, file)
		for _, p := range r.info(t, file).Probes {
			if on := time.Duration(p.DetachNS - p.AttachNS); on < 300*time.Millisecond {
				t.Errorf("%v: %s was recorded for %v", args, p.Name, on)
			}
		}
		if args[0] == "--" { // it runs on
			pid := int(events[0].PID)
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Errorf("the command after the recording: %v", err)
			}
		}
	}
}

// recordTerminal: a status line on a terminal, and nowhere else.
func recordTerminal(t *testing.T, r recorder) {
	on := func(t *testing.T, wait time.Duration, args ...string) (screen string, code int) {
		master, slave := openTerminal(t)
		c := r.command(t, append([]string{"record"}, args...)...)
		c.Dir = t.TempDir()
		c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		slave.Close()
		go func() {
			if wait > 0 {
				time.Sleep(wait)
				master.Write([]byte{3}) // Ctrl-C
			}
		}()
		var out bytes.Buffer
		out.ReadFrom(master) // EIO when the last slave is closed
		c.Wait()
		return out.String(), exitStatus(c.ProcessState)
	}
	line := regexp.MustCompile(`\d+s  [0-9,]+ events  [0-9,]+/s  [0-9,]+ lost  [0-9.]+ [KM]?i?B`)
	t.Run("status line until Ctrl-C", func(t *testing.T) {
		screen, code := on(t, 2500*time.Millisecond, "-a", "-o", "t.parquet")
		if code != 0 || len(line.FindAllString(screen, -1)) < 1 || !strings.Contains(screen, "t.parquet\r\n") {
			t.Errorf("got code %d, %q", code, screen)
		}
		if _, after, _ := strings.Cut(screen, "systape: "); strings.Contains(after, "\x1b[K") {
			t.Errorf("the status line comes back after the summary: %q", screen)
		}
	})
	t.Run("command has the terminal to itself", func(t *testing.T) {
		screen, code := on(t, 0, "-o", "t.parquet", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo mine; sleep 1.2; exit 3")
		if code != 3 || !strings.HasPrefix(screen, "mine\r\nsystape: ") || line.MatchString(screen) {
			t.Errorf("got code %d, %q", code, screen)
		}
	})
	t.Run("quiet", func(t *testing.T) {
		if screen, code := on(t, 0, "-q", "-a", "-d", "1200ms", "-o", "t.parquet"); code != 0 || screen != "" {
			t.Errorf("got code %d, %q", code, screen)
		}
	})
	t.Run("capture on the terminal", func(t *testing.T) {
		screen, code := on(t, 0, "-o", "-", "--", "true")
		if code != 125 || !strings.Contains(screen, "hint: send it to a file or a pipe") {
			t.Errorf("got code %d, %q", code, screen)
		}
		if _, code := on(t, 0, "-o", "-", "-a"); code != exitUsage {
			t.Errorf("without a command: got code %d", code)
		}
	})
	t.Run("no terminal", func(t *testing.T) {
		background(t, nil, r.program("busy"), "1000") // a machine without a call gets a hint
		got := r.succeed(t, "record", "-a", "-d", "1200ms", "-o", filepath.Join(t.TempDir(), "t.parquet"))
		if got.out != "" || line.MatchString(got.stderr) || strings.ContainsAny(got.stderr, "\r\x1b") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// openTerminal makes a pseudoterminal (pts(4)).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
