package latency_test

import (
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/files"
	"systape/replay/latency"
)

// randomCalls returns n calls of many threads, in the order in which they
// ended, with every status and a few errors.
// about are what calls name: nothing, a path, descriptors, and a path with a
// descriptor of a directory.
var about = []*files.Named{
	nil,
	{Paths: [2]string{"/etc/hosts", "/b"}},
	{FDs: [6]*files.File{{Name: "/etc/hosts", Type: files.Regular}}},
	{FDs: [6]*files.File{{Name: "TCP", Type: files.Socket}}},
	{FDs: [6]*files.File{{Name: "/srv", Type: files.Regular}}, Paths: [2]string{"/srv/a"}},
}

func randomCalls(names *format.SymbolTable, n int, seed uint64) []replay.Call {
	r := rand.New(rand.NewPCG(seed, 1))
	sym := func(prefix string, n int) format.Symbol { return names.InternString(fmt.Sprint(prefix, r.IntN(n))) }
	calls := make([]replay.Call, n)
	end := int64(1_700_000_000_000_000_000)
	for i := range calls {
		end += r.Int64N(2000)
		dur := r.Int64N(100_000)
		calls[i] = replay.Call{
			StartNS: end - dur, DurNS: dur, EnterSeq: int64(2 * i), ExitSeq: int64(2*i + 1), Continues: -1,
			PID: int32(10 + r.IntN(5)), TID: int32(100 + r.IntN(20)), CPUEnter: int32(r.IntN(4)), CPUExit: int32(r.IntN(4)),
			Syscall: names.InternString([]string{"read", "write", "openat", "futex", "epoll_wait"}[r.IntN(5)]),
			Comm:    sym("worker", 3), Container: sym("box", 2), ABI: abi.ABI(r.IntN(2)),
		}
		if r.IntN(5) == 0 {
			calls[i].Ret = -int64(1 + r.IntN(3))
		}
		if r.IntN(4) == 0 {
			calls[i].Status = replay.Status(r.IntN(int(replay.NumStatuses)))
		}
		if !calls[i].Status.HasEnter() {
			calls[i].EnterSeq = -1
		}
		calls[i].Files = about[i*7%len(about)]
	}
	return calls
}

// machines are those that calls are of, by whether the thread's id is odd.
var machines = []string{"web1", "web2"}

// naive groups calls in the plainest way: a map from printed keys.
func naive(calls []replay.Call, names *format.SymbolTable, by []latency.Key, use latency.StatusSet, keep func(string) bool) map[string]*[2][]int64 {
	groups := map[string]*[2][]int64{}
	for i := range calls {
		c := &calls[i]
		if use&latency.Statuses(c.Status) == 0 || !keep(names.String(c.Syscall)) {
			continue
		}
		var k []string
		for _, b := range by {
			switch b {
			case latency.BySyscall:
				k = append(k, names.String(c.Syscall))
			case latency.ByPID:
				k = append(k, fmt.Sprint(c.PID))
			case latency.ByTID:
				k = append(k, fmt.Sprint(c.TID))
			case latency.ByComm:
				k = append(k, names.String(c.Comm))
			case latency.ByContainer:
				k = append(k, names.String(c.Container))
			case latency.ByErrno:
				e := ""
				if c.Errno() != 0 {
					e = abi.ErrnoName(c.ABI, c.Errno())
				}
				k = append(k, e)
			case latency.ByCPU:
				k = append(k, fmt.Sprint(c.CPUEnter))
			case latency.ByABI:
				k = append(k, c.ABI.String())
			case latency.ByStatus:
				k = append(k, c.Status.String())
			case latency.ByPath:
				k = append(k, []string{"", "/etc/hosts", "/etc/hosts", "TCP", "/srv/a"}[slices.Index(about, c.Files)])
			case latency.ByFDType:
				k = append(k, []string{"", "", "file", "socket", "file"}[slices.Index(about, c.Files)])
			case latency.ByNode:
				k = append(k, machines[c.TID%2])
			}
		}
		key := strings.Join(k, "/")
		if groups[key] == nil {
			groups[key] = new([2][]int64)
		}
		i := 0
		if latency.LowerBounds()&latency.Statuses(c.Status) != 0 {
			i = 1
		}
		groups[key][i] = append(groups[key][i], c.DurNS)
	}
	return groups
}

func printKeys(r *latency.Row, by []latency.Key) string {
	var k []string
	for _, b := range by {
		k = append(k, fmt.Sprint(r.Of(b)))
	}
	return strings.Join(k, "/")
}

