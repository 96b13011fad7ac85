package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/cmd/systape/internal/views"
	"systape/format"
)

// runPairCommand runs systape pair without a terminal.
func runPairCommand(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), append([]string{"pair"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

const pairTwoCalls = `1000 enter 7 read(3, 0x7f00, 1)
1100 exit 7 read = 1
1200 enter 7 write(3, 0x7f00, 1)
1300 exit 7 write = -11
`

// What pair wrote is no capture, and each command that is given it says what to give instead.
func TestCallsAreNoCapture(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls.parquet")
	if code, _, stderr := runPairCommand(t, latencyCapture(t, []byte(pairTwoCalls)), "-o", calls); code != 0 {
		t.Fatal(stderr)
	}
	for _, command := range [][]string{{"redact", "-o", calls + ".safe"}, {"latency"}, {"info"}} {
		var out, stderr bytes.Buffer
		if code := run(context.Background(), append(command, calls), strings.NewReader(""), &out, &stderr); code == 0 || !strings.Contains(stderr.String(), "give the capture that it was made of") {
			t.Errorf("%q: exit code %d, %q", command, code, stderr.String())
		}
	}
}

// TestPairFiles writes every format to a file of its own.
func TestPairFiles(t *testing.T) {
	capture := latencyCapture(t, []byte(pairTwoCalls))
	dir := t.TempDir()
	for _, c := range []struct{ name, begins string }{
		{"calls.parquet", "PAR1"},
		{"calls.arrows", "\xff\xff\xff\xff"},
		{"calls.csv", "start_ns,dur_ns,time,"},
		{"calls.jsonl", `{"start_ns":1000,"dur_ns":100,"time":"1970-01-01T00:00:00.000001Z",`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, c.name)
			code, stdout, stderr := runPairCommand(t, capture, "-o", file)
			if code != 0 || stdout != "" || stderr != "coverage: 100 % of 2 calls\n" {
				t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(got), c.begins) {
				t.Errorf("the file begins with %q, want %q", got[:min(len(got), len(c.begins))], c.begins)
			}
			if _, err := os.Lstat(file + ".partial"); err == nil {
				t.Error("the partial file is still there")
			}
			again := filepath.Join(dir, "again-"+c.name)
			if code, _, stderr := runPairCommand(t, capture, "-o", again); code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if second, err := os.ReadFile(again); err != nil || !bytes.Equal(got, second) {
				t.Errorf("the same capture gives other bytes the second time (%v)", err)
			}
		})
	}
}

// TestPairJSONLines holds that every line is a JSON object with the columns of
// the calls table.
func TestPairJSONLines(t *testing.T) {
	capture := latencyCapture(t, []byte("1000 enter 7 read(3) comm=\"a\\\"\\\\\\n,\"\n"))
	_, stdout, _ := runPairCommand(t, capture, "-o", "-")
	var row map[string]any
	if err := json.Unmarshal([]byte(stdout), &row); err != nil {
		t.Fatal(err)
	}
	if len(row) != len(views.CallFields(format.NewSymbolTable(), format.WallClock{})) || row["comm"] != "a\"\\\n," {
		t.Errorf("got %d columns, comm %q: %s", len(row), row["comm"], stdout)
	}
	for _, c := range views.CallFields(format.NewSymbolTable(), format.WallClock{}) {
		if _, ok := row[c.Name]; !ok {
			t.Errorf("no column %s", c.Name)
		}
	}
}

