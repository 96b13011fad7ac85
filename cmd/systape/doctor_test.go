package main

import (
	"bytes"
	"strings"
	"testing"

	"systape/capture"
)

// The text can be pasted: prose is broken at 80 columns, commands are not, and
// nothing that a machine says of itself reaches the terminal as it is.
func TestDoctorText(t *testing.T) {
	r := doctorReport{Version: "v1", Go: "go1", Platform: "linux/amd64"}
	r.Checks = []capture.Check{
		{Name: "system", Finding: capture.FindingOK, Found: "Linux \x1b[31m6.1"},
		{Name: "rights", Finding: capture.FindingFails, Found: "user 1000 without CAP_BPF and CAP_PERFMON, and with a sentence that is longer than a line",
			Next: "run it with sudo, or give the program the rights once, which is another long sentence:\n  sudo setcap cap_bpf,cap_perfmon+ep /a/path/that/is/long/enough/to/go/beyond/the/line/systape"},
		{Name: "clock", Finding: capture.FindingNote, Found: "slow", Next: "  sysctl a=b"},
	}
	r.Offline = []capture.Check{{Name: "temp", Finding: capture.FindingNote, Found: "full"}}
	var got bytes.Buffer
	if err := r.text(&got); err != nil {
		t.Fatal(err)
	}
	const want = `systape v1, go1, linux/amd64
ok    system      Linux \x1b[31m6.1
fails rights      user 1000 without CAP_BPF and CAP_PERFMON, and with a sentence
                  that is longer than a line
                  → run it with sudo, or give the program the rights once, which
                    is another long sentence:
                    sudo setcap cap_bpf,cap_perfmon+ep /a/path/that/is/long/enough/to/go/beyond/the/line/systape
note  clock       slow
                    sysctl a=b
note  temp        full
this machine cannot record as it is: 1 point fails, 1 note
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
	r.Checks = r.Checks[2:]
	got.Reset()
	if err := r.text(&got); err != nil || !strings.HasSuffix(got.String(), "\nthis machine can record, 1 note\n") {
		t.Errorf("got %v\n%s", err, &got)
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, args := range [][]string{{"doctor", "--format", "xml"}, {"doctor", "a", "b"}} {
		if code, stdout, stderr := commandLine(t, args...); code != exitUsage || stdout != "" || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%v: got code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
