package replay_test

import (
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// TestFilterNames matches names with stars, and containers by their beginnings.
func TestFilterNames(t *testing.T) {
	names := format.NewSymbolTable()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"web", "web", true},
		{"web", "web2", false},
		{"*", "", true},
		{"web*", "web2", true},
		{"*2", "web2", true},
		{"w*b*2", "web2", true},
		{"w*b*2", "wb2", true},
		{"w*b*b", "web", false},
		{"kworker/*:*", "kworker/0:1", true},
		{"a*a", "a", false},
		{"", "", true},
	} {
		f := replay.Filter{Comms: []string{c.pattern}}
		if got := f.Match(&replay.Call{Comm: names.InternString(c.name)}, names); got != c.want {
			t.Errorf("comm %q for %q: got %v, want %v", c.name, c.pattern, got, c.want)
		}
	}
	for _, c := range []struct {
		asked, container string
		want             bool
	}{
		{"0a1b2c3d4e5f", "0a1b2c3d4e5f", true},
		{"0a1b", "0a1b2c3d4e5f", true},
		{"0a1b2c3d4e5f60718293a4b5c6d7e8f9", "0a1b2c3d4e5f", true},
		{"0a1c", "0a1b2c3d4e5f", false},
		{"0a1b*", "0a1b2c3d4e5f", true},
		{"sys*slice", "system.slice", true},
		{"sys*slices", "system.slice", false},
		{"*", "system.slice", true},
		{"*", "", false},
		{"host", "", true},
		{"host", "0a1b2c3d4e5f", false},
		{"", "0a1b2c3d4e5f", false},
		{"system.slice-long", "system.slice", true},
		{"0a1b2c3d4e5f", "", false},
	} {
		f := replay.Filter{Containers: []string{c.asked}}
		if got := f.Match(&replay.Call{Container: names.InternString(c.container)}, names); got != c.want {
			t.Errorf("container %q for %q: got %v, want %v", c.container, c.asked, got, c.want)
		}
	}
}

// TestFilterTimes counts a call by its beginning, and what has no enter by its
// exit.
func TestFilterTimes(t *testing.T) {
	f := replay.Filter{From: 1000, To: 2000}
	for _, c := range []struct {
		call replay.Call
		want bool
	}{
		{replay.Call{StartNS: 999, DurNS: 500}, false},
		{replay.Call{StartNS: 1000, DurNS: 5000}, true},
		{replay.Call{StartNS: 1999}, true},
		{replay.Call{StartNS: 2000}, false},
		{replay.Call{StartNS: 0, DurNS: 1500, EnterSeq: -1}, true},
		{replay.Call{StartNS: 1500, DurNS: 1500, EnterSeq: -1}, false},
	} {
		if got := f.Match(&c.call, nil); got != c.want {
			t.Errorf("%+v: got %v, want %v", c.call, got, c.want)
		}
	}
}

// TestWaitsAreCalls holds that every waiting call is one that some ABI has, so
// that a misspelt name cannot hide in the table.
func TestWaitsAreCalls(t *testing.T) {
	n := 0
	for _, a := range abi.All() {
		for nr := range int32(600) {
			if name, ok := abi.Name(a, nr); ok && replay.WaitsByNature(name) {
				n++
			}
		}
	}
	if n == 0 {
		t.Fatal("no call waits")
	}
	for _, name := range replay.WaitNames() {
		known := false
		for _, a := range abi.All() {
			_, ok := abi.Number(a, name)
			known = known || ok
		}
		if !known {
			t.Errorf("no ABI has a call %s", name)
		}
	}
	for name, want := range map[string]bool{"read": true, "futex": true, "vfork": true, "write": false, "openat": false, "fsync": false, "clone": false} {
		if got := replay.WaitsByNature(name); got != want {
			t.Errorf("%s waits by nature: got %v, want %v", name, got, want)
		}
	}
}

