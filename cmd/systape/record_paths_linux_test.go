package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// recordPaths: of every call that strace -y -yy shows with a file, systape
// shows the same one. strace runs inside the recording, so both see one run.
//
// What the two say differently:
//   - strace asks /proc what a descriptor stands for now, systape knows what it
//     was opened as: links are not followed, and a file that was removed or
//     renamed since has its old name. Names are compared by what they lead to.
//   - strace gives sockets and pipes their inode, and sockets both addresses.
//   - At an openat of another program's making, the working directory is that
//     of the process; both show it.
func recordPaths(t *testing.T, r recorder) {
	for _, program := range []string{"git", "tar", "sqlite3"} {
		needTool(t, program)
	}
	strace, python := needTool(t, "strace"), needTool(t, "python3")
	server := `
import http.server, os, threading, urllib.request
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=s.serve_forever).start()
for name in ["a", "b/c", "nosuch"]:
    try: urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://127.0.0.1:%d/%s" % (s.server_port, name)).read()
    except Exception: pass
s.shutdown()
`
	for _, c := range []struct{ name, script string }{
		{"shell", `mkdir d; cd d; echo one > f; cat < f | sort > ../g; cp ../g h; mv h i; ln -s i j; cat j; (cd ..; ls -l nosuch; rm g); exec 7<i; read x <&7; exec 7<&-; test -e /proc/self`},
		{"git", `git init -q r; cd r; echo a > f; git add f; git -c user.email=a@b.c -c user.name=d commit -q -m x; git log; git status`},
		{"tar", `mkdir -p x/y; echo 1 > x/1; echo 2 > x/y/2; tar -cf t.tar x; mkdir z; tar -C z -xf t.tar; tar -tf t.tar`},
		{"sqlite", `sqlite3 d.db 'create table t(a); insert into t values (1); select * from t; drop table t'`},
		{"rsync", `mkdir -p a/b; echo 1 > a/b/c; ln -s c a/b/l; rsync -a a/ z; echo 2 > a/b/c; rsync -a --delete a/ z`},
		{"gcc", `echo 'int main(void){return 0;}' > m.c; gcc -o m m.c && ./m`},
		{"busybox", `busybox sh -c 'mkdir d; cd d; echo one > f; cat < f | sort > ../g; exec 9<../g; read x <&9; ls -l nosuch; cd ..; rm -r d'`},
		{"node", `node -e 'const fs=require("fs");fs.writeFileSync("a","x");fs.readFileSync("a");fs.renameSync("a","b");try{fs.statSync("nosuch")}catch(e){}'`},
		{"dpkg", `dpkg -L bash >/dev/null; dpkg -S /bin/sh; dpkg-query -s coreutils >/dev/null`},
		{"mounts", `mkdir -p m n r/bin; echo 1 > m/x; unshare -m sh -c 'mount --bind m n; cat n/x; cd n; cat x'; cp /bin/busybox r/bin/; chroot r /bin/busybox cat /bin/busybox | wc -c`},
		{"redis-server", `redis-server --port 0 --unixsocket $PWD/s --appendonly yes --appendfsync always --dir $PWD & while ! redis-cli -s s set a b; do sleep 0.1; done; redis-cli -s s shutdown nosave; wait`},
		{"http server", `mkdir b; echo 1 > a; echo 2 > b/c; exec ` + python + ` -c '` + server + `'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, tool := range []string{"rsync", "gcc", "busybox", "node", "dpkg", "redis-server"} {
				if strings.Contains(c.script, tool) {
					needTool(t, tool)
				}
			}
			dir := t.TempDir()
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				t.Fatal(err)
			}
			file, text := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "strace")
			run := exec.Command(r.systape, "record", "-q", "--paths", "--path-max", "4096", "-o", file, "--",
				strace, "-ff", "-y", "-yy", "-qq", "-e", "signal=none", "-o", text, "sh", "-c", c.script)
			run.Dir = work
			run.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C")
			if out, err := run.CombinedOutput(); err != nil {
				t.Logf("%v\n%s", err, out)
			}
			out, err := exec.Command(r.systape, "replay", "-y", "--patience", "1h", "--columns", "tid,call,result", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			got := map[int][]pathLine{}
			for line := range strings.Lines(string(out)) {
				tid, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
				if id, err := strconv.Atoi(tid); err == nil {
					got[id] = appendPathLine(got[id], rest)
				}
			}
			traces, err := filepath.Glob(text + ".*")
			if err != nil || len(traces) == 0 {
				t.Fatalf("no traces: %v", err)
			}
			var sum pathComparison
			for _, trace := range traces {
				data, err := os.ReadFile(trace)
				if err != nil {
					t.Fatal(err)
				}
				var want []pathLine
				for line := range strings.Lines(string(data)) {
					want = appendPathLine(want, line)
				}
				tid, _ := strconv.Atoi(strings.TrimPrefix(filepath.Ext(trace), "."))
				sum.thread(t, got[tid], want)
			}
			t.Logf("%d calls of %d threads: %d names agree, %d of them by what they lead to now, %d are not known here", sum.calls, len(traces), sum.same+sum.led, sum.led, sum.unknown)
			if sum.same == 0 || sum.unknown*50 > sum.same {
				t.Errorf("%d names agree and %d are not known: too few to compare", sum.same, sum.unknown)
			}
		})
	}
}

// pathLine is a call with what its text says of files.
type pathLine struct {
	call  string
	named []namedFD
	path  string // its first text in quotes, if that is a path
	line  string
}

type namedFD struct {
	fd, name string // "AT_FDCWD" or a number; "" is not known
}

// pathCalls have a path as their first text.
var pathCalls = regexp.MustCompile(`^(open|openat|stat|lstat|newfstatat|statx|access|faccessat2?|execve|unlink|unlinkat|mkdir|mkdirat|readlink|readlinkat|chdir|rename|renameat2?|symlink|chmod|fchmodat|utimensat)$`)

var firstText = regexp.MustCompile(`^[^"]*?"((?:[^"\\]|\\.)*)"`)

// appendPathLine reads a line of either text; lines that are no call are left out.
func appendPathLine(lines []pathLine, line string) []pathLine {
	call, rest, ok := strings.Cut(strings.TrimSpace(line), "(")
	if !ok || strings.ContainsAny(call, " <+-") {
		return lines
	}
	l := pathLine{call: call, line: strings.TrimSpace(line)}
	if m := firstText.FindStringSubmatch(rest); m != nil && pathCalls.MatchString(call) {
		l.path = m[1]
	}
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			for i++; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' {
					i++
				}
			}
		case rest[i] == '<':
			start := i
			for start > 0 && (rest[start-1] >= '0' && rest[start-1] <= '9' || rest[start-1] >= 'A' && rest[start-1] <= 'Z' || rest[start-1] == '_') {
				start--
			}
			end, depth := i+1, 1
			for ; end < len(rest) && depth > 0; end++ {
				if rest[end] == '<' {
					depth++
				} else if rest[end] == '>' && rest[end-1] != '-' {
					depth--
				}
			}
			if start < i && !strings.HasPrefix(rest[i:], "<<") { // 1<<CAP_CHOWN
				l.named = append(l.named, namedFD{rest[start:i], rest[i+1 : end-1]})
			}
			i = end
		}
	}
	return append(lines, l)
}

type pathComparison struct{ calls, same, led, unknown int }

// thread compares a thread's calls from the execve that strace saw first.
func (c *pathComparison) thread(t *testing.T, got, want []pathLine) {
	t.Helper()
	if len(want) == 0 {
		return
	}
	for len(got) > 0 && (got[0].call != want[0].call || got[0].path != want[0].path) { // of strace's own making, before
		got = got[1:]
	}
	k := 0
	for _, w := range want {
		at := k
		for at < len(got) && got[at].call != w.call {
			at++ // restart_syscall, calls that strace leaves out when a thread is killed
		}
		if at == len(got) {
			continue
		}
		k = at + 1
		g := got[at]
		c.calls++
		if w.path != g.path && w.path != "" && !strings.Contains(w.path, `\`) {
			t.Errorf("path %q, strace shows %q:\n  %s\n  %s", g.path, w.path, g.line, w.line)
		}
		shown := map[string][]string{}
		for _, n := range g.named {
			shown[n.fd] = append(shown[n.fd], n.name)
		}
		for _, n := range w.named {
			if strings.Contains(w.call, "poll") || strings.Contains(w.call, "select") || strings.HasPrefix(w.call, "pipe") || w.call == "socketpair" || strings.HasPrefix(w.call, "clone") || w.call == "wait4" {
				continue // what strace shows there stands in memory
			}
			names := shown[n.fd]
			if len(names) == 0 {
				c.unknown++
				if !strings.HasPrefix(n.name, "socket:") {
					t.Logf("not known: %s<%s>:\n  %s\n  %s", n.fd, n.name, g.line, w.line)
				}
				continue
			}
			shown[n.fd] = names[1:]
			switch how := sameFile(names[0], n.name); how {
			case 1:
				c.same++
			case 2:
				c.led++
			default:
				t.Errorf("%s is %q, strace shows %q:\n  %s\n  %s", n.fd, names[0], n.name, g.line, w.line)
			}
		}
	}
}

// sameFile compares what systape and strace call a file: 1 by name, 2 by what
// the name leads to, or what may have been renamed or removed since; 0 they differ.
func sameFile(got, want string) int {
	want, _, _ = strings.Cut(want, "<") // of a device its numbers
	want, removed := strings.CutSuffix(want, " (deleted)")
	word := func(s string) string {
		return strings.TrimSuffix(strings.SplitN(strings.SplitN(s, ":", 2)[0], "-", 2)[0], "v6")
	}
	switch {
	case got == want, strings.HasPrefix(got, "/proc/self") && got == procOf.ReplaceAllString(want, "/proc/self"):
		return 1
	case strings.HasPrefix(want, "/") && strings.HasPrefix(got, "/"):
		if leadsTo(got) == leadsTo(want) || removed {
			return 2
		}
		// Renamed since: only one of the names is there.
		if _, err := os.Lstat(got); err != nil && filepath.Dir(leadsTo(got)) != "" {
			if _, err := os.Lstat(want); err == nil {
				return 2
			}
		}
	case strings.HasPrefix(want, "anon_inode:") || strings.HasPrefix(got, "anon_inode:"):
		if fmt.Sprint(got) == want {
			return 1
		}
	case word(got) == word(want):
		return 1
	}
	return 0
}

// procOf is what /proc/self leads to.
var procOf = regexp.MustCompile(`^/proc/\d+`)

func leadsTo(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}