func everything(string) bool { return true }

func compareWithNaive(t *testing.T, rows []latency.Row, by []latency.Key, want map[string]*[2][]int64) {
	t.Helper()
	if len(rows) != len(want) {
		t.Errorf("by %v: %d groups, want %d", by, len(rows), len(want))
	}
	for _, r := range rows {
		w := want[printKeys(&r, by)]
		if w == nil {
			t.Errorf("by %v: group %s should not be there", by, printKeys(&r, by))
			continue
		}
		var h, o latency.Histogram
		for _, d := range w[0] {
			h.Record(d)
		}
		for _, d := range w[1] {
			o.Record(d)
		}
		got, gotBuckets := contentOf(r.Done)
		exp, expBuckets := contentOf(&h)
		if got != exp || !maps.Equal(gotBuckets, expBuckets) {
			t.Errorf("by %v: group %s has %+v, want %+v", by, printKeys(&r, by), got, exp)
		}
		if r.Censored != o.Count() || r.CensoredNS != o.Sum() || r.CensoredMaxNS != o.Max() {
			t.Errorf("by %v: group %s has %d open, %d ns; want %d, %d", by, printKeys(&r, by), r.Censored, r.CensoredNS, o.Count(), o.Sum())
		}
	}
}

// TestEveryCombinationOfKeys groups by all sets of up to three keys, by their
// complements, and by every seventh set of others.
func TestEveryCombinationOfKeys(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 300, 1)
	for set := range 1 << len(latency.KeyNames()) {
		if n := bits.OnesCount(uint(set)); n > 3 && n < len(latency.KeyNames())-2 && set%7 != 0 {
			continue
		}
		var by []latency.Key
		for k := range len(latency.KeyNames()) {
			if set&(1<<k) != 0 {
				by = append(by, latency.Key(k))
			}
		}
		table := latency.NewTable(latency.Options{Symbols: names, By: by, Nodes: machines})
		for i := range calls {
			table.From(int(calls[i].TID % 2))
			table.Add(calls[i : i+1])
		}
		compareWithNaive(t, table.Rows(0, "total"), by, naive(calls, names, by, latency.Finished()|latency.LowerBounds(), everything))
	}
}

func TestStatusesAndOpenCalls(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 3000, 2)
	by := []latency.Key{latency.ByStatus, latency.BySyscall}
	for name, c := range map[string]struct {
		opt  latency.Options
		want latency.StatusSet
	}{
		"default":       {latency.Options{}, latency.Finished() | latency.LowerBounds()},
		"omit open":     {latency.Options{OmitOpen: true}, latency.Finished()},
		"all":           {latency.Options{Use: 1<<replay.NumStatuses - 1}, 1<<replay.NumStatuses - 1},
		"one":           {latency.Options{Use: latency.Statuses(replay.Denied)}, latency.Statuses(replay.Denied)},
		"open omitted ": {latency.Options{Use: latency.Statuses(replay.Killed), OmitOpen: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.opt.Symbols, c.opt.By = names, by
			table := latency.NewTable(c.opt)
			table.Add(calls)
			compareWithNaive(t, table.Rows(0, "total"), by, naive(calls, names, by, c.want, everything))
		})
	}
}

func TestWaitingCallsApart(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 3000, 3)
	use := latency.Finished() | latency.LowerBounds()
	by := []latency.Key{latency.ByComm}
	for mode, want := range map[latency.WaitMode][2]map[string]*[2][]int64{
		latency.WaitMixed: {naive(calls, names, by, use, everything), nil},
		latency.WaitOnly:  {naive(calls, names, by, use, replay.WaitsByNature), nil},
		latency.WaitNone:  {naive(calls, names, by, use, func(s string) bool { return !replay.WaitsByNature(s) }), nil},
		latency.WaitApart: {naive(calls, names, by, use, func(s string) bool { return !replay.WaitsByNature(s) }), naive(calls, names, by, use, replay.WaitsByNature)},
	} {
		table := latency.NewTable(latency.Options{Symbols: names, By: by, Waits: mode})
		table.Add(calls)
		var sections [2][]latency.Row
		var share [2]float64
		for _, r := range table.Rows(0, "total") {
			i := 0
			if r.Waits && mode == latency.WaitApart {
				i = 1
			}
			sections[i] = append(sections[i], r)
			share[i] += r.Share
		}
		compareWithNaive(t, sections[0], by, want[0])
		compareWithNaive(t, sections[1], by, want[1])
		for i, s := range share {
			if len(want[i]) > 0 && (s < 0.999999 || s > 1.000001) {
				t.Errorf("mode %d: the shares of section %d add up to %g, want 1", mode, i, s)
			}
		}
	}
}

