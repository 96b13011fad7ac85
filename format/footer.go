package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
)

const (
	maxFooterBytes  = 64 << 20 // ours take 1.9 KB for a row group
	maxFooterChunks = 1 << 20  // column chunks that a footer may list
)

// footer is what a Parquet footer says, as far as captures need it (Parquet,
// parquet.thrift at format 2.10: FileMetaData and below).
type footer struct {
	rows    int64
	creator string
	meta    []metaPair
	schema  []schemaNode
	groups  []footerGroup
	size    int64 // of the file
	start   int64 // of the footer: all data lies before it
}

type schemaNode struct {
	name     string
	typ      int32 // physical type, -1 for a group
	rep      int32
	children int32
}

type footerGroup struct {
	rows   int64
	chunks []footerChunk // in the order of the file's leaves
}

type footerChunk struct {
	values         int64
	dict, data     int64 // offsets; dict is 0 without a dictionary page
	size           int64 // compressed, page headers included
	typ            int32
	codec          int32
	min, max       int64 // of integers
	hasMin, hasMax bool
}

// start returns where the chunk begins.
func (c *footerChunk) start() int64 {
	if c.dict > 0 && c.dict < c.data {
		return c.dict
	}
	return c.data
}

// Physical types, repetitions and codecs of parquet.thrift.
const (
	pqBoolean, pqInt32, pqInt64, pqByteArray = 0, 1, 2, 6

	pqRequired, pqOptional = 0, 1

	pqUncompressed, pqSnappy, pqGzip, pqZstd, pqLZ4Raw = 0, 1, 2, 6, 7
)

var errNoFooter = errors.New("the file has no footer: it was cut off, or its writing never ended")

// readFooter reads the footer of a file of size bytes.
func readFooter(r io.ReaderAt, size int64) (*footer, error) {
	var head [4]byte
	var tail [8]byte
	if size < int64(len(head)+len(tail)) {
		return nil, errNoFooter
	}
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, err
	}
	if string(head[:]) != string(parquetMagic) || string(tail[4:]) != string(parquetMagic) {
		return nil, errNoFooter
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-int64(len(head)+len(tail)) {
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", n, size)
	}
	if n > maxFooterBytes {
		return nil, fmt.Errorf("footer of %d bytes, at most %d are read", n, int64(maxFooterBytes))
	}
	f := &footer{size: size, start: size - int64(len(tail)) - n}
	buf := make([]byte, n)
	if _, err := r.ReadAt(buf, f.start); err != nil {
		return nil, err
	}
	if err := f.parse(buf); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return f, nil
}

func (f *footer) parse(b []byte) error {
	t := &thrift{b: b}
	f.rows = -1
	t.fields(func(id int, typ byte) {
		switch {
		case id == 2 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) { f.schema = append(f.schema, parseSchemaNode(t)) })
		case id == 3 && t.want(typ, thriftI64):
			f.rows = t.i64()
		case id == 4 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) {
				if f.groups == nil {
					f.groups = make([]footerGroup, 0, min(n, 1<<10))
				}
				f.groups = append(f.groups, f.parseGroup(t))
				if len(f.groups)*(len(f.schema)-1) > maxFooterChunks {
					t.fail(fmt.Errorf("more than %d column chunks", maxFooterChunks))
				}
			})
		case id == 5 && t.want(typ, thriftList):
			t.list(thriftStruct, func(int) {
				var p metaPair
				t.fields(func(id int, typ byte) {
					switch {
					case id == 1 && t.want(typ, thriftBinary):
						p.key = string(t.bytes())
					case id == 2 && t.want(typ, thriftBinary):
						p.value = string(t.bytes())
					default:
						t.skip(typ)
					}
				})
				f.meta = append(f.meta, p)
			})
		case id == 6 && t.want(typ, thriftBinary):
			f.creator = string(t.bytes())
		default:
			t.skip(typ)
		}
	})
	if t.err == nil && len(t.b) != 0 {
		t.err = errThrift
	}
	if t.err != nil {
		return t.err
	}
	return f.validate()
}

func parseSchemaNode(t *thrift) schemaNode {
	s := schemaNode{typ: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1 && t.want(typ, thriftI32):
			s.typ = t.i32()
		case id == 3 && t.want(typ, thriftI32):
			s.rep = t.i32()
		case id == 4 && t.want(typ, thriftBinary):
			s.name = string(t.bytes())
		case id == 5 && t.want(typ, thriftI32):
			s.children = t.i32()
		default:
			t.skip(typ)
		}
	})
	return s
}

func (f *footer) parseGroup(t *thrift) footerGroup {
	g := footerGroup{rows: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) {
				if g.chunks == nil {
					g.chunks = make([]footerChunk, 0, min(n, 64))
				}
				if len(g.chunks) >= len(f.schema)-1 {
					t.fail(errors.New("more column chunks than columns"))
					return
				}
				g.chunks = append(g.chunks, parseChunk(t))
			})
		case id == 3 && t.want(typ, thriftI64):
			g.rows = t.i64()
		default:
			t.skip(typ)
		}
	})
	return g
}

