package zframe

import "unsafe"

const seenBits = 11

// Repeating appends b, at most [MaxBytes], as a frame. It looks for words of
// 8 bytes that were there before: columns of numbers of 8, 4 or 2 bytes whose
// values come again, in runs or by turns.
func (e *Encoder) Repeating(dst, b []byte) []byte {
	dst = appendHeader(dst, len(b))
	words := len(b) / 8
	e.find(b, words)
	if len(e.seqs) == 0 {
		return appendRaw(dst, b, true)
	}
	block, at := openBlock(dst)
	block = append(appendLiteralsHeader(block, 0, len(e.lits)), e.lits...)
	block = appendSequences(block, e.seqs)
	if len(block)-at-3 >= len(b) {
		return appendRaw(dst, b, true)
	}
	closeBlock(block, at, true)
	return block
}

// find fills e.seqs and e.lits.
func (e *Encoder) find(b []byte, words int) {
	e.seqs, e.lits = e.seqs[:0], e.lits[:0]
	e.turn++
	if e.turn == 1<<16 { // the entries would look like those of an earlier turn
		clear(e.seen[:])
		e.turn = 1
	}
	turn := e.turn << 16
	v := wordsOf(b, words)
	told := 0 // bytes that sequences stand for
	back := 0 // words from the last match to what it repeats
	for i := 0; i < len(v); {
		w := v[i]
		dist := 0
		if back > 0 && v[i-back] == w {
			dist = back
		} else {
			slot := &e.seen[w*0x9e3779b97f4a7c15>>(64-seenBits)]
			if s := *slot; s&^0xffff == turn && v[s&0xffff] == w {
				dist = i - int(s&0xffff)
			}
			*slot = turn | uint32(i)
		}
		if dist == 0 {
			i++
			continue
		}
		end := i + 1 + same(v[i+1:], v[i+1-dist:])
		s := sequence{lit: uint32(8*i - told), match: uint32(8 * (end - i)), offset: uint32(8*dist + 3)}
		if dist == back && s.lit > 0 {
			s.offset = 1
		}
		e.lits = append(e.lits, b[told:8*i]...)
		e.seqs = append(e.seqs, s)
		told, back, i = 8*end, dist, end
	}
	e.lits = append(e.lits, b[told:]...)
}

// same returns how many words a and b begin with that are the same.
func same(a, b []uint64) int {
	b = b[:len(a)]
	for i, w := range a {
		if b[i] != w {
			return i
		}
	}
	return len(a)
}

// wordsOf returns the first n words of b, which is aligned to them.
func wordsOf(b []byte, n int) []uint64 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// Zeros appends n bytes of 0, at most [MaxBytes], as a frame.
func (e *Encoder) Zeros(dst []byte, n int) []byte {
	dst = appendHeader(dst, n)
	if n == 0 {
		return appendRaw(dst, nil, true)
	}
	var head [3]byte
	putBlockHeader(head[:], blockRLE, n, true)
	return append(append(dst, head[:]...), 0)
}
