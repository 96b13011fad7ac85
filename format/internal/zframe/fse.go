package zframe

import (
	"encoding/binary"
	"math/bits"
)

// The codes of lengths: a code stands for base and a number of extra bits
// above it (RFC 8878, 3.1.1.3.2.1.1).
type lengthCode struct {
	base  uint32
	extra uint8
}

var (
	literalCodes = lengthCodes(0, 16, []uint8{1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	matchCodes   = lengthCodes(3, 32, []uint8{1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
)

func lengthCodes(base uint32, exact int, extra []uint8) (codes []lengthCode) {
	for range exact {
		codes = append(codes, lengthCode{base, 0})
		base++
	}
	for _, n := range extra {
		codes = append(codes, lengthCode{base, n})
		base += 1 << n
	}
	return codes
}

// codeOf returns the code of every small length; larger ones are a matter of
// their highest bit.
func codeOf(codes []lengthCode) (small [1024]uint8) {
	c := 0
	for n := codes[0].base; n < uint32(len(small)); n++ {
		for c+1 < len(codes) && codes[c+1].base <= n {
			c++
		}
		small[n] = uint8(c)
	}
	return small
}

var literalCode, matchCode = codeOf(literalCodes), codeOf(matchCodes)

func findCode(small *[1024]uint8, codes []lengthCode, n uint32) uint8 {
	if n < uint32(len(small)) {
		return small[n]
	}
	c := small[len(small)-1]
	for int(c)+1 < len(codes) && codes[c+1].base <= n {
		c++
	}
	return c
}

// fseTable encodes symbols by one of the distributions that every decoder
// knows (RFC 8878, 3.1.1.3.2.2; the construction is that of 4.1.1).
type fseTable struct {
	log     uint8
	states  []uint16
	symbols []fseSymbol
}

type fseSymbol struct {
	deltaBits  uint32
	deltaState int32
}

var (
	literalTable = newFSETable(6, []int8{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1})
	matchTable   = newFSETable(6, []int8{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1})
	offsetTable  = newFSETable(5, []int8{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1})
)

func newFSETable(log uint8, shares []int8) *fseTable {
	size := 1 << log
	t := &fseTable{log: log, states: make([]uint16, size), symbols: make([]fseSymbol, len(shares))}
	// Symbols of less than one share stand at the end, the others are spread.
	at := make([]uint8, size)
	high := size - 1
	for s, n := range shares {
		if n == -1 {
			at[high] = uint8(s)
			high--
		}
	}
	step, pos := size>>1+size>>3+3, 0
	for s, n := range shares {
		for range max(n, 0) {
			at[pos] = uint8(s)
			for pos = (pos + step) & (size - 1); pos > high; pos = (pos + step) & (size - 1) {
			}
		}
	}
	// States of a symbol stand together, in the order of their places.
	first := make([]int, len(shares)+1)
	for s, n := range shares {
		first[s+1] = first[s] + max(int(n), 1)
		if n == 0 {
			first[s+1] = first[s]
		}
	}
	next := append([]int(nil), first...)
	for i, s := range at {
		t.states[next[s]] = uint16(size + i)
		next[s]++
	}
	total := int32(0)
	for s, n := range shares {
		switch n {
		case 0:
		case 1, -1:
			t.symbols[s] = fseSymbol{uint32(log)<<16 - 1<<log, total - 1}
			total++
		default:
			most := uint32(log) - uint32(bits.Len32(uint32(n-1))-1)
			t.symbols[s] = fseSymbol{most<<16 - uint32(n)<<most, total - int32(n)}
			total += int32(n)
		}
	}
	return t
}

// begin returns the state of the last symbol, which is encoded first.
func (t *fseTable) begin(symbol uint8) uint32 {
	s := &t.symbols[symbol]
	n := (s.deltaBits + 1<<15) >> 16
	return uint32(t.states[int32((n<<16-s.deltaBits)>>n)+s.deltaState])
}

// sequence is what one match says: lit bytes as they are, then match bytes
// from offset-3 back, or from as far back as the last match for an offset of 1.
type sequence struct {
	lit, match, offset uint32
}

// appendSequences appends the sequences of a block, which are at least one.
func appendSequences(dst []byte, seqs []sequence) []byte {
	dst = append(appendCount(dst, len(seqs)), 0) // by the known distributions
	from := len(dst)
	dst = grow(dst, 12*len(seqs)+32)
	out, at := dst[from:], 0
	var acc uint64
	var n uint
	flush := func() {
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n &^ 7
		n &= 7
	}
	var ll, of, ml uint32
	for i := len(seqs) - 1; i >= 0; i-- {
		s := &seqs[i]
		lc, mc := findCode(&literalCode, literalCodes, s.lit), findCode(&matchCode, matchCodes, s.match)
		oc := uint8(bits.Len32(s.offset) - 1)
		if i == len(seqs)-1 {
			ll, of, ml = literalTable.begin(lc), offsetTable.begin(oc), matchTable.begin(mc)
		} else {
			sym := &offsetTable.symbols[oc]
			k := (of + sym.deltaBits) >> 16
			acc |= uint64(of&(1<<k-1)) << n
			n += uint(k)
			of = uint32(offsetTable.states[int32(of>>k)+sym.deltaState])
			sym = &matchTable.symbols[mc]
			k = (ml + sym.deltaBits) >> 16
			acc |= uint64(ml&(1<<k-1)) << n
			n += uint(k)
			ml = uint32(matchTable.states[int32(ml>>k)+sym.deltaState])
			sym = &literalTable.symbols[lc]
			k = (ll + sym.deltaBits) >> 16
			acc |= uint64(ll&(1<<k-1)) << n
			n += uint(k)
			ll = uint32(literalTable.states[int32(ll>>k)+sym.deltaState])
		}
		flush()
		le, me := literalCodes[lc], matchCodes[mc]
		acc |= uint64(s.lit-le.base) << n
		n += uint(le.extra)
		acc |= uint64(s.match-me.base) << n
		n += uint(me.extra)
		flush()
		acc |= uint64(s.offset&(1<<oc-1)) << n
		n += uint(oc)
		flush()
	}
	acc |= uint64(ml&(1<<matchTable.log-1)) << n
	n += uint(matchTable.log)
	acc |= uint64(of&(1<<offsetTable.log-1)) << n
	n += uint(offsetTable.log)
	acc |= uint64(ll&(1<<literalTable.log-1)) << n
	n += uint(literalTable.log)
	acc |= 1 << n // the mark of the end
	n++
	n = (n + 7) &^ 7
	flush()
	return dst[:from+at]
}
