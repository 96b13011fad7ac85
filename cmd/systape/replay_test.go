package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/replay/convert/jsonl"
)

// runReplayCommand runs a command line of systape without a terminal.
func runReplayCommand(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

const replayLoopCapture = `1000000000 enter 7/7 getpid() comm="sh"
1000000100 exit 7/7 getpid = 7 comm="sh"
1000000200 enter 7/7 openat(-100, 0x1000, 0) comm="sh"
1000000300 exit 7/7 openat = -2 comm="sh"
`

func TestReplayUsage(t *testing.T) {
	capture := latencyCapture(t, []byte(replayLoopCapture))
	for _, c := range []struct{ args, want string }{
		{"replay", "no capture given"},
		{"replay F --speed fast", `--speed: "fast" is no speed`},
		{"replay F --columns tme", `--columns: unknown column "tme"`},
		{"replay F --time local", `--time: unknown style of time "local"`},
		{"replay F --color maybe", `--color: "maybe", want auto, always or never`},
		{"replay F --format xml", `--format: unknown format "xml"`},
		{"replay F --format jsonl --columns time", "jsonl has all columns"},
		{"replay F --loop --follow", "choose one"},
		{"replay F --around +1s --from +1s", "--around is a time span of its own"},
		{"replay F --around yesterday", `--around: "yesterday" is no time`},
		{"replay F --events --errno any", "events have no outcome"},
		{"replay F F --follow", "--follow reads one spool"},
		{"replay - --loop", "standard input cannot do"},
		{"export F", "no form given"},
		{"export F --format xml", `unknown form "xml"`},
		{"export F --format folded --weight bytes", `--weight: "bytes", want time or count`},
		{"export F --format chrome --weight count", "--weight is for folded and pprof"},
		{"export F --format jsonl --pid 7", "filters choose calls"},
	} {
		code, stdout, stderr := runReplayCommand(t, strings.Fields(strings.ReplaceAll(c.args, "F", capture))...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit code %d, want %d; standard error %q, want %q in it; standard output %q", c.args, code, exitUsage, stderr, c.want, stdout)
		}
	}
}

// pipe fails after n bytes, as a pipe does whose reader has gone.
type pipe struct {
	bytes.Buffer
	left int
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
	}
	return p.Buffer.Write(b)
}

func TestClosedPipeEndsQuietly(t *testing.T) {
	capture := latencyCapture(t, bytes.Repeat([]byte("1000000000 enter 7 getpid()\n1000000000 exit 7 getpid = 7\n"), 10000))
	baseline := filepath.Join(t.TempDir(), "baseline.json")
	answer(t, []string{"baseline", "train", "-o", baseline, capture})
	lines := []string{"audit F", "bundle F -o -", "copy F -o -", "seccomp F", "info --privacy F", "redact --dry-run F", "baseline info B", "doctor --quick", "completion bash", "latency --help", "--version"}
	for _, row := range formsRows() {
		if !strings.Contains(row.args, "T") {
			lines = append(lines, row.args)
		}
	}
	for _, line := range lines {
		words := strings.Fields(line)
		for i, w := range words {
			words[i] = map[string]string{"F": capture, "A": capture, "B": baseline}[w]
			words[i] = cmp.Or(words[i], w)
		}
		for _, left := range []int{0, 100} {
			out := &pipe{left: left}
			var stderr bytes.Buffer
			code := run(context.Background(), words, strings.NewReader(""), out, &stderr)
			if out.left >= 0 {
				continue // all it had to say went before
			}
			if code != exitOK || strings.Contains(stderr.String(), "pipe") {
				t.Errorf("%s: exit code %d, standard error %q", line, code, stderr.String())
			}
		}
	}
}

func TestReplayLoops(t *testing.T) {
	capture := latencyCapture(t, []byte(replayLoopCapture))
	out := &pipe{left: 1000}
	var stderr bytes.Buffer
	code := run(context.Background(), []string{"replay", capture, "--loop", "--columns", "time,call"}, strings.NewReader(""), out, &stderr)
	if n := strings.Count(out.String(), "  0.000000000 getpid()\n"); code != exitOK || n < 3 {
		t.Errorf("exit code %d, %d rounds, want several; %s", code, n, stderr.String())
	}
	// Nothing to show is no reason to loop for ever.
	code, stdout, stderr2 := runReplayCommand(t, "replay", capture, "--loop", "--pid", "99")
	if code != exitOK || stdout != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr2)
	}
}

