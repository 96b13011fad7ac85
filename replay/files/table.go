package files

import "maps"

// open is an open file: descriptors that were duplicated share it.
type open struct {
	file *File
}

// closing says whether exec closes a descriptor.
type closing uint8

const (
	no closing = iota
	yes
	maybe
)

type entry struct {
	open   *open
	onExec closing
	stamp  int64 // of the table when it was made
}

// table holds the descriptors of one process, or of several threads and
// processes that share them (struct files_struct of the kernel).
type table struct {
	entries map[int32]entry
	tasks   int   // that use it
	opaque  bool  // it changes unseen: nothing is known of it
	copied  bool  // entries belong to another table too
	stamp   int64 // counts changes
}

// own makes the entries the table's own, so that they can be changed.
func (t *table) own(size *int64) {
	t.stamp++
	if t.copied {
		t.entries = maps.Clone(t.entries)
		*size += int64(len(t.entries)) * entryBytes
		t.copied = false
	}
	if t.entries == nil {
		t.entries = map[int32]entry{}
	}
}

// fork returns a table with the same descriptors.
func (t *table) fork() *table {
	if len(t.entries) == 0 {
		return &table{opaque: t.opaque}
	}
	t.copied = true
	return &table{entries: t.entries, copied: true, opaque: t.opaque, stamp: t.stamp}
}

// forget drops what is known of the descriptors.
func (t *table) forget() {
	t.entries, t.copied = nil, false
	t.stamp++
}

// exec closes what exec closes, and forgets what it may have closed.
func (t *table) exec(size *int64) {
	t.own(size)
	maps.DeleteFunc(t.entries, func(_ int32, e entry) bool { return e.onExec != no })
	t.opaque = false // a ring is closed by exec
}

// blind drops what is known, and what will be: the table changes unseen.
func (t *table) blind() {
	t.forget()
	t.opaque = true
}

// place is where a process, or several that share it, looks for files (struct
// fs_struct of the kernel). What is not known is nil.
type place struct {
	cwd, root *File
	strayed   bool // the root is another one, and not known which
	opaque    bool // it changes unseen
	tasks     int
	changing  int   // threads that are in a call which may change it
	stamp     int64 // counts changes
}

// forget drops what is known of a place. Who had another root may have got another.
func (p *place) forget() {
	if root, ok := p.root.path(); ok && root != "/" {
		p.strayed = true
	}
	p.cwd, p.root = nil, nil
	p.stamp++
}

// stray says that the root is another one, and not known which.
func (p *place) stray() {
	p.cwd, p.root, p.strayed = nil, nil, true
	p.stamp++
}

// task is a thread.
type task struct {
	pid   int32
	table *table
	place *place
	call  pending
}

// pending is the call that a thread is in.
type pending struct {
	seq    int64 // of its enter
	named  *Named
	clone  int64  // flags of a clone, or byProcess, unsure
	before before // of a call that copies what the thread has
	kept   kept   // of a call that replaces a descriptor
	what   action
}

// kept is a descriptor that was freed for a call which may fail.
type kept struct {
	entry
	stampThen int64 // of the table
}
