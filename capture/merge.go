package capture

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"

	"systape/bpf"
	"systape/format"
	"systape/format/abi"
)

// merger reads the buffers of all CPUs and writes their records as rows, in
// order of time. It owns what is known of the threads.
//
// The rule of a poll, for one look at the clock ("now", taken first):
//
//	(1) Read how far every buffer has been reserved, and its counters of loss.
//	    A record is dated after its place was taken, so whatever is not behind
//	    these heads is later than now, but for what a store takes to reach
//	    other CPUs.
//	(2) Until a little before now, then, the order is known: that is the mark.
//	    A record that is still being written holds the mark back at the time
//	    of the one before.
//	(3) A loss becomes a row at the time of its first missing event, so it
//	    stands before everything that it may have to do with.
//	(4) Rows are taken from the CPU whose next record is the oldest, as long as
//	    that stays so, up to the mark. The rest waits for the next poll.
//	(5) The room of what was read is given back to the kernel side.
type merger struct {
	sources []source
	heap    []*source // the sources with a record to give, oldest on top
	mark    uint64    // every row up to this time has been written
	lastTS  int64     // of the latest row, capture time
	offset  int64     // capture time - CLOCK_MONOTONIC

	names    *format.SymbolTable
	syscalls [3][bpf.TableSize]format.Symbol
	abis     [3]abi.ABI // by bpf.RecordABI
	threads  threadTable
	resolve  resolver
	clock    func() uint64 // CLOCK_MONOTONIC
	live     map[int32]int // how many threads each process has; nil where the kernel side tells the last one

	lossBuf  []loss
	batch    *format.CodedBatch
	coded    callCodes
	known    int // rises when codes of threads may no longer hold
	rare     map[format.Call]format.Code
	full     func(*format.CodedBatch) error // writes a batch
	lates    int64                          // rows whose time was set forward to keep the order
	lostRows int64
}

// resolver answers what records do not tell.
type resolver interface {
	// thread looks a thread up that was there before the recording began.
	thread(pid, tid int32) (comm, container string)
	// container names the container of a process, cgroup being its cgroup v2 id.
	// Ok is false when nothing can be found out, as when the process has ended.
	container(pid int32, cgroup uint64) (name string, ok bool)
}

// source is one CPU's buffer and how far it has been read.
type source struct {
	bpf.Buffer
	pos    uint64 // next record
	head   uint64 // as of this poll
	ts     uint64 // of the record at pos, when there is one
	lastTS uint64 // of the record before pos

	ids    uint64 // of the thread that was last looked up
	thread format.Code
	known  int // of the merger, when it was

	reported [bpf.Classes]uint64 // losses that have become rows
	gapStart uint64              // when the losses began that have not; 0 when there are none
}

func newMerger(buffers []bpf.Buffer, native abi.ABI, offset int64, resolve resolver, names *format.SymbolTable, full func(*format.CodedBatch) error) *merger {
	m := &merger{
		offset: offset, names: names, resolve: resolve, batch: format.NewCodedBatch(names), rare: map[format.Call]format.Code{},
		full: full, lastTS: math.MinInt64, known: 1,
	}
	m.abis = [3]abi.ABI{native, abi.I386, abi.X32}
	if native == abi.ARM64 {
		m.abis[bpf.ABICompat] = abi.ARM
	}
	for i, a := range m.abis {
		for nr := range m.syscalls[i] {
			n := int32(nr)
			if a == abi.X32 {
				n |= 0x40000000
			}
			m.syscalls[i][nr] = m.names.InternString(abi.NameOr(a, n))
		}
	}
	for _, b := range buffers {
		m.sources = append(m.sources, source{Buffer: b})
	}
	m.heap = make([]*source, 0, len(buffers))
	m.renew()
	return m
}

// storeDelay is more than a store ever takes to become visible to another
// CPU, by far: it leaves the store buffer within some hundred cycles, and at
// the latest when the CPU takes an interrupt or the hypervisor takes the CPU.
const storeDelay = 50_000 // ns

