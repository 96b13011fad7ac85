package importer

import (
	"fmt"

	"systape/format"
)

// thread is what an importer knows about a thread. Events point to it, so
// that what becomes known shortly after them still counts.
type thread struct {
	tid     int32   // 0: not known yet
	pid     int32   // 0: the leader's tid
	leader  *thread // nil and pid 0: not known yet
	members int     // of a leader: threads of its process that live
	comm    string
	exit    *node // the exit that waits for the thread's next line, so that it can be told to be earlier
	lastTS  int64 // end of its last call
}

// process returns the thread's process id, 0 when it is not known.
func (t *thread) process() int32 {
	if t.pid == 0 && t.leader != nil {
		return t.leader.tid
	}
	return t.pid
}

// node is an event that waits for its turn.
type node struct {
	ts    int64
	order int64
	at    int // in the heap, -1 when out of it
	th    *thread
	child *thread // of a fork
	ev    format.Event
	// pending says that more may become known of the event: another line
	// continues it.
	pending bool
}

// timeline puts events into the order of time.
type timeline struct {
	write   func(*format.Batch) error
	batch   *format.Batch
	heap    []*node
	free    []*node
	hold    int // events to hold back
	added   int64
	seq     int64
	enters  int64
	alone   int64 // exits whose enter is not there
	inside  map[int32]bool
	late    int64
	first   int64
	last    int64
	any     bool
	err     error
	ordinal bool // the text has no times: events are one nanosecond apart, to keep their order
	guessed int64
}

// maxUnknown bounds how many events wait for a thread's process to be known.
const maxUnknown = 1 << 16

func newTimeline(write func(*format.Batch) error) *timeline {
	return &timeline{write: write, inside: map[int32]bool{}, batch: format.NewBatch(format.NewSymbolTable(), batchRows)}
}

// add takes an event of th. Events with the same time keep the order in which
// they were added.
func (t *timeline) add(ts int64, th *thread, ev format.Event) *node {
	var n *node
	if k := len(t.free); k > 0 {
		n, t.free = t.free[k-1], t.free[:k-1]
	} else {
		n = new(node)
	}
	*n = node{ts: ts, order: t.added, at: len(t.heap), th: th, ev: ev}
	if ev.Comm == "" && th != nil {
		n.ev.Comm = th.comm
	}
	t.added++
	t.heap = append(t.heap, n)
	t.up(n.at)
	return n
}

// move changes the time of an event that still waits.
func (t *timeline) move(n *node, ts int64) {
	if n.at < 0 {
		return
	}
	n.ts = ts
	t.up(n.at)
	t.down(n.at)
}

// advance writes the events up to ts; later ones may still be overtaken.
func (t *timeline) advance(ts int64) {
	for len(t.heap) > t.hold && t.heap[0].ts <= ts && t.err == nil {
		if !t.emit(len(t.heap) > t.hold+maxUnknown) {
			return
		}
	}
}

// flush writes all events.
func (t *timeline) flush() {
	for len(t.heap) > 0 && t.err == nil {
		t.emit(true)
	}
	t.send()
}

// emit writes the first event, unless its process is not known and force is
// not set.
func (t *timeline) emit(force bool) bool {
	n := t.heap[0]
	if n.pending && !force {
		return false
	}
	if n.th != nil {
		for _, th := range []*thread{n.th, n.child} {
			if th == nil || th.tid != 0 && th.process() != 0 {
				continue
			}
			if !force {
				return false
			}
			t.guess(th)
		}
		if n.th.exit == n {
			n.th.exit = nil
		}
		n.ev.PID, n.ev.TID = n.th.process(), n.th.tid
		if n.ev.Kind == format.Exec && n.ev.Args[format.ExecOldTID] == 0 {
			n.ev.Args[format.ExecOldTID] = int64(n.th.tid)
		}
		if n.child != nil {
			n.ev.Args[format.ForkPID], n.ev.Args[format.ForkTID] = int64(n.child.process()), int64(n.child.tid)
		}
	}
	t.pop()
	e := &n.ev
	e.TS, e.Seq = n.ts, t.seq
	if t.ordinal && t.any {
		e.TS = max(e.TS, t.last+1)
	}
	if t.any && e.TS < t.last {
		e.TS = t.last
		t.late++
	}
	if e.Kind == format.Lost && e.Args[format.LostFirst] == 0 {
		e.Args[format.LostFirst], e.Args[format.LostLast] = e.TS, e.TS
	}
	if e.Kind != format.Enter && e.Kind != format.Exit {
		e.Nr = -1
	}
	switch e.Kind {
	case format.Enter:
		t.enters++
		t.inside[e.TID] = true
	case format.Exit:
		if !t.inside[e.TID] {
			t.alone++
		}
		delete(t.inside, e.TID)
	case format.ThreadEnd:
		delete(t.inside, e.TID)
	}
	if !t.any {
		t.any, t.first = true, e.TS
	}
	t.last = e.TS
	t.seq++
	for _, s := range []string{e.Syscall, e.Comm, e.Container} {
		if _, err := t.batch.Symbols.Intern([]byte(s)); err != nil {
			t.err = fmt.Errorf("event %d: %w", e.Seq, err)
			return true
		}
	}
	t.batch.Append(*e)
	t.free = append(t.free, n)
	if t.batch.N >= batchRows {
		t.send()
	}
	return true
}

// guess decides what is not known about a thread and will not be.
func (t *timeline) guess(th *thread) {
	if th.leader != nil && th.leader.tid == 0 {
		th.leader.tid = 1
	}
	if th.tid == 0 {
		th.tid = 1
	}
	if th.process() == 0 {
		th.pid = th.tid
		t.guessed++
	}
}

func (t *timeline) send() {
	if t.batch.N > 0 && t.err == nil {
		t.err = t.write(t.batch)
	}
	t.batch.Reset()
}

func (t *timeline) less(i, j int) bool {
	a, b := t.heap[i], t.heap[j]
	return a.ts < b.ts || a.ts == b.ts && a.order < b.order
}

func (t *timeline) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].at, t.heap[j].at = i, j
}

func (t *timeline) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !t.less(i, p) {
			return
		}
		t.swap(i, p)
		i = p
	}
}

func (t *timeline) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(t.heap) {
			return
		}
		if c+1 < len(t.heap) && t.less(c+1, c) {
			c++
		}
		if !t.less(c, i) {
			return
		}
		t.swap(i, c)
		i = c
	}
}

func (t *timeline) pop() {
	n := t.heap[0]
	last := len(t.heap) - 1
	t.swap(0, last)
	t.heap[last] = nil
	t.heap = t.heap[:last]
	if last > 0 {
		t.down(0)
	}
	n.at = -1
}
