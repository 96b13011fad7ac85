package files_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// machine is a plain model of processes and their descriptors, which makes the
// rows that a recording of them would have.
type machine struct {
	t      *testing.T
	r      *rand.Rand
	follow *files.Follower
	procs  map[int32]*process
	seq    int64
	names  int
	opaque bool // what happens is not told
	checks int
}

type process struct {
	fds   map[int32]string
	exec  map[int32]bool // closed by exec
	cwd   string
	share *process // the process whose descriptors it uses; nil: its own
}

func (p *process) table() *process {
	for p.share != nil {
		p = p.share
	}
	return p
}

func newMachine(t *testing.T, seed uint64) *machine {
	m := &machine{t: t, r: rand.New(rand.NewPCG(seed, 7)), follow: files.NewFollower(nil), procs: map[int32]*process{}}
	m.procs[10] = &process{fds: map[int32]string{}, exec: map[int32]bool{}, cwd: "/home"}
	m.row(format.Event{Kind: format.FD, PID: 10, TID: 10, Args: [6]int64{format.FDCwd}, Detail: "/home"})
	return m
}

// row gives the follower a row, unless what happens is not told.
func (m *machine) row(e format.Event) *files.Named {
	m.seq++
	if m.opaque {
		return nil
	}
	e.Seq, e.TS = m.seq, m.seq
	b := format.NewBatch(format.NewSymbolTable(), 1)
	b.Append(e)
	return m.follow.Row(b, 0)
}

// call makes a call of a process that returns ret; told is the detail of its enter.
func (m *machine) call(tid int32, name, told string, ret int64, args ...int64) (*files.Named, *files.Named) {
	nr, ok := abi.Number(abi.X86_64, name)
	if !ok {
		m.t.Fatalf("no call %s", name)
	}
	e := format.Event{Kind: format.Enter, PID: tid, TID: tid, Nr: nr, Syscall: name, Detail: told}
	copy(e.Args[:], args)
	entered := m.row(e)
	seq := m.seq
	if m.opaque {
		return nil, nil
	}
	return entered, m.follow.End(tid, &files.Ended{EnterSeq: seq, Args: e.Args, Ret: ret, Told: told, Nr: nr, ABI: abi.X86_64, Returned: true, Failed: ret < 0})
}

