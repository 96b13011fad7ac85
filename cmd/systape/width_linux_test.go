package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/sys/unix"

	"systape/format"
)

// wideCapture has the longest names that there are, and runes that take two
// columns.
func wideCapture(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	ns := int64(1_000_000_000_000)
	path := "/" + strings.Repeat("対話/", 40) + strings.Repeat("very-long-name-", 12) + ".txt"
	for i, comm := range []string{"日本語日本", "fifteen-letters", "a b c d e f g h"} {
		for k := range 40 {
			tid := 4194304 - 10*i
			for _, call := range []string{
				"sched_rr_get_interval(0, 0x7fffffffffff) = -9223372036854775",
				"openat(0xffffffffffffff9c, 0x7fffffffffff, 0x80000) = -2",
				"read(3, 0x7fffffffffff, 0x7ffff000) = 2147479552",
				"perf_event_open(0x7fffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 8) = -13",
				"remap_file_pages(0x7fffffffffff, 0x7fffffffffff, 0, 0x7fffffffffff, 0x7fffffff) = -12",
				fmt.Sprintf("kill(%d, 9) = -1", tid-1),
			} {
				enter, ret, _ := strings.Cut(call, " = ")
				name, _, _ := strings.Cut(enter, "(")
				about := ""
				if name == "openat" {
					about = fmt.Sprintf(" %q", "1="+path)
				}
				place := fmt.Sprintf("%d/%d", tid, tid)
				names := fmt.Sprintf(" comm=%q container=%q", comm, strings.Repeat("ポッド", 4)+".service")
				fmt.Fprintf(&b, "%d enter %s %s%s%s\n", ns, place, enter, about, names)
				ns += int64(1000 + k*7919*(i+1))
				fmt.Fprintf(&b, "%d exit %s %s = %s%s\n", ns, place, name, ret, names)
				ns += 100
			}
		}
		fmt.Fprintf(&b, "%d lost count=7000 first=%d last=%d enters=3500 exits=3500\n", ns, ns, ns+50)
		ns += 100
	}
	return latencyCapture(t, []byte("# systape.request {\"follow\":true,\"all\":true,\"sample\":1,\"buffer_bytes\":1,\"hook\":\"tp_btf\",\"paths\":\"all\",\"path_max\":256}\n"+b.String()))
}

// wholeLines are of a call or a sequence each, which is shown whole.
var wholeLines = regexp.MustCompile(`^.{0,80}\w+\(.*\) = |^ *[\d,]+ +\d[\d.]*%  \w+( \w+)+$|^ *"comment": |^.{0,30}(-> |→ )`)

// Nothing that people read is wider than their terminal, whatever the names,
// and no name is cut within a rune.
func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	capture := wideCapture(t)
	short := filepath.Join(t.TempDir(), "c.spool")
	data, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(short, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(short))
	capture = "c.spool"
	if _, err := format.Recover(capture, "c.parquet", format.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	answer(t, []string{"baseline", "train", "-o", "base.json", "c.parquet"})
	escapes := regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")
	for _, line := range []string{
		"latency F", "latency --by comm F", "latency --by comm,container,syscall F", "latency --wide=false --by pid,tid,comm,errno,cpu,abi,status F",
		"latency --errors F", "latency --every 10ms F", "latency --every 10ms --by comm F", "latency --histogram F", "latency --heatmap F", "latency --slowest 9 F", "latency --overhead F",
		"sequences F", "sequences -n 6 F", "sequences --transitions F", "sequences --threads F",
		"score --baseline base.json F", "baseline info base.json", "compare c.parquet -- F", "audit F", "audit --tree F", "audit --rules none F",
		"seccomp F", "info F", "info --privacy F", "verify F", "redact --dry-run F", "doctor --quick",
	} {
		code, screen, stderr := onScreenOf(t, 80, strings.Fields(strings.ReplaceAll(line, "F", capture))...)
		if code == exitUsage || screen == "" {
			t.Errorf("%s: exit code %d, %s", line, code, stderr)
		}
		wide, first := 0, ""
		for l := range strings.Lines(screen) {
			l = strings.TrimRight(escapes.ReplaceAllString(l, ""), "\r\n")
			if text.StringWidth(l) > 80 && !wholeLines.MatchString(l) {
				wide++
				first = cmp.Or(first, l)
			}
			if !utf8.ValidString(l) {
				t.Errorf("%s: cut within a rune: %q", line, l)
			}
		}
		if wide > 0 {
			t.Errorf("%s: %d lines are wider than 80 columns, the first: %.300s", line, wide, first)
		}
	}
}

// onScreenOf is onScreen of a terminal with so many columns.
func onScreenOf(t *testing.T, columns uint16, args ...string) (code int, screen, stderr string) {
	t.Helper()
	master, slave := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return runOn(t, master, slave, args...)
}

// Whoever looks at what a capture holds can read all of it: no name is cut, and
// --all lists every one.
func TestPrivacyShowsWholeNames(t *testing.T) {
	var rows strings.Builder
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprintf("/srv/customers/%s-%d/projects/with a long name/%s", strings.Repeat("acme", 8), i, strings.Repeat("é", 40)))
		fmt.Fprintf(&rows, "%d exec 7 old=7 %q\n", 10+i, names[i])
	}
	capture := latencyCapture(t, []byte(rows.String()))
	escapes := regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\r")
	for _, c := range []struct {
		line string
		want int
	}{{"info --privacy F", 3}, {"info --privacy --all F", 7}, {"redact --dry-run F", 3}, {"redact --dry-run --all F", 7}} {
		words := strings.Fields(strings.ReplaceAll(c.line, "F", capture))
		_, pipe, stderr := commandLine(t, words...)
		_, screen, _ := onScreenOf(t, 80, words...)
		var joined strings.Builder
		for l := range strings.Lines(escapes.ReplaceAllString(screen, "")) {
			joined.WriteString(strings.TrimLeft(strings.TrimRight(l, "\n"), " "))
		}
		for what, text := range map[string]string{"in a pipe": pipe, "at 80 columns": strings.ReplaceAll(joined.String(), " ", "")} {
			got := 0
			for _, name := range names {
				if strings.Contains(text, name) || strings.Contains(text, strings.ReplaceAll(name, " ", "")) {
					got++
				}
			}
			if got != c.want || strings.Contains(text, "--all") != (c.want < len(names)) {
				t.Errorf("%s %s: %d of the names are whole, want %d\n%s%s", c.line, what, got, c.want, text, stderr)
			}
		}
	}
}
