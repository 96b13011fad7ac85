package main

import (
	"io"
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
# Several messages at once: struct mmsghdr is a struct msghdr and a number.
import ctypes, struct
libc = ctypes.CDLL(None)
a, b = S.socket(S.AF_INET, S.SOCK_DGRAM), S.socket(S.AF_INET, S.SOCK_DGRAM)
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
def messages(address):
    return b"".join(struct.pack("@PI4xPNPNi4xI4x", ctypes.addressof(address), len(address), 0, 0, 0, 0, 0, 0) for _ in range(2))
to = ctypes.create_string_buffer(struct.pack("=HH4s8x", 2, S.htons(b.getsockname()[1]), S.inet_aton("127.0.0.1")), 16)
assert libc.sendmmsg(a.fileno(), messages(to), 2, 0) == 2
assert libc.recvmmsg(b.fileno(), messages(ctypes.create_string_buffer(28)), 2, 0, None) == 2
`

// recordAddresses: the address of every call that has one is the one that
// strace shows; both see the same run.
func recordAddresses(t *testing.T, r recorder) {
	strace, python := needTool(t, "strace"), needTool(t, "python3")
	dir := t.TempDir()
	file, text := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "strace")
	const calls = "connect,bind,accept4,getsockname,getpeername,sendto,recvfrom,sendmsg,recvmsg,sendmmsg,recvmmsg"
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
		{"lasted", []string{"--min-duration", "1ns", "--paths"}, []string{`"/nosuch/one"`, `"relative/two"`, `"/"`, "pipe2([3<pipe>, 4<pipe>]"}, []string{"(3<pipe>", "(4<pipe>"}},
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

// listeners have sockets of many kinds and tell what they are called, by their
// number; then they look at each again and again, until standard input ends.
const listeners = `
import os, socket, select, sys
S = socket
kept = []
def named(s, name):
    kept.append(s); print(s.fileno(), name)
for kind, family, host, bracket in (("", S.AF_INET, "127.0.0.1", "%s:%d"), ("v6", S.AF_INET6, "::1", "[%s]:%d")):
    s = S.socket(family); s.bind((host, 0)); s.listen()
    c = S.create_connection(s.getsockname()[:2]); d, _ = s.accept()
    own, peer = bracket % s.getsockname()[:2], bracket % c.getsockname()[:2]
    named(s, "TCP%s:[%s]" % (kind, own))
    named(c, "TCP%s:[%s->%s]" % (kind, peer, own))
    named(d, "TCP%s:[%s->%s]" % (kind, own, peer))
    u = S.socket(family, S.SOCK_DGRAM); u.bind((host, 0))
    named(u, "UDP%s:[%s]" % (kind, bracket % u.getsockname()[:2]))
u = S.socket(S.AF_UNIX); u.bind("with a space"); named(u, "UNIX-STREAM:[with a space]")
u = S.socket(S.AF_UNIX, S.SOCK_DGRAM); u.bind("\0abstract"); named(u, "UNIX-DGRAM:[@abstract]")
n = S.socket(S.AF_NETLINK, S.SOCK_RAW, 0); n.bind((0, 5)); named(n, "NETLINK:[netlink:%d:0x5]" % n.getsockname()[0])
u = S.socket(S.AF_UNIX); u.bind("two\n lines  and blanks"); named(u, r"UNIX-STREAM:[two\x0a lines  and blanks]")
inode = lambda s, kind: named(s, "%s:[%d]" % (kind, os.fstat(s.fileno()).st_ino))
u = S.socket(S.AF_UNIX, S.SOCK_DGRAM); u.bind("\0with\0zeros"); inode(u, "UNIX-DGRAM")
inode(S.socket(S.AF_UNIX), "UNIX-STREAM")
for s in S.socketpair(S.AF_UNIX, S.SOCK_SEQPACKET): inode(s, "UNIX-SEQPACKET")
inode(S.socket(), "TCP"); inode(S.socket(S.AF_INET6, S.SOCK_DGRAM), "UDPv6")
m = os.fdopen(os.memfd_create("mine"), "w"); named(m, "/memfd:mine")
sys.stdout.flush(); os.close(1)
ended = False
while not ended:
    ended = bool(select.select([0], [], [], 0.01)[0])
    for s in kept: os.fstat(s.fileno())
`

// recordSocketsAtStart: the sockets that a process had before recording began have
// their addresses.
func recordSocketsAtStart(t *testing.T, r recorder) {
	c := exec.Command(needTool(t, "python3"), "-c", strings.ReplaceAll(listeners, `\\`, `\`))
	c.Dir = t.TempDir()
	c.Stderr = os.Stderr
	in, out := startPiped(t, c)
	told, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	p := r.start(t, "--paths", "-p", strconv.Itoa(c.Process.Pid))
	in.Close()
	c.Wait()
	if got := p.end(t); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	replayed := r.succeed(t, "replay", "-y", "--syscall", "fstat,newfstatat", "--columns", "call", p.file).out
	n := 0
	for line := range strings.Lines(string(told)) {
		fd, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n++; !strings.Contains(replayed, "("+fd+"<"+name+">") {
			shown := regexp.MustCompile(`\(` + fd + `<[^,)]*`).FindString(replayed)
			t.Errorf("socket %s is %s, replay shows %q", fd, name, shown)
		}
	}
	if n != 19 {
		t.Errorf("%d sockets were told of: %s", n, told)
	}
}
