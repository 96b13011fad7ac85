package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format"
)

// recordContainers records containers that runc and crun made: one by its id, by the
// beginning of its id and by its name while another is as busy, and with the
// recorder inside of one. (The files of docker, containerd, podman and CRI-O are
// read in capture's TestContainersByName.)
func recordContainers(t *testing.T, r recorder) {
	for _, tool := range []string{"runc", "crun", "busybox"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("short", func(t *testing.T) { r.recordShortContainers(t) })

	id := fmt.Sprintf("%064x", os.Getpid())
	id = id[32:] + id[:32] // its first digits are its own
	name, other := fmt.Sprintf("systape-box-%d", os.Getpid()), fmt.Sprintf("systape-other-%d", os.Getpid())
	loop := "while :; do /bin/busybox true; done"
	r.startContainer(t, id, loop)
	r.startContainer(t, name, loop)
	r.startContainer(t, other, loop)

	for _, c := range []struct{ asked, container string }{
		{id, id[:12]}, {id[:40], id[:12]}, {name, name},
	} {
		for _, hook := range [][]string{nil, {"--no-btf"}} {
			t.Run(c.asked+strings.Join(hook, ""), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "t.parquet")
				r.succeed(t, append([]string{"record", "-q", "-a", "--container", c.asked, "-d", "500ms", "-o", file}, hook...)...)
				events := 0
				for _, e := range r.whole(t, file) {
					// A process that was about to end has no cgroup any more when somebody looks.
					if e.Container != c.container && e.Container != "" || e.Comm != "busybox" && e.Comm != "" {
						t.Fatalf("got %+v", e)
					}
					if e.Kind == format.Enter {
						events++
					}
				}
				if events == 0 {
					t.Error("nothing was recorded")
				}
			})
		}
	}

	// What is said of the other is as much as is recorded of it.
	file := filepath.Join(t.TempDir(), "all.parquet")
	r.succeed(t, "record", "-q", "-a", "-d", "500ms", "-o", file)
	seen := map[string]bool{}
	for _, e := range r.whole(t, file) {
		seen[e.Container] = true
	}
	for _, want := range []string{id[:12], name, other} {
		if !seen[want] {
			t.Errorf("-a has no event of container %s", want)
		}
	}
	if got := r.run(t, "record", "-a", "--container", "systape-nosuch", "-d", "1s", "-o", file+".2"); got.code == 0 || !strings.Contains(got.stderr, "systape-nosuch") {
		t.Errorf("a container that does not exist: %+v", got)
	}

	t.Run("crun", func(t *testing.T) { r.recordCrun(t, loop) })
	t.Run("inside", func(t *testing.T) { r.recordInsideContainer(t) })
}

// recordCrun records a container of crun's by its name and by that of its cgroup. crun
// 1.8 refuses to start where version 1 and 2 of cgroups are mounted side by side, as
// they are on some machines: it sees version 2 alone.
func (r recorder) recordCrun(t *testing.T, script string) {
	name := fmt.Sprintf("systape-crun-%d", os.Getpid())
	cgroup := name + "-group"
	c := r.newContainer(t)
	linux := c.config["linux"].(map[string]any)
	linux["cgroupsPath"] = "/" + cgroup
	delete(linux, "resources") // whose controllers may be version 1's
	isCgroup := func(e any) bool { return e.(map[string]any)["type"] == "cgroup" }
	linux["namespaces"] = slices.DeleteFunc(linux["namespaces"].([]any), isCgroup)
	c.config["mounts"] = slices.DeleteFunc(c.config["mounts"].([]any), isCgroup)
	c.set(t, true, "", "/bin/busybox", "sh", "-c", script)
	crun := func(args ...string) *exec.Cmd {
		alone := `umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec crun --cgroup-manager=cgroupfs "$@"`
		return exec.Command("unshare", append([]string{"-m", "--propagation", "private", "sh", "-c", alone, "sh"}, args...)...)
	}
	log, err := os.Create(filepath.Join(c.dir, "log")) // not a pipe, which the container would hold open
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	run := crun("run", "-d", "-b", c.dir, name)
	run.Stderr = log
	if err := run.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("crun run: %v\n%s", err, text)
	}
	t.Cleanup(func() {
		if out, err := crun("delete", "-f", name).CombinedOutput(); err != nil {
			t.Errorf("crun delete: %v\n%s", err, out)
		}
	})
	for _, asked := range []string{name, cgroup} {
		file := filepath.Join(t.TempDir(), "t.parquet")
		r.succeed(t, "record", "-q", "-a", "--container", asked, "-d", "500ms", "-o", file)
		events := 0
		for _, e := range r.whole(t, file) {
			if e.Container != cgroup && e.Container != "" || e.Comm != "busybox" && e.Comm != "" {
				t.Fatalf("%s: got %+v", asked, e)
			}
			if e.Kind == format.Enter {
				events++
			}
		}
		if events == 0 {
			t.Errorf("%s: nothing was recorded", asked)
		}
	}
}

