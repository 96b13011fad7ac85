package replay_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// partialCapture writes a capture that has one call of process 7, drawn by
// lot, and that ten of its and five of process 8's returned.
func partialCapture(t *testing.T, r format.Request, exit format.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "partial.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &format.Meta{Version: format.Version, CaptureID: "00112233445566778899aabbccddeeff", Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}, Request: r,
		Counts: &format.Counts{PerCPU: []format.CPUCounts{{Enters: 1, Exits: 1}}}, Complete: true}
	w, err := format.NewSpoolWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 8)
	row := func(e format.Event) {
		e.Seq, e.Nr, e.Syscall = int64(b.N), 39, "getpid"
		b.Append(e)
	}
	row(format.Event{TS: 5000, Kind: format.Enter, PID: 7, TID: 7})
	exit.TS, exit.Kind, exit.PID, exit.TID = 5000, format.Exit, 7, 7
	row(exit)
	count := func(pid int32, calls, errs, total int64) {
		row(format.Event{TS: 9000, Kind: format.Count, CPU: -1, PID: pid, Args: [6]int64{calls, errs, total, 1000, 9000}})
	}
	count(7, 4, 1, 400)
	count(7, 6, 0, 600)
	count(8, 5, 5, 50)
	if err := errors.Join(w.Write(b), w.Close(m)); err != nil {
		t.Fatal(err)
	}
	return path
}

// What was left out on purpose is counted, exactly where the counts can tell,
// and said to be unknown where they cannot.
func TestCoverageCountsWhatWasLeftOut(t *testing.T) {
	path := partialCapture(t, format.Request{Sample: 10}, format.Event{})
	set, err := abi.ParseSet("read")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filter replay.Filter
		want   string
		calls  int64
	}{
		{replay.Filter{}, "6.7 % of 15 calls (93.3 % left out: recorded are calls drawn by lot)", 15},
		{replay.Filter{PIDs: []int32{7}}, "10.0 % of 10 calls (90.0 % left out: recorded are calls drawn by lot)", 10},
		{replay.Filter{Syscalls: set}, "no calls", 0},
		{replay.Filter{TIDs: []int32{7}}, "100 % of 1 call; recorded are calls drawn by lot, and how many were left out of these is not known", -1},
		{replay.Filter{From: 1}, "100 % of 1 call; recorded are calls drawn by lot, and how many were left out of these is not known", -1},
	} {
		s, err := replay.Open([]string{path}, replay.Options{Filter: c.filter})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Each(context.Background(), func([]replay.Call) error { return nil }); err != nil {
			t.Fatal(err)
		}
		cov := s.Coverage()
		if got := cov.String(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.filter, got, c.want)
		}
		sum := int64(0)
		counted, ok := s.Counted()
		for _, one := range counted {
			sum += one.Calls
		}
		if !ok {
			sum = -1
		}
		if sum != c.calls {
			t.Errorf("%+v: counted %d, want %d", c.filter, sum, c.calls)
		}
	}
}

// A call that was held until it returned has the duration that its exit tells.
func TestHeldCalls(t *testing.T) {
	path := partialCapture(t, format.Request{Sample: 1, Failed: true}, format.Event{Ret: -9, Args: [6]int64{format.ExitEntered: 3000}})
	s, err := replay.Open([]string{path}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := 0
	for c, err := range s.Calls(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; c.StartNS != 3000 || c.DurNS != 2000 || c.Status != replay.OK {
			t.Errorf("got %+v", c)
		}
	}
	if got, want := s.Coverage().String(), "6.7 % of 15 calls (93.3 % left out: recorded are calls chosen by how they ended)"; n != 1 || got != want {
		t.Errorf("%d calls, coverage %q, want %q", n, got, want)
	}
}

// More calls than were counted do not go unnoticed.
func TestConservationKnowsCounts(t *testing.T) {
	for _, c := range []struct {
		counted int64
		begins  int64 // seq of a row that says that counting begins there; -1: there is none
		ok      bool
	}{{1, -1, true}, {0, -1, false}, {0, 1, false}, {0, 2, true}} {
		s := replay.Conservation{Counted: true}
		b := format.NewBatch(format.NewSymbolTable(), 2)
		if c.begins >= 0 {
			b.Append(format.Event{TS: 8, Seq: c.begins, Kind: format.Count, CPU: -1, Nr: -1, Syscall: "syscall_-1", Args: [6]int64{0, 0, 0, 1, 8}})
		}
		b.Append(format.Event{TS: 9, Seq: c.begins + 1, Kind: format.Count, CPU: -1, PID: 7, Nr: 39, Syscall: "getpid", Args: [6]int64{c.counted, 0, 10, 1, 9}})
		s.Events(b)
		s.Calls([]replay.Call{{PID: 7, Nr: 39, EnterSeq: 0, ExitSeq: 1, DurNS: 5}})
		for _, rule := range s.Report(nil, replay.Coverage{}).Checks {
			if rule.Rule == "C6" && rule.OK != c.ok {
				t.Errorf("%d counted, one there: %+v", c.counted, rule)
			}
		}
	}
}
