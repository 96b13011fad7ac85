package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// talkers talk to each other over sockets of many kinds.
const talkers = `
import os, socket, sys
S = socket
def datagrams(family, one, other):
    a, b = S.socket(family, S.SOCK_DGRAM), S.socket(family, S.SOCK_DGRAM)
    a.bind(one); b.bind(other)
    a.sendto(b"x", b.getsockname()); b.recvfrom(9)
    a.sendmsg([b"x"], [], 0, b.getsockname()); b.recvmsg(9)
    a.connect(b.getsockname()); a.send(b"x"); b.recv(9); a.getpeername()
def streams(family, at):
    s, c = S.socket(family), S.socket(family)
    s.bind(at); s.listen()
    c.connect(s.getsockname()); d, _ = s.accept()
    c.getsockname(); d.getpeername(); c.send(b"x"); d.recv(9)
datagrams(S.AF_INET, ("127.0.0.1", 0), ("127.0.0.2", 0))
datagrams(S.AF_INET6, ("::1", 0), ("::1", 0))
datagrams(S.AF_UNIX, "one", "other")
datagrams(S.AF_UNIX, "\\0abstract one", b"\\0other\\x01\\xff")
streams(S.AF_INET, ("127.0.0.1", 0))
streams(S.AF_INET6, ("::1", 0))
streams(S.AF_UNIX, "stream")
n = S.socket(S.AF_NETLINK, S.SOCK_RAW, 0); n.bind((0, 5)); n.getsockname()
`

// recordAddresses: the address of every call that has one is the one that
// strace shows; both see the same run.
func recordAddresses(t *testing.T, r recorder) {
	strace, python := needTool(t, "strace"), needTool(t, "python3")
	dir := t.TempDir()
	file, text := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "strace")
	const calls = "connect,bind,accept4,getsockname,getpeername,sendto,recvfrom,sendmsg,recvmsg"
	run := exec.Command(r.systape, "record", "-q", "--paths", "-o", file, "--",
		strace, "-qq", "-xx", "-e", "signal=none", "-e", "trace="+calls, "-o", text, python, "-c", strings.ReplaceAll(talkers, `\\`, `\`))
	run.Dir = dir
	run.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	trace, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := exec.Command(r.systape, "replay", "--patience", "1h", "--comm", "python3", "--syscall", calls, "--columns", "call,result", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(string(trace)) {
		want = append(want, strings.TrimSpace(line))
	}
	for line := range strings.Lines(string(replayed)) {
		if call, _, ok := strings.Cut(line, "("); ok && strings.Contains(","+calls+",", ","+call+",") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d calls, strace shows %d", len(got), len(want))
	}
	n := 0
	for i, w := range want {
		address := straceAddress(w)
		if address == "" {
			continue
		}
		if n++; !strings.Contains(got[i], address) {
			t.Errorf("no %s:\n  %s\n  %s", address, got[i], w)
		}
	}
	if n < 50 {
		t.Errorf("only %d addresses to compare", n)
	}
	t.Logf("%d addresses of %d calls agree", n, len(want))
}

var (
	straceInet    = regexp.MustCompile(`sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]*)"\)`)
	straceInet6   = regexp.MustCompile(`sin6_port=htons\((\d+)\).*inet_pton\(AF_INET6, "([^"]*)"`)
	straceUnix    = regexp.MustCompile(`sun_path=(@?)"([^"]*)"`)
	straceNetlink = regexp.MustCompile(`nl_pid=(\d+), nl_groups=0*(x?0*([1-9a-f][0-9a-f]*)?)`)
)

// straceAddress returns the address in a line of strace -xx as systape writes it.
func straceAddress(line string) string {
	plain := func(hex string) string { // "\x61\x01" is a\x01
		var b strings.Builder
		for _, digits := range strings.Split(hex, `\x`)[1:] {
			if c, _ := strconv.ParseUint(digits, 16, 8); c < ' ' || c > '~' {
				b.WriteString(`\x` + digits)
			} else {
				b.WriteByte(byte(c))
			}
		}
		return b.String()
	}
	if m := straceInet.FindStringSubmatch(line); m != nil {
		return plain(m[2]) + ":" + m[1]
	}
	if m := straceInet6.FindStringSubmatch(line); m != nil {
		return "[" + plain(m[2]) + "]:" + m[1]
	}
	if m := straceUnix.FindStringSubmatch(line); m != nil {
		return m[1] + plain(m[2])
	}
	if m := straceNetlink.FindStringSubmatch(line); m != nil {
		if m[3] != "" {
			return "netlink:" + m[1] + ":0x" + m[3]
		}
		return "netlink:" + m[1]
	}
	return ""
}

// recordPathsOfChosen: where calls are chosen by how they end, their paths come
// with them, and nothing is said of descriptors, for which most calls are missing.
func recordPathsOfChosen(t *testing.T, r recorder) {
	const program = `import os
for name in ["/nosuch/one", "relative/two"]:
    try: os.stat(name)
    except OSError: pass
    os.path.exists(name)
os.stat("/"); a, b = os.pipe(); os.write(b, b"x"); os.read(a, 1)
try: os.read(99, 1)
except OSError: pass`
	for _, c := range []struct {
		name string
		rule []string
		want []string
		not  []string
	}{
		{"failed", []string{"--failed", "--paths"}, []string{`"/nosuch/one"`, `"relative/two"`}, []string{`stat(AT_FDCWD, "/",`, "stat(\"/\",", "pipe"}},
		{"failed, of failed", []string{"--failed", "--paths=failed"}, []string{`"/nosuch/one"`, `"relative/two"`}, nil},
		{"lasted", []string{"--min-duration", "1ns", "--paths"}, []string{`"/nosuch/one"`, `"relative/two"`, `"/"`, "pipe2(["}, []string{"<pipe>"}},
		{"lasted, of failed", []string{"--min-duration", "1ns", "--paths=failed"}, []string{`"/nosuch/one"`}, []string{`"/",`, "pipe2(["}},
		{"lasted long", []string{"--min-duration", "1h", "--paths"}, nil, []string{"nosuch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.parquet")
			args := append(append([]string{"record", "-q", "-o", file}, c.rule...), "--", needTool(t, "python3"), "-I", "-c", program)
			if out, err := exec.Command(r.systape, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := exec.Command(r.systape, "verify", file).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			out, err := exec.Command(r.systape, "replay", "-y", "--columns", "call,result", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.want {
				if !strings.Contains(string(out), text) {
					t.Errorf("%s is missing", text)
				}
			}
			for _, text := range c.not {
				if strings.Contains(string(out), text) {
					t.Errorf("%s is there", text)
				}
			}
		})
	}
}