// A spool that is being written is shown as it grows, and the replay ends
// when the recorder takes the spool away.
func TestReplayFollows(t *testing.T) {
	events := format.MustParseText(replayLoopCapture)
	path := filepath.Join(t.TempDir(), "running.spool")
	f, err := os.Create(path)
	if err == nil {
		err = format.LockSpool(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}}
	w, err := format.NewSpoolWriter(f, meta)
	if err != nil {
		t.Fatal(err)
	}
	var lines atomic.Int64
	r, out := io.Pipe()
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			seen.Write(b[:n])
			lines.Add(int64(bytes.Count(b[:n], []byte{'\n'})))
			if err != nil {
				return
			}
		}
	}()
	done := make(chan int)
	var stderr bytes.Buffer
	go func() {
		code := run(context.Background(), []string{"replay", path, "--follow", "--columns", "call,result"}, strings.NewReader(""), out, &stderr)
		out.Close()
		done <- code
	}()
	write := func(part []format.Event) {
		b := format.NewBatch(format.NewSymbolTable(), len(part))
		for _, e := range part {
			b.Append(e)
		}
		if err := w.Write(b); err != nil {
			t.Error(err)
		}
	}
	write(events[:2])
	for range 1000 { // the first call is there long before the capture is complete
		if lines.Load() == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := lines.Load(); n != 1 {
		t.Errorf("%d lines are shown of a capture that goes on, want 1", n)
	}
	write(events[2:])
	meta.Complete = true
	if err := errors.Join(w.Close(meta), f.Close(), os.Remove(path)); err != nil {
		t.Error(err)
	}
	code := <-done
	<-read
	want := "getpid()                              = 7\nopenat(AT_FDCWD, 0x1000, O_RDONLY)    = -1 ENOENT (No such file or directory)\n"
	if code != exitOK || seen.String() != want || stderr.String() != "systape: "+path+": the recording has ended\n" {
		t.Errorf("exit code %d, got\n%s%s\nwant\n%s", code, seen.String(), stderr.String(), want)
	}
}

// What no recorder writes any more is shown to its end: a finished capture, a
// finished spool, and what is left of one whose recorder was killed.
func TestReplayFollowsWhatHasEnded(t *testing.T) {
	events := format.MustParseText(replayLoopCapture)
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}}
	spool := func(name string, complete bool) string {
		path := filepath.Join(t.TempDir(), name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w, err := format.NewSpoolWriter(f, meta)
		if err != nil {
			t.Fatal(err)
		}
		b := format.NewBatch(format.NewSymbolTable(), len(events))
		for _, e := range events {
			b.Append(e)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if complete {
			last := *meta
			last.Complete = true
			if err := w.Close(&last); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	empty := filepath.Join(t.TempDir(), "empty.spool")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, warned string
		lines        int
	}{
		{latencyCapture(t, []byte(replayLoopCapture)), "", 2},
		{spool("whole.spool", true), "", 2},
		{spool("cut.spool", false), "the recorder did not end properly", 2},
		{empty, "the spool is empty", 0},
	} {
		code, stdout, stderr := runReplayCommand(t, "replay", c.path, "--follow")
		if code != exitOK || strings.Count(stdout, "\n") != c.lines || !strings.HasSuffix(stderr, "systape: "+c.path+": the recording has ended\n") ||
			!strings.Contains(stderr, c.warned) || c.warned == "" && strings.Contains(stderr, "warning") {
			t.Errorf("%s: exit code %d\n%s%s", c.path, code, stdout, stderr)
		}
	}
}

func TestExportJSONLinesAreIdentity(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	tested := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			want, err := format.ParseText(bytes.NewReader(f.Data))
			if f.Name != "capture" || err != nil || len(want) == 0 || want[0].Seq != 0 {
				continue
			}
			code, stdout, stderr := runReplayCommand(t, "export", latencyCapture(t, f.Data), "--format", "jsonl")
			if code != exitOK {
				t.Errorf("%s: exit code %d: %s", file, code, stderr)
				continue
			}
			b := format.NewBatch(nil, len(want))
			if err := jsonl.NewReader(strings.NewReader(stdout)).Read(b, len(want)+1); err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			var got []format.Event
			for i := range b.N {
				got = append(got, b.At(i))
			}
			if a, b := string(format.FormatText(got)), string(format.FormatText(want)); a != b {
				t.Errorf("%s: got\n%s\nwant\n%s", file, a, b)
			}
			tested++
		}
	}
	if tested < 5 {
		t.Errorf("only %d captures were found to test with", tested)
	}
}

func TestExportKeepsFiles(t *testing.T) {
	capture := latencyCapture(t, []byte(replayLoopCapture))
	out := filepath.Join(t.TempDir(), "calls.folded")
	if code, _, stderr := runReplayCommand(t, "export", capture, "--format", "folded", "-o", out); code != exitOK {
		t.Fatal(stderr)
	}
	first, err := os.ReadFile(out)
	if err != nil || len(first) == 0 {
		t.Fatalf("%q, %v", first, err)
	}
	if code, _, stderr := runReplayCommand(t, "export", capture, "--format", "chrome", "-o", out); code != exitFailed || !strings.Contains(stderr, "--force") {
		t.Errorf("exit code %d, %q, want a refusal", code, stderr)
	}
	if code, _, stderr := runReplayCommand(t, "export", capture, "--format", "chrome", "-o", out, "--force"); code != exitOK {
		t.Error(stderr)
	}
	if now, err := os.ReadFile(out); err != nil || !bytes.Contains(now, []byte("traceEvents")) {
		t.Errorf("--force did not replace the file: %q, %v", now, err)
	}
	if _, err := os.Stat(out + ".partial"); err == nil {
		t.Error("an unfinished file is left")
	}
}
