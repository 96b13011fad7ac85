package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// machineDump is the dump of a recording in which a thread reads some files,
// each in ns, from the first on every millisecond; capture time is ahead of the
// wall clock by so much.
func machineDump(host, id string, ahead int64, durations ...int64) string {
	var b strings.Builder
	const begin = midnight
	end := begin + int64(len(durations))*1_000_000
	fmt.Fprintf(&b, "#: systape.format 2\n#: systape.capture %q\n#: systape.tool \"test\"\n", strings.Repeat(id, 32))
	fmt.Fprintf(&b, "#: systape.host {\"name\":%q,\"kernel\":\"6.1.0\",\"arch\":\"x86_64\",\"cpus\":2,\"boot_id\":\"b\",\"distribution\":\"Test 1\"}\n", host)
	fmt.Fprintf(&b, "#: systape.clock {\"offset_ns\":0,\"anchors\":[{\"ts_ns\":%d,\"realtime_ns\":%d},{\"ts_ns\":%d,\"realtime_ns\":%d}]}\n", begin+ahead, begin, end+ahead, end)
	fmt.Fprintf(&b, "#: systape.part {\"number\":1,\"first_seq\":0,\"rows\":%d,\"last\":true}\n#: systape.complete true\n", 2*len(durations))
	for i, dur := range durations {
		at := begin + ahead + int64(i)*1_000_000
		call := "read(3)"
		if i%3 == 2 {
			call = "close(3)"
		}
		name, _, _ := strings.Cut(call, "(")
		fmt.Fprintf(&b, "%d enter 7/7 %s comm=\"reader\"\n%d exit 7/7 %s = %d comm=\"reader\"\n", at, call, at+dur, name, -(i % 2))
	}
	return b.String()
}

// captureOfWeb1 finds the one file of a machine in a [machineSet].
func captureOfWeb1(t *testing.T, set string) (name string, data []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(set, "events/*/node=web1/*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if data, err = os.ReadFile(files[0]); err != nil {
		t.Fatal(err)
	}
	return files[0], data
}

// machineSet makes a dataset of two machines, of which the second tells capture
// time an hour ahead of its wall clock. Their threads have the same ids.
func machineSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var captures []string
	for id, dump := range map[string]string{"a": machineDump("web1", "a", 0, 1000, 2000, 3000, 4000, 5000, 6000), "b": machineDump("web2", "b", 3600e9, 70_000, 80_000, 90_000)} {
		text, capture := filepath.Join(dir, id+".txt"), filepath.Join(dir, id+".parquet")
		if err := os.WriteFile(text, []byte(dump), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := infoRun(t, "import", "--from", "dump", text, "-o", capture); code != 0 {
			t.Fatalf("import: exit code %d: %s", code, stderr)
		}
		captures = append(captures, capture)
	}
	set := filepath.Join(dir, "set")
	if code, _, stderr := infoRun(t, append([]string{"copy", "-o", set, "--partition", "date,node"}, captures...)...); code != 0 {
		t.Fatalf("copy: exit code %d: %s", code, stderr)
	}
	return set
}

