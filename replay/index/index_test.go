package index_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/index"
	"systape/replay/latency"
)

// calls makes n calls of some threads. Some take nanoseconds and some hours,
// some fail, some have not ended; a few begin long before those around them.
func calls(names *format.SymbolTable, n, threads int) []replay.Call {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var list []replay.Call
	now := int64(1_000_000)
	for range n {
		now += int64(r.ExpFloat64() * 20_000)
		nr := []int32{0, 1, 202, 232}[r.IntN(4)]
		tid := int32(100 + r.IntN(threads))
		c := replay.Call{PID: tid / 4, TID: tid, Nr: nr, ABI: abi.X86_64, Syscall: names.InternString(abi.NameOr(abi.X86_64, nr)),
			Comm: names.InternString(fmt.Sprint("worker", tid%3)), DurNS: int64(r.ExpFloat64() * 3000)}
		switch r.IntN(40) {
		case 0:
			c.DurNS = int64(r.Uint64N(1 << 45))
		case 1, 2:
			c.Ret = -11
		case 3:
			c.Status, c.ExitSeq = replay.OpenAtEnd, -1
		case 4:
			c.Status, c.EnterSeq = replay.OpenAtStart, -1
		}
		c.StartNS = now
		if r.IntN(10) == 0 {
			c.StartNS -= r.Int64N(now - 999_999)
		}
		list = append(list, c)
	}
	return list
}

// figures are rows as text, without the standard deviation, which the index does not keep.
func figures(t *latency.Table) (lines []string) {
	for _, r := range t.Rows(1e9, "total") {
		r.StddevNS = 0
		r.Share = math.Round(r.Share*1e9) / 1e9 // the order of addition may differ
		lines = append(lines, fmt.Sprintf("%+v %+v", r.Values, r.Figures))
	}
	return lines
}

// Whatever is asked, the figures are those of the calls themselves.
func TestTableIsThatOfTheCalls(t *testing.T) {
	for _, of := range []struct {
		index.Options
		shares int // indexes that the calls are in, by turns, before they are one; 0: it is one from the start
	}{{}, {Options: index.Options{MaxBytes: 200_000}}, {Options: index.Options{MaxTiles: 16}}, {Options: index.Options{MaxTiles: 1 << 20}},
		{shares: 3}, {index.Options{MaxBytes: 200_000}, 2}, {index.Options{MaxTiles: 16}, 4}, {index.Options{MaxGroups: 40}, 2}} {
		opt := of.Options
		names := format.NewSymbolTable()
		list := calls(names, 30_000, 9)
		opt.Symbols, opt.OriginNS = names, 1_000_000
		x := index.New(opt)
		shares := []*index.Index{x}
		for range of.shares {
			shares = append(shares, index.New(opt))
		}
		share := 0
		for part := range slices.Chunk(list, 1000) {
			if of.shares > 0 {
				share = share%of.shares + 1
			}
			shares[share].Add(part)
		}
		for i, share := range shares[1:] {
			share.Settle()
			if i%2 == 0 {
				before := share.MemoryBytes()
				x.Merge(share)
				if share.MemoryBytes() != before {
					t.Errorf("a share has %d bytes after it was merged, before %d", share.MemoryBytes(), before)
				}
			} else {
				x.Take(share)
			}
		}
		x.Close()
		if x.Calls() == 0 || of.MaxGroups == 0 && x.Folded() != 0 {
			t.Errorf("%+v: %d calls, %d folded", of, x.Calls(), x.Folded())
		}
		if of.MaxGroups != 0 {
			continue // ids are lost, by turns of others
		}
		if opt.MaxBytes != 0 && x.MemoryBytes() > opt.MaxBytes {
			t.Errorf("the index takes %d bytes, want at most %d", x.MemoryBytes(), opt.MaxBytes)
		}
		from, to := x.Span()
		futex, err := abi.ParseSet("futex,write")
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range []index.Selection{
			{},
			{Filter: &replay.Filter{From: from + (to-from)/3, To: from + (to-from)/2}},
			{Filter: &replay.Filter{From: from + (to-from)/3, MinDuration: 2500}, MaxNS: 9000},
			{Filter: &replay.Filter{MinDuration: 1 << 33}},
			{Filter: &replay.Filter{Syscalls: futex, AnyErrno: true}},
			{Filter: &replay.Filter{Comms: []string{"worker1"}, TIDs: []int32{100, 101, 103}, To: to - (to-from)/4}},
			{Filter: &replay.Filter{NoErrno: true}},
		} {
			s = x.Snap(s)
			want := latency.NewTable(latency.Options{Symbols: names, By: []latency.Key{latency.BySyscall, latency.ByComm}, Waits: latency.WaitApart})
			n := int64(0)
			for i := range list {
				c := list[i]
				if s.Filter.Match(&c, names) && (s.MaxNS == 0 || c.DurNS < s.MaxNS) {
					want.Add([]replay.Call{c})
					if c.Status == replay.OK || c.Status == replay.OpenAtEnd {
						n++
					}
				}
			}
			got := x.Table(s, latency.Options{By: []latency.Key{latency.BySyscall, latency.ByComm}, Waits: latency.WaitApart})
			if g, w := figures(got), figures(want); !slices.Equal(g, w) {
				t.Errorf("options %+v, selection %d:", opt, i)
				for k := range max(len(g), len(w)) {
					if k >= len(g) || k >= len(w) || g[k] != w[k] {
						t.Fatalf("row %d of %d and %d:\n got %s\nwant %s", k, len(g), len(w), g[min(k, len(g)-1)], w[min(k, len(w)-1)])
					}
				}
			}
			sub := x.Subset(s, index.Details()[0])
			over, _, _ := x.Over(s, 100)
			sum := int64(0)
			for _, c := range over {
				sum += c.Calls
			}
			if sub.Calls != n || sum != n || cellCalls(t, sub) != n {
				t.Errorf("options %+v, selection %d: %d calls in the subset, %d in its cells, %d over time, want %d", opt, i, sub.Calls, cellCalls(t, sub), sum, n)
			}
		}
	}
}