// step lets one thing happen.
func (m *machine) step() {
	var tids []int32
	for tid := range m.procs {
		tids = append(tids, tid)
	}
	// In order, so that a seed means one run.
	for i := range tids {
		for j := range i {
			if tids[i] < tids[j] {
				tids[i], tids[j] = tids[j], tids[i]
			}
		}
	}
	tid := tids[m.r.IntN(len(tids))]
	p := m.procs[tid]
	own := p.table()
	some := int32(m.r.IntN(12))
	free := int32(0)
	for own.fds[free] != "" {
		free++
	}
	switch m.r.IntN(12) {
	case 0, 1: // open
		m.names++
		name := fmt.Sprintf("f%d", m.names)
		flags := int64(0)
		if m.r.IntN(2) == 0 {
			flags = 0o2000000
		}
		m.call(tid, "openat", "1="+name, int64(free), -100, 0x7000, flags)
		own.fds[free], own.exec[free] = path.Join(p.cwd, name), flags != 0
	case 2:
		ret := int64(0)
		if own.fds[some] == "" {
			ret = -9
		}
		m.call(tid, "close", "", ret, int64(some))
		delete(own.fds, some)
	case 3: // dup2
		to := int32(m.r.IntN(12))
		if own.fds[some] == "" {
			m.call(tid, "dup2", "", -9, int64(some), int64(to))
			break
		}
		m.call(tid, "dup2", "", int64(to), int64(some), int64(to))
		if to != some {
			own.fds[to], own.exec[to] = own.fds[some], false
		}
	case 4: // a descriptor that comes unseen
		m.call(tid, "recvmsg", "", 1, int64(some), 0x7000, 0)
		m.names++
		own.fds[free], own.exec[free] = fmt.Sprintf("unseen%d", m.names), false
	case 5: // fork or clone
		if len(m.procs) > 6 {
			break
		}
		child := int32(100 + m.names*10 + m.r.IntN(10))
		if m.procs[child] != nil {
			break
		}
		m.names++
		share := m.r.IntN(4) == 0 && !m.opaque // a lost clone of a process that shares descriptors is what nobody sees
		flags := int64(17)
		if share {
			flags |= 0x400
		}
		nr, _ := abi.Number(abi.X86_64, "clone")
		m.row(format.Event{Kind: format.Enter, PID: tid, TID: tid, Nr: nr, Syscall: "clone", Args: [6]int64{flags}})
		seq := m.seq
		m.row(format.Event{Kind: format.Fork, PID: tid, TID: tid, Nr: -1, Args: [6]int64{int64(child), int64(child)}})
		if !m.opaque {
			m.follow.End(tid, &files.Ended{EnterSeq: seq, Args: [6]int64{flags}, Ret: int64(child), Nr: nr, ABI: abi.X86_64, Returned: true})
		}
		c := &process{fds: maps.Clone(own.fds), exec: maps.Clone(own.exec), cwd: p.cwd}
		if share {
			c.share = own
		}
		m.procs[child] = c
	case 6: // execve
		nr, _ := abi.Number(abi.X86_64, "execve")
		m.row(format.Event{Kind: format.Enter, PID: tid, TID: tid, Nr: nr, Syscall: "execve", Detail: "0=/bin/x"})
		m.row(format.Event{Kind: format.Exec, PID: tid, TID: tid, Nr: -1, Args: [6]int64{int64(tid)}, Detail: "/bin/x"})
		next := &process{fds: maps.Clone(own.fds), exec: map[int32]bool{}, cwd: p.cwd}
		maps.DeleteFunc(next.fds, func(fd int32, _ string) bool { return own.exec[fd] })
		m.leave(tid, next)
	case 7: // the end of a process
		if len(m.procs) == 1 {
			break
		}
		m.row(format.Event{Kind: format.ThreadEnd, PID: tid, TID: tid, Nr: -1})
		m.leave(tid, nil)
	case 8: // chdir
		dir := []string{"/home", "/srv/x", "..", "y"}[m.r.IntN(4)]
		m.call(tid, "chdir", "0="+dir, 0, 0x7000)
		if p.cwd = path.Join(p.cwd, dir); dir[0] == '/' {
			p.cwd = dir
		}
	case 9:
		m.call(tid, "close_range", "", 0, int64(some), int64(some+2), 0)
		for fd := some; fd <= some+2; fd++ {
			delete(own.fds, fd)
		}
	case 10:
		if own.fds[some] != "" {
			m.call(tid, "fcntl", "", 0, int64(some), 2, 1)
			own.exec[some] = true
		}
	case 11:
		m.call(tid, "unshare", "", 0, 0x400)
		if p.share != nil || m.shared(p) {
			m.leave(tid, &process{fds: maps.Clone(own.fds), exec: maps.Clone(own.exec), cwd: p.cwd})
		}
	}
}

// shared reports whether others use p's descriptors.
func (m *machine) shared(p *process) bool {
	for _, o := range m.procs {
		if o != p && o.table() == p {
			return true
		}
	}
	return false
}

// leave replaces a process, or takes it away; others go on with its descriptors.
func (m *machine) leave(tid int32, next *process) {
	if next == nil {
		delete(m.procs, tid)
		return
	}
	m.procs[tid] = next
}

// check asks what every descriptor stands for. Where all is told, all is known
// but what came unseen; in any case nothing wrong is said.
func (m *machine) check(complete bool) {
	for tid, p := range m.procs {
		own := p.table()
		for fd := range int32(14) {
			n, _ := m.call(tid, "fstat", "", 0, int64(fd), 0x7000)
			want := own.fds[fd]
			got := ""
			if f := n.Descriptor(); f != nil {
				got = f.Name
			}
			m.checks++
			switch {
			case got == want, strings.HasPrefix(got, "/") && path.Clean(got) == want: // this machine has no links
			case got == "" && (!complete || strings.HasPrefix(want, "unseen")):
			case !complete && !strings.HasPrefix(got, "/") && got == path.Base(want): // the working directory is forgotten
			default:
				m.t.Errorf("row %d: descriptor %d of %d is %q, the follower says %q", m.seq, fd, tid, want, got)
			}
		}
	}
}

