package compare_test

import (
	"fmt"
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
	"systape/replay/compare"
	"systape/replay/sequences"
)

// A made call: how often it is made, and what it takes and returns.
type made struct {
	name  string
	n     int
	durNS int64
	ret   int64
}

// calls makes the calls of one thread, kinds in turn, 2 µs apart.
func calls(names *format.SymbolTable, list ...made) (out []replay.Call) {
	now := int64(1_000_000)
	for i := 0; ; i++ {
		some := false
		for _, m := range list {
			if i >= m.n {
				continue
			}
			some = true
			n := int64(2 * len(out))
			// a tenth more or less, so that it is not one value
			dur := m.durNS + m.durNS/10*int64(i*7%11-5)/5
			out = append(out, replay.Call{StartNS: now, DurNS: dur, EnterSeq: n, ExitSeq: n + 1, Continues: -1, PID: 7, TID: 7,
				Ret: m.ret, Syscall: names.InternString(m.name), Comm: names.InternString("db")})
			now += dur + 2000
		}
		if !some {
			return out
		}
	}
}

func compareMade(t *testing.T, timed bool, a, b []made) *compare.Result {
	t.Helper()
	alphabet := sequences.NewAlphabet()
	var sides [2]*compare.Side
	for i, list := range [][]made{a, b} {
		names := format.NewSymbolTable()
		sides[i] = compare.NewSide(3, sequences.NewCodec(3), alphabet)
		fillTimed(t, sides[i], alphabet, calls(names, list...), names, timed)
	}
	return compare.Compare(sides[0], sides[1])
}

// Where only a few kinds of calls were recorded, their common pace is what
// one asks for: a disk that got slower is not taken for a slower machine.
func TestFewKindsOfCallsThatGotSlower(t *testing.T) {
	names := []string{"fsync", "pwrite64", "openat", "close", "fstat", "lseek"}
	for kinds := 1; kinds <= len(names); kinds++ {
		for _, factor := range []int64{10, 3, 2} {
			t.Run(fmt.Sprintf("%d kinds, %d times as long", kinds, factor), func(t *testing.T) {
				var a, b []made
				for _, n := range names[:kinds] {
					a, b = append(a, made{n, 400, 100_000, 0}), append(b, made{n, 400, factor * 100_000, 0})
				}
				for _, sides := range [][2][]made{{a, b}, {b, a}} {
					got := kindsOf(compareMade(t, true, sides[0], sides[1]), compare.Latency)
					if kinds >= compare.LeastPaced {
						if got != " in general" {
							t.Errorf("got %q, want that all calls are slower or faster in general", got)
						}
						continue
					}
					for _, n := range names[:kinds] {
						if !strings.Contains(got, n) {
							t.Errorf("got %q, want %s", got, n)
						}
					}
				}
				if r := compareMade(t, true, a, a); len(r.Differences) > 0 {
					t.Errorf("the same differs from itself: %v", kinds)
				}
			})
		}
	}
	// One of two, and by less than the machine may make of itself.
	if got := kindsOf(compareMade(t, true, []made{{"fsync", 400, 100_000, 0}, {"read", 400, 50_000, 0}}, []made{{"fsync", 400, 1_000_000, 0}, {"read", 400, 50_000, 0}}), compare.Latency); got != " fsync" {
		t.Errorf("one of two kinds is slower: got %q", got)
	}
	if got := kindsOf(compareMade(t, true, []made{{"fsync", 400, 100_000, 0}}, []made{{"fsync", 400, 140_000, 0}}), compare.Latency); got != "" {
		t.Errorf("1.4 times as long: got %q, want no difference", got)
	}
}

func kindsOf(r *compare.Result, k compare.Kind) string { return kinds(r)[k] }

// Where the text that was imported had no durations, none are compared.
func TestWithoutDurations(t *testing.T) {
	r := compareMade(t, false, []made{{"fsync", 400, 100_000, 0}}, []made{{"fsync", 400, 1_000_000, -5}})
	c := r.Calls[0]
	if kindsOf(r, compare.Latency) != "" || r.Pace != 0 || c.Timed != [2]int64{} || c.TotalNS != [2]int64{} || c.MedianNS != [2]int64{} {
		t.Errorf("durations that are none are compared: %+v, pace %v", c, r.Pace)
	}
	if got := kindsOf(r, compare.Errors); got != " fsync" || c.Errors[1] != 400 || c.Ended[1] != 400 {
		t.Errorf("errors need no durations: got %q, %+v", got, c)
	}
}

