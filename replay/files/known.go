package files

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"systape/format"
)

// Known is one thing that a Follower knows at a moment, as a row of kind fd
// tells it.
type Known struct {
	PID, TID int32
	Number   int64  // see [format.FDNumber]
	Flags    int64  // see [format.FDFlags]
	Name     string // what the row has in detail
}

// maxKnown bounds the descriptors that [Follower.Known] tells of.
const maxKnown = 1 << 20

// Known returns what is known now of the processes that ask chooses, so that
// a capture of them can begin here: first who shares with whom, then directories,
// then descriptors. ok is false where nothing can be followed from here on.
func (f *Follower) Known(ask func(pid int32) bool) (all []Known, ok bool) {
	if !f.fixed || !f.placed {
		return nil, false
	}
	k := knowing{Follower: f, tables: map[*table]int32{}, places: map[*place]int32{}, unseenTables: map[*table]bool{}, unseenPlaces: map[*place]bool{}}
	tids := make([]int32, 0, len(f.tasks))
	for tid, t := range f.tasks {
		asked := ask(t.pid)
		if asked {
			tids = append(tids, tid)
		}
		parts := t.call.what == unshares || t.call.what == closesRange // it may get its own before it is seen again
		if t.table.opaque || !asked || parts && t.table.tasks > 1 {
			k.unseenTables[t.table] = true
		}
		if t.place.opaque || !asked || parts && t.place.tasks > 1 {
			k.unseenPlaces[t.place] = true
		}
	}
	place := func(tid int32) int32 { // among the threads of its process
		if tid == f.tasks[tid].pid {
			return math.MinInt32
		}
		return tid
	}
	slices.SortFunc(tids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.tasks[a].pid, f.tasks[b].pid), cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	for i, tid := range tids {
		t := f.tasks[tid]
		if i == 0 || k.process.pid != t.pid {
			k.process, tid = t, t.pid // also where the thread has ended that the process began with
		}
		k.files(tid, t)
		k.dirs(tid, t)
	}
	return slices.Concat(k.sharing, k.directories, k.descriptors), true
}

// knowing puts together what a Follower knows.
type knowing struct {
	*Follower
	process *task            // that stands for the process at hand
	tables  map[*table]int32 // by the thread that was told to have them
	places  map[*place]int32

	unseenTables map[*table]bool // they change unseen
	unseenPlaces map[*place]bool

	sharing, directories, descriptors []Known
}

// files tells of the descriptors of a thread.
func (k *knowing) files(tid int32, t *task) {
	if t != k.process && t.table == k.process.table {
		return
	}
	share := func(with int32) {
		k.sharing = append(k.sharing, Known{PID: t.pid, TID: tid, Number: format.FDSharesFiles, Flags: int64(with)})
	}
	if with, told := k.tables[t.table]; told {
		share(with)
		return
	}
	k.tables[t.table] = tid
	if tid != t.pid {
		share(tid)
	}
	if k.unseenTables[t.table] {
		share(0)
		return
	}
	for _, fd := range slices.Sorted(maps.Keys(t.table.entries)) {
		file := k.current(k.lookup(t, fd))
		if file == nil || file.Name == "" || len(k.descriptors) == maxKnown {
			continue
		}
		flags := file.flags()
		if t.table.entries[fd].onExec != no {
			flags |= oCloexec
		}
		k.descriptors = append(k.descriptors, Known{PID: t.pid, TID: tid, Number: int64(fd), Flags: flags, Name: file.Name})
	}
}

// dirs tells of the directories of a thread.
func (k *knowing) dirs(tid int32, t *task) {
	if t != k.process && t.place == k.process.place {
		return
	}
	share := func(with int32) {
		k.sharing = append(k.sharing, Known{PID: t.pid, TID: tid, Number: format.FDSharesDirs, Flags: int64(with)})
	}
	if with, told := k.places[t.place]; told {
		share(with)
		return
	}
	k.places[t.place] = tid
	if tid != t.pid {
		share(tid)
	}
	if k.unseenPlaces[t.place] {
		share(0)
		return
	}
	is := func(number int64, file *File) {
		k.directories = append(k.directories, Known{PID: t.pid, TID: tid, Number: number, Flags: file.flags(), Name: file.Name})
	}
	if cwd := k.cwd(t); cwd != nil {
		is(format.FDCwd, cwd)
	}
	if root := k.root(t); root != nil {
		is(format.FDRoot, root)
	} else if t.place.strayed {
		is(format.FDRoot, &File{real: true})
	}
}

// flags are those of a row that tells what a file is called.
func (f *File) flags() int64 {
	switch {
	case f.Gone:
		return format.FDDeleted
	case f.Type == Regular && !f.real:
		return format.FDAsOpened
	}
	return 0
}
