package parquet

import (
	"errors"
	"fmt"
	"io"
)

// Span is the values From ≤ i < To of a column chunk.
type Span struct{ From, To int }

// Whole reads all pages of a chunk that was [ChunkReader.Reset] and returns, in
// order, the values that lie in whole pages. A page is whole or not at all: its
// checksum is of all its bytes. The headers of pages have none; so if they do
// not lead from the chunk's begin to its end, with as many values as it has,
// nothing is known of where a page's values belong, and there are none. Nor are
// there without the dictionary, if it has one.
func (c *ChunkReader[T]) Whole() []Span {
	var spans []Span
	var scratch [256]T
	at, all := 0, c.left
	for {
		h, err := c.pages.header()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil
		}
		after := c.pages.pos + int64(h.compressed)
		switch h.typ {
		case pageDict:
			if err := c.load(&h); err != nil {
				return nil
			}
		case pageData, pageDataV2:
			n := int(h.values)
			if n < 0 || n > c.left {
				return nil
			}
			err := c.load(&h)
			for err == nil && c.inPage > 0 {
				err = c.Read(scratch[:min(len(scratch), c.inPage)])
			}
			if err == nil {
				spans = append(spans, Span{at, at + n})
			} else {
				c.left, c.inPage = all-at-n, 0
			}
			at += n
		}
		c.pages.discard(int(after - c.pages.pos))
	}
	if at != all {
		return nil
	}
	return spans
}

// Skip passes over the next n values. Pages that it passes over whole are not
// read and may be damaged.
func (c *ChunkReader[T]) Skip(n int) error {
	var scratch [256]T
	for n > 0 {
		for c.inPage == 0 {
			h, err := c.pages.header()
			if err == io.EOF {
				return errors.New("values are missing")
			}
			if err != nil {
				return err
			}
			if isData := h.typ == pageData || h.typ == pageDataV2; isData && h.values >= 0 && int(h.values) <= min(n, c.left) {
				c.left -= int(h.values)
				n -= int(h.values)
				c.pages.pass(&h)
				if n == 0 {
					return nil
				}
				continue
			}
			if err := c.load(&h); err != nil {
				return err
			}
		}
		k := min(n, c.inPage, len(scratch))
		if err := c.Read(scratch[:k]); err != nil {
			return fmt.Errorf("pass over %d values: %w", n, err)
		}
		n -= k
	}
	return nil
}
