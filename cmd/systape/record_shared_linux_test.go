package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// recordSharedTables: processes that share descriptors or directories by clone3,
// roots of openat2's own, and socketcall. The program tells the truth.
func recordSharedTables(t *testing.T, r recorder) {
	file := filepath.Join(t.TempDir(), "t.parquet")
	truth, err := exec.Command(r.systape, "record", "-q", "--paths", "-o", file, "--", r.program("shared_tables")).Output()
	if err != nil {
		t.Fatal(err)
	}
	r.compareTruth(t, string(truth), 22, file)
}

// compareTruth compares what testdata/programs/shared_tables.c told with what
// the captures say of its checks: each name is right or not given, and least
// are given.
func (r recorder) compareTruth(t *testing.T, truth string, least int, files ...string) {
	t.Helper()
	out, err := exec.Command(r.systape, append([]string{"replay", "-y", "--comm", "shared_tables", "--patience", "1h", "--columns", "call"}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "fcntl(") || strings.Contains(line, "AT_EMPTY_PATH") {
			shown = append(shown, line)
		}
	}
	var want []string
	for line := range strings.Lines(truth) {
		if what, _, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && what != "" {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(shown) != len(want) {
		t.Fatalf("%d checks are recorded, the program made %d:\n%s", len(shown), len(want), strings.Join(shown, ""))
	}
	right := 0
	for i, line := range want {
		fd, name, _ := strings.Cut(line, " ")
		_, got, _ := strings.Cut(shown[i], "(")
		got, _, _ = strings.Cut(got, ",")
		switch number, given, ok := strings.Cut(strings.TrimSuffix(got, ">"), "<"); {
		case number != fd:
			t.Errorf("check %d is of %s, the program's of %s", i, number, fd)
		case !ok:
			t.Logf("not known: check %d, %s", i, line)
		case sameFile(given, name) == 0 && !(strings.HasPrefix(name, "socket:") && given == "TCP"):
			t.Errorf("check %d: %s is %q, in truth %q", i, fd, given, name)
		default:
			right++
		}
	}
	t.Logf("%d of %d names are right", right, len(want))
	if right < least {
		t.Errorf("%d of %d names are known, want %d", right, len(want), least)
	}
}
