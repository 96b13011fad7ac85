package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"systape/format/internal/columnar"
)

// ChunkReader delivers the values of one column, chunk by chunk. The words of
// a dictionary become values of T once; its rows are then look-ups by number.
type ChunkReader[T any] struct {
	optional bool
	size     int // bytes of a value in PLAIN; 0 for text
	pages    pageReader
	left     int // values of the chunk that are in no page yet
	inPage   int // values of the page not delivered

	encoding int32
	plain    []byte
	hybrid   hybrid
	delta    delta
	wide     []int64  // 32-bit values on their way through delta
	texts    [][]byte // a page of text that is decoded whole
	joined   []byte   // a page of numbers that was split
	budget   int      // bytes of text that one Read may still deliver

	hasDict bool
	dict    []T
	numbers func(dst []T) []byte      // the memory of dst; nil for text
	deltas  func(dst []T) error       // nil for text
	word    func(w []byte) (T, error) // nil for numbers
}

// NewInt64 returns a reader of 64-bit integers.
func NewInt64(b *Budget, optional bool) *ChunkReader[int64] {
	c := newChunkReader[int64](b, optional, 8)
	c.numbers = columnar.Bytes[int64]
	c.deltas = c.delta.read
	return c
}

// NewInt32 returns a reader of 32-bit integers.
func NewInt32(b *Budget, optional bool) *ChunkReader[int32] {
	c := newChunkReader[int32](b, optional, 4)
	c.numbers = columnar.Bytes[int32]
	c.deltas = func(dst []int32) error {
		c.wide = columnar.Resize(c.wide, len(dst))
		err := c.delta.read(c.wide)
		for i, v := range c.wide {
			dst[i] = int32(v)
		}
		return err
	}
	return c
}

// NewText returns a reader of text, each word of which becomes a value by
// parse; the bytes that parse gets are valid until it returns.
func NewText[T any](b *Budget, optional bool, parse func(w []byte) (T, error)) *ChunkReader[T] {
	c := newChunkReader[T](b, optional, 0)
	c.word = parse
	return c
}

func newChunkReader[T any](b *Budget, optional bool, size int) *ChunkReader[T] {
	c := &ChunkReader[T]{optional: optional, size: size}
	c.pages.budget = b
	return c
}

// Reset starts a chunk.
func (c *ChunkReader[T]) Reset(src io.ReaderAt, chunk *Chunk) {
	c.pages.reset(src, chunk)
	c.left, c.inPage, c.hasDict = int(chunk.Values), 0, false
}

// Read sets dst to the next values.
func (c *ChunkReader[T]) Read(dst []T) error {
	c.budget = columnar.MaxTextBytes
	for len(dst) > 0 {
		if err := c.page(); err != nil {
			return err
		}
		n := min(len(dst), c.inPage)
		if err := c.fill(dst[:n]); err != nil {
			return err
		}
		c.inPage -= n
		dst = dst[n:]
	}
	return nil
}

// End checks that the chunk held what its footer said and no more.
func (c *ChunkReader[T]) End() error {
	if c.left != 0 || c.inPage != 0 {
		return errors.New("values are missing")
	}
	if c.pages.pos != c.pages.end {
		return errPageLong
	}
	return nil
}

// Dictionary returns the chunk's dictionary; ok is false if it has none, or
// its first page does not use it.
func (c *ChunkReader[T]) Dictionary() (dict []T, ok bool, err error) {
	if err := c.page(); err != nil {
		return nil, false, err
	}
	return c.dict, c.hasDict && c.encoding == encDict, nil
}

// fill sets dst to values of the current page.
func (c *ChunkReader[T]) fill(dst []T) error {
	switch {
	case c.encoding == encDict:
		return dictRows(&c.hybrid, dst, c.dict)
	case c.word != nil:
		for i := range dst {
			w, err := c.text()
			if err != nil {
				return err
			}
			if dst[i], err = c.word(w); err != nil {
				return err
			}
		}
		return nil
	case c.encoding == encDelta:
		return c.deltas(dst)
	}
	c.plain = c.plain[copy(c.numbers(dst), c.plain):]
	return nil
}

