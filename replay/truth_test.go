package replay_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/replay"
)

// checkTruth compares calls with what really happened. What is given out must
// be true; what must be there is asked by lossless.
func checkTruth(r *recording, calls []replay.Call, lossless bool) error {
	truth := func(seq int64) simTruth {
		if seq < 0 {
			return simTruth{}
		}
		return r.sim.truth[r.source[seq]]
	}
	ts := func(i int) int64 { return r.sim.events[i].TS }
	used := make([]int, len(r.events))
	for i := range calls {
		c := &calls[i]
		in, out := truth(c.EnterSeq), truth(c.ExitSeq)
		wrong := func(what string, args ...any) error {
			return fmt.Errorf("call %d (%v, enter %d, exit %d, %d +%d): %s", i, c.Status, c.EnterSeq, c.ExitSeq, c.StartNS, c.DurNS, fmt.Sprintf(what, args...))
		}
		for _, seq := range []int64{c.EnterSeq, c.ExitSeq} {
			if seq >= 0 {
				used[seq]++
			}
		}
		if c.EnterSeq >= 0 && c.ExitSeq >= 0 {
			if in.call != out.call || in.call == nil {
				return wrong("joins two calls")
			}
			if want := ts(in.call.exit) - ts(in.call.enter); c.DurNS != want {
				return wrong("duration %d, want %d", c.DurNS, want)
			}
		}
		if c.Status.HasEnter() != (c.EnterSeq >= 0) {
			return wrong("HasEnter is %v", c.Status.HasEnter())
		}
		switch c.Status {
		case replay.OK, replay.Restarted, replay.Sigreturn:
			if c.EnterSeq < 0 || c.ExitSeq < 0 {
				return wrong("has only one half")
			}
		case replay.NoReturn:
			if in.call.nr != nrExit && in.call.nr != nrExitGroup {
				return wrong("number %d returns", in.call.nr)
			}
		case replay.ChildReturn:
			if !out.child {
				return wrong("is not the child's side")
			}
		case replay.OpenAtStart:
			if out.call == nil {
				return wrong("was refused or is a child's")
			}
			if at := ts(out.call.enter); at >= r.enters && at <= r.last {
				return wrong("was entered at %d, while enters were recorded", at)
			}
			if c.DurNS > ts(out.call.exit)-ts(out.call.enter) {
				return wrong("lasted only %d", ts(out.call.exit)-ts(out.call.enter))
			}
		case replay.EnterAfterEnd:
			if out.call == nil {
				return wrong("was refused or is a child's")
			}
			if at := ts(out.call.enter); at <= r.last {
				return wrong("was entered at %d, while enters were recorded", at)
			}
		case replay.OpenAtEnd:
			if x := in.call.exit; x >= 0 && c.StartNS+c.DurNS > ts(x) || in.call.ended != 0 && c.StartNS+c.DurNS > in.call.ended {
				return wrong("had ended before")
			}
		case replay.Killed:
			if in.call.exit >= 0 || in.call.ended == 0 || c.StartNS+c.DurNS > in.call.ended {
				return wrong("was not killed, or before")
			}
		case replay.Denied:
			if !out.denied {
				return wrong("was not refused")
			}
		case replay.EnterLost, replay.ExitLost:
			if lossless {
				return wrong("nothing was lost")
			}
		case replay.Mismatch:
			return wrong("nothing was rewritten")
		}
		if c.Continues >= 0 {
			of := in.call.continues
			if of == nil || r.source[c.Continues] != of.enter {
				return wrong("does not continue %d", c.Continues)
			}
		}
	}
	for seq, n := range used {
		k := r.events[seq].Kind
		if want := k == format.Enter || k == format.Exit; n > 1 || (n == 1) != want {
			return fmt.Errorf("row %d (%v) belongs to %d calls", seq, k, n)
		}
	}
	return nil
}

func noLoss(int) bool { return false }

func onTime() int64 { return 0 }

// pairRecording pairs r and compares the result with the truth and with the
// plain implementation.
func pairRecording(t *testing.T, r *recording, lossless bool, story string, args ...any) []replay.Call {
	t.Helper()
	calls, cov, _ := pairAll(t, r.meta, r.events)
	if err := checkTruth(r, calls, lossless); err != nil {
		t.Fatalf("%s: %v", fmt.Sprintf(story, args...), err)
	}
	if cov.Unexplained != 0 || cov.LateLosses != 0 {
		t.Fatalf("%s: %d unexplained, %d late losses", fmt.Sprintf(story, args...), cov.Unexplained, cov.LateLosses)
	}
	if diff := comparePlain(r, calls); diff != "" {
		t.Fatalf("%s: against the plain implementation: %s", fmt.Sprintf(story, args...), diff)
	}
	if err := conserved(r, calls); err != nil {
		t.Fatalf("%s: %v", fmt.Sprintf(story, args...), err)
	}
	return calls
}