func machineRows(t *testing.T, args ...string) (rows []map[string]string) {
	t.Helper()
	code, stdout, stderr := infoRun(t, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	lines, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, stdout)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// TestMachinesAsOne reads a dataset of two machines as one result, whose figures
// are those of the machines.
func TestMachinesAsOne(t *testing.T) {
	set := machineSet(t)
	t.Run("by node", func(t *testing.T) {
		for _, view := range [][]string{{"--by", "node,syscall"}, {"--by", "syscall,node", "--errors"}, {"--by", "node", "--histogram"}} {
			both := machineRows(t, append([]string{"latency", "--format", "csv", set}, view...)...)
			for _, node := range []string{"web1", "web2"} {
				alone := machineRows(t, append([]string{"latency", "--format", "csv", set, "--node", node}, view...)...)
				var of []map[string]string
				for _, row := range both {
					if row["node"] == node {
						of = append(of, row)
					}
				}
				for _, rows := range [][]map[string]string{alone, of} {
					for _, row := range rows {
						for _, ofAll := range []string{"share", "per_second", "first_ns", "last_ns"} { // of all, and on the wall's clock
							delete(row, ofAll)
						}
					}
				}
				if len(alone) == 0 || !slices.EqualFunc(of, alone, maps.Equal[map[string]string]) {
					t.Errorf("%v of %s: %v, alone %v", view, node, of, alone)
				}
			}
		}
	})
	t.Run("sum", func(t *testing.T) {
		code, stdout, stderr := infoRun(t, "latency", "--format", "json", set)
		var got struct {
			Captures []struct {
				Host struct{ Name string }
			}
			Coverage struct{ Calls, Used int64 }
			Groups   []struct {
				Syscall string
				Count   int64
				MaxNS   int64 `json:"max_ns"`
			}
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK {
			t.Fatalf("exit code %d: %v: %s", code, err, stderr)
		}
		if len(got.Captures) != 2 || got.Captures[1].Host.Name != "web2" || got.Coverage.Calls != 9 || got.Coverage.Used != 9 {
			t.Errorf("of %+v, coverage %+v", got.Captures, got.Coverage)
		}
		if len(got.Groups) != 2 || got.Groups[0].Count != 6 || got.Groups[0].MaxNS != 80_000 || got.Groups[1].Count != 3 || got.Groups[1].MaxNS != 90_000 {
			t.Errorf("groups %+v", got.Groups)
		}
	})
	// The hour between the clocks must not be seen.
	t.Run("time", func(t *testing.T) {
		for _, row := range machineRows(t, "latency", "--heatmap", "--format", "csv", set) {
			at, err := strconv.ParseInt(row["start_ns"], 10, 64)
			if err != nil || at < midnight-1_000_000 || at > midnight+7_000_000 {
				t.Errorf("a cell at %s, %d ns from the beginning", row["start_ns"], at-midnight)
			}
		}
		// Bounds in time of day are those of each machine's wall clock.
		for _, node := range []string{"web1", "web2"} {
			rows := machineRows(t, "latency", "--format", "csv", set, "--by", "node", "--from", "2026-11-27T00:00:00.0005Z", "--to", "2026-11-27T00:00:00.0025Z")
			if !slices.ContainsFunc(rows, func(r map[string]string) bool { return r["node"] == node && r["count"] == "2" }) {
				t.Errorf("two calls of %s lie between: %v", node, rows)
			}
		}
	})
	// What a thread of one machine does is never followed by what another does.
	t.Run("sequences", func(t *testing.T) {
		count := func(args ...string) map[string]string {
			of := map[string]string{}
			for _, row := range machineRows(t, append([]string{"sequences", "-n", "3", "--format", "csv", set}, args...)...) {
				of[row["calls"]] = row["count"]
			}
			return of
		}
		if got, want := count(), (map[string]string{"read read close": "3", "read close read": "1", "close read read": "1"}); !maps.Equal(got, want) {
			t.Errorf("of both %v, want %v", got, want)
		}
		if got, want := count("--node", "web2"), (map[string]string{"read read close": "1"}); !maps.Equal(got, want) {
			t.Errorf("of one %v, want %v", got, want)
		}
		if got, want := count("--syscall", "read"), (map[string]string{"read read read": "2"}); !maps.Equal(got, want) {
			t.Errorf("with a filter %v, want %v", got, want)
		}
	})
	// What is told of each recording is what is told of it alone; what does not hold
	// of one does not keep the others from being checked.
	for _, command := range [][]string{{"info"}, {"verify"}, {"info", "--privacy"}, {"verify", "--format", "json"}, {"info", "--format", "json"}} {
		var want strings.Builder
		for _, node := range []string{"web1", "web2"} {
			_, alone, _ := infoRun(t, append(command, set, "--node", node)...)
			switch {
			case !slices.Contains(command, "json"):
				fmt.Fprintf(&want, "== %s\n", node)
			case command[0] == "verify":
				alone = strings.Replace(alone, "{\n", "{\n  \"node\": \""+node+"\",\n", 1)
			}
			want.WriteString(alone)
		}
		if code, got, stderr := infoRun(t, append(command, set)...); code != exitOK || got != want.String() {
			t.Errorf("%v: exit code %d: %s%s", command, code, stderr, firstDifference(got, want.String()))
		}
	}
	file, whole := captureOfWeb1(t, set)
	damagedFile := slices.Clone(whole)
	damagedFile[len(whole)/3] ^= 0xff
	if err := os.WriteFile(file, damagedFile, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := infoRun(t, "verify", set)
	if code != exitDamaged || strings.Count(stdout, "== web") != 2 || !strings.Contains(stderr, "the capture of web1 does not hold") || strings.Contains(stderr, "web2 does not") {
		t.Errorf("verify of a damaged one: exit code %d: %s%s", code, stdout, stderr)
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	// What looks at one recording alone says how it is asked for, and that works.
	for _, args := range [][]string{{"latency", "--overhead"}, {"sequences", "--threads", "--syscall", "read,close"}, {"dump"}, {"export", "--format", "jsonl"}, {"export", "--format", "folded", "-o", "-"}, {"audit"}} {
		code, _, stderr := infoRun(t, append(args, set)...)
		_, next, found := strings.Cut(stderr, "choose one with --node: web1, web2; such as systape ")
		if code != exitFailed || !found {
			t.Errorf("%v of both: exit code %d: %s", args, code, stderr)
			continue
		}
		if words := strings.Fields(next); words[len(words)-1] == set {
			if code, _, stderr := infoRun(t, words...); code != exitOK {
				t.Errorf("%v, as was told: exit code %d: %s", words, code, stderr)
			}
		} else {
			t.Errorf("%v: no command line: %s", args, next)
		}
		if code, _, stderr := infoRun(t, append(args, set, "--node", "web2")...); code != exitOK {
			t.Errorf("%v of one: exit code %d: %s", args, code, stderr)
		}
	}
}

// TestMachinesInOneOrder: views of single calls and of intervals show the calls of
// all machines by the time of day, and of which each is.
func TestMachinesInOneOrder(t *testing.T) {
	set := machineSet(t)
	var slowest []string
	for _, row := range machineRows(t, "latency", "--slowest", "4", "--around", "1", "--wait", "only", "--format", "csv", set) {
		slowest = append(slowest, row["node"]+" "+row["dur_ns"]+" "+row["before"]+" / "+row["after"])
	}
	for _, row := range machineRows(t, "latency", "--slowest", "1", "--wait", "none", "--format", "csv", set) {
		slowest = append(slowest, row["node"]+" "+row["dur_ns"])
	}
	want := []string{"web2 80000 read=0 / close=0", "web2 70000  / read=-1 EPERM", "web1 5000 read=-1 EPERM / close=-1 EPERM", "web1 4000 close=0 / read=0", "web2 90000"}
	if !slices.Equal(slowest, want) {
		t.Errorf("the slowest are %q, want %q", slowest, want)
	}
	intervals := func(args ...string) (rows []string) {
		for _, row := range machineRows(t, append([]string{"latency", "--every", "2ms", "--by", "node,syscall", "--format", "csv", set}, args...)...) {
			rows = append(rows, row["interval_ns"]+" "+row["node"]+" "+row["syscall"]+" "+row["count"]+" "+row["total_ns"])
		}
		return rows
	}
	both, apart := intervals(), append(intervals("--node", "web1"), intervals("--node", "web2")...)
	if !slices.IsSortedFunc(both, func(a, b string) int { return strings.Compare(a[:19], b[:19]) }) {
		t.Errorf("not in the order of time: %q", both)
	}
	for i := range apart { // those of web2 alone are told in its own time, an hour ahead
		if ns, rest, _ := strings.Cut(apart[i], " "); strings.HasPrefix(rest, "web2") {
			at, _ := strconv.ParseInt(ns, 10, 64)
			apart[i] = fmt.Sprint(at-3600e9) + " " + rest
		}
	}
	slices.Sort(both)
	slices.Sort(apart)
	if len(both) < 6 || !slices.Equal(both, apart) {
		t.Errorf("of both %q, of each %q", both, apart)
	}
	if code, stdout, stderr := infoRun(t, "compare", set, "--", set); code != exitOK || !strings.Contains(stdout, "no difference") || !strings.Contains(stdout, "9 calls") {
		t.Errorf("compare: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := infoRun(t, "compare", "--fail-on", "any", "--node", "web1", set, "--", set); code != exitOK || !strings.Contains(stdout, "6 calls") {
		t.Errorf("compare of one: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := infoRun(t, "seccomp", set, "--format", "table"); code != exitOK || !strings.Contains(stdout, "seen in 9 calls of 2 programs") {
		t.Errorf("seccomp: exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestMachinesCounted: one machine drew calls by lot and counted all of them, the
// other recorded all; numbers of calls are exact. Where it was not counted they are not.
func TestMachinesCounted(t *testing.T) {
	dir := t.TempDir()
	sampled := strings.Replace(machineDump("web1", "a", 0, 1000, 2000), "#: systape.complete true", "#: systape.request {\"sample\":10}\n#: systape.complete true", 1)
	counts := fmt.Sprintf("%d count 7/0 read calls=90 errors=7 total=41000 first=%d last=%d\n", midnight+3_000_000, midnight, midnight+3_000_000)
	whole := machineDump("web2", "b", 3600e9, 70_000, 80_000)
	for _, c := range []struct {
		name, first, want string
	}{
		{"counted", strings.Replace(sampled, "\"rows\":4", "\"rows\":5", 1) + counts, "web1 read 90 7 41000; web2 read 2 1 150000"},
		{"not counted", sampled, "web1 read 2 1 3000; web2 read 2 1 150000"},
	} {
		set := filepath.Join(dir, c.name)
		if err := os.Mkdir(set, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, dump := range map[string]string{"a": c.first, "b": whole} {
			text := filepath.Join(dir, "text")
			if err := os.WriteFile(text, []byte(dump), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := infoRun(t, "import", "--from", "dump", "--force", text, "-o", filepath.Join(set, name+".parquet")); code != 0 {
				t.Fatalf("import: exit code %d: %s", code, stderr)
			}
		}
		var got []string
		for _, row := range machineRows(t, "latency", "--by", "node,syscall", "--sort", "count", "--format", "csv", set) {
			got = append(got, row["node"]+" "+row["syscall"]+" "+row["count"]+" "+row["errors"]+" "+row["total_ns"])
		}
		slices.Sort(got)
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		_, table, _ := infoRun(t, "latency", set)
		if strings.Contains(table, "are exact") != (c.name == "counted") {
			t.Errorf("%s: what is exact is told wrongly:\n%s", c.name, table)
		}
	}
}
