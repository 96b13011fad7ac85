package format

import (
	"fmt"
	"io"
	"math"
)

// scanParquet reads a capture that has no footer, because it was cut off: its
// head has the metadata, and our writer lays out row groups so regularly that
// the headers of the pages tell where each column lies. Everything is checked
// as if it came from a footer; what is found ends with the last whole row
// group.
func scanParquet(name string, src io.ReaderAt, size int64) (*parquetSource, error) {
	pairs, pos, err := readHead(src, size)
	if err != nil {
		return nil, err
	}
	meta, err := parseMeta(pairs)
	if err != nil {
		return nil, err
	}
	f := &footer{size: size, start: size, creator: creatorPrefix, meta: pairs, schema: []schemaNode{{name: "schema", typ: -1, children: int32(len(columns))}}}
	for _, c := range columns {
		f.schema = append(f.schema, schemaNode{name: c.Name, typ: map[ColumnType]int32{Int64: pqInt64, Int32: pqInt32, String: pqByteArray}[c.Type]})
	}
	s := scanner{src: src, pos: pos, size: size}
	for len(f.groups)*len(columns) < maxFooterChunks {
		g, ok := s.group(f.schema)
		if !ok {
			break
		}
		f.groups = append(f.groups, g)
		f.rows += g.rows
		f.start = s.pos
	}
	if len(f.groups) == 0 {
		return nil, fmt.Errorf("it has no footer and not one whole row group")
	}
	if err := f.validate(); err != nil {
		return nil, err
	}
	return &parquetSource{name: name, src: src, foot: f, meta: meta, group: -1, lo: math.MinInt64, hi: math.MaxInt64, scanned: true}, nil
}

// scanner walks from page to page.
type scanner struct {
	src       io.ReaderAt
	pos, size int64
	buf       [4096]byte
}

// group finds the chunks of the next row group.
func (s *scanner) group(schema []schemaNode) (footerGroup, bool) {
	var g footerGroup
	for i := range columns {
		c := footerChunk{typ: schema[i+1].typ, codec: pqZstd}
		begin := s.pos
		for i == 0 && c.values == 0 || i > 0 && c.values < g.rows {
			at := s.pos
			h, ok := s.page()
			switch {
			case !ok || h.values <= 0:
				return g, false
			case h.typ == pageDict && at == begin:
				c.dict = at
			case h.typ == pageData:
				if c.data == 0 {
					c.data = at
				}
				c.values += int64(h.values)
			default:
				return g, false
			}
		}
		if i == 0 {
			g.rows = c.values // ts_ns is always one page
		}
		if c.values != g.rows {
			return g, false
		}
		c.size = s.pos - begin
		g.chunks = append(g.chunks, c)
	}
	return g, true
}

// peek returns what is at the scanner's place, up to the size of its buffer.
func (s *scanner) peek() []byte {
	n := min(int64(len(s.buf)), s.size-s.pos)
	if n <= 0 {
		return nil
	}
	if _, err := s.src.ReadAt(s.buf[:n], s.pos); err != nil {
		return nil
	}
	return s.buf[:n]
}

// page passes over a page.
func (s *scanner) page() (pageHeader, bool) {
	h, n, err := parsePageHeader(s.peek())
	if err != nil || h.compressed < 0 || h.compressed > maxPageBytes || int64(n)+int64(h.compressed) > s.size-s.pos {
		return h, false
	}
	s.pos += int64(n) + int64(h.compressed)
	return h, true
}
