package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/cmd/systape/internal/out"
)

func buildForTop(t *testing.T) string {
	t.Helper()
	systape := filepath.Join(t.TempDir(), "systape")
	if out, err := exec.Command("go", "build", "-o", systape, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return systape
}

// However the screen ends, the terminal is as it was, and the exit code tells.
func TestTopGivesTheTerminalBack(t *testing.T) {
	systape, capture := buildForTop(t), topCapture(t)
	end := func(s syscall.Signal) func(x *terminal) { return func(x *terminal) { x.Process.Signal(s) } }
	keys := func(s string) func(x *terminal) { return func(x *terminal) { x.press(s) } }
	for _, c := range []struct {
		name   string
		args   []string
		end    func(x *terminal)
		code   int
		screen bool // there is one before
	}{
		{"q", nil, keys("q"), 0, true},
		{"^C", nil, keys(ctrlC), 0, true},
		{"^C while typing", nil, keys("/--comm" + ctrlC), 0, true},
		{"SIGTERM", nil, end(syscall.SIGTERM), 0, true},
		{"SIGINT", nil, end(syscall.SIGINT), 0, true},
		{"playing", []string{"--speed", "0.1x"}, keys("q"), 0, true},
		{"no such capture", []string{filepath.Join(t.TempDir(), "none.parquet")}, nil, 1, false},
		{"no such time", []string{"--from", "+2s", "--to", "+1s"}, nil, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"top"}, c.args...)
			if !strings.HasSuffix(args[len(args)-1], ".parquet") {
				args = append(args, capture)
			}
			cmd := exec.Command(systape, args...)
			cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1")
			x := onTerminal(t, cmd)
			before, err := unix.IoctlGetTermios(int(x.master.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if c.screen {
				x.expect("coverage: ")
				unix.IoctlSetWinsize(int(x.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 20})
				c.end(x)
			}
			x.Wait()
			after, err := unix.IoctlGetTermios(int(x.master.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			<-x.done // all is read
			screen, code := x.all(), exitStatus(x.ProcessState)
			if code != c.code {
				t.Errorf("got code %d, want %d: %q", code, c.code, screen)
			}
			last := func(seq string) int { return strings.LastIndex(screen, "\x1b[?"+seq) }
			if last("1049h") > last("1049l") || last("25l") > last("25h") || last("2004h") > last("2004l") || c.screen && last("1049h") < 0 {
				t.Errorf("the other screen or the hidden cursor stays: %q", screen)
			}
			if c.screen && (after.Lflag != before.Lflag && before.Lflag&unix.ICANON != 0 || after.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != unix.ICANON|unix.ECHO|unix.ISIG) {
				t.Errorf("the terminal's flags were %x and are %x", before.Lflag, after.Lflag)
			}
			if colours := regexp.MustCompile("\x1b\\[[0-9;]*(3[0-8]|4[0-8]|9[0-7])[0-9;]*m").FindString(screen); colours != "" {
				t.Errorf("NO_COLOR is set, but there is %q", colours)
			}
		})
	}
}

// tmux is a terminal that knows what stands on its screen.
type tmux struct {
	t            *testing.T
	path, socket string
}

func startTmux(t *testing.T, width, height string, command ...string) *tmux {
	t.Helper()
	path, err := exec.LookPath("tmux")
	if err != nil {
		if os.Getenv("SYSTAPE_KERNEL_TESTS") == "1" || os.Getenv("SYSTAPE_READERS") == "1" {
			t.Fatal("there is no tmux: apt-get install tmux")
		}
		t.Skip("needs tmux")
	}
	x := &tmux{t, path, filepath.Join(t.TempDir(), "tmux")}
	t.Cleanup(func() { exec.Command(path, "-S", x.socket, "kill-server").Run() })
	x.do(append([]string{"new-session", "-d", "-s", "top", "-x", width, "-y", height}, command...)...)
	return x
}

func (x *tmux) do(args ...string) string {
	x.t.Helper()
	c := exec.Command(x.path, append([]string{"-u", "-S", x.socket, "-f", os.DevNull}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	b, err := c.Output()
	if err != nil {
		x.t.Fatalf("tmux %q: %v, %s", args, err, &stderr)
	}
	return string(b)
}

func (x *tmux) screen() string { return x.do("capture-pane", "-p", "-t", "top") }

// expect waits until all texts stand on the screen.
func (x *tmux) expect(texts ...string) string {
	x.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		screen, missing := x.screen(), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if missing == "" {
			return screen
		}
		if time.Now().After(end) {
			x.t.Fatalf("waited in vain for %q:\n%s", missing, screen)
		}
	}
}

func (x *tmux) press(keys ...string) { x.do(append([]string{"send-keys", "-t", "top"}, keys...)...) }

// In a real terminal: the table, windows, rows, the help, other sizes, and the
// shell's screen again at the end.
func TestTopInTmux(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		startTmux(t, "80", "24") // says what is missing
	}
	systape, capture := buildForTop(t), topCapture(t)
	x := startTmux(t, "80", "24", "sh", "-c", "echo before; "+systape+" top --every 10ms "+capture+"; echo ended with $?; sleep 600")
	x.expect("systape top capture.spool", " calls rate/s errors  total▾ share     p50     p99     max", ">openat", "~ epoll_wait", "coverage: ", "700 events lost")
	x.press("Right", "Right")
	x.expect("+0.01s for 10.0 ms of 92.1 ms", "paused 1x", "^")
	x.press("n")
	x.expect("! 700 events lost  +0.05s for 10.0 ms")
	x.press("?")
	x.expect("play, or pause", "any key goes back")
	x.press("x")
	x.press("Enter")
	x.expect("filter: --syscall=", "by comm, sorted by total")
	x.press("u")
	x.expect("by syscall")
	x.press("Home", "Space")
	x.expect("+0.09s for 10.0 ms") // it plays to the end
	for _, size := range [][2]string{{"20", "24"}, {"40", "10"}, {"120", "30"}, {"80", "24"}} {
		x.do("resize-window", "-t", "top", "-x", size[0], "-y", size[1])
		screen := x.expect("systape", "total▾", ">")
		for line := range strings.Lines(screen) {
			if width, _ := strconv.Atoi(size[0]); out.Width(strings.TrimRight(line, "\n")) > width {
				t.Errorf("%s columns: %q", size[0], line)
			}
		}
	}
	x.press("q")
	screen := x.expect("before", "ended with 0")
	if strings.Contains(screen, "coverage") {
		t.Errorf("the screen stays:\n%s", screen)
	}
}
