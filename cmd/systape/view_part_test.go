package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/index"
	"systape/replay/latency"
)

// partsCapture is of ten seconds: a thread that sleeps three seconds at a time, one
// that reads every five milliseconds, one that waits from +4.2 s until it is
// killed at +7 s, one that waits until the end, and one whose exit was lost.
func partsCapture(t *testing.T) string {
	var rows []format.Event
	row := func(ms int64, kind format.Kind, tid int32, syscall string, nr int32, ret int64) {
		rows = append(rows, format.Event{TS: 1e9 + ms*1e6, Kind: kind, PID: 10, TID: tid, Comm: fmt.Sprintf("thread%d", tid), Syscall: syscall, Nr: nr, Ret: ret})
	}
	for ms := int64(0); ms < 10000; ms += 5 {
		if ms%3100 == 0 {
			row(ms, format.Enter, 1, "nanosleep", 35, 0)
		}
		row(ms, format.Enter, 2, "read", 0, 0)
		if ms == 4200 {
			row(ms, format.Enter, 3, "futex", 202, 0)
			row(ms, format.Enter, 4, "futex", 202, 0)
		}
		if ms == 7000 {
			row(ms, format.ThreadEnd, 3, "", 0, 0)
		}
		if ms%3100 == 3000 {
			row(ms, format.Exit, 1, "nanosleep", 35, 0)
		}
		row(ms+1+ms%3, format.Exit, 2, "read", 0, ms%4-2)
	}
	var text strings.Builder
	for i := range rows {
		rows[i].Seq = int64(i)
		text.Write(format.AppendText(nil, rows[i]))
		text.WriteByte('\n')
	}
	return latencyCapture(t, []byte(text.String()))
}

// A part that is read by itself has the calls that the whole has of that time,
// also those that ended long after.
func TestPartsOfAViewAreThoseOfTheWhole(t *testing.T) {
	for _, path := range []string{partsCapture(t), pageCapture} {
		c := newViewCommand()
		c.SetContext(context.Background())
		c.SetErr(io.Discard)
		v := &viewer{c: c, args: []string{path}, asking: new(sync.Mutex)}
		if err := v.read(); err != nil {
			t.Fatal(err)
		}
		from, to := v.source.Index.Span()
		draw := rand.New(rand.NewPCG(15, 2))
		parts, calls := 0, int64(0)
		for range 40 {
			length := max((to-from)>>draw.IntN(14), 1)
			at := from + draw.Int64N(to-from)
			x, err := v.finer(c.Context(), v.source, at, at+length)
			if err != nil {
				t.Fatal(err)
			}
			if x == nil {
				continue
			}
			parts++
			calls += x.Calls()
			opt := latency.Options{By: []latency.Key{latency.BySyscall, latency.ByTID}}
			have := x.Table(index.Selection{}, opt)
			s, err := replay.Open([]string{path}, replay.Options{Columns: format.ColSyscall, Filter: replay.Filter{From: at, To: at + length}})
			if err != nil {
				t.Fatal(err)
			}
			opt.Symbols = s.Symbols()
			want := latency.NewTable(opt)
			if err := s.Each(c.Context(), func(calls []replay.Call) error { want.Add(calls); return nil }); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if h, w := tableText(have), tableText(want); h != w {
				t.Errorf("%s from %d for %d ns:\n%swant\n%s", path, at, length, h, w)
			}
		}
		if parts < 10 || calls == 0 {
			t.Errorf("%d parts were read by themselves, with %d calls", parts, calls)
		}
		v.source.in.Close()
	}
}

// tableText is what a table says, by what it is grouped by.
func tableText(t *latency.Table) string {
	var b strings.Builder
	rows := t.Rows(0, "total")
	slices.SortFunc(rows, func(a, b latency.Row) int {
		return cmp.Or(cmp.Compare(a.Syscall, b.Syscall), cmp.Compare(a.TID, b.TID))
	})
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %d: %d calls, %d errors, %d ns, %v, most %d; censored %d, %d ns, most %d\n", r.Syscall, r.TID, r.Count, r.Errors, r.TotalNS, r.P, r.MaxNS, r.Censored, r.CensoredNS, r.CensoredMaxNS)
	}
	return b.String()
}
