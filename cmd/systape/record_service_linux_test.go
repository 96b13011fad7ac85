package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/internal/kerneltest"
)

// TestRecordAsService records as a service does: systemd hears when it has
// begun, counters can be read, and rights are given up after loading.
func TestRecordAsService(t *testing.T) {
	kerneltest.Require(t)
	dir := openFolder(t)
	systape := filepath.Join(dir, "systape")
	build := exec.Command("go", "build", "-o", systape, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	capabilities := []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+bpf,+perfmon", "--ambient-caps", "+bpf,+perfmon"}
	t.Run("root", func(t *testing.T) { recordService(t, systape, dir, nil) })
	t.Run("capabilities", func(t *testing.T) { recordService(t, systape, openFolder(t), capabilities) })
	t.Run("parts", func(t *testing.T) { recordService(t, systape, openFolder(t), capabilities, "-W", "3") })
	t.Run("flight", func(t *testing.T) { recordService(t, systape, openFolder(t), capabilities, "--flight", "1h,8MiB") })
	t.Run("descendants", func(t *testing.T) { recordDescendantsLeft(t, systape) })
	t.Run("user", func(t *testing.T) { recordAsUser(t, systape) })
}

// With more flags it makes files when it is told to, by HUP or by USR1.
func recordService(t *testing.T, systape, dir string, prefix []string, more ...string) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := os.Chmod(filepath.Join(dir, "notify"), 0o777); err != nil {
		t.Fatal(err)
	}
	hear := func() string {
		socket.SetReadDeadline(time.Now().Add(recordLimit))
		text := make([]byte, 100)
		n, err := socket.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	words := append(prefix, systape, "record", "-q", "-a", "-o", "service.parquet", "--metrics", "unix:"+filepath.Join(dir, "metrics"))
	words = append(words, more...)
	c := exec.Command(words[0], words[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	if got := hear(); got != "READY=1" {
		t.Errorf("heard %q", got)
	}

	// What is kept is at most the six of capture.keptRights.
	const kept = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<19 | 1<<23
	hex := func(text string) uint64 { n, _ := strconv.ParseUint(text, 16, 64); return n }
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(c.Process.Pid) + "/task/*/status")
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for _, m := range regexp.MustCompile(`(CapPrm|CapEff|CapAmb|NoNewPrivs):\s+(\S+)`).FindAllStringSubmatch(string(status), -1) {
			switch {
			case m[1] == "NoNewPrivs" && m[2] != "1", m[1] != "NoNewPrivs" && hex(m[2])&^uint64(kept) != 0:
				t.Errorf("%s has %s %s", task, m[1], m[2])
			}
		}
	}
	if len(tasks) == 0 {
		t.Error("no thread was seen")
	}

	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "metrics"))
	}}}
	answer, err := client.Get("http://systape/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if got := samples(t, string(text)); err != nil || got["systape_events_total"] == "" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("got %v, %v, %v", err, answer.Header, got)
	}

	if len(more) > 0 {
		signal := syscall.SIGUSR1
		if more[0] == "-W" {
			signal = syscall.SIGHUP
		}
		waitFor(t, "a file", func() bool {
			c.Process.Signal(signal)                                           // a part without events is not ended
			made, _ := filepath.Glob(filepath.Join(dir, "service-0*.parquet")) // the first one may be gone by now
			return len(made) > 0
		})
	}
	c.Process.Signal(syscall.SIGTERM)
	if got := hear(); got != "STOPPING=1" {
		t.Errorf("heard %q", got)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	files := []string{filepath.Join(dir, "service.parquet")}
	switch {
	case len(more) > 0 && more[0] == "-W": // read as one
		files = []string{dir}
	case len(more) > 0:
		files, _ = filepath.Glob(filepath.Join(dir, "*.parquet"))
	}
	for _, file := range files {
		if out, err := exec.Command(systape, "verify", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// recordDescendantsLeft: what the command started and what runs on is named, or
// waited for. The descendant ends when the test says so.
func recordDescendantsLeft(t *testing.T, systape string) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(flags ...string) (*exec.Cmd, *strings.Builder) {
		c := exec.Command(systape, append(append([]string{"record", "--force", "-o", filepath.Join(dir, "d.parquet")}, flags...),
			"--", "sh", "-c", "(read line <"+fifo+"; exec true) >/dev/null 2>&1 & exit 3")...)
		var said strings.Builder
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c, &said
	}
	release := func() {
		f, err := os.OpenFile(fifo, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("go\n")
		time.AfterFunc(5*time.Second, func() { f.Close() }) // it has read by then, or never will
	}

	c, said := start()
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 3 || !strings.Contains(said.String(), "1 process that the command started runs on") || !strings.Contains(said.String(), "--wait-all") {
		t.Errorf("got code %d, %s", code, said)
	}
	release()

	c, said = start("--wait-all")
	release()
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 3 || strings.Contains(said.String(), "runs on") {
		t.Errorf("got code %d, %s", code, said)
	}
	out, err := exec.Command(systape, "replay", "--syscall", "execve", filepath.Join(dir, "d.parquet")).CombinedOutput()
	if err != nil || strings.Count(string(out), "execve(") < 2 {
		t.Errorf("the descendant's execve is not there: %v\n%s", err, out)
	}
}

// recordAsUser: with -u the command runs as that user, with no rights of ours.
func recordAsUser(t *testing.T, systape string) {
	run := func(args ...string) (string, int) {
		c := exec.Command(systape, append([]string{"record", "-q", "--force", "-o", filepath.Join(t.TempDir(), "u.parquet")}, args...)...)
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
	out, code := run("-u", "nobody", "--", "sh", "-c", "id -u; grep CapEff /proc/self/status")
	if code != 0 || !strings.HasPrefix(out, "65534\n") || !strings.Contains(out, "0000000000000000") {
		t.Errorf("got code %d, %q", code, out)
	}
	if out, code := run("--", "id", "-u"); code != 0 || out != "0\n" {
		t.Errorf("without -u: got code %d, %q", code, out)
	}
	if out, code := run("-u", "no-such-user", "--", "true"); code != 125 || !strings.Contains(out, "no-such-user") || !strings.Contains(out, "hint: ") {
		t.Errorf("got code %d, %q", code, out)
	}
	if out, code := run("-u", "nobody", "-a"); code != 2 || !strings.Contains(out, "goes with a command") {
		t.Errorf("got code %d, %q", code, out)
	}
}
