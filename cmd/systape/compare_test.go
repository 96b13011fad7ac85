package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// sameCalls is strace's text of n rounds of calls that take us microseconds
// each; less than 0: it does not say.
func sameCalls(n, us int, calls ...string) string {
	var b strings.Builder
	for i := range n * len(calls) {
		at := 1_700_000_000_000_000 + i*(max(us, 0)+10)
		fmt.Fprintf(&b, "7 %d.%06d %s", at/1e6, at%1e6, calls[i%len(calls)])
		if us >= 0 {
			fmt.Fprintf(&b, " <%d.%06d>", us/1e6, us%1e6)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A disk that takes ten times as long is a difference, however few kinds of
// calls were recorded.
func TestCompareFindsSlownessOfFewKinds(t *testing.T) {
	kinds := []string{"fsync(3) = 0", "fdatasync(4) = 0", "pwrite64(3, \"\", 1, 0) = 1", "unlink(\"x\") = 0"}
	for n := 1; n <= len(kinds); n++ {
		a, b := sequencesImport(t, sameCalls(400, 100, kinds[:n]...)), sequencesImport(t, sameCalls(400, 1000, kinds[:n]...))
		code, out, stderr := sequencesCommand(t, "compare", "--fail-on", "latency", a, b)
		if code != 3 || !strings.Contains(out, "fsync is slower: median 1.00 ms, before 100 µs; 400 ms in all, before 40.0 ms") {
			t.Errorf("%d kinds: exit code %d\n%s%s", n, code, out, stderr)
		}
		if code, out, _ := sequencesCommand(t, "compare", "--fail-on", "any,new,vanished", a, a); code != 0 || !strings.HasPrefix(out, "no difference\n") {
			t.Errorf("%d kinds with themselves: exit code %d\n%s", n, code, out)
		}
	}
}

// What is too rare for a verdict stands below it, and --fail-on new sees it.
func TestCompareTellsWhatIsRare(t *testing.T) {
	usual := sameCalls(500, 20, "read(3, \"\", 1) = 1", "openat(AT_FDCWD, \"a\", O_RDONLY) = 3")
	a := sequencesImport(t, usual)
	for _, c := range []struct{ more, want, kind string }{
		{"execve(\"/bin/sh\", [\"sh\"], 0x7) = 0", "new        execve: 1 call, first at 22:13:40.000000 in 7/7", "new"},
		{"openat(AT_FDCWD, \"b\", O_RDONLY) = -1 EACCES (Permission denied)", "new        openat fails with EACCES: 1 of 501 calls, first at 22:13:40.000000 in 7/7", "new"},
	} {
		b := sequencesImport(t, usual+"7 1700000020.000000 "+c.more+" <0.000020>\n")
		for fail, want := range map[string]int{"any": 0, "errors": 0, c.kind: 3, "any," + c.kind: 3} {
			code, out, stderr := sequencesCommand(t, "compare", "--fail-on", fail, a, b)
			if code != want || !strings.HasPrefix(out, "no difference\n\non one side only, too rare for a verdict\n  "+c.want+"\n") {
				t.Errorf("--fail-on %s: exit code %d, want %d\n%s%s", fail, code, want, out, stderr)
			}
		}
		// The other way round it has vanished.
		if code, out, stderr := sequencesCommand(t, "compare", "--fail-on", "vanished", b, a); code != 3 || !strings.Contains(out, "  vanished   ") {
			t.Errorf("the other way round: exit code %d\n%s%s", code, out, stderr)
		}
		if code, _, _ := sequencesCommand(t, "compare", "--fail-on", "new", b, a); code != 0 {
			t.Errorf("what has vanished is taken for new")
		}
	}
}

// Of a text without durations none are compared, shown, or written down.
func TestCompareWithoutDurations(t *testing.T) {
	a, b := sequencesImport(t, sameCalls(300, -1, "read(3, \"\", 1) = 1")), sequencesImport(t, sameCalls(300, 5000, "read(3, \"\", 1) = 1"))
	code, out, stderr := sequencesCommand(t, "compare", "--fail-on", "latency", a, b)
	if code != 0 || !strings.Contains(stderr, "without durations") || strings.Contains(out, "times as long") {
		t.Errorf("exit code %d\n%s%s", code, out, stderr)
	}
	_, out, _ = sequencesCommand(t, "compare", "--format", "json", a, b)
	var j struct {
		Pace  *float64
		Calls []struct {
			P50   [2]*int64 `json:"p50_ns"`
			Total [2]*int64 `json:"total_ns"`
			Delta *float64  `json:"cliffs_delta"`
		}
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatal(err)
	}
	c := j.Calls[0]
	if c.P50[0] != nil || c.Total[0] != nil || c.Delta != nil || j.Pace != nil || c.P50[1] == nil || *c.Total[1] != 1_500_000_000 {
		t.Errorf("%s", out)
	}
}
