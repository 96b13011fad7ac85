//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/internal/kerneltest"
	"systape/replay"
	"systape/replay/sequences"
)

// sequencesLists returns what each thread of a capture called, as one string,
// sorted, without the execve that started the program: not every tool sees it.
func sequencesLists(t *testing.T, file string) []string {
	t.Helper()
	r, err := format.Open([]string{file}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a := sequences.NewAlphabet()
	rec := &sequencesRecorder{alphabet: a, lists: map[int][]string{}}
	opt := sequences.Options{}
	opt.Native, opt.HaveNative = sequencesNative(r.Meta())
	st, err := sequences.NewStreams(opt, a, rec)
	if err != nil {
		t.Fatal(err)
	}
	p := replay.NewPairer(replay.PairOptions{Meta: r.Meta()})
	var b format.Batch
	var calls []replay.Call
	for {
		if err := r.Next(&b); err == io.EOF {
			break
		} else if errors.Is(err, format.ErrIncomplete) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if calls, err = p.Push(&b, calls[:0]); err != nil {
			t.Fatal(err)
		}
		st.Push(&b, calls)
	}
	st.Finish(p.Finish(calls[:0]))
	var out []string
	for _, l := range rec.lists {
		s := strings.Join(l, " ")
		if len(l) > 1 && l[0] == "execve" {
			s = strings.Join(l[1:], " ")
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

type sequencesRecorder struct {
	alphabet *sequences.Alphabet
	lists    map[int][]string
}

func (r *sequencesRecorder) Step(s *sequences.Stream, st *sequences.Step) {
	r.lists[s.Number] = append(r.lists[s.Number], r.alphabet.Name(st.ID))
}
func (r *sequencesRecorder) End(*sequences.Stream) {}

// sequencesMust runs a command line in this process.
func sequencesMust(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("systape %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath("/usr/bin/" + name) // before wrappers that are shell scripts
	if err != nil {
		path, err = exec.LookPath(name)
	}
	if err != nil {
		t.Fatalf("SYSTAPE_KERNEL_TESTS=1 needs %s: %v", name, err)
	}
	return path
}

// What strace and perf saw of a program, imported, is what systape recorded of
// it: the same calls in every thread, in the same order.
func TestImportedSequencesAreRecordedOnes(t *testing.T) {
	kerneltest.Require(t)
	dir := pairCompile(t, "sequences_threads")
	program := filepath.Join(dir, "sequences_threads")
	recorded := filepath.Join(dir, "recorded.parquet")
	pairRecord(t, "-o", recorded, "--", program)
	want := sequencesLists(t, recorded)
	if len(want) != 5 || !strings.Contains(strings.Join(want, "\n"), "openat read close openat read close") {
		t.Fatalf("recorded %d threads:\n%s", len(want), strings.Join(want, "\n"))
	}
	for _, c := range []struct {
		name, from string
		make       func(text string) *exec.Cmd
		then       []string // prints the text
	}{
		{"strace to a file", "strace", func(text string) *exec.Cmd {
			return exec.Command(needTool(t, "strace"), "-f", "-ttt", "-T", "-o", text, program)
		}, nil},
		{"strace to a terminal", "strace", func(text string) *exec.Cmd {
			return exec.Command("sh", "-c", needTool(t, "strace")+" -f "+program+" 2> "+text)
		}, nil},
		{"strace with everything", "strace", func(text string) *exec.Cmd {
			return exec.Command(needTool(t, "strace"), "-f", "-tt", "-r", "-T", "-i", "-n", "-yy", "-Y", "-v", "-o", text, program)
		}, nil},
		{"perf script", "perf-script", func(text string) *exec.Cmd {
			return exec.Command(needTool(t, "perf"), "record", "-q", "-e", "raw_syscalls:sys_enter,raw_syscalls:sys_exit,sched:sched_process_fork,sched:sched_process_exec,sched:sched_process_exit",
				"-o", text+".data", "--", program)
		}, []string{"perf", "script", "-i"}},
		{"perf trace", "perf-trace", func(text string) *exec.Cmd {
			return exec.Command(needTool(t, "perf"), "trace", "-o", text, program)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := filepath.Join(t.TempDir(), "text")
			if out, err := c.make(text).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if c.then != nil {
				out, err := exec.Command(c.then[0], append(c.then[1:], text+".data")...).Output()
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(text, out, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			capture := text + ".parquet"
			_, stderr := sequencesMust(t, 0, "import", "--from", c.from, text, "-o", capture)
			if strings.Contains(stderr, "skipped") {
				t.Errorf("import: %s", stderr)
			}
			if got := sequencesLists(t, capture); !slices.Equal(got, want) {
				t.Errorf("%d threads, want %d\n got:\n%s\nwant:\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// A small web server under its usual load teaches what is normal; then it is
// made to run a shell that reads other files. The score names the threads, the
// time and the calls. Nothing here depends on the speed of the machine.
func TestBaselineOfAWebServer(t *testing.T) {
	kerneltest.Require(t)
	python := needTool(t, "python3")
	dir := t.TempDir()
	record := func(name string, args ...string) string {
		file := filepath.Join(dir, name+".parquet")
		pairRecord(t, append([]string{"-o", file, "--", python, "../../testdata/programs/sequences_web.py"}, args...)...)
		return file
	}
	var normal []string
	for i := range 7 {
		normal = append(normal, record(fmt.Sprint("normal", i), fmt.Sprint(30+i)))
	}
	strange := record("strange", "36", "shell")

	base := filepath.Join(dir, "web.json")
	sequencesMust(t, 0, append([]string{"baseline", "train", "-o", base}, normal[:4]...)...)
	_, stderr := sequencesMust(t, 0, append([]string{"baseline", "calibrate", "--baseline", base}, normal[4:6]...)...)
	if !strings.Contains(stderr, "2 captures scored: too few for a quantile of 0.99, which takes 100") {
		t.Errorf("calibrate does not say that 2 captures are too few:\n%s", stderr)
	}

	type score struct {
		Above   bool
		Total   struct{ Scores map[string]float64 }
		Streams []struct {
			PID, TID int32
			Comm     string
			Above    []sequences.Exceeded
		}
		Unknown []struct {
			Syscall string
			Count   int64
			Comm    string `json:"first_comm"`
		}
		Findings []struct {
			PID, TID int32
			Comm     string
			FromNS   int64 `json:"from_ns"`
			ToNS     int64 `json:"to_ns"`
			Novel    int64
			Calls    []string
			Window   []string
			Nearest  []string
			Distance int
		}
	}
	read := func(file string, want int, args ...string) (s score) {
		out, _ := sequencesMust(t, want, append([]string{"score", "--baseline", base, "--format", "json", "--findings", "20", file}, args...)...)
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	usual, odd := read(normal[6], 0), read(strange, 3, "--fail-above")

	// How much is new in the usual capture depends on how often its threads
	// had to wait for each other, and so on the machine. What the shell costs
	// does not: no usual stretch of 20 calls is as unexpected.
	if a, b := usual.Total.Scores["bits_worst20"], odd.Total.Scores["bits_worst20"]; b <= a {
		t.Errorf("bits of the worst 20 calls: %v of the usual capture, %v of the strange one", a, b)
	}
	if n := odd.Total.Scores["novel_3"]; n < 0.002 {
		t.Errorf("new windows of 3: %v of the strange capture", n)
	}
	if !odd.Above {
		t.Error("the strange capture is not above the thresholds")
	}
	for _, u := range usual.Unknown {
		if u.Syscall == "vfork" {
			t.Errorf("the usual capture calls vfork")
		}
	}
	unknown := map[string]string{}
	for _, u := range odd.Unknown {
		unknown[u.Syscall] = u.Comm
	}
	if unknown["vfork"] != "python3" && unknown["fork"] != "python3" {
		t.Errorf("the server's vfork is not among the calls never seen: %v", unknown)
	}
	// Where it happened, by the events themselves.
	var first, last int64
	tids := map[string]int32{}
	for _, e := range recordEvents(t, strange) {
		if e.Kind == format.Exec && first == 0 && filepath.Base(e.Detail) == "sh" {
			first = e.TS
		}
		if e.Kind == format.Exec && first != 0 {
			tids[filepath.Base(e.Detail)] = e.TID
		}
		if first != 0 && (e.TID == tids["sh"] || e.TID == tids["cat"]) {
			last = e.TS
		}
	}
	if first == 0 || tids["cat"] == 0 {
		t.Fatalf("no shell and no cat in the capture: %v", tids)
	}
	for _, comm := range []string{"sh", "cat"} {
		found := false
		for _, f := range odd.Findings {
			if f.TID != tids[comm] || f.Comm != comm || f.Novel == 0 {
				continue
			}
			found = true
			if f.FromNS < first || f.ToNS > last {
				t.Errorf("%s: finding from %d to %d, the shell ran from %d to %d", comm, f.FromNS, f.ToNS, first, last)
			}
			if len(f.Window) != 6 || len(f.Nearest) != 6 || f.Distance < 1 {
				t.Errorf("%s: least expected window %v, nearest known %v at distance %d", comm, f.Window, f.Nearest, f.Distance)
			}
			if comm == "cat" && !slices.Contains(f.Calls, "read") && !slices.Contains(f.Calls, "openat") {
				t.Errorf("cat: the calls of the finding do not show that it reads files: %v", f.Calls)
			}
		}
		if !found {
			t.Errorf("no finding names %s in thread %d: %+v", comm, tids[comm], odd.Findings)
		}
	}
	text, _ := sequencesMust(t, 0, "score", "--baseline", base, strange)
	for _, want := range []string{"above the limits", "nearest known", fmt.Sprintf("%d/%d cat", tids["cat"], tids["cat"])} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(strings.ToLower(text), "malware") {
		t.Error("the report judges")
	}

	// Two recordings of the same thing do not differ, where no thread waits for
	// another one. Their speeds may: the machine does other things too.
	out, _ := sequencesMust(t, 0, "compare", "--format", "json", record("alone0", "30", "alone"), record("alone1", "30", "alone"))
	var cmp struct {
		Differences []struct{ Kind, Text string }
	}
	if err := json.Unmarshal([]byte(out), &cmp); err != nil {
		t.Fatal(err)
	}
	for _, d := range cmp.Differences {
		if d.Kind != "latency" {
			t.Errorf("two recordings of the same thing differ: %s: %s", d.Kind, d.Text)
		}
	}
	sequencesMust(t, 3, "compare", "--fail-on", "new", normal[0], strange)
}

// A recorded program with threads: interleaved, its calls make many times the
// windows that its threads make, and a plain count of the events agrees.
func TestThreadsApartAndInterleaved(t *testing.T) {
	kerneltest.Require(t)
	dir := pairCompile(t, "sequences_parallel")
	file := filepath.Join(dir, "parallel.parquet")
	pairRecord(t, "-o", file, "--", filepath.Join(dir, "sequences_parallel"))
	count := func(by string, filter ...string) (windows, distinct int) {
		out, _ := sequencesMust(t, 0, append([]string{"sequences", "--format", "json", "-n", "6", "--by", by, file}, filter...)...)
		var j struct{ Windows, Distinct int }
		if err := json.Unmarshal([]byte(out), &j); err != nil {
			t.Fatal(err)
		}
		return j.Windows, j.Distinct
	}
	loops := []string{"--syscall", "getppid,getuid,getgid,geteuid,getegid"}
	_, apart := count("thread", loops...)
	_, mixed := count("capture", loops...)
	t.Logf("distinct windows of 6: %d by thread, %d interleaved", apart, mixed)
	// Each thread is a loop of three calls, another one in each; whose turn it is
	// is drawn by lot.
	if apart != 4*3 || mixed < 20*apart {
		t.Errorf("%d distinct windows interleaved, %d by thread: want 12 by thread and many times as many interleaved", mixed, apart)
	}
	windows, distinct := plainCount(recordEvents(t, file), 6)
	if w, d := count("thread"); w != windows || d != distinct {
		t.Errorf("%d windows, %d distinct; counted plainly %d and %d", w, d, windows, distinct)
	}
}

// plainCount counts windows in the events themselves: the enters of each
// thread, begun anew when it executes a program and when its id is used again.
func plainCount(events []format.Event, n int) (windows, distinct int) {
	seen := map[string]bool{}
	threads := map[int32][]string{}
	for _, e := range events {
		switch e.Kind {
		case format.Enter:
			l := append(threads[e.TID], e.Syscall)
			threads[e.TID] = l
			if len(l) >= n {
				windows++
				seen[strings.Join(l[len(l)-n:], " ")] = true
			}
		case format.Exec, format.ThreadEnd:
			delete(threads, e.TID)
		case format.Fork:
			delete(threads, int32(e.Args[format.ForkTID]))
		}
	}
	return windows, len(seen)
}
