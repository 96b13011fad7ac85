package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// recordSocketcall: what the arguments point to that socketcall of i386 has in
// memory, by every way that a recording tells of a call.
func recordSocketcall(t *testing.T, r recorder) {
	if runtime.GOARCH != "amd64" {
		t.Skip("i386 runs on x86_64")
	}
	for name, args := range map[string][]string{
		"enter and exit": nil,
		"held":           {"--min-duration", "1ns"},
		"without BTF":    {"--no-btf"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.parquet")
			truth := r.succeed(t, append(append([]string{"record", "-q", "--paths", "-o", file}, args...), "--", r.program("socketcall"))...).out
			var port [4]int
			if n, err := fmt.Sscan(truth, &port[0], &port[1], &port[2], &port[3]); n != 4 {
				t.Fatalf("%q: %v", truth, err)
			}
			at := func(i int) string { return "127.0.0.1:" + strconv.Itoa(port[i]) }
			got := r.succeed(t, "replay", "--patience", "1h", "--syscall", "socketcall", "--columns", "call", file).out
			for _, want := range []string{"SYS_BIND, [3, 127.0.0.1:0, 16]", "SYS_GETSOCKNAME, [3, " + at(0) + ", 0x", "SYS_CONNECT, [4, " + at(0) + ", 16]",
				"SYS_ACCEPT, [3, " + at(1) + ", 0x", "SYS_GETPEERNAME, [7, " + at(1) + ", 0x", "SYS_SENDTO, [5, ", ", 1, 0, " + at(3) + ", 16]",
				"SYS_RECVFROM, [6, ", ", 1, 0, " + at(2) + ", 0x", "SYS_SENDMSG, [5, {msg_name=" + at(3) + "}, 0]", "SYS_RECVMSG, [6, {msg_name=" + at(2) + "}, 0]",
				"SYS_SOCKETPAIR, [AF_UNIX, SOCK_STREAM, 0, [8, 9]]"} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in\n%s", want, got)
				}
			}
			if calls := strings.Count(got, "127.0.0.1:"); calls != 15 {
				t.Errorf("%d addresses, want 15: send and recv have none\n%s", calls, got)
			}
			r.succeed(t, "verify", file)
		})
	}
}

// recordRemoved: a file that was removed before recording began, and one whose name
// says so without being true.
func recordRemoved(t *testing.T, r recorder) {
	f := func(name string) string { return filepath.Join(t.TempDir(), name) }
	gone, real, linked := f("gone"), f("real (deleted)"), f("linked")
	c := exec.Command("sh", "-c", `exec 5>"$1" 6>"$2" 7>"$3"; ln "$3" "$3.other"; rm "$1" "$3"; echo ready; read x; echo x >&5; echo x >&6; echo x >&7`, "sh", gone, real, linked)
	in, out := startPiped(t, c)
	line := make([]byte, 6)
	if n, err := out.Read(line); string(line[:n]) != "ready\n" {
		t.Fatalf("got %q, %v", line[:n], err)
	}
	p := r.start(t, "--paths", "-p", strconv.Itoa(c.Process.Pid))
	if _, err := in.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := p.end(t); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	if _, err := os.Stat(linked + ".other"); err != nil {
		t.Fatal(err)
	}
	got := r.succeed(t, "replay", "-y", "--columns", "call", "--patience", "1h", p.file).out
	for _, want := range []string{gone + ">(deleted), ", real + ">, ", linked + ">(deleted), "} {
		if !strings.Contains(got, "<"+want) {
			t.Errorf("no <%s in\n%s", want, got)
		}
	}
}