// poll writes every row whose place in the order is known, now being
// CLOCK_MONOTONIC. It returns how many bytes of the fullest buffer were in use.
func (m *merger) poll(now uint64) (fullest uint64, err error) {
	mark := now - storeDelay
	for i := range m.sources { // (1)
		s := &m.sources[i]
		s.head = atomic.LoadUint64(&s.Control.Head)
		fullest = max(fullest, s.head-s.pos)
	}
	m.heap = m.heap[:0]
	for i := range m.sources { // (2)
		s := &m.sources[i]
		if s.pos == s.head {
			continue
		}
		if !s.look() {
			mark = min(mark, s.lastTS)
			continue
		}
		m.heap = append(m.heap, s)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	for _, l := range m.losses(mark) { // (3)
		if mark, err = m.rowsUntil(l.first-1, mark); err != nil {
			return fullest, err
		}
		if mark < l.first {
			break // held back: the next poll finds the loss again
		}
		if err := m.lostRow(l); err != nil {
			return fullest, err
		}
	}
	if mark, err = m.rowsUntil(mark, mark); err != nil {
		return fullest, err
	}
	m.mark = max(m.mark, mark)
	m.release() // (5)
	return fullest, nil
}

// rowsUntil writes the rows up to and including end, as far as mark allows,
// and returns the mark, which falls when a record turns out to be unfinished.
func (m *merger) rowsUntil(end, mark uint64) (uint64, error) {
	for len(m.heap) > 0 && m.heap[0].ts <= min(end, mark) { // (4)
		if m.batch.N == format.CodedRows {
			if err := m.flush(); err != nil {
				return mark, err
			}
		}
		if m.rows(min(end, mark)) {
			m.sink(0)
			continue
		}
		if s := m.heap[0]; s.pos != s.head {
			mark = min(mark, s.lastTS)
		}
		m.heap[0] = m.heap[len(m.heap)-1]
		m.heap = m.heap[:len(m.heap)-1]
		if len(m.heap) > 0 {
			m.sink(0)
		}
	}
	return mark, nil
}

// rows writes the oldest record and, while they are calls and the batch has
// room, those that follow it up to and including end. It stops at a source that
// has nothing further to give in this poll, which then is the first of the
// heap, and returns false.
func (m *merger) rows(end uint64) (more bool) {
	s := m.heap[0]
	if r := s.At(s.pos); bpf.KindOf(r.Tag) > bpf.RecordExit {
		m.life(s, r)
		return s.advance(r.Tag)
	}
	return m.calls(end)
}

// turn returns until when the first source of the heap is ahead of the others.
func (m *merger) turn(end uint64) uint64 {
	for child := 1; child < min(3, len(m.heap)); child++ {
		until := m.heap[child].ts
		if m.heap[child].CPU < m.heap[0].CPU {
			until-- // at the same time, the lower CPU goes first
		}
		end = min(end, until)
	}
	return end
}

// look reads the time of the record at pos; false while it is being written.
func (s *source) look() bool {
	r := s.At(s.pos)
	for range 100 { // a record is finished within a fraction of a microsecond, as a rule
		if atomic.LoadUint64(&r.Tag) != 0 {
			s.ts = r.TS
			return true
		}
	}
	return false
}

func (m *merger) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(m.heap) {
			return
		}
		if right := child + 1; right < len(m.heap) && m.heap[right].before(m.heap[child]) {
			child = right
		}
		if !m.heap[child].before(m.heap[i]) {
			return
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}

func (s *source) before(o *source) bool {
	return s.ts < o.ts || s.ts == o.ts && s.CPU < o.CPU
}

// advance passes over the record at pos, which has this tag. It returns whether
// another one stands behind it.
func (s *source) advance(tag uint64) bool {
	s.lastTS = s.ts
	s.pos += bpf.Size(tag)
	return s.pos != s.head && s.look()
}

// seq returns how many rows there have been.
func (m *merger) seq() int64 { return m.batch.Seq + int64(m.batch.N) }

// release gives the room of what was read back to the kernel side.
func (m *merger) release() {
	for i := range m.sources {
		s := &m.sources[i]
		if s.Control.Tail != s.pos {
			s.Release(s.pos)
		}
	}
}

// flush writes the batch. The kernel gets its room back first: writing may be
// slow.
func (m *merger) flush() error {
	m.release()
	if m.batch.N == 0 {
		return nil
	}
	err := m.full(m.batch)
	m.renew()
	return err
}

// loss is what one CPU lost since the last row about it.
type loss struct {
	source      *source
	first, last uint64
	lost        [bpf.Classes]uint64
}

// losses returns what was lost up to mark and has no row yet, oldest first.
// The kernel side only ever adds to its counters, so that the differences
// from one row to the next sum up to the truth whatever happens in between.
func (m *merger) losses(mark uint64) []loss {
	m.lossBuf = m.lossBuf[:0]
	for i := range m.sources {
		s := &m.sources[i]
		l := loss{source: s}
		var total, all uint64
		for c := range l.lost {
			n := atomic.LoadUint64(&s.Control.Lost[c])
			l.lost[c] = n - s.reported[c]
			total += l.lost[c]
			all += n
		}
		if total == 0 {
			continue
		}
		// The counters are ahead of the dates for a moment, and a loss that
		// was counted while the last ones were being reported sets no date.
		// Dates from before the mark mean just that: at the last poll nothing
		// of this was lost.
		first := max(atomic.LoadUint64(&s.Control.GapFirst), m.mark)
		if s.gapStart == 0 || first < s.gapStart {
			s.gapStart = first
		}
		l.first, l.last = s.gapStart, s.gapStart
		if atomic.LoadUint64(&s.Control.Dated) < all {
			// A loss is being dated at this moment. Whatever its thread did
			// before, it did before now.
			l.last = max(l.last, m.clock())
		}
		l.last = max(l.last, atomic.LoadUint64(&s.Control.GapLast))
		if l.first <= mark {
			m.lossBuf = append(m.lossBuf, l)
		}
	}
	slices.SortFunc(m.lossBuf, func(a, b loss) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.source.CPU, b.source.CPU))
	})
	return m.lossBuf
}
