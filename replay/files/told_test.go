package files_test

import (
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// What a text tells of descriptors is so, whatever was followed; and it stays
// so for calls of which the text tells nothing.
func TestTheTextWins(t *testing.T) {
	const cwd = -100
	type step struct {
		call, enter, exit string
		ret               int64
		args              []int64
		first, second     string // what descriptors in the first and second register stand for
		result, path      string
	}
	for name, steps := range map[string][]step{
		"of what was never opened": {
			{call: "read", enter: "0</dev/null>", ret: 1, first: "/dev/null"},
			{call: "read", ret: 1, first: "/dev/null"},
			{call: "close", args: []int64{0}, first: "/dev/null"},
			{call: "read", ret: 1},
		},
		"of a name through a link": {
			{call: "openat", enter: "0</home>\n1=link/x", exit: "ret</srv/x>", ret: 3, args: []int64{cwd, 1}, first: "/home", result: "/srv/x", path: "/home/link/x"},
			{call: "read", ret: 1, args: []int64{3}, first: "/srv/x"},
			{call: "openat", enter: "1=y", ret: 4, args: []int64{cwd, 1}, first: "/home", result: "/home/y", path: "/home/y"},
			{call: "openat", enter: "0</srv>\n1=y", ret: 5, args: []int64{cwd, 1}, first: "/srv", result: "/srv/y", path: "/srv/y"},
		},
		"of what was renamed": {
			{call: "openat", enter: "0</home>\n1=x", ret: 3, args: []int64{cwd, 1}, first: "/home", result: "/home/x", path: "/home/x"},
			{call: "write", enter: "0</home/z>", ret: 1, args: []int64{3}, first: "/home/z"},
			{call: "dup", ret: 4, args: []int64{3}, first: "/home/z", result: "/home/z"},
		},
		"of both descriptors": {
			{call: "dup2", enter: "0</a>\n1</b>", exit: "ret</a>", ret: 1, args: []int64{3, 1}, first: "/a", second: "/b", result: "/a"},
			{call: "write", ret: 1, args: []int64{1}, first: "/a"},
		},
		"of what no call is known to make": {
			{call: "ioctl", enter: "0<anon_inode:kvm-vm>", exit: "ret<anon_inode:kvm-vcpu:0>", ret: 8, args: []int64{7, 0xae41}, first: "anon_inode:kvm-vm", result: "anon_inode:kvm-vcpu:0"},
			{call: "ioctl", ret: 1, args: []int64{8, 0xae80}, first: "anon_inode:kvm-vcpu:0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{t: t, follow: files.NewFollower(&format.Meta{Imported: &format.Imported{}})}
			for i, s := range steps {
				nr, ok := abi.Number(abi.X86_64, s.call)
				if !ok {
					t.Fatalf("no call %s", s.call)
				}
				e := format.Event{Kind: format.Enter, PID: 10, TID: 10, Nr: nr, Syscall: s.call, Detail: s.enter}
				copy(e.Args[:], s.args)
				m.row(e)
				n := m.follow.End(10, &files.Ended{EnterSeq: m.seq, Args: e.Args, Ret: s.ret, Told: s.enter + "\n" + s.exit, Nr: nr, ABI: abi.X86_64, Returned: true})
				if n == nil {
					n = &files.Named{}
				}
				if nameOf(n.FDs[0]) != s.first || nameOf(n.FDs[1]) != s.second || nameOf(n.Ret) != s.result || n.Paths[0] != s.path {
					t.Errorf("step %d, %s: %q, %q, = %q, path %q; want %q, %q, = %q, path %q", i, s.call, nameOf(n.FDs[0]), nameOf(n.FDs[1]), nameOf(n.Ret), n.Paths[0], s.first, s.second, s.result, s.path)
				}
			}
		})
	}
}

func nameOf(f *files.File) string {
	if f == nil {
		return ""
	}
	return f.Name
}