// TestManyGroupsStayBounded has more groups than there is memory for: the
// largest stay, nothing is lost, and the rest is one row.
func TestManyGroupsStayBounded(t *testing.T) {
	names := format.NewSymbolTable()
	names.InternString("read")
	for _, size := range []int64{1 << 19, 4 << 20} { // one too small for the keys, one too small for the groups
		testManyGroups(t, names, latency.NewTable(latency.Options{Symbols: names, By: []latency.Key{latency.ByTID}, MaxBytes: size}))
	}
}

func testManyGroups(t *testing.T, names *format.SymbolTable, table *latency.Table) {
	read, _ := names.Lookup("read")
	var all, open latency.Histogram
	errors, tids := int64(0), map[int32]bool{}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 120_000 {
		c := replay.Call{TID: int32(r.IntN(12_000)), Syscall: read, DurNS: r.Int64N(1000), ExitSeq: 1}
		if i%10 == 0 {
			c.TID, c.DurNS = 7, 1_000_000+r.Int64N(1000) // one busy thread
		}
		tids[c.TID] = true
		if i%100 == 1 {
			c.Status, c.ExitSeq = replay.OpenAtEnd, -1
			open.Record(c.DurNS)
		} else {
			if i%50 == 2 {
				c.Ret = -2
				errors++
			}
			all.Record(c.DurNS)
		}
		table.Add([]replay.Call{c})
	}
	rows := table.Rows(0, "total")
	if rows[0].TID != 7 {
		t.Errorf("first row is tid %d, want 7, the busiest", rows[0].TID)
	}
	last := rows[len(rows)-1]
	if n, more := table.Joined(); last.Joined == 0 || last.Joined != n || !more && n+len(rows)-1 != len(tids) {
		t.Errorf("%d rows, the last stands for %d groups, Joined is %d, %v; want %d in all", len(rows), last.Joined, n, more, len(tids))
	}
	var done, bounds latency.Histogram
	gotErrors := int64(0)
	for _, r := range rows {
		done.Merge(r.Done)
		if r.Open != nil {
			bounds.Merge(r.Open)
		}
		gotErrors += r.Errors
	}
	for what, pair := range map[string][2]*latency.Histogram{"ended": {&done, &all}, "open": {&bounds, &open}} {
		got, gotBuckets := contentOf(pair[0])
		want, wantBuckets := contentOf(pair[1])
		if got != want || !maps.Equal(gotBuckets, wantBuckets) {
			t.Errorf("all rows together, %s: %+v, want %+v", what, got, want)
		}
	}
	if gotErrors != errors {
		t.Errorf("all rows together have %d errors, want %d", gotErrors, errors)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 2000, 4)
	by := []latency.Key{latency.BySyscall, latency.ByErrno}
	var want []latency.Row
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 5 {
		table := latency.NewTable(latency.Options{Symbols: names, By: by, Waits: latency.WaitApart})
		for rest := calls; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			table.Add(rest[:n])
			rest = rest[n:]
		}
		rows := table.Rows(0, "count")
		for i := range rows {
			rows[i].Done, rows[i].Open = nil, nil
		}
		if round == 0 {
			want = rows
		} else if !reflect.DeepEqual(rows, want) {
			t.Fatalf("round %d: rows differ when the calls come in another order", round)
		}
		r.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	}
}

func TestSort(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 2000, 5)
	by := []latency.Key{latency.ByComm, latency.ByCPU}
	table := latency.NewTable(latency.Options{Symbols: names, By: by})
	table.Add(calls)
	for _, name := range append(latency.SortNames(), "comm", "cpu") {
		s, err := latency.ParseSort(name, by)
		if err != nil {
			t.Fatal(err)
		}
		rows := table.Rows(0, s)
		ok := slices.IsSortedFunc(rows, func(a, b latency.Row) int {
			switch name {
			case "cpu":
				return int(a.CPU - b.CPU)
			case "comm":
				return strings.Compare(a.Comm, b.Comm)
			case "p99":
				return int(b.P[2].NS - a.P[2].NS)
			case "count":
				return int(b.Count + b.Censored - a.Count - a.Censored)
			}
			return 0
		})
		if !ok {
			t.Errorf("rows are not in the order of %s", name)
		}
	}
	if _, err := latency.ParseSort("pid", by); err == nil || !strings.Contains(err.Error(), "comm, cpu, total") {
		t.Errorf("sorting by a key that is not grouped by: %v", err)
	}
}

