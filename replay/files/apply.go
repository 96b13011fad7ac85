package files

import (
	"cmp"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
)

// uncertain forgets what a call may have changed of which no result is known.
func (f *Follower) uncertain(t *task, what action, c *Ended) {
	switch what {
	case changesDir:
		t.place.cwd = nil
		t.place.stamp++
	case closesRange:
		if c.Args[2]&closeRangeUnshare != 0 {
			t.table.blind() // it may be another than its process's since
		}
	case changesRoot, pivots, entersNamespace:
		t.place.stray()
	case unshares:
		t.table.blind()
		t.place.opaque = true
	case rings:
		t.table.blind()
	}
}

// apply does what a call did that succeeded, and returns what the descriptor
// stands for that it returned.
func (f *Follower) apply(t *task, e *effect, c *Ended, n *Named) *File {
	args, ret := &c.Args, int32(c.Ret)
	give := func(o *open, onExec closing) *File {
		f.set(t, ret, o, onExec)
		return o.file
	}
	switch e.what {
	case makes:
		if e.typ == Signalfd && int32(args[0]) == ret {
			return f.lookup(t, ret) // another mask for the same
		}
		name := e.name
		if e.before != "" {
			if given, unknown, told := format.Argument(c.Told, 0); told && !unknown {
				name = e.before + format.EscapeText(given)
			}
		}
		return give(&open{&File{Name: name, Type: e.typ}}, e.closedByExec(args))
	case opens:
		return give(&open{e.opened(c, n)}, e.closed(c))
	case makesBPF:
		if name := bpfNames[uint32(args[0])]; name != "" {
			return give(&open{&File{Name: name, Type: BPF}}, yes)
		}
	case rings:
		t.table.blind()
	case duplicates, replaces:
		return f.duplicate(t, int32(args[0]), ret, e.what == replaces && args[0] == args[1], e.closedByDup(args))
	case controls:
		switch int32(args[1]) {
		case fDupFD:
			return f.duplicate(t, int32(args[0]), ret, false, no)
		case fDupFDCloexec:
			return f.duplicate(t, int32(args[0]), ret, false, yes)
		case fSetFD:
			f.mark(t, args[0], args[0], args[2]&fdCloexec != 0)
		}
	case iocontrols:
		if cmd := uint32(args[1]); cmd == fioClex || cmd == fioNClex {
			f.mark(t, args[0], args[0], cmd == fioClex)
		}
	case closesRange:
		if args[2]&closeRangeUnshare != 0 {
			f.unshareTable(t)
			if args[2]&closeRangeCloexec == 0 {
				f.free(t, int64(uint32(args[0])), int64(uint32(args[1])), "")
			}
		}
		if args[2]&closeRangeCloexec != 0 {
			f.mark(t, int64(uint32(args[0])), int64(uint32(args[1])), true)
		}
	case pipes, makesSockets:
		if file, at := e.pair(c); file != nil {
			f.both(t, c.Told, at, file, e.closedByExec(args))
		}
	case makesSocket:
		return give(&open{&File{Name: socketName(args[0], args[1]), Type: Socket}}, e.closedByExec(args))
	case accepts:
		name := "socket"
		if n.FDs[0] != nil {
			name = withPeer(n.FDs[0].Name, cmp.Or(n.Paths[0], "?")) // it is not the one that listens
		}
		return give(&open{&File{Name: name, Type: Socket}}, e.closedByExec(args))
	case connects, binds, tellsLocal, tellsPeer:
		f.addressed(t, e.what, n, args)
	case changesDir:
		t.place.cwd = n.directory()
		t.place.stamp++
	case changesRoot:
		t.place.root = n.directory()
		t.place.stamp++
		t.place.strayed = t.place.root == nil
	case renames:
		f.renamed(n, e.flags >= 0 && args[e.flags]&renameExchange != 0)
	case pivots:
		for _, t := range f.tasks {
			t.place.stray()
		}
	case unshares:
		if args[0]&cloneFiles != 0 {
			f.unshareTable(t)
		}
		if args[0]&(cloneFS|cloneNewNS) != 0 {
			f.unsharePlace(t)
		}
	case entersNamespace:
		if args[1] == 0 || args[1]&cloneNewNS != 0 {
			t.place.stray()
		}
	}
	return nil
}

const (
	oTmpfile       = 0o20000000 // include/uapi/asm-generic/fcntl.h
	oNoFollow      = 0o400000
	oNoFollowOnARM = 0o100000 // arch/arm64/include/uapi/asm/fcntl.h, arch/arm likewise
)

