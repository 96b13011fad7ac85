package replay_test

import (
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/replay"
)

// marked makes of r what a recorder of format version 2 makes of it: before
// the next row of a thread that lost events stands a mark that says so.
func (r *recording) marked(lost func(i int) bool) *recording {
	m := &recording{sim: r.sim, enters: r.enters, last: r.last}
	meta := *r.meta
	meta.Version = 2
	m.meta = &meta
	gone := map[int32]bool{}
	at := 0 // in the simulation
	add := func(e format.Event, source int) {
		e.Seq = int64(len(m.events))
		m.events = append(m.events, e)
		m.source = append(m.source, source)
	}
	for k, e := range r.events {
		src := r.source[k]
		for ; src >= 0 && at < src; at++ {
			if e := &r.sim.events[at]; lost(at) {
				gone[e.TID] = true
				switch e.Kind { // and every other thread that the row would have named
				case format.Fork:
					gone[int32(e.Args[format.ForkTID])] = true
				case format.Exec:
					gone[int32(e.Args[format.ExecOldTID])] = true
				}
			}
		}
		if src >= 0 && e.Kind == format.Exec {
			old := int32(e.Args[format.ExecOldTID]) // goes on under the leader's id, and the leader is gone
			gone[e.TID], gone[old] = gone[old], old == e.TID && gone[old]
		}
		if src >= 0 && gone[e.TID] {
			delete(gone, e.TID)
			mark := format.Event{TS: e.TS, Kind: format.Mark, CPU: e.CPU, PID: e.PID, TID: e.TID, Nr: -1}
			mark.Args[format.MarkWhat] = int64(format.ThreadLost)
			mark.Args[format.MarkFirst], mark.Args[format.MarkLast] = e.TS, e.TS
			add(mark, -1)
		}
		add(e, src)
	}
	return m
}

// TestMarkedLosses: with the threads named that lost events, everything that
// is given out is still true, and a call that is whole in the capture is given
// up only if its own thread lost something inside it.
func TestMarkedLosses(t *testing.T) {
	t.Parallel()
	var whole, givenUp, givenUpUnmarked int
	for seed := range uint64(150) {
		s := simulate(seed, 1500)
		rnd := rand.New(rand.NewPCG(seed, 7))
		gone := make([]bool, len(s.events))
		for i := 0; i < len(gone); {
			n := 1 + rnd.IntN(60)
			lose := rnd.IntN(2) == 0 // half of all events, in bursts
			for ; n > 0 && i < len(gone); n, i = n-1, i+1 {
				gone[i] = lose
			}
		}
		lost := func(i int) bool { return gone[i] }
		plain := s.record(window{}, lost, false, onTime)
		r := plain.marked(lost)
		calls, cov, _ := pairAll(t, r.meta, r.events)
		if err := checkTruth(r, calls, false); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if cov.Unexplained != 0 {
			t.Fatalf("seed %d: %d calls miss their exit without a loss", seed, cov.Unexplained)
		}
		if err := conserved(r, calls); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		n, up := r.wholeCalls(calls, gone, func(status replay.Status, enter int, inside bool) {
			if !inside {
				t.Fatalf("seed %d: the call entered at row %d of the simulation is %v, and its thread lost nothing", seed, enter, status)
			}
		})
		whole, givenUp = whole+n, givenUp+up
		unmarked, _, _ := pairAll(t, plain.meta, plain.events)
		_, up = plain.wholeCalls(unmarked, gone, func(replay.Status, int, bool) {})
		givenUpUnmarked += up
	}
	if whole < 10_000 || givenUp*50 > whole || givenUpUnmarked < 5*givenUp {
		t.Errorf("of %d whole calls %d are given up, without marks %d: want at most 2 %%, and fewer by far", whole, givenUp, givenUpUnmarked)
	}
}

// wholeCalls counts the calls of which both halves are in r, and those among
// them that are given up for a loss; it tells of each whether its thread lost
// an event inside it.
func (r *recording) wholeCalls(calls []replay.Call, gone []bool, up func(s replay.Status, enter int, inside bool)) (whole, givenUp int) {
	in := map[int]bool{}
	for _, src := range r.source {
		in[src] = true
	}
	for i := range calls {
		c := &calls[i]
		if c.EnterSeq < 0 {
			continue
		}
		enter := r.source[c.EnterSeq]
		call := r.sim.truth[enter].call
		if call == nil || call.exit < 0 || !in[call.exit] {
			continue
		}
		whole++
		if c.Status != replay.ExitLost {
			continue
		}
		givenUp++
		inside := false
		for k := enter; k < call.exit; k++ {
			tid := r.sim.events[k].TID
			inside = inside || gone[k] && (tid == r.sim.events[enter].TID || tid == r.sim.events[call.exit].TID)
		}
		up(c.Status, enter, inside)
	}
	return whole, givenUp
}

// TestEntersStopped: a mark tells a stream in time what the metadata says only
// at its end.
func TestEntersStopped(t *testing.T) {
	row := func(ts int64, k format.Kind, args ...int64) format.Event {
		e := format.Event{TS: ts, Kind: k, PID: 7, TID: 7, Nr: 39, Syscall: "getpid"}
		if k == format.Mark {
			e.PID, e.TID, e.CPU, e.Nr, e.Syscall = 0, 0, -1, -1, ""
		}
		copy(e.Args[:], args)
		return e
	}
	events := []format.Event{
		row(1000, format.Enter), row(1010, format.Exit),
		row(1020, format.Exit), // refused: enters were recorded
		row(1100, format.Mark, int64(format.EntersStopped), 1100, 1110),
		row(1120, format.Exit), // entered after 1100
	}
	for i := range events {
		events[i].Seq = int64(i)
	}
	calls, cov, _ := pairAll(t, &format.Meta{Version: 2}, events)
	var got []replay.Status
	for _, c := range calls {
		got = append(got, c.Status)
	}
	if len(got) != 3 || got[0] != replay.OK || got[1] != replay.Denied || got[2] != replay.EnterAfterEnd {
		t.Errorf("the calls are %v, want ok denied enter_after_end (%v)", got, cov)
	}
}
