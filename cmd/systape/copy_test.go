package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"systape/format"
)

// copySources are captures to copy: recorded ones, every kind of row, and
// losses.
func copySources(t *testing.T) map[string]string {
	return map[string]string{
		"recorded": "../../testdata/v1/workload.parquet",
		"spool":    "../../testdata/v1/workload.spool",
		"story":    "../../testdata/v2/story.parquet",
		"random":   latencyCapture(t, pairRandomText()),
		"losses":   latencyCapture(t, copyLosses),
	}
}

// copyLosses is a capture in which an exit of thread 7 is lost, and an enter of
// thread 8.
var copyLosses = []byte(`1000000000 enter 7/7 read(3) comm="a"
1000001000 enter 8/8 write(4) comm="b"
1000002000 exit 8/8 write = 1 comm="b"
1000005000 lost count=3 last=1000005000 enters=1 exits=2 cpu=0
1000006000 exit 8/8 read = 2 comm="b"
1000007000 enter 7/7 close(3) comm="a"
1000008000 exit 7/7 close = 0 comm="a"
`)

// copyPaths are the columns about files in a line of a call, copyUnknown those
// that say nothing.
var (
	copyFiles   = regexp.MustCompile(`; paths and descriptors known in .*`)
	copyPaths   = regexp.MustCompile(`,"fd_path":.*`)
	copyUnknown = regexp.MustCompile(`^,"fd_path":"","path":"","path2":""}$`)
)

// TestCopyFilters: the calls of a copy are those that the same filters choose
// in the source, with the same statuses and durations, and so is the coverage.
func TestCopyFilters(t *testing.T) {
	filters := [][]string{
		{"--from", "+20ms", "--to", "+60ms"}, {"--to", "+30ms"}, {"--syscall", "openat,read"}, {"--comm", "f*"}, {"--errno", "any"},
		{"--min-duration", "10us"}, {"--pid", "4192,100,7"}, {"--tid", "4192,7"}, {"--status", "restarted,no_return,child_return,exit_lost"},
		{"--container", "host", "--syscall", "!futex", "--from", "+2us"},
	}
	for name, source := range copySources(t) {
		t.Run(name, func(t *testing.T) {
			rows := 0
			for _, filter := range filters {
				copied := filepath.Join(t.TempDir(), "copy.parquet")
				code, _, stderr := infoRun(t, append([]string{"copy", source, "-o", copied}, filter...)...)
				if code != 0 || !strings.Contains(stderr, "copied: ") {
					t.Fatalf("%v: exit code %d: %s", filter, code, stderr)
				}
				_, want, wantErr := infoRun(t, append([]string{"pair", source, "-o", "-"}, filter...)...)
				code, got, gotErr := infoRun(t, "pair", copied, "-o", "-")
				// What an earlier call told of a descriptor may be left out.
				for _, path := range copyPaths.FindAllString(got, -1) {
					if !copyUnknown.MatchString(path) && !strings.Contains(want, path) {
						t.Errorf("%v: %s is of no call of the source", filter, path)
					}
				}
				if got, want := copyPaths.ReplaceAllString(got, ""), copyPaths.ReplaceAllString(want, ""); code != 0 || got != want {
					t.Errorf("%v: exit code %d: %s", filter, code, firstDifference(got, want))
				}
				// The statuses and errors of the rest are known to the source only.
				if f := filter[0]; f != "--errno" && f != "--status" && f != "--min-duration" && copyFiles.ReplaceAllString(gotErr, "") != copyFiles.ReplaceAllString(wantErr, "") {
					t.Errorf("%v: %q, want %q", filter, gotErr, wantErr)
				}
				rows += strings.Count(want, "\n")
				if code, out, _ := infoRun(t, "verify", copied); code != 0 {
					t.Errorf("%v: verify:\n%s", filter, out)
				}
				var info struct {
					Rows      int64
					Selection *format.Selection
					Counts    *format.Counts
				}
				_, text, _ := infoRun(t, "info", "--format", "json", copied)
				if err := json.Unmarshal([]byte(text), &info); err != nil {
					t.Fatal(err)
				}
				s := info.Selection
				if s == nil || s.By != "systape" || !s.Calls || s.Of < info.Rows || info.Counts != nil || s.Threads != (filter[0] == "--pid" || filter[0] == "--tid" || filter[0] == "--from" && len(filter) == 4 || filter[0] == "--to") {
					t.Errorf("%v: %d rows, %+v", filter, info.Rows, s)
				}
			}
			if rows == 0 && name != "story" {
				t.Error("no filter chose anything")
			}
		})
	}
}

// TestCopyWhole: without filters a copy, in one file or in parts, is the
// capture.
func TestCopyWhole(t *testing.T) {
	about := regexp.MustCompile(`(?m)^#: systape\.(tool|part|clock|complete|recovered|counts|cost|probes) .*\n`)
	dump := func(paths ...string) string {
		code, out, stderr := infoRun(t, append([]string{"dump"}, paths...)...)
		if code != 0 {
			t.Fatalf("dump: exit code %d: %s", code, stderr)
		}
		return about.ReplaceAllString(out, "")
	}
	for name, source := range copySources(t) {
		t.Run(name, func(t *testing.T) {
			for _, split := range [][]string{nil, {"-G", "20ms"}, {"-C", "1"}} {
				dir := t.TempDir()
				code, _, stderr := infoRun(t, append([]string{"copy", source, "-o", filepath.Join(dir, "copy.parquet")}, split...)...)
				if code != 0 {
					t.Fatalf("%v: exit code %d: %s", split, code, stderr)
				}
				if got, want := dump(dir), dump(source); got != want {
					t.Errorf("%v: %s", split, firstDifference(got, want))
				}
				wantCode, want, _ := infoRun(t, "verify", "--format", "json", source)
				code, got, _ := infoRun(t, "verify", "--format", "json", dir)
				if conserved := regexp.MustCompile(`(?s)"conservation".*`); code != wantCode || conserved.FindString(got) != conserved.FindString(want) {
					t.Errorf("%v: verify: exit code %d, want %d: %s", split, code, wantCode, firstDifference(got, want))
				}
				files, _ := filepath.Glob(filepath.Join(dir, "*.parquet"))
				if len(split) > 0 && split[0] == "-G" && name == "recorded" && len(files) < 3 {
					t.Errorf("%d parts", len(files))
				}
			}
		})
	}
}

