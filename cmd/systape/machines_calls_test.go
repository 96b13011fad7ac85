package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format"
)

// callsOf are the calls that a command writes as jsonl, with the keys that are
// told of several machines apart.
func callsOf(t *testing.T, args ...string) (calls []map[string]any, nodes []string) {
	t.Helper()
	code, stdout, stderr := infoRun(t, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	for line := range strings.Lines(stdout) {
		d, call := json.NewDecoder(strings.NewReader(line)), map[string]any{}
		d.UseNumber()
		if err := d.Decode(&call); err != nil {
			t.Fatalf("%v: %v: %s", args, err, line)
		}
		node, _ := call["node"].(string)
		nodes = append(nodes, node)
		delete(call, "node")
		delete(call, "capture")
		calls = append(calls, call)
	}
	return calls, nodes
}

// TestCallsOfMachines: tables and views of calls hold those of all machines, in one
// order by the time of day, and tell whose each is; each is as it is told of its
// machine alone, but for the hour between the clocks of web2.
func TestCallsOfMachines(t *testing.T) {
	set := machineSet(t)
	for name, args := range map[string][]string{
		"pair":          {"pair", "-o", "-", set},
		"pair, some":    {"pair", "-o", "-", set, "--syscall", "read", "--from", "+1ms"},
		"replay":        {"replay", "--format", "jsonl", set},
		"replay events": {"replay", "--format", "jsonl", "--events", set},
	} {
		t.Run(name, func(t *testing.T) {
			both, nodes := callsOf(t, args...)
			for _, node := range []string{"web1", "web2"} {
				alone, none := callsOf(t, append(slices.Clone(args), "--node", node)...)
				var of []map[string]any
				for i, call := range both {
					if nodes[i] == node {
						of = append(of, call)
					}
				}
				for _, call := range alone {
					if at, is := call["start_ns"].(json.Number); is && node == "web2" {
						ns, _ := at.Int64()
						call["start_ns"] = json.Number(fmt.Sprint(ns - 3600e9))
					}
				}
				if len(alone) == 0 || strings.Join(none, "") != "" || !slices.EqualFunc(of, alone, maps.Equal[map[string]any]) {
					t.Errorf("%s: %v, alone %v", node, of, alone)
				}
			}
			if key := "start_ns"; strings.HasPrefix(name, "pair") && !slices.IsSortedFunc(both, func(a, b map[string]any) int {
				return strings.Compare(a[key].(json.Number).String(), b[key].(json.Number).String())
			}) {
				t.Errorf("not in the order of time: %v", both)
			}
			if !strings.Contains(strings.Join(nodes[1:len(nodes)-1], " "), "web2 web1") {
				t.Errorf("one machine after the other: %q", nodes)
			}
		})
	}
	var csv []string
	for _, row := range machineRows(t, "export", "--format", "csv", set) {
		csv = append(csv, row["start_ns"]+" "+row["dur_ns"]+" "+row["node"]+" "+row["capture"][:1])
	}
	var pairs []string
	for _, row := range machineRows(t, "pair", "--format", "csv", "-o", "-", set) {
		pairs = append(pairs, row["start_ns"]+" "+row["dur_ns"]+" "+row["node"]+" "+row["capture"][:1])
	}
	if len(csv) != 9 || !slices.Equal(csv, pairs) || !strings.HasSuffix(csv[1], "web2 b") {
		t.Errorf("export %q, pair %q", csv, pairs)
	}
	code, stdout, stderr := infoRun(t, "replay", set, "--columns", "time,call", "--syscall", "close")
	if want := "web1   0.002000000 close(3)\nweb2   0.002000000 close(3)\nweb1   0.005000000 close(3)\n"; code != exitOK || stdout != want {
		t.Errorf("replay: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := infoRun(t, "replay", set, "--events", "--from", "+1ms", "--to", "+2ms"); code != exitOK || strings.Count(stdout, "\nweb2 ") != 2 || strings.Count(stdout, "web1 ") != 2 {
		t.Errorf("replay --events: exit code %d: %s", code, stdout)
	}
}

// TestRecordingsInTurns: of recordings that were made one after the other, however
// many can be read; of the same time, so many as there is memory for.
func TestRecordingsInTurns(t *testing.T) {
	dir := t.TempDir()
	set := func(name string, apart int64) string {
		to := filepath.Join(dir, name)
		if err := os.Mkdir(to, 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range mostMerged + 3 {
			ahead := int64(i) * apart
			dump := machineDump("web", "a", ahead, 1000, 2000)
			dump = strings.Replace(dump, strings.Repeat("a", 32), fmt.Sprintf("%032x", i+1), 1)
			dump = strings.ReplaceAll(dump, fmt.Sprintf("\"realtime_ns\":%d", midnight), fmt.Sprintf("\"realtime_ns\":%d", midnight+ahead))
			dump = strings.ReplaceAll(dump, fmt.Sprintf("\"realtime_ns\":%d", midnight+2_000_000), fmt.Sprintf("\"realtime_ns\":%d", midnight+ahead+2_000_000))
			text := filepath.Join(dir, "text")
			if err := os.WriteFile(text, []byte(dump), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := infoRun(t, "import", "--from", "dump", "--force", text, "-o", filepath.Join(to, fmt.Sprintf("%d.parquet", i))); code != 0 {
				t.Fatalf("import: exit code %d: %s", code, stderr)
			}
		}
		return to
	}
	commands := [][]string{{"latency", "--every", "1s", "--format", "csv"}, {"pair", "--format", "csv", "-o", "-"}, {"replay", "--columns", "time,call"}}
	turns := set("turns", 1_000_000_000)
	for i, rows := range []int{mostMerged + 3, 2 * (mostMerged + 3), 2*(mostMerged+3) - 1} {
		code, stdout, stderr := infoRun(t, append(commands[i], turns)...)
		if code != exitOK || strings.Count(stdout, "\n") != rows+1 {
			t.Errorf("%v: exit code %d: %d lines: %s", commands[i], code, strings.Count(stdout, "\n"), stderr)
		}
	}
	if all, err := format.Recordings([]string{turns}, format.ReadOptions{}); err != nil || len(all) != mostMerged+3 {
		t.Errorf("%d recordings, %v", len(all), err)
	}
	together := set("together", 0)
	for _, args := range commands {
		if code, _, stderr := infoRun(t, append(args, together)...); code != exitFailed || !strings.Contains(stderr, "of the same time") || !strings.Contains(stderr, "--node") {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}

// TestWhatDatasetsLeaveOut: a damaged file among those of several machines is told
// of, and by the exit code too, by every command that reads them.
func TestWhatDatasetsLeaveOut(t *testing.T) {
	set := machineSet(t)
	_, data := captureOfWeb1(t, set)
	torn := filepath.Join(set, "events", "torn.parquet")
	if err := os.WriteFile(torn, data[:len(data)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, args := range [][]string{
		{"latency", set}, {"latency", "--every", "1ms", set}, {"sequences", set}, {"pair", "-o", "-", set}, {"replay", set}, {"replay", "--events", set}, {"export", "--format", "csv", set},
		{"info", set}, {"compare", set, "--", set}, {"seccomp", set}, {"baseline", "train", set, "-o", filepath.Join(dir, "base")}, {"copy", set, "-o", filepath.Join(dir, "copy"), "--partition", "node"},
	} {
		code, stdout, stderr := infoRun(t, args...)
		if code != exitDamaged || !strings.Contains(stderr, "left out: "+torn) {
			t.Errorf("%v: exit code %d: %s%.300s", args[:len(args)-1], code, stderr, stdout)
		}
	}
}
