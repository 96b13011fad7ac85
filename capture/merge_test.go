package capture

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

const testBufferBytes = 1 << 16

// fakeCPU writes records as the kernel side does: see begin() and end() in
// bpf/systape.bpf.c.
type fakeCPU struct {
	bpf.Buffer
	memory []uint64
	lost   []uint64 // when
}

func newFakeCPU(cpu int32) *fakeCPU {
	memory := make([]uint64, (bpf.ControlBytes+testBufferBytes+bpf.SlackBytes)/8)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), len(memory)*8)
	return &fakeCPU{Buffer: bpf.NewBuffer(cpu, raw), memory: memory}
}

// begin takes a place, or counts a loss and returns nil.
func (c *fakeCPU) begin(class bpf.Class, size int, ts uint64) *bpf.Record {
	ctl := c.Control
	ctl.Seen[class]++
	if ctl.Head+uint64(size)-atomic.LoadUint64(&ctl.Tail) > c.Bytes {
		ctl.Lost[class]++
		ctl.LostTotal++
		if ctl.LostTotal == ctl.Reported+1 {
			ctl.GapFirst = ts
		}
		ctl.GapLast = ts
		ctl.Dated = ctl.LostTotal
		c.lost = append(c.lost, ts)
		return nil
	}
	r := c.At(ctl.Head)
	r.Tag = 0
	ctl.Head += uint64(size)
	r.TS = ts
	return r
}

func tag(size int, kind bpf.RecordKind, nr int32) uint64 {
	return uint64(size) | uint64(kind)<<16 | uint64(uint32(nr))<<32
}

func ids(pid, tid int32) uint64 { return uint64(pid)<<32 | uint64(uint32(tid)) }

func (c *fakeCPU) enter(ts uint64, pid, tid, nr int32, args ...int64) bool {
	size := bpf.RecordBytes + 8*len(args)
	r := c.begin(bpf.ClassEnter, size, ts)
	if r == nil {
		return false
	}
	r.PidTgid = ids(pid, tid)
	copy(bpf.Payload[[6]int64](r)[:], args)
	r.Tag = tag(size, bpf.RecordEnter, nr)
	return true
}

func (c *fakeCPU) exit(ts uint64, pid, tid, nr int32, ret int64) bool {
	r := c.begin(bpf.ClassExit, bpf.RecordBytes+8, ts)
	if r == nil {
		return false
	}
	r.PidTgid = ids(pid, tid)
	*bpf.Payload[int64](r) = ret
	r.Tag = tag(bpf.RecordBytes+8, bpf.RecordExit, nr)
	return true
}

func life[T any](c *fakeCPU, ts uint64, kind bpf.RecordKind, pid, tid int32, payload T) {
	size := bpf.RecordBytes + int(unsafe.Sizeof(payload))
	r := c.begin(bpf.ClassLifecycle, size, ts)
	r.PidTgid = ids(pid, tid)
	*bpf.Payload[T](r) = payload
	r.Tag = tag(size, kind, -1)
}

// noProc knows nobody.
type noProc struct{}

func (noProc) thread(pid, tid int32) (string, string) { return fmt.Sprintf("old%d", tid), "" }
func (noProc) container(pid int32, cgroup uint64) (string, bool) {
	return fmt.Sprintf("box%d", cgroup), true
}

// collect returns a merger over the CPUs and the rows it has handed over.
func collect(cpus ...*fakeCPU) (*merger, *[]format.Event) {
	var rows []format.Event
	buffers := make([]bpf.Buffer, len(cpus))
	for i, c := range cpus {
		buffers[i] = c.Buffer
	}
	m := newMerger(buffers, abi.X86_64, 0, noProc{}, format.NewSymbolTable(), func(b *format.CodedBatch) error {
		for i := range b.N {
			rows = append(rows, b.At(i))
		}
		return nil
	})
	m.clock = func() uint64 { panic("nothing is being dated") }
	return m, &rows
}

