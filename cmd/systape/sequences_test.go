package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format"
)

// sequencesRun runs a command line in this process.
func sequencesCommand(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// sequencesImport makes a capture of strace's text.
func sequencesImport(t testing.TB, text string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.strace"), filepath.Join(dir, "capture.parquet")
	if err := os.WriteFile(in, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := sequencesCommand(t, append([]string{"import", "--from", "strace", in, "-o", out}, args...)...); code != 0 {
		t.Fatalf("import: exit code %d\n%s", code, stderr)
	}
	return out
}

// realThreads is a real recording of four threads and two children by strace.
func realThreads(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../replay/convert/importer/testdata/thr.strace")
	if err != nil {
		t.Fatal(err)
	}
	return sequencesImport(t, string(text))
}

// madeServer is strace's text of a server's loop with a little chance; odd
// requests do something else.
func madeServer(seed uint64, requests, odd int) string {
	r := rand.New(rand.NewPCG(seed, 3))
	var b strings.Builder
	ts := 1_700_000_000_000_000 + int64(seed)*1e9
	call := func(tid int, text string) {
		us := 5 + r.Int64N(20)
		fmt.Fprintf(&b, "%d %d.%06d %s <0.%06d>\n", tid, ts/1e6, ts%1e6, text, us)
		ts += us + 3
	}
	call(100, `execve("./server", ["server"], 0x7 /* 1 var */) = 0`)
	for range 5 {
		call(100, `mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, -1, 0) = 0x7f00`)
	}
	for i := range requests {
		call(100, `accept4(3, NULL, NULL, SOCK_CLOEXEC) = 4`)
		for range 1 + r.IntN(3) {
			call(100, `read(4, "x", 64) = 1`)
		}
		if i == odd {
			call(100, `socket(AF_INET, SOCK_STREAM, 0) = 5`)
			call(100, `connect(5, 0x7, 16) = 0`)
			call(100, `dup2(5, 0) = 0`)
			call(100, `openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = -1 EACCES (Permission denied)`)
			call(100, `read(5, "x", 64) = 1`)
			call(100, `socket(AF_INET, SOCK_STREAM, 0) = 6`)
			call(100, `dup2(6, 1) = 1`)
		}
		call(100, `write(4, "x", 64) = 64`)
		call(100, `close(4) = 0`)
	}
	call(100, `exit_group(0) = ?`)
	return b.String()
}

func TestSequencesFormatsAgree(t *testing.T) {
	file := realThreads(t)
	_, out, _ := sequencesCommand(t, "sequences", "--format", "json", "-n", "3", file)
	var j struct {
		Coverage struct {
			Calls, Used int64
			LostEvents  int64            `json:"lost_events"`
			ByStatus    map[string]int64 `json:"by_status"`
		}
		By        string
		N         int
		Windows   int64
		Distinct  int
		Sequences []struct {
			Calls []string
			Count int64
			Share float64
		}
		Transitions []struct {
			From, To string
			Count    int64
			P        float64
		}
	}
	dec := json.NewDecoder(strings.NewReader(out))
	if err := dec.Decode(&j); err != nil {
		t.Fatal(err)
	}
	if j.By != "thread" || j.N != 3 || j.Windows == 0 || j.Coverage.Calls != 154 || j.Coverage.ByStatus["ok"] == 0 || j.Distinct != len(j.Sequences) {
		t.Errorf("%+v", j)
	}
	var windows int64
	share := 0.0
	for _, s := range j.Sequences {
		windows += s.Count
		share += s.Share
		if len(s.Calls) != 3 {
			t.Errorf("%v", s.Calls)
		}
	}
	if windows != j.Windows || share < 0.999999 || share > 1.000001 {
		t.Errorf("counts add up to %d, shares to %v, want %d and 1", windows, share, j.Windows)
	}
	from := map[string]float64{}
	for _, x := range j.Transitions {
		from[x.From] += x.P
	}
	for name, p := range from {
		if p < 0.999999 || p > 1.000001 {
			t.Errorf("what follows upon %s has probability %v in all", name, p)
		}
	}

	_, text, _ := sequencesCommand(t, "sequences", "--format", "csv", file)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(j.Sequences)+1 || rows[0][0] != "calls" || rows[1][0] != strings.Join(j.Sequences[0].Calls, " ") {
		t.Errorf("csv: %d rows, %v", len(rows), err)
	}
	_, text, _ = sequencesCommand(t, "sequences", "--format", "jsonl", "--transitions", file)
	if n := strings.Count(text, "\n"); n != len(j.Transitions) {
		t.Errorf("jsonl: %d transitions, want %d", n, len(j.Transitions))
	}
	table := filepath.Join(t.TempDir(), "sequences.parquet")
	if code, _, stderr := sequencesCommand(t, "sequences", "-o", table, file); code != 0 {
		t.Fatalf("parquet: %s", stderr)
	}
	if b, err := os.ReadFile(table); err != nil || !bytes.HasPrefix(b, []byte("PAR1")) || !bytes.HasSuffix(b, []byte("PAR1")) {
		t.Errorf("no parquet file: %v", err)
	}
	_, again, _ := sequencesCommand(t, "sequences", "--format", "json", "-n", "3", file)
	if again != out {
		t.Error("the same capture gives other bytes")
	}
}

// The real recording's threads, and the same calls interleaved.
func TestRealThreadsApartAndInterleaved(t *testing.T) {
	file := realThreads(t)
	count := func(by string) (windows, distinct int) {
		_, out, _ := sequencesCommand(t, "sequences", "--format", "json", "-n", "6", "--by", by, file)
		var j struct{ Windows, Distinct int }
		if err := json.Unmarshal([]byte(out), &j); err != nil {
			t.Fatal(err)
		}
		return j.Windows, j.Distinct
	}
	r, err := format.Open([]string{file}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// Counted plainly: the enters of each thread, begun anew when it executes
	// a program, and all enters in the order of the rows.
	windows, threads, all := 0, map[int32][]string{}, []string(nil)
	apart, mixed := map[string]bool{}, map[string]bool{}
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case format.Enter:
			l := append(threads[e.TID], e.Syscall)
			if threads[e.TID] = l; len(l) >= 6 {
				windows++
				apart[strings.Join(l[len(l)-6:], " ")] = true
			}
			if all = append(all, e.Syscall); len(all) >= 6 {
				mixed[strings.Join(all[len(all)-6:], " ")] = true
			}
		case format.Exec:
			delete(threads, e.TID)
		}
	}
	if w, d := count("thread"); w != windows || d != len(apart) {
		t.Errorf("by thread %d windows, %d distinct; counted plainly %d and %d", w, d, windows, len(apart))
	}
	if w, d := count("capture"); w != len(all)-5 || d != len(mixed) {
		t.Errorf("interleaved %d windows, %d distinct; counted plainly %d and %d", w, d, len(all)-5, len(mixed))
	}
	if 2*len(mixed) < 3*len(apart) {
		t.Errorf("%d distinct windows interleaved and %d by thread: want half as many more at least", len(mixed), len(apart))
	}
}

func TestSequencesText(t *testing.T) {
	file := realThreads(t)
	_, out, _ := sequencesCommand(t, "sequences", "--threads", file)
	for _, want := range []string{"(openat read close clock_nanosleep)×3", "what threads do", "cut where another program was executed"} {
		if !strings.Contains(out, want) {
			t.Errorf("--threads lacks %q:\n%s", want, out)
		}
	}
	_, out, _ = sequencesCommand(t, "sequences", "--rare", "-n", "2", "--with-errors", file)
	if !strings.Contains(out, "openat:ENOENT") || !strings.Contains(out, "first at ") {
		t.Errorf("--rare --with-errors:\n%s", out)
	}
	_, out, _ = sequencesCommand(t, "sequences", "--restarts", "fold", "--format", "json", file)
	if strings.Contains(out, "restart_syscall") {
		t.Error("--restarts fold keeps restart_syscall")
	}
	_, out, _ = sequencesCommand(t, "sequences", "--syscall", "openat,close", "--transitions", file)
	if strings.Contains(out, " read ") || !strings.Contains(out, "openat") {
		t.Errorf("--syscall:\n%s", out)
	}
}

func TestSequencesRefuses(t *testing.T) {
	file := realThreads(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"sequences"}, 2, "no capture given"},
		{[]string{"sequences", "-n", "11", file}, 2, "want 1 to 10"},
		{[]string{"sequences", "-n", "0", file}, 2, "want 1 to 10"},
		{[]string{"sequences", "--by", "cpu", file}, 2, "unknown grouping"},
		{[]string{"sequences", "--rare=often", file}, 2, "--rare"},
		{[]string{"sequences", "--graph", "x.png", file}, 2, ".svg, .html, .dot or .json"},
		{[]string{"sequences", "--format", "xml", file}, 2, "unknown format"},
		{[]string{"sequences", "--coverage", "2", file}, 2, "--coverage"},
		{[]string{"import", file, "-o", "x"}, 2, "--from is missing"},
		{[]string{"import", "--from", "dtrace", file, "-o", "x"}, 2, "unknown kind"},
		{[]string{"import", "--from", "strace", file}, 2, "-o is missing"},
		{[]string{"baseline", "train", file}, 2, "-o is missing"},
		{[]string{"baseline", "train", "-o", "x", "-n", "20", file}, 2, "want 1 to 10"},
		{[]string{"baseline", "info", file}, 3, "read baseline"},
		{[]string{"score", file}, 2, "--baseline is missing"},
		{[]string{"sequences", "--top", "-5", file}, 2, "--top: -5 is negative"},
		{[]string{"sequences", "--top", "-1", file}, 2, "--top: -1 is negative"},
		{[]string{"latency", "--top", "-1", file}, 2, "--top: -1 is negative"},
		{[]string{"compare", "--top", "-5", file, file}, 2, "--top: -5 is negative"},
		{[]string{"score", "--top", "-5", "--baseline", "x", file}, 2, "not negative"},
		{[]string{"compare", file}, 2, "two captures"},
		{[]string{"compare", file, file, "--fail-on", "luck"}, 2, "unknown kind"},
	} {
		code, _, stderr := sequencesCommand(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q:\n%s", c.args, code, c.code, c.want, stderr)
		}
	}
}

