package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"
)

const (
	maxPageHeader = 64 << 10
	maxPageBytes  = 16 << 20 // of one page, before and after decompression
	readAhead     = 256 << 10
)

// Budget bounds what the pages and dictionaries of one reader occupy
// together, whatever the file says.
type Budget struct{ left int }

const pageBudget = 64 << 20

// NewBudget returns the budget of one reader.
func NewBudget() *Budget { return &Budget{pageBudget} }

var errBudget = fmt.Errorf("pages of more than %d MiB together", pageBudget>>20)

// grow returns a buffer of n bytes and slack behind them. It reuses buf.
func (b *Budget) grow(buf []byte, n int) ([]byte, error) {
	if cap(buf) < n+slack {
		if n+slack-cap(buf) > b.left {
			return nil, errBudget
		}
		b.left -= n + slack - cap(buf)
		buf = make([]byte, n+slack)
	}
	clear(buf[n : n+slack : n+slack])
	return buf[:n], nil
}

// pageHeader is a Parquet page header.
type pageHeader struct {
	typ              int32
	size, compressed int32
	values           int32
	encoding         int32
	nulls            int32 // version 2
	defLen, repLen   int32 // version 2
	plain            bool  // version 2: not compressed
}

// Page types and encodings of parquet.thrift.
const (
	pageData, pageDict, pageDataV2 = 0, 2, 3

	encPlain, encPlainDict, encRLE, encDelta, encDeltaLength, encDeltaBytes, encDict, encSplit = 0, 2, 3, 5, 6, 7, 8, 9
)

// parsePageHeader returns the header and how many bytes it takes.
func parsePageHeader(b []byte) (h pageHeader, n int, err error) {
	t := &thrift{b: b}
	h.typ, h.size, h.compressed, h.values, h.encoding = -1, -1, -1, -1, -1
	i32 := func(typ byte, dst *int32) {
		if t.want(typ, thriftI32) {
			*dst = t.i32()
		}
	}
	t.fields(func(id int, typ byte) {
		switch id {
		case 1:
			i32(typ, &h.typ)
		case 2:
			i32(typ, &h.size)
		case 3:
			i32(typ, &h.compressed)
		case 5, 7, 8:
			if !t.want(typ, thriftStruct) {
				return
			}
			v2 := id == 8
			t.fields(func(id int, typ byte) {
				switch {
				case id == 1:
					i32(typ, &h.values)
				case id == 2 && !v2 || id == 4 && v2:
					i32(typ, &h.encoding)
				case id == 2:
					i32(typ, &h.nulls)
				case id == 5 && v2:
					i32(typ, &h.defLen)
				case id == 6 && v2:
					i32(typ, &h.repLen)
				case id == 7 && v2:
					h.plain = typ == thriftFalse
				default:
					t.skip(typ)
				}
			})
		default:
			t.skip(typ)
		}
	})
	if t.err != nil {
		return h, 0, t.err
	}
	return h, len(b) - len(t.b), nil
}

// pageReader walks over the pages of a column chunk.
type pageReader struct {
	src    io.ReaderAt
	budget *Budget
	codec  int32
	pos    int64 // of win's unread part in the file
	end    int64 // of the chunk
	win    []byte
	buf    []byte // win's memory
	raw    []byte // the current page, decompressed
}

// reset starts reading a chunk.
func (p *pageReader) reset(src io.ReaderAt, c *Chunk) {
	p.src, p.codec, p.pos, p.end, p.win = src, c.Codec, c.Start(), c.Start()+c.Size, nil
}

// peek returns the next n bytes of the chunk, fewer at its end.
func (p *pageReader) peek(n int) ([]byte, error) {
	if int64(n) > p.end-p.pos {
		n = int(p.end - p.pos)
	}
	if len(p.win) >= n {
		return p.win[:n], nil
	}
	size := int(min(p.end-p.pos, int64(max(n, readAhead))))
	buf, err := p.budget.grow(p.buf, size)
	if err != nil {
		return nil, err
	}
	p.buf = buf
	if _, err := p.src.ReadAt(buf, p.pos); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	p.win = buf
	return p.win[:n], nil
}

func (p *pageReader) discard(n int) {
	p.win = p.win[min(n, len(p.win)):]
	p.pos += int64(n)
}

