package files

import (
	"strings"

	"systape/format"
	"systape/format/abi"
)

// Calls that name descriptors of which nothing is known.
var unknownNamed = &Named{}

// named finds out what a call names, before the call does anything.
func (f *Follower) named(t *task, a abi.ABI, nr int32, refs abi.Refs, args *[6]int64, told string) *Named {
	if refs.FDs == 1 && refs.DirFDs|refs.Paths|refs.Addresses|refs.Messages == 0 { // most calls
		if told != "" && format.ArgumentUnknown(told, 0, args[0]) {
			return unknownNamed
		}
		file := f.toldOf(t, told, 0, int32(args[0]), false)
		if file == nil {
			file = f.lookup(t, int32(args[0]))
		}
		if file == nil {
			return unknownNamed
		}
		if file.alone == nil {
			file.alone = &Named{FDs: [6]*File{file}}
		}
		return file.alone
	}
	n := &Named{}
	for r := range args {
		bit := uint8(1) << r
		if (refs.FDs|refs.DirFDs)&bit != 0 && int32(args[r]) >= 0 {
			if n.FDs[r] = f.toldOf(t, told, r, int32(args[r]), false); n.FDs[r] != nil {
				continue
			}
		}
		switch {
		case (refs.FDs|refs.DirFDs)&bit == 0 || told != "" && format.ArgumentUnknown(told, r, args[r]):
		case refs.DirFDs&bit != 0 && int32(args[r]) == abi.AtFDCWD:
			if n.FDs[r] = f.toldOf(t, told, r, 0, true); n.FDs[r] == nil {
				n.FDs[r] = f.cwd(t)
			}
			n.cwd |= bit
		case refs.DirFDs&bit != 0:
			n.FDs[r] = f.lookupDir(t, int32(args[r]))
		default:
			n.FDs[r] = f.lookup(t, int32(args[r]))
		}
	}
	f.addPaths(n, t, a, nr, refs, args, told)
	return n
}

// addPaths adds what was told of the paths and addresses of a call.
func (f *Follower) addPaths(n *Named, t *task, a abi.ABI, nr int32, refs abi.Refs, args *[6]int64, told string) {
	sockets := refs.Sockets()
	if refs.Paths|sockets == 0 {
		return
	}
	n.moves = f.moves.number()
	if name, _ := abi.Name(a, nr); makesLink(name) {
		n.text = true
	}
	k := 0
	for r := range args {
		bit := uint8(1) << r
		if (refs.Paths|sockets)&bit == 0 {
			continue
		}
		if k == len(n.Paths) {
			return
		}
		text, unknown, ok := format.Argument(told, r)
		switch {
		case !ok && refs.Paths&bit != 0 && args[r] == 0 && r > 0 && refs.DirFDs>>(r-1)&1 != 0 && n.FDs[r-1] != nil:
			n.Paths[k] = n.FDs[r-1].Name // no path: it is about the descriptor
		case !ok || unknown:
		case sockets&bit != 0, f.asWritten(a, nr, k):
			n.Paths[k] = format.EscapeText(text)
		default:
			base := f.cwd(t)
			if r > 0 && refs.DirFDs>>(r-1)&1 != 0 {
				base = n.FDs[r-1]
			}
			text = format.EscapeText(text)
			root := f.root(t)
			if t.place.strayed && text != "" && text[0] == '/' {
				n.Paths[k], n.links[k] = text, elsewhere
				break
			}
			switch of := ownRoot(a, nr, r, refs, args, text, told); {
			case of == notKnown, of == itsDirectory && base == nil:
				n.Paths[k], n.links[k] = text, elsewhere
			case of == itsDirectory:
				if n.Paths[k], n.links[k] = resolve(base, base, text); !base.real {
					n.links[k] = anywhere
				}
			default:
				n.Paths[k], n.links[k] = resolve(base, root, text)
			}
		}
		k++
	}
}

// asWritten tells texts that are not looked up as paths: what a symbolic link
// holds, and what is mounted.
func (f *Follower) asWritten(a abi.ABI, nr int32, k int) bool {
	if k != 0 {
		return false
	}
	name, _ := abi.Name(a, nr)
	return name == "mount" || makesLink(name)
}

func makesLink(name string) bool { return name == "symlink" || name == "symlinkat" }

// links says what of a path may be a symbolic link, or whether it is another
// path than it seems.
type links uint8

