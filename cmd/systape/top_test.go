package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/top"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/latency"
)

// screen is the screen of top without a terminal.
type screen struct {
	*top.Model
	t    *testing.T
	tick tea.Msg
}

// openScreen begins the screen of a capture that a command line names.
func openScreen(t *testing.T, args ...string) *screen {
	t.Helper()
	c := newTopCommand()
	var stderr bytes.Buffer
	c.SetErr(&stderr)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return openScreenOf(t, c, &topSource{args: c.Flags().Args(), known: map[string]bool{}})
}

func openScreenOf(t *testing.T, c *cobra.Command, s *topSource) *screen {
	t.Helper()
	f := topFlags{}
	f.by, _ = c.Flags().GetStringSlice("by")
	f.sort, _ = c.Flags().GetString("sort")
	f.waits, _ = c.Flags().GetString("wait")
	f.every, _ = c.Flags().GetDuration("every")
	o, err := f.options(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	c.SetContext(ctx)
	o.Live = s.stdin != nil
	o.Title, o.Files, o.Style = "capture", s.args, out.Style{Width: 80}
	o.Read, o.Check, o.Warning = s.read, typedFilters, s.last
	m := &screen{Model: top.New(ctx, o), t: t}
	m.tick = m.Init()()
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	return m
}

// until waits until the screen is as it is to be.
func (m *screen) until(what string, ok func() bool) {
	m.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		m.Update(m.tick)
		if time.Now().After(end) {
			m.t.Fatalf("waited in vain for %s:\n%s", what, m.text())
		}
	}
}

// settle waits until all is read.
func (m *screen) settle() {
	m.t.Helper()
	m.until("the end of reading", func() bool { return !m.Reading() })
}

func (m *screen) text() string { return m.View().Content }

