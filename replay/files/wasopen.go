package files

import (
	"strings"

	"systape/format"
)

// wasOpen takes a row that tells what was open at the start, or where a part
// begins: what is known already stays.
func (f *Follower) wasOpen(b *format.Batch, i int) {
	pid, tid := b.PID[i], b.TID[i]
	t, fd := f.task(pid, pid), int32(b.Args[format.FDNumber][i])
	switch {
	case tid != pid && fd > format.FDSharesFiles:
		t = f.alone(tid, t, fd)
	case tid != pid:
		t = f.task(tid, pid)
	}
	file := f.fromProc(b.Detail[i])
	other := int32(b.Args[format.FDFlags][i]) // with whom it shares, if it does
	file.Gone = b.Args[format.FDFlags][i]&format.FDDeleted != 0 && fd != format.FDSharesFiles && fd != format.FDSharesDirs && strings.HasSuffix(file.Name, format.DeletedSuffix)
	file.real = file.real && b.Args[format.FDFlags][i]&format.FDAsOpened == 0
	switch fd {
	case format.FDCwd:
		if t.place.cwd == nil && t.place.changing == 0 {
			t.place.cwd = file
		}
	case format.FDRoot:
		if t.place.root == nil && file.Name == "" {
			t.place.strayed = true
		} else if t.place.root == nil {
			t.place.root, t.place.strayed = file, false
		}
	case format.FDSharesFiles, format.FDSharesDirs:
		f.shares(t, tid, fd, other)
	default:
		if _, known := t.table.entries[fd]; known {
			return
		}
		onExec := no
		if b.Args[format.FDFlags][i]&oCloexec != 0 {
			onExec = yes
		}
		f.set(t, fd, &open{file}, onExec)
		if file.Type == IOUring {
			t.table.blind()
		}
	}
}

// shares takes from a row with whom t shares descriptors (what is
// [format.FDSharesFiles]) or directories.
func (f *Follower) shares(t *task, tid, what, with int32) {
	ofFiles := what == format.FDSharesFiles
	switch {
	case with == 0 && ofFiles:
		t.table.blind()
	case with == 0:
		t.place.stray()
		t.place.opaque = true
	case with == tid && tid == t.pid:
	case with == tid && ofFiles:
		f.alone(tid, f.task(t.pid, t.pid), 0)
	case with == tid:
		f.alone(tid, f.task(t.pid, t.pid), format.FDCwd)
	case ofFiles:
		t.use(f.task(with, with).table)
	default:
		t.stand(f.task(with, with).place)
	}
}

// alone returns a thread that has descriptors or directories of its own, of
// which fd is one.
func (f *Follower) alone(tid int32, leader *task, fd int32) *task {
	t := f.task(tid, leader.pid)
	switch {
	case fd >= 0 && t.table == leader.table:
		t.use(new(table))
	case fd < 0 && t.place == leader.place:
		t.stand(new(place))
	}
	return t
}