// page makes sure that values are at hand.
func (c *ChunkReader[T]) page() error {
	for c.inPage == 0 {
		h, err := c.pages.header()
		if err == io.EOF {
			return errors.New("values are missing")
		}
		if err == nil {
			err = c.load(&h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads the page behind its header h.
func (c *ChunkReader[T]) load(h *pageHeader) error {
	data, err := c.pages.body(h)
	if err != nil {
		return err
	}
	switch h.typ {
	case pageDict:
		if c.hasDict {
			return errors.New("two dictionaries")
		}
		if err := c.dictionary(h, data); err != nil {
			return fmt.Errorf("dictionary: %w", err)
		}
		c.hasDict = true
	case pageData, pageDataV2:
		if h.values < 0 || int(h.values) > c.left {
			return fmt.Errorf("page of %d values, the column has %d left", h.values, c.left)
		}
		if err := c.data(h, data); err != nil {
			return err
		}
		c.left -= int(h.values)
		c.inPage = int(h.values)
	}
	return nil
}

// data prepares to decode a data page.
func (c *ChunkReader[T]) data(h *pageHeader, data []byte) error {
	data, err := levels(h, data, c.optional)
	if err != nil {
		return err
	}
	c.encoding = h.encoding
	switch {
	case h.encoding == encPlain:
		c.plain = data
		if c.size > 0 && len(data) != c.size*int(h.values) {
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
	case h.encoding == encDelta && c.size > 0:
		return c.delta.reset(data, int(h.values))
	case (h.encoding == encDeltaLength || h.encoding == encDeltaBytes) && c.size == 0:
		c.texts, err = deltaText(c.texts[:0], h, data)
		return err
	case h.encoding == encSplit && c.size > 0:
		c.joined, err = joined(c.joined, data, c.size, int(h.values))
		c.plain = c.joined
		return err
	default:
		return fmt.Errorf("encoding %d of such a column: %w", h.encoding, ErrUnread)
	}
	return nil
}

// dictionary reads a dictionary page.
func (c *ChunkReader[T]) dictionary(h *pageHeader, data []byte) error {
	n := int(h.values)
	if h.encoding != encPlain && h.encoding != encPlainDict {
		return fmt.Errorf("encoding %d", h.encoding)
	}
	if n < 0 || c.size > 0 && len(data) != n*c.size || n > len(data)/4 {
		return fmt.Errorf("%d values in %d bytes", n, len(data))
	}
	if c.size > 0 {
		c.dict = columnar.Resize(c.dict, n)
		copy(c.numbers(c.dict), data)
		return nil
	}
	c.dict = c.dict[:0]
	for range n {
		w, rest, err := plainText(data)
		if err != nil {
			return err
		}
		data = rest
		v, err := c.word(w)
		if err != nil {
			return err
		}
		c.dict = append(c.dict, v)
	}
	if len(data) != 0 {
		return errPageLong
	}
	return nil
}

// text returns the next string of a page without dictionary.
func (c *ChunkReader[T]) text() (w []byte, err error) {
	if c.encoding == encPlain {
		w, c.plain, err = plainText(c.plain)
	} else if len(c.texts) == 0 {
		err = errPageShort
	} else {
		w, c.texts = c.texts[0], c.texts[1:]
	}
	if c.budget -= len(w); c.budget < 0 {
		return nil, columnar.ErrTooLarge
	}
	return w, err
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
func deltaText(texts [][]byte, h *pageHeader, data []byte) ([][]byte, error) {
	n := int(h.values)
	if n > maxPageBytes/8 || n > len(data)*deltaBlock {
		return nil, errPageShort
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
			return nil, err
		}
	}
	sizes, err := lengths()
	if err != nil {
		return nil, err
	}
	var last []byte
	total := 0
	for i, n := range sizes {
		if n < 0 || n > int64(len(data)) {
			return nil, errPageShort
		}
		w := data[:n:n]
		data = data[n:]
		if shared != nil && shared[i] != 0 {
			if shared[i] < 0 || shared[i] > int64(len(last)) {
				return nil, errPageShort
			}
			if total += int(shared[i]) + int(n); total > maxPageBytes {
				return nil, errBudget
			}
			w = append(append(make([]byte, 0, int(shared[i])+len(w)), last[:shared[i]]...), w...)
		}
		last = w
		texts = append(texts, w)
	}
	if len(data) != 0 {
		return nil, errPageLong
	}
	return texts, nil
}
