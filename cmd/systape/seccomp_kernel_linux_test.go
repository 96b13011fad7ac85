package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"systape/internal/kerneltest"
)

// bundle is a container of runc's with one program in it.
type bundle struct {
	dir    string
	config map[string]any
}

func newBundle(t *testing.T, source string) *bundle {
	t.Helper()
	b := &bundle{dir: t.TempDir()}
	root := filepath.Join(b.dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(source), ".c")
	if out, err := exec.Command("cc", "-O1", "-static", "-o", filepath.Join(root, name), source).CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, out)
	}
	if out, err := exec.Command("runc", "spec", "-b", b.dir).CombinedOutput(); err != nil {
		t.Fatalf("runc spec: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &b.config)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// set writes what the container is to run, and under which filter.
func (b *bundle) set(t *testing.T, noNewPrivileges bool, profile string, args ...string) {
	t.Helper()
	p := b.config["process"].(map[string]any)
	p["terminal"], p["args"], p["noNewPrivileges"] = false, args, noNewPrivileges
	linux := b.config["linux"].(map[string]any)
	delete(linux, "seccomp")
	if profile != "" {
		text, err := os.ReadFile(profile)
		if err != nil {
			t.Fatal(err)
		}
		linux["seccomp"] = json.RawMessage(text)
	}
	text, err := json.Marshal(b.config)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, "config.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSeccompRuntime records a program in a container, makes a profile of it,
// and runs it under the profile with runc: it works as before, a call planted
// in it is refused, and --check had said so. What runc calls in the container to
// make it is in no profile.
func TestSeccompRuntime(t *testing.T) {
	kerneltest.Require(t)
	if _, err := exec.LookPath("runc"); err != nil {
		t.Fatal(err)
	}
	r := buildRecorder(t)
	b := newBundle(t, "../../testdata/programs/planted.c")
	dir := t.TempDir()
	plain, planted, profile := filepath.Join(dir, "plain.parquet"), filepath.Join(dir, "planted.parquet"), filepath.Join(dir, "profile.json")
	container := filepath.Base(b.dir) + "-" + filepath.Base(filepath.Dir(dir))
	runc := []string{"runc", "run", "-b", b.dir, container}
	record := func(file string) {
		t.Helper()
		if got := r.succeed(t, append([]string{"record", "-f", "-o", file, "--"}, runc...)...); got.out != "child\ndone\n" {
			t.Fatalf("%s: got %q\n%s", file, got.out, got.stderr)
		}
	}
	b.set(t, true, "", "/planted")
	record(plain)
	b.set(t, true, "", "/planted", "more")
	record(planted)

	r.succeed(t, "seccomp", plain, "--container", container, "-o", profile)
	if text, err := os.ReadFile(profile); err != nil || strings.Contains(string(text), `"pivot_root"`) || strings.Contains(string(text), `"mount"`) {
		t.Errorf("%v, what runc calls before it installs the filter is in the profile:\n%s", err, text)
	}
	for _, noNewPrivileges := range []bool{true, false} {
		for _, c := range []struct {
			args []string
			code int
			out  string
		}{
			{[]string{"/planted"}, 0, "child\ndone\n"},
			{[]string{"/planted", "more"}, 9, "child\n"},
		} {
			b.set(t, noNewPrivileges, profile, c.args...)
			got := r.finish(t, exec.Command(runc[0], runc[1:]...))
			if got.code != c.code || got.out != c.out {
				t.Errorf("noNewPrivileges %v, %q: got exit code %d, %q, want %d, %q\n%s", noNewPrivileges, c.args, got.code, got.out, c.code, c.out, got.stderr)
			}
		}
	}

	if got := r.run(t, "seccomp", plain, "--container", container, "--check", profile); got.code != 0 {
		t.Errorf("the profile's own capture: exit code %d\n%s%s", got.code, got.out, got.stderr)
	}
	got := r.run(t, "seccomp", planted, "--container", container, "--check", profile, "--format", "json")
	var answer struct {
		Refused []struct {
			Syscall, Action, Errno string
			Count                  int
		}
	}
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Refused) != 1 || got.code != exitDamaged {
		t.Fatalf("exit code %d, %+v, want the planted call alone", got.code, answer)
	}
	if x := answer.Refused[0]; x.Syscall != "getpgid" || x.Action != "SCMP_ACT_ERRNO" || x.Errno != "EPERM" || x.Count != 1 {
		t.Errorf("got %+v, want one getpgid refused with EPERM", x)
	}
}

// TestSeccompWholeSystem records a command and all else: nothing that the
// recorder's child called before it became the command is in a profile of it.
func TestSeccompWholeSystem(t *testing.T) {
	kerneltest.Require(t)
	r := buildRecorder(t)
	file := filepath.Join(t.TempDir(), "all.parquet")
	r.succeed(t, "record", "-a", "-o", file, "--", needTool(t, "true"))
	var info struct {
		Request struct{ Launched int }
	}
	if err := json.Unmarshal([]byte(r.succeed(t, "info", file, "--format", "json").out), &info); err != nil || info.Request.Launched == 0 {
		t.Fatalf("%v, %+v: which process became the command is not told", err, info)
	}
	var profile struct {
		Calls []struct {
			Syscall string
			By      string `json:"first_comm"`
		}
		Saturation struct{ Programs int }
	}
	got := r.succeed(t, "seccomp", file, "--pid", strconv.Itoa(info.Request.Launched), "--format", "json")
	if err := json.Unmarshal([]byte(got.out), &profile); err != nil {
		t.Fatal(err)
	}
	if len(profile.Calls) == 0 || profile.Saturation.Programs != 1 {
		t.Errorf("got %d calls of %d programs, want those of one", len(profile.Calls), profile.Saturation.Programs)
	}
	for _, c := range profile.Calls {
		if c.By != "true" {
			t.Errorf("%s by %q is not of the command", c.Syscall, c.By)
		}
	}
}