// press presses keys, each of which is waited for.
func (m *screen) press(keys ...string) {
	m.t.Helper()
	codes := map[string]rune{"left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "enter": tea.KeyEnter, "down": tea.KeyDown, "up": tea.KeyUp, "esc": tea.KeyEscape, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace}
	for _, k := range keys {
		msg := tea.KeyPressMsg{Text: k, Code: []rune(k)[0]}
		if code, ok := codes[k]; ok {
			msg = tea.KeyPressMsg{Code: code}
		}
		if strings.HasPrefix(k, "ctrl+") {
			msg = tea.KeyPressMsg{Code: rune(k[5]), Mod: tea.ModCtrl}
		}
		m.Update(msg)
		m.Update(m.tick)
	}
}

// type types text into a prompt.
func (m *screen) typed(text string) {
	m.press("ctrl+u")
	for _, r := range text {
		m.press(string(r))
	}
	m.press("enter")
}

// same wants the screen to show what the command line prints that it tells.
func (m *screen) same() {
	m.t.Helper()
	words := strings.Split(m.CommandLine(), " ")
	if line := escape.Command(words); line != m.CommandLine() { // quoted
		words = nil
		for _, c := range systapeCommands(m.CommandLine()) {
			words = append([]string{"systape"}, c...)
		}
	}
	code, stdout, stderr := commandLine(m.t, append(words[1:], "--format", "json", "--wait", "mixed")...)
	var result struct {
		Coverage struct {
			LostEvents int64 `json:"lost_events"`
		}
		Groups []map[string]any
	}
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || code != exitOK {
		m.t.Fatalf("%s: code %d, %v, %s", m.CommandLine(), code, err, stderr)
	}
	rows := map[string]latency.Row{}
	name := func(of func(k latency.Key) any) string {
		var s []string
		for i, k := range latency.KeyNames() {
			s = append(s, fmt.Sprint(of(latency.Key(i))))
			_ = k
		}
		return strings.Join(s, "|")
	}
	keys := map[string]bool{}
	for _, g := range result.Groups {
		for _, k := range latency.KeyNames() {
			if _, ok := g[k]; ok {
				keys[k] = true
			}
		}
	}
	var shares [2]float64
	for _, r := range m.Rows() {
		key := name(func(k latency.Key) any {
			if !keys[k.String()] {
				return ""
			}
			return r.Of(k)
		})
		if _, twice := rows[key]; twice {
			m.t.Errorf("%s is there twice", key)
		}
		rows[key] = r
		shares[0] += float64(r.TotalNS + r.CensoredNS)
	}
	if len(rows) != len(result.Groups) {
		m.t.Errorf("%s: got %d rows, want %d\n%s", m.CommandLine(), len(rows), len(result.Groups), m.text())
	}
	for _, g := range result.Groups {
		key := name(func(k latency.Key) any {
			switch v := g[k.String()].(type) {
			case float64:
				return int64(v)
			case nil:
				return ""
			default:
				return v
			}
		})
		r, ok := rows[key]
		if !ok {
			m.t.Errorf("%s: there is no row %s", m.CommandLine(), key)
			continue
		}
		for name, got := range map[string]float64{
			"count": float64(r.Count), "errors": float64(r.Errors), "total_ns": float64(r.TotalNS), "min_ns": float64(r.MinNS), "mean_ns": float64(r.MeanNS),
			"stddev_ns": float64(r.StddevNS), "p50_ns": float64(r.P[0].NS), "p90_ns": float64(r.P[1].NS), "p99_ns": float64(r.P[2].NS), "p999_ns": float64(r.P[3].NS),
			"max_ns": float64(r.MaxNS), "censored": float64(r.Censored), "censored_ns": float64(r.CensoredNS), "per_second": r.PerSecond,
			"share": float64(r.TotalNS+r.CensoredNS) / max(shares[0], 1),
		} {
			if want, _ := g[name].(float64); math.Abs(got-want) > 1e-9*math.Abs(want) {
				m.t.Errorf("%s: %s of %s: got %v, want %v", m.CommandLine(), name, key, got, want)
			}
		}
	}
	if lost := result.Coverage.LostEvents; (lost > 0) != strings.Contains(m.text(), "lost  ") {
		m.t.Errorf("%s: %d events lost, but the screen says\n%s", m.CommandLine(), lost, m.text())
	}
}

// topCapture is a capture of three processes for 100 ms, with a loss.
func topCapture(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	ns := int64(1_700_000_000_000_000_000)
	for i := range 2000 {
		tid := 100 + i%7
		call := []string{"read(3, 0x10, 9) = 9", "openat(0xffffffffffffff9c, 0x7fff, 0) = -2", "epoll_wait(4, 0, 1, 100) = 0", "futex(0x10, 0, 1) = -11", "write(1, 0x20, 4) = 4"}[(i*i+i/3)%5]
		enter, ret, _ := strings.Cut(call, " = ")
		name, _, _ := strings.Cut(enter, "(")
		about := ""
		if name == "openat" {
			about = fmt.Sprintf(" %q", fmt.Sprintf("1=/etc/file%d", i%3))
		}
		place := fmt.Sprintf("%d/%d", 100+tid%3, tid)
		names := fmt.Sprintf(" comm=%q container=%q", fmt.Sprintf("worker%d", tid%4), []string{"", "0123456789ab"}[tid%2])
		fmt.Fprintf(&b, "%d enter %s %s%s%s\n", ns, place, enter, about, names)
		ns += int64(1000 + i*7919%90_000)
		fmt.Fprintf(&b, "%d exit %s %s = %s%s\n", ns, place, name, ret, names)
		ns += 100
		if i == 1200 {
			fmt.Fprintf(&b, "%d lost count=700 first=%d last=%d enters=350 exits=350\n", ns, ns-3_000_000, ns)
		}
	}
	fmt.Fprintf(&b, "%d enter 100/100 read(3, 0x10, 9) comm=\"worker0\"\n", ns)
	return latencyCapture(t, []byte("# systape.request {\"follow\":true,\"all\":true,\"sample\":1,\"buffer_bytes\":1,\"hook\":\"tp_btf\",\"paths\":\"all\",\"path_max\":256}\n"+b.String()))
}

// Whatever is grouped by, filtered and whichever window is shown, the figures are
// those of the latency command line that the screen itself tells.
func TestTopShowsTheFiguresOfLatency(t *testing.T) {
	capture := topCapture(t)
	for _, by := range append(latency.KeyNames(), "comm,syscall", "pid,tid,errno") {
		for _, filters := range []string{"", "--comm=worker1,worker2", "--errno=any", "--syscall=openat,read --min-duration=20us", "--from=+10ms --to=+61.5ms"} {
			args := append([]string{"--by", by, "--wait", "mixed", "--every", "10ms", capture}, strings.Fields(filters)...)
			m := openScreen(t, args...)
			m.settle()
			m.same()
			for range 3 {
				m.press("right")
				m.same()
			}
			m.press("]", "right")
			m.same()
			m.press("end")
			m.same()
			if t.Failed() {
				t.Fatalf("with %q", args)
			}
		}
	}
}

// A window shorter than what was counted is read again, and a loss is found.
func TestTopLooksCloser(t *testing.T) {
	m := openScreen(t, "--every", "10ms", "--wait", "mixed", topCapture(t))
	m.settle()
	m.press("n")
	if !strings.Contains(m.text(), "! 700 events lost") || !strings.Contains(m.text(), "for 10.0 ms") {
		t.Errorf("the next loss:\n%s", m.text())
	}
	m.same()
	m.press("[", "[", "[", "[")
	m.until("a finer window", func() bool { return strings.Contains(m.text(), "for 500 µs") && !m.Reading() })
	m.same()
	m.press("right", "right")
	m.settle()
	m.same()
	m.press("N")
	if !strings.Contains(m.text(), "no events were lost there") {
		t.Errorf("a loss before the first:\n%s", m.text())
	}
	m.press("end", "N")
	m.settle()
	if !strings.Contains(m.text(), "! 700 events lost") {
		t.Errorf("the loss before the end:\n%s", m.text())
	}
}

// Rows lead to their calls and back, whatever they are grouped by.
func TestTopGoesIntoRows(t *testing.T) {
	capture := topCapture(t)
	for _, by := range []string{"syscall", "pid", "tid", "comm", "container", "errno", "status", "path", "fd-type", "comm,errno"} {
		m := openScreen(t, "--by", by, "--wait", "mixed", "--sort", "count", capture)
		m.settle()
		before := m.text()
		row := m.Rows()[0]
		if row.Of(latency.ByPath) == "" && by == "path" { // of what is not known there is no filter
			m.press("down")
			row = m.Rows()[1]
		}
		if by == "fd-type" {
			continue
		}
		m.press("enter")
		m.settle()
		m.same()
		calls := int64(0)
		for _, r := range m.Rows() {
			calls += r.Count // of what has not ended it is not known whether it succeeds
		}
		if calls != row.Count {
			t.Errorf("--by %s: the row has %d calls, into it are %d\n%s\n%s", by, row.Count, calls, before, m.text())
		}
		m.press("u")
		m.settle()
		m.press("home", "a")
		if m.Rows()[0].Count == 0 || !strings.Contains(m.text(), "by "+by+",") {
			t.Errorf("--by %s: back:\n%s", by, m.text())
		}
	}
}

// What is typed is a filter of the command line; what is none is told, and stays.
func TestTopTakesFilters(t *testing.T) {
	m := openScreen(t, "--wait", "mixed", topCapture(t))
	m.settle()
	m.press("/")
	m.typed("--syscal read")
	if !strings.Contains(m.text(), "unknown flag") {
		t.Errorf("a flag that is none:\n%s", m.text())
	}
	m.typed("--errno EWHAT")
	if !strings.Contains(m.text(), "unknown error") {
		t.Errorf("an error that is none:\n%s", m.text())
	}
	m.typed("--comm 'worker1' --errno any")
	m.settle()
	if !strings.Contains(m.text(), "filter: --comm=worker1 --errno=any") {
		t.Errorf("filters:\n%s", m.text())
	}
	m.same()
	m.press("g")
	m.typed("tid,whatever")
	if !strings.Contains(m.text(), "unknown key") {
		t.Errorf("a key that is none:\n%s", m.text())
	}
	m.typed("tid,syscall")
	m.settle()
	m.same()
	for range 20 { // through all columns
		m.press(">")
		m.same()
	}
	for range 12 { // and all keys
		m.press("b")
		m.settle()
		m.same()
	}
}

// Names of a capture cannot do anything to the terminal.
func TestTopEscapesNames(t *testing.T) {
	capture := strangeCapture(t)
	for _, by := range []string{"comm", "comm,syscall"} {
		m := openScreen(t, "--by", by, capture)
		m.settle()
		for range len(strangeNames) {
			if i := strings.IndexFunc(m.text(), func(r rune) bool { return r != '\n' && r < ' ' || r == '\u202e' || r == 0x7f }); i >= 0 {
				t.Fatalf("--by %s: %q", by, m.text())
			}
			m.press("enter")
			m.settle()
			m.press("u")
			m.settle()
			m.press("down")
		}
	}
}

// The screen has as many columns and lines as the terminal, however few.
func TestTopFitsTheTerminal(t *testing.T) {
	m := openScreen(t, "--by", "comm,container,syscall", wideCaptureHere(t))
	m.settle()
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 20, Height: 24}, {Width: 20, Height: 5}, {Width: 200, Height: 60}, {Width: 1, Height: 1}, {Width: 37, Height: 11}} {
		for _, key := range []string{"right", "?", "esc", "c", "esc", "/", "esc", "a", "end"} {
			m.Update(size)
			m.press(key)
			lines := strings.Split(m.text(), "\n")
			if len(lines) > size.Height {
				t.Errorf("%dx%d, %s: %d lines", size.Width, size.Height, key, len(lines))
			}
			for _, l := range lines {
				if out.Width(l) > size.Width && size.Width >= 20 {
					t.Errorf("%dx%d, %s: %d columns: %q", size.Width, size.Height, key, out.Width(l), l)
				}
			}
		}
	}
}

