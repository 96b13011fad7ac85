// Package files follows what descriptors, working directories and roots stand
// for through a capture, so that a call has the file or the socket that it is
// about. It works from the rows of a capture alone: from what an enter tells
// of its arguments, what calls returned, and what was open at the start.
//
// What is not known stays unknown. A descriptor that appears unseen, such as
// one that came in a message, can only take a number that was free; a number
// that stands for something is freed by calls that the capture has. So what is
// known stays right, except across what may have been missed: losses, io_uring,
// and recordings of some calls only. There it is forgotten.
//
// Names are those under which a file was opened, with "." and ".." resolved as
// text: links are not followed, and a file that was renamed keeps its name.
package files

import (
	"slices"
	"strings"
)

// Type says what kind of thing a descriptor stands for.
type Type uint8

// The types. Regular is whatever has a place in the file system: files,
// directories, devices, named pipes.
const (
	Unknown Type = iota
	Regular
	Socket
	Pipe
	Epoll
	Eventfd
	Signalfd
	Timerfd
	Inotify
	Fanotify
	Pidfd
	Memfd
	Userfaultfd
	Perf
	IOUring
	BPF
	Other
	numTypes
)

var typeNames = [numTypes]string{"", "file", "socket", "pipe", "epoll", "eventfd", "signalfd", "timerfd", "inotify", "fanotify",
	"pidfd", "memfd", "userfaultfd", "perf", "io_uring", "bpf", "other"}

// String returns the word for the type, such as "file"; "" for Unknown.
func (t Type) String() string {
	if t < numTypes {
		return typeNames[t]
	}
	return ""
}

// TypeWords lists the words of all types that are known.
func TypeWords() []string { return slices.Clone(typeNames[1:]) }

// ParseType is the inverse of [Type.String]; ok is false for any other word.
func ParseType(word string) (t Type, ok bool) {
	i := slices.Index(typeNames[:], word)
	return Type(max(i, 0)), i > 0
}

// File is what a descriptor stands for. It does not change.
type File struct {
	// Name is a path, or a word for what has none, such as "pipe" or
	// "TCP:[->192.0.2.1:80]"; "" when only the type is known. It is UTF-8, other
	// bytes escaped as in captures, see [systape/format.EscapeText].
	Name string
	Type Type
	Gone bool // Name ends in [systape/format.DeletedSuffix], which is no part of it: the file was removed before it was met

	real  bool   // the name is a path without symbolic links: ".." is what is before
	moves int    // renames that the name knows of
	alone *Named // a call that names nothing but this, in its first register
}

// path returns the name if it is an absolute path.
func (f *File) path() (string, bool) {
	if f == nil || !strings.HasPrefix(f.Name, "/") {
		return "", false
	}
	return f.Name, true
}

// Named is what the arguments of one call name. It must not be changed.
type Named struct {
	FDs    [6]*File  // by register: what the descriptor there, or AT_FDCWD, stands for; nil: not known
	Ret    *File     // what the descriptor stands for that the call returned; nil: none, or not known
	Pair   *File     // what each of the two descriptors stands for that it returned in memory (pipe, socketpair); nil: none, or not known
	PairAt int       // the argument that leads there
	Paths  [2]string // its paths and socket addresses, in their order; "" where there is none or it is not known
	cwd    uint8     // registers that hold AT_FDCWD
	links  [2]links  // what may be a symbolic link in Paths
	moves  int       // renames that the paths know of
	text   bool      // Paths[0] is what a symbolic link is to hold: the call is about Paths[1]
}

// Descriptor returns what the call's first descriptor stands for, the working
// directory apart; nil when there is none or it is not known.
func (n *Named) Descriptor() *File {
	if n == nil {
		return nil
	}
	for i, f := range n.FDs {
		if f != nil && n.cwd>>i&1 == 0 {
			return f
		}
	}
	return nil
}

// Path returns the one name that the call is about: its first path or socket
// address, or else that of its first descriptor; "" when nothing is known.
func (n *Named) Path() string {
	if n == nil {
		return ""
	}
	if p := n.Paths[n.main()]; p != "" {
		return p
	}
	if f := n.Descriptor(); f != nil {
		return f.Name
	}
	return ""
}

// known reports whether the one name that the call is about is no mere end of
// one.
func (n *Named) known() bool {
	if k := n.main(); n.Paths[k] != "" {
		return n.links[k] != elsewhere
	}
	return n.Path() != ""
}

// main is which of the paths the call is about.
func (n *Named) main() int {
	if n.text {
		return 1
	}
	return 0
}

// made is what the descriptor stands for that the call made, or each of the two.
func (n *Named) made() *File {
	switch {
	case n == nil:
		return nil
	case n.Ret != nil:
		return n.Ret
	}
	return n.Pair
}

// Type returns the type of the call's first descriptor, or else of the one
// that it returned.
func (n *Named) Type() Type {
	if f := n.Descriptor(); f != nil {
		return f.Type
	}
	if made := n.made(); made != nil {
		return made.Type
	}
	return Unknown
}

// Any reports whether ok holds for a name of the call: a path, a socket
// address or what a descriptor stands for, the working directory apart. A socket
// has its addresses for names, too.
func (n *Named) Any(ok func(name string) bool) bool {
	if n == nil {
		return false
	}
	for _, p := range n.Paths {
		if p != "" && ok(p) {
			return true
		}
	}
	for i, f := range n.FDs {
		if f != nil && n.cwd>>i&1 == 0 && f.named(ok) {
			return true
		}
	}
	made := n.made()
	return made != nil && made.named(ok)
}

// named reports whether ok holds for the name, or an address in it.
func (f *File) named(ok func(name string) bool) bool {
	if f.Name == "" || ok(f.Name) {
		return f.Name != ""
	}
	if f.Type != Socket {
		return false
	}
	_, addresses, _ := SocketAddresses(f.Name)
	return slices.ContainsFunc(addresses, func(a string) bool { return a != "" && a != "?" && ok(a) })
}

// HasType reports whether a descriptor that the call takes or returned is of
// type t.
func (n *Named) HasType(t Type) bool {
	if n == nil {
		return false
	}
	for i, f := range n.FDs {
		if f != nil && f.Type == t && n.cwd>>i&1 == 0 {
			return true
		}
	}
	made := n.made()
	return made != nil && made.Type == t
}