// TestPairRefuses lists what pair does not do, and how it says so. Nothing is
// left behind.
func TestPairRefuses(t *testing.T) {
	capture := latencyCapture(t, []byte(pairTwoCalls))
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken.csv")
	if err := os.WriteFile(taken, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("no capture at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(dir, "back.spool")
	if err := os.WriteFile(back, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	new := filepath.Join(dir, "new.csv")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no capture", []string{"-o", new}, exitUsage, "no capture given"},
		{"no output", []string{capture}, exitUsage, "no file to write to"},
		{"unknown ending", []string{capture, "-o", filepath.Join(dir, "calls.xls")}, exitUsage, "does not say by its name"},
		{"unknown format", []string{capture, "-o", new, "--format", "xls"}, exitUsage, `unknown format "xls"`},
		{"a file that exists", []string{capture, "-o", taken}, exitFailed, "--force replaces it"},
		{"the capture itself", []string{back, "-o", back, "--format", "csv", "--force"}, exitUsage, "is the capture itself"},
		{"a missing capture", []string{filepath.Join(dir, "none.parquet"), "-o", new}, exitFailed, "none.parquet"},
		{"no capture of any kind", []string{text, "-o", new}, exitFailed, "not a capture"},
		{"unknown status", []string{capture, "-o", new, "--status", "good"}, exitUsage, `unknown status "good"`},
		{"unknown error", []string{capture, "-o", new, "--errno", "EWHAT"}, exitUsage, `unknown error "EWHAT"`},
		{"unknown call", []string{capture, "-o", new, "--syscall", "raed"}, exitUsage, "read"},
		{"a bad id", []string{capture, "-o", new, "--pid", "x"}, exitUsage, `--pid: "x" is no id`},
		{"a bad time", []string{capture, "-o", new, "--from", "noon"}, exitUsage, `--from: "noon" is no time`},
		{"a bad offset", []string{capture, "-o", new, "--to", "+x"}, exitUsage, `--to: "+x" is no offset`},
		{"a negative duration", []string{capture, "-o", new, "--min-duration", "-1s"}, exitUsage, "negative"},
		{"a folder that is not there", []string{capture, "-o", filepath.Join(dir, "no", "calls.csv")}, exitFailed, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := runPairCommand(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, %q; want %d, %q", code, stderr, c.code, c.want)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 3 {
		t.Errorf("files left: %q, %v", left, err)
	}
	if got, err := os.ReadFile(taken); err != nil || string(got) != "mine" {
		t.Errorf("the file that exists holds %q, %v", got, err)
	}
	if code, _, stderr := runPairCommand(t, capture, "-o", taken, "--force"); code != 0 {
		t.Errorf("with --force: exit code %d, %s", code, stderr)
	}
}

// TestPairOfACaptureCutOff gives out all that is there, with a warning.
func TestPairOfACaptureCutOff(t *testing.T) {
	capture := latencyCapture(t, []byte(pairTwoCalls))
	whole, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(capture, whole[:len(whole)-100], 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runPairCommand(t, capture, "-o", "-")
	if code != 0 || strings.Count(stdout, "\n") != 2 || strings.Count(stderr, "warning:") != 1 {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

// partsOf writes a capture in parts that end before the rows cuts, part-1.parquet
// and so on, and returns their folder. Rotation says that a recorder cut it.
func partsOf(t *testing.T, events []format.Event, rotation bool, cuts ...int) string {
	dir := t.TempDir()
	cuts = append(cuts, len(events))
	for i, from := 0, 0; i < len(cuts); i++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("part-%d.parquet", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Complete: true,
			Part: format.Part{Number: i + 1, FirstSeq: int64(from), Rows: int64(cuts[i] - from), Last: i == len(cuts)-1, Rotation: rotation}}
		w, err := format.NewParquetWriter(f, meta)
		if err != nil {
			t.Fatal(err)
		}
		b := format.NewBatch(nil, 0)
		for _, e := range events[from:cuts[i]] {
			b.Append(e)
		}
		if err := errors.Join(w.Write(b), w.Close(meta), f.Close()); err != nil {
			t.Fatal(err)
		}
		from = cuts[i]
	}
	return dir
}

// TestPairPartsDoNotMatter cuts one recording into parts and files in several
// ways: the calls are the same.
func TestPairPartsDoNotMatter(t *testing.T) {
	events, err := format.ParseText(bytes.NewReader(pairRandomText()))
	if err != nil {
		t.Fatal(err)
	}
	events = events[:5000]
	parts := func(cuts ...int) string { return partsOf(t, events, false, cuts...) }
	_, want, _ := runPairCommand(t, parts(), "-o", "-")
	if strings.Count(want, "\n") < 2000 {
		t.Fatalf("only %d calls", strings.Count(want, "\n"))
	}
	three := parts(1, 2500)
	file := func(n int) string { return filepath.Join(three, fmt.Sprintf("part-%d.parquet", n)) }
	for name, args := range map[string][]string{
		"a folder of three parts":    {three},
		"three files, in any order":  {file(3), file(1), file(2)},
		"two parts":                  {parts(4999)},
		"a cut inside of every call": {parts(2, 3, 5, 7, 11, 13)},
	} {
		code, got, stderr := runPairCommand(t, append(args, "-o", "-")...)
		if code != 0 || got != want {
			t.Errorf("%s: exit code %d, %d calls, want %d; %s", name, code, strings.Count(got, "\n"), strings.Count(want, "\n"), stderr)
		}
	}
}
