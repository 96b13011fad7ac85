package format

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"systape/format/internal/columnar"
)

// Symbol stands for a string of a [SymbolTable], so that batches compare and
// group names as integers. The zero Symbol is the empty string.
type Symbol uint32

// maxNameBytes bounds what one table keeps. Thread names, containers and
// system calls of any real capture stay far below it; a hostile file does not
// get to fill the memory.
const maxNameBytes = 64 << 20

// SymbolTable maps strings to small integers and back. One table serves one reader
// or one recorder, and a Symbol is valid as long as its table. String may be
// called while another goroutine interns.
type SymbolTable struct {
	mu    sync.Mutex
	ids   map[string]Symbol
	bytes int
	list  atomic.Pointer[[]string]
}

// NewSymbolTable returns a table that holds only the empty string.
func NewSymbolTable() *SymbolTable {
	n := &SymbolTable{ids: map[string]Symbol{"": 0}}
	n.list.Store(&[]string{""})
	return n
}

// Intern returns the Symbol of b, text as captures store it, adding a copy of
// it when it is new; what comes from the kernel goes through [EscapeText] first.
// Bytes that are no UTF-8 become \xNN nevertheless. It fails when the table would
// hold more than 64 MiB.
func (n *SymbolTable) Intern(b []byte) (Symbol, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.ids[string(b)]; ok {
		return s, nil
	}
	const overhead = 64 // map entry, slice header and string header, roughly
	if n.bytes+len(b)+overhead > maxNameBytes {
		return 0, fmt.Errorf("more than %d MiB of distinct names", maxNameBytes>>20)
	}
	n.bytes += len(b) + overhead
	if !utf8.Valid(b) {
		clean := columnar.CleanText(string(b))
		s, ok := n.ids[clean]
		if !ok {
			s = n.add(clean)
		}
		n.ids[string(b)] = s
		return s, nil
	}
	return n.add(string(b)), nil
}

// add appends str, which must be new. The caller holds the lock.
func (n *SymbolTable) add(str string) Symbol {
	old := *n.list.Load()
	s := Symbol(len(old))
	// Appending in place is safe for concurrent readers: they hold a shorter
	// slice of the same array and never look past its length.
	list := append(old, str)
	n.list.Store(&list)
	n.ids[str] = s
	return s
}

// InternString is Intern for a string that the program itself chose; it
// panics when the table is full, which only input from outside can cause.
func (n *SymbolTable) InternString(s string) Symbol {
	sym, err := n.Intern([]byte(s))
	if err != nil {
		panic("format: internal error: " + err.Error())
	}
	return sym
}

// Lookup returns the Symbol of s if the table has it.
func (n *SymbolTable) Lookup(s string) (Symbol, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sym, ok := n.ids[s]
	return sym, ok
}

// String returns the string that s stands for, "" for a Symbol of another table.
func (n *SymbolTable) String(s Symbol) string {
	l := *n.list.Load()
	if int(s) < len(l) {
		return l[s]
	}
	return ""
}

// Len returns how many distinct strings the table holds, the empty one included.
func (n *SymbolTable) Len() int { return len(*n.list.Load()) }
