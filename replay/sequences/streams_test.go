package sequences_test

import (
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/sequences"
)

// divide runs the script and returns the streams in words.
func divide(t *testing.T, opt sequences.Options, scripts ...func(*script)) ([]string, sequences.Taken) {
	t.Helper()
	a := sequences.NewAlphabet()
	rec := newSteps(a)
	st, err := sequences.NewStreams(opt, a, rec)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript()
	for _, f := range scripts {
		f(s)
		s.push(st)
	}
	st.Finish(nil)
	out := make([]string, len(rec.streams))
	for n, l := range rec.streams {
		out[n] = strings.Join(*l, " ")
	}
	if len(rec.ended) != len(out) {
		t.Errorf("%d streams ended of %d", len(rec.ended), len(out))
	}
	return out, st.Taken()
}

func TestStreamsAreDivided(t *testing.T) {
	abc := func(s *script) { s.call(1, "a"); s.call(1, "b"); s.call(1, "c") }
	for _, c := range []struct {
		name    string
		opt     sequences.Options
		scripts []func(*script)
		want    []string
	}{
		{"threads are apart", sequences.Options{}, []func(*script){func(s *script) {
			s.callIn(1, 1, "a")
			s.callIn(1, 2, "x")
			s.callIn(1, 1, "b")
			s.callIn(1, 2, "y")
		}}, []string{"a b", "x y"}},
		{"a process interleaves its threads in the order of entry", sequences.Options{By: sequences.ByProcess}, []func(*script){func(s *script) {
			s.callIn(1, 1, "a")
			s.callIn(1, 2, "x")
			s.callIn(3, 3, "other")
			s.callIn(1, 1, "b")
		}}, []string{"a x b", "other"}},
		{"a capture is one stream", sequences.Options{By: sequences.ByCapture}, []func(*script){func(s *script) {
			s.callIn(1, 1, "a")
			s.callIn(3, 3, "x")
		}, abc}, []string{"a x a b c"}},
		{"the end of a thread ends its stream, though the id is used again", sequences.Options{}, []func(*script){
			func(s *script) { abc(s); s.end(1); abc(s) }}, []string{"a b c", "a b c"}},
		{"also when the id is used again in a later batch", sequences.Options{}, []func(*script){
			func(s *script) { abc(s); s.end(1) }, abc}, []string{"a b c", "a b c"}},
		{"also when only the fork was seen", sequences.Options{}, []func(*script){func(s *script) {
			abc(s)
			s.event(format.Event{Kind: format.Fork, PID: 7, TID: 7, Args: [6]int64{1, 1}})
			abc(s)
		}}, []string{"a b c", "a b c"}},
		{"and twice in one batch", sequences.Options{}, []func(*script){
			func(s *script) { abc(s); s.end(1); abc(s); s.end(1); abc(s) }}, []string{"a b c", "a b c", "a b c"}},
		{"the child's return from clone begins a thread", sequences.Options{}, []func(*script){func(s *script) {
			abc(s)
			c := s.call(1, "clone")
			c.Status, c.EnterSeq = replay.ChildReturn, -1
			abc(s)
		}}, []string{"a b c", "a b c"}},
		{"another program begins after execve", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "a")
			c := s.call(1, "execve")
			c.ExitSeq, c.DurNS = s.seq+1, 20
			s.event(format.Event{Kind: format.Exec, PID: 1, TID: 1, Args: [6]int64{1}, Detail: "/bin/ls"})
			s.seq++
			s.call(1, "brk")
		}}, []string{"a execve |exec| brk"}},
		{"also in a child that returned from clone in the same batch", sequences.Options{}, []func(*script){func(s *script) {
			s.event(format.Event{Kind: format.Fork, PID: 7, TID: 7, Args: [6]int64{1, 1}})
			c := s.call(1, "clone")
			c.Status, c.EnterSeq = replay.ChildReturn, -1
			s.call(1, "execve").ExitSeq = s.seq + 1
			s.event(format.Event{Kind: format.Exec, PID: 1, TID: 1, Args: [6]int64{1}})
			s.call(1, "brk")
			s.end(1)
		}}, []string{"execve |exec| brk"}},
		{"a call cannot be in another program's window by process either", sequences.Options{By: sequences.ByProcess}, []func(*script){func(s *script) {
			s.call(1, "execve")
			s.event(format.Event{Kind: format.Exec, PID: 1, TID: 1, Args: [6]int64{1}})
			s.call(1, "brk")
		}}, []string{"execve |exec| brk"}},
		{"a loss cuts every thread that was not inside a call", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "a")
			s.call(2, "x")
			c := s.call(2, "read") // returns after the loss
			c.DurNS = 100
			s.lost(s.clock+20, s.clock+30, 3, 3)
			s.clock += 200
			s.call(1, "b")
			s.call(2, "y")
		}}, []string{"a |gap| b", "x read y"}},
		{"a loss of exits alone cuts nothing", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "a")
			s.lost(s.clock+20, s.clock+30, 0, 3)
			s.clock += 100
			s.call(1, "b")
		}}, []string{"a b"}},
		{"a loss before the first call and one after the last cut nothing", sequences.Options{}, []func(*script){func(s *script) {
			s.lost(5, 8, 1, 1)
			s.clock = 20
			s.call(1, "a")
			s.call(1, "b")
			s.lost(s.clock+20, s.clock+30, 3, 3)
		}}, []string{"a b"}},
		{"a loss cuts a process wherever it falls", sequences.Options{By: sequences.ByProcess}, []func(*script){func(s *script) {
			s.call(1, "a").DurNS = 500
			s.lost(s.clock+20, s.clock+30, 3, 3)
			s.clock += 100
			s.call(1, "b")
		}}, []string{"a |gap| b"}},
		{"a loss that names its thread cuts that alone", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "a")
			s.call(2, "x")
			s.event(format.Event{Kind: format.Lost, PID: 1, TID: 1, Args: [6]int64{2, 25, 25, 1, 1}})
			s.call(1, "b")
			s.call(2, "y")
		}}, []string{"a |gap| b", "x y"}},
		{"an exit whose enter was lost cuts", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "a")
			c := s.call(1, "lost")
			c.Status, c.EnterSeq = replay.EnterLost, -1
			s.call(1, "b")
		}}, []string{"a |gap| b"}},
		{"what was not entered is no step", sequences.Options{}, []func(*script){func(s *script) {
			c := s.call(1, "poll")
			c.Status, c.EnterSeq = replay.OpenAtStart, -1
			s.call(1, "a")
			c = s.call(1, "socket")
			c.Status, c.EnterSeq = replay.Denied, -1
			s.call(1, "b")
		}}, []string{"a b"}},
		{"errors are symbols if asked for", sequences.Options{WithErrors: true}, []func(*script){func(s *script) {
			s.call(1, "openat").Ret = -2
			s.call(1, "openat").Ret = 3
			s.call(1, "read").Ret = -512
		}}, []string{"openat:ENOENT openat read"}},
		{"errors are symbols by process too", sequences.Options{WithErrors: true, By: sequences.ByProcess}, []func(*script){func(s *script) {
			s.call(1, "openat").Ret = -2
			s.callIn(1, 2, "openat").Ret = 3
		}}, []string{"openat:ENOENT openat"}},
		{"continued calls are kept", sequences.Options{}, []func(*script){func(s *script) {
			first := s.call(1, "nanosleep").EnterSeq
			s.call(1, "restart_syscall").Continues = first
		}}, []string{"nanosleep restart_syscall"}},
		{"continued calls are folded if asked for", sequences.Options{SkipContinued: true}, []func(*script){func(s *script) {
			first := s.call(1, "nanosleep").EnterSeq
			s.call(1, "restart_syscall").Continues = first
			s.call(1, "read")
		}}, []string{"nanosleep read"}},
		{"another ABI's calls say so", sequences.Options{}, []func(*script){func(s *script) {
			s.call(1, "open")
			s.call(1, "open").ABI = abi.I386
		}}, []string{"open i386:open"}},
		{"chosen calls follow upon each other", sequences.Options{Accept: func(c *replay.Call) bool { return c.DurNS < 5 }}, []func(*script){func(s *script) {
			s.call(1, "a")
			s.call(1, "slow").DurNS = 8
			s.call(1, "b")
		}}, []string{"a b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := divide(t, c.opt, c.scripts...)
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// By process, a call that is still running holds back those entered after it
// when its result matters, and takes its place when it is known.
func TestLateResultsKeepTheOrderOfEntry(t *testing.T) {
	a := sequences.NewAlphabet()
	rec := newSteps(a)
	st, err := sequences.NewStreams(sequences.Options{By: sequences.ByProcess, WithErrors: true}, a, rec)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript()
	s.callIn(1, 1, "accept").Ret = -4
	late := s.calls
	s.calls = nil
	s.callIn(1, 2, "read")
	s.push(st)
	s.callIn(1, 2, "write")
	s.push(st)
	st.Push(s.batch, late)
	st.Finish(nil)
	if got := strings.Join(*rec.streams[0], " "); got != "accept:EINTR read write" {
		t.Errorf("got %q", got)
	}
}

// Thousands of threads that come and go leave no state behind.
func TestSlotsAreUsedAgain(t *testing.T) {
	a := sequences.NewAlphabet()
	highest := 0
	rec := slotSink(func(s *sequences.Stream) { highest = max(highest, s.Slot) })
	st, err := sequences.NewStreams(sequences.Options{}, a, rec)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript()
	for tid := range int32(5000) {
		s.call(tid+1, "read")
		s.end(tid + 1)
		s.push(st)
	}
	st.Finish(nil)
	if highest > 2 {
		t.Errorf("slots up to %d for one thread at a time", highest)
	}
	if got := st.Taken(); got.Streams != 5000 || got.Calls != 5000 {
		t.Errorf("%+v", got)
	}
}

type slotSink func(*sequences.Stream)

func (f slotSink) Step(s *sequences.Stream, _ *sequences.Step) { f(s) }
func (f slotSink) End(*sequences.Stream)                       {}
