package capture

import (
	"fmt"
	"strings"
	"testing"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

// story makes a coded batch of events whose times are in milliseconds.
func story(names *format.SymbolTable, seq int64, list []format.Event) *format.CodedBatch {
	b := format.NewCodedBatch(names)
	b.Seq = seq
	for i, e := range list {
		b.N++
		b.TS[i], b.Ret[i] = e.TS*1e6, e.Ret
		b.Thread[i] = b.Threads.Add(format.Thread{PID: e.PID, TID: e.TID, Comm: names.InternString(e.Comm)})
		nr, _ := abi.Number(abi.X86_64, e.Syscall)
		b.Call[i] = b.Calls.Add(format.Call{Kind: e.Kind, ABI: abi.X86_64, Nr: nr, Syscall: names.InternString(e.Syscall)})
		b.SetArgs(i, &e.Args)
		if e.Detail != "" {
			b.Detail, b.DetailAt = append(b.Detail, e.Detail), append(b.DetailAt, int32(i))
		}
	}
	return b
}

// TestWatch tells stories, a word for each row: TID:kind:call@ms, and which
// triggers fire at them, with what they say.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name, trigger, rows, want string
		now                       int64 // ms, up to which calls hang
	}{
		{"slow", "fsync>200ms", "7:enter:fsync@10 7:exit:fsync@211", "fsync took 201ms", 0},
		{"as long as said is not longer", "fsync>200ms", "7:enter:fsync@10 7:exit:fsync@210", "", 0},
		{"another call", "fsync>200ms", "7:enter:read@10 7:exit:read@900", "", 0},
		{"of a set", "fsync,read>0.2", "7:enter:read@10 7:exit:read@900", "read took 890ms", 0},
		{"threads apart", "fsync>200ms", "7:enter:fsync@10 8:enter:fsync@200 8:exit:fsync@220 7:exit:fsync@230", "fsync took 220ms", 0},
		{"hangs", "fsync>200ms", "7:enter:fsync@10", "fsync has taken 290ms so far", 300},
		{"not long enough", "fsync>200ms", "7:enter:fsync@10", "", 200},
		{"thread ended in the call", "fsync>200ms", "7:enter:fsync@10 7:thread_end:@20", "", 900},
		{"exit may be lost", "fsync>200ms", "7:enter:fsync@10 7:lost:@20 7:exit:fsync@900", "", 900},
		{"enter not seen", "fsync>200ms", "7:exit:fsync@900", "", 0},
		{"held until it returned", "fsync>200ms", "7:enter:fsync@900 7:exit:fsync@900:entered=100", "fsync took 800ms", 0},
		{"what does not return", "all>1ms", "7:enter:exit_group@10 8:enter:rt_sigreturn@10", "", 900},
		{"error", "openat:EMFILE", "7:exit:openat@10:-24", "openat returned -24 EMFILE", 0},
		{"another error", "openat:EMFILE", "7:exit:openat@10:-2", "", 0},
		{"any error", "openat:*", "7:exit:openat@10:-2", "openat returned -2 ENOENT", 0},
		{"a restart is none", "all:*", "7:exit:read@10:-512", "", 0},
		{"slow and failing", "read:EIO>50ms", "7:enter:read@1 7:exit:read@100:-5 8:enter:read@1 8:exit:read@9:-5", "read took 99ms", 0},
		{"rate", "read>3/s", "7:enter:read@1 7:enter:read@2 8:enter:read@3 7:enter:read@900", "more than 3 in a second", 0},
		{"no rate", "read>3/s", "7:enter:read@1 7:enter:read@2 8:enter:read@3 7:enter:read@1100", "", 0},
		{"rate of errors", "read:EIO>1/s", "7:exit:read@1:-5 7:exit:read@2:0 7:exit:read@3:-5", "more than 1 in a second", 0},
		{"status", "exit:3", "7:thread_end:@1:code=768,1", "ended with status 3", 0},
		{"another thread goes on", "exit:3", "7:thread_end:@1:code=768,0", "", 0},
		{"any status", "exit:*", "7:thread_end:@1:code=0,1 8:thread_end:@1:code=256,1", "ended with status 1", 0},
		{"status not known", "exit:*", "7:thread_end:@1:code=-1,1", "", 0},
		{"signal", "signal:SEGV", "7:thread_end:@1:code=139,1", "was ended by SIGSEGV", 0},
		{"another signal", "signal:SIGSEGV", "7:thread_end:@1:code=9,1", "", 0},
		{"exec", "exec:ls", "7:exec:@1:/bin/ls", "ran /bin/ls", 0},
		{"exec by path", "exec:/sbin/*", "7:exec:@1:/bin/ls 7:exec:@2:/sbin/ls", "ran /sbin/ls", 0},
		{"exec by name where the file is not told", "exec:me", "7:exec:@1", "ran me", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			trigger, err := ParseTrigger(c.trigger)
			if err != nil {
				t.Fatal(err)
			}
			names := format.NewSymbolTable()
			var got []string
			w := newWatch([]Trigger{trigger}, names, func(f fired) { got = append(got, f.what) })
			var list []format.Event
			for word := range strings.FieldsSeq(c.rows) {
				list = append(list, eventOf(t, word))
			}
			for i := range list { // each in a batch of its own, whose codes begin anew
				b := story(names, int64(i), list[i:i+1])
				b.Calls.Turn, b.Threads.Turn = i+1, i+1
				w.look(b)
			}
			w.hung(c.now * 1e6)
			w.hung(c.now * 1e6)
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

func eventOf(t *testing.T, word string) format.Event {
	t.Helper()
	head, rest, _ := strings.Cut(word, "@")
	parts := strings.SplitN(head, ":", 3)
	e := format.Event{Comm: "me"}
	kind, ok := format.ParseKind(parts[1])
	if len(parts) == 3 {
		e.Syscall = parts[2]
	}
	ms, what, _ := strings.Cut(rest, ":")
	fmt.Sscan(parts[0], &e.TID)
	fmt.Sscan(ms, &e.TS)
	e.PID, e.Kind = e.TID, kind
	switch {
	case strings.HasPrefix(what, "entered="):
		fmt.Sscanf(what, "entered=%d", &e.Args[format.ExitEntered])
		e.Args[format.ExitEntered] *= 1e6
	case strings.HasPrefix(what, "code="):
		fmt.Sscanf(what, "code=%d,%d", &e.Args[format.EndCode], &e.Args[format.EndGroup])
	case strings.HasPrefix(what, "/"):
		e.Detail = what
	default:
		fmt.Sscan(what, &e.Ret)
	}
	if !ok {
		t.Fatalf("no kind in %q", word)
	}
	return e
}

func TestParseTrigger(t *testing.T) {
	for _, f := range TriggerForms {
		if got, err := ParseTrigger(f.Example); err != nil || got.String() != f.Example {
			t.Errorf("the help's %s: %v", f.Example, err)
		}
	}
	for _, wrong := range []string{"", "fsync", "fsync>", "fsync>x", "fsync>0", "fsync>-1s", "fsync>0/s", "fsync>x/s", "nosuch>1s", "fsync:", "fsync:NO", ">1s", ":EIO",
		"exit:", "exit:256", "exit:-1", "exit:x", "signal:", "signal:0", "signal:99", "signal:NO", "exec:", "exec:[", "end:x"} {
		if got, err := ParseTrigger(wrong); err == nil {
			t.Errorf("%q is taken: %+v", wrong, got)
		}
	}
}

// TestRing: stretches are kept as long as the window asks for them, in so much
// memory as was asked for, and none that a file still needs is given up.
func TestRing(t *testing.T) {
	add := func(r *ring, second int64, bytes int) {
		r.begin(second*1e9, share{})
		r.Write(make([]byte, bytes))
	}
	t.Run("time", func(t *testing.T) {
		r := &ring{window: 10e9}
		defer r.free()
		for s := range int64(100) {
			add(r, s, 1000)
			r.forget(s*1e9, r.number())
			if held := r.held(s * 1e9).Seconds(); held < min(float64(s), 10) || held > 11 {
				t.Fatalf("at %d s %v s are held", s, held)
			}
		}
		if n := r.from(95e9); r.at(n).began != 95e9 {
			t.Errorf("from 95 s: %+v", r.at(n))
		}
	})
	t.Run("bytes", func(t *testing.T) {
		r := &ring{most: 4 << 20}
		defer r.free()
		for s := range int64(100) {
			add(r, s, 300<<10)
			r.forget(s*1e9, r.number())
			if r.bytes > r.most || s > 20 && r.bytes < r.most*3/4 {
				t.Fatalf("%d bytes of %d", r.bytes, r.most)
			}
		}
		if len(r.spare) > maxSpareChunks {
			t.Errorf("%d chunks to spare", len(r.spare))
		}
	})
	t.Run("a file needs them", func(t *testing.T) {
		r := &ring{window: 1e9}
		defer r.free()
		for s := range int64(20) {
			add(r, s, 10)
			r.forget(s*1e9, 5)
		}
		if r.gone != 5 || r.excess(19e9) < 12*ringChunk {
			t.Errorf("%d are gone, %d bytes are too many", r.gone, r.excess(19e9))
		}
	})
}

// TestShare: what is exceeded takes calls, as many as it is exceeded by, but not
// those that the budget is for; what has room gives them back, by steps.
func TestShare(t *testing.T) {
	const all, room, cost, asked = bpf.ShareAll, format.ShareRoom, format.ShareBudget, format.ShareAsked
	for _, c := range []struct {
		name        string
		share       bpf.Share
		load        float64
		rate, worth float64
		want        bpf.Share
		why         format.ShareReason
	}{
		{"within", all, 1, 1e6, 0, all, asked},
		{"twice as much", all, 2, 1e6, 1e4, all / 2, cost},
		{"of what is left", all / 2, 4, 1e6, 1e4, all / 8, cost},
		{"not below what the budget is for", all / 2, 1000, 1e6, 2.5e5, all / 8, cost},
		{"which is reached", all / 8, 3, 1e4, 1e4, all / 8, asked},
		{"room", all / 4, 0.1, 1e4, 1e4, all/4 + all/16 + 1, room},
		{"little room", all / 4, 0.76, 1e4, 1e4, all/4 + all/16 + 1, room},
		{"no room worth a step", all / 4, 0.9, 1e4, 1e4, all / 4, asked},
		{"never more than all", all - 10, 0, 0, 0, all, room},
		{"never nothing", shareLeast, 1e9, 1e6, 0, shareLeast, cost},
	} {
		s := &sampling{asked: all, share: c.share, why: asked}
		if got, why := s.next(c.load, cost, c.rate, c.worth); got != c.want || why != c.why {
			t.Errorf("%s: share %d, %v; want %d, %v", c.name, got, why, c.want, c.why)
		}
	}
}

// BenchmarkWatch is what triggers cost for a row: of calls that none asks for, and
// where one asks for all.
func BenchmarkWatch(b *testing.B) {
	for _, text := range []string{"fsync>200ms", "all>1s"} {
		b.Run(text, func(b *testing.B) {
			trigger, err := ParseTrigger(text)
			if err != nil {
				b.Fatal(err)
			}
			names := format.NewSymbolTable()
			w := newWatch([]Trigger{trigger}, names, func(fired) { b.Error("fired") })
			batch := story(names, 0, []format.Event{{TID: 7, Kind: format.Enter, Syscall: "read"}, {TID: 7, Kind: format.Exit, Syscall: "read"}})
			batch.N = format.CodedRows
			for i := range batch.N {
				batch.TS[i], batch.Thread[i], batch.Call[i] = int64(i+1), batch.Thread[i%2], batch.Call[i%2]
			}
			for b.Loop() {
				w.look(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/format.CodedRows, "ns/row")
		})
	}
}
