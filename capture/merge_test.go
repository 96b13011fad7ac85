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

// fakeCPU writes records as the kernel side does: see reserve_alone(),
// reserve_mixed() and finish() in bpf/systape.bpf.c.
type fakeCPU struct {
	bpf.Buffer
	memory []uint64
	mixed  bool
	lost   []uint64 // when
}

func newFakeCPU(cpu int32) *fakeCPU {
	memory := make([]uint64, (bpf.ControlBytes+testBufferBytes+bpf.SlackBytes)/8)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), len(memory)*8)
	return &fakeCPU{Buffer: bpf.NewBuffer(cpu, raw, 1), memory: memory}
}

const gapBytes = bpf.RecordBytes + int(unsafe.Sizeof(bpf.GapPayload{}))

// begin takes a place, or counts a loss and returns nil.
func (c *fakeCPU) begin(class bpf.Class, size int, ts uint64) *bpf.Record {
	ctl := c.Control
	ctl.Seen[class]++
	used := ctl.Head + uint64(size) - atomic.LoadUint64(&ctl.Tail)
	if ctl.GapFirst != 0 {
		used += uint64(gapBytes) + c.Bytes/8
	}
	if used > c.Bytes {
		ctl.Lost[class]++
		c.lost = append(c.lost, ts)
		if c.mixed {
			return nil
		}
		ctl.GapLast = ts
		ctl.GapLost[class]++
		if ctl.GapFirst == 0 {
			ctl.GapFirst = ts
		}
		return nil
	}
	if ctl.GapFirst != 0 {
		gap := c.At(ctl.Head)
		gap.Ts, gap.PidTgid = ctl.GapFirst, 0
		*bpf.Payload[bpf.GapPayload](gap) = bpf.GapPayload{Last: ctl.GapLast, Lost: ctl.GapLost}
		gap.Tag = tag(gapBytes, bpf.RecordGap, -1)
		ctl.GapFirst, ctl.GapLost = 0, [bpf.Classes]uint64{}
		ctl.Head += uint64(gapBytes)
	}
	r := c.At(ctl.Head)
	if !c.mixed {
		r.Tag = 0
	}
	ctl.Head += uint64(size)
	r.Ts = ts
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
func (noProc) cgroups(pid int32) string               { return "" }
func (noProc) cgroupPath(id uint64) (string, bool) {
	if id == 0 || id >= 1000 {
		return "", false
	}
	return fmt.Sprintf("/box%d", id), true
}

// collect returns a merger over the CPUs and the rows it has handed over.
func collect(cpus ...*fakeCPU) (*merger, *[]format.Event) {
	var rows []format.Event
	buffers := make([]bpf.Buffer, len(cpus))
	writers := bpf.WritersAlone
	for i, c := range cpus {
		buffers[i] = c.Buffer
		if c.mixed {
			writers = bpf.WritersMixed
		}
	}
	m := newMerger(buffers, writers, abi.X86_64, 0, noProc{}, format.NewSymbolTable(), func(b *format.CodedBatch) error {
		for i := range b.N {
			rows = append(rows, b.At(i))
		}
		return nil
	})
	m.clock = func() uint64 { return m.now - storeDelay }
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
	exec := bpf.ExecPayload{OldTid: 10, Cgroup: 6}
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

// comeTo is a record of where a task comes.
func comeTo(c *fakeCPU, ts uint64, kind bpf.RecordKind, pid, tid int32, p bpf.PlacePayload, path string) {
	size := bpf.RecordBytes + int(unsafe.Sizeof(p))
	r := c.At(c.Control.Head)
	c.Control.Head += uint64(size)
	r.Ts, r.PidTgid = ts, ids(pid, tid)
	copy(p.Path[:], path+"\x00")
	*bpf.Payload[bpf.PlacePayload](r) = p
	r.Tag = tag(size, kind, -1)
}

// A container is known by where the kernel said its threads came, when they did;
// where that got lost and nobody can be asked any more, it is not known.
func TestMergeLearnsPlaces(t *testing.T) {
	c := newFakeCPU(0)
	m, rows := collect(c)
	m.seedThread(7, 7, "runc", "4:memory:/outer/pod\n2:pids:/\n0::/\n")
	fork := func(ts uint64, child int32, cgroup uint64) {
		life(c, ts, bpf.RecordFork, 7, 7, bpf.ForkPayload{ChildPidTgid: ids(child, child), Cgroup: cgroup})
	}
	exec := func(ts uint64, pid int32, cgroup uint64) {
		life(c, ts, bpf.RecordExec, pid, pid, bpf.ExecPayload{OldTid: uint64(pid), Cgroup: cgroup})
	}
	fork(10, 9, 1)
	life(c, 11, bpf.RecordFork, 9, 9, bpf.ForkPayload{ChildPidTgid: ids(9, 10), Cgroup: 1})
	c.enter(12, 9, 9, 0) // still outside
	comeTo(c, 20, bpf.RecordMove, 9, 9, bpf.PlacePayload{Hierarchy: 2, Group: 1}, "/inner")
	c.enter(21, 9, 9, 0)
	c.enter(22, 9, 10, 0) // the whole process
	comeTo(c, 23, bpf.RecordMove, 9, 9, bpf.PlacePayload{Hierarchy: 4, Group: 1}, "/outer/pod/inner")
	exec(24, 9, 1)
	c.enter(25, 7, 7, 0) // nobody else
	comeTo(c, 30, bpf.RecordMove, 9, 9, bpf.PlacePayload{Hierarchy: 4, Group: 1}, "/")
	c.enter(31, 9, 9, 0) // in one hierarchy still
	comeTo(c, 32, bpf.RecordMove, 9, 9, bpf.PlacePayload{Hierarchy: 2, Group: 1}, "/")
	c.enter(33, 9, 9, 0)
	comeTo(c, 40, bpf.RecordCgroup, 0, 0, bpf.PlacePayload{Cgroup: 77}, "/born.slice/unit-box")
	fork(41, 11, 77) // begins there
	c.enter(42, 11, 11, 0)
	fork(43, 16, 1)
	comeTo(c, 43, bpf.RecordMove, 16, 16, bpf.PlacePayload{Hierarchy: unknownHierarchy, Group: 1}, "/outer/pod") // without BTF
	life(c, 44, bpf.RecordFork, 16, 16, bpf.ForkPayload{ChildPidTgid: ids(13, 13), Cgroup: 1000})                // an id without a path: the parent's
	exec(44, 13, 1000)
	c.enter(45, 13, 13, 0)
	exec(46, 13, 2000) // it may be anywhere, and /proc knows it no more
	c.enter(47, 13, 13, 0)
	fork(48, 17, 1000) // with BTF the child's: it may have begun anywhere
	exec(48, 17, 1000)
	c.enter(49, 17, 17, 0)
	fork(50, 12, 1)
	poll(t, m, 60+storeDelay)
	c.Control.LostPlaces++
	exec(71, 12, 1) // whose move may be what was lost; /proc knows it no more
	c.enter(72, 12, 12, 0)
	poll(t, m, 100+storeDelay)
	flushed(t, m)
	var got []string
	for _, e := range *rows {
		if e.Kind == format.Enter {
			got = append(got, fmt.Sprintf("%d %s", e.TS, e.Container))
		}
	}
	want := []string{"12 pod", "21 inner", "22 inner", "25 pod", "31 inner", "33 ", "42 unit-box", "45 pod", "47 ", "49 ", "72 "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := m.sources[0].read[bpf.ClassLifecycle]; n != 12 {
		t.Errorf("%d events of threads' lives were read, want 12: what tells places is none", n)
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
	poll(t, m, ts+100) // makes room
	if len(m.notices) > 0 || m.lost != 0 {
		t.Error("the gap is told before it has ended")
	}
	a.exit(ts+101, 7, 7, 0, 0) // ends it
	poll(t, m, ts+200)
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
	if got, want := len(*rows), written+2+1+1; got != want {
		t.Errorf("got %d rows, want %d", got, want)
	}
}

// On a CPU where nothing happens after a gap no record ever tells of it: it is
// told as it stands, with the second poll, and what is added to it at the last
// moment is told then, once.
func TestMergeTellsGapOfIdleCPU(t *testing.T) {
	a, b := newFakeCPU(0), newFakeCPU(1)
	m, rows := collect(a, b)
	ts := uint64(100)
	for a.enter(ts, 7, 7, 0) {
		ts++
	}
	b.enter(ts+10, 8, 8, 1)
	poll(t, m, ts+100)
	poll(t, m, ts+200)
	a.Control.GapLast = ts + 1 // the program had seen the buffer full before the first poll
	a.Control.GapLost[bpf.ClassExit]++
	a.Control.Lost[bpf.ClassExit]++
	a.Control.Seen[bpf.ClassExit]++
	poll(t, m, ts+300)
	a.exit(ts+400, 7, 7, 0, 0)
	poll(t, m, ts+500)
	flushed(t, m)
	var got []string
	for _, e := range *rows {
		if e.Kind == format.Lost || e.CPU == 1 || e.Kind == format.Exit {
			got = append(got, line(e))
		}
	}
	first := fmt.Sprint(ts)
	want := []string{
		first + " lost 0 0/0  [1 " + first + " " + first + " 1 0 0] 0 ",
		fmt.Sprint(ts+10) + " enter 1 8/8 write [0 0 0 0 0 0] 0 old8",
		fmt.Sprint(ts+10) + " lost 0 0/0  [1 " + first + " " + fmt.Sprint(ts+1) + " 0 1 0] 0 ",
		fmt.Sprint(ts+400) + " exit 0 7/7 read [0 0 0 0 0 0] 0 old7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !m.drained() {
		t.Error("something has not been told")
	}
}

// A thread that has lost events is marked before its next row, so that a
// reader knows which calls the loss has spoilt.
func TestMergeMarksThreadsThatLost(t *testing.T) {
	c := newFakeCPU(2)
	m, rows := collect(c)
	c.enter(10, 7, 7, 0)
	r := c.begin(bpf.ClassExit, bpf.RecordBytes+8, 20)
	r.PidTgid = ids(7, 7)
	*bpf.Payload[int64](r) = 5
	r.Tag = tag(bpf.RecordBytes+8, bpf.RecordExit, 0) | 1<<31
	poll(t, m, 30)
	flushed(t, m)
	check(t, *rows, []string{
		"10 enter 2 7/7 read [0 0 0 0 0 0] 0 old7",
		"20 mark 2 7/7  [5 20 20 0 0 0] 0 old7",
		"20 exit 2 7/7 read [0 0 0 0 0 0] 5 old7",
	})
}

// What the kernel has run no program for is told by the looks at its counter.
func TestMergeTellsSkippedPrograms(t *testing.T) {
	c := newFakeCPU(0)
	m, rows := collect(c)
	skipped := [bpf.Classes]uint64{}
	m.skipped = func() [bpf.Classes]uint64 { return skipped }
	c.enter(100_000, 7, 7, 0)
	poll(t, m, 200_000)
	skipped = [bpf.Classes]uint64{4, 2, 1} // one will have been on its way to a spare program
	c.enter(250_000, 7, 7, 0)
	poll(t, m, 300_000)
	if flushed(t, m); len(*rows) != 1 || m.drained() {
		t.Error("rows were written while it was not known what was lost before them")
	}
	skipped[0] = 3
	poll(t, m, 400_000)
	poll(t, m, 500_000)
	flushed(t, m)
	check(t, *rows, []string{
		"100000 enter 0 7/7 read [0 0 0 0 0 0] 0 old7",
		"200000 lost -1 0/0  [6 200000 300000 3 2 2] 0 ",
		"250000 enter 0 7/7 read [0 0 0 0 0 0] 0 old7",
	})
}

// An event that took long to come to its spare program was told as lost. The
// next one that is lost is told none the less.
func TestMergeTellsSkippedProgramsAfterOneThatCameLate(t *testing.T) {
	c := newFakeCPU(0)
	m, rows := collect(c)
	skipped := [bpf.Classes]uint64{}
	m.skipped = func() [bpf.Classes]uint64 { return skipped }
	for i, count := range []uint64{0, 1, 1, 0, 0, 1, 1} { // on its way, told; there; lost, told
		skipped[0] = count
		poll(t, m, uint64(i+1)*100_000)
	}
	flushed(t, m)
	check(t, *rows, []string{
		"100000 lost -1 0/0  [1 100000 200000 1 0 2] 0 ",
		"500000 lost -1 0/0  [1 500000 600000 1 0 2] 0 ",
	})
}

// A record that makes no sense is damage: what stood behind it on its CPU is
// counted and dated as lost, and the recording goes on.
func TestMergeSurvivesDamage(t *testing.T) {
	good := tag(bpf.RecordBytes+8, bpf.RecordExit, 0)
	for name, damage := range map[string]func(*bpf.Record){
		"kind":    func(r *bpf.Record) { r.Tag = tag(bpf.RecordBytes+8, 99, 0) },
		"no kind": func(r *bpf.Record) { r.Tag = tag(bpf.RecordBytes+8, 0, 0) },
		"size":    func(r *bpf.Record) { r.Tag = good + 8 },
		"odd":     func(r *bpf.Record) { r.Tag = good + 3 },
		"beyond":  func(r *bpf.Record) { r.Tag = tag(bpf.RecordBytes+264+24, bpf.RecordExec, 0) },
		"abi":     func(r *bpf.Record) { r.Tag = good | 5<<24 },
		"thread":  func(r *bpf.Record) { r.PidTgid = 1<<63 - 1 },
		"time":    func(r *bpf.Record) { r.Ts = 1 << 62 },
		"all":     func(r *bpf.Record) { *r = bpf.Record{Tag: ^uint64(0), Ts: ^uint64(0), PidTgid: ^uint64(0)} },
	} {
		for _, mixed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mixed %v", name, mixed), func(t *testing.T) {
				a, b := newFakeCPU(0), newFakeCPU(1)
				a.mixed, b.mixed = mixed, mixed
				m, rows := collect(a, b)
				a.enter(10, 7, 7, 0)
				a.exit(20, 7, 7, 0, 1)
				damage(a.At(uint64(bpf.RecordBytes)))
				a.enter(30, 7, 7, 0)
				b.enter(40, 8, 8, 1)
				poll(t, m, 50)
				a.enter(60, 7, 7, 0)
				poll(t, m, 70)
				poll(t, m, 80)
				flushed(t, m)
				var lost []string
				n := map[format.Kind]int{}
				for _, e := range *rows {
					n[e.Kind]++
					if e.Kind == format.Lost {
						lost = append(lost, fmt.Sprint(e.CPU, e.Args))
						if e.Args[format.LostFirst] > 20 || e.Args[format.LostLast] < 30 {
							t.Errorf("dated %v", e.Args)
						}
						e.Args[format.LostFirst], e.Args[format.LostLast] = 0, 0
						if want := [6]int64{2, 0, 0, 1, 1, int64(format.CauseDamaged)}; e.Args != want {
							t.Errorf("got %v, want %v", e.Args, want)
						}
					}
				}
				if n[format.Enter] != 3 || n[format.Exit] != 0 || n[format.Lost] != 1 || !m.drained() {
					t.Errorf("got %v, %v, drained %v", n, lost, m.drained())
				}
			})
		}
	}
}

// Where programs are preempted a record may be dated later than the ones
// behind it: rows come in order of time all the same, and none is redated.
func TestMergeOrdersMixedWriters(t *testing.T) {
	c := newFakeCPU(0)
	c.mixed = true
	m, rows := collect(c)
	m.looked = 100_000
	c.enter(100_010, 7, 7, 0)
	late := c.begin(bpf.ClassEnter, bpf.RecordBytes, 0)
	c.enter(100_030, 8, 8, 1)
	poll(t, m, 200_000)
	flushed(t, m)
	late.Ts, late.PidTgid = 200_020, ids(7, 7)
	late.Tag = tag(bpf.RecordBytes, bpf.RecordEnter, 3)
	c.enter(200_010, 8, 8, 1)
	poll(t, m, 300_000)
	flushed(t, m)
	check(t, *rows, []string{
		"100010 enter 0 7/7 read [0 0 0 0 0 0] 0 old7",
		"100030 enter 0 8/8 write [0 0 0 0 0 0] 0 old8",
		"200010 enter 0 8/8 write [0 0 0 0 0 0] 0 old8",
		"200020 enter 0 7/7 close [0 0 0 0 0 0] 0 old7",
	})
	if m.clamped != 0 || !m.drained() {
		t.Errorf("%d rows redated, drained: %v", m.clamped, m.drained())
	}
	for at := uint64(0); at < c.Control.Head; at += 8 {
		if c.At(at).Tag != 0 {
			t.Fatalf("the room at %d is not given back empty", at)
		}
	}
}

// Whatever the load, the sizes and the moments of polling: rows come in
// order, none twice, and what is not there is in the lost rows, CPU by CPU.
func TestMergeConservesEvents(t *testing.T) {
	for seed := range uint64(80) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			cpus := make([]*fakeCPU, 1+r.IntN(9))
			for i := range cpus {
				cpus[i] = newFakeCPU(int32(i))
				cpus[i].mixed = seed%2 == 1
			}
			m, rows := collect(cpus...)
			type pending struct {
				r     *bpf.Record
				tid   int32
				since int
			}
			halves := map[*fakeCPU]pending{}
			now := uint64(1000)
			m.clock = func() uint64 { return now }
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
			for range 4 {
				poll(t, m, now+1)
			}
			flushed(t, m)
			if !m.drained() {
				t.Error("something has not become a row")
			}
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
			if m.clamped != 0 {
				t.Errorf("%d rows had to be redated", m.clamped)
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
