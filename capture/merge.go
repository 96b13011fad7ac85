package capture

import (
	"math"
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
//	(1) Read for every buffer whether events are being lost, then how far it
//	    has been reserved. A record is dated after its place was taken, so
//	    whatever is not behind these heads is later than now, but for what a
//	    store takes to reach other CPUs.
//	(2) Until a little before now, then, the order is known: that is the mark.
//	    A record that is still being written holds the mark back at the time
//	    of the one before, and a gap that has not ended at its beginning.
//	(3) What no record tells (notices: see notice.go) becomes a row in its
//	    turn: before everything that is later than its first instant.
//	(4) Rows are taken from the CPU whose next record is the oldest, as long as
//	    that stays so, up to the mark. The rest waits for the next poll.
//	(5) The room of what was read is given back to the kernel side.
type merger struct {
	sources []source
	heap    []*source // the sources with a record to give, oldest on top
	mark    uint64    // every row up to this time has been written
	limit   uint64    // no row later than this is written yet; 0: no limit
	now     uint64    // of this poll
	looked  uint64    // of the poll before
	lastTS  int64     // of the latest row, capture time
	offset  int64     // capture time - CLOCK_MONOTONIC

	names    *format.SymbolTable
	syscalls [3][bpf.TableSize]format.Symbol
	abis     [3]abi.ABI // by bpf.RecordABI
	threads  threadTable
	resolve  resolver
	clock    func() uint64     // CLOCK_MONOTONIC
	cgroups  map[uint64]string // paths of cgroup v2, by id; "": not found
	said     struct {          // what /proc said last of where a process is
		file  string
		place *place
	}
	live map[int32]int // how many threads each process has; nil where the kernel side tells the last one

	processEnded func(pid int32) // told of each process that has ended; nil: nobody is

	skipped func() [bpf.Classes]uint64    // events for which the kernel ran no program; nil: none
	skips   skips                         // what has become of these
	stalled func(first, last uint64) bool // whether the spool could not take what came in that time; nil: never

	notices []notice // to become rows, oldest first
	batch   *format.CodedBatch
	coded   callCodes
	known   int // rises when codes of threads may no longer hold
	rare    map[format.Call]format.Code
	full    func(*format.CodedBatch) error // writes a batch
	text    []byte                         // scratch of callWithTexts
	// textBytes are those of the batch's texts.
	textBytes int
	clamped   int64 // rows whose time was set forward to keep the order
	told      int64 // rows that are no events: losses and marks
	lost      int64 // events that lost rows tell of
	lostBy    [format.Causes]int64
}

// resolver answers what records do not tell.
type resolver interface {
	// thread looks a thread up that was there before the recording began:
	// its name and what /proc/PID/cgroup says.
	thread(pid, tid int32) (comm, cgroups string)
	// cgroups returns what /proc/PID/cgroup says now of a process that makes
	// records, "" when nothing can be found out, as when it has ended.
	cgroups(pid int32) string
	// cgroupPath returns the path of a cgroup of version 2 by its id.
	cgroupPath(id uint64) (path string, ok bool)
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

	gap   gap
	mixed *mixedSource // where records do not stand in order of time; else nil

	read    [bpf.Classes]uint64 // records that have become rows
	damaged [bpf.Classes]uint64 // events that were given up, see skipDamage
}

func newMerger(buffers []bpf.Buffer, writers bpf.Writers, native abi.ABI, offset int64, resolve resolver, names *format.SymbolTable, full func(*format.CodedBatch) error) *merger {
	m := &merger{
		offset: offset, names: names, resolve: resolve, batch: format.NewCodedBatch(names), rare: map[format.Call]format.Code{}, cgroups: map[uint64]string{},
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
		s := source{Buffer: b}
		if writers == bpf.WritersMixed {
			s.mixed = &mixedSource{}
		}
		m.sources = append(m.sources, s)
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
	m.now = now
	mark := now - storeDelay
	if m.limit != 0 {
		mark = min(mark, m.limit)
	}
	for i := range m.sources { // (1)
		s := &m.sources[i]
		s.gap.look(s.Control)
		s.head = atomic.LoadUint64(&s.Control.Head)
		fullest = max(fullest, s.head-s.Control.Tail)
	}
	m.heap = m.heap[:0]
	for i := range m.sources { // (2)
		s := &m.sources[i]
		if s.gap.open != 0 && !m.tellOpenGap(s) {
			mark = min(mark, s.gap.open) // records may be of the same instant
		}
		if s.mixed != nil {
			known, sound := s.gather(max(m.looked, storeDelay)-storeDelay, now)
			if !sound {
				m.skipDamage(s)
			}
			mark = min(mark, known)
		}
		if s.empty() {
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
	mark = min(mark, m.noticeLosses())
	for len(m.notices) > 0 { // (3)
		if mark, err = m.rowsUntil(m.notices[0].first-1, mark); err != nil {
			return fullest, err
		}
		n := m.notices[0] // which may be a new one
		if mark < n.first {
			break // held back
		}
		m.notices = m.notices[1:]
		if err := m.tell(n); err != nil {
			return fullest, err
		}
	}
	if mark, err = m.rowsUntil(mark, mark); err != nil {
		return fullest, err
	}
	m.mark, m.looked = max(m.mark, mark), now
	m.release() // (5)
	return fullest, nil
}

// rowsUntil writes the rows up to and including end, as far as mark allows,
// and returns the mark, which falls when a record turns out to be unfinished.
func (m *merger) rowsUntil(end, mark uint64) (uint64, error) {
	for len(m.heap) > 0 { // (4)
		s := m.heap[0]
		if s.ts > min(end, mark) {
			if s.ts > m.now+absurdlyLate {
				m.skipDamage(s)
				m.drop()
				continue
			}
			break
		}
		if m.crowded() {
			if err := m.flush(); err != nil {
				return mark, err
			}
		}
		if m.rows(min(end, mark)) {
			m.sink(0)
			continue
		}
		if s := m.heap[0]; s.mixed == nil && s.pos != s.head {
			mark = min(mark, s.lastTS)
		}
		m.drop()
	}
	return mark, nil
}

// drop takes the oldest source from the heap.
func (m *merger) drop() {
	m.heap[0] = m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	if len(m.heap) > 0 {
		m.sink(0)
	}
}

// empty reports whether this poll has seen all of the source.
func (s *source) empty() bool {
	if s.mixed != nil {
		return len(s.mixed.waiting) == 0
	}
	return s.pos == s.head
}

// rows writes the oldest record and, while they are calls and the batch has
// room, those that follow it up to and including end. It stops at a source that
// has nothing further to give in this poll, which then is the first of the
// heap, and returns false.
func (m *merger) rows(end uint64) (more bool) {
	s := m.heap[0]
	r := s.At(s.pos)
	kind := bpf.KindOf(r.Tag)
	switch {
	case kind <= bpf.RecordExit:
		return m.calls(end)
	case !plausible(r, bpf.Size(r.Tag), s.head-s.pos):
		m.skipDamage(s)
		return false
	case kind == bpf.RecordGap:
		m.gapRow(s, r)
	case kind == bpf.RecordEnterTexts || kind == bpf.RecordExitTexts:
		m.callWithTexts(s, r)
	case kind == bpf.RecordCall || kind == bpf.RecordCallTexts:
		m.wholeCall(s, r)
	case kind == bpf.RecordMove || kind == bpf.RecordCgroup:
		m.learnPlace(r)
	default:
		s.read[bpf.ClassLifecycle]++
		m.lifecycle(s, r)
	}
	return s.advance(r.Tag)
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
			s.ts = r.Ts
			return true
		}
	}
	return false
}

// ahead calls f for every record that has a place and has not become a row, in
// no order, until f returns false; with nil for one that is not finished, and
// what stands behind that is not looked at.
func (s *source) ahead(f func(*bpf.Record) bool) {
	at := s.pos
	if s.mixed != nil {
		at = s.mixed.scanned
		for _, w := range s.mixed.waiting {
			if !f(s.At(w.pos)) {
				return
			}
		}
	}
	for head := atomic.LoadUint64(&s.Control.Head); at != head; {
		r := s.At(at)
		tag := atomic.LoadUint64(&r.Tag)
		if tag != 0 && !plausible(r, bpf.Size(tag), head-at) {
			return
		}
		if tag == 0 {
			r = nil
		}
		if !f(r) || r == nil {
			return
		}
		at += bpf.Size(tag)
	}
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
	if s.mixed != nil {
		bpf.Empty(s.At(s.pos), bpf.Size(tag))
		s.mixed.next(s)
		return !s.empty()
	}
	s.pos += bpf.Size(tag)
	return s.pos != s.head && s.look()
}

// crowded reports whether the batch has no room for a whole call and a mark before it.
func (m *merger) crowded() bool {
	return m.batch.N+3 > format.CodedRows || m.textBytes > maxTextBytes
}

// maxTextBytes is how many bytes of texts fill a batch: a message of the spool
// has a limit.
const maxTextBytes = 8 << 20

// seq returns how many rows there have been.
func (m *merger) seq() int64 { return m.batch.Seq + int64(m.batch.N) }

// release gives the room of what was read back to the kernel side.
func (m *merger) release() {
	for i := range m.sources {
		s := &m.sources[i]
		free := s.pos
		if s.mixed != nil {
			free = s.mixed.free()
		}
		if s.Control.Tail != free {
			s.Release(free)
		}
	}
}

// drained reports whether everything has become rows.
func (m *merger) drained() bool {
	for i := range m.sources {
		s := &m.sources[i]
		done := s.pos
		if s.mixed != nil {
			done = s.mixed.free()
		}
		open := atomic.LoadUint64(&s.Control.GapFirst)
		if done != atomic.LoadUint64(&s.Control.Head) || open != 0 && open != s.gap.told {
			return false
		}
	}
	return len(m.notices) == 0 && !m.skips.suspected
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
