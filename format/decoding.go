package format

import (
	"encoding/binary"
)

// decoding is what columns need to turn the words of a file into values.
type decoding struct {
	version int // of the file
	names   *SymbolTable
	caches  []*symbolCache // by the place of the column
	dicts   []any          // likewise: *parsed[T], what became of a spool's dictionary
	keyed   bool           // batches get the columns of dictionaries as keys
}

// parsed returns the dictionary of the column at pos as it was parsed last.
func (d *decoding) parsed(pos int) any {
	for pos >= len(d.dicts) {
		d.dicts = append(d.dicts, nil)
	}
	return d.dicts[pos]
}

// symbols returns the cache of the column at pos.
func (d *decoding) symbols(pos int) *symbolCache {
	for pos >= len(d.caches) {
		d.caches = append(d.caches, nil)
	}
	if c := d.caches[pos]; c == nil || c.names != d.names {
		d.caches[pos] = &symbolCache{names: d.names}
	}
	return d.caches[pos]
}

// symbolCache finds the Symbols of words without going through the table's
// lock.
type symbolCache struct {
	names   *SymbolTable
	invalid int // words that were no UTF-8
	slots   [1 << 8]struct {
		word string
		sym  Symbol
		ok   bool
	}
}

// symbol returns the Symbol of w.
func (c *symbolCache) symbol(w []byte) (Symbol, error) {
	h := uint64(len(w)) * 0x9e3779b97f4a7c15
	for p := w; len(p) > 0; {
		var x uint64
		if len(p) >= 8 {
			x = binary.LittleEndian.Uint64(p)
			p = p[8:]
		} else {
			for i, b := range p {
				x |= uint64(b) << (8 * i)
			}
			p = nil
		}
		h = (h ^ x) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	slot := &c.slots[h>>32%uint64(len(c.slots))]
	if slot.ok && slot.word == string(w) {
		return slot.sym, nil
	}
	sym, err := c.names.Intern(w)
	if err == nil {
		slot.word, slot.sym, slot.ok = c.names.String(sym), sym, true
		if slot.word != string(w) {
			slot.ok = false // not UTF-8: stored in another form
			c.invalid++
		}
	}
	return sym, err
}

// translator gives the Symbols of one table those of another.
type translator struct {
	from, into *SymbolTable
	moved      []Symbol // by Symbol of from: the Symbol in into, plus one
}

func (t *translator) translate(s Symbol) (Symbol, error) {
	for int(s) >= len(t.moved) {
		t.moved = append(t.moved, 0)
	}
	if t.moved[s] == 0 {
		ours, err := t.into.Intern([]byte(t.from.String(s)))
		if err != nil {
			return 0, err
		}
		t.moved[s] = ours + 1
	}
	return t.moved[s] - 1, nil
}
