package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// diskUse is how many bytes of the disk a file takes, and how long it is.
func diskUse(path string) (used, size int64) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512, info.Size()
}

// recordGivesBack: while a recording goes on, what has been sealed of its spool is
// given back to the disk. Every command still reads all of it, by any name, and after
// kill -9 recover saves all of it.
func recordGivesBack(t *testing.T, r recorder) {
	p := r.begin(t, "--", r.program("noise"), "200000000")
	spool := p.file + ".spool"
	waitFor(t, "a spool", func() bool { _, size := diskUse(spool); return size > 16<<20 })
	child := childOf(p.Process.Pid)
	syscall.Kill(child, syscall.SIGSTOP)
	waitFor(t, "a spool of which much was given back", func() bool {
		used, size := diskUse(spool)
		return size-used > 6<<20
	})
	p.Process.Signal(syscall.SIGSTOP) // so that all commands see the same
	waitFor(t, "the recorder to stop", func() bool {
		stat, _ := os.ReadFile(filepath.Join("/proc", fmt.Sprint(p.Process.Pid), "stat"))
		return strings.Contains(string(stat), ") T ")
	})
	saved := filepath.Join(t.TempDir(), "saved.parquet")
	// While the recorder lives recover refuses; a copy is nobody's.
	if got := r.run(t, "recover", spool, "-o", saved); got.code == 0 {
		t.Errorf("recover took the spool of a recording that goes on: %+v", got)
	}
	used, size := diskUse(spool)
	live := map[string]string{}
	commands := [][]string{
		{"latency", "--format", "json"}, {"sequences", "--format", "json"}, {"verify"}, {"info"},
	}
	for _, c := range commands {
		for _, name := range []string{spool, p.file} {
			got := r.run(t, append(c, name)...)
			if got.code != 0 || !strings.Contains(got.stderr+got.out, "still") {
				t.Errorf("%s %s: %+.300v", c[0], name, got)
			}
			if c[0] == "latency" || c[0] == "sequences" {
				if live[c[0]] != "" && live[c[0]] != got.out {
					t.Errorf("%s: another answer under another name", c[0])
				}
				live[c[0]] = got.out
			}
		}
	}
	p.Process.Kill()
	p.Wait()
	syscall.Kill(child, syscall.SIGKILL)
	r.succeed(t, "recover", spool, "-o", saved)
	r.succeed(t, "verify", saved)
	for _, c := range commands[:2] {
		var was, is map[string]any
		if err := json.Unmarshal([]byte(live[c[0]]), &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(r.succeed(t, append(c, saved)...).out), &is); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"groups", "coverage", "sequences"} {
			if w, _ := json.Marshal(was[part]); was[part] != nil {
				if i, _ := json.Marshal(is[part]); string(w) != string(i) {
					t.Errorf("%s of the spool and of what was recovered differ in %s:\n%.400s\n%.400s", c[0], part, w, i)
				}
			}
		}
	}
	r.succeed(t, "recover", spool, "-o", p.file) // in the place of the capture itself
	if a, b := r.info(t, saved), r.info(t, p.file); a.Rows != b.Rows {
		t.Errorf("recovered %d and %d events", a.Rows, b.Rows)
	}
	t.Logf("the spool has %d bytes, %d on the disk", size, used)
}

// recordFollowedWhileGivingBack: who follows a recording from its begin gets all
// of it, though the recorder gives back what was not read yet.
func recordFollowedWhileGivingBack(t *testing.T, r recorder) {
	p := r.begin(t, "--", r.program("noise"), "3000000")
	spool := p.file + ".spool"
	waitFor(t, "a spool", spoolGrows(p.file))
	follow := r.command(t, "replay", "--follow", "--speed", "max", "--format", "jsonl", "--syscall", "exit_group", spool)
	pipe, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the follower to open the spool", func() bool {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", follow.Process.Pid))
		return slices.ContainsFunc(links, func(link string) bool { to, _ := os.Readlink(link); return to == spool })
	})
	follow.Process.Signal(syscall.SIGSTOP)
	waitFor(t, "a spool of which much was given back, or the end", func() bool {
		used, size := diskUse(spool)
		return size-used > 6<<20 || size == 0
	})
	follow.Process.Signal(syscall.SIGCONT)
	if got := p.end(t); got.code != 7 {
		t.Errorf("record: %+v", got)
	}
	last := make([]byte, 1<<16)
	n := 0
	for deadline := time.Now().Add(recordLimit); time.Now().Before(deadline); {
		k, err := pipe.Read(last[n:])
		if n += k; err != nil {
			break
		}
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("replay --follow: %v", err)
	}
	if !strings.Contains(string(last[:n]), `"exit_group"`) {
		t.Errorf("the last call is missing: %.300s", last[:n])
	}
	r.succeed(t, "verify", p.file)
}