func TestCoverageInWords(t *testing.T) {
	by := func(n map[replay.Status]int64) (c replay.Coverage) {
		var calls []replay.Call
		for s, k := range n {
			for range k {
				calls = append(calls, replay.Call{Status: s})
			}
		}
		c.Add(calls)
		return c
	}
	lossy := by(map[replay.Status]int64{replay.OK: 2991, replay.EnterLost: 4, replay.ExitLost: 3, replay.OpenAtEnd: 2})
	lossy.LostEvents = 4112
	for _, c := range []struct {
		cov  replay.Coverage
		want string
	}{
		{replay.Coverage{}, "no calls"},
		{replay.Coverage{LostEvents: 1}, "no calls; 1 event lost"},
		{by(map[replay.Status]int64{replay.OK: 1}), "100 % of 1 call"},
		{by(map[replay.Status]int64{replay.OK: 1000, replay.Restarted: 500}), "100 % of 1,500 calls"},
		{by(map[replay.Status]int64{replay.OK: 1, replay.NoReturn: 1}), "50.0 % of 2 calls (50.0 % without a duration by nature)"},
		{lossy, "99.70 % of 3,000 calls (0.07 % open or killed, 0.23 % lost); 4,112 events lost"},
		{by(map[replay.Status]int64{replay.OK: 99_999, replay.OpenAtEnd: 1}), "99.99 % of 100,000 calls (<0.01 % open or killed)"},
	} {
		if got := c.cov.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestChains follows interrupted calls to what the program saw as one.
func TestChains(t *testing.T) {
	calls, _, _ := pairAll(t, nil, format.MustParseText(`
		1000 enter 7 nanosleep(1, 2)
		1500 exit 7 nanosleep = -516
		1600 enter 7 restart_syscall
		1700 exit 7 restart_syscall = -516
		1710 enter 8 getpid
		1711 exit 8 getpid = 8
		1800 enter 7 restart_syscall
		3000 exit 7 restart_syscall = 0
		4000 enter 7 nanosleep(1, 2)
		4500 exit 7 nanosleep = -516
		4600 enter 7 exit_group
		4700 thread_end 7
	`))
	var s replay.Chains
	for i, want := range []replay.Chain{
		{Attempts: 1, FirstSeq: 0, StartNS: 1000, TotalNS: 500, InCallNS: 500},
		{Attempts: 2, FirstSeq: 0, StartNS: 1000, TotalNS: 700, InCallNS: 600},
		{Attempts: 1, FirstSeq: 4, StartNS: 1710, TotalNS: 1, InCallNS: 1},
		{Attempts: 3, FirstSeq: 0, StartNS: 1000, TotalNS: 2000, InCallNS: 1800},
		{Attempts: 1, FirstSeq: 8, StartNS: 4000, TotalNS: 500, InCallNS: 500},
		{Attempts: 1, FirstSeq: 10, StartNS: 4600, TotalNS: 100, InCallNS: 100},
	} {
		if got := s.Add(&calls[i]); got != want {
			t.Errorf("call %d: got %+v, want %+v", i, got, want)
		}
	}
}

// FuzzPairer pairs any rows at all: every event ends in one call.
func FuzzPairer(f *testing.F) {
	for _, seed := range []string{
		"\x00\x07\x00\x01\x07\x00",             // a call
		"\x00\x07\x00\x02\x07\x02\x01\x07\x00", // a loss inside the same number
		"\x00\x08\x05\x04\x07\x08\x01\x07\x05", // execve by another thread
		"\x00\x08\x00\x03\x07\x08\x01\x08\x00", // a thread id that comes again
		"\x02\x07\x01",                         // an enter is lost, and its exit too
	} {
		f.Add([]byte(seed))
	}
	nrs := []int32{nrRead, nrWrite, nrSigreturn, nrNanosleep, nrClone, nrExecve, nrExit, nrRestart, -1}
	rets := []int64{0, 1, -4, -512, -516}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := format.NewBatch(nil, 0)
		for seq := 0; len(data) >= 3; seq, data = seq+1, data[3:] {
			k, id, v := data[0], data[1], data[2]
			e := format.Event{TS: int64(1000 + seq*10), Seq: int64(seq), Kind: format.Kind(k % uint8(format.NumKinds)), CPU: int32(k >> 3 & 1), PID: 7, TID: int32(id % 8), Nr: -1}
			switch e.Kind {
			case format.Enter, format.Exit:
				e.Nr, e.ABI, e.Ret = nrs[int(v)%len(nrs)], abi.ABI(k>>4%2), rets[int(id>>3)%len(rets)]
				if e.Kind == format.Enter {
					e.Ret = 0
				}
			case format.Lost:
				e.Args = [6]int64{int64(v & 7), e.TS - int64(id), e.TS + int64(v), int64(v & 1), int64(v >> 1 & 1)}
			case format.Fork:
				e.Args[format.ForkTID] = int64(v % 8)
			case format.Exec:
				e.Args[format.ExecOldTID] = int64(v % 8)
			}
			b.Append(e)
		}
		p := replay.NewPairer(replay.PairOptions{Late: replay.LateLosses(b, nil)})
		calls, err := p.Push(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		calls = p.Finish(calls)
		var c replay.Conservation
		c.Events(b)
		c.Calls(calls)
		report := c.Report(nil, p.Coverage())
		for _, rule := range report.Checks {
			if rule.Checked && !rule.OK {
				t.Errorf("%s: %s", rule.Rule, rule.Detail)
			}
		}
		if got := p.Coverage(); got.Calls-got.LostCalls != int64(len(calls)) || got.Enters != report.Enters || got.Exits != report.Exits {
			t.Errorf("coverage %+v for %d calls, %d enters, %d exits", got, len(calls), report.Enters, report.Exits)
		}
	})
}
