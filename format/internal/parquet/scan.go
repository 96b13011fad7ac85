package parquet

import (
	"errors"
	"io"

	"systape/format/internal/columnar"
)

// Scan finds the row groups of a file of ours that has no footer, because it
// was cut off: the writer lays out row groups so regularly that the headers of
// the pages tell where each column lies. It begins at pos, and what it finds
// ends with the last whole row group. Everything is checked as if it came from
// a footer. The first column must be one whose chunks are a single page.
func Scan(src io.ReaderAt, pos, size int64, cols []columnar.Column) (*Footer, error) {
	f := &Footer{Start: size, Schema: []Node{{Name: "schema", Type: -1, children: int32(len(cols))}}}
	for _, c := range cols {
		f.Schema = append(f.Schema, Node{Name: c.Name, Type: PhysicalType(c.Type)})
	}
	s := scanner{src: src, pos: pos, size: size}
	for len(f.Groups)*len(cols) < maxFooterChunks {
		g, ok := s.group(f.Schema[1:])
		if !ok {
			break
		}
		f.Groups = append(f.Groups, g)
		f.Rows += g.Rows
		f.Start = s.pos
	}
	if len(f.Groups) == 0 {
		return nil, errors.New("it has no footer and not one whole row group")
	}
	return f, f.validate()
}

// scanner walks from page to page.
type scanner struct {
	src       io.ReaderAt
	pos, size int64
	buf       [4096]byte
}

// group finds the chunks of the next row group.
func (s *scanner) group(leaves []Node) (Group, bool) {
	var g Group
	for i := range leaves {
		c := Chunk{Type: leaves[i].Type, Codec: codecZstd}
		begin := s.pos
		for i == 0 && c.Values == 0 || i > 0 && c.Values < g.Rows {
			at := s.pos
			h, ok := s.page()
			switch {
			case !ok || h.values <= 0:
				return g, false
			case h.typ == pageDict && at == begin:
				c.Dict = at
			case h.typ == pageData:
				if c.Data == 0 {
					c.Data = at
				}
				c.Values += int64(h.values)
			default:
				return g, false
			}
		}
		if i == 0 {
			g.Rows = c.Values // its only page
		}
		if c.Values != g.Rows {
			return g, false
		}
		c.Size = s.pos - begin
		g.Chunks = append(g.Chunks, c)
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
