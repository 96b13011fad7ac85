package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"systape/format"
)

// A recording has many forms: a Parquet file, its parts in a folder, the spool,
// that spool from a pipe, half of it, or as much of it as there is while it
// grows. The tests of this file run every command on all of them and want the
// same answer: the same statuses, the same coverage, the same figures.

// formsRow is one command line. In it, F is the capture, A the same recording as a
// Parquet file, B a baseline trained on that, and T a new file for results.
type formsRow struct {
	args   string
	but    *regexp.Regexp // lines of the answer that speak of the file, not of the recording
	keys   []string       // the same for the keys of a JSON answer
	arrow  bool           // the same for the first message of an Arrow stream
	live   bool           // replay can also follow it while it grows
	judges bool           // that the end is missing is what the command finds, not a warning
	single bool           // several FILEs are as many captures
	broken bool           // its lines are broken at blanks, where depends on the length of FILE's name
	fast   bool           // the row that small cases are run through for its kind of answer
}

// formsRows is the table of all command lines; see formsNotRun for what is not in it.
func formsRows() []formsRow {
	rows := []formsRow{
		{args: "info F", but: regexp.MustCompile(`(?m)^events .*\n|, recovered from .*|^file (.|\n)*`)},
		{args: "info --format json F", keys: []string{"files", "columns", "bytes", "bytes_per_event", "part", "problem", "recovered"}},
		{args: "verify F", but: regexp.MustCompile(`the files are whole.*|.*R12 (.*\n   )*.*|.*rules hold.*`), judges: true},
		{args: "verify --format json F", keys: []string{"rules", "ok"}, judges: true, fast: true},
		{args: "dump F", but: regexp.MustCompile(`(?m)^#: systape\.(part|recovered|complete|probes|counts|cost|clock) .*\n`), fast: true},
		{args: "replay F", live: true, fast: true},
		{args: "replay --format jsonl F", live: true},
		{args: "replay --events F", live: true},
		{args: "replay --events --format jsonl F", live: true},
		{args: "replay --time epoch --columns +seq,+cpu,+abi,+status F", live: true},
		{args: "latency F"},
		{args: "latency --by pid,tid,comm,container,errno,cpu,abi,status F --wide", fast: true},
		{args: "sequences F"},
		{args: "sequences --transitions F"},
		{args: "sequences --threads F", fast: true},
		{args: "sequences --graph T.svg F"},
		{args: "score --baseline B F"},
		{args: "score --baseline B --format json F"},
		{args: "compare A -- F", single: true, broken: true},
		{args: "compare --format json --top 0 A -- F", single: true},
		{args: "baseline train -o T.json F", single: true},
		{args: "baseline calibrate --baseline B -o T.json F", single: true},
	}
	// Tables say which files they were made of: Parquet in its last lines.
	about := regexp.MustCompile(`,"(part":{[^}]*}|recovered":"[^"]*")|(?s:systape\.sources.*)`)
	for _, form := range []string{"json", "jsonl", "csv", "parquet"} {
		for _, view := range []string{"", "--errors", "--every 100us", "--histogram", "--heatmap", "--slowest 7", "--overhead"} {
			rows = append(rows, formsRow{args: "latency --format " + form + " " + view + " F", but: about})
		}
		rows = append(rows, formsRow{args: "sequences --format " + form + " F", but: about})
	}
	for _, view := range []string{"", "--histogram", "--heatmap"} { // png draws the same and takes its time
		rows = append(rows, formsRow{args: "latency -o T.svg " + view + " F"})
	}
	for _, form := range []string{"parquet", "arrows", "csv", "jsonl"} {
		rows = append(rows, formsRow{args: "pair --format " + form + " -o - F", but: about, arrow: form == "arrows", fast: form == "jsonl"})
	}
	for _, form := range exportForms() {
		rows = append(rows, formsRow{args: "export --format " + form + " F", but: about, fast: form == "strace"})
	}
	return rows
}

// formsNotRun says why a command is not in formsRows.
var formsNotRun = map[string]string{
	"record":        "makes captures",
	"import":        "reads what other programs wrote",
	"copy":          "makes captures, see TestCopy",
	"recover":       "makes the Parquet file that half a spool is compared with",
	"baseline info": "reads a baseline",
	"doctor":        "looks at the machine",
	"audit":         "needs rules, see its own tests",
	"bundle":        "makes an archive, which its own tests read",
	"top":           "is a screen, see its own tests",
	"view":          "serves a page, see its own tests",
	"report":        "makes a page, which its own tests read",
	"redact":        "makes captures, which its own tests read",
	"seccomp":       "goes by the names of calls, see its own tests",
}

// formsRun runs a command line in this process, with a pipe for standard
// input: it has no size and no way back.
func formsRun(t testing.TB, stdin []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, struct{ io.Reader }{bytes.NewReader(stdin)}, &out, &errs)
	return code, out.String(), errs.String()
}

