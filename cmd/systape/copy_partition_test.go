package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/internal/readers"
)

// midnight is the first ns of 2026-11-27 in UTC.
const midnight = 1795737600_000000000

// overMidnight is the dump of a recording of a machine with calls on both sides
// of a midnight, one of which goes on through it.
func overMidnight(host, id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#: systape.format 2\n#: systape.capture %q\n#: systape.tool \"test\"\n", strings.Repeat(id, 32))
	name, _ := json.Marshal(host)
	fmt.Fprintf(&b, "#: systape.host {\"name\":%s,\"kernel\":\"6.1.0\",\"arch\":\"x86_64\",\"cpus\":2,\"boot_id\":\"b\",\"distribution\":\"Test 1\"}\n", name)
	fmt.Fprintf(&b, "#: systape.part {\"number\":1,\"first_seq\":0,\"rows\":206,\"last\":true}\n#: systape.complete true\n")
	fmt.Fprintf(&b, "%d enter 7/8 futex(1) comm=\"waiter\"\n", midnight-900_000_000)
	for i := range 100 {
		at := midnight - 500_000_000 + i*10_000_000
		fmt.Fprintf(&b, "%d enter 7/7 read(%d) comm=\"reader\"\n%d exit 7/7 read = %d comm=\"reader\"\n", at, i, at+1000+i, i%5-1)
	}
	fmt.Fprintf(&b, "%d exit 7/8 futex = 0 comm=\"waiter\"\n", midnight+800_000_000)
	for i := range 2 {
		at := midnight + 900_000_000 + i*1000
		fmt.Fprintf(&b, "%d enter 7/8 close(3) comm=\"waiter\"\n%d exit 7/8 close = 0 comm=\"waiter\"\n", at, at+100)
	}
	return b.String()
}

// filesBelow lists the files of a folder.
func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestCopyPartitions makes a dataset of two machines and reads it: whole, by
// machine and by day, with every command's figures those of the captures.
func TestCopyPartitions(t *testing.T) {
	dir := t.TempDir()
	capture := func(host, id string) string {
		name := filepath.Join(dir, id+".parquet")
		dump := filepath.Join(dir, id+".txt")
		if err := os.WriteFile(dump, []byte(overMidnight(host, id)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := infoRun(t, "import", "--from", "dump", dump, "-o", name); code != 0 {
			t.Fatalf("import: exit code %d: %s", code, stderr)
		}
		return name
	}
	web, evil := capture("web1", "a"), capture("../../x=1/\x01", "b")
	set := filepath.Join(dir, "set")
	code, _, stderr := infoRun(t, "copy", web, evil, "-o", set, "--partition", "date,node")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var want []string
	for _, table := range []string{"calls", "events"} {
		for i, date := range []string{"2026-11-26", "2026-11-27"} {
			for node, id := range map[string]string{"web1": "a", "..%2F..%2Fx%3D1%2F%01": "b"} {
				want = append(want, fmt.Sprintf("%s/date=%s/node=%s/%s-%03d.parquet", table, date, node, strings.Repeat(id, 12), i+1))
			}
		}
	}
	slices.Sort(want)
	got := filesBelow(t, set)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("files\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	for _, command := range [][]string{
		{"latency", "--format", "json"}, {"pair", "-o", "-"}, {"sequences", "--format", "json"}, {"replay"}, {"latency", "--by", "comm"},
	} {
		_, wanted, wantErr := infoRun(t, append(command, web)...)
		code, got, stderr := infoRun(t, append(command, set, "--node", "web1")...)
		got = strings.Replace(got, `"tool":"systape `+version+`"`, `"tool":"test"`, 1) // who wrote the file
		if code != 0 || got != wanted || stderr != wantErr {
			t.Errorf("%s: exit code %d: %s%s", command[0], code, stderr, firstDifference(got, wanted))
		}
	}
	code, _, stderr = infoRun(t, "audit", set)
	if code != exitFailed || !strings.Contains(stderr, "different recordings") || !strings.Contains(stderr, "choose one with --node: ") || !strings.Contains(stderr, "web1") {
		t.Errorf("two machines at once: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := infoRun(t, "latency", set, "--node", "web2"); code != exitFailed || !strings.Contains(stderr, "no recording is of web2; there are those of ") {
		t.Errorf("a machine that is not there: exit code %d: %s", code, stderr)
	}
	for _, command := range [][]string{{"info"}, {"verify"}, {"dump"}} {
		if code, out, stderr := infoRun(t, append(command, set, "--node", "web1")...); code != 0 || command[0] == "info" && !strings.Contains(out, "web1") {
			t.Errorf("%s: exit code %d: %s%s", command[0], code, out, stderr)
		}
	}
	// A day alone is a part of the recording, and is said to be.
	code, out, stderr := infoRun(t, "pair", filepath.Join(set, "events/date=2026-11-27"), "--node", "web1", "-o", "-")
	if code != 0 || !strings.Contains(stderr, "part 1 of the recording is missing") || strings.Count(out, "\n") != 53 {
		t.Errorf("one day: exit code %d, %d calls: %s", code, strings.Count(out, "\n"), stderr)
	}
	for _, args := range [][]string{{"verify", filepath.Join(set, "events/date=2026-11-26/node=web1"), filepath.Join(set, "events/date=2026-11-27/node=web1")}} {
		if code, out, stderr := infoRun(t, args...); code != 0 {
			t.Errorf("verify: exit code %d: %s%s", code, out, stderr)
		}
	}
	// What is there stays, unless it is to be replaced; another recording goes beside it.
	if code, _, stderr := infoRun(t, "copy", web, "-o", set, "--partition", "date,node"); code == 0 || !strings.Contains(stderr, "exists") {
		t.Errorf("a second time: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := infoRun(t, "copy", web, "-o", set, "--partition", "date,node", "--force"); code != 0 {
		t.Errorf("with --force: exit code %d: %s", code, stderr)
	}
	if code, _, _ := infoRun(t, "copy", web, "-o", filepath.Join(dir, "one"), "--partition", "node", "--no-calls"); code != 0 ||
		!slices.Equal(filesBelow(t, filepath.Join(dir, "one")), []string{"events/node=web1/aaaaaaaaaaaa-001.parquet"}) {
		t.Errorf("by node alone: %v", filesBelow(t, filepath.Join(dir, "one")))
	}
	for _, args := range [][]string{{"--partition", "hour"}, {"--partition", "date,date"}, {"--no-calls"}} {
		if code, _, _ := infoRun(t, append([]string{"copy", web, "-o", filepath.Join(dir, "no")}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}

	t.Run("DuckDB", func(t *testing.T) {
		python := readers.Python(t)
		out, err := exec.Command(python, "-c", `
import sys, duckdb
con = duckdb.connect()
for table in ("events", "calls"):
  for row in con.execute(f"""SELECT date::VARCHAR, replace(node, chr(1), '?'), count(*) FROM read_parquet('{sys.argv[1]}/{table}/*/*/*.parquet', hive_partitioning = true)
      GROUP BY ALL ORDER BY ALL""").fetchall(): print(table, *row)
`, set).CombinedOutput()
		want := `events 2026-11-26 ../../x=1/? 101
events 2026-11-26 web1 101
events 2026-11-27 ../../x=1/? 105
events 2026-11-27 web1 105
calls 2026-11-26 ../../x=1/? 51
calls 2026-11-26 web1 51
calls 2026-11-27 ../../x=1/? 52
calls 2026-11-27 web1 52
`
		if err != nil || string(out) != want {
			t.Errorf("%v: got\n%swant\n%s", err, out, want)
		}
	})
}
