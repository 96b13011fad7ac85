package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"systape/format"
	"systape/replay"
)

const (
	frozenFile  = "../testdata/v1/workload.parquet"
	frozenSpool = "../testdata/v1/workload.spool" // of another recording
)

// outcome is what a pass over a capture tells of each call, and of all.
type outcome struct {
	calls    map[int64]string // by the seq of its first row
	coverage replay.Coverage
}

func passOver(t *testing.T, paths []string, opt replay.Options) outcome {
	t.Helper()
	opt.Columns = format.ColSeq | format.ColSyscall | format.ColArgs
	s, err := replay.Open(paths, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o := outcome{calls: map[int64]string{}}
	err = s.Each(context.Background(), func(calls []replay.Call) error {
		for i := range calls {
			c := &calls[i]
			key := c.EnterSeq
			if key < 0 {
				key = c.ExitSeq
			}
			o.calls[key] = fmt.Sprint(c.Status, c.EnterSeq, c.ExitSeq, c.EndSeq, c.StartNS, c.DurNS, c.Ret, c.Continues)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.coverage = s.Coverage()
	return o
}

// pipeOf gives a file as a pipe would: no size, no way back.
func pipeOf(t *testing.T, path string) io.Reader {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return struct{ io.Reader }{bytes.NewReader(data)}
}

// TestFormsAgree goes over the same recording as a file, as a spool, and as a
// spool from a pipe, held and live.
func TestFormsAgree(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sealed.parquet")
	if _, err := format.Seal(frozenSpool, file, format.SealOptions{KeepSpool: true}); err != nil {
		t.Fatal(err)
	}
	want := passOver(t, []string{file}, replay.Options{})
	if want.coverage.ByStatus[replay.OK] < 1000 {
		t.Fatalf("the frozen capture has only %v", want.coverage)
	}
	for name, got := range map[string]outcome{
		"spool":                  passOver(t, []string{frozenSpool}, replay.Options{}),
		"spool from a pipe":      passOver(t, []string{"-"}, replay.Options{Stdin: pipeOf(t, frozenSpool)}),
		"spool from a live pipe": passOver(t, []string{"-"}, replay.Options{Stdin: pipeOf(t, frozenSpool), Live: true}),
	} {
		if got.coverage != want.coverage {
			t.Errorf("%s: coverage %v, want %v", name, got.coverage, want.coverage)
		}
		for seq, w := range want.calls {
			if got.calls[seq] != w {
				t.Errorf("%s: the call at row %d is %q, want %q", name, seq, got.calls[seq], w)
				break
			}
		}
		if len(got.calls) != len(want.calls) {
			t.Errorf("%s: %d calls, want %d", name, len(got.calls), len(want.calls))
		}
	}
}

// TestEndSeqIsInOrder: calls come in the order of the rows that ended them.
func TestEndSeqIsInOrder(t *testing.T) {
	s, err := replay.Open([]string{frozenFile}, replay.Options{Columns: format.ColSeq})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := int64(-1)
	err = s.Run(context.Background(), func(b *format.Batch, calls []replay.Call) error {
		for i := range calls {
			c := &calls[i]
			switch {
			case b == nil && c.EndSeq != -1:
				return fmt.Errorf("a call that never ended ends at row %d", c.EndSeq)
			case b != nil && (c.EndSeq < last || c.EndSeq < b.Seq[0] || c.EndSeq > b.Seq[b.N-1]):
				return fmt.Errorf("a call of rows %d to %d ends at row %d, after %d", b.Seq[0], b.Seq[b.N-1], c.EndSeq, last)
			case b != nil && c.ExitSeq >= 0 && c.ExitSeq != c.EndSeq:
				return fmt.Errorf("the exit at row %d is not the end at %d", c.ExitSeq, c.EndSeq)
			}
			last = max(last, c.EndSeq)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestStoppingIsNoError: a loop that is left, and a function that has seen
// enough, end the pass.
func TestStoppingIsNoError(t *testing.T) {
	s, err := replay.Open([]string{frozenFile}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := 0
	for c, err := range s.Calls(context.Background()) {
		if err != nil || c == nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d calls before the loop was left, want 3", n)
	}
	s2, err := replay.Open([]string{frozenFile}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if err := s2.Each(context.Background(), func([]replay.Call) error { return replay.ErrStop }); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s3, err := replay.Open([]string{frozenFile}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s3.Close()
	if err := s3.Each(ctx, func([]replay.Call) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// lossyCapture writes a capture in which cpu 0 lost six of the calls of
// thread 7 whole, and the exit of one and the enter of another: of version 1, in
// which a loss does not name the threads that it may concern.
func lossyCapture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lossy.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &format.Meta{Version: 1, CaptureID: "00112233445566778899aabbccddeeff", Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true},
		Counts: &format.Counts{PerCPU: []format.CPUCounts{{Enters: 9, Exits: 9, LostEnters: 7, LostExits: 7}}}, Complete: true}
	w, err := format.NewSpoolWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 8)
	row := func(ts int64, k format.Kind, args ...int64) {
		e := format.Event{TS: ts, Seq: int64(b.N), Kind: k, Nr: 39, Syscall: "getpid", PID: 7, TID: 7}
		if k == format.Lost {
			e.Nr, e.Syscall, e.PID, e.TID = -1, "", 0, 0
		}
		copy(e.Args[:], args)
		b.Append(e)
	}
	row(1000, format.Enter)
	row(1010, format.Exit)
	row(1020, format.Enter)
	row(1100, format.Exit)
	row(1200, format.Lost, 14, 1025, 1095, 7, 7, 0) // told late: enter 1020 and exit 1100 are of different calls
	if err := errors.Join(w.Write(b), w.Close(m)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCoverageCountsWhatWasLostWhole: of nine calls that were made, one was
// measured, and the two halves that are left belong to two others.
func TestCoverageCountsWhatWasLostWhole(t *testing.T) {
	path := lossyCapture(t)
	o := passOver(t, []string{path}, replay.Options{})
	if got, want := o.coverage.String(), "11.1 % of 9 calls (88.9 % lost); 14 events lost"; got != want {
		t.Errorf("coverage: %s, want %s", got, want)
	}
	if o.coverage.LostCalls != 6 {
		t.Errorf("%d calls were lost whole, want 6", o.coverage.LostCalls)
	}
	o = passOver(t, []string{path}, replay.Options{Filter: replay.Filter{PIDs: []int32{7}}})
	if got, want := o.coverage.String(), "at most 33.3 % of 3 calls (66.7 % lost); 14 events lost, of which calls is not known"; got != want {
		t.Errorf("coverage of one process: %s, want %s", got, want)
	}
	o = passOver(t, []string{path}, replay.Options{Filter: replay.Filter{To: 1015}})
	if got, want := o.coverage.String(), "100 % of 1 call"; got != want {
		t.Errorf("coverage of the time before the loss: %s, want %s", got, want)
	}
}

// TestLossSpans joins what overlaps, and stays bounded.
func TestLossSpans(t *testing.T) {
	path := lossyCapture(t)
	s, err := replay.Open([]string{path}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []replay.LossSpan{{First: 1025, Last: 1095, Events: 14, Enters: 7, Exits: 7}}
	if got := s.Losses(); !slices.Equal(got, want) {
		t.Errorf("before the pass: %v, want %v", got, want)
	}
	if err := s.Each(context.Background(), func([]replay.Call) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := s.Losses(); !slices.Equal(got, want) {
		t.Errorf("after the pass: %v, want %v", got, want)
	}
	if !want[0].Overlaps(1000, 1026) || want[0].Overlaps(1000, 1025) || !want[0].Overlaps(1095, 1100) || want[0].Overlaps(1096, 1100) {
		t.Error("Overlaps is wrong at the borders")
	}
}

// Events for which the kernel ran no program are in no CPU's counters (Linux
// 7 skips some where tasks preempt each other). Their lost rows are read all the same.
func TestLossesThatNoCPUCounted(t *testing.T) {
	for name, lost := range map[string]*int64{"told": new(int64(2)), "not known": nil} {
		t.Run(name, func(t *testing.T) {
			m := &format.Meta{Version: format.Version, CaptureID: "00112233445566778899aabbccddeeff", Tool: "test", Part: format.Part{Number: 1, Last: true},
				Counts: &format.Counts{PerCPU: []format.CPUCounts{{Enters: 1, Exits: 1}}, Lost: lost}, Complete: true}
			path := filepath.Join(t.TempDir(), "skipped.parquet")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w, err := format.NewParquetWriter(f, m)
			if err != nil {
				t.Fatal(err)
			}
			b := format.NewBatch(format.NewSymbolTable(), 8)
			b.Append(format.Event{TS: 1000, Kind: format.Lost, CPU: -1, Nr: -1, Args: [6]int64{2, 1000, 1005, 1, 1, int64(format.CauseSkipped)}})
			b.Append(format.Event{TS: 1010, Seq: 1, Kind: format.Enter, Nr: 39, Syscall: "getpid", PID: 7, TID: 7})
			b.Append(format.Event{TS: 1020, Seq: 2, Kind: format.Exit, Nr: 39, Syscall: "getpid", PID: 7, TID: 7})
			if err := errors.Join(w.Write(b), w.Close(m)); err != nil {
				t.Fatal(err)
			}
			s, err := replay.Open([]string{path}, replay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Run(t.Context(), func(*format.Batch, []replay.Call) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if cov := s.Coverage(); cov.LostEvents != 2 || cov.Calls != 1 {
				t.Errorf("got %d lost events, %d calls", cov.LostEvents, cov.Calls)
			}
		})
	}
}

// A session that rests has no file open, and goes on where it was.
func TestRest(t *testing.T) {
	path := partialCapture(t, format.Request{Sample: 1}, format.Event{})
	s, err := replay.Open([]string{path}, replay.Options{Columns: format.ColSyscall})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Begin(); err != nil { // which has read the first batch
		t.Fatal(err)
	}
	if err := errors.Join(s.Rest(), s.Rest()); err != nil {
		t.Fatal(err)
	}
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	if err := s.Each(t.Context(), func([]replay.Call) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was still open: %v", err)
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	calls := 0
	if err := s.Each(t.Context(), func(c []replay.Call) error { calls += len(c); return nil }); err != nil || calls == 0 {
		t.Errorf("after a rest: %d calls, %v", calls, err)
	}
}
