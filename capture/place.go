package capture

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"systape/bpf"
	"systape/format"
)

// place is where threads are in the hierarchies of cgroups. It does not change:
// a thread that is moved has another.
type place struct {
	id        uint64   // without BTF, of the cgroup of version 2, as a thread there had it; 0: not told
	cgroups   []cgroup // that are no root, each of another hierarchy; the one that was come into last is first
	container format.Symbol
	lost      uint64 // moves that were lost until this was known
}

// cgroup is one in a hierarchy.
type cgroup struct {
	hierarchy int32 // as in /proc/PID/cgroup; 0: of version 2
	path      string
}

// unknownHierarchy is that of a cgroup whose hierarchy the kernel side cannot tell.
const unknownHierarchy = -1

// maxCgroups bounds how many ids of cgroups are kept: they come and go.
const maxCgroups = 1 << 16

// placesOf reads /proc/PID/cgroup.
func placesOf(file string) (all []cgroup) {
	for line := range strings.Lines(file) {
		fields := strings.SplitN(strings.TrimRight(line, "\n"), ":", 3)
		if len(fields) != 3 || len(fields[2]) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(fields[0], 10, 32); err == nil {
			all = append(all, cgroup{int32(n), strings.TrimSuffix(fields[2], " (deleted)")})
		}
	}
	return all
}

// deciding returns the path that names the container: version 2's, or else the
// longest.
func deciding(all []cgroup) (path string) {
	for _, c := range all {
		if c.hierarchy == 0 {
			return c.path
		}
		if len(c.path) > len(path) {
			path = c.path
		}
	}
	return path
}

// placeOf is where a process is of which /proc/PID/cgroup says that.
func (m *merger) placeOf(file string) *place {
	if m.said.place == nil || m.said.file != file || m.said.place.lost != m.placesLost() {
		all := placesOf(file)
		m.said.file, m.said.place = file, &place{cgroups: all, container: m.containerAt(deciding(all)), lost: m.placesLost()}
	}
	return m.said.place
}

// containerAt names the container of a cgroup.
func (m *merger) containerAt(path string) format.Symbol {
	if path == "" {
		return 0
	}
	return m.intern(containerOf(path))
}

// placesLost counts the records of cgroups that found no room.
func (m *merger) placesLost() (n uint64) {
	for i := range m.sources {
		n += atomic.LoadUint64(&m.sources[i].Control.LostPlaces)
	}
	return n
}

// moved returns where a thread is after it came into a cgroup. Of version 1 a
// process is moved in one hierarchy after the other; the first that names a
// container says where it is going.
func (m *merger) moved(from *place, to cgroup) *place {
	in := &place{lost: m.placesLost()}
	if from != nil {
		in.lost = from.lost
		in.cgroups = slices.DeleteFunc(slices.Clone(from.cgroups), func(c cgroup) bool { return c.hierarchy == to.hierarchy })
	}
	if len(to.path) > 1 {
		in.cgroups = slices.Insert(in.cgroups, 0, to)
		in.container = m.containerAt(to.path)
	}
	if in.container == 0 {
		in.container = m.containerAt(deciding(in.cgroups))
	}
	return in
}

// learnPlace takes in a record about cgroups.
func (m *merger) learnPlace(r *bpf.Record) {
	p := bpf.Payload[bpf.PlacePayload](r)
	path := text(p.Path[:])
	if p.Cgroup != 0 {
		m.nameCgroup(p.Cgroup, path)
	}
	if bpf.KindOf(r.Tag) == bpf.RecordCgroup {
		return
	}
	m.known++
	pid, tid := int32(r.PidTgid>>32), int32(r.PidTgid)
	to := cgroup{p.Hierarchy, path}
	if t := m.threads.at(tid); p.Group == 0 || !t.known {
		t.place, t.turn = m.moved(t.place, to), 0
	}
	if p.Group == 0 {
		return
	}
	var from, in *place // mostly the same for all
	m.threads.of(pid, func(t *thread) {
		if in == nil || t.place != from {
			from, in = t.place, m.moved(t.place, to)
		}
		t.place, t.turn = in, 0
	})
}

// nameCgroup keeps the path of a cgroup of version 2.
func (m *merger) nameCgroup(id uint64, path string) {
	if len(m.cgroups) >= maxCgroups {
		clear(m.cgroups)
	}
	m.cgroups[id] = path
}

// cgroupPath returns the path of a cgroup of version 2, which may be gone.
func (m *merger) cgroupPath(id uint64) (path string, ok bool) {
	path, seen := m.cgroups[id]
	if !seen {
		path, _ = m.resolve.cgroupPath(id)
		m.nameCgroup(id, path)
	}
	return path, path != ""
}

// begunIn places a thread by the id of its cgroup of version 2: a child may
// begin in another one than its parent's. 0: there is no version 2.
func (m *merger) begunIn(t *thread, id uint64) bool {
	path, ok := "/", id == 1
	if id > 1 {
		path, ok = m.cgroupPath(id)
	}
	if !ok {
		// Without BTF moves do not tell the hierarchy, and a fork the parent's id.
		if t.place != nil && t.place.id == 0 && slices.ContainsFunc(t.place.cgroups, func(c cgroup) bool { return c.hierarchy == unknownHierarchy }) {
			t.place.id = id
		}
		return false
	}
	now := ""
	if t.place != nil {
		for _, c := range t.place.cgroups {
			if c.hierarchy == 0 {
				now = c.path
			}
		}
	}
	if path = strings.TrimSuffix(path, "/"); path != now {
		t.place, t.turn = m.moved(t.place, cgroup{0, path}), 0
	}
	return true
}

// placeAtExec makes sure of where a process is when it becomes a program. Where
// moves were lost since that was known, or the id of its cgroup has no path and
// is not that of others in its place, so that it may have begun elsewhere, the
// process is asked; when that has ended, its container is not known.
func (m *merger) placeAtExec(t *thread, pid int32, id uint64) {
	found := m.begunIn(t, id)
	if t.place != nil && t.place.lost == m.placesLost() && (found || id == 0 || id == t.place.id) {
		return
	}
	if found && id > 1 {
		return // version 2 decides alone
	}
	t.place, t.turn = m.placeOf(m.resolve.cgroups(pid)), 0
}
