package files_test

import (
	"testing"

	"systape/format"
	"systape/replay/files"
)

// resume lets another follower go on from what is known of all processes.
func (m *machine) resume(meta *format.Meta) {
	known, ok := m.follow.Known(func(int32) bool { return true })
	if !ok {
		m.t.Fatal("nothing can be followed any more")
	}
	m.follow = files.NewFollower(meta)
	for _, k := range known {
		m.row(format.Event{Kind: format.FD, PID: k.PID, TID: k.TID, Nr: -1, Args: [6]int64{k.Number, k.Flags}, Detail: k.Name})
	}
}

// A capture may begin anywhere: all stays known that was known there.
func TestGoesOnFromWhatIsKnown(t *testing.T) {
	for seed := range uint64(60) {
		m := newMachine(t, seed)
		for i := range 120 {
			m.step()
			if i%7 == 0 {
				m.resume(nil)
			}
			m.check(true)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// What is not known, or goes on unseen, is so where a capture begins later, too.
func TestGoesOnFromWhatIsNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		before func(s *scene)
		after  func(s *scene)
	}{
		"a name that may lead over a link": {
			func(s *scene) { s.opens(10, 10, "link", 3) },
			func(s *scene) {
				s.enter(10, 10, "openat", "1=../x", 3, 1)
				s.leave(10, 4)
				s.is(10, 10, 4, "/link/../x")
			},
		},
		"a table that changes unseen": {
			func(s *scene) {
				s.opens(10, 10, "x", 3)
				s.enter(10, 10, "io_uring_setup", "", 8)
				s.leave(10, 4)
			},
			func(s *scene) {
				s.opens(10, 10, "y", 5)
				s.is(10, 10, 5, "")
			},
		},
		"a root that is not known": {
			func(s *scene) {
				s.enter(10, 10, "pivot_root", "0=new\n1=old", 1, 2)
				s.leave(10, 0)
			},
			func(s *scene) {
				s.opens(10, 10, "/x", 5)
				s.is(10, 10, 5, "")
			},
		},
		"a thread with descriptors of its own": {
			func(s *scene) {
				s.opens(10, 10, "x", 3)
				s.forked(10, 10, 10, 11)
				s.enter(10, 11, "unshare", "", 0x400)
				s.leave(11, 0)
				s.enter(10, 11, "close", "", 3)
				s.leave(11, 0)
				s.opens(10, 11, "y", 3)
			},
			func(s *scene) {
				s.is(10, 10, 3, "/x")
				s.is(10, 11, 3, "/y")
				s.opens(10, 11, "z", 4)
				s.is(10, 10, 4, "")
			},
		},
		"a thread that is about to have its own": {
			func(s *scene) {
				s.opens(10, 10, "x", 3)
				s.forked(10, 10, 10, 11)
				s.enter(10, 11, "unshare", "", 0x400)
			},
			func(s *scene) {
				s.opens(10, 10, "y", 4)
				s.leave(11, 0)
				s.is(10, 11, 4, "")
			},
		},
		"threads whose first one has ended": {
			func(s *scene) {
				s.opens(10, 10, "x", 3)
				s.forked(10, 10, 10, 11)
				s.row(format.Event{Kind: format.ThreadEnd, PID: 10, TID: 10, Nr: -1})
			},
			func(s *scene) {
				s.is(10, 11, 3, "/x")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			c.before(s)
			c.after(s)
			if t.Failed() {
				t.Fatal("even without a new beginning")
			}
			s = newScene(t)
			c.before(s)
			s.resume(&format.Meta{Request: format.Request{Paths: "all", Sample: 1}})
			c.after(s)
		})
	}
}

// What another process shares that is left out changes unseen.
func TestKnownOfSomeProcesses(t *testing.T) {
	m := newMachine(t, 1)
	m.call(10, "openat", "1=x", 3, -100, 0x7000)
	m.row(format.Event{Kind: format.Enter, PID: 10, TID: 10, Nr: 56, Syscall: "clone", Args: [6]int64{0x400}})
	m.row(format.Event{Kind: format.Fork, PID: 10, TID: 10, Nr: -1, Args: [6]int64{20, 20}})
	known, _ := m.follow.Known(func(pid int32) bool { return pid == 20 })
	for _, k := range known {
		if k.Number >= 0 {
			t.Errorf("descriptor %d is told as %q, and process 10 may close it", k.Number, k.Name)
		}
	}
	if len(known) == 0 || known[0] != (files.Known{PID: 20, TID: 20, Number: format.FDSharesFiles}) {
		t.Errorf("that descriptors change unseen is not told: %+v", known)
	}
}