func TestGraphFiles(t *testing.T) {
	file := realThreads(t)
	dir := t.TempDir()
	files := map[string][]byte{}
	for _, ext := range []string{"svg", "html", "dot", "json"} {
		name := filepath.Join(dir, "dfg."+ext)
		if code, _, stderr := sequencesCommand(t, "sequences", "--graph", name, file); code != 0 {
			t.Fatalf("%s: %s", ext, stderr)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[ext] = b
		if code, _, stderr := sequencesCommand(t, "sequences", "--graph", name, file); code != 1 || !strings.Contains(stderr, "--force replaces it") {
			t.Errorf("%s is replaced without being asked: %d %s", ext, code, stderr)
		}
	}
	dec := xml.NewDecoder(bytes.NewReader(files["svg"]))
	for {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("svg: %v", err)
		}
	}
	for _, ext := range []string{"svg", "html", "dot"} {
		for _, want := range []string{"clock_nanosleep", "set_robust_list"} {
			if !bytes.Contains(files[ext], []byte(want)) {
				t.Errorf("%s lacks %s", ext, want)
			}
		}
	}
	for _, outside := range []string{"src=", "href=", "@import", "url(http"} {
		if bytes.Contains(files["html"], []byte(outside)) {
			t.Errorf("the page needs something else: %s", outside)
		}
	}
	var g struct {
		Transitions int64
		LeftOut     int64 `json:"left_out_transitions"`
		Nodes       []struct{ Syscall string }
		Edges       []struct {
			From, To string
			Count    int64
			P        float64
		}
	}
	if err := json.Unmarshal(files["json"], &g); err != nil {
		t.Fatal(err)
	}
	kept := int64(0)
	for _, e := range g.Edges {
		kept += e.Count
	}
	if kept+g.LeftOut != g.Transitions || float64(kept) < 0.95*float64(g.Transitions) || len(g.Nodes) == 0 {
		t.Errorf("%d of %d transitions drawn, %d left out", kept, g.Transitions, g.LeftOut)
	}
}