// header reads the header of the next page, whose bytes are then the next
// h.compressed of the chunk: they are all there. It returns io.EOF at the end
// of the chunk.
func (p *pageReader) header() (h pageHeader, err error) {
	if p.pos == p.end {
		return h, io.EOF
	}
	n := 0
	for size := 128; ; size *= 4 {
		b, err := p.peek(size)
		if err != nil {
			return h, err
		}
		h, n, err = parsePageHeader(b)
		if err == nil {
			break
		}
		if !errors.Is(err, errThriftShort) || len(b) < size || size >= maxPageHeader {
			return h, fmt.Errorf("page header: %w", err)
		}
	}
	p.discard(n)
	if h.size < 0 || h.compressed < 0 || h.size > maxPageBytes || h.compressed > maxPageBytes {
		return h, fmt.Errorf("page of %d bytes, %d compressed; at most %d are read", h.size, h.compressed, maxPageBytes)
	}
	if int64(h.compressed) > p.end-p.pos {
		return h, errors.New("page reaches beyond its column")
	}
	return h, nil
}

// body returns the decompressed bytes of the page behind its header h, with
// slack behind them.
func (p *pageReader) body(h *pageHeader) (data []byte, err error) {
	packed, err := p.peek(int(h.compressed))
	if err != nil {
		return nil, err
	}
	if p.raw, err = p.budget.grow(p.raw, int(h.size)); err != nil {
		return nil, err
	}
	if err := p.decompress(h, packed); err != nil {
		return nil, fmt.Errorf("decompress page: %w", err)
	}
	p.pass(h)
	return p.raw, nil
}

// pass goes on behind the bytes of the page.
func (p *pageReader) pass(h *pageHeader) { p.discard(int(h.compressed)) }

// decompress fills p.raw from body. The levels of a version 2 page come first
// and are never compressed.
func (p *pageReader) decompress(h *pageHeader, body []byte) error {
	dst := p.raw
	codec := p.codec
	if h.typ == pageDataV2 {
		levels := int64(h.defLen) + int64(h.repLen)
		if h.defLen < 0 || h.repLen < 0 || levels > int64(min(len(dst), len(body))) {
			return errors.New("levels longer than the page")
		}
		copy(dst, body[:levels])
		dst, body = dst[levels:], body[levels:]
		if h.plain {
			codec = codecNone
		}
	}
	if len(dst) == 0 && len(body) == 0 {
		return nil
	}
	switch codec {
	case codecNone:
		if len(body) != len(dst) {
			return fmt.Errorf("%d bytes, want %d", len(body), len(dst))
		}
		copy(dst, body)
		return nil
	case codecZstd:
		return decompressZstd(dst, body)
	case codecSnappy:
		n, err := snappy.DecodedLen(body)
		if err == nil && n != len(dst) {
			err = fmt.Errorf("%d bytes, want %d", n, len(dst))
		}
		if err == nil {
			_, err = snappy.Decode(dst, body)
		}
		return err
	case codecGzip:
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			_, err = io.ReadFull(z, dst)
		}
		return err
	case codecBrotli:
		_, err := io.ReadFull(brotli.NewReader(bytes.NewReader(body)), dst)
		return err
	case codecLZ4Raw:
		n, err := lz4.UncompressBlock(body, dst)
		if err == nil && n != len(dst) {
			err = fmt.Errorf("%d bytes, want %d", n, len(dst))
		}
		return err
	}
	return fmt.Errorf("codec %d: %w", codec, ErrUnread)
}

// levels takes the definition levels off a data page and checks that they
// tell of no nulls. What remains are the values.
func levels(h *pageHeader, data []byte, optional bool) ([]byte, error) {
	var defs []byte
	switch {
	case h.typ == pageDataV2:
		if h.nulls != 0 {
			return nil, ErrNulls
		}
		return data[int(h.defLen)+int(h.repLen):], nil
	case !optional:
		return data, nil
	case len(data) < 4:
		return nil, errPageShort
	}
	n := binary.LittleEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return nil, errPageShort
	}
	defs, data = data[4:4+n], data[4+n:]
	var d hybrid
	d.reset(defs, 1)
	return data, d.allOnes(int(h.values))
}