const (
	anywhere  links = iota // some part of it
	last                   // at most its last part
	nowhere                // none
	elsewhere              // it begins at a directory that is not known
)

// resolve makes a path absolute where it is known what it is relative to. What is
// before a ".." goes only where it is no symbolic link; and nothing leads out
// of the root.
func resolve(base, root *File, text string) (string, links) {
	top, ok := root.path()
	if !ok || top == "/" {
		top = ""
	}
	if text == "" {
		if base == nil {
			return "", anywhere
		}
		return base.Name, base.linked() // AT_EMPTY_PATH
	}
	dir, plain, rest := top, true, text[1:]
	if text[0] != '/' {
		if dir, ok = base.path(); !ok {
			return text, elsewhere
		}
		dir, plain, rest = strings.TrimSuffix(dir, "/"), base.real, text
	}
	if clean(text) && rest != "" && rest[0] != '.' { // most paths
		in := anywhere
		if plain && strings.IndexByte(rest, '/') < 0 {
			in = last
		}
		if dir == "" && text[0] == '/' {
			return text, in
		}
		return dir + "/" + rest, in
	}
	in := last
	for part := range strings.SplitSeq(text, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && (plain || dir == top):
			if dir != top {
				dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
			}
			continue
		case !plain:
			in = anywhere
		}
		dir, plain = dir+"/"+part, false
	}
	switch {
	case plain:
		in = nowhere
	case text[len(text)-1] == '/': // a last link is followed then
		in = anywhere
	}
	if dir == "" {
		return "/", nowhere
	}
	return dir, in
}

func (f *File) linked() links {
	if f.real {
		return nowhere
	}
	return anywhere
}

// clean reports that a path has nothing to be taken out but in its first part.
func clean(p string) bool {
	return !strings.Contains(p, "//") && !strings.Contains(p, "/.") && (len(p) == 1 || p[len(p)-1] != '/')
}

// typeOf tells what a descriptor stands for by the name that /proc/PID/fd or
// the recorder gives it.
func typeOf(name string) Type {
	switch {
	case strings.HasPrefix(name, "/memfd:"), name == "memfd", strings.HasPrefix(name, "/secretmem"):
		return Memfd
	case strings.HasPrefix(name, "/"):
		return Regular
	case strings.HasPrefix(name, "pipe:"), name == "pipe":
		return Pipe
	case strings.HasPrefix(name, "pidfd:"), strings.HasPrefix(name, "pid:"): // strace -yy
		return Pidfd
	case strings.HasPrefix(name, "signalfd:["): // likewise
		return Signalfd
	case strings.HasPrefix(name, "anon_inode:"):
		for _, e := range effects {
			if e.name != "" && strings.TrimSuffix(e.name, "]") == strings.TrimSuffix(name, "]") {
				return e.typ
			}
		}
		if strings.HasPrefix(name, "anon_inode:bpf") || name == "anon_inode:btf" {
			return BPF
		}
		return Other
	case socketWord(name):
		return Socket
	case name == "":
		return Unknown
	}
	return Other
}

func socketWord(name string) bool {
	kind, _, _ := strings.Cut(name, ":")
	switch strings.TrimSuffix(kind, "v6") {
	case "socket", "TCP", "UDP", "RAW", "UNIX", "UNIX-STREAM", "UNIX-DGRAM", "UNIX-SEQPACKET", "NETLINK":
		return true
	}
	return false
}

// rootOf says where a path begins that begins with "/".
type rootOf uint8

const (
	itsProcess rootOf = iota
	itsDirectory
	notKnown
)

// ownRoot finds out whether a call has a root of its own: openat2 can make one
// of its directory (RESOLVE_IN_ROOT), and that it does stands in memory
// (openat2(2)).
func ownRoot(a abi.ABI, nr int32, r int, refs abi.Refs, args *[6]int64, text, told string) rootOf {
	if r == 0 || refs.DirFDs>>(r-1)&1 == 0 || refs.Words == 0 {
		return itsProcess
	}
	_, inRoot, ok := howOf(told)
	switch {
	case ok && inRoot:
		return itsDirectory
	case ok, int32(args[r-1]) == abi.AtFDCWD, text == "", text[0] != '/' && !strings.Contains(text, ".."):
		return itsProcess
	}
	return notKnown
}