func poll(t *testing.T, m *merger, now uint64) {
	t.Helper()
	if _, err := m.poll(now + storeDelay); err != nil {
		t.Fatal(err)
	}
}

func flushed(t *testing.T, m *merger) {
	t.Helper()
	if err := m.flush(); err != nil {
		t.Fatal(err)
	}
}

func TestMergeWritesRowsInOrderOfTime(t *testing.T) {
	a, b := newFakeCPU(0), newFakeCPU(1)
	m, rows := collect(a, b)
	a.enter(10, 7, 7, 0, 3, 0x7f00, 512)
	b.enter(11, 8, 8, 1, 1)
	a.exit(12, 7, 7, 0, 512)
	b.exit(12, 8, 8, 1, -4)
	a.enter(30, 7, 7, -1)
	poll(t, m, 20)
	flushed(t, m)
	want := []string{"10 enter 0 7/7 read [3 32512 512 0 0 0] 0 old7", "11 enter 1 8/8 write [1 0 0 0 0 0] 0 old8", "12 exit 0 7/7 read [0 0 0 0 0 0] 512 old7", "12 exit 1 8/8 write [0 0 0 0 0 0] -4 old8"}
	check(t, *rows, want)
	poll(t, m, 30)
	flushed(t, m)
	check(t, *rows, append(want, "30 enter 0 7/7 syscall_-1 [0 0 0 0 0 0] 0 old7"))
}

func line(e format.Event) string {
	return fmt.Sprintf("%d %v %d %d/%d %s %v %d %s", e.TS, e.Kind, e.CPU, e.PID, e.TID, e.Syscall, e.Args, e.Ret, e.Comm)
}

