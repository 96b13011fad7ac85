package latency_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// call is a short way to write a call: times in ns, a return value.
func call(names *format.SymbolTable, tid int32, syscall string, start, dur, ret int64) replay.Call {
	return replay.Call{
		PID: tid / 10, TID: tid, Syscall: names.InternString(syscall), Comm: names.InternString(fmt.Sprint("comm", tid/10)),
		StartNS: start, DurNS: dur, Ret: ret, EnterSeq: start, ExitSeq: start + dur,
	}
}

func with(c replay.Call, s replay.Status) replay.Call {
	c.Status = s
	return c
}

// TestIntervalsAreTablesOfTheirCalls compares every interval with a table of
// the calls that ended in it.
func TestIntervalsAreTablesOfTheirCalls(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 3000, 7)
	opt := latency.Options{Symbols: names, By: []latency.Key{latency.BySyscall}}
	const every = 100_000
	type interval struct {
		start int64
		rows  []latency.Row
	}
	var want []interval
	for rest := calls; len(rest) > 0; {
		start := (rest[0].StartNS + rest[0].DurNS) / every * every
		n := 0
		for n < len(rest) && rest[n].StartNS+rest[n].DurNS < start+every {
			n++
		}
		table := latency.NewTable(opt)
		table.Add(rest[:n])
		want = append(want, interval{start, table.Rows(every, "total")})
		rest = rest[n:]
	}
	for _, size := range []int{1, 7, 3000} {
		i := 0
		v, err := latency.NewIntervals(every, opt, func(got latency.Interval) error {
			if got.StartNS != want[i].start {
				t.Fatalf("interval %d begins at %d, want %d", i, got.StartNS, want[i].start)
			}
			if rows := got.Table.Rows(every, "total"); !sameRows(rows, want[i].rows) {
				t.Errorf("batches of %d: interval %d differs from a table of its calls", size, i)
			}
			i++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for part := range slices.Chunk(calls, size) {
			if err := v.Add(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if i != len(want) {
			t.Errorf("batches of %d: %d intervals, want %d", size, i, len(want))
		}
	}
	if _, err := latency.NewIntervals(0, opt, nil); err == nil {
		t.Error("intervals of no length are accepted")
	}
}

func sameRows(a, b []latency.Row) bool {
	return slices.EqualFunc(a, b, func(x, y latency.Row) bool {
		dx, _ := contentOf(x.Done)
		dy, _ := contentOf(y.Done)
		x.Done, x.Open, y.Done, y.Open = nil, nil, nil, nil
		return dx == dy && x == y
	})
}

func TestErrors(t *testing.T) {
	names := format.NewSymbolTable()
	e := latency.NewErrors(latency.Options{Symbols: names, By: []latency.Key{latency.BySyscall}})
	e.Add([]replay.Call{
		call(names, 10, "read", 100, 10, 5),
		call(names, 10, "read", 200, 50, -11), // EAGAIN
		call(names, 11, "read", 300, 60, -11),
		call(names, 20, "read", 400, 70, -11),
		call(names, 10, "read", 500, 20, -9), // EBADF
		with(call(names, 10, "read", 600, 99, -512), replay.Restarted),
		with(call(names, 10, "read", 700, 99, 0), replay.OpenAtEnd),
		call(names, 10, "open", 1100, 30, -2),
		call(names, 10, "write", 1200, 30, 1),
	})
	rows := e.Rows(1_000_000_000)
	type row struct {
		call, errno string
		count, all  int64
		first, last int64
		procs       int
		comms       string
		failed, ok  int64
	}
	want := []row{
		{"read", "EAGAIN", 3, 6, 250, 470, 2, "[comm1 comm2]", 60, 10},
		{"open", "ENOENT", 1, 1, 1130, 1130, 1, "[comm1]", 30, 0},
		{"read", "EBADF", 1, 6, 520, 520, 1, "[comm1]", 20, 10},
	}
	for i, r := range rows {
		got := row{r.Syscall, r.Errno, r.Count, r.Calls, r.FirstNS, r.LastNS, r.Processes, fmt.Sprint(r.Comms), r.Failed.P[0].NS, r.Successful.P[0].NS}
		if i >= len(want) || got != want[i] {
			t.Errorf("row %d is %+v, want %+v", i, got, want[min(i, len(want)-1)])
		}
		if r.Rate != float64(r.Count)/float64(r.Calls) || r.PerSecond != float64(r.Count) {
			t.Errorf("row %d: rate %g, %g per second", i, r.Rate, r.PerSecond)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
}

// TestSlowestAgainstSorting finds the same calls as sorting all of them, with
// the neighbours that a search through all calls finds.
func TestSlowestAgainstSorting(t *testing.T) {
	names := format.NewSymbolTable()
	r := rand.New(rand.NewPCG(1, 9))
	var calls []replay.Call
	now := map[int32]int64{}
	for i := range int64(4000) {
		tid := int32(r.IntN(5))
		start := now[tid] + r.Int64N(50)
		c := call(names, tid, []string{"openat", "futex", "write"}[r.IntN(3)], start, r.Int64N(40), i)
		now[tid] = start + c.DurNS
		calls = append(calls, c)
	}
	slices.SortStableFunc(calls, func(a, b replay.Call) int { return cmp.Compare(a.StartNS+a.DurNS, b.StartNS+b.DurNS) })
	for _, around := range []int{0, 1, 3} {
		s := latency.NewSlowest(25, around, latency.Options{Symbols: names, Waits: latency.WaitApart})
		for part := range slices.Chunk(calls, 100) {
			s.Add(part)
		}
		for _, waits := range []bool{false, true} {
			var all []int
			for i, c := range calls {
				if replay.WaitsByNature(names.String(c.Syscall)) == waits {
					all = append(all, i)
				}
			}
			slices.SortStableFunc(all, func(i, j int) int {
				a, b := calls[i], calls[j]
				return cmp.Or(cmp.Compare(b.DurNS, a.DurNS), cmp.Compare(a.StartNS, b.StartNS), cmp.Compare(a.TID, b.TID))
			})
			got := s.Calls(waits)
			if len(got) != 25 {
				t.Fatalf("%d calls, want 25", len(got))
			}
			for n, g := range got {
				i := all[n]
				if g.Call != calls[i] || g.LowerBound {
					t.Fatalf("waits %v: place %d is %+v, want %+v", waits, n, g.Call, calls[i])
				}
				var before, after []int64
				for j := i - 1; j >= 0 && len(before) < around; j-- {
					if calls[j].TID == g.TID {
						before = append([]int64{calls[j].Ret}, before...)
					}
				}
				for j := i + 1; j < len(calls) && len(after) < around; j++ {
					if calls[j].TID == g.TID {
						after = append(after, calls[j].Ret)
					}
				}
				if b, a := rets(g.Before), rets(g.After); !slices.Equal(b, before) || !slices.Equal(a, after) {
					t.Fatalf("around %d: neighbours of %d are %v and %v, want %v and %v", around, g.Ret, b, a, before, after)
				}
			}
		}
	}
}

func rets(n []latency.Neighbor) (r []int64) {
	for _, x := range n {
		r = append(r, x.Ret)
	}
	return r
}

// TestSlowestForgetsDeadThreads: a thread id that is used again has no past.
func TestSlowestForgetsDeadThreads(t *testing.T) {
	names := format.NewSymbolTable()
	s := latency.NewSlowest(1, 2, latency.Options{Symbols: names})
	s.Add([]replay.Call{
		call(names, 10, "fsync", 100, 1, 1),
		with(call(names, 10, "exit", 110, 0, 2), replay.NoReturn),
		with(call(names, 10, "clone", 200, 0, 3), replay.ChildReturn),
		call(names, 10, "write", 210, 500, 4),
	})
	got := s.Calls(false)[0]
	if got.Ret != 4 || !slices.Equal(rets(got.Before), []int64{3}) {
		t.Errorf("before %d came %v, want only the clone of the new thread", got.Ret, rets(got.Before))
	}
}

// TestSlowestOfManyThreads: those that called something last keep what they called
// before, and a slow call gets what comes after it however many others come between.
func TestSlowestOfManyThreads(t *testing.T) {
	const sleeper, idle, busy = 1, 2, 3
	names := format.NewSymbolTable()
	s := latency.NewSlowest(1, 2, latency.Options{Symbols: names})
	s.Add([]replay.Call{
		call(names, sleeper, "openat", 1, 1, 1), call(names, sleeper, "fsync", 3, 1_000_000, 2),
		call(names, idle, "openat", 1_000_010, 1, 3), call(names, busy, "openat", 1_000_020, 1, 4),
	})
	at := int64(1_000_100)
	for i := range 3 * latency.MaxContexts {
		s.Add([]replay.Call{call(names, int32(10+i), "read", at, 1, 0)})
		at += 10
		if i%(latency.MaxContexts/2-10) == 0 {
			s.Add([]replay.Call{call(names, busy, "read", at, 1, int64(100+i))})
			at += 10
		}
		if n := s.Remembered(); n > latency.MaxContexts+1 {
			t.Fatalf("%d threads are remembered", n)
		}
	}
	s.Add([]replay.Call{call(names, sleeper, "close", at, 1, 5)})
	if got := s.Calls(false)[0]; !slices.Equal(rets(got.Before), []int64{1}) || !slices.Equal(rets(got.After), []int64{5}) {
		t.Errorf("next to the slow call are %v and %v", rets(got.Before), rets(got.After))
	}
	if s.Waiting() != true {
		t.Error("the slow call has one call behind it, wants two, and does not wait")
	}
	s.Add([]replay.Call{call(names, busy, "fsync", at+10, 2_000_000, 6)})
	if got := s.Calls(false)[0]; len(got.Before) != 2 {
		t.Errorf("of the busy thread is known %v", rets(got.Before))
	}
	s.Add([]replay.Call{call(names, idle, "fsync", at+20, 3_000_000, 7)})
	if got := s.Calls(false)[0]; len(got.Before) != 0 {
		t.Errorf("of the idle thread is known %v", rets(got.Before))
	}
}

// TestSlowestKeepsOpenCalls: the worst stall is the one that did not end.
func TestSlowestKeepsOpenCalls(t *testing.T) {
	names := format.NewSymbolTable()
	calls := []replay.Call{
		call(names, 10, "fsync", 100, 50, 1),
		with(call(names, 11, "fsync", 100, 900, 0), replay.OpenAtEnd),
	}
	s := latency.NewSlowest(5, 1, latency.Options{Symbols: names})
	s.Add(calls)
	if got := s.Calls(false); len(got) != 2 || !got[0].LowerBound || got[0].TID != 11 || got[1].LowerBound {
		t.Errorf("got %+v, want the open call of tid 11 first, marked as a lower bound", got)
	}
	s = latency.NewSlowest(5, 1, latency.Options{Symbols: names, OmitOpen: true})
	s.Add(calls)
	if got := s.Calls(false); len(got) != 1 || got[0].TID != 10 {
		t.Errorf("without open calls: got %+v, want only tid 10", got)
	}
}

func TestThreads(t *testing.T) {
	names := format.NewSymbolTable()
	th := latency.NewThreads(latency.Options{Symbols: names})
	th.Add([]replay.Call{
		call(names, 10, "openat", 1000, 100, 1),
		call(names, 10, "openat", 1200, 100, -11),
		call(names, 10, "epoll_wait", 1300, 700, 1),
		call(names, 10, "fsync", 2000, 500, 0),
		with(call(names, 11, "openat", 1500, 2000, 0), replay.OpenAtEnd),
		with(call(names, 12, "exit", 1500, 0, 0), replay.NoReturn),
		with(call(names, 12, "clone", 1700, 0, 0), replay.ChildReturn),
		call(names, 12, "write", 1800, 10, 0),
	})
	got := th.Rows()
	want := []latency.ThreadRow{
		{PID: 1, TID: 11, Comm: "comm1", FirstNS: 1500, LastNS: 3500, Calls: 1, WorkNS: 2000, Open: 1, MostTime: "openat", MostCalls: "openat", MostTimeNS: 2000, MostCount: 1},
		{PID: 1, TID: 10, Comm: "comm1", FirstNS: 1000, LastNS: 2500, Calls: 4, Errors: 1, WorkNS: 700, WaitNS: 700, MostTime: "epoll_wait", MostCalls: "openat", MostTimeNS: 700, MostCount: 2},
		{PID: 1, TID: 12, Comm: "comm1", FirstNS: 1700, LastNS: 1810, Calls: 1, WorkNS: 10, MostTime: "write", MostCalls: "write", MostTimeNS: 10, MostCount: 1},
		{PID: 1, TID: 12, Comm: "comm1", FirstNS: 1500, LastNS: 1500, Calls: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got[1].AliveNS() != 1500 || got[1].PerSecond() != 4/1500e-9 {
		t.Errorf("tid 10 is alive for %d ns at %g calls a second", got[1].AliveNS(), got[1].PerSecond())
	}
}

// TestHeatCountsEveryCall joins columns many times and loses nothing: each
// cell holds the calls that a search through all of them finds.
func TestHeatCountsEveryCall(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 20_000, 8)
	for _, spread := range []int64{1, 100, 100_000, -100} { // capture of 20 ms, 2 s, half an hour; the last calls first
		scaled := slices.Clone(calls)
		for i := range scaled {
			end := (scaled[i].StartNS + scaled[i].DurNS - calls[0].StartNS - calls[0].DurNS) * spread
			scaled[i].StartNS = end - scaled[i].DurNS
		}
		h := latency.NewHeat(latency.Options{Symbols: names, Waits: latency.WaitApart})
		h.Add(scaled)
		for _, waits := range []bool{false, true} {
			for _, fine := range []bool{false, true} {
				m := h.Map(waits, 60, fine)
				if len(m.Counts) > 60 || len(m.Counts) < 25 {
					t.Errorf("%d columns, want at most 60 and at least 25", len(m.Counts))
				}
				want := make(map[[2]int]uint64)
				total := uint64(0)
				for _, c := range scaled {
					if latency.Finished()&latency.Statuses(c.Status) == 0 || replay.WaitsByNature(names.String(c.Syscall)) != waits {
						continue
					}
					row := 0
					for row+1 < len(m.LowNS)-1 && c.DurNS >= m.LowNS[row+1] {
						row++
					}
					want[[2]int{int((c.StartNS + c.DurNS - m.OriginNS) / m.StepNS), row}]++
					total++
				}
				for x, col := range m.Counts {
					for y, n := range col {
						if n != want[[2]int{x, y}] {
							t.Fatalf("spread %d, fine %v: cell %d, %d has %d calls, want %d", spread, fine, x, y, n, want[[2]int{x, y}])
						}
					}
				}
				if m.Total != total {
					t.Errorf("%d calls on the map, want %d", m.Total, total)
				}
			}
		}
	}
	if m := latency.NewHeat(latency.Options{Symbols: names}).Map(false, 60, false); len(m.Counts) != 0 || m.Total != 0 {
		t.Errorf("an empty map has %d columns", len(m.Counts))
	}
}
