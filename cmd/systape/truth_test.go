package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command says what is wrong with what it was asked, instead of nothing or
// of Go's words.
func TestWhatMakesNoSenseIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	capture := latencyCapture(t, []byte(replayLoopCapture))
	var many []byte
	for i := range 10_001 {
		many = fmt.Appendf(many, "%d enter 7/7 getpid()\n%d exit 7/7 getpid = 7\n", 1000*i, 1000*i+10)
	}
	busy := latencyCapture(t, many)
	for name, begin := range map[string]string{"log.xz": "\xfd7zXZ\x00\x00", "perf.data": "PERFILE2", "win.log": "\xff\xfe7\x00",
		"summary": "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.000055           1        30           mmap\n"} {
		if err := os.WriteFile(name, []byte(begin), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"replay F --from +2 --to +1", exitUsage, "--from +2 is not before --to +1"},
		{"latency F --from +1 --to +1", exitUsage, "there is nothing between them"},
		{"replay F --around +999", exitOK, "nothing is shown"},
		{"replay F --pid 99", exitOK, "nothing is shown"},
		{"sequences F --rare 2", exitUsage, "--rare=2"},
		{"latency MANY --every 1ns", exitUsage, "more than 10,000 intervals"},
		{"latency none.parquet", exitFailed, "systape: none.parquet: no such file or directory"},
		{"recover none.parquet", exitFailed, "systape: none.parquet: no such file or directory"},
		{"import --from strace none -o x.parquet", exitFailed, "systape: none: no such file or directory"},
		{"import --from strace log.xz -o x.parquet", exitFailed, "systape: log.xz is compressed by xz\nhint: xz -dc log.xz | systape import --from strace - -o x.parquet\n"},
		{"import --from strace win.log -o x.parquet", exitFailed, "hint: iconv -f UTF-16 -t UTF-8 win.log | systape import --from strace - -o x.parquet\n"},
		{"import --from strace perf.data -o x.parquet", exitFailed, "hint: perf script -i perf.data | systape import --from perf-script - -o x.parquet\n"},
		{"import --from perf-trace perf.data -o x.parquet", exitFailed, "hint: perf trace -i perf.data | systape import --from perf-trace - -o x.parquet\n"},
		{"import --from strace summary -o x.parquet", exitFailed, "a summary as strace -c writes it, without calls\nhint: strace -f"},
		{"import --from perf-script perf.data -o x.parquet", exitFailed, "hint: perf script -i perf.data | systape import --from perf-script - -o x.parquet\n"},
		{"score F --baseline none", exitFailed, "none: no such file or directory"},
	} {
		code, _, stderr := commandLine(t, strings.Fields(strings.NewReplacer("F", capture, "MANY", busy).Replace(c.line))...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "stat ") || strings.Contains(stderr, "open ") {
			t.Errorf("%s: exit code %d, %s; want %d and %q", c.line, code, stderr, c.code, c.says)
		}
	}
}

// A file of a folder that is damaged does not keep back what the others hold,
// and the exit code tells.
func TestDamagedFileInAFolder(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(t.TempDir(), "whole.parquet")
	if code, _, stderr := commandLine(t, "recover", latencyCapture(t, []byte(replayLoopCapture)), "-o", whole); code != 0 {
		t.Fatal(stderr)
	}
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"a.parquet": data, "b.parquet": data[:len(data)/2]} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"latency", dir}, {"replay", dir}, {"info", dir}} {
		code, stdout, stderr := commandLine(t, args...)
		if code != exitDamaged || !strings.Contains(stdout, "getpid") && !strings.Contains(stdout, "capture ") ||
			!strings.Contains(stderr, "left out: "+filepath.Join(dir, "b.parquet")) || !strings.Contains(stderr, "recover") {
			t.Errorf("%q: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// What an imported text does not tell of times is not shown.
func TestUntimedImport(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("t.strace", []byte("getpid() = 7\nread(3, \"a\", 1) = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := commandLine(t, "import", "--from", "strace", "t.strace", "-o", "t.parquet"); code != 0 {
		t.Fatal(stderr)
	}
	for line, want := range map[string]string{
		"replay t.parquet":                   "= 7 <?>\n",
		"export --format strace t.parquet":   "getpid() = 7\n",
		"export --format csv t.parquet":      "\n0,,1970-",
		"pair -o - t.parquet":                `"dur_ns":null`,
		"replay --format jsonl t.parquet":    `"dur_ns":null`,
		"replay --columns comm t.parquet":    "?\n",
		"sequences --threads -n 2 t.parquet": "1/1 ?, 2 calls",
	} {
		if code, stdout, stderr := commandLine(t, strings.Fields(line)...); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, want %q in\n%s%s", line, code, want, stdout, stderr)
		}
	}
}

// A call that seccomp refused by a signal returned nothing, on any architecture.
func TestSlowestShowsNoResultThatIsNone(t *testing.T) {
	capture := latencyCapture(t, []byte(`1000 enter 7/7 read(3, 4096, 1)
2000 exit 7/7 read = 1
3000 exit 7/7 getgid = 104 # refused
4000 exit 7/7 getuid abi=arm64 nr=174 = 77
5000 exit 7/7 getuid abi=arm64 nr=174 = -1
`))
	_, stdout, stderr := commandLine(t, "latency", "--slowest", "1", "--around", "5", capture)
	if strings.Contains(stdout, "= 104") || strings.Contains(stdout, "= 77") || !strings.Contains(stdout, "getgid = ?") {
		t.Errorf("got\n%s%s", stdout, stderr)
	}
}