func parseChunk(t *thrift) footerChunk {
	c := footerChunk{values: -1, typ: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1:
			t.fail(errors.New("column data in another file"))
		case id == 3 && t.want(typ, thriftStruct):
			t.fields(func(id int, typ byte) {
				switch {
				case id == 1 && t.want(typ, thriftI32):
					c.typ = t.i32()
				case id == 4 && t.want(typ, thriftI32):
					c.codec = t.i32()
				case id == 5 && t.want(typ, thriftI64):
					c.values = t.i64()
				case id == 7 && t.want(typ, thriftI64):
					c.size = t.i64()
				case id == 9 && t.want(typ, thriftI64):
					c.data = t.i64()
				case id == 11 && t.want(typ, thriftI64):
					c.dict = t.i64()
				case id == 12 && t.want(typ, thriftStruct):
					c.parseStats(t)
				default:
					t.skip(typ)
				}
			})
		default:
			t.skip(typ)
		}
	})
	return c
}

// parseStats reads the statistics that are certain about integers: fields 5
// and 6, whose order is defined.
func (c *footerChunk) parseStats(t *thrift) {
	t.fields(func(id int, typ byte) {
		if (id != 5 && id != 6) || !t.want(typ, thriftBinary) {
			t.skip(typ)
			return
		}
		var v int64
		switch b := t.bytes(); len(b) {
		case 4:
			v = int64(int32(binary.LittleEndian.Uint32(b)))
		case 8:
			v = int64(binary.LittleEndian.Uint64(b))
		default:
			return
		}
		if id == 5 {
			c.max, c.hasMax = v, true
		} else {
			c.min, c.hasMin = v, true
		}
	})
}

// validate checks that the numbers of a footer can be true together. After
// it, every chunk lies inside the file and rows add up.
func (f *footer) validate() error {
	leaves := 0
	for i, s := range f.schema {
		switch {
		case i == 0 && int(s.children) != len(f.schema)-1:
			return errors.New("nested columns")
		case i > 0 && (s.children != 0 || s.typ < 0):
			return fmt.Errorf("nested column %q", s.name)
		case i > 0:
			leaves++
		}
	}
	if leaves == 0 || f.rows < 0 {
		return errors.New("no columns or no row count")
	}
	var rows int64
	for g := range f.groups {
		group := &f.groups[g]
		if group.rows < 0 || group.rows > math.MaxInt32 || len(group.chunks) != leaves {
			return fmt.Errorf("row group %d: %d rows in %d columns, the file has %d columns", g, group.rows, len(group.chunks), leaves)
		}
		rows += group.rows
		for i := range group.chunks {
			c := &group.chunks[i]
			if c.values != group.rows {
				return fmt.Errorf("row group %d: column %s has %d values, the group %d rows", g, f.schema[i+1].name, c.values, group.rows)
			}
			if c.size < 0 || c.start() < int64(len(parquetMagic)) || c.start() > f.start-c.size {
				return fmt.Errorf("row group %d: column %s lies outside the file", g, f.schema[i+1].name)
			}
		}
	}
	if rows != f.rows {
		return fmt.Errorf("%d rows in the row groups, the footer says %d", rows, f.rows)
	}
	return nil
}

// checkKey holds a checksum of everything else that the reader takes from the
// footer. The pages have checksums of their own; a footer has none, and one
// flipped bit in a statistic would hide rows.
const checkKey = metaPrefix + "check"

// ours reports whether we wrote the file: others that rewrite a capture keep
// its metadata, the checksum of the old footer included.
func (f *footer) ours() bool { return strings.HasPrefix(f.creator, creatorPrefix) }

const creatorPrefix = "systape "

// sum returns the checksum of the footer.
func (f *footer) sum() uint32 {
	h := crc32.New(castagnoli)
	var b []byte
	num := func(v ...int64) {
		b = b[:0]
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
		h.Write(b)
	}
	num(f.rows, int64(len(f.schema)), int64(len(f.groups)))
	for _, s := range f.schema {
		num(int64(s.typ), int64(s.rep), int64(s.children), int64(len(s.name)))
		io.WriteString(h, s.name)
	}
	for _, g := range f.groups {
		num(g.rows)
		for _, c := range g.chunks {
			flags := int64(0)
			if c.hasMin {
				flags |= 1
			}
			if c.hasMax {
				flags |= 2
			}
			num(c.values, c.dict, c.data, c.size, int64(c.typ), int64(c.codec), flags, c.min, c.max)
		}
	}
	for _, p := range f.meta {
		if p.key != checkKey {
			num(int64(len(p.key)), int64(len(p.value)))
			io.WriteString(h, p.key)
			io.WriteString(h, p.value)
		}
	}
	return h.Sum32()
}

// verifySum compares the checksum in the metadata with the footer.
func (f *footer) verifySum() error {
	if !f.ours() {
		return nil
	}
	for _, p := range f.meta {
		if p.key == checkKey {
			if want := fmt.Sprintf(`"%08x"`, f.sum()); p.value != want {
				return fmt.Errorf("footer: %w", errChecksum)
			}
			return nil
		}
	}
	return fmt.Errorf("footer: no %s in the metadata", checkKey)
}