func check(t *testing.T, rows []format.Event, want []string) {
	t.Helper()
	var got []string
	for i, e := range rows {
		if e.Seq != int64(i) {
			t.Errorf("row %d: got seq %d", i, e.Seq)
		}
		got = append(got, line(e))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A program was interrupted in the middle of a record: nothing younger may be
// written before it, on any CPU.
func TestMergeWaitsForUnfinishedRecord(t *testing.T) {
	a, b := newFakeCPU(0), newFakeCPU(1)
	m, rows := collect(a, b)
	a.enter(10, 7, 7, 0)
	half := a.begin(bpf.ClassEnter, bpf.RecordBytes, 15)
	b.enter(20, 8, 8, 1)
	poll(t, m, 100)
	flushed(t, m)
	check(t, *rows, []string{"10 enter 0 7/7 read [0 0 0 0 0 0] 0 old7"})
	half.PidTgid = ids(7, 7)
	half.Tag = tag(bpf.RecordBytes, bpf.RecordEnter, 3)
	poll(t, m, 101)
	flushed(t, m)
	check(t, *rows, []string{"10 enter 0 7/7 read [0 0 0 0 0 0] 0 old7", "15 enter 0 7/7 close [0 0 0 0 0 0] 0 old7", "20 enter 1 8/8 write [0 0 0 0 0 0] 0 old8"})
}

func TestMergeLearnsNames(t *testing.T) {
	c := newFakeCPU(0)
	m, rows := collect(c)
	c.enter(10, 7, 7, 0)
	life(c, 20, bpf.RecordFork, 7, 7, bpf.ForkPayload{ChildPidTgid: ids(9, 9), Cgroup: 5})
	c.exit(21, 9, 9, 56, 0)
	rename := bpf.RenamePayload{}
	copy(rename.Comm[:], "worker")
	life(c, 30, bpf.RecordRename, 9, 9, rename)
	c.enter(31, 9, 9, 0)
	exec := bpf.ExecPayload{OldTID: 10, Cgroup: 6}
	copy(exec.Comm[:], "ls")
	copy(exec.Filename[:], "/bin/ls")
	life(c, 40, bpf.RecordExec, 9, 9, exec)
	c.exit(41, 9, 9, 59, 0)
	life(c, 50, bpf.RecordThreadEnd, 9, 9, bpf.EndPayload{Code: 256, Group: 1})
	c.enter(60, 9, 9, 0) // another thread with the same id, that came unseen
	poll(t, m, 100)
	flushed(t, m)
	check(t, *rows, []string{
		"10 enter 0 7/7 read [0 0 0 0 0 0] 0 old7",
		"20 fork 0 7/7  [9 9 0 0 0 0] 0 old7",
		"21 exit 0 9/9 clone [0 0 0 0 0 0] 0 old7",
		"30 rename 0 9/9  [0 0 0 0 0 0] 0 worker",
		"31 enter 0 9/9 read [0 0 0 0 0 0] 0 worker",
		"40 exec 0 9/9  [10 0 0 0 0 0] 0 ls",
		"41 exit 0 9/9 execve [0 0 0 0 0 0] 0 ls",
		"50 thread_end 0 9/9  [256 1 0 0 0 0] 0 ls",
		"60 enter 0 9/9 read [0 0 0 0 0 0] 0 old9",
	})
	if got := (*rows)[5]; got.Detail != "/bin/ls" || got.Container != "box6" {
		t.Errorf("exec: got detail %q, container %q", got.Detail, got.Container)
	}
}

// A buffer that is full loses events. The row about it stands at the time of
// the first missing one, on whichever CPU the rows around it are.
func TestMergeDatesLosses(t *testing.T) {
	a, b := newFakeCPU(0), newFakeCPU(1)
	m, rows := collect(a, b)
	ts, written, lost := uint64(100), 0, 0
	for lost < 10 {
		if a.enter(ts, 7, 7, 0) {
			written++
		} else {
			lost++
		}
		ts++
	}
	first := ts - 10
	b.enter(first-1, 8, 8, 1)
	b.enter(first+3, 8, 8, 1)
	a.begin(bpf.ClassExit, 32, ts+5)
	poll(t, m, ts+100)
	flushed(t, m)
	at := slices.IndexFunc(*rows, func(e format.Event) bool { return e.Kind == format.Lost })
	if at < 0 {
		t.Fatal("no lost row")
	}
	e := (*rows)[at]
	want := [6]int64{11, int64(first), int64(ts + 5), 10, 1, int64(format.CauseRingFull)}
	if e.TS != int64(first) || e.CPU != 0 || e.Args != want {
		t.Errorf("got ts %d, cpu %d, args %v, want ts %d, cpu 0, args %v", e.TS, e.CPU, e.Args, first, want)
	}
	if before, after := (*rows)[at-1], (*rows)[at+1]; before.CPU != 1 || before.TS != int64(first-1) || after.CPU != 1 || after.TS != int64(first+3) {
		t.Errorf("between %s and %s", line(before), line(after))
	}
	if got, want := len(*rows), written+2+1; got != want {
		t.Errorf("got %d rows, want %d", got, want)
	}
}

// A loss that has been counted and not dated yet may be as young as the look
// at it.
func TestMergeDatesLossInTheMaking(t *testing.T) {
	a := newFakeCPU(0)
	m, rows := collect(a)
	m.clock = func() uint64 { return 700 }
	a.enter(10, 7, 7, 0)
	poll(t, m, 500)
	a.Control.Lost[bpf.ClassExit]++
	a.Control.LostTotal++
	poll(t, m, 600)
	flushed(t, m)
	e := (*rows)[len(*rows)-1]
	if e.Kind != format.Lost || e.TS != 500 || e.Args[format.LostLast] != 700 {
		t.Errorf("got %s, want a lost row from the last poll, 500, to the look, 700", line(e))
	}
}

// Whatever the load, the sizes and the moments of polling: rows come in
// order, none twice, and what is not there is in the lost rows, CPU by CPU.
func TestMergeConservesEvents(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			cpus := make([]*fakeCPU, 1+r.IntN(9))
			for i := range cpus {
				cpus[i] = newFakeCPU(int32(i))
			}
			m, rows := collect(cpus...)
			type pending struct {
				r     *bpf.Record
				tid   int32
				since int
			}
			halves := map[*fakeCPU]pending{}
			now := uint64(1000)
			burst := 1 + r.IntN(6000)
			serial := make([]int64, len(cpus))
			for step := range 20_000 {
				now += uint64(r.IntN(3))
				i := r.IntN(len(cpus))
				c := cpus[i]
				if p, ok := halves[c]; ok { // the program must end before the next one begins
					p.r.PidTgid = ids(1, p.tid)
					p.r.Tag = tag(bpf.RecordBytes, bpf.RecordEnter, 39)
					delete(halves, c)
				}
				serial[i]++
				switch r.IntN(10) {
				case 0:
					if rec := c.begin(bpf.ClassEnter, bpf.RecordBytes, now); rec != nil {
						halves[c] = pending{r: rec, tid: int32(100 + i), since: step}
					}
				case 1, 2, 3, 4:
					c.exit(now, 1, int32(100+i), 0, serial[i])
				default:
					c.enter(now, 1, int32(100+i), 0, make([]int64, r.IntN(7))...)
				}
				if step%burst == burst-1 || r.IntN(5000) == 0 {
					poll(t, m, now-uint64(r.IntN(50)))
					if r.IntN(2) == 0 {
						flushed(t, m)
					}
				}
			}
			for c, p := range halves {
				p.r.PidTgid = ids(1, p.tid)
				p.r.Tag = tag(bpf.RecordBytes, bpf.RecordEnter, 39)
				delete(halves, c)
			}
			poll(t, m, now+1)
			flushed(t, m)
			if !slices.IsSortedFunc(*rows, func(a, b format.Event) int { return cmp.Compare(a.TS, b.TS) }) {
				t.Error("rows are not in order of time")
			}
			enters, exits := make([]int64, len(cpus)), make([]int64, len(cpus))
			for i, e := range *rows {
				if e.Seq != int64(i) {
					t.Fatalf("row %d: got seq %d", i, e.Seq)
				}
				switch e.Kind {
				case format.Enter:
					enters[e.CPU]++
				case format.Exit:
					exits[e.CPU]++
				case format.Lost:
					enters[e.CPU] += e.Args[format.LostEnters]
					exits[e.CPU] += e.Args[format.LostExits]
					if e.Args[format.LostFirst] != e.TS || e.Args[format.LostLast] < e.TS {
						t.Errorf("lost row at %d is dated %v", e.TS, e.Args)
					}
				}
			}
			for i, c := range cpus {
				for _, ts := range c.lost {
					if !slices.ContainsFunc(*rows, func(e format.Event) bool {
						return e.Kind == format.Lost && e.CPU == c.CPU && e.TS <= int64(ts) && e.Args[format.LostLast] >= int64(ts)
					}) {
						t.Fatalf("cpu %d: the loss at %d is in no row's dates", i, ts)
					}
				}
				if got, want := enters[i], int64(c.Control.Seen[bpf.ClassEnter]); got != want {
					t.Errorf("cpu %d: rows and losses hold %d enters, the kernel side saw %d", i, got, want)
				}
				if got, want := exits[i], int64(c.Control.Seen[bpf.ClassExit]); got != want {
					t.Errorf("cpu %d: rows and losses hold %d exits, the kernel side saw %d", i, got, want)
				}
			}
			if m.lates != 0 {
				t.Errorf("%d rows had to be redated", m.lates)
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	cpu := newFakeCPU(0)
	m, _ := collect(cpu)
	m.full = func(b *format.CodedBatch) error { return nil }
	ts := uint64(1000)
	events := 0
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			ts += 250
			cpu.enter(ts, 7, 7, 110)
			ts += 50
			cpu.exit(ts, 7, 7, 110, 1)
		}
		events += 2000
		if _, err := m.poll(ts + storeDelay); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
