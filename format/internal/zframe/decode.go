package zframe

import "encoding/binary"

// Decode fills dst from a frame of [Encoder.Rising], [Encoder.Counting] or
// [Encoder.Zeros], several times faster than a general decoder. It returns false
// when the frame is of another form, damaged, or not of dst's length; dst is
// undefined then.
func Decode(dst, frame []byte) bool {
	var head [9]byte
	if want := appendHeader(head[:0], len(dst)); len(frame) < len(want) || string(frame[:len(want)]) != string(want) {
		return false
	}
	d := decoder{dst: dst, src: frame[len(head):]}
	for {
		last, ok := d.block()
		if !ok {
			return false
		}
		if last {
			return d.at == len(dst) && len(d.src) == 0
		}
	}
}

// AllZeros reports whether frame is what [Encoder.Zeros] makes of n bytes.
func AllZeros(frame []byte, n int) bool {
	var want [16]byte
	return n <= MaxBytes && string(frame) == string((*Encoder)(nil).Zeros(want[:0], n))
}

type decoder struct {
	dst  []byte
	at   int // bytes of dst that are there
	src  []byte
	back int // how far back the last match was; 0: nothing has said so yet
}

func (d *decoder) block() (last, ok bool) {
	if len(d.src) < 3 {
		return false, false
	}
	h := int(d.src[0]) | int(d.src[1])<<8 | int(d.src[2])<<16
	last = h&1 != 0
	size := h >> 3
	b := d.src[3:]
	switch h >> 1 & 3 {
	case blockRaw:
		if size > len(b) || size > len(d.dst)-d.at {
			return last, false
		}
		d.at += copy(d.dst[d.at:], b[:size])
		d.src = b[size:]
		return last, true
	case blockRLE:
		if len(b) < 1 || size > len(d.dst)-d.at {
			return last, false
		}
		run := d.dst[d.at : d.at+size]
		if b[0] == 0 {
			clear(run)
		} else {
			for i := range run {
				run[i] = b[0]
			}
		}
		d.at += size
		d.src = b[1:]
		return last, true
	case blockCompressed:
		if size > len(b) {
			return last, false
		}
		d.src = b[size:]
		return last, d.compressed(b[:size])
	}
	return last, false
}

// compressed decodes a block as sameSequences and oneSequence write them.
func (d *decoder) compressed(b []byte) bool {
	const allRLE = 1<<6 | 1<<4 | 1<<2
	if len(b) == 0 || b[0]&3 > 1 {
		return false
	}
	same := b[0]&3 == 1
	var literals int
	switch {
	case b[0]>>2&1 == 0:
		literals, b = int(b[0]>>3), b[1:]
	case b[0]>>2&3 == 1 && len(b) > 1:
		literals, b = int(b[0]>>4)|int(b[1])<<4, b[2:]
	case b[0]>>2&3 == 3 && len(b) > 2:
		literals, b = int(b[0]>>4)|int(b[1])<<4|int(b[2])<<12, b[3:]
	default:
		return false
	}
	told := literals
	if same {
		told = 1
	}
	if told > len(b) {
		return false
	}
	lits, b := b[:told], b[told:]
	if len(b) < 2 || b[0] == 255 {
		return false
	}
	n := int(b[0])
	if b = b[1:]; n >= 128 {
		n, b = (n-128)<<8|int(b[0]), b[1:]
	}
	if n == 0 || len(b) < 5 || b[0] != allRLE || b[1] == 0 || b[1] > 8 || b[3] > 5 {
		return false
	}
	lit, code, match := int(b[1]), b[2], int(b[3])+3
	switch stream := b[4:]; {
	case code == 0: // as far back as before
		if len(stream) != 1 || stream[0] != 1 || d.back == 0 {
			return false
		}
	case n == 1 && code < 16:
		v := uint32(0)
		for i, x := range stream {
			if i > 2 {
				return false
			}
			v |= uint32(x) << (8 * i)
		}
		if v>>code != 1 {
			return false
		}
		d.back = int(v) - 3
	default:
		return false
	}
	// 8 bytes are moved at a time, so a match must not reach into itself, and
	// there must be room behind the last one.
	size := n * (lit + match)
	if d.back < 8 || literals != n*lit || size > len(d.dst)-d.at || d.at+lit < d.back {
		return false
	}
	out, at, end := d.dst, d.at, d.at+size
	fill := uint64(0)
	if same {
		fill = uint64(lits[0]) * 0x0101010101010101
	}
	i := 0
	if d.back == 8 && lit+match == 8 && !same && at >= 8 {
		// Numbers that have their high bytes from the one before.
		mask := uint64(1)<<(8*lit) - 1
		number := binary.LittleEndian.Uint64(out[at-8:]) &^ mask
		// Times have two or three low bytes.
		for ; lit == 2 && len(lits)-i*lit >= 8 && len(out)-at >= 32; i += 4 {
			x, four := binary.LittleEndian.Uint64(lits[i*lit:]), out[at:at+32]
			binary.LittleEndian.PutUint64(four, number|x&0xffff)
			binary.LittleEndian.PutUint64(four[8:], number|x>>16&0xffff)
			binary.LittleEndian.PutUint64(four[16:], number|x>>32&0xffff)
			binary.LittleEndian.PutUint64(four[24:], number|x>>48)
			at += 32
		}
		for ; lit == 3 && len(lits)-i*lit >= 8 && len(out)-at >= 16; i += 2 {
			x, two := binary.LittleEndian.Uint64(lits[i*lit:]), out[at:at+16]
			binary.LittleEndian.PutUint64(two, number|x&0xffffff)
			binary.LittleEndian.PutUint64(two[8:], number|x>>24&0xffffff)
			at += 16
		}
		for ; len(lits)-i*lit >= 8 && len(out)-at >= 8; i++ {
			binary.LittleEndian.PutUint64(out[at:], number|binary.LittleEndian.Uint64(lits[i*lit:])&mask)
			at += 8
		}
	}
	if d.back >= 32 && lit+match == 8 && same && at >= d.back {
		// Numbers that have all but one byte from the one as far before.
		mask := uint64(1)<<(8*lit) - 1
		for ; n-i >= 4 && len(out)-at >= 32; i += 4 {
			to, from := out[at:at+32], out[at-d.back:at-d.back+32]
			for k := 0; k < 32; k += 8 {
				binary.LittleEndian.PutUint64(to[k:], binary.LittleEndian.Uint64(from[k:])&^mask|fill&mask)
			}
			at += 32
		}
	}
	for ; i < n && at+lit+8 <= len(out); i++ {
		x := fill
		if !same {
			if rest := lits[i*lit:]; len(rest) >= 8 {
				x = binary.LittleEndian.Uint64(rest)
			} else {
				break
			}
		}
		from := at + lit - d.back
		if at+8 > len(out) {
			break
		}
		binary.LittleEndian.PutUint64(out[at:], x)
		binary.LittleEndian.PutUint64(out[at+lit:], binary.LittleEndian.Uint64(out[from:]))
		at += lit + match
	}
	for ; i < n; i++ {
		for k := range lit {
			if same {
				out[at+k] = lits[0]
			} else {
				out[at+k] = lits[i*lit+k]
			}
		}
		at += lit
		for k := range match {
			out[at+k] = out[at+k-d.back]
		}
		at += match
	}
	d.at = end
	return true
}