// cellCalls reads the cells of a subset.
func cellCalls(t *testing.T, s *index.Subset) (calls int64) {
	b := s.Cells
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatal("the cells end too early")
		}
		b = b[n:]
		return v
	}
	for range s.Groups {
		tile := uint64(0)
		for range next() {
			tile += next() + 1
			if tile > uint64(s.Tiles) {
				t.Fatalf("a cell in tile %d of %d", tile, s.Tiles)
			}
			for range next() {
				next()
				n := next()
				next()
				if n > 1 {
					next()
				}
				if n > 2 {
					next()
				}
				calls += int64(n)
			}
		}
	}
	if len(b) != 0 {
		t.Fatalf("%d bytes follow the cells", len(b))
	}
	return calls
}

// Threads that are too many are one in a subset, and no call is missing.
func TestSubsetFoldsThreads(t *testing.T) {
	names := format.NewSymbolTable()
	x := index.New(index.Options{Symbols: names, OriginNS: 1_000_000})
	x.Add(calls(names, 20_000, 500))
	x.Close()
	all := x.Subset(index.Selection{}, index.Details()[0])
	size := len(all.Cells)
	for _, d := range index.Details()[1:] {
		s := x.Subset(index.Selection{}, d)
		if s.Calls != all.Calls || cellCalls(t, s) != all.Calls {
			t.Errorf("detail %+v: %d calls, want %d", d, s.Calls, all.Calls)
		}
		if s.Threads > d.Threads || s.Threads+s.Others != all.Threads+all.Others || s.Tiles > d.Tiles {
			t.Errorf("detail %+v: %d threads and %d others in %d tiles", d, s.Threads, s.Others, s.Tiles)
		}
		if len(s.Cells) > size {
			t.Errorf("detail %+v: %d bytes, more than before", d, len(s.Cells))
		}
		size = len(s.Cells)
	}
}

// What is asked of several shares is what one index answers into which they were
// merged, whatever the length of their tiles.
func TestSharesAreOneIndex(t *testing.T) {
	names := format.NewSymbolTable()
	list := calls(names, 20_000, 50)
	opt := index.Options{Symbols: names, OriginNS: 1_000_000}
	for _, tiles := range [][]int{{4096, 4096}, {4096, 1024, 4096}} {
		var shares index.Shares
		for i := range tiles {
			opt.MaxTiles = tiles[i]
			x := index.New(opt)
			shares = append(shares, x)
		}
		for i, part := range slices.Collect(slices.Chunk(list, 1000)) {
			shares[i%len(shares)].Add(part)
		}
		opt.MaxTiles = 0
		one := index.New(opt)
		for _, x := range shares {
			x.Settle()
			one.Merge(x)
		}
		one.Close()
		from, to := one.Span()
		if _, end := shares.Span(); shares.Calls() != one.Calls() || end != to {
			t.Errorf("%d tiles: %d calls to %d, want %d to %d", tiles, shares.Calls(), end, one.Calls(), to)
		}
		quarter := (to - from) / 4
		for _, sel := range []index.Selection{{}, {Filter: &replay.Filter{MinDuration: 2500}, MaxNS: 1 << 20},
			{Filter: &replay.Filter{From: from + quarter, To: from + 3*quarter}}, {Filter: &replay.Filter{From: to + 1}}} {
			for _, d := range index.Details() {
				got, want := shares.Part(sel).Subset(d, nil), one.Subset(sel, d)
				if got.Calls != want.Calls || got.NCells != want.NCells || len(got.Cells) != len(want.Cells) || len(got.Groups) != len(want.Groups) ||
					got.Tiles != want.Tiles || got.FromNS != want.FromNS || got.TileNS != want.TileNS || got.Threads != want.Threads || got.Others != want.Others {
					got.Cells, want.Cells, got.Groups, want.Groups = nil, nil, nil, nil
					t.Errorf("%d tiles, %+v: %+v\nwant %+v", tiles, sel.Filter, got, want)
				}
			}
		}
	}
}

