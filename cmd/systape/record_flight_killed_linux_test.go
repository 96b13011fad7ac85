package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"systape/format"
)

// flightKilled: of a flight recorder that is killed, what was in memory is gone, and
// what it was writing is saved, by all that is said afterwards.
func flightKilled(t *testing.T, r recorder) {
	kill := func(t *testing.T, f *flying) {
		t.Helper()
		f.Process.Kill()
		f.control.Close() // the shell, which has its standard error, ends then
		f.Wait()
	}
	t.Run("while it keeps", func(t *testing.T) {
		f := r.fly(t, "--flight", "10s", "--trigger", "exit:77")
		f.run(t, ":")
		f.reaches(t, "systape_events_total", 1)
		kill(t, f)
		if left, _ := filepath.Glob(filepath.Join(f.dir, "*")); len(left) != 0 {
			t.Errorf("left: %q", left)
		}
		// The next one begins as if nothing had been.
		got := r.run(t, "record", "--flight", "10s", "-o", filepath.Join(f.dir, "t.parquet"), "--", "true")
		if got.code != 0 || strings.Contains(got.stderr, "recover") || !slices.Equal(f.files(), []string{filepath.Join(f.dir, "t-00001.parquet")}) {
			t.Errorf("%+v, files %q", got, f.files())
		}
	})
	t.Run("while it writes", func(t *testing.T) {
		f := r.fly(t, "--flight", "1h", "--trigger", "exit:77", "--after", "1h")
		f.run(t, "cat /nosuch 2>/dev/null; :")
		spool := filepath.Join(f.dir, "t-00001.parquet.spool")
		f.run(t, "sh -c 'exit 77'; :")
		f.reaches(t, "systape_flight_files_total", 1)
		waitFor(t, "what was before on the spool", func() bool {
			return strings.Contains(r.run(t, "replay", "--comm", "cat", spool).out, "openat(")
		})
		kill(t, f)

		// The next one says what was left, and takes nothing of it.
		again := []string{"record", "-q", "--flight", "10s", "-o", filepath.Join(f.dir, "t.parquet"), "--", "true"}
		beside := filepath.Join(f.dir, "t-00001-2.parquet")
		if got := r.run(t, again...); got.code != 0 || !strings.Contains(got.stderr, "systape recover "+spool) || !slices.Equal(f.files(), []string{beside}) {
			t.Errorf("the next start: %+v, files %q", got, f.files())
		}
		os.Remove(beside)
		for _, flags := range [][]string{{"--flight", "10s"}, {"-C", "1MB"}} {
			got := r.run(t, append(append([]string{"record", "-q", "-o", filepath.Join(f.dir, "t-%s%%%Y.parquet")}, flags...), "--", "true")...)
			if got.code != 0 || strings.Contains(got.stderr, "recover") { // other names
				t.Errorf("%q: %+v", flags, got)
			}
			got = r.run(t, append(append([]string{"record", "-q", "-o", filepath.Join(f.dir, "t-%j%S.parquet")}, flags...), "--", "true")...)
			if got.code != 0 || got.stderr != "systape: warning: earlier recordings were cut off; to save them: systape recover "+spool+"\n" {
				t.Errorf("%q: %+v", flags, got)
			}
			for _, made := range f.files() { // the next may begin within the same second
				os.Remove(made)
			}
		}
		if got := r.run(t, "recover", f.dir); got.code != exitUsage || !strings.Contains(got.stderr, "/*.spool") {
			t.Errorf("recover of the folder: %+v", got)
		}
		got := r.run(t, "recover", filepath.Join(f.dir, "nosuch.spool"), spool)
		if got.code != exitFailed || !strings.Contains(got.stderr, "nosuch.spool") || !strings.Contains(got.out, " rows saved") {
			t.Errorf("recover: %+v", got)
		}
		saved := strings.TrimSuffix(spool, format.SpoolSuffix)
		r.succeed(t, "verify", saved)
		reader, err := format.Open([]string{saved}, format.ReadOptions{Warn: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if m := reader.Meta(); m.Complete || m.Recovered == "" || m.Flight == nil || m.Flight.Trigger != "exit:77" {
			t.Errorf("%+v, flight %+v", m, m.Flight)
		}
		if got := r.succeed(t, "info", saved).out; !strings.Contains(got, "exit:77: ended with status 77") {
			t.Errorf("info: %s", got)
		}
		if got := r.succeed(t, "replay", "--comm", "cat", saved).out; !strings.Contains(got, "openat(") {
			t.Errorf("what was before it fired: %q", got)
		}
		if got := r.run(t, again...); got.code != 0 || got.stderr != "" || !slices.Contains(f.files(), saved) || !slices.Contains(f.files(), beside) {
			t.Errorf("after it was saved: %+v, files %q", got, f.files())
		}
	})
}

// flightChooses: what filters, shares and bounds choose is chosen in what a flight
// recorder writes, and is what its triggers see.
func flightChooses(t *testing.T, r recorder) {
	cgroup := filepath.Join(cgroup2(t), "systape-flight")
	if err := os.Mkdir(cgroup, 0o755); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	t.Cleanup(func() { waitFor(t, "the cgroup to be empty", func() bool { return syscall.Rmdir(cgroup) == nil }) })
	const noSuch = "cat /nosuch 2>/dev/null; :"
	within := func(line string) string { return "(echo 0 >" + cgroup + "/cgroup.procs; exec " + line + "); :" }
	for _, c := range []struct {
		name      string
		args      []string
		near, far string // what its trigger does not see, and what it does
		is        func(e format.Event) bool
	}{
		{"cgroup", []string{"--cgroup", cgroup, "--trigger", "exit:7"}, "sh -c 'exit 7'; :", within("sh -c 'exit 7'"), nil},
		{"cgroup and paths", []string{"--cgroup", cgroup, "--paths", "--trigger", "openat:ENOENT"}, noSuch, within("cat /nosuch 2>/dev/null"), nil},
		{"name", []string{"--comm", "c*t", "--trigger", "openat:ENOTDIR"}, "head /dev/null/x 2>/dev/null; :", "cat /dev/null/x 2>/dev/null; :",
			func(e format.Event) bool { return e.Comm == "cat" || e.Kind == format.Rename }},
		{"failed", []string{"--failed", "--trigger", "openat:ENOTDIR"}, noSuch, "cat /dev/null/x 2>/dev/null; :",
			func(e format.Event) bool { return e.Kind != format.Exit || e.Ret < 0 }},
		{"failed, and their paths", []string{"--failed", "--paths=failed", "--trigger", "openat:ENOTDIR"}, noSuch, "cat /dev/null/x 2>/dev/null; :",
			func(e format.Event) bool { return e.Kind != format.Exit || e.Ret < 0 }},
		{"lasting", []string{"--min-duration", "100ms", "--trigger", "all>300ms"}, "sleep 0.15", "sleep 0.5",
			func(e format.Event) bool { return e.Kind != format.Exit || e.TS-e.Args[format.ExitEntered] >= 100e6 }},
		{"calls", []string{"-e", "%file", "--trigger", "exit:7"}, "kill -0 $$", "sh -c 'exit 7'; :",
			func(e format.Event) bool { return e.Kind != format.Enter || e.Syscall != "read" }},
		{"at most", []string{"--max-rate", "1000", "--trigger", "exit:9"}, r.program("noise") + " 400000 >/dev/null; :", "sh -c 'exit 9'; :", nil},
		{"one in", []string{"--sample", "3", "--trigger", "exec:fals*"}, "/bin/true", "/bin/false; :", nil},
		{"memory", []string{"--max-memory", "1GiB", "--trigger", "exit:7"}, "/bin/true", "sh -c 'exit 7'; :", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := r.fly(t, append([]string{"--flight", "60s", "--after", "0", "--cooldown", "0"}, c.args...)...)
			f.nearAndFar(t, c.near, c.far)
			f.reaches(t, "systape_flight_triggers_total", 1)
			files := f.land(t)
			if len(files) < 2 {
				t.Fatalf("got %q", files)
			}
			m, events := r.flightFile(t, files[1])
			if m.Flight.Why != format.FlightTrigger || m.Flight.Passed != 0 {
				t.Errorf("flight %+v", m.Flight)
			}
			for _, e := range events {
				if c.is != nil && (e.Kind == format.Enter || e.Kind == format.Exit) && !c.is(e) {
					t.Fatalf("got %+v", e)
				}
			}
			var got struct {
				Coverage struct {
					ByStatus map[string]int64 `json:"by_status"`
				}
			}
			r.json(t, &got, "latency", "--format", "json", files[1])
			if s := got.Coverage.ByStatus; s["denied"]+s["enter_lost"]+s["exit_lost"]+s["mismatch"] != 0 {
				t.Errorf("half calls: %v\n%s", s, r.succeed(t, "replay", "--status", "denied,enter_lost,exit_lost,mismatch", files[1]).out)
			}
		})
	}
}