// wideCaptureHere is a capture of long names.
func wideCaptureHere(t *testing.T) string {
	var b strings.Builder
	for i, comm := range []string{"日本語日本", "fifteen-letters", "a b c d e f g h"} {
		ns := int64(1_000_000 + i)
		names := fmt.Sprintf(" comm=%q container=%q", comm, strings.Repeat("ポッド", 4)+".service")
		fmt.Fprintf(&b, "%d enter %d/%d sched_rr_get_interval(0, 0x7f)%s\n", ns, 4194300+i, 4194300+i, names)
		fmt.Fprintf(&b, "%d exit %d/%d sched_rr_get_interval = -22%s\n", ns+1e9, 4194300+i, 4194300+i, names)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	return latencyCapture(t, []byte(strings.Join([]string{lines[0], lines[2], lines[4], lines[1], lines[3], lines[5]}, "\n")+"\n"))
}

// A recording that goes on is followed: the newest window that is over is shown,
// one can look back meanwhile, count anew, and at the end all is there.
func TestTopFollows(t *testing.T) {
	data, half := inBatches(t, topCapture(t))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	g, err := holdGrowing(r)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c := newTopCommand()
	c.ParseFlags([]string{"--every", "10ms", "--wait", "mixed", "-"})
	m := openScreenOf(t, c, &topSource{args: []string{"-"}, stdin: g, known: map[string]bool{}})
	send := make(chan []byte)
	go func() {
		for b := range send {
			w.Write(b)
		}
		w.Close()
	}()
	send <- data[:half]
	m.until("the newest window", func() bool { return strings.Contains(m.text(), "live") && len(m.Rows()) > 0 })
	m.press("left")
	if !strings.Contains(m.text(), "paused") || len(m.Rows()) == 0 {
		t.Errorf("looking back:\n%s", m.text())
	}
	m.press("b")
	m.until("the same by another key", func() bool { return strings.Contains(m.text(), "by pid") && len(m.Rows()) > 0 })
	m.press("end")
	if !strings.Contains(m.text(), "live") {
		t.Errorf("live again:\n%s", m.text())
	}
	send <- data[half:]
	close(send)
	m.settle()
	m.press("a")
	path := filepath.Join(t.TempDir(), "whole.spool")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	whole := openScreen(t, "--by", "pid", "--wait", "mixed", path)
	whole.settle()
	if len(m.Rows()) != len(whole.Rows()) {
		t.Fatalf("followed to the end:\n%s\nwant\n%s", m.text(), whole.text())
	}
	for i, r := range m.Rows() {
		if want := whole.Rows()[i]; r.Figures != want.Figures || r.PID != want.PID {
			t.Errorf("row %d: got %+v, want %+v", i, r.Figures, want.Figures)
		}
	}
}

// inBatches is the spool of a capture as a recorder writes it, in many batches,
// and the length of what of it was written before the recording had ended.
func inBatches(t *testing.T, capture string) (spool []byte, half int) {
	t.Helper()
	r, err := format.Open([]string{capture}, format.ReadOptions{Columns: format.AllColumns})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "growing.spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta := *r.Meta()
	meta.Complete = false
	w, err := format.NewSpoolWriter(f, &meta)
	if err != nil {
		t.Fatal(err)
	}
	var all format.Batch
	if err := r.Next(&all); err != nil {
		t.Fatal(err)
	}
	const rows = 100
	for from := 0; from < all.N; from += rows {
		part := format.NewBatch(all.Symbols, rows)
		part.AppendRows(&all, from, min(from+rows, all.N))
		if err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if from <= all.N*2/3 {
			if info, err := f.Stat(); err == nil {
				half = int(info.Size())
			}
		}
	}
	meta.Complete = true
	if err := w.Close(&meta); err != nil {
		t.Fatal(err)
	}
	spool, err = os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return spool, half
}

// Without a terminal there is no screen, and the hint does instead.
func TestTopWithoutTerminal(t *testing.T) {
	capture := topCapture(t)
	code, stdout, stderr := commandLine(t, "top", "--comm", "worker1", capture)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "needs a terminal") {
		t.Errorf("got code %d, %q, %s", code, stdout, stderr)
	}
	_, hint, _ := strings.Cut(stderr, "hint: ")
	hint, _, _ = strings.Cut(hint, " prints the same")
	line := systapeCommands(hint)
	if len(line) != 1 {
		t.Fatalf("the hint is no command line: %s", stderr)
	}
	if code, stdout, stderr := commandLine(t, line[0]...); code != exitOK || !strings.Contains(stdout, "openat") {
		t.Errorf("%s: got code %d, %s%s", hint, code, stdout, stderr)
	}
}