// A subset that does not fit is given up early, and only then.
func TestSubsetThatDoesNotFit(t *testing.T) {
	names := format.NewSymbolTable()
	x := index.New(index.Options{Symbols: names, OriginNS: 1_000_000})
	x.Add(calls(names, 20_000, 500))
	x.Close()
	part := index.Shares{x}.Part(index.Selection{})
	for _, d := range index.Details() {
		all := part.Subset(d, nil)
		asked := 0
		same := part.Subset(d, func(groups, bytes int) bool {
			asked++
			return groups <= len(all.Groups) && bytes <= len(all.Cells)
		})
		if same == nil || !slices.Equal(same.Cells, all.Cells) || asked == 0 {
			t.Errorf("%+v: what fits is refused, or another subset", d)
		}
		if part.Subset(d, func(groups, _ int) bool { return groups < len(all.Groups) }) != nil {
			t.Errorf("%+v: too many groups are taken", d)
		}
		if part.Subset(d, func(_, bytes int) bool { return bytes < len(all.Cells) }) != nil {
			t.Errorf("%+v: too many bytes are taken", d)
		}
	}
}

// Groups beyond their number lose their threads, not their calls.
func TestGroupsAreBounded(t *testing.T) {
	names := format.NewSymbolTable()
	list := calls(names, 20_000, 3000)
	x := index.New(index.Options{Symbols: names, OriginNS: 1_000_000, MaxGroups: 100})
	x.Add(list)
	x.Close()
	by := latency.Options{By: []latency.Key{latency.BySyscall, latency.ByComm}}
	want := latency.NewTable(latency.Options{Symbols: names, By: by.By})
	want.Add(list)
	folded := int64(0)
	for _, r := range x.Table(index.Selection{}, latency.Options{By: []latency.Key{latency.ByTID}}).Rows(1, "total") {
		if r.Values.TID == 0 {
			folded += r.Count + r.Censored
		}
	}
	if x.Groups() > 250 || x.Folded() == 0 || x.Folded() != folded {
		t.Errorf("%d groups, %d calls without threads, %d of them in the table", x.Groups(), x.Folded(), folded)
	}
	if g, w := figures(x.Table(index.Selection{}, by)), figures(want); !slices.Equal(g, w) {
		t.Errorf("got %q\nwant %q", g, w)
	}
}

// A capture from disk: the same figures as latency tells.
func TestIndexOfACapture(t *testing.T) {
	path := []string{"../../testdata/v1/workload.parquet"}
	opt := replay.Options{Columns: format.ColSyscall | format.ColPID | format.ColComm | format.ColContainer}
	s, err := replay.Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin, _, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	x := index.New(index.Options{Symbols: s.Symbols(), OriginNS: begin})
	want := latency.NewTable(latency.Options{Symbols: s.Symbols(), By: []latency.Key{latency.BySyscall, latency.ByErrno}})
	if err := s.Each(context.Background(), func(c []replay.Call) error { x.Add(c); want.Add(c); return nil }); err != nil {
		t.Fatal(err)
	}
	x.Close()
	got := x.Table(index.Selection{}, latency.Options{By: []latency.Key{latency.BySyscall, latency.ByErrno}})
	if g, w := figures(got), figures(want); !slices.Equal(g, w) || len(w) == 0 {
		t.Errorf("got %q\nwant %q", g, w)
	}
}

func BenchmarkAdd(b *testing.B) {
	names := format.NewSymbolTable()
	list := calls(names, 100_000, 16)
	x := index.New(index.Options{Symbols: names, OriginNS: 1_000_000})
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		x.Add(list)
	}
}

func BenchmarkTable(b *testing.B) {
	names := format.NewSymbolTable()
	list := calls(names, 2_000_000, 64)
	x := index.New(index.Options{Symbols: names, OriginNS: 1_000_000})
	x.Add(list)
	x.Close()
	b.SetBytes(x.Calls())
	b.ReportMetric(float64(x.MemoryBytes())/float64(x.Calls()), "B/call")
	for b.Loop() {
		x.Table(index.Selection{}, latency.Options{By: []latency.Key{latency.BySyscall}})
	}
}

// Times before 1970 are times as others.
func TestIndexOfTheTimeBefore1970(t *testing.T) {
	names := format.NewSymbolTable()
	x := index.New(index.Options{Symbols: names, OriginNS: -9_000_000_000})
	x.Add([]replay.Call{{StartNS: -9_000_000_000, DurNS: 7, EnterSeq: 1, ExitSeq: 2, Syscall: names.InternString("read")}})
	x.Close()
	if s := x.Subset(index.Selection{}, index.Details()[0]); s.Calls != 1 {
		t.Errorf("%d calls of one", s.Calls)
	}
	if s := x.Subset(index.Selection{Filter: &replay.Filter{From: -5_000_000_000}}, index.Details()[0]); s.Calls != 0 {
		t.Errorf("%d calls of none", s.Calls)
	}
}