// formsAnswer is what a command says to a form of a recording.
type formsAnswer struct {
	code   int
	stdout string
	file   string // what -o names
	stderr string // without warnings
	warned bool
}

// formsPipe finds the names that a capture from a pipe goes by.
var formsPipe = regexp.MustCompile(`standard input|(?m)^(B  )?-:|^systape: - |>-<|: "-"|"-"$`)

// answer runs a row on a form, and leaves out what speaks of its files. A is
// the capture as a Parquet file, B a baseline.
func (row *formsRow) answer(t testing.TB, form *formsForm, a, b string) (ans formsAnswer) {
	t.Helper()
	result := filepath.Join(t.TempDir(), "result")
	var args []string
	for _, word := range strings.Fields(row.args) {
		switch {
		case word == "F":
			args = append(args, form.files...)
		case word == "A":
			args = append(args, a)
		case word == "B":
			args = append(args, b)
		case strings.HasPrefix(word, "T."):
			result += word[1:]
			args = append(args, result)
		default:
			args = append(args, word)
		}
	}
	t.(*testing.T).Chdir(form.dir)
	var stderr string
	ans.code, ans.stdout, stderr = formsRun(t, form.stdin, args...)
	if file, err := os.ReadFile(result); err == nil {
		ans.file = row.leaveOut(t, form, string(file))
	}
	ans.stdout = row.leaveOut(t, form, ans.stdout)
	if row.broken {
		ans.stdout = strings.Join(strings.Fields(ans.stdout), " ")
	}
	for line := range strings.Lines(strings.ReplaceAll(stderr, result, "T")) {
		if strings.HasPrefix(line, "systape: warning: ") {
			ans.warned = true
		} else {
			ans.stderr += row.rename(form, line)
		}
	}
	return ans
}

// rename gives a form the name of all others.
func (row *formsRow) rename(form *formsForm, text string) string {
	if form.stdin != nil {
		return formsPipe.ReplaceAllStringFunc(text, func(s string) string {
			return strings.Replace(strings.Replace(s, "standard input", "-", 1), "-", formsName, 1)
		})
	}
	return strings.ReplaceAll(text, strings.Join(form.files, " "), formsName)
}

// leaveOut takes away what row.but and row.keys name.
func (row *formsRow) leaveOut(t testing.TB, form *formsForm, text string) string {
	t.Helper()
	text = row.rename(form, text)
	if row.arrow && len(text) > 8 {
		text = text[8+binary.LittleEndian.Uint32([]byte(text[4:])):]
	}
	if row.but != nil {
		text = row.but.ReplaceAllString(text, "")
	}
	if row.keys == nil || text == "" {
		return text
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("systape %s: %v in %s", row.args, err, text)
	}
	for _, key := range row.keys {
		delete(doc, key)
	}
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// formsCompare runs the rows on all forms of a recording.
func formsCompare(t *testing.T, r *formsRecording, rows []formsRow) {
	t.Helper()
	forms := r.forms(t)
	parquet, baseline := filepath.Join(forms[0].dir, formsName), r.baseline(t)
	for _, row := range rows {
		answers := make([]formsAnswer, len(forms))
		for i := range forms {
			form := &forms[i]
			if row.single && len(form.files) > 1 || row.live && form.stdin != nil && r.late {
				continue
			}
			got := row.answer(t, form, parquet, baseline)
			answers[i] = got
			want := answers[form.like]
			if form.torn && form.like != i {
				switch {
				case row.judges && got.code != exitDamaged:
					t.Errorf("systape %s\nof the %s: exit code %d, but it has no end", row.args, form.name, got.code)
				case row.judges:
					got.code, got.stderr = want.code, want.stderr
				case !got.warned:
					t.Errorf("systape %s\nof the %s: no warning that it has no end", row.args, form.name)
				}
			}
			if i == 0 && got.code != exitOK && !row.judges {
				t.Errorf("systape %s: exit code %d: %s", row.args, got.code, got.stderr)
			}
			if got.warned = want.warned; got != want {
				t.Errorf("systape %s\nof the %s:\n%s\nof the %s:\n%s", row.args, form.name, formsDiff(got, want), forms[form.like].name, formsDiff(want, got))
			}
		}
	}
}

// formsDiff is what a says otherwise than b, from the first line on that differs.
func formsDiff(a, b formsAnswer) string {
	var out strings.Builder
	if a.code != b.code {
		fmt.Fprintf(&out, "exit code %d\n", a.code)
	}
	for _, p := range []struct{ what, a, b string }{{"1>", a.stdout, b.stdout}, {"-o", a.file, b.file}, {"2>", a.stderr, b.stderr}} {
		if p.a == p.b {
			continue
		}
		i := 0
		for i < min(len(p.a), len(p.b)) && p.a[i] == p.b[i] {
			i++
		}
		fmt.Fprintf(&out, "%s %d bytes, from %d on %q\n", p.what, len(p.a), i, p.a[max(0, i-60):min(len(p.a), i+120)])
	}
	return out.String()
}

// formsFollow has replay follow a spool while it is written, and wants it to
// show in the end what it shows of the finished file.
func formsFollow(t *testing.T, r *formsRecording, rows []formsRow) {
	t.Helper()
	forms := r.forms(t)[:2]
	file := &forms[0]
	spool, whole := r.spool(t)
	name := filepath.Join(t.TempDir(), formsName)
	// Pieces that end within a batch, and between two.
	cuts := []int{whole[0] + 100, whole[len(whole)/2], len(spool) - 50, len(spool)}
	grow := growingSpool(t, name, spool)
	grow(0, cuts[0])
	var wait sync.WaitGroup
	got := make([]formsAnswer, len(rows))
	for i, row := range rows {
		args := strings.Fields(strings.ReplaceAll(row.args, "F", name) + " --follow")
		wait.Go(func() { got[i].code, got[i].stdout, got[i].stderr = formsRun(t, nil, args...) })
	}
	for formsOpened(name) < 1+len(rows) { // until the tests' limit: all have come
		time.Sleep(replayPoll)
	}
	for i, cut := range cuts[1:] {
		time.Sleep(2 * replayPoll)
		grow(cuts[i], cut)
	}
	// A recorder that is done gives the file another name.
	if err := os.Rename(name, name+".done"); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	for i, row := range rows {
		want := row.answer(t, file, "", "")
		want.warned = false
		ended := "systape: " + name + ": the recording has ended\n"
		if !strings.HasSuffix(got[i].stderr, ended) {
			t.Errorf("systape %s --follow: %s", row.args, got[i].stderr)
		}
		got[i].stderr = strings.TrimSuffix(got[i].stderr, ended)
		if got[i] != want {
			t.Errorf("systape %s\nwhile the spool grows:\n%s\nof the finished file:\n%s", row.args, formsDiff(got[i], want), formsDiff(want, got[i]))
		}
	}
}

// formsOpened counts how often this process has a file open; many where nobody
// can tell.
func formsOpened(name string) (n int) {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return math.MaxInt
	}
	for _, fd := range all {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && to == name {
			n++
		}
	}
	return n
}

