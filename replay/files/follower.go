package files

import (
	"math"

	"systape/format"
	"systape/format/abi"
)

// Limits on memory. What passes them is forgotten.
const (
	maxTasks   = 1 << 18
	maxBytes   = 64 << 20 // of descriptors and names
	entryBytes = 64       // of a descriptor, roughly
)

// Follower follows the descriptors of a capture. It is to be given every row
// in order, and between them what calls returned. It is not for use by several
// goroutines.
type Follower struct {
	effects  [5][]effect
	tasks    map[int32]*task // by thread id
	imported bool
	// fixed and placed say that the capture has every call that changes what
	// a number stands for, and what a relative path does.
	fixed, placed bool
	reads         bool // the capture has what arguments point to
	// blind is the capture time until which events of any thread may be
	// missing; shy, those of a thread that shares its descriptors with others.
	blind, shy int64
	bytes      int64
	counts     Counts
	moves      moves
}

// Counts say for how many calls of a capture it is known what they are about.
type Counts struct {
	Asked int64 // calls that name a file, a socket or a descriptor
	Known int64 // those of them of which a path, an address or what the descriptor stands for is known
}

// NewFollower returns a Follower for the capture that m describes; nil when it
// says nothing.
func NewFollower(m *format.Meta) *Follower {
	f := &Follower{effects: byNumber(), tasks: map[int32]*task{}, fixed: true, placed: true, blind: math.MinInt64, shy: math.MinInt64}
	if m == nil {
		return f
	}
	f.imported = m.Imported != nil
	r := &m.Request
	f.reads = !f.imported && r.Paths == "all"
	if r.Sample > 1 || r.Held() || len(r.Comms)+len(r.UIDs)+len(r.Cgroups)+len(r.Containers) > 0 {
		f.fixed, f.placed = false, false // a thread may do anything where it is not recorded
	}
	if s := m.Selection; s != nil && !s.Processes {
		f.fixed, f.placed = false, false
	}
	if r.Syscalls != "" {
		set, err := abi.ParseSet(r.Syscalls)
		f.fixed = f.fixed && err == nil && hasAll(set, descriptorCalls)
		f.placed = f.placed && err == nil && hasAll(set, directoryCalls)
	}
	return f
}

// hasAll reports whether set has the calls under every ABI that has them.
func hasAll(set *abi.Set, names []string) bool {
	for _, a := range abi.All() {
		for _, name := range names {
			if nr, ok := abi.Number(a, name); ok && !set.Has(a, nr) {
				return false
			}
		}
	}
	return true
}

// Follows reports whether the capture has what it takes to follow descriptors.
func (f *Follower) Follows() bool { return f.fixed }

// Counts returns for how many of the calls so far it is known what they are about.
func (f *Follower) Counts() Counts { return f.counts }

// Forget gives back the memory of what is known, after the last row.
func (f *Follower) Forget() { f.tasks, f.bytes = map[int32]*task{}, 0 }

// Lost notes that events may be missing between two instants. ofMarked says
// that a mark names each thread that lost any.
func (f *Follower) Lost(last int64, ofMarked bool) {
	if ofMarked {
		f.shy = max(f.shy, last)
		f.forget(true)
		return
	}
	f.blind = max(f.blind, last)
	f.forgetThreads()
}

// forgetThreads drops all that is known: any id may be that of another thread
// since. Threads that are seen again share all with their process, as nearly
// every thread does. Where it was otherwise, nothing can be followed any more.
func (f *Follower) forgetThreads() {
	if f.mixed() {
		f.fixed, f.placed = false, false
	}
	clear(f.tasks)
	f.bytes = 0
}

// mixed reports whether processes share descriptors or directories, or threads
// of one process do not.
func (f *Follower) mixed() bool {
	tables, places := map[*table]int32{}, map[*place]int32{}
	for _, t := range f.tasks {
		if leader := f.tasks[t.pid]; leader != nil && (leader.table != t.table || leader.place != t.place) {
			return true
		}
		if pid, ok := tables[t.table]; ok && pid != t.pid {
			return true
		}
		if pid, ok := places[t.place]; ok && pid != t.pid {
			return true
		}
		tables[t.table], places[t.place] = t.pid, t.pid
	}
	return false
}

// forgetProcess drops what is known of a process one of whose threads lost
// events.
func (f *Follower) forgetProcess(t *task) {
	if f.mixed() {
		f.fixed, f.placed = false, false
	}
	t.table.forget()
	t.place.forget()
	for tid, o := range f.tasks {
		if o.pid == t.pid {
			f.end(tid)
		}
	}
}