// What only one side has is told however rare it is, where it was first, and
// without making a difference of what may be chance.
func TestRareThingsAreTold(t *testing.T) {
	usual := []made{{"read", 1000, 1000, 1}, {"openat", 1000, 3000, 3}}
	with := func(more ...made) []made { return append(append([]made{}, usual...), more...) }
	for _, c := range []struct {
		name string
		a, b []made
		want string
	}{
		{"nothing", usual, usual, ""},
		{"a call once", usual, with(made{"execve", 1, 1000, 0}), "1 execve 0 1"},
		{"a call three times", usual, with(made{"ptrace", 3, 1000, 0}), "1 ptrace 0 3"},
		{"one that vanished", with(made{"madvise", 2, 1000, 0}), usual, "0 madvise 0 2"},
		{"one failing call more", usual, with(made{"openat", 1, 3000, -13}), "1 openat 13 1"},
		{"10 failures of 1,010", usual, with(made{"openat", 10, 3000, -2}), "1 openat 2 10"},
		{"an error that is gone", with(made{"openat", 2, 3000, -2}), usual, "0 openat 2 2"},
		{"an error more often", with(made{"openat", 1, 3000, -2}), with(made{"openat", 4, 3000, -2}), ""},
		{"a new call that fails", usual, with(made{"ptrace", 1, 1000, -1}), "1 ptrace 0 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compareMade(t, true, c.a, c.b)
			var got []string
			for _, o := range r.OneSided {
				got = append(got, fmt.Sprint(o.Side, " ", o.Call.Name, " ", o.Errno, " ", o.Count))
				if o.First.TS == 0 || o.First.TID != 7 || o.Comm != "db" || o.Told {
					t.Errorf("%+v", o)
				}
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
			if len(r.Differences) > 0 {
				t.Errorf("what is rare is in the verdict: %v", kinds(r))
			}
		})
	}

	// What the verdict tells of says so.
	r := compareMade(t, true, usual, with(made{"fsync", 300, 9000, 0}, made{"openat", 1000, 3000, -13}))
	for _, o := range r.OneSided {
		if !o.Told {
			t.Errorf("%s %d is not told: %v", o.Call.Name, o.Errno, kinds(r))
		}
	}
	if len(r.OneSided) != 2 {
		t.Errorf("%+v", r.OneSided)
	}
}

// Calls stand in the order of the time that they take, and differences too.
func TestTheOrderIsThatOfTime(t *testing.T) {
	r := compareMade(t, true,
		[]made{{"getpid", 900, 100, 7}, {"read", 500, 2_000, 1}, {"epoll_wait", 50, 90_000_000, 1}, {"futex", 300, 50, 0}, {"lseek", 300, 200, 0}},
		[]made{{"getpid", 900, 100, 7}, {"read", 500, 2_000, 1}, {"epoll_wait", 50, 90_000_000, 1}, {"fdatasync", 300, 8_000_000, 0}, {"pread64", 300, 9_000, 0}})
	var names []string
	for _, c := range r.Calls {
		names = append(names, c.Name)
	}
	if got, want := strings.Join(names, " "), "fdatasync pread64 read getpid lseek epoll_wait futex"; got != want {
		t.Errorf("calls in the order %s, want %s: by time, those that wait last", got, want)
	}
	if c := r.Calls[0]; c.TotalNS[0] != 0 || c.TotalNS[1] < 2_300_000_000 || c.TotalNS[1] > 2_500_000_000 {
		t.Errorf("fdatasync took %v in all, want 0 and 2.4 s", c.TotalNS)
	}
	if len(r.Differences) == 0 || r.Differences[0].Kind != compare.NewCall || r.Differences[0].Calls[0].Name != "fdatasync" {
		t.Errorf("first of the differences: %v", kinds(r))
	}
}