// TestSimulatedStreams pairs whole recordings: everything is found, and every
// restarted call is linked to what continues it, where that is clear.
func TestSimulatedStreams(t *testing.T) {
	t.Parallel()
	var seen [replay.NumStatuses]int
	links := 0
	for seed := range uint64(100) {
		s := simulate(seed, 2000)
		r := s.record(window{}, noLoss, false, onTime)
		calls := pairRecording(t, r, true, "seed %d", seed)
		found := map[int64]int64{}
		for _, c := range calls {
			seen[c.Status]++
			found[c.EnterSeq] = c.Continues
			if c.Status == replay.OpenAtStart || c.Status == replay.EnterAfterEnd {
				t.Fatalf("seed %d: nothing was open at the borders: %+v", seed, c)
			}
		}
		for i, tr := range s.truth {
			if s.events[i].Kind != format.Enter || tr.call.continues == nil || s.unclear {
				continue
			}
			links++
			if got, want := found[int64(i)], int64(tr.call.continues.enter); got != want {
				t.Fatalf("seed %d: row %d continues %d, want %d", seed, i, got, want)
			}
		}
	}
	for s, n := range seen {
		switch replay.Status(s) {
		case replay.OpenAtStart, replay.EnterAfterEnd, replay.EnterLost, replay.ExitLost, replay.Mismatch:
		default:
			if n < 20 {
				t.Errorf("the simulations made only %d calls %v", n, replay.Status(s))
			}
		}
	}
	if links < 1000 {
		t.Errorf("the simulations made only %d links", links)
	}
}

// TestWindows records a part of what happens, the probes coming and going one
// after the other.
func TestWindows(t *testing.T) {
	t.Parallel()
	after := 0
	for seed := range uint64(100) {
		s := simulate(seed, 1500)
		rnd := rand.New(rand.NewPCG(seed, 2))
		at := func(from, to int) int64 { return s.events[from+rnd.IntN(to-from)].TS }
		w := window{exits: at(0, 400), entersEnd: at(1000, 1400)}
		w.enters, w.exitsEnd = w.exits+int64(rnd.IntN(300)), w.entersEnd+int64(rnd.IntN(300))
		r := s.record(w, noLoss, false, onTime)
		calls, cov, _ := pairAll(t, r.meta, r.events)
		if err := checkWindow(r, calls); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if cov.Lost() != 0 {
			t.Fatalf("seed %d: %d calls lost, nothing was", seed, cov.Lost())
		}
		if diff := comparePlain(r, calls); diff != "" {
			t.Fatalf("seed %d: against the plain implementation: %s", seed, diff)
		}
		after += int(cov.ByStatus[replay.EnterAfterEnd])
	}
	if after < 20 {
		t.Errorf("only %d calls were entered after the last enter was recorded", after)
	}
}

// checkWindow allows what cannot be known at the borders: a refusal that is
// the first event of its thread since enters are recorded looks like a call
// that was open at the start, and one after the last enter like one that was
// entered unseen.
func checkWindow(r *recording, calls []replay.Call) error {
	known := map[int32]bool{} // threads with an event since enters are recorded
	excused := map[int64]bool{}
	for seq, e := range r.events {
		switch e.Kind {
		case format.Exit:
			excused[int64(seq)] = !known[e.TID] || e.TS > r.last
			known[e.TID] = e.TS >= r.enters
		case format.Enter:
			known[e.TID] = true
		case format.Fork:
			known[int32(e.Args[format.ForkTID])] = e.TS >= r.enters
		case format.Exec:
			known[e.TID] = known[int32(e.Args[format.ExecOldTID])]
		case format.ThreadEnd:
			delete(known, e.TID)
		}
	}
	kept := append(calls[:0:0], calls...)
	for i := range kept {
		if c := &kept[i]; (c.Status == replay.OpenAtStart || c.Status == replay.EnterAfterEnd) && excused[c.ExitSeq] && r.sim.truth[r.source[c.ExitSeq]].denied {
			c.Status = replay.Denied
		}
	}
	return checkTruth(r, kept, true)
}
