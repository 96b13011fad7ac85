package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"systape/format/abi"
)

// columnReader delivers the values of one column, chunk by chunk, straight
// into the columns of batches. Words of a dictionary become codes or Symbols
// once; its rows are then look-ups by number.
type columnReader struct {
	pos      int // in columns
	leaf     int // in the file
	optional bool
	names    *SymbolTable
	pages    pageReader
	chunk    *footerChunk
	left     int // values of the chunk that are in no page yet
	inPage   int // values of the page not delivered

	encoding int32
	plain    []byte
	hybrid   hybrid
	delta    delta
	wide     []int64 // 32-bit values on their way through delta
	texts    [][]byte

	hasDict bool
	i64     []int64
	i32     []int32
	syms    []Symbol
	kinds   []Kind
	abis    []abi.ABI
	strs    []string
	cache   *symCache // of columns of names
}

// reset starts a chunk.
func (c *columnReader) reset(src io.ReaderAt, chunk *footerChunk) {
	c.pages.reset(src, chunk)
	c.chunk, c.left, c.inPage, c.hasDict = chunk, int(chunk.values), 0, false
}

// end checks that the chunk held what its footer said and no more.
func (c *columnReader) end() error {
	if c.left != 0 || c.inPage != 0 {
		return errors.New("values are missing")
	}
	if c.pages.pos != c.pages.end {
		return errPageLong
	}
	return nil
}

// page makes sure that values are at hand.
func (c *columnReader) page() error {
	for c.inPage == 0 {
		h, data, err := c.pages.next()
		if err == io.EOF {
			return errors.New("values are missing")
		}
		if err != nil {
			return err
		}
		switch h.typ {
		case pageDict:
			if c.hasDict {
				return errors.New("two dictionaries")
			}
			if err := c.dictionary(&h, data); err != nil {
				return fmt.Errorf("dictionary: %w", err)
			}
			c.hasDict = true
		case pageData, pageDataV2:
			if h.values < 0 || int(h.values) > c.left {
				return fmt.Errorf("page of %d values, the column has %d left", h.values, c.left)
			}
			if err := c.data(&h, data); err != nil {
				return err
			}
			c.left -= int(h.values)
			c.inPage = int(h.values)
		}
	}
	return nil
}

// data prepares to decode a data page.
func (c *columnReader) data(h *pageHeader, data []byte) error {
	data, err := levels(h, data, c.optional)
	if err != nil {
		return err
	}
	c.encoding = h.encoding
	typ := columns[c.pos].Type
	switch {
	case h.encoding == encPlain:
		c.plain = data
		if size := plainSize(typ); size > 0 && len(data) != size*int(h.values) {
			return fmt.Errorf("page of %d bytes for %d values", len(data), h.values)
		}
	case h.encoding == encDict || h.encoding == encPlainDict:
		if !c.hasDict {
			return errors.New("indices without a dictionary")
		}
		if h.values == 0 {
			return nil
		}
		if len(data) == 0 || data[0] > 32 {
			return errPageShort
		}
		c.encoding = encDict
		c.hybrid.reset(data[1:], uint(data[0]))
	case h.encoding == encDelta && typ != String:
		return c.delta.reset(data, int(h.values))
	case (h.encoding == encDeltaLength || h.encoding == encDeltaBytes) && typ == String:
		return c.deltaText(h, data)
	default:
		return fmt.Errorf("encoding %d of %v is not read here", h.encoding, typ)
	}
	return nil
}

func plainSize(t ColumnType) int {
	switch t {
	case Int64:
		return 8
	case Int32:
		return 4
	}
	return 0
}

// dictionary reads a dictionary page.
func (c *columnReader) dictionary(h *pageHeader, data []byte) error {
	n := int(h.values)
	if h.encoding != encPlain && h.encoding != encPlainDict {
		return fmt.Errorf("encoding %d", h.encoding)
	}
	if size := plainSize(columns[c.pos].Type); n < 0 || size > 0 && len(data) != n*size || n > len(data)/4 {
		return fmt.Errorf("%d values in %d bytes", n, len(data))
	}
	switch columns[c.pos].Type {
	case Int64:
		c.i64 = resize(c.i64, n)
		copy(bytesOf(c.i64), data)
		return nil
	case Int32:
		c.i32 = resize(c.i32, n)
		copy(bytesOf(c.i32), data)
		return nil
	}
	c.kinds, c.abis, c.syms, c.strs = c.kinds[:0], c.abis[:0], c.syms[:0], c.strs[:0]
	for range n {
		w, rest, err := plainText(data)
		if err != nil {
			return err
		}
		data = rest
		switch c.pos {
		case posKind:
			k, err := parseWord(w, ParseKind, errUnknownKind)
			if err != nil {
				return err
			}
			c.kinds = append(c.kinds, k)
		case posABI:
			a, err := parseWord(w, abi.Parse, errUnknownABI)
			if err != nil {
				return err
			}
			c.abis = append(c.abis, a)
		case posDetail:
			c.strs = append(c.strs, string(w))
		default:
			s, err := c.cache.sym(c.names, w)
			if err != nil {
				return err
			}
			c.syms = append(c.syms, s)
		}
	}
	if len(data) != 0 {
		return errPageLong
	}
	return nil
}

