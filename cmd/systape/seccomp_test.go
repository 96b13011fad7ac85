package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"systape/format"
)

// The recorder's child, which becomes the recorded command, is no program of
// the profile; what the command executes is.
func TestSeccompLeavesLauncherOut(t *testing.T) {
	const recorded = `
10 enter 7 execve(1, 2, 3) comm="systape"
20 exec 7 old=7 "/bin/web" comm="web"
30 exit 7 execve = 0 comm="web"
40 enter 7 getpid() comm="web"
41 exit 7 getpid = 7 comm="web"
`
	const further = `
50 enter 7 execve(1, 2, 3) comm="web"
60 exec 7 old=7 "/bin/next" comm="next"
70 exit 7 execve = 0 comm="next"
80 enter 7 getpid() comm="next"
81 exit 7 getpid = 7 comm="next"
`
	// The whole system: others' calls, and all that the child did.
	const system = `# systape.request {"command":["web"],"all":true,"launched":7}
1 enter 5 read(0) comm="cat"
2 exit 7 clone = 0 comm="systape"
3 enter 7 setgroups(0, 0) comm="systape"
4 exit 7 setgroups = 0 comm="systape"
5 exit 5 read = 0 comm="cat"` + recorded + further
	for _, c := range []struct {
		name, text string
		programs   int
		calls      string
	}{
		{"the whole system", system, 3, "execve by web, getpid by web, read by cat"},
		{"its exec event is lost", strings.Replace(system, "20 exec 7 old=7 \"/bin/web\" comm=\"web\"\n", "", 1), 3, "execve by web, getpid by web, read by cat"},
		{"a child that is not seen", strings.Replace(system, "2 exit 7 clone = 0 comm=\"systape\"\n", "", 1), 4, "execve by systape, getpid by web, read by cat, setgroups by systape"},
		{"one program", "# systape.request {\"command\":[\"web\"]}" + recorded, 1, "getpid by web"},
		{"a further one", "# systape.request {\"command\":[\"web\"]}" + recorded + further, 2, "execve by web, getpid by web"},
		{"command not told", "# systape.request {\"hidden\":\"command\"}" + recorded, 1, "getpid by web"},
		{"a process that ran", "# systape.request {\"pids\":[7]}" + recorded, 2, "execve by systape, getpid by web"},
	} {
		name := latencyCapture(t, []byte(c.text))
		code, stdout, stderr := commandLine(t, "seccomp", name, "--format", "json", "--runtime", "none")
		var got struct {
			Calls []struct {
				Syscall string `json:"syscall"`
				By      string `json:"first_comm"`
			} `json:"calls"`
			Saturation struct {
				Programs int `json:"programs"`
			} `json:"saturation"`
		}
		if err := json.Unmarshal([]byte(stdout), &got); code != 0 || err != nil {
			t.Fatalf("%s: exit code %d, %v, %s", c.name, code, err, stderr)
		}
		var calls []string
		for _, x := range got.Calls {
			calls = append(calls, x.Syscall+" by "+x.By)
		}
		if strings.Join(calls, ", ") != c.calls || got.Saturation.Programs != c.programs {
			t.Errorf("%s: got %q of %d programs, want %s of %d", c.name, calls, got.Saturation.Programs, c.calls, c.programs)
		}
		_, _, stderr = commandLine(t, "seccomp", name, "-o", t.TempDir()+"/p.json")
		if strings.Contains(stderr, "it is the recorder's") != !strings.Contains(c.calls, "systape") || strings.Contains(stderr, "probability  ") {
			t.Errorf("%s: got %s", c.name, stderr)
		}
	}
}

// A container's runtime works in the container until it executes the program: that
// is none of the program's, unless somebody asks for it.
func TestSeccompLeavesRuntimeOut(t *testing.T) {
	name := latencyCapture(t, []byte(`# systape.request {"all":true}
10 exit 7 clone = 0 comm="runc:[1:CHILD]" container="web"
11 enter 7 mount(0, 0, 0, 0, 0) comm="runc:[2:INIT]" container="web"
12 exit 7 mount = 0 comm="runc:[2:INIT]" container="web"
13 enter 7 execve(1, 2, 3) comm="runc:[2:INIT]" container="web"
20 exec 7 old=7 "/bin/web" comm="web" container="web"
30 exit 7 execve = 0 comm="web" container="web"
40 enter 7 getpgid(0) comm="web" container="web"
41 exit 7 getpgid = 7 comm="web" container="web"
50 enter 7 pause() comm="runcible" container="web"
51 exit 7 pause = -4 comm="runcible" container="web"
`))
	for _, c := range []struct {
		flags, recorded string
		told            bool
	}{
		{"--container web", "getpgid pause", true},
		{"", "getpgid pause", true},
		{"--runtime none", "execve getpgid mount pause", false},
		{"--comm runc:*", "execve mount", false},
	} {
		code, stdout, stderr := commandLine(t, append([]string{"seccomp", name}, strings.Fields(c.flags)...)...)
		var profile struct {
			Syscalls []struct{ Names []string }
		}
		if err := json.Unmarshal([]byte(stdout), &profile); code != 0 || err != nil || len(profile.Syscalls) == 0 {
			t.Fatalf("%s: exit code %d, %v, %s", c.flags, code, err, stderr)
		}
		if got := strings.Join(profile.Syscalls[0].Names, " "); got != c.recorded || strings.Contains(stderr, "runtime made them") != c.told {
			t.Errorf("%s: got %q, want %q\n%s", c.flags, got, c.recorded, stderr)
		}
	}
	if _, stdout, _ := commandLine(t, "seccomp", name, "--format", "systemd"); !strings.Contains(stdout, "mount") {
		t.Errorf("a service that makes containers needs it: %s", stdout)
	}
	profile := filepath.Join(t.TempDir(), "profile.json")
	commandLine(t, "seccomp", name, "-o", profile)
	if code, stdout, _ := commandLine(t, "seccomp", name, "--check", profile); code != 0 || !strings.Contains(stdout, "runtime made them") {
		t.Errorf("its own profile: exit code %d, %s", code, stdout)
	}
}

// Parts that a recorder made are one capture, also when a shell names each of
// them; another recording beside them is one of its own.
func TestSeccompTakesPartsAsOne(t *testing.T) {
	events, err := format.ParseText(bytes.NewReader(pairRandomText()))
	if err != nil {
		t.Fatal(err)
	}
	parts := partsOf(t, events[:5000], true, 1000, 2500)
	files, err := filepath.Glob(filepath.Join(parts, "*.parquet"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	other := latencyCapture(t, []byte(pairTwoCalls))
	seccomp := func(names ...string) (stdout, stderr string) {
		code, stdout, stderr := commandLine(t, append([]string{"seccomp", "--format", "json"}, names...)...)
		if code != 0 {
			t.Fatalf("%v: exit code %d, %s", names, code, stderr)
		}
		return regexp.MustCompile(`"first_file": .*`).ReplaceAllString(stdout, ""), stderr
	}
	want, said := seccomp(parts, other)
	got, stderr := seccomp(files[2], files[0], other, files[1])
	if got != want || stderr != said || strings.Contains(stderr, "part ") {
		t.Errorf("by name: %s\n%s\nas a folder: %s\n%s", got, stderr, want, said)
	}
}
