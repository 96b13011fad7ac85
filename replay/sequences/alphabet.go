package sequences

import (
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// An ID is the number of a symbol in one [Alphabet], from 1. The zero ID is
// no symbol: it stands for the start and the end of a sequence.
type ID uint32

// Alphabet numbers symbols densely, in the order in which they first occur.
// A symbol is a system call's name, "openat"; "openat:ENOENT" when results
// are kept apart; "i386:open" when the call was made through another ABI than
// the capture's own; "openat:/etc/*" when a rule for paths says so, see
// [Options.Paths].
type Alphabet struct {
	ids   map[string]ID
	names []string
}

// NewAlphabet returns an alphabet that holds names, numbered from 1.
func NewAlphabet(names ...string) *Alphabet {
	a := &Alphabet{ids: make(map[string]ID, len(names)), names: []string{""}}
	for _, n := range names {
		a.ID(n)
	}
	return a
}

// ID returns the number of a symbol, adding the symbol when it is new.
func (a *Alphabet) ID(name string) ID {
	if id, ok := a.ids[name]; ok {
		return id
	}
	id := ID(len(a.names))
	a.ids[name] = id
	a.names = append(a.names, name)
	return id
}

// Lookup returns the number of a symbol that the alphabet has.
func (a *Alphabet) Lookup(name string) (ID, bool) {
	id, ok := a.ids[name]
	return id, ok
}

// Name returns the symbol with the given number, "" for 0 or an unknown one.
func (a *Alphabet) Name(id ID) string {
	if int(id) < len(a.names) {
		return a.names[id]
	}
	return ""
}

// Len returns how many symbols there are; the highest ID is Len.
func (a *Alphabet) Len() int { return len(a.names) - 1 }

// Names returns the symbols for ids, in a new slice.
func (a *Alphabet) Names(ids []ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = a.Name(id)
	}
	return out
}

// symbolizer finds the symbol of a call without building strings for calls
// it has met before.
type symbolizer struct {
	alphabet   *Alphabet
	names      *format.SymbolTable
	native     abi.ABI
	haveNative bool
	withErrors bool
	paths      []string // see Options.Paths
	plain      [8][]ID  // by ABI, then by Symbol of the name
	qualified  map[qualifiedKey]ID
}

// qualifiedKey is a call of which more is told than its name.
type qualifiedKey struct {
	abi   abi.ABI
	sym   format.Symbol
	rule  int // of paths, -1: none
	errno int16
}

func (s *symbolizer) reset(names *format.SymbolTable) {
	s.names = names
	s.plain = [8][]ID{}
	s.qualified = map[qualifiedKey]ID{}
}

func (s *symbolizer) call(c *replay.Call) ID {
	k := qualifiedKey{abi: c.ABI, sym: c.Syscall, rule: s.rule(c)}
	if s.withErrors {
		k.errno = int16(c.Errno())
	}
	if k.rule < 0 && k.errno == 0 {
		return s.name(c.ABI, c.Syscall)
	}
	return s.qualify(k)
}

// rule returns the first rule that what a call is about matches, -1 if none does.
func (s *symbolizer) rule(c *replay.Call) int {
	if len(s.paths) == 0 || c.Files == nil {
		return -1
	}
	path := c.Files.Path()
	if path == "" {
		return -1
	}
	return slices.IndexFunc(s.paths, func(pattern string) bool { return replay.MatchName(pattern, path) })
}

func (s *symbolizer) name(a abi.ABI, sym format.Symbol) ID {
	if !s.haveNative {
		s.native, s.haveNative = a, true
	}
	cache := &s.plain[a&7]
	if int(sym) < len(*cache) && (*cache)[sym] != 0 {
		return (*cache)[sym]
	}
	for len(*cache) <= int(sym) {
		*cache = append(*cache, 0)
	}
	id := s.alphabet.ID(s.prefix(a) + s.names.String(sym))
	(*cache)[sym] = id
	return id
}

func (s *symbolizer) qualify(k qualifiedKey) ID {
	if id, ok := s.qualified[k]; ok {
		return id
	}
	if !s.haveNative {
		s.native, s.haveNative = k.abi, true
	}
	name := s.prefix(k.abi) + s.names.String(k.sym)
	if k.rule >= 0 {
		name += ":" + s.paths[k.rule]
	}
	if k.errno != 0 {
		name += ":" + abi.ErrnoName(k.abi, int(k.errno))
	}
	id := s.alphabet.ID(name)
	s.qualified[k] = id
	return id
}

func (s *symbolizer) prefix(a abi.ABI) string {
	if a == s.native {
		return ""
	}
	return a.String() + ":"
}
