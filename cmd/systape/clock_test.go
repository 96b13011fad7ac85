package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// sleptCapture is a recording of a machine that slept for an hour in its
// middle: capture time stood still, the time of day went on.
func sleptCapture(t *testing.T) string { return steppedCapture(t, 3600) }

// steppedCapture is a recording in whose middle the time of day moved by seconds.
func steppedCapture(t *testing.T, by int64) string {
	t.Helper()
	const s = int64(1e9)
	const start = 1_790_000_000 * s
	path := filepath.Join(t.TempDir(), "slept.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}, Complete: true,
		Clock: format.Clock{Anchors: []format.Anchor{{TS: start, RealNS: start}, {TS: start + 10*s, RealNS: start + 10*s}, {TS: start + 20*s, RealNS: start + (20+by)*s}}}}
	w, err := format.NewSpoolWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 4)
	for i, at := range []int64{start, start + 5, start + 25*s, start + 25*s + 5} {
		b.Append(format.Event{TS: at, Seq: int64(i), Kind: format.Kind(i % 2), Nr: int32(39 + 57*(i/2)), Syscall: []string{"getpid", "gettimeofday"}[i/2], PID: 7, TID: 7})
	}
	if err := errors.Join(w.Write(b), w.Close(m)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTimesOfAMachineThatSlept: every command shows the time of day that the
// machine showed, and takes it.
func TestTimesOfAMachineThatSlept(t *testing.T) {
	path := sleptCapture(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"info", path}, "2026-09-21T15:13:45.000000005Z\n"},
		{[]string{"info", path}, "clock      the time of day moved by +1h00m"},
		{[]string{"replay", "--time", "epoch", path}, "1790003625.000000000"},
		{[]string{"pair", path, "-o", "-", "--format", "csv"}, "2026-09-21T15:13:45.000000Z"},
		{[]string{"latency", "--slowest", "2", path}, "15:13:45.000000"},
		{[]string{"latency", "--from", "2026-09-21T15:13:45Z", "--format", "csv", path}, "gettimeofday"},
		{[]string{"latency", "--to", "2026-09-21T15:13:45Z", "--format", "csv", path}, "getpid"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), c.args, strings.NewReader(""), &out, &errs); code != 0 || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: exit code %d, no %q in\n%s%s", c.args, code, c.want, out.String(), errs.String())
		}
	}
	for _, bound := range []string{"--from", "--to"} {
		var out bytes.Buffer
		run(t.Context(), []string{"latency", bound, "2026-09-21T15:13:45Z", "--format", "csv", path}, strings.NewReader(""), &out, &out)
		if strings.Contains(out.String(), "getpid") == strings.Contains(out.String(), "gettimeofday") {
			t.Errorf("%s chooses both calls, or none:\n%s", bound, out.String())
		}
	}
}

// What came twice is the last for --to, the first for --from, in every command
// that takes them, and each says so.
func TestTimesThatCameTwice(t *testing.T) {
	path := steppedCapture(t, -22) // calls at 0 and 25 s, when the clock showed 14:13:20 and 14:13:23
	for _, command := range []string{"latency", "replay", "pair -o - --format csv", "sequences -n 1", "export --format csv"} {
		for _, bound := range []string{"--from", "--to"} {
			args := append(append(strings.Fields(command), bound, "2026-09-21T14:13:24Z"), path)
			var out, errs bytes.Buffer
			if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
				t.Fatalf("%v: exit code %d, %s", args, code, errs.String())
			}
			if wantFirst := bound == "--to"; strings.Contains(out.String(), "getpid") != wantFirst || !strings.Contains(out.String(), "gettimeofday") {
				t.Errorf("%v:\n%s", args, out.String())
			}
			if !strings.Contains(errs.String(), bound+" 2026-09-21T14:13:24Z came twice, for the clock was set back") {
				t.Errorf("%v says %q", args, errs.String())
			}
		}
	}
}