// recordInsideContainer: ids there are not those of the machine. A command is
// recorded whole, with all that it says of itself; what goes by ids is refused.
func (r recorder) recordInsideContainer(t *testing.T) {
	c := r.newContainer(t)
	if out, err := exec.Command("cp", r.systape, filepath.Join(c.dir, "rootfs", "bin")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(script string) outcome {
		t.Helper()
		c.set(t, true, "", "/bin/busybox", "sh", "-c", "cd /tmp; "+script)
		return r.finish(t, exec.Command("runc", "run", "-b", c.dir, fmt.Sprintf("systape-inside-%d", os.Getpid())))
	}
	got := run("systape record -o t.parquet -- busybox sh -c 'busybox true; exit 7'; echo code $?; systape verify t.parquet; systape replay --syscall execve,exit_group t.parquet")
	if !strings.Contains(got.out, "code 7\n") || !strings.Contains(got.out, " rules hold, 0 do not") || strings.Count(got.out, "exit_group(") != 2 {
		t.Errorf("a command: got %s\n%s", got.out, got.stderr)
	}
	if strings.Contains(got.stderr, "on, no longer recorded") {
		t.Errorf("nothing runs on: %s", got.stderr)
	}
	got = run("systape record --wait-all -o w.parquet -- busybox sh -c '(busybox usleep 300000; exec busybox true) & exit 0'; echo code $?; systape replay --syscall exit_group w.parquet")
	if !strings.Contains(got.out, "code 0\n") || strings.Count(got.out, "exit_group(") != 3 {
		t.Errorf("--wait-all: got %s\n%s", got.out, got.stderr)
	}
	for _, args := range []string{"-a -d 1s", "-p 1 -d 1s", "-a --container x -d 1s"} {
		got := run("systape record -o refused.parquet " + args + "; echo code $?; ls")
		if strings.Contains(got.out, "code 0\n") || strings.Contains(got.out, "refused") || !strings.Contains(got.stderr, "--pid=host") && !strings.Contains(got.stderr, "no running container") {
			t.Errorf("%s: got %s\n%s", args, got.out, got.stderr)
		}
	}
	got = run("systape doctor --quick")
	if got.code != 0 || !strings.Contains(got.out, "own namespaces (a container)") {
		t.Errorf("doctor: exit code %d\n%s%s", got.code, got.out, got.stderr)
	}
}

// newContainer makes a bundle for runc with busybox in it.
func (r recorder) newContainer(t *testing.T) *bundle {
	t.Helper()
	c := &bundle{dir: t.TempDir()}
	root := filepath.Join(c.dir, "rootfs")
	for _, dir := range []string{"bin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := `cp "$(command -v busybox)" "$1/bin/busybox" && ln -s busybox "$1/bin/sh" && runc spec -b "$2"`
	if out, err := exec.Command("sh", "-c", script, "sh", root, c.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &c.config)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.config["root"].(map[string]any)["readonly"] = false
	rights := c.config["process"].(map[string]any)["capabilities"].(map[string]any)
	for set := range rights {
		rights[set] = []string{"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_KILL", "CAP_DAC_OVERRIDE", "CAP_SYS_NICE"}
	}
	return c
}

// startContainer has runc run a script of busybox's until the test ends.
func (r recorder) startContainer(t *testing.T, id, script string) {
	t.Helper()
	c := r.newContainer(t)
	c.set(t, true, "", "/bin/busybox", "sh", "-c", script)
	run := exec.Command("runc", "run", "-d", "-b", c.dir, id)
	log, err := os.Create(filepath.Join(c.dir, "log")) // not a pipe, which the container would hold open
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	run.Stderr = log
	if err := run.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("runc run %s: %v\n%s", id, err, text)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("runc", "delete", "-f", id).CombinedOutput(); err != nil {
			t.Errorf("runc delete %s: %v\n%s", id, err, out)
		}
	})
}

// recordShortContainers records containers that live for some milliseconds, so that
// nobody can ask about them before they are gone: what they do is theirs all the same,
// and no call of theirs is the surrounding container's.
func (r recorder) recordShortContainers(t *testing.T) {
	c := r.newContainer(t)
	c.set(t, true, "", "/bin/busybox", "true")
	const runs = 12
	name := fmt.Sprintf("systape-short-%d-", os.Getpid())
	script := `i=0; while [ $i -lt "$3" ]; do runc run -b "$1" "$2$i" || exit 9; i=$((i+1)); done`
	command := []string{"--", "sh", "-c", script, "sh", c.dir, name, fmt.Sprint(runs)}
	for _, args := range [][]string{nil, {"--no-btf"}, {"-a", "--comm", "busybox"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.parquet")
			r.succeed(t, slices.Concat([]string{"record", "-q", "-o", file}, args, command)...)
			calls := map[string]int{}
			for _, e := range r.whole(t, file) {
				if e.Comm != "busybox" || e.Kind != format.Enter {
					continue
				}
				if !strings.HasPrefix(e.Container, name) {
					t.Fatalf("got container %q of %+v", e.Container, e)
				}
				calls[e.Container]++
			}
			for i := range runs {
				if calls[name+fmt.Sprint(i)] == 0 {
					t.Errorf("no call of container %s%d: %v", name, i, calls)
				}
			}
		})
	}
}
