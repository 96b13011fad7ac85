package latency

import (
	"math"
	"testing"

	"systape/format"
	"systape/replay"
)

func TestLost(t *testing.T) {
	spans := []replay.LossSpan{{First: 10, Last: 19, Events: 5}, {First: 30, Last: 30, Events: 7}}
	for _, c := range []struct{ from, to, events, ns int64 }{
		{0, 10, 0, 0}, {0, 11, 5, 1}, {19, 20, 5, 1}, {20, 30, 0, 0}, {15, 31, 12, 6}, {0, 100, 12, 11}, {31, math.MaxInt64, 0, 0}, {30, 30, 0, 0},
	} {
		if n, ns := Lost(spans, c.from, c.to), LostNS(spans, c.from, c.to); n != c.events || ns != c.ns {
			t.Errorf("from %d to %d: %d events in %d ns, want %d in %d", c.from, c.to, n, ns, c.events, c.ns)
		}
	}
	h := NewHeat(Options{Symbols: format.NewSymbolTable()})
	h.Add([]replay.Call{{StartNS: 0, DurNS: 0}, {StartNS: 1e6, DurNS: 5}})
	m := h.Map(false, 200, true)
	m.MarkLost(spans)
	if m.Lost == nil || m.Lost[0] != 12 || m.Lost[1] != 0 || m.SpanNS() != int64(len(m.Counts))*m.StepNS {
		t.Errorf("%+v", m)
	}
	if m.MarkLost(nil); m.Lost != nil {
		t.Error("a map without losses has marks")
	}
}

// Intervals end, and rates are of the time that was recorded, also where an
// interval would begin before all time or end after it.
func TestIntervalsAtTheEndsOfTime(t *testing.T) {
	for _, every := range []int64{1, 7, 1e9, math.MaxInt64} {
		for _, starts := range [][]int64{{math.MinInt64, math.MinInt64 + 1, 0, 5, math.MaxInt64 - 1, math.MaxInt64}, {math.MaxInt64 - 2, math.MaxInt64}, {math.MinInt64 + 3}} {
			calls := make([]replay.Call, len(starts))
			for i, s := range starts {
				calls[i].StartNS = s
			}
			var counted, lastEnd int64
			last := false
			lastEnd = math.MinInt64
			v, err := NewIntervals(every, Options{Symbols: format.NewSymbolTable()}, func(v Interval) error {
				for _, r := range v.Table.Rows(0, "total") {
					counted += r.Count
				}
				if v.EndNS < v.StartNS || v.EndNS == v.StartNS && v.StartNS != math.MaxInt64 || v.StartNS < lastEnd || last {
					t.Errorf("every %d: from %d to %d after %d, %v", every, v.StartNS, v.EndNS, lastEnd, last)
				}
				lastEnd, last = v.EndNS, v.Last
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Add(calls); err != nil {
				t.Fatal(err)
			}
			if err := v.Close(); err != nil || counted != int64(len(starts)) || !last {
				t.Errorf("every %d: %d calls of %d, last %v, %v", every, counted, len(starts), last, err)
			}
		}
	}
	v := Interval{StartNS: 100, EndNS: 200}
	for _, c := range [][3]int64{{0, 1000, 100}, {150, 1000, 50}, {0, 130, 30}, {120, 130, 10}, {300, 400, 0}} {
		if got := v.RecordedNS(c[0], c[1]); got != c[2] {
			t.Errorf("recorded from %d to %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestSectionsAndBars(t *testing.T) {
	names := format.NewSymbolTable()
	table := NewTable(Options{Symbols: names, By: []Key{BySyscall}, Waits: WaitApart})
	calls := []replay.Call{{Syscall: names.InternString("epoll_wait"), DurNS: 1000}, {Syscall: names.InternString("read"), DurNS: 0},
		{Syscall: names.InternString("write"), DurNS: 5}, {Syscall: names.InternString("write"), DurNS: 7, Status: replay.Killed}}
	table.Add(calls)
	s := Sections(table.Rows(0, "total"))
	if len(s) != 2 || s[0].Waits || !s[1].Waits || s[0].Calls+s[1].Calls != 3 || s[0].Open != 1 || s[0].NS+s[1].NS != 1012 {
		t.Fatalf("%+v", s)
	}
	var row *Row
	for i := range s[0].Rows {
		if s[0].Rows[i].Syscall == "write" {
			row = &s[0].Rows[i]
		}
	}
	if bars := row.Bars(); len(bars) != 1 || bars[0] != (Bar{LowNS: 4, Done: 1, Open: 1}) || bars[0].HighNS() != 8 {
		t.Errorf("%+v", bars)
	}
	if (Bar{}).HighNS() != 1 || (Bar{LowNS: 1 << 62}).HighNS() != math.MaxInt64 {
		t.Error("the first and the last bar")
	}
}
