package files_test

import (
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// scene is a few processes whose rows are told one by one.
type scene struct {
	*machine
	calls map[int32]files.Ended // by thread: that is not ended
}

func newScene(t *testing.T) *scene {
	s := &scene{newMachine(t, 1), map[int32]files.Ended{}}
	s.follow = files.NewFollower(&format.Meta{Request: format.Request{Paths: "all", Sample: 1}})
	for _, dir := range []int64{format.FDCwd, format.FDRoot} {
		s.row(format.Event{Kind: format.FD, PID: 10, TID: 10, Args: [6]int64{dir}, Detail: "/"})
	}
	return s
}

func (s *scene) enter(pid, tid int32, name, told string, args ...int64) {
	nr, ok := abi.Number(abi.X86_64, name)
	if !ok {
		s.t.Fatalf("no call %s", name)
	}
	e := format.Event{Kind: format.Enter, PID: pid, TID: tid, Nr: nr, Syscall: name, Detail: told}
	copy(e.Args[:], args)
	s.row(e)
	s.calls[tid] = files.Ended{EnterSeq: s.seq, Args: e.Args, Told: told, Nr: nr, ABI: abi.X86_64, Returned: true}
}

func (s *scene) leave(tid int32, ret int64) {
	c := s.calls[tid]
	c.Ret, c.Failed = ret, ret < 0
	s.follow.End(tid, &c)
}

func (s *scene) forked(pid, tid, childPID, childTID int32) {
	s.row(format.Event{Kind: format.Fork, PID: pid, TID: tid, Nr: -1, Args: [6]int64{int64(childPID), int64(childTID)}})
}

func (s *scene) opens(pid, tid int32, name string, fd int64) {
	s.enter(pid, tid, "openat", "1="+name, -100, 0x7000, 0)
	s.leave(tid, fd)
}

// is checks what a descriptor of a thread is called, or its directory: -100.
func (s *scene) is(pid, tid int32, fd int64, want string) {
	s.t.Helper()
	s.enter(pid, tid, "newfstatat", "1=.", fd, 0x7000, 0x7000, 0)
	c := s.calls[tid]
	got := ""
	if f := s.follow.End(tid, &c).FDs[0]; f != nil {
		got = f.Name
	}
	if got != want {
		s.t.Errorf("row %d: %d of %d is %q, want %q", s.seq, fd, tid, got, want)
	}
}

// Threads that do not come back are forgotten where the capture does not tell when
// they end, unless another shares what they have.
func TestThreadsThatLeave(t *testing.T) {
	s := newScene(t)
	s.opens(10, 10, "/shared", 3)
	s.forked(10, 10, 10, 11)
	before := s.follow.Threads()
	s.enter(10, 10, "exit", "")
	if n := s.follow.Threads(); n != before {
		t.Errorf("%d threads are known after one has left that shares its descriptors, want %d", n, before)
	}
	s.is(10, 11, 3, "/shared")
	for pid := int32(100); pid < 1100; pid++ {
		s.opens(pid, pid, "/own", 3)
		s.enter(pid, pid, "exit_group", "")
	}
	if n := s.follow.Threads(); n != before {
		t.Errorf("%d threads are known after 1000 have left, want %d", n, before)
	}
	s.leave(100, -1) // as seccomp can have it
	s.is(100, 100, 3, "")
	s.opens(100, 100, "/after", 4)
	s.is(100, 100, 4, "/after")
	s.follow.Forget()
	if n := s.follow.Threads(); n != 0 {
		t.Errorf("%d threads are known when all is forgotten", n)
	}
}

// What others change while a process is being copied may or may not be in the
// copy: it is not known there, and all else is.
func TestACopyIsMadeAtAMomentNobodyKnows(t *testing.T) {
	s := newScene(t)
	s.opens(10, 10, "/stays", 3)
	s.opens(10, 10, "/goes", 4)
	s.forked(10, 10, 10, 11) // a thread
	s.enter(10, 10, "fork", "")
	s.enter(10, 11, "close", "", 4)
	s.leave(11, 0)
	s.opens(10, 11, "/instead", 4)
	s.opens(10, 11, "/new", 5)
	s.enter(10, 11, "chdir", "0=/usr", 0x7000)
	s.leave(11, 0)
	s.forked(10, 10, 20, 20)
	s.opens(10, 11, "/after", 6)
	s.leave(10, 20)
	for fd, want := range map[int64]string{3: "/stays", 4: "", 5: "", 6: "", -100: ""} {
		s.is(20, 20, fd, want)
	}
	for fd, want := range map[int64]string{3: "/stays", 4: "/instead", 5: "/new", 6: "/after", -100: "/usr"} {
		s.is(10, 10, fd, want)
	}
}

// A directory that another thread is about to change is not known meanwhile,
// nor to a process that is made meanwhile.
func TestADirectoryThatIsBeingChanged(t *testing.T) {
	s := newScene(t)
	s.forked(10, 10, 10, 11)
	s.enter(10, 11, "chdir", "0=/usr", 0x7000)
	s.is(10, 10, -100, "")
	s.enter(10, 10, "fork", "")
	s.forked(10, 10, 20, 20)
	s.leave(10, 20)
	s.leave(11, 0)
	s.is(10, 10, -100, "/usr")
	s.is(20, 20, -100, "")
}

// What unshare and close_range copy, they copy likewise; and who unshared is
// alone with what it changes.
func TestUnshareCopiesToo(t *testing.T) {
	for _, call := range []struct {
		name string
		args []int64
	}{{"unshare", []int64{0x400}}, {"close_range", []int64{7, 8, 2}}} {
		t.Run(call.name, func(t *testing.T) {
			s := newScene(t)
			s.opens(10, 10, "/stays", 3)
			s.opens(10, 10, "/goes", 4)
			s.opens(10, 10, "/other", 7)
			s.forked(10, 10, 10, 11)
			s.enter(10, 10, call.name, "", call.args...)
			s.enter(10, 11, "close", "", 4)
			s.leave(11, 0)
			s.opens(10, 11, "/instead", 4)
			s.leave(10, 0)
			s.is(10, 10, 3, "/stays")
			s.is(10, 10, 4, "")
			s.is(10, 11, 4, "/instead")
			s.is(10, 11, 7, "/other")
			s.enter(10, 11, "close", "", 3)
			s.leave(11, 0)
			s.is(10, 10, 3, "/stays")
		})
	}
}

// What clone3 shares stands in memory. Where it should have been told and was
// not, nothing of either process is known that could change.
func TestWhatClone3Shares(t *testing.T) {
	for told, want := range map[string][3]string{ // the parent's 3 and directory, the child's 3, after the child changed both
		"0={0x0, 0x0, 0x0, 0x0, 0x11}":   {"/a", "/", "/b"},
		"0={0x400, 0x0, 0x0, 0x0, 0x11}": {"/b", "/", "/b"},
		"0={0x200, 0x0, 0x0, 0x0, 0x11}": {"/a", "/usr", "/b"},
		"0={0x600, 0x0, 0x0, 0x0, 0x11}": {"/b", "/usr", "/b"},
		"":                               {"", "", ""},
	} {
		s := newScene(t)
		s.opens(10, 10, "/a", 3)
		s.enter(10, 10, "clone3", told, 0x7000, 88)
		s.forked(10, 10, 20, 20)
		s.enter(20, 20, "chdir", "0=/usr", 0x7000)
		s.leave(20, 0)
		s.enter(20, 20, "close", "", 3)
		s.leave(20, 0)
		s.opens(20, 20, "/b", 3)
		s.leave(10, 20)
		s.is(10, 10, 3, want[0])
		s.is(10, 10, -100, want[1])
		s.is(20, 20, 3, want[2])
		s.row(format.Event{Kind: format.Exec, PID: 20, TID: 20, Nr: -1, Args: [6]int64{20}, Detail: "/bin/x"})
		s.opens(20, 20, "/c", 4)
		s.is(20, 20, 4, "/c") // exec gives it a table of its own in any case
	}
}

// A dup2 that fails leaves the descriptor that it was to replace, unless another thread
// has closed it meanwhile.
func TestReplacingFails(t *testing.T) {
	s := newScene(t)
	s.opens(10, 10, "x", 3)
	s.forked(10, 10, 10, 11)
	s.enter(10, 10, "dup2", "", 9, 3)
	s.leave(10, -9)
	s.is(10, 10, 3, "/x")
	s.enter(10, 10, "dup3", "", 9, 3, 0x80000)
	s.enter(10, 11, "close", "", 3)
	s.leave(11, 0)
	s.leave(10, -9)
	s.is(10, 10, 3, "")
}