// What is known is right, and all is known that can be.
func TestFollowsAMachine(t *testing.T) {
	for seed := range uint64(60) {
		m := newMachine(t, seed)
		for range 120 {
			m.step()
			m.check(true)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// What a loss hides may be anything: nothing wrong is said after it.
func TestForgetsAcrossLosses(t *testing.T) {
	known := 0
	for seed := range uint64(60) {
		m := newMachine(t, seed)
		for range 8 {
			for range 30 {
				m.step()
			}
			m.check(false)
			first := m.seq
			m.opaque = true
			for range 10 {
				m.step()
			}
			m.opaque = false
			// The row stands where the loss began, before all that came after it.
			last := m.seq
			b := format.NewBatch(format.NewSymbolTable(), 1)
			b.Append(format.Event{Kind: format.Lost, TS: last, Seq: last, Nr: -1, Args: [6]int64{9, first, last, 4, 4, int64(format.CauseSkipped)}})
			m.follow.Row(b, 0)
			m.check(false)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		known += int(m.follow.Counts().Known)
	}
	if known == 0 {
		t.Error("nothing was known at any time: the test says nothing")
	}
}

// However many descriptors, names and threads a capture has, memory is bounded.
func TestMemoryIsBounded(t *testing.T) {
	m := newMachine(t, 1)
	long := strings.Repeat("x", 4000)
	for i := range 60_000 {
		m.call(10, "openat", fmt.Sprintf("1=/%s%d", long, i), int64(i+3), -100, 0x7000)
		if n := m.follow.Bytes(); n > files.MaxBytes+8<<10 {
			t.Fatalf("%d bytes after %d files", n, i)
		}
	}
	for i := range int32(files.MaxTasks + 10) {
		m.row(format.Event{Kind: format.Enter, PID: 1000 + i, TID: 1000 + i, Nr: 3, Syscall: "close"})
		if n := m.follow.Threads(); n > files.MaxTasks {
			t.Fatalf("%d threads", n)
		}
	}
}

// A recording that leaves out the calls that close and replace follows no descriptor.
func TestFiltersThatHideCloses(t *testing.T) {
	for request, follows := range map[string]bool{"": true, "openat,read": false, "%file,%desc": false, "%file,%desc,unshare": true, "!futex": true, "!close": false} {
		f := files.NewFollower(&format.Meta{Request: format.Request{Syscalls: request, Sample: 1}})
		if f.Follows() != follows {
			t.Errorf("-e %q: follows %v, want %v", request, f.Follows(), follows)
		}
	}
	for _, r := range []format.Request{{Sample: 10}, {Comms: []string{"a"}}, {UIDs: []uint32{1}}} {
		if files.NewFollower(&format.Meta{Request: r}).Follows() {
			t.Errorf("%+v: threads are not seen whole, and yet it follows", r)
		}
	}
}

func TestClean(t *testing.T) {
	for _, p := range []string{"/", "/a", "/a/b", "/a//b", "/a/./b", "/a/../b", "/a/", "/a/.b", "/a/..b", "/a/b..", "/.", "/.."} {
		if files.Clean(p) && path.Clean(p) != p {
			t.Errorf("%q is called clean", p)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add("1 enter 7/7 openat(0xffffff9c, 0x7f00, 0) \"1=a\"\n2 exit 7/7 openat = 3\n3 fd 7/7 fd=-100 \"/\"")
	f.Add("1 enter 7/7 dup2(3, 0xffffffffffffffff)\n2 enter 7/7 close_range(0, -1, 7)\n3 exec 7/7 old=9 \"x\"")
	f.Fuzz(func(t *testing.T, text string) {
		events, _ := format.ParseText(strings.NewReader(text))
		follow := files.NewFollower(nil)
		b := format.NewBatch(format.NewSymbolTable(), len(events))
		for _, e := range events {
			b.Append(e)
		}
		for i := range b.N {
			if n := follow.Row(b, i); n != nil {
				n.Path()
			}
			if b.Kind[i] == format.Exit {
				follow.End(b.TID[i], &files.Ended{EnterSeq: b.Seq[i] - 1, Nr: b.Nr[i], ABI: b.ABI[i], Ret: b.Ret[i], Told: b.Detail[i], Returned: true})
			}
		}
	})
}