// TestCopyOfParts: parts become one file, and one that is missing stays missing.
func TestCopyOfParts(t *testing.T) {
	dir := t.TempDir()
	source := copySources(t)["recorded"]
	name := func(s string) string { return filepath.Join(dir, s) }
	copyRun := func(args ...string) (int, string) {
		code, _, stderr := infoRun(t, append([]string{"copy"}, args...)...)
		return code, stderr
	}
	if code, stderr := copyRun(source, "-o", name("part.parquet"), "-G", "20ms"); code != 0 {
		t.Fatal(stderr)
	}
	parts, _ := filepath.Glob(name("part-*.parquet"))
	if code, stderr := copyRun(append(parts, "-o", name("one.parquet"))...); code != 0 {
		t.Fatal(stderr)
	}
	_, want, _ := infoRun(t, "pair", "-o", "-", source)
	if _, got, _ := infoRun(t, "pair", "-o", "-", name("one.parquet")); got != want {
		t.Error(firstDifference(got, want))
	}
	if code, out, _ := infoRun(t, "verify", name("one.parquet")); code != 0 || !strings.Contains(out, "17 rules hold") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, stderr := copyRun(parts[0], parts[1], "-o", name("begin.parquet")); code != 0 {
		t.Fatal(stderr)
	}
	if _, out, _ := infoRun(t, "info", name("begin.parquet")); !strings.Contains(out, ", incomplete") {
		t.Errorf("the first parts say of themselves\n%s", out)
	}
	if code, stderr := copyRun(parts[1], "-o", name("again.parquet"), "-C", "1MiB"); code != exitFailed || !strings.Contains(stderr, "not all parts") {
		t.Errorf("a part in parts: exit code %d, %s", code, stderr)
	}
	other := filepath.Join(t.TempDir(), "other.spool")
	text, err := os.ReadFile("../../testdata/v1/workload.spool")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{source}, exitUsage, "no file to write to"},
		{[]string{source, "-o", "-", "-C", "1MiB"}, exitUsage, "several files"},
		{[]string{source, "-o", "-", "-G", "1s"}, exitUsage, "several files"},
		{[]string{source, "-o", "-", "--partition", "date"}, exitUsage, "several files"},
		{[]string{"-o", name("x.parquet")}, exitUsage, "no capture"},
		{[]string{source, "-o", name("x.parquet"), "-C", "much"}, exitUsage, "128MiB"},
		{[]string{source, "-o", source, "--force"}, exitUsage, "the capture itself"},
		{[]string{source, "-o", name("one.parquet")}, exitFailed, "--force"},
		{[]string{source, other, "-o", name("x.parquet")}, exitFailed, "different recordings"},
	} {
		if code, stderr := copyRun(c.args...); code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr)
		}
	}
	if left, _ := filepath.Glob(name("*.partial")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCopyToStandardOutput: what comes out of a pipe is the file that -o NAME makes.
func TestCopyToStandardOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "copy.parquet")
	args := []string{"copy", "../../testdata/v1/workload.parquet", "--comm", "find", "-o"}
	if code, _, stderr := infoRun(t, append(args, file)...); code != 0 {
		t.Fatal(stderr)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, got, stderr := infoRun(t, append(args, "-")...)
	if code != 0 || got != string(want) {
		t.Errorf("exit code %d, %d bytes, the file has %d\n%s", code, len(got), len(want), stderr)
	}
}

// TestRedactACopy: a selection stays one when it is redacted, its filter untold.
func TestRedactACopy(t *testing.T) {
	dir := t.TempDir()
	copied, redacted := filepath.Join(dir, "copy.parquet"), filepath.Join(dir, "redacted.parquet")
	if code, _, stderr := infoRun(t, "copy", "../../testdata/v1/workload.parquet", "-o", copied, "--comm", "find", "--to", "+1s"); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := infoRun(t, "redact", copied, "-o", redacted, "--key", filepath.Join(dir, "key")); code != 0 {
		t.Fatal(stderr)
	}
	selection := func(name string) *format.Selection {
		var info struct{ Selection *format.Selection }
		_, text, _ := infoRun(t, "info", "--format", "json", name)
		if err := json.Unmarshal([]byte(text), &info); err != nil || info.Selection == nil {
			t.Fatalf("%v in %s", err, text)
		}
		return info.Selection
	}
	before, after := selection(copied), selection(redacted)
	if after.Filter != "redacted" || after.Of != before.Of || after.End == before.End || after.End-after.Begin != before.End-before.Begin || after.To-after.Begin != before.To-before.Begin {
		t.Errorf("%+v became %+v", before, after)
	}
	if code, out, _ := infoRun(t, "verify", redacted); code != 0 {
		t.Errorf("verify:\n%s", out)
	}
}
