package format_test

import (
	"fmt"
	"math/rand/v2"

	"systape/format"
	"systape/format/abi"
)

// A mix makes events like those of a busy machine: several threads, each
// going through a script of calls, with the value patterns of real calls
// (descriptors, addresses that repeat, lengths, return values). The same seed
// makes the same events.
type mix struct {
	rng     *rand.Rand
	ts, seq int64
	threads []mixThread
	now     int
}

type mixThread struct {
	pid, tid  int32
	comm      string
	container string
	call      int
	inside    bool
	addr      int64
}

var mixCalls = []struct {
	nr   int32
	name string
	args int
}{
	{257, "openat", 4}, {262, "newfstatat", 4}, {0, "read", 3}, {0, "read", 3}, {1, "write", 3}, {3, "close", 1},
	{9, "mmap", 6}, {202, "futex", 6}, {232, "epoll_wait", 4}, {13, "rt_sigaction", 4}, {217, "getdents64", 3},
}

func newMix(seed uint64, threads int) *mix {
	m := &mix{rng: rand.New(rand.NewPCG(seed, 1)), ts: 1_790_000_000_000_000_000}
	for i := range threads {
		t := mixThread{pid: int32(4000 + i/3), tid: int32(4000 + i), comm: fmt.Sprintf("worker-%d", i/2), addr: 0x7f00_0000_0000 + int64(i)<<20}
		if i%2 == 1 {
			t.container = "0123456789ab"
		}
		m.threads = append(m.threads, t)
	}
	return m
}

// next returns the next event. A thread mostly stays on for a few calls.
func (m *mix) next() format.Event {
	if m.rng.IntN(6) == 0 {
		m.now = m.rng.IntN(len(m.threads))
	}
	t := &m.threads[m.now]
	m.ts += int64(80 + m.rng.IntN(400))
	e := format.Event{TS: m.ts, Seq: m.seq, ABI: abi.X86_64, CPU: int32(m.now % 2), PID: t.pid, TID: t.tid, Nr: -1, Comm: t.comm, Container: t.container}
	m.seq++
	if m.seq%5000 == 17 {
		e.Kind, e.Detail = format.Exec, fmt.Sprintf("/usr/bin/tool-%d", m.rng.IntN(50))
		e.Args[format.ExecOldTID] = int64(t.tid)
		return e
	}
	if !t.inside {
		t.call = (t.call + 1 + m.rng.IntN(2)) % len(mixCalls)
	}
	c := mixCalls[t.call]
	e.Nr, e.Syscall = c.nr, c.name
	if t.inside {
		e.Kind = format.Exit
		switch m.rng.IntN(8) {
		case 0:
			e.Ret = -2
		case 1, 2:
			e.Ret = int64(m.rng.IntN(4096))
		}
	} else {
		for i := range c.args {
			switch i {
			case 0:
				e.Args[i] = int64(3 + m.rng.IntN(12))
			case 1:
				e.Args[i] = t.addr + int64(m.rng.IntN(300))*64
			case 2:
				e.Args[i] = int64(m.rng.IntN(4096))
			default:
				e.Args[i] = int64(m.rng.IntN(3))
			}
		}
	}
	t.inside = !t.inside
	return e
}

// fill replaces the batch's rows by the next n events.
func (m *mix) fill(b *format.Batch, n int) *format.Batch {
	b.Reset()
	for range n {
		b.Append(m.next())
	}
	return b
}

// getppids fills b with n events of one thread that calls getppid in a loop.
func getppids(b *format.Batch, n int) *format.Batch {
	b.Reset()
	rng := rand.New(rand.NewPCG(1, 1))
	ts := int64(1_790_000_000_000_000_000)
	for i := range n {
		ts += int64(100 + rng.IntN(60))
		e := format.Event{TS: ts, Seq: int64(i), PID: 4242, TID: 4242, Nr: 110, Syscall: "getppid", Comm: "getppid-loop"}
		if i&1 == 1 {
			e.Kind, e.Ret = format.Exit, 4241
		}
		b.Append(e)
	}
	return b
}

// testMeta is the metadata of captures made by tests.
func testMeta() *format.Meta {
	return &format.Meta{
		Version: format.Version, CaptureID: "00112233445566778899aabbccddeeff", Tool: "systape test",
		Host:    format.Host{Name: "host", Kernel: "6.1.0", Arch: "x86_64", CPUs: 2, BootID: "b", Distribution: "Test 1"},
		Clock:   format.Clock{OffsetNS: 1_789_999_999_000_000_000, Anchors: []format.Anchor{{TS: 1_790_000_000_000_000_000, RealNS: 1_790_000_000_000_000_123}}},
		Request: format.Request{All: true, Sample: 1, BufferSize: 1 << 20, Hook: "tp_btf"},
		Part:    format.Part{Number: 1, Rows: -1},
	}
}

func itoa(n int) string { return fmt.Sprint(n) }
