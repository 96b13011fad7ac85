package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/format"
)

// flying is a flight recorder of a shell that does what it is told, line by line.
type flying struct {
	*exec.Cmd
	r       recorder
	dir     string
	control io.WriteCloser
	stderr  strings.Builder
	metrics http.Client
}

// The shell's script: each line is run and answered by a file of that name in
// the folder $0, so that the test knows when it is done.
const obeys = `while read -r n line; do eval "$line"; : >"$0/$n"; done`

func (r recorder) fly(t *testing.T, args ...string) *flying {
	t.Helper()
	f := r.watched(t, append(args, "--", "sh", "-c", obeys, t.TempDir())...)
	control, err := f.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.control = control
	f.begin(t)
	f.run(t, ":")
	return f
}

// watched is a recorder whose counters can be read, which has not begun.
func (r recorder) watched(t *testing.T, args ...string) *flying {
	t.Helper()
	f := &flying{r: r, dir: t.TempDir()}
	socket := filepath.Join(t.TempDir(), "m")
	f.Cmd = r.command(t, append([]string{"record", "-o", filepath.Join(f.dir, "t.parquet"), "--metrics", "unix:" + socket}, args...)...)
	f.Stderr = &f.stderr
	f.metrics.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	return f
}

func (f *flying) begin(t *testing.T) {
	t.Helper()
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Process.Kill(); f.Wait(); f.metrics.CloseIdleConnections() })
}

var lines int

// tell has the shell run a line, and returns what says that it has.
func (f *flying) tell(t *testing.T, line string) (ran func() bool) {
	t.Helper()
	lines++
	name := filepath.Join(f.Args[len(f.Args)-1], strconv.Itoa(lines))
	if _, err := io.WriteString(f.control, strconv.Itoa(lines)+" "+line+"\n"); err != nil {
		t.Fatal(err)
	}
	return func() bool { return exists(name) }
}

func (f *flying) run(t *testing.T, line string) {
	t.Helper()
	waitFor(t, line, f.tell(t, line))
}

// runUnseen runs a line while the recorder stands still and empties no buffer.
func (f *flying) runUnseen(t *testing.T, line string) {
	t.Helper()
	f.Process.Signal(syscall.SIGSTOP)
	f.run(t, line)
	f.Process.Signal(syscall.SIGCONT)
}

// metric asks the recorder.
func (f *flying) metric(t *testing.T, name string) float64 {
	t.Helper()
	answer, err := f.metrics.Get("http://systape/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	v, err := strconv.ParseFloat(samples(t, string(text))[name], 64)
	if err != nil {
		t.Fatalf("%s: %v in\n%s", name, err, text)
	}
	return v
}

func (f *flying) reaches(t *testing.T, name string, least float64) {
	t.Helper()
	waitFor(t, name, func() bool { return f.metric(t, name) >= least })
}

// nearAndFar runs what is not to fire a trigger, which USR1 has written and so
// looked at, and then what is.
func (f *flying) nearAndFar(t *testing.T, near, far string) {
	t.Helper()
	f.run(t, near)
	f.Process.Signal(syscall.SIGUSR1)
	f.reaches(t, "systape_flight_files_total", 1)
	if n := f.metric(t, "systape_flight_triggers_total"); n != 0 {
		t.Errorf("%q fired it", near)
	}
	f.run(t, far)
}

func (f *flying) files() []string {
	list, _ := filepath.Glob(filepath.Join(f.dir, "*.parquet"))
	return list
}

// land ends the shell, and with it the recording, and returns the files.
func (f *flying) land(t *testing.T) []string {
	t.Helper()
	f.control.Close()
	if err := f.Wait(); err != nil {
		t.Fatalf("%v: %s", err, f.stderr.String())
	}
	left, _ := filepath.Glob(filepath.Join(f.dir, "*"))
	if list := f.files(); !slices.Equal(left, list) {
		t.Errorf("left: %q", left)
	}
	return f.files()
}

// json runs a command and reads its answer.
func (r recorder) json(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.succeed(t, args...).out), into); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
}

