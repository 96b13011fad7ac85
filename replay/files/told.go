package files

import (
	"strings"

	"systape/format"
)

// What the source of an imported capture tells of a descriptor (strace -y) is
// so: it asked the kernel, also where nothing was seen of how the descriptor
// came to be.

// toldOf returns what a descriptor of t in register r, or AT_FDCWD, stands for as the
// source tells it, and keeps it; nil where it does not tell.
func (f *Follower) toldOf(t *task, told string, r int, fd int32, cwd bool) *File {
	if !f.imported || told == "" {
		return nil
	}
	name, is := format.Descriptor(told, r)
	if !is {
		return nil
	}
	name = format.EscapeText(name)
	if cwd {
		file := f.cwd(t)
		if file == nil || file.Name != name {
			file = f.fromProc(name)
			t.place.cwd = file
			t.place.stamp++
		}
		return file
	}
	file := f.lookup(t, fd)
	if file == nil || file.Name != name {
		file = f.fromProc(name)
		f.replace(t, fd, file)
	}
	return file
}

// toldResult is toldOf of the descriptor that a call returned; instead is what
// follows from the call.
func (f *Follower) toldResult(t *task, told string, fd int32, instead *File) *File {
	if file := f.toldOf(t, told, format.Result, fd, false); file != nil {
		return file
	}
	return instead
}

// replace lets a descriptor of t stand for file, whatever it stood for.
func (f *Follower) replace(t *task, fd int32, file *File) {
	if !f.fixed || t.table.opaque {
		return
	}
	onExec := maybe
	if was, ok := t.table.entries[fd]; ok {
		onExec = was.onExec
		t.table.own(&f.bytes)
		delete(t.table.entries, fd)
	}
	f.set(t, fd, &open{file}, onExec)
}

// fromProc returns the file that /proc gives this name.
func (f *Follower) fromProc(name string) *File {
	file := &File{Name: name, Type: typeOf(name), moves: f.moves.number()}
	file.real = file.Type == Regular && !strings.HasSuffix(name, format.DeletedSuffix)
	return file
}
