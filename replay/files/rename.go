package files

import (
	"slices"
	"strings"
)

// moves are the renames of a capture. A descriptor keeps the name under which it
// was opened; but what is opened below a directory gets the name that this has
// then, or none where it cannot be told.
type moves struct {
	list []move
	gone int // that were dropped: list[0] is the move of this number
}

// move is a rename that succeeded.
type move struct {
	from, to string // whole paths; to is "" where the new one is not known
	part     string // the last part of the old name: all that is known if from is ""
	plain    bool   // from leads over no symbolic link
	half     bool   // the move that follows is the other half of an exchange
}

// Renames that are remembered: who has not used a directory for so many loses it.
const maxMoves = 1 << 14

func (m *moves) number() int { return m.gone + len(m.list) }

func (m *moves) add(one move) {
	if len(m.list) == maxMoves {
		m.gone += maxMoves / 2
		m.list = append(m.list[:0], m.list[maxMoves/2:]...)
	}
	m.list = append(m.list, one)
}

// renamed notes what a rename did, and the other half of an exchange.
func (f *Follower) renamed(n *Named, exchange bool) {
	f.rename(n, 0, 1, exchange && n.Paths[1] != "")
	if exchange {
		f.rename(n, 1, 0, false)
	}
}

func (f *Follower) rename(n *Named, from, to int, half bool) {
	old := strings.TrimRight(n.Paths[from], "/")
	if old == "" {
		return
	}
	one := move{part: old[strings.LastIndexByte(old, '/')+1:], half: half}
	if one.part == ".." || one.part == "." {
		one.part = ""
	}
	if n.links[from] != elsewhere && strings.HasPrefix(old, "/") {
		one.from, one.plain = old, n.links[from] >= last
	}
	if n.links[to] != elsewhere && strings.HasPrefix(n.Paths[to], "/") {
		one.to = n.Paths[to]
	}
	f.moves.add(one)
}

// current returns a directory under the name that it has now; nil where that
// is not known.
func (f *Follower) current(dir *File) *File {
	if dir == nil || dir.Gone || dir.moves == f.moves.number() {
		return dir
	}
	name, ok := dir.path()
	if !ok {
		return dir
	}
	if dir.moves < f.moves.gone {
		return nil
	}
	real, moved := dir.real, false
	for _, m := range f.moves.list[dir.moves-f.moves.gone:] {
		rest, below := strings.CutPrefix(name, m.from)
		was := moved
		moved = false
		switch {
		case was: // and not back by the other half
		case m.from != "" && below && (rest == "" || rest[0] == '/'):
			if m.to == "" {
				return nil
			}
			name, real, moved = m.to+rest, false, m.half
		case m.from != "" && m.plain && real: // two names of which neither has links
		case name == "/":
		case m.part == "" || slices.Contains(strings.Split(name, "/"), m.part):
			return nil
		}
	}
	return &File{Name: name, Type: dir.Type, real: real, moves: f.moves.number()}
}

// lookupDir is lookup of a descriptor below which something is named.
func (f *Follower) lookupDir(t *task, fd int32) *File {
	file := f.lookup(t, fd)
	if file == nil || file.moves == f.moves.number() {
		return file
	}
	now := f.current(file)
	if now == nil {
		now = &File{Type: file.Type, moves: f.moves.number()}
	}
	t.table.entries[fd].open.file = now
	return now
}
