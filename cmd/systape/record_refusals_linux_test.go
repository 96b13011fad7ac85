package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// recordRefusals: what cannot be recorded is answered with the cause, the
// next step and the documented exit code, and leaves no file behind.
func recordRefusals(t *testing.T, r recorder) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there.parquet")
	spool := filepath.Join(dir, "cut.parquet.spool")
	text := filepath.Join(dir, "text")
	for _, name := range []string{there, spool, text} {
		if err := os.WriteFile(name, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	odd, noShebang, noInterpreter := filepath.Join(bin, "it's $(odd)"), filepath.Join(bin, "script"), filepath.Join(bin, "lost")
	for name, content := range map[string]string{noShebang: "echo hi\n", noInterpreter: "#! /no/such/interpreter -x\n", odd: ""} {
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(odd, 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly := filepath.Join(dir, "ro")
	if err := os.Mkdir(readOnly, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", readOnly, "tmpfs", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(readOnly, 0) })
	device := filepath.Join(dir, "null")
	if err := unix.Mknod(device, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(os.Getpid())
	out := filepath.Join(dir, "new.parquet")
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"missing command", []string{"-o", out, "--", "no-such-command-here"}, 127, []string{"no-such-command-here: no such command", "hint: check the spelling"}},
		{"missing path", []string{"-o", out, "--", "/no/such/program"}, 127, []string{"/no/such/program", "hint: "}},
		{"not executable", []string{"-o", out, "--", text}, 126, []string{"permission denied", "hint: ", "chmod +x " + text}},
		{"script without a first line", []string{"-o", out, "--", noShebang}, 126, []string{"start " + noShebang + ": exec format error\n", "hint: ", "first line such as #!/bin/sh", "systape record -- sh " + noShebang}},
		{"interpreter that is not there", []string{"-o", out, "--", noInterpreter}, 127, []string{"its interpreter /no/such/interpreter is not there", "hint: install it"}},
		{"no name", []string{"-o", out, "--", ""}, 127, []string{"start '': no such command"}},
		{"name that a shell would take apart", []string{"-o", out, "--", odd}, 126, []string{`chmod +x '` + bin + `/it'\''s $(odd)'`}},
		{"a folder", []string{"-o", out, "--", dir}, 126, []string{dir}},
		{"nothing to record", []string{"-o", out}, 2, []string{"give a command, -p PID or -a", "hint: see 'systape record --help'"}},
		{"unknown call with a command", []string{"-e", "openatt", "-o", out, "--", "true"}, 125, []string{"openatt", "openat"}},
		{"unknown call", []string{"-e", "openatt", "-o", out, "-a"}, 2, []string{"openatt", "openat"}},
		{"unknown class", []string{"-e", "%fil", "-o", out, "-a"}, 2, []string{"%fil", "%file"}},
		{"no such pid", []string{"-o", out, "-p", "4194304"}, 2, []string{"no process has the id 4194304", "hint: ", "ps -e"}},
		{"pid and command", []string{"-o", out, "-p", pid, "--", "true"}, 125, []string{"a command and -p exclude each other"}},
		{"pid and all", []string{"-o", out, "-a", "-p", pid}, 2, []string{"-p and -a exclude each other"}},
		{"odd buffer", []string{"-o", out, "--buffer", "100000", "-a"}, 2, []string{"power of two"}},
		{"buffer with a command", []string{"-o", out, "--buffer", "lots", "--", "true"}, 125, []string{"--buffer lots"}},
		{"unknown flag", []string{"-o", out, "--no-such-flag", "--", "true"}, 125, []string{"no-such-flag", "hint: see 'systape record --help'"}},
		{"negative duration", []string{"-o", out, "-a", "-d", "-1s"}, 2, []string{"duration"}},
		{"unknown user", []string{"-o", out, "-a", "--uid", "nosuchuser"}, 2, []string{"nosuchuser"}},
		{"no such cgroup", []string{"-o", out, "-a", "--cgroup", "/no/such"}, 2, []string{"/no/such", "hint: "}},
		{"no such container", []string{"-o", out, "-a", "--container", "abcdef"}, 2, []string{"no running container", "hint: "}},
		{"missing folder", []string{"-o", filepath.Join(dir, "no", "t.parquet"), "--", "true"}, 125, []string{"no such file or directory", "hint: ", "-o"}},
		{"read-only folder", []string{"-o", filepath.Join(readOnly, "t.parquet"), "--", "true"}, 125, []string{"read-only file system", "hint: ", "-o"}},
		{"read-only folder, no command", []string{"-o", filepath.Join(readOnly, "t.parquet"), "-a"}, 1, []string{"read-only file system", "hint: "}},
		{"file exists", []string{"-o", there, "--", "true"}, 125, []string{there + " exists", "hint: ", "--force"}},
		{"file exists, no command", []string{"-o", there, "-a"}, 1, []string{there + " exists"}},
		{"spool exists", []string{"-o", strings.TrimSuffix(spool, ".spool"), "--", "true"}, 125, []string{spool + " exists", "systape recover " + spool}},
		{"name too long", []string{"-o", filepath.Join(dir, strings.Repeat("x", 256)), "--", "true"}, 125, []string{"has 256 bytes", "hint: "}},
		{"standard error", []string{"-o", "/dev/stderr", "-a"}, 2, []string{"/dev/stderr is not for captures", "hint: -o - "}},
		{"descriptor that is not open", []string{"-o", "/dev/fd/99", "-a"}, 2, []string{"/dev/fd/99 is not open"}},
		{"output is a folder", []string{"-o", dir, "--force", "--", "true"}, 125, []string{dir + " is not a regular file", "hint: "}},
		{"output is a device", []string{"-o", device, "--force", "--", "true"}, 125, []string{device + " is not a regular file", "hint: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := r.run(t, append([]string{"record"}, c.args...)...)
			if got.code != c.code || got.out != "" {
				t.Errorf("got code %d and output %q, want code %d and none", got.code, got.out, c.code)
			}
			if !strings.HasPrefix(got.stderr, "systape: ") {
				t.Errorf("got %q, which does not begin with our name", got.stderr)
			}
			for _, want := range c.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("got %q, which does not say %q", got.stderr, want)
				}
			}
		})
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{spool, device, readOnly, text, there}; strings.Join(left, " ") != strings.Join(want, " ") {
		t.Errorf("got files %q, want %q", left, want)
	}
	for _, name := range []string{there, spool} {
		if b, err := os.ReadFile(name); err != nil || string(b) != "precious" {
			t.Errorf("%s holds %q %v", name, b, err)
		}
	}
	t.Run("force", func(t *testing.T) {
		r.succeed(t, "record", "-q", "--force", "-o", there, "--", "true")
		r.check(t, there)
	})
	t.Run("existing capture survives a failed start", func(t *testing.T) {
		before, _ := os.ReadFile(there)
		if got := r.run(t, "record", "--force", "-o", there, "--", "no-such-command-here"); got.code != 127 {
			t.Errorf("got %+v", got)
		}
		if after, err := os.ReadFile(there); err != nil || string(after) != string(before) {
			t.Errorf("the file has changed: %v", err)
		}
	})
}

// recordRights: without the rights to record, the message names them.
func recordRights(t *testing.T, r recorder) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"--", "true"}, 125},
		{[]string{"-a"}, 4},
		{[]string{"-p", fmt.Sprint(os.Getpid())}, 4},
		{[]string{"--no-btf", "-a"}, 4},
	} {
		cmd := r.command(t, append([]string{"record"}, c.args...)...)
		cmd.Dir = openFolder(t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		got := r.finish(t, cmd)
		if got.code != c.code || got.out != "" {
			t.Errorf("%v: got code %d and output %q, want %d", c.args, got.code, got.out, c.code)
		}
		if strings.Contains(got.stderr, "panic: ") {
			t.Fatal(got.stderr)
		}
		for _, want := range []string{"CAP_BPF", "CAP_PERFMON", "hint: ", "sudo", "setcap", r.systape} {
			if !strings.Contains(got.stderr, want) {
				t.Errorf("%v: got %q, which does not say %q", c.args, got.stderr, want)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(cmd.Dir, "*")); len(left) > 0 {
			t.Errorf("%v: left %q", c.args, left)
		}
	}
	t.Run("capabilities of the file are enough", func(t *testing.T) {
		privileged := filepath.Join(r.dir, "systape-with-rights")
		if out, err := exec.Command("cp", r.systape, privileged).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := exec.Command("setcap", "cap_bpf,cap_perfmon+ep", privileged).CombinedOutput(); err != nil {
			t.Fatalf("setcap: %v %s", err, out)
		}
		cmd := exec.Command(privileged, "record", "-q", "-o", "t.parquet", "--", "sh", "-c", "exit 5")
		cmd.Dir = openFolder(t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if got := r.finish(t, cmd); got.code != 5 {
			t.Fatalf("got %+v", got)
		}
		events := r.check(t, filepath.Join(cmd.Dir, "t.parquet"))
		if n := calls(events); n["execve"] != 1 || n["exit_group"] != 1 {
			t.Errorf("got %v", n)
		}
	})
}

// openFolder makes a folder that any user may write to.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