func parseWord[T any](w []byte, parse func(string) (T, bool), unknown error) (T, error) {
	v, ok := parse(string(w))
	if !ok {
		return v, fmt.Errorf("%w %q", unknown, clip(w))
	}
	return v, nil
}

// plainText takes one string off a PLAIN page.
func plainText(b []byte) (w, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errPageShort
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, errPageShort
	}
	return b[4 : 4+n], b[4+n:], nil
}

// deltaText decodes a page of DELTA_LENGTH_BYTE_ARRAY or DELTA_BYTE_ARRAY
// whole, which others write for strings.
func (c *columnReader) deltaText(h *pageHeader, data []byte) error {
	n := int(h.values)
	if n > maxPageBytes/8 || n > len(data)*deltaBlock {
		return errPageShort
	}
	lengths := func() ([]int64, error) {
		var d delta
		if err := d.reset(data, n); err != nil {
			return nil, err
		}
		v := make([]int64, n)
		err := d.read(v)
		data = d.b // miniblocks after the last value have no bytes
		return v, err
	}
	var shared []int64
	if h.encoding == encDeltaBytes {
		var err error
		if shared, err = lengths(); err != nil {
			return err
		}
	}
	sizes, err := lengths()
	if err != nil {
		return err
	}
	c.texts = c.texts[:0]
	var last []byte
	total := 0
	for i, n := range sizes {
		if n < 0 || n > int64(len(data)) {
			return errPageShort
		}
		w := data[:n:n]
		data = data[n:]
		if shared != nil && shared[i] != 0 {
			if shared[i] < 0 || shared[i] > int64(len(last)) {
				return errPageShort
			}
			if total += int(shared[i]) + int(n); total > maxPageBytes {
				return errBudget
			}
			w = append(append(make([]byte, 0, int(shared[i])+len(w)), last[:shared[i]]...), w...)
		}
		last = w
		c.texts = append(c.texts, w)
	}
	if len(data) != 0 {
		return errPageLong
	}
	return nil
}

// fill sets dst to the next values. One of its forms serves each type of
// column; they differ in the dictionary and in what PLAIN means.
func fill[T any](c *columnReader, dst []T, dict *[]T, other func(dst []T) error) error {
	for len(dst) > 0 {
		if err := c.page(); err != nil {
			return err
		}
		n := min(len(dst), c.inPage)
		var err error
		if c.encoding == encDict {
			err = dictRows(&c.hybrid, dst[:n], *dict)
		} else {
			err = other(dst[:n])
		}
		if err != nil {
			return err
		}
		c.inPage -= n
		dst = dst[n:]
	}
	return nil
}

func (c *columnReader) readInt64(dst []int64) error {
	return fill(c, dst, &c.i64, func(dst []int64) error {
		if c.encoding == encDelta {
			return c.delta.read(dst)
		}
		c.plain = c.plain[copy(bytesOf(dst), c.plain):]
		return nil
	})
}

func (c *columnReader) readInt32(dst []int32) error {
	return fill(c, dst, &c.i32, func(dst []int32) error {
		if c.encoding == encDelta {
			c.wide = resize(c.wide, len(dst))
			err := c.delta.read(c.wide)
			for i, v := range c.wide {
				dst[i] = int32(v)
			}
			return err
		}
		c.plain = c.plain[copy(bytesOf(dst), c.plain):]
		return nil
	})
}

// text returns the next string of a page without dictionary.
func (c *columnReader) text() (w []byte, err error) {
	if c.encoding == encPlain {
		w, c.plain, err = plainText(c.plain)
		return w, err
	}
	if len(c.texts) == 0 {
		return nil, errPageShort
	}
	w, c.texts = c.texts[0], c.texts[1:]
	return w, nil
}

// fillText is fill for strings; one turns a string into a value.
func fillText[T any](c *columnReader, dst []T, dict *[]T, one func(w []byte) (T, error)) error {
	return fill(c, dst, dict, func(dst []T) error {
		for i := range dst {
			w, err := c.text()
			if err != nil {
				return err
			}
			if dst[i], err = one(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// read sets rows from…to of b's column, whose memory is there.
func (c *columnReader) read(b *Batch, from, to int) error {
	switch pos := c.pos; {
	case pos == posKind:
		return fillText(c, b.Kind[from:to], &c.kinds, func(w []byte) (Kind, error) { return parseWord(w, ParseKind, errUnknownKind) })
	case pos == posABI:
		return fillText(c, b.ABI[from:to], &c.abis, func(w []byte) (abi.ABI, error) { return parseWord(w, abi.Parse, errUnknownABI) })
	case pos == posDetail:
		size := 0
		return fillText(c, b.Detail[from:to], &c.strs, func(w []byte) (string, error) {
			if size += len(w); size > maxTextBytes {
				return "", errTooLarge
			}
			return string(w), nil
		})
	case columns[pos].Type == Int64:
		return c.readInt64((*b.int64s(pos))[from:to])
	case columns[pos].Type == Int32:
		return c.readInt32((*b.int32s(pos))[from:to])
	default:
		return fillText(c, (*b.syms(pos))[from:to], &c.syms, func(w []byte) (Symbol, error) { return c.cache.sym(c.names, w) })
	}
}