// opened is the file that a call has opened.
func (e *effect) opened(c *Ended, n *Named) *File {
	f := &File{Name: n.Paths[0], Type: Regular, moves: n.moves}
	noFollow := int64(oNoFollow)
	if c.ABI == abi.ARM || c.ABI == abi.ARM64 {
		noFollow = oNoFollowOnARM
	}
	flags := int64(0)
	switch {
	case e.unsure:
		flags, _, _ = howOf(c.Told)
	case e.flags >= 0:
		flags = c.Args[e.flags]
	}
	switch {
	case n.links[0] == elsewhere, e.tree && flags&openTreeClone != 0:
		f.Name = ""
	case flags&oTmpfile != 0:
		f.Name += "/(O_TMPFILE)" // it has no name, and is not the directory
	default:
		f.real = n.links[0] == nowhere || n.links[0] == last && flags&noFollow != 0
	}
	return f
}

// closed is closedByExec of a call that has its flags in memory, too.
func (e *effect) closed(c *Ended) closing {
	if e.unsure {
		flags, _, ok := howOf(c.Told)
		switch {
		case !ok:
			return maybe
		case flags&oCloexec != 0:
			return yes
		}
		return no
	}
	return e.closedByExec(&c.Args)
}

// addressed gives a socket the address that a call has given it, or told of it.
func (f *Follower) addressed(t *task, what action, n *Named, args *[6]int64) {
	entry, ok := t.table.entries[int32(args[0])]
	if !ok || n.FDs[0] == nil || entry.open.file != n.FDs[0] || n.Paths[0] == "" && what != connects {
		return
	}
	name := n.FDs[0].Name
	switch {
	case what == binds || what == tellsLocal:
		name = withLocal(name, n.Paths[0])
	case n.Paths[0] == "": // to AF_UNSPEC, or to an address that was not read
		name = withoutAddresses(name)
	default:
		name = withPeer(name, n.Paths[0])
	}
	if name == n.FDs[0].Name {
		return
	}
	entry.open.file = &File{Name: name, Type: Socket}
	f.bytes += int64(len(name))
}

// Commands of bpf that make a descriptor (include/uapi/linux/bpf.h), and what
// /proc/PID/fd calls it.
var bpfNames = map[uint32]string{0: "anon_inode:bpf-map", 5: "anon_inode:bpf-prog", 18: "anon_inode:btf", 28: "anon_inode:bpf_link"}

// closedByDup is closedByExec of a duplicate: dup and dup2 take no flags.
func (e *effect) closedByDup(args *[6]int64) closing {
	if e.what == replaces {
		return e.closedByExec(args)
	}
	return no
}

// duplicate lets a descriptor stand for what another does.
func (f *Follower) duplicate(t *task, from, to int32, same bool, onExec closing) *File {
	file := f.lookup(t, from)
	if file == nil || same {
		return file
	}
	f.set(t, to, t.table.entries[from].open, onExec)
	return file
}

// mark says of the descriptors from first to last whether exec closes them.
func (f *Follower) mark(t *task, first, last int64, closed bool) {
	if len(t.table.entries) == 0 {
		return
	}
	t.table.own(&f.bytes)
	onExec := no
	if closed {
		onExec = yes
	}
	for fd, e := range t.table.entries {
		if int64(fd) >= first && int64(fd) <= last {
			t.table.entries[fd] = entry{e.open, onExec, e.stamp}
		}
	}
}

// both lets two new descriptors stand for file, if the call tells them.
func (f *Follower) both(t *task, told string, arg int, file *File, onExec closing) {
	if a, b, ok := madePair(told, arg); ok {
		f.set(t, a, &open{file}, onExec)
		f.set(t, b, &open{file}, onExec)
	}
}

func madePair(told string, arg int) (a, b int32, ok bool) {
	text, unknown, is := format.Argument(told, arg)
	if !is || unknown {
		return 0, 0, false
	}
	return Pair(text)
}

// pair is what each of the descriptors stands for that a call returned in memory,
// and which argument leads there; nil where it is not told.
func (e *effect) pair(c *Ended) (file *File, at int) {
	switch e.what {
	case pipes:
		file = &File{Name: "pipe", Type: Pipe}
	case makesSockets:
		file, at = &File{Name: socketName(c.Args[0], c.Args[1]), Type: Socket}, 3
	default:
		return nil, 0
	}
	if _, _, ok := madePair(c.Told, at); !ok {
		return nil, 0
	}
	return file, at
}

// Pair reads the two descriptors of pipe and socketpair, "[3, 4]".
func Pair(text string) (a, b int32, ok bool) {
	text, open := strings.CutPrefix(text, "[")
	text, end := strings.CutSuffix(text, "]")
	first, second, both := strings.Cut(text, ", ")
	x, err1 := strconv.ParseUint(first, 10, 31)
	y, err2 := strconv.ParseUint(second, 10, 31)
	return int32(x), int32(y), open && end && both && err1 == nil && err2 == nil
}

// directory returns where a call moved to: its path, or its descriptor.
func (n *Named) directory() *File {
	if n.Paths[0] != "" {
		f := &File{Name: n.Paths[0], Type: Regular, real: n.links[0] == nowhere, moves: n.moves}
		if _, ok := f.path(); ok && n.links[0] != elsewhere {
			return f
		}
		return nil
	}
	if _, ok := n.FDs[0].path(); ok {
		return n.FDs[0]
	}
	return nil
}
