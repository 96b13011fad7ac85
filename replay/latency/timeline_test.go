package latency_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// rowsOf are the rows of calls that began in from ≤ t < to, counted one by one.
func rowsOf(calls []replay.Call, from, to int64, opt latency.Options) []latency.Row {
	t := latency.NewTable(opt)
	for i := range calls {
		if at := calls[i].BeganNS(); at >= from && at < to {
			t.Add(calls[i : i+1])
		}
	}
	return t.Rows(to-from, "total")
}

// figuresOf are rows as far as they can be compared.
func figuresOf(rows []latency.Row) (list []string) {
	for _, r := range rows {
		list = append(list, fmt.Sprintf("%+v %+v waits=%v joined=%d", r.Values, r.Figures, r.Waits, r.Joined))
	}
	return list
}

// Whatever is grouped by and however the windows lie, a timeline has the figures
// of the calls that began in them, as if these had been counted alone.
func TestTimelineHasTheFiguresOfItsWindows(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 8_000, 7)
	origin := calls[0].BeganNS()
	for i := range calls {
		origin = min(origin, calls[i].BeganNS())
	}
	const step = 100_000
	for key := range latency.KeyNames() {
		for _, waits := range []latency.WaitMode{latency.WaitApart, latency.WaitMixed, latency.WaitOnly, latency.WaitNone} {
			opt := latency.Options{Symbols: names, By: []latency.Key{latency.Key(key), latency.ByComm}, Waits: waits}
			if latency.Key(key) == latency.ByComm {
				opt.By = opt.By[:1]
			}
			line := latency.NewTimeline(origin, step, opt)
			for part := range slices.Chunk(calls, 333) {
				line.Add(part)
			}
			_, last := line.Span()
			for from := origin; from < last; from += 37 * step {
				to := from + 5*step
				w := line.Window(from, to)
				if w.From != from || w.To != to {
					t.Fatalf("asked for %d-%d, got %d-%d", from, to, w.From, w.To)
				}
				want := figuresOf(rowsOf(calls, from, to, opt))
				if got := figuresOf(w.Table.Rows(to-from, "total")); !reflect.DeepEqual(got, want) {
					t.Fatalf("by %v, waits %d, from +%d: got\n%q\nwant\n%q", opt.By, waits, from-origin, got, want)
				}
			}
			want := figuresOf(rowsOf(calls, origin, last+1, opt))
			if got := figuresOf(line.All().Table.Rows(last+1-origin, "total")); !reflect.DeepEqual(got, want) {
				t.Fatalf("by %v, waits %d, all: got\n%q\nwant\n%q", opt.By, waits, got, want)
			}
		}
	}
}

// When memory runs out, old slots become wider, and a window says how wide: its
// figures are those of the time that it says. What is newest stays fine.
func TestTimelineIsBounded(t *testing.T) {
	names := format.NewSymbolTable()
	read := names.InternString("read")
	r := rand.New(rand.NewPCG(1, 2))
	const origin, step = 1_700_000_000_000_000_000, 1000
	opt := latency.Options{Symbols: names, By: []latency.Key{latency.ByTID}, MaxBytes: 8 << 20}
	line := latency.NewTimeline(origin, step, opt)
	var calls []replay.Call
	add := func(at int64) {
		c := replay.Call{StartNS: at, DurNS: r.Int64N(1 << 20), EnterSeq: 1, ExitSeq: 2, TID: int32(r.IntN(50)), Syscall: read}
		if r.IntN(9) == 0 {
			c.Ret = -2
		}
		calls = append(calls, c)
		line.Add([]replay.Call{c})
		if line.MemoryBytes() > opt.MaxBytes {
			t.Fatalf("after %d calls it takes %d bytes, more than %d", len(calls), line.MemoryBytes(), opt.MaxBytes)
		}
	}
	at := int64(origin)
	for range 60_000 {
		at += r.Int64N(2 * step)
		add(at)
		if r.IntN(100) == 0 { // one that took long, and so comes late
			add(origin + r.Int64N(at-origin+1))
		}
	}
	last := calls[len(calls)-1].StartNS / step * step
	if w := line.Window(last, last+step); w.To-w.From != step {
		t.Errorf("the newest time is known to %d ns, want %d", w.To-w.From, step)
	}
	widths, next := map[int64]int{}, int64(origin)
	for next <= last {
		w := line.Window(next, next+1)
		widths[w.To-w.From]++
		if w.From > next || w.To <= next {
			t.Fatalf("a window of %d has %d to %d", next, w.From, w.To)
		}
		if w.From != next && w.To-w.From > 1 && w.From < next-step*1_000_000 {
			t.Fatalf("the slot at %d begins at %d", next, w.From)
		}
		if len(widths) > 0 && r.IntN(20) == 0 {
			want, got := figuresOf(rowsOf(calls, w.From, w.To, opt)), figuresOf(w.Table.Rows(w.To-w.From, "total"))
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("from +%d: got\n%q\nwant\n%q", w.From-origin, got, want)
			}
		}
		next = max(w.To, next+step)
	}
	if len(widths) < 2 {
		t.Errorf("slots are of these widths: %v, so nothing was joined", widths)
	}
	sum := 0.0
	for _, s := range line.Over(origin, last+step, 77) {
		sum += s.Calls
	}
	if int(sum+0.5) != len(calls) || line.Calls() != int64(len(calls)) {
		t.Errorf("stretches have %v calls, the timeline %d, want %d", sum, line.Calls(), len(calls))
	}
}
