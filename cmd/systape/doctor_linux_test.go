package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"systape/capture"
	"systape/internal/kerneltest"
)

// doctorAnswer is what others build on.
type doctorAnswer struct {
	Tool      string            `json:"tool"`
	CanRecord bool              `json:"can_record"`
	Checks    []capture.Check   `json:"checks"`
	Overhead  *capture.Overhead `json:"overhead"`
}

func (a *doctorAnswer) of(name string) capture.Check {
	for _, c := range a.Checks {
		if c.Name == name {
			return c
		}
	}
	return capture.Check{}
}

// TestDoctor takes from the doctor what recording needs, piece by piece.
func TestDoctor(t *testing.T) {
	kerneltest.Require(t)
	dir := openFolder(t)
	systape := filepath.Join(dir, "systape")
	if out, err := exec.Command("go", "build", "-o", systape, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	doctor := func(t *testing.T, command string) (a doctorAnswer, code int) {
		t.Helper()
		c := exec.Command("sh", "-c", command)
		c.Env = append(os.Environ(), "DOCTOR="+systape+" doctor --format json")
		c.Dir = dir
		c.Stderr = os.Stderr
		out, _ := c.Output()
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		return a, c.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		name, command string
		code          int
		check         string
		finding       capture.Finding
		next          string
	}{
		{"as it is", "$DOCTOR --quick", 0, "programs", capture.FindingOK, ""},
		{"no rights", "setpriv --reuid 65534 --clear-groups $DOCTOR", 1, "rights", capture.FindingFails, "setcap cap_bpf,cap_perfmon+ep " + systape},
		{"too few rights", "setpriv --bounding-set -perfmon,-sys_admin $DOCTOR --quick", 1, "rights", capture.FindingFails, "setcap"},
		{"rights without root", "setpriv --reuid 65534 --clear-groups --inh-caps +bpf,+perfmon --ambient-caps +bpf,+perfmon $DOCTOR --quick", 0, "turns", capture.FindingNote, "CAP_SYS_NICE"},
		{"few files", "ulimit -n 20; $DOCTOR --quick", 1, "limits", capture.FindingFails, "ulimit -n"},
		{"small files", "ulimit -f 1000; $DOCTOR --quick /proc/self", 1, "limits", capture.FindingNote, "ulimit -f unlimited"},
		{"no such folder", "$DOCTOR --quick no-such", 1, "disk", capture.FindingFails, "systape doctor DIR"},
		{"no proc", "unshare -m sh -c 'umount -l /proc && $DOCTOR --quick'", 1, "system", capture.FindingFails, "mount -t proc proc /proc"},
		{"pid namespace", "unshare -pf --mount-proc $DOCTOR --quick", 0, "namespaces", capture.FindingNote, "--pid=host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, code := doctor(t, c.command)
			check := a.of(c.check)
			if code != c.code || a.CanRecord != (code == 0) || check.Finding != c.finding || !strings.Contains(check.Next, c.next) {
				t.Errorf("got code %d, can_record %v, %+v", code, a.CanRecord, check)
			}
		})
	}
	t.Run("measures", func(t *testing.T) {
		a, code := doctor(t, "$DOCTOR")
		o := a.Overhead
		if code != 0 || o == nil || o.BareNS <= 0 || o.Events < 60_000 || o.CPUPerEvent <= 0 || o.BytesPerEvent <= 0 {
			t.Errorf("got code %d, %+v", code, o)
		}
	})
	if left, _ := filepath.Glob(filepath.Join(dir, ".systape*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