// However many rows are asked for, no more are shown than there are.
func TestMoreRowsThanThereAre(t *testing.T) {
	file := realThreads(t)
	_, all, _ := sequencesCommand(t, "sequences", "--top", "0", file)
	for _, args := range [][]string{{"--top", "9223372036854775807"}, {"--top", "4611686018427387904"}} {
		if code, out, stderr := sequencesCommand(t, append([]string{"sequences", file}, args...)...); code != 0 || out != all {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, stderr)
		}
	}
	for _, args := range [][]string{{"sequences", "--threads"}, {"sequences", "--transitions"}, {"sequences", "--rare"}, {"compare", file}} {
		if code, _, stderr := sequencesCommand(t, append(args, file, "--top", "9223372036854775807")...); code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, stderr)
		}
	}
}

func TestBaselineAndScore(t *testing.T) {
	var normal []string
	for seed := range uint64(12) {
		normal = append(normal, sequencesImport(t, madeServer(seed, 60, -1)))
	}
	odd := sequencesImport(t, madeServer(99, 60, 30))
	base := filepath.Join(t.TempDir(), "server.json")
	must := func(args ...string) (string, string) {
		t.Helper()
		code, out, stderr := sequencesCommand(t, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
		}
		return out, stderr
	}
	must(append([]string{"baseline", "train", "-o", base}, normal[:5]...)...)

	if code, _, stderr := sequencesCommand(t, "score", "--baseline", base, "--fail-above", odd); code != 2 || !strings.Contains(stderr, "no thresholds") {
		t.Errorf("--fail-above without thresholds: exit code %d\n%s", code, stderr)
	}
	out, _ := must("score", "--baseline", base, normal[11])
	if !strings.Contains(out, "not calibrated") {
		t.Errorf("a score without thresholds does not say so:\n%s", out)
	}
	if code, _, stderr := sequencesCommand(t, "baseline", "calibrate", "--baseline", base, normal[0]); code != 1 || !strings.Contains(stderr, "used for training") {
		t.Errorf("calibrating with the training: exit code %d\n%s", code, stderr)
	}
	_, stderr := must(append([]string{"baseline", "calibrate", "--baseline", base, "--quantile", "0.8"}, normal[5:10]...)...)
	if strings.Contains(stderr, "too few") {
		t.Errorf("five captures are enough for a quantile of 0.8:\n%s", stderr)
	}
	out, _ = must("baseline", "info", base)
	for _, want := range []string{"x86_64 calls by thread", "windows of 6 calls", "quantile 0.8 by nearest rank, of 5 captures"} {
		if !strings.Contains(out, want) {
			t.Errorf("info lacks %q:\n%s", want, out)
		}
	}
	must("score", "--baseline", base, "--fail-above", normal[5])
	code, out, stderr := sequencesCommand(t, "score", "--baseline", base, "--fail-above", odd)
	if code != 3 || !strings.Contains(stderr, "above the limits") {
		t.Errorf("the odd capture: exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{"socket", "dup2", "calls that the baseline has never seen", "100/100", "nearest known", "never seen"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}

	// What does not fit is refused, what can hardly be meant is warned of.
	if code, _, stderr := sequencesCommand(t, "score", "--baseline", base, "--by", "process", odd); code != 2 || !strings.Contains(stderr, "made by thread") {
		t.Errorf("another grouping: exit code %d\n%s", code, stderr)
	}
	foreign := sequencesImport(t, madeServer(1, 20, -1), "--abi", "arm64")
	if code, _, stderr := sequencesCommand(t, "score", "--baseline", base, foreign); code != 1 || !strings.Contains(stderr, "x86_64 calls and the capture of arm64 calls") {
		t.Errorf("another ABI: exit code %d\n%s", code, stderr)
	}
	_, stderr = must("score", "--baseline", base, realThreads(t))
	if !strings.Contains(stderr, "of this program at all?") {
		t.Errorf("another program is not warned of:\n%s", stderr)
	}

	// Of nothing there is no score, and no baseline.
	empty := []string{"--from", "+1h"}
	for _, args := range [][]string{
		{"score", "--baseline", base, "--fail-above", normal[11]},
		{"score", "--baseline", base, normal[11]},
		{"baseline", "calibrate", "--baseline", base, normal[11]},
	} {
		if code, _, stderr := sequencesCommand(t, append(args, empty...)...); code != 1 || !strings.Contains(stderr, "has no calls") {
			t.Errorf("%v of nothing: exit code %d\n%s", args, code, stderr)
		}
	}
	nothing := filepath.Join(t.TempDir(), "nothing.json")
	if code, _, stderr := sequencesCommand(t, append([]string{"baseline", "train", "-o", nothing, normal[0]}, empty...)...); code != 1 || !strings.Contains(stderr, "no calls to learn from") {
		t.Errorf("a baseline of nothing: exit code %d\n%s", code, stderr)
	}
	if _, err := os.Stat(nothing); err == nil {
		t.Error("a baseline of nothing is written")
	}

	// The same captures make the same baseline.
	again := filepath.Join(t.TempDir(), "again.json")
	must(append([]string{"baseline", "train", "-o", again}, normal[:5]...)...)
	must(append([]string{"baseline", "calibrate", "--baseline", again, "--quantile", "0.8"}, normal[5:10]...)...)
	a, _ := os.ReadFile(base)
	b, _ := os.ReadFile(again)
	if !bytes.Equal(a, b) {
		t.Error("the same captures make another baseline")
	}
}

func TestCompareCommand(t *testing.T) {
	a, b := sequencesImport(t, madeServer(1, 200, -1)), sequencesImport(t, madeServer(2, 230, -1))
	odd := sequencesImport(t, madeServer(3, 200, 100))
	code, out, _ := sequencesCommand(t, "compare", a, b)
	if code != 0 || !strings.HasPrefix(out, "no difference\n") {
		t.Errorf("the same server: exit code %d\n%s", code, out)
	}
	code, out, stderr := sequencesCommand(t, "compare", "--fail-on", "new", a, b, "--", odd)
	if code != 3 || !strings.Contains(out, "calls that only the second side has") || !strings.Contains(stderr, "dup2") {
		t.Errorf("a server that does something else: exit code %d\n%s%s", code, out, stderr)
	}
	if code, _, _ := sequencesCommand(t, "compare", "--fail-on", "errors", a, odd); code != 0 {
		t.Errorf("--fail-on errors fails on new calls")
	}
	_, out, _ = sequencesCommand(t, "compare", "--format", "json", a, odd)
	var j struct {
		Differ bool
		Calls  []struct {
			Syscall string
			Count   [2]int64
			Differs []string
		}
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := sequencesCommand(t, "compare", a, odd, "--from", "+1h"); code != 1 || !strings.Contains(stderr, "has no calls") {
		t.Errorf("two captures of nothing: exit code %d\n%s", code, stderr)
	}
	i := slices.IndexFunc(j.Calls, func(c struct {
		Syscall string
		Count   [2]int64
		Differs []string
	}) bool {
		return c.Syscall == "socket"
	})
	if !j.Differ || i < 0 || j.Calls[i].Count != [2]int64{0, 2} || !slices.Contains(j.Calls[i].Differs, "new") {
		t.Errorf("json: %+v", j)
	}
}

func TestImportSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
	if err := os.WriteFile(in, []byte("7 getpid() = 7\nwhat is this\n7 close(3) = 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := sequencesCommand(t, "import", "--from", "strace", in, "-o", out)
	for _, want := range []string{"in:2:", "what is this", "skipped: 1 line that could not be read\n", "no information in: ts_ns"} {
		if code != 0 || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, the report lacks %q:\n%s", code, want, stderr)
		}
	}
	r, err := format.Open([]string{out}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := r.Meta().Imported
	if m == nil || m.From != "strace" || m.Skipped != 1 || !slices.Contains(m.Missing, "ts_ns") || slices.Contains(m.Missing, "tid") {
		t.Errorf("metadata: %+v", m)
	}
	first, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	sequencesCommand(t, "import", "--from", "strace", in, "-o", out, "--force")
	if second, _ := os.ReadFile(out); !bytes.Equal(first, second) {
		t.Error("the same text makes another capture")
	}
	if code, _, stderr := sequencesCommand(t, "verify", out); code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, stderr)
	}
}

// A device is written to and stays what it is; an input is never replaced.
func TestSequencesOutputReplacesNothingElse(t *testing.T) {
	file := realThreads(t)
	for range 2 {
		if code, _, stderr := sequencesCommand(t, "sequences", "--force", "-o", os.DevNull, file); code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is now a file: %v", os.DevNull, err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"sequences", "-o", file, file}, {"sequences", "--graph", file + ".svg", "--force", "-o", file, file}, {"compare", "--force", "-o", file, file, file}, {"baseline", "train", "--force", "-o", file, file}} {
		if code, _, _ := sequencesCommand(t, args...); code == 0 {
			t.Errorf("%v succeeds", args)
		}
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Error("the capture was overwritten")
	}
}
