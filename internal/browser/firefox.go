package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Firefox is a headless Firefox, driven by its own Marionette protocol:
// lengths, colons and JSON over a socket.
type Firefox struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	last int    // id of the last command
	said output // standard output
}

// firefoxStart is how long Firefox may take until it can be driven.
const firefoxStart = 2 * time.Minute

// OpenFirefox starts a Firefox with a window of the given size. Without one the
// test is skipped, and where it does not start: it asks more of a machine.
func OpenFirefox(t testing.TB, width, height int) *Firefox {
	t.Helper()
	path := ""
	for _, name := range []string{os.Getenv("SYSTAPE_FIREFOX"), "firefox-esr", "firefox"} {
		if p, err := exec.LookPath(name); name != "" && err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("needs Firefox: apt-get install firefox-esr")
	}
	profile := t.TempDir()
	prefs := `user_pref("marionette.port", 0);` + "\n" + `user_pref("datareporting.policy.dataSubmissionEnabled", false);` + "\n" +
		`user_pref("devtools.console.stdout.content", true);` + "\n" +
		// No script is slow: one that is cut off is one that was left.
		`user_pref("dom.max_script_run_time", 0);` + "\n" + `user_pref("dom.abort_script_on_child_shutdown", false);` + "\n"
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile,
		"--width", strconv.Itoa(width), "--height", strconv.Itoa(height), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile)
	f := &Firefox{t: t}
	cmd.Stdout = &f.said
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting Firefox: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		if f.conn != nil {
			f.ask("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}, nil)
			f.conn.Close()
		}
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	for until := time.Now().Add(firefoxStart); ; time.Sleep(50 * time.Millisecond) {
		port, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort"))
		if err == nil && len(port) > 0 {
			f.conn, err = net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port)))
		}
		if f.conn != nil {
			break
		}
		select {
		case <-ended:
			t.Skipf("%s does not start here: it has ended", path)
		default:
		}
		if time.Now().After(until) {
			t.Skipf("%s does not start here: %v", path, err)
		}
	}
	f.r = bufio.NewReader(f.conn)
	var hello map[string]any
	if err := f.read(&hello); err != nil {
		t.Fatalf("Firefox: %v", err)
	}
	f.do("WebDriver:NewSession", map[string]any{}, nil)
	return f
}

// read reads one message.
func (f *Firefox) read(v any) error {
	f.conn.SetDeadline(time.Now().Add(time.Minute))
	length, err := f.r.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f.r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// ask sends a command and puts what it returns into result, unless that is nil.
func (f *Firefox) ask(command string, args, result any) error {
	f.last++
	b, err := json.Marshal([]any{0, f.last, command, args})
	if err != nil {
		return err
	}
	f.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(b), b); err != nil {
		return err
	}
	var answer [4]json.RawMessage // 1, id, error, result
	if err := f.read(&answer); err != nil {
		return err
	}
	if string(answer[2]) != "null" {
		return fmt.Errorf("%s: %s", command, answer[2])
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer[3], result)
}

func (f *Firefox) do(command string, args, result any) {
	f.t.Helper()
	if err := f.ask(command, args, result); err != nil {
		f.t.Fatalf("Firefox: %v", err)
	}
}

// Go opens an address and waits until an element is there.
func (f *Firefox) Go(address, selector string) {
	f.t.Helper()
	f.do("WebDriver:Navigate", map[string]any{"url": address}, nil)
	for until := time.Now().Add(time.Minute); !FirefoxEval[bool](f, fmt.Sprintf("document.querySelector(%q) !== null", selector)); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			f.t.Fatalf("Firefox: %s has no %s; it complains: %q", address, selector, f.Complaints())
		}
	}
}

// FirefoxEval evaluates an expression in the page.
func FirefoxEval[T any](f *Firefox, expression string) T {
	f.t.Helper()
	var result struct{ Value T }
	f.do("WebDriver:ExecuteScript", map[string]any{"script": "return " + expression, "args": []any{}}, &result)
	return result.Value
}

// Complaints are the errors of pages' scripts and what they log themselves.
func (f *Firefox) Complaints() []string {
	f.t.Helper()
	f.do("Marionette:SetContext", map[string]any{"value": "chrome"}, nil)
	defer f.do("Marionette:SetContext", map[string]any{"value": "content"}, nil)
	// A page that is left while it draws has its script ended, and an error of
	// that says nothing of the page.
	list := FirefoxEval[[]string](f, `Services.console.getMessageArray()
		.filter((m) => m instanceof Ci.nsIScriptError && /^(file|https?|data|blob):/.test(m.sourceName) && !m.errorMessage.startsWith("Script terminated by timeout")).map((m) => m.category + ": " + m.errorMessage)`)
	for line := range strings.Lines(f.said.String()) {
		// What pages log comes together from all processes only here. What
		// Firefox itself logs is not quoted.
		if level, text, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(level, "console.") && strings.HasPrefix(text, `"`) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

// output keeps what a program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Picture writes what is shown as a PNG.
func (f *Firefox) Picture(path string) {
	f.t.Helper()
	var result struct{ Value []byte }
	f.do("WebDriver:TakeScreenshot", map[string]any{"full": false}, &result)
	if err := os.WriteFile(path, result.Value, 0o666); err != nil {
		f.t.Fatal(err)
	}
}
