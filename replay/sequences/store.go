package sequences

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// A SpillFile holds what there is no room for in memory.
type SpillFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// A Store keeps records outside of memory: the state of streams that have made
// no call for a while, and of streams that have ended. It opens its file when
// the first record comes. The first error stays, and everything after it
// fails.
type Store struct {
	open func() (SpillFile, error)
	file SpillFile
	end  int64       // of the file, in units
	free [33][]int64 // places that are free, by class
	buf  []byte
	err  error
}

// NewStore returns an empty store with the file that open makes.
func NewStore(open func() (SpillFile, error)) *Store { return &Store{open: open} }

// Err returns the first error of the store.
func (s *Store) Err() error { return s.err }

// Close closes the file, if there is one.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// place is where a record is: its first unit, and in the low bits its class.
// A record of class c has room for 1<<c units.
type place uint64

const (
	unit      = 64
	classBits = 5
)

func (p place) class() int    { return int(p & (1<<classBits - 1)) }
func (p place) offset() int64 { return int64(p>>classBits) * unit }

// put writes a record. Its length stands before it.
func (s *Store) put(record []byte) place {
	if s.err != nil {
		return 0
	}
	if s.file == nil {
		if s.file, s.err = s.open(); s.err != nil {
			s.err = fmt.Errorf("open a temporary file: %w", s.err)
			return 0
		}
	}
	s.buf = binary.LittleEndian.AppendUint32(s.buf[:0], uint32(len(record)))
	s.buf = append(s.buf, record...)
	class := bits.Len(uint((len(s.buf) - 1) / unit))
	at := s.end
	if n := len(s.free[class]); n > 0 {
		at, s.free[class] = s.free[class][n-1], s.free[class][:n-1]
	} else {
		s.end += 1 << class
	}
	p := place(at)<<classBits | place(class)
	if _, err := s.file.WriteAt(s.buf, p.offset()); err != nil {
		s.err = fmt.Errorf("write to a temporary file: %w", err)
	}
	return p
}

// get reads at most limit bytes of a record. They are valid until the next
// call.
func (s *Store) get(p place, limit int) []byte {
	if s.err != nil {
		return nil
	}
	room := min(unit<<p.class(), limit+4)
	if cap(s.buf) < room {
		s.buf = make([]byte, room)
	}
	s.buf = s.buf[:room]
	n, err := s.file.ReadAt(s.buf, p.offset())
	if err != nil && err != io.EOF || n < 4 {
		s.err = fmt.Errorf("read a temporary file: %w", err)
		return nil
	}
	size := int(binary.LittleEndian.Uint32(s.buf))
	return s.buf[4:min(n, 4+min(size, limit))]
}

// take reads a record whole and frees its place.
func (s *Store) take(p place) []byte {
	record := s.get(p, math.MaxInt32-4)
	s.free[p.class()] = append(s.free[p.class()], int64(p>>classBits))
	return record
}

// State carries the state of one stream to a [Store] and back. The same code
// does both: whoever has state hands every part of it over in turn, and it is
// written down, or filled with what was.
type State struct {
	buf     []byte
	reading bool
}

// Reading reports whether the state comes back.
func (s *State) Reading() bool { return s.reading }

// Int carries an integer.
func (s *State) Int(v *int64) {
	if !s.reading {
		s.buf = binary.AppendVarint(s.buf, *v)
		return
	}
	x, n := binary.Varint(s.buf)
	*v, s.buf = x, s.buf[max(n, 0):]
}

// integer carries any kind of integer.
func integer[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64](s *State, v *T) {
	x := int64(*v)
	s.Int(&x)
	*v = T(x)
}

func (s *State) bool(v *bool) {
	x := int64(0)
	if *v {
		x = 1
	}
	s.Int(&x)
	*v = x != 0
}

func (s *State) float(v *float64) {
	if !s.reading {
		s.buf = binary.LittleEndian.AppendUint64(s.buf, math.Float64bits(*v))
		return
	}
	if len(s.buf) >= 8 {
		*v = math.Float64frombits(binary.LittleEndian.Uint64(s.buf))
		s.buf = s.buf[8:]
	}
}

func (s *State) text(v *string) {
	n := int64(len(*v))
	s.Int(&n)
	if !s.reading {
		s.buf = append(s.buf, *v...)
		return
	}
	n = min(n, int64(len(s.buf)))
	*v, s.buf = string(s.buf[:n]), s.buf[n:]
}

// list carries a list, each of its elements by one.
func list[T any](s *State, v *[]T, one func(*T)) {
	n := int64(len(*v))
	s.Int(&n)
	if s.reading {
		*v = nil
		if n = min(n, int64(len(s.buf))); n > 0 { // an element takes a byte at least
			*v = make([]T, n)
		}
	}
	for i := range *v {
		one(&(*v)[i])
	}
}

func (s *State) ids(v *[]ID) { list(s, v, func(id *ID) { integer(s, id) }) }