func TestParseKeys(t *testing.T) {
	got, err := latency.ParseKeys([]string{"comm", " errno"})
	if want := []latency.Key{latency.ByComm, latency.ByErrno}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range [][]string{{"syscal"}, {"pid", "pid"}, {""}} {
		if _, err := latency.ParseKeys(bad); err == nil {
			t.Errorf("keys %q are accepted", bad)
		}
	}
}

func TestResetTableIsEmpty(t *testing.T) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 500, 6)
	for _, by := range [][]latency.Key{{latency.BySyscall}, {latency.ByComm}} {
		fresh, used := latency.NewTable(latency.Options{Symbols: names, By: by}), latency.NewTable(latency.Options{Symbols: names, By: by})
		used.Add(calls)
		used.Reset()
		if rows := used.Rows(0, "total"); len(rows) != 0 {
			t.Errorf("%d rows after Reset", len(rows))
		}
		fresh.Add(calls[:100])
		used.Add(calls[:100])
		if got, want := used.Rows(0, "total"), fresh.Rows(0, "total"); !reflect.DeepEqual(got, want) {
			t.Errorf("by %v: a table that was reset gives other rows than a new one", by)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	names := format.NewSymbolTable()
	calls := randomCalls(names, 8192, 1)
	for i := range calls {
		calls[i].Status = replay.OK
	}
	var h latency.Histogram
	from := time.Now()
	const rounds = 200
	for range rounds {
		for i := range calls {
			h.Record(calls[i].DurNS)
		}
	}
	floor := float64(time.Since(from).Nanoseconds()) / float64(rounds*len(calls))
	for _, by := range []string{"syscall", "tid", "comm,syscall", "pid,tid,comm,container,errno,cpu,abi,status,syscall"} {
		b.Run(by, func(b *testing.B) {
			keys, _ := latency.ParseKeys(strings.Split(by, ","))
			table := latency.NewTable(latency.Options{Symbols: names, By: keys, Waits: latency.WaitApart})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				table.Add(calls)
				n += len(calls)
			}
			perCall := float64(b.Elapsed().Nanoseconds()) / float64(n)
			b.ReportMetric(perCall, "ns/call")
			b.ReportMetric(perCall/floor, "of-one-histogram") // the same durations, recorded without any grouping
		})
	}
}

// BenchmarkMemory counts the calls of a capture of 200 million events, made by
// more threads than any table could keep with full histograms, and reports
// what the heap has come to hold. Run it with -benchtime 1x.
func BenchmarkMemory(b *testing.B) {
	const calls, batch = 100_000_000, 4096
	names := format.NewSymbolTable()
	var syms []format.Symbol
	for i := range 60 {
		syms = append(syms, names.InternString(fmt.Sprint("call", i)))
	}
	for _, by := range []string{"syscall", "tid", "tid,syscall"} {
		for _, threads := range []int{100_000} {
			b.Run(fmt.Sprintf("%s/threads=%d", by, threads), func(b *testing.B) {
				keys, _ := latency.ParseKeys(strings.Split(by, ","))
				buffer := make([]replay.Call, batch)
				debug.FreeOSMemory()
				var m runtime.MemStats
				peak := uint64(0)
				for b.Loop() {
					table := latency.NewTable(latency.Options{Symbols: names, By: keys, Waits: latency.WaitApart})
					r := rand.New(rand.NewPCG(1, 1))
					now := int64(0)
					for done := 0; done < calls; done += batch {
						for i := range buffer {
							x := r.Uint64()
							dur := int64(x>>40) >> (x & 15)
							now += 100
							buffer[i] = replay.Call{StartNS: now - dur, DurNS: dur, TID: int32(uint64(uint32(x)) * uint64(threads) >> 32), Syscall: syms[x>>32%uint64(len(syms))], ExitSeq: 1}
						}
						table.Add(buffer)
						if done%(1000*batch) == 0 {
							runtime.ReadMemStats(&m)
							peak = max(peak, m.HeapInuse)
						}
					}
					n, _ := table.Joined()
					b.ReportMetric(float64(len(table.Rows(0, "total"))), "rows")
					b.ReportMetric(float64(n), "joined")
				}
				b.ReportMetric(float64(peak)/1e6, "MB-peak")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls, "ns/call")
			})
		}
	}
}
