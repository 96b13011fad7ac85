//go:build amd64 || arm64

package signals_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"systape/cmd/systape/internal/signals"
)

// The tests run this program again as the one that gets the signals.
func TestMain(m *testing.M) {
	switch os.Getenv("SIGNALS_TEST") {
	case "inherited":
		for _, s := range signals.Inherited() {
			fmt.Println(cmp.Or(unix.SignalName(s), strconv.Itoa(int(s))))
		}
	case "watch":
		w := signals.Watch(unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1)
		fmt.Println("ready")
		for s := range w.C {
			fmt.Println(unix.SignalName(s.Signal), s.Typed)
			if s.Signal == unix.SIGHUP {
				break
			}
		}
	default:
		os.Exit(m.Run())
	}
}

func self(what string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), "SIGNALS_TEST="+what)
	return c
}

func TestInherited(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	for _, ignored := range []string{
		"",
		"SIGPIPE",
		"SIGHUP SIGINT SIGQUIT SIGPIPE SIGTERM",
		"SIGINT SIGUSR1 SIGTSTP SIGTTIN SIGTTOU SIGWINCH",
		"SIGSEGV SIGCHLD 41 64",
	} {
		c := self("inherited")
		c.Path, c.Args = bash, []string{"bash", "-c", `for s in $1; do trap "" $s; done; exec $0`, fmt.Sprintf("/proc/%d/exe", os.Getpid()), ignored}
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, name := range strings.Fields(ignored) {
			want[name] = true
		}
		got := map[string]bool{}
		for _, name := range strings.Fields(string(out)) {
			got[name] = true
		}
		// What glibc keeps for itself its posix_spawn leaves ignored, and make
		// starts the tests with that.
		delete(got, "32")
		delete(got, "33")
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// A key comes from the kernel, kill(2) from a process.
func TestWatchTellsWhoSent(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := self("watch")
	c.Stdin = slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	slave.Close()
	next := func() string {
		var s, by string
		if _, err := fmt.Fscanln(out, &s, &by); err != nil && s != "ready" {
			t.Fatal(s, err)
		}
		return strings.TrimSpace(s + " " + by)
	}
	expect := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect("ready")
	for range 3 {
		master.Write([]byte{3})
		expect("SIGINT true")
		c.Process.Signal(unix.SIGINT)
		expect("SIGINT false")
		master.Write([]byte{'\\' & 0x1f})
		expect("SIGQUIT true")
		c.Process.Signal(unix.SIGUSR1)
		expect("SIGUSR1 false")
	}
	master.Close()
	expect("SIGHUP true")
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
}