// growingSpool makes a spool that its recorder still writes; grow adds a stretch
// of spool to it.
func growingSpool(t *testing.T, name string, spool []byte) (grow func(from, to int)) {
	t.Helper()
	growing, err := os.Create(name)
	if err == nil {
		t.Cleanup(func() { growing.Close() })
		err = format.LockSpool(growing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(from, to int) {
		t.Helper()
		if _, err := growing.Write(spool[from:to]); err != nil {
			t.Fatal(err)
		}
	}
}

// formsChoose returns the rows for which choose is true.
func formsChoose(t *testing.T, choose func(*formsRow) bool) (rows []formsRow) {
	t.Helper()
	for _, row := range formsRows() {
		if choose(&row) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatal("no row is chosen")
	}
	return rows
}

// TestForms runs every command on every form of a recording of a real
// workload, and of one in which everything happens.
func TestForms(t *testing.T) {
	for name, r := range map[string]*formsRecording{"workload": formsFrozen(t), "all stories in one": formsJoined(t)} {
		t.Run(name, func(t *testing.T) {
			formsCompare(t, r, formsChoose(t, func(row *formsRow) bool { return row.fast || !testing.Short() }))
			formsFollow(t, r, formsChoose(t, func(row *formsRow) bool { return row.live }))
		})
	}
}

// TestFormsOfStories runs the commands that judge calls one by one on every
// form of each story of testdata/cases.
func TestFormsOfStories(t *testing.T) {
	rows := formsChoose(t, func(row *formsRow) bool { return row.fast })
	for name, r := range formsStories(t) {
		t.Run(name, func(t *testing.T) { formsCompare(t, r, rows) })
	}
}

// TestFormsKnowsAllCommands: a new command belongs into the table, or gets a
// reason why it does not.
func TestFormsKnowsAllCommands(t *testing.T) {
	rows := formsRows()
	var check func(prefix string, c *cobra.Command)
	check = func(prefix string, c *cobra.Command) {
		name := prefix + c.Name()
		for _, sub := range c.Commands() {
			check(name+" ", sub)
		}
		inTable := slices.ContainsFunc(rows, func(row formsRow) bool { return strings.HasPrefix(row.args, name+" ") })
		_, reason := formsNotRun[name]
		if c.Runnable() && inTable == reason {
			t.Errorf("systape %s is in the table of forms: %v, and there is a reason why not: %v", name, inTable, reason)
		}
	}
	for _, group := range commandGroups {
		for _, command := range group.commands {
			check("", command())
		}
	}
}
