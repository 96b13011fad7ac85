package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/format"
)

// oneOf writes the rows of a recording in parts as a capture of one part.
func oneOf(t *testing.T, paths []string, to string) *format.Meta {
	t.Helper()
	r, err := format.Open(paths, format.ReadOptions{Warn: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	file, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := format.NewParquetWriter(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b format.Batch
	for err = r.Next(&b); err == nil; err = r.Next(&b) {
		if err := w.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	meta := *r.Meta()
	meta.Part = format.Part{Number: 1, Last: true}
	if err := w.Close(&meta); err != nil {
		t.Fatal(err)
	}
	return r.Meta()
}

// recordRotates: a recording in parts is, read as one, what it would be in one
// file; each part can be read alone; the oldest ones go; HUP begins another; and a
// command hears of each.
func recordRotates(t *testing.T, r recorder) {
	dir := t.TempDir()
	heard := filepath.Join(t.TempDir(), "heard")
	hook := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho \"$@\" >>"+heard+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// However seldom the recorder gets a turn, there are four parts in the end.
	const script = `for part in 2 3 4; do "$0" 140000; until ls "$1-0000$part.parquet"* >"$1.list" 2>&1; do sleep 0.02; done; done; rm "$1.list"; exit 7`
	got := r.run(t, "record", "-C", "200kB", "-z", hook, "-o", filepath.Join(dir, "t.parquet"), "--", "sh", "-c", script, r.program("noise"), filepath.Join(dir, "t"))
	if got.code != 7 || !strings.Contains(got.stderr, " parts, ") {
		t.Fatalf("record: %+v", got)
	}
	parts, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(parts) < 4 || filepath.Base(parts[0]) != "t-00001.parquet" {
		t.Fatalf("got %q", parts)
	}
	if text, _ := os.ReadFile(heard); string(text) == "" || len(strings.Fields(string(text))) != len(parts) || !strings.Contains(string(text), parts[1]+"\n") {
		t.Errorf("-z heard of %q, the parts are %q", text, parts)
	}
	one := filepath.Join(t.TempDir(), "one.parquet")
	meta := oneOf(t, []string{dir}, one)
	if !meta.Complete || !meta.Part.Last || meta.Part.Rows < 800_000 {
		t.Errorf("together: %+v, complete %v", meta.Part, meta.Complete)
	}
	for _, c := range [][]string{{"latency", "--format", "json"}, {"verify", "--format", "json"}} {
		answers := [2]map[string]any{}
		for i, name := range []string{one, dir} {
			if err := json.Unmarshal([]byte(r.succeed(t, append(c, name)...).out), &answers[i]); err != nil {
				t.Fatal(err)
			}
		}
		for _, part := range []string{"groups", "coverage", "conservation", "ok"} {
			a, _ := json.Marshal(answers[0][part])
			b, _ := json.Marshal(answers[1][part])
			if string(a) != string(b) {
				t.Errorf("%s: %s of one file and of the parts differ:\n%.500s\n%.500s", c[0], part, a, b)
			}
		}
	}
	for i, part := range parts {
		info, err := os.Stat(part)
		if err != nil || info.Size() > 1_500_000 {
			t.Errorf("part %d: %v, %v", i+1, info.Size(), err)
		}
		r.succeed(t, "verify", part)
		var l struct {
			Coverage struct {
				ByStatus map[string]int64 `json:"by_status"`
			} `json:"coverage"`
		}
		if err := json.Unmarshal([]byte(r.succeed(t, "latency", "--format", "json", part).out), &l); err != nil {
			t.Fatal(err)
		}
		for _, status := range []string{"denied", "mismatch", "enter_lost", "exit_lost"} {
			if n := l.Coverage.ByStatus[status]; n > 0 {
				t.Errorf("part %d alone: %d calls %s", i+1, n, status)
			}
		}
	}

	t.Run("counts", func(t *testing.T) { rotatesWithCounts(t, r) })
	t.Run("filters", func(t *testing.T) { rotatesWithFilters(t, r) })
	t.Run("keeps the latest", func(t *testing.T) {
		dir := t.TempDir()
		p := r.command(t, "record", "-q", "-a", "-W", "2", "-o", filepath.Join(dir, "%Y-t.parquet"))
		var stderr strings.Builder
		p.Stderr = &stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		year := time.Now().Format("2006")
		name := filepath.Join(dir, year+"-t.parquet")
		waitFor(t, "events on the spool", spoolGrows(name))
		for _, next := range []string{year + "-t-00002.parquet", year + "-t-00003.parquet", year + "-t-00004.parquet"} {
			background(t, nil, r.program("noise"), "1000")
			p.Process.Signal(syscall.SIGHUP)
			waitFor(t, "part "+next, func() bool {
				_, err := os.Stat(filepath.Join(dir, next+".spool"))
				return err == nil || errors.Is(err, os.ErrNotExist) && exists(filepath.Join(dir, next))
			})
		}
		p.Process.Signal(syscall.SIGTERM)
		if err := p.Wait(); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(left) != 2 {
			t.Errorf("got %q, want the latest two parts", left)
		}
		r.succeed(t, "verify", dir)
	})
	for _, wrong := range [][]string{{"-C", "x"}, {"-C", "1kB"}, {"-G", "1ms"}, {"-W", "-1"}, {"-z", "true"}, {"-W", "2", "-z", "true -v"}, {"-W", "2", "-o", "-"}, {"-W", "2", "-o", "%Q.parquet"}} {
		if got := r.run(t, append(append([]string{"record"}, wrong...), "--", "true")...); got.code != recordFailed || !strings.Contains(got.stderr, "hint: ") {
			t.Errorf("%q: %+v", wrong, got)
		}
	}
}

// rotatesWithCounts: where calls are left out on purpose, each part has the exact
// numbers of its own time and the share that holds in it, and all have together
// those of the recording.
func rotatesWithCounts(t *testing.T, r recorder) {
	for _, c := range []struct {
		name string
		args []string
		drew func(n int) bool // whether of 400000 so many are there
	}{
		{"sample", []string{"--sample", "4"}, func(n int) bool { return n > 90_000 && n < 110_000 }},
		{"failed", []string{"--failed"}, func(n int) bool { return n == 400_000 }},
		{"min duration", []string{"--min-duration", "10h"}, func(n int) bool { return n == 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			// The second half of the calls is made when the second part has begun.
			half := r.program("noise") + " 200000"
			p := r.command(t, append(append([]string{"record", "-q", "-C", "200kB", "-G", "0.3", "-o", filepath.Join(dir, "t.parquet")}, c.args...), "--",
				"sh", "-c", half+"; read line; "+half)...)
			in, err := p.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			p.Stderr = &stderr
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the second part", func() bool { second, _ := filepath.Glob(filepath.Join(dir, "t-00002*")); return len(second) > 0 })
			in.Write([]byte("\n"))
			if p.Wait(); p.ProcessState.ExitCode() != 7 {
				t.Fatalf("%v: %s", p.ProcessState, stderr.String())
			}
			parts, _ := filepath.Glob(filepath.Join(dir, "*"))
			if len(parts) < 2 {
				t.Fatalf("got %q", parts)
			}
			count := func(paths ...string) (counted, there int64) {
				var got struct {
					Coverage struct {
						Calls    int64
						ByStatus map[string]int64 `json:"by_status"`
					}
					Groups []struct{ Count int64 }
				}
				r.json(t, &got, append([]string{"latency", "--format", "json", "--syscall", "lseek"}, paths...)...)
				if len(got.Groups) == 0 { // none is there
					return got.Coverage.Calls, 0
				}
				for _, g := range got.Groups {
					counted += g.Count
				}
				return counted, got.Coverage.ByStatus["ok"]
			}
			sum, rows := int64(0), int64(0)
			for i, part := range parts {
				r.succeed(t, "verify", part)
				counted, there := count(part)
				sum, rows = sum+counted, rows+there
				if c.name == "failed" && (counted < there-20000 || counted > there+20000) {
					t.Errorf("part %d has %d calls, and counts %d", i+1, there, counted)
				}
				if events := r.succeed(t, "replay", "--events", part).out; c.name == "sample" && strings.Count(events, "share of calls set: one call in 4") != 1 {
					t.Errorf("part %d does not tell the share", i+1)
				}
			}
			counted, there := count(dir)
			if counted != 400_000 || sum != counted || !c.drew(int(there)) || there < rows {
				t.Errorf("together %d counted and %d there, the parts %d and %d", counted, there, sum, rows)
			}
			r.succeed(t, "verify", dir)
		})
	}
}

// rotatesWithFilters: what filters choose is chosen in every part, and whole.
func rotatesWithFilters(t *testing.T, r recorder) {
	dir := t.TempDir()
	// What is called before a part began is in those before it, however fast it was.
	const script = `for part in 2 3; do "$0" 50000; until ls "$1-0000$part.parquet"* >"$1.list" 2>&1; do sleep 0.02; done; done; rm "$1.list"; exit 7`
	got := r.run(t, "record", "-q", "-C", "64KiB", "-e", "lseek", "--comm", "noi*", "-o", filepath.Join(dir, "t.parquet"), "--", "sh", "-c", script, r.program("noise"), filepath.Join(dir, "t"))
	if got.code != 7 {
		t.Fatalf("%+v", got)
	}
	parts, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(parts) < 3 {
		t.Fatalf("got %q", parts)
	}
	ok := int64(0)
	for _, part := range append(parts, dir) {
		r.succeed(t, "verify", part)
		var l struct {
			Coverage struct {
				ByStatus map[string]int64 `json:"by_status"`
			}
			Groups []struct{ Syscall string }
		}
		r.json(t, &l, "latency", "--format", "json", part)
		if n := len(l.Groups); n > 1 || n == 1 && l.Groups[0].Syscall != "lseek" { // the last one may have ends of threads alone
			t.Errorf("%s: %+v", part, l.Groups)
		}
		for status, n := range l.Coverage.ByStatus {
			if n > 2 && status != "ok" {
				t.Errorf("%s: %d calls %s", part, n, status)
			}
		}
		ok = l.Coverage.ByStatus["ok"]
	}
	if ok != 100_000 {
		t.Errorf("%d calls together, want 100000", ok)
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func TestTimesInNamesOfParts(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for in, want := range map[string]string{
		"a": "a", "%Y%m%d-%H%M%S": "20260203-040506", "%F %j %y %z": "2026-02-03 034 26 +0000", "100%%": "100%", "%s": "1770091506",
		"%Q": "", "x%": "",
	} {
		got, err := formatTime(in, at)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
}
