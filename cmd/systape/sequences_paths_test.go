package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reader is strace's text of a program that reads files, the last one another time.
func reader(last string) string {
	return `7 1000.000001 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3 <0.000001>
7 1000.000011 read(3, "x", 64) = 1 <0.000001>
7 1000.000021 close(3) = 0 <0.000001>
7 1000.000031 openat(AT_FDCWD, "/usr/lib/nosuch", O_RDONLY) = -1 ENOENT (No such file or directory) <0.000001>
7 1000.000041 openat(AT_FDCWD, "/proc/7/maps", O_RDONLY) = 3 <0.000001>
7 1000.000051 close(3) = 0 <0.000001>
7 1000.000061 getpid() = 7 <0.000001>
7 1000.000071 openat(AT_FDCWD, "` + last + `", O_RDONLY) = 3 <0.000001>
7 1000.000081 read(3, "x", 64) = 1 <0.000001>
7 1000.000091 read(9, "x", 64) = 1 <0.000001>
7 1000.000101 close(3) = 0 <0.000001>
`
}

// A call is told apart by the first rule that its path, or that of its
// descriptor, fits; by thread, by process, and with errors.
func TestSequencesTellCallsApartByPath(t *testing.T) {
	capture := sequencesImport(t, reader("/etc/passwd"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "openat read close openat openat close getpid openat read read close"},
		{[]string{"--path-symbols", "/etc/*,/proc/*/maps"},
			"openat:/etc/* read:/etc/* close:/etc/* openat openat:/proc/*/maps close:/proc/*/maps getpid openat:/etc/* read:/etc/* read close:/etc/*"},
		{[]string{"--path-symbols", "/etc/hosts,/etc/*,/usr/*", "--with-errors", "--by", "process"},
			"openat:/etc/hosts read:/etc/hosts close:/etc/hosts openat:/usr/*:ENOENT openat close getpid openat:/etc/* read:/etc/* read close:/etc/*"},
		{[]string{"--path-symbols", "*"}, "openat:* read:* close:* openat:* openat:* close:* getpid openat:* read:* read close:*"},
	} {
		code, out, stderr := sequencesCommand(t, append([]string{"sequences", "-n", "1", "--format", "json", "--transitions", capture}, c.args...)...)
		if code != 0 {
			t.Fatalf("%v: %s", c.args, stderr)
		}
		var got struct {
			Sequences []struct {
				Calls []string `json:"calls"`
				Count int      `json:"count"`
			} `json:"sequences"`
			Paths []string `json:"path_symbols"`
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		var symbols []string
		for _, s := range got.Sequences {
			for range s.Count {
				symbols = append(symbols, s.Calls[0])
			}
		}
		want := strings.Fields(c.want)
		slices.Sort(symbols)
		slices.Sort(want)
		if !slices.Equal(symbols, want) {
			t.Errorf("%v: %q, want %q", c.args, symbols, want)
		}
	}
}

// A baseline states its paths; a program that makes the same calls about
// another file is told by it, and is not without it.
func TestBaselineTellsFilesApart(t *testing.T) {
	usual, other := sequencesImport(t, reader("/etc/passwd")), sequencesImport(t, reader("/root/.bashrc"))
	dir := t.TempDir()
	for _, c := range []struct {
		paths []string
		new   bool
	}{{nil, false}, {[]string{"--path-symbols", "/etc/*,/root/*"}, true}} {
		baseline := filepath.Join(dir, "b"+strings.Join(c.paths, "")[:min(1, len(c.paths))]+".json")
		if code, _, stderr := sequencesCommand(t, append([]string{"baseline", "train", "-o", baseline, usual}, c.paths...)...); code != 0 {
			t.Fatal(stderr)
		}
		text, err := os.ReadFile(baseline)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(text), `"path_symbols"`); has != c.new {
			t.Errorf("%v: the baseline states paths: %v", c.paths, has)
		}
		_, info, _ := sequencesCommand(t, "baseline", "info", baseline)
		if has := strings.Contains(info, "calls told apart by paths: /etc/*, /root/*"); has != c.new {
			t.Errorf("%v: info states paths: %v", c.paths, has)
		}
		for _, side := range []struct {
			capture string
			new     bool
		}{{usual, false}, {other, c.new}} {
			code, out, stderr := sequencesCommand(t, "score", "--baseline", baseline, side.capture)
			if code != 0 {
				t.Fatal(stderr)
			}
			if got := strings.Contains(out, "openat:/root/*"); got != side.new {
				t.Errorf("%v: a call that is new: %v, want %v\n%s", c.paths, got, side.new, out)
			}
		}
	}
	_, out, _ := sequencesCommand(t, "compare", "--path-symbols", "/etc/*,/root/*", usual, other)
	if !strings.Contains(out, "openat:/root/*") {
		t.Errorf("compare does not tell the files apart:\n%s", out)
	}
	if code, _, _ := sequencesCommand(t, "sequences", "--path-symbols", "/etc/*,,", usual); code != 2 {
		t.Errorf("an empty path: exit code %d, want 2", code)
	}
}