// forget drops what may have changed unseen: everything, or only what several
// threads share.
func (f *Follower) forget(shared bool) {
	for _, t := range f.tasks {
		if !shared || t.table.tasks > 1 {
			t.table.forget()
		}
		if !shared || t.place.tasks > 1 {
			t.place.forget()
		}
	}
}

// Row takes the next row. It returns what the call names that an enter row
// begins, nil when it names nothing. It needs all columns of calls, and of
// arguments and details.
func (f *Follower) Row(b *format.Batch, i int) *Named {
	now := b.TS[i]
	if f.shy != math.MinInt64 && now > f.shy {
		f.shy = math.MinInt64
		f.forget(true)
	}
	if f.blind != math.MinInt64 && now > f.blind {
		f.blind = math.MinInt64
		f.forgetThreads()
	}
	switch b.Kind[i] {
	case format.Enter:
		return f.enter(b, i)
	case format.Fork:
		f.fork(b, i)
	case format.Exec:
		f.exec(b.TID[i], b.PID[i], int32(b.Args[format.ExecOldTID][i]))
	case format.ThreadEnd:
		f.end(b.TID[i])
	case format.FD:
		f.wasOpen(b, i)
	case format.Lost:
		f.Lost(b.Args[format.LostLast][i], format.Cause(b.Args[format.LostCause][i]).MarksThreads() && !f.imported)
	case format.Mark:
		if format.MarkOf(b.Args[format.MarkWhat][i]) == format.ThreadLost {
			f.forgetProcess(f.task(b.TID[i], b.PID[i]))
		}
	}
	return nil
}

// task returns a thread. One of which nothing was seen shares all with its
// process.
func (f *Follower) task(tid, pid int32) *task {
	if t := f.tasks[tid]; t != nil {
		return t
	}
	if len(f.tasks) >= maxTasks {
		clear(f.tasks)
		f.bytes = 0
	}
	leader := f.tasks[pid]
	if leader == nil {
		leader = f.add(pid, pid, &table{}, &place{})
	}
	if tid == pid {
		return leader
	}
	return f.add(tid, pid, leader.table, leader.place)
}

func (f *Follower) add(tid, pid int32, tab *table, pl *place) *task {
	t := &task{pid: pid, table: tab, place: pl, call: pending{seq: -1, clone: byProcess}}
	tab.tasks++
	pl.tasks++
	f.tasks[tid] = t
	return t
}

func (f *Follower) end(tid int32) {
	if t := f.tasks[tid]; t != nil {
		t.ended()
		t.table.tasks--
		t.place.tasks--
		delete(f.tasks, tid)
	}
}

// lookup returns what a descriptor of t stands for.
func (f *Follower) lookup(t *task, fd int32) *File {
	if !f.fixed || f.blind != math.MinInt64 || f.shy != math.MinInt64 && t.table.tasks > 1 || t.table.opaque {
		return nil
	}
	if e, ok := t.table.entries[fd]; ok {
		return e.open.file
	}
	return nil
}

// cwd and root return where t looks for files.
func (f *Follower) cwd(t *task) *File {
	if !f.placed || f.blind != math.MinInt64 || f.shy != math.MinInt64 && t.place.tasks > 1 || t.place.opaque || t.place.changing > 0 {
		return nil
	}
	t.place.cwd = f.current(t.place.cwd)
	return t.place.cwd
}

func (f *Follower) root(t *task) *File {
	if !f.placed || t.place.opaque {
		return nil
	}
	if root := f.current(t.place.root); root != t.place.root {
		t.place.root, t.place.strayed = root, root == nil
	}
	return t.place.root
}

// set lets a descriptor of t stand for o.
func (f *Follower) set(t *task, fd int32, o *open, onExec closing) {
	if !f.fixed || t.table.opaque {
		return
	}
	if f.bytes > maxBytes {
		f.measure()
	}
	t.table.own(&f.bytes)
	if _, taken := t.table.entries[fd]; taken {
		// A number that was taken can be given out only if it was freed unseen:
		// so may others have been.
		t.table.forget()
		if f.imported { // what was recorded is not known
			t.table.opaque = true
			return
		}
		t.table.own(&f.bytes)
	}
	t.table.entries[fd] = entry{o, onExec, t.table.stamp}
	f.bytes += entryBytes + int64(len(o.file.Name))
}

// measure counts the memory in use, and forgets everything if it is too much.
func (f *Follower) measure() {
	f.bytes = 0
	seen := map[*table]bool{}
	for _, t := range f.tasks {
		if seen[t.table] {
			continue
		}
		seen[t.table] = true
		for _, e := range t.table.entries {
			f.bytes += entryBytes + int64(len(e.open.file.Name))
		}
	}
	if f.bytes > maxBytes/2 {
		f.forget(false)
		f.bytes = 0
	}
}