// flightFile reads a file, which verify must find nothing wrong with.
func (r recorder) flightFile(t *testing.T, path string) (*format.Meta, []format.Event) {
	t.Helper()
	r.succeed(t, "verify", path)
	reader, err := format.Open([]string{path}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var events []format.Event
	for e, err := range reader.Events() {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	m := reader.Meta()
	if m.Flight == nil || !m.Complete || m.Counts != nil || len(events) == 0 || events[0].Seq != m.Part.FirstSeq {
		t.Fatalf("%s: %+v", path, m)
	}
	return m, events
}

// recordFlight: what the issue demands of a flight recorder.
func recordFlight(t *testing.T, r recorder) {
	t.Run("a slow fsync", func(t *testing.T) { flightSlowFsync(t, r) })
	t.Run("triggers", func(t *testing.T) { flightTriggers(t, r) })
	t.Run("signal", func(t *testing.T) { flightSignal(t, r) })
	t.Run("end", func(t *testing.T) { flightEnd(t, r) })
	t.Run("losses", func(t *testing.T) { flightLosses(t, r) })
	t.Run("exact counts", func(t *testing.T) { flightCounts(t, r) })
	t.Run("chosen calls", func(t *testing.T) { flightChooses(t, r) })
	t.Run("killed", func(t *testing.T) { flightKilled(t, r) })
	t.Run("refused", func(t *testing.T) { flightRefused(t, r) })
}

// One fsync is stalled: a file is written that has the ten seconds before, and
// says why. A second stall in the cool-down makes none.
func flightSlowFsync(t *testing.T, r recorder) {
	stall := mountStallFS(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	f := r.fly(t, "--flight", "10s", "--trigger", "fsync>200ms", "--trigger", "end", "--after", "1s")
	// cat waits in a call from before the window on.
	f.run(t, "cat "+fifo+" &")
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fast := f.tell(t, "sync "+stall.file) // which is not slow
	(<-stall.Fsyncs)()
	waitFor(t, "fsync", fast)
	for f.metric(t, "systape_flight_held_seconds") < 10 || f.metric(t, "systape_recording_seconds") < 12 {
		f.run(t, ": tick")
	}
	writer.Close() // cat's read returns

	slow := f.tell(t, "sync "+stall.file)
	release := <-stall.Fsyncs
	f.reaches(t, "systape_flight_files_total", 1) // though it has not returned
	release()
	waitFor(t, "fsync", slow)
	waitFor(t, "the file", func() bool { return len(f.files()) == 1 })

	slow = f.tell(t, "sync "+stall.file)
	release = <-stall.Fsyncs
	f.reaches(t, "systape_flight_passed_total", 1)
	release()
	waitFor(t, "fsync", slow)
	if n := f.metric(t, "systape_flight_files_total"); n != 1 {
		t.Errorf("%v files, want the first stall's alone", n)
	}
	files := f.land(t)
	if len(files) != 2 {
		t.Fatalf("got %q, want one of the stall and one of the end; %s", files, f.stderr.String())
	}
	m, events := r.flightFile(t, files[0])
	fl := m.Flight
	if fl.Why != format.FlightTrigger || fl.Trigger != "fsync>200ms" || fl.Comm != "sync" || fl.Number != 1 || fl.Passed != 0 || fl.WindowNS != 10e9 {
		t.Errorf("flight: %+v", fl)
	}
	if !strings.HasPrefix(fl.What, "fsync has taken ") || m.Part.FirstSeq == 0 || m.CaptureID == fl.Recorder {
		t.Errorf("flight: %+v, part %+v", fl, m.Part)
	}
	first, last := events[0].TS, events[len(events)-1].TS
	if before := time.Duration(fl.AtNS - first); before < 10*time.Second || before > 13*time.Second {
		t.Errorf("the file has %v before, want 10 s and little more", before)
	}
	if after := time.Duration(last - fl.AtNS); after < time.Second || after > 3*time.Second {
		t.Errorf("the file has %v after, want 1 s and little more", after)
	}
	var statuses struct {
		Coverage struct {
			ByStatus map[string]int64 `json:"by_status"`
		}
	}
	r.json(t, &statuses, "latency", "--format", "json", "--comm", "cat", files[0])
	if s := statuses.Coverage.ByStatus; s["open_at_start"] != 1 || s["denied"]+s["enter_lost"]+s["mismatch"] != 0 {
		t.Errorf("calls of cat: %v, want the read that was open at the start", s)
	}
	stalled := r.succeed(t, "pair", "--format", "jsonl", "--syscall", "fsync", "--min-duration", "200ms", "-o", "-", files[0]).out
	if n := strings.Count(stalled, "\n"); n < 1 || n > 2 {
		t.Errorf("stalled fsyncs: %s", stalled)
	}
	for _, want := range []string{"because", "fsync>200ms: fsync has taken ", "sync at 20", "file 1 of a recorder that keeps the last 10.0 s"} {
		if got := r.succeed(t, "info", files[0]).out; !strings.Contains(got, want) {
			t.Errorf("info lacks %q: %s", want, got)
		}
	}
	m, _ = r.flightFile(t, files[1])
	if m.Flight.Why != format.FlightEnd || m.Flight.Passed != 1 || m.Flight.Number != 2 {
		t.Errorf("flight: %+v", m.Flight)
	}
	for _, command := range [][]string{{"replay"}, {"sequences"}, {"dump"}, {"audit"}, {"copy", "-o", filepath.Join(t.TempDir(), "c.parquet")}, {"redact", "-o", filepath.Join(t.TempDir(), "r.parquet")}} {
		r.succeed(t, append(command, files[0])...)
	}
}

// Each form of a trigger writes a file that says so; what is nearly that does not.
func flightTriggers(t *testing.T, r recorder) {
	for _, c := range []struct {
		trigger, near, far, what string
	}{
		{"openat:ENOTDIR", "cat /nosuch/file; :", "cat /dev/null/x; :", "openat returned -20 ENOTDIR"},
		{"openat:*", ":", "cat /nosuch/file; :", "openat returned -2 ENOENT"},
		{"exit:*", "/bin/true", "/bin/false; :", "ended with status 1"},
		{"exit:3", "/bin/false; :", "sh -c 'exit 3'; :", "ended with status 3"},
		{"signal:TERM", "sh -c 'kill -KILL $$' 2>/dev/null; :", "sh -c 'kill -TERM $$' 2>/dev/null; :", "was ended by SIGTERM"},
		{"exec:fals*", "/bin/true", "/bin/false; :", "ran /bin/false"},
		{"lseek>500/s", r.program("noise") + " 400 >/dev/null; :", r.program("noise") + " 501 >/dev/null; :", "more than 500 in a second"},
		{"lseek:EBADF>500/s", r.program("noise") + " 400 >/dev/null; :", r.program("noise") + " 501 >/dev/null; :", "more than 500 in a second"},
		{"wait4>300ms", "sleep 0.001", "sleep 0.5", "wait4 "},
		{"exec:/bin/f*", "/bin/true", "/bin/false; :", "ran /bin/false"},
	} {
		t.Run(strings.ReplaceAll(c.trigger, "/", "_"), func(t *testing.T) {
			f := r.fly(t, "--flight", "60s", "--trigger", c.trigger, "--after", "0")
			f.nearAndFar(t, c.near, c.far)
			f.reaches(t, "systape_flight_files_total", 2)
			files := f.land(t)
			if len(files) != 2 {
				t.Fatalf("got %q", files)
			}
			m, events := r.flightFile(t, files[1])
			if m.Flight.Trigger != c.trigger || !strings.HasPrefix(m.Flight.What, c.what) || m.Part.FirstSeq != 0 {
				t.Errorf("flight %+v, part %+v", m.Flight, m.Part)
			}
			if at := slices.IndexFunc(events, func(e format.Event) bool { return e.TS >= m.Flight.AtNS }); at < 0 {
				t.Error("the file does not have what it is about")
			}
		})
	}
}

// USR1 writes what is there, as often as it comes; -W keeps the latest, -z hears.
func flightSignal(t *testing.T, r recorder) {
	heard := filepath.Join(t.TempDir(), "heard")
	hook := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho \"$1\" >>"+heard+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := r.fly(t, "--flight", "1h,64MiB", "--trigger", "exit:77", "-W", "2", "-z", hook)
	for n := 1; n <= 3; n++ {
		f.run(t, "/bin/true; : usr"+strconv.Itoa(n))
		f.Process.Signal(syscall.SIGUSR1)
		f.reaches(t, "systape_flight_files_total", float64(n))
		waitFor(t, "the hook", func() bool { text, _ := os.ReadFile(heard); return strings.Count(string(text), "\n") == n })
	}
	files := f.land(t)
	if len(files) != 2 || filepath.Base(files[1]) != "t-00003.parquet" {
		t.Fatalf("got %q", files)
	}
	m, events := r.flightFile(t, files[1])
	if m.Flight.Why != format.FlightSignal || m.Flight.Number != 3 || calls(events)["execve"] < 4 {
		t.Errorf("flight %+v, calls %v", m.Flight, calls(events))
	}
	if !strings.Contains(f.stderr.String(), "2 files, ") || !strings.Contains(f.stderr.String(), "(1 older ones were removed)") {
		t.Errorf("got %q", f.stderr.String())
	}
}

// Without triggers the end writes a file; names take times; a command that fails
// to its own exit code.
func flightEnd(t *testing.T, r recorder) {
	dir := t.TempDir()
	got := r.run(t, "record", "--flight", "4MiB", "-e", "lseek", "--spool", "-o", filepath.Join(dir, "%Y.parquet"), "--", r.program("noise"), "3000000")
	if got.code != 7 {
		t.Fatalf("%+v", got)
	}
	name := filepath.Join(dir, time.Now().Format("2006")+".parquet")
	if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) != 1 || list[0] != name+".spool" {
		t.Fatalf("got %q", list)
	}
	r.succeed(t, "recover", name+".spool")
	m, events := r.flightFile(t, name)
	if m.Flight.Why != format.FlightEnd || m.Part.FirstSeq < 1_000_000 || len(events) < 300_000 {
		t.Errorf("flight %+v, part %+v, %d rows", m.Flight, m.Part, len(events))
	}
}

// Losses in the window are told in the file.
func flightLosses(t *testing.T, r recorder) {
	f := r.fly(t, "--buffer", "64KiB", "--flight", "4MiB")
	f.runUnseen(t, r.program("noise")+" 50000 >/dev/null; :")
	files := f.land(t)
	if len(files) != 1 {
		t.Fatalf("got %q", files)
	}
	_, events := r.flightFile(t, files[0])
	lost := int64(0)
	for _, e := range events {
		if e.Kind == format.Lost {
			lost += e.Args[format.LostCount]
		}
	}
	if info := r.info(t, files[0]); lost == 0 || info.Lost != lost {
		t.Errorf("%d events are lost by the rows, %d by info", lost, info.Lost)
	}
}

// Beside calls that are drawn by lot, exact numbers are those of the file's time.
func flightCounts(t *testing.T, r recorder) {
	f := r.fly(t, "--flight", "1s", "--trigger", "exit:77", "--after", "0", "--sample", "10")
	f.run(t, r.program("noise")+" 50000 >/dev/null; :")
	before := f.metric(t, "systape_recording_seconds")
	f.reaches(t, "systape_recording_seconds", before+3.5)
	f.run(t, r.program("noise")+" 20000 >/dev/null; :")
	f.Process.Signal(syscall.SIGUSR1)
	f.reaches(t, "systape_flight_files_total", 1)
	files := f.land(t)
	if len(files) != 1 {
		t.Fatalf("got %q", files)
	}
	_, events := r.flightFile(t, files[0])
	if e := events[2]; e.Kind != format.Mark || e.Args[format.MarkWhat] != int64(format.ShareSet) {
		t.Errorf("the third row is %+v, want the share that holds at the begin", e)
	}
	var got struct {
		Groups []struct{ Count, Sampled int64 }
	}
	r.json(t, &got, "latency", "--format", "json", "--syscall", "lseek", files[0])
	if g := got.Groups; len(g) != 1 || g[0].Count != 20000 || g[0].Sampled < 1500 || g[0].Sampled > 2600 {
		t.Errorf("lseek: %+v, want 20000 and a tenth of them drawn", got)
	}
}

func flightRefused(t *testing.T, r recorder) {
	for _, wrong := range [][]string{
		{"--flight", "x"}, {"--flight", "1KiB"}, {"--flight", "1s,2s"}, {"--flight", "1s", "-o", "-"}, {"--flight", "1s", "-C", "1MB"}, {"--flight", "1s", "-G", "1s"},
		{"--trigger", "end"}, {"--flight", "1s", "--trigger", "fsync"}, {"--flight", "1s", "--trigger", "nosuch>1s"}, {"--flight", "1s", "--trigger", "fsync>0"},
		{"--flight", "1s", "--trigger", "fsync:ENOSUCH"}, {"--flight", "1s", "--trigger", "exit:256"}, {"--flight", "1s", "--trigger", "signal:SIGNONE"}, {"--flight", "1s", "--after", "-1"},
		{"--flight", "1s", "-e", "read", "--trigger", "fsync>1s"},
	} {
		if got := r.run(t, append(append([]string{"record"}, wrong...), "--", "true")...); got.code != recordFailed || !strings.Contains(got.stderr, "hint: ") {
			t.Errorf("%q: %+v", wrong, got)
		}
	}
}
