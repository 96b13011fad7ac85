package files

import (
	"systape/format"
)

// What a pending clone shares, where its flags are not known.
const (
	byProcess = -1 // threads of a process all, processes nothing, as nearly all do
	unsure    = -2 // it should have been told, and was not
)

// sharing returns the flags of a call that makes a thread.
func (f *Follower) sharing(e *effect, args *[6]int64, told string) int64 {
	if e.what == forks {
		return 0
	}
	if e.flags >= 0 {
		if format.ArgumentUnknown(told, 0, args[0]) {
			return byProcess
		}
		return args[0]
	}
	if words, ok := wordsOf(told, 0); ok { // struct clone_args, include/uapi/linux/sched.h
		return int64(words[0])
	}
	if f.reads {
		return unsure
	}
	return byProcess
}

// wordsOf returns what is told of the arguments in memory to which argument n
// points.
func wordsOf(told string, n int) (words [6]uint64, ok bool) {
	if told == "" {
		return words, false
	}
	text, unknown, is := format.Argument(told, n)
	if !is || unknown {
		return words, false
	}
	words, _, ok = format.Words(text)
	return words, ok
}

// before is what a thread had when it entered a call that copies it, at a
// moment that nobody knows: whatever others change meanwhile may or may not be
// in the copy.
type before struct {
	entries map[int32]entry
	stamp   int64
	places  int64
}

// copying notes what t has before a call that copies it.
func (t *task) copying() {
	t.table.copied = len(t.table.entries) > 0
	t.call.before = before{t.table.entries, t.table.stamp, t.place.stamp}
}

// copyTable returns t's table as a call that copies it, and has entered with
// [task.copying], has copied it.
func (f *Follower) copyTable(t *task) *table {
	was := &t.call.before
	if t.table.stamp == was.stamp {
		return t.table.fork()
	}
	c := &table{opaque: t.table.opaque}
	for fd, e := range was.entries {
		now, ok := t.table.entries[fd]
		if !ok || now.stamp != e.stamp {
			continue
		}
		if now.onExec != e.onExec {
			now.onExec = maybe
		}
		c.own(&f.bytes)
		c.entries[fd] = now
		f.bytes += entryBytes
	}
	return c
}

// copyPlace is copyTable of directories.
func (t *task) copyPlace() *place {
	c := &place{cwd: t.place.cwd, root: t.place.root, strayed: t.place.strayed, opaque: t.place.opaque}
	if t.place.stamp != t.call.before.places || t.place.changing > 0 {
		c.cwd = nil
		if t.place.root != nil {
			c.stray()
		}
	}
	return c
}

func (f *Follower) fork(b *format.Batch, i int) {
	pid, tid := int32(b.Args[format.ForkPID][i]), int32(b.Args[format.ForkTID][i])
	parent := f.task(b.TID[i], b.PID[i])
	f.end(tid) // its end was missed
	thread := pid == b.PID[i]
	flags := parent.call.clone
	if parent.call.what != clones { // its enter is not there
		parent.copying()
		if flags = byProcess; f.reads && !thread {
			flags = unsure
		}
	}
	shareTable, sharePlace := thread, thread
	switch {
	case flags >= 0:
		shareTable, sharePlace = flags&cloneFiles != 0, flags&cloneFS != 0
	case flags == unsure && !thread:
		parent.table.blind()
		parent.place.opaque = true
	}
	tab, pl := parent.table, parent.place
	if !shareTable {
		tab = f.copyTable(parent)
	}
	if !sharePlace {
		pl = parent.copyPlace()
	}
	f.add(tid, pid, tab, pl)
}

func (f *Follower) exec(tid, pid, old int32) {
	if old != tid { // the thread takes the leader's id
		if t := f.tasks[old]; t != nil {
			f.end(tid)
			delete(f.tasks, old)
			f.tasks[tid] = t
			t.pid = pid
		}
	}
	t := f.task(tid, pid)
	t.copying()
	f.unshareTable(t)
	t.table.exec(&f.bytes)
}

// unshareTable gives t descriptors of its own, as a call has copied them that
// has entered with [task.copying].
func (f *Follower) unshareTable(t *task) {
	if t.table.tasks > 1 {
		t.use(f.copyTable(t))
	}
}

// use lets t have other descriptors.
func (t *task) use(other *table) {
	t.table.tasks--
	t.table = other
	t.table.tasks++
}

// stand lets t have other directories.
func (t *task) stand(other *place) {
	t.place.tasks--
	t.place = other
	t.place.tasks++
}

func (f *Follower) unsharePlace(t *task) {
	if t.place.tasks > 1 {
		t.stand(t.copyPlace())
	}
}
