package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"systape/format/internal/columnar"
)

const (
	maxFooterBytes  = 64 << 20 // ours take 1.9 KB for a row group
	maxFooterChunks = 1 << 20  // column chunks that a footer may list
)

// Magic begins and ends a Parquet file.
const Magic = "PAR1"

// Footer is what a Parquet footer says, as far as captures need it (Parquet,
// parquet.thrift at format 2.10: FileMetaData and below).
type Footer struct {
	Rows    int64
	Creator string
	Meta    []columnar.Pair
	Schema  []Node // the root, then the leaves; those of nested columns have no type here
	Groups  []Group
	Start   int64 // of the footer in the file: all data lies before it
}

// Node is an element of the schema.
type Node struct {
	Name       string
	Type       int32 // physical type; -1 for a group, and for what lies in one
	Repetition int32
	Unit       int64  // ns in a unit of a timestamp; 0: it is none
	Other      string // what integers are that are neither plain signed numbers nor timestamps, such as "a decimal"
	children   int32
	nested     bool // it may have any number of values
}

// Group is a row group.
type Group struct {
	Rows   int64
	Chunks []Chunk // in the order of the file's leaves
}

// Chunk is one column of a row group.
type Chunk struct {
	Values         int64
	Dict, Data     int64 // offsets; Dict is 0 without a dictionary page
	Size           int64 // compressed, page headers included
	Type           int32
	Codec          int32
	Min, Max       int64 // of integers
	HasMin, HasMax bool
}

// Start returns where the chunk begins.
func (c *Chunk) Start() int64 {
	if c.Dict > 0 && c.Dict < c.Data {
		return c.Dict
	}
	return c.Data
}

// Physical types and repetitions of parquet.thrift.
const (
	TypeInt32, TypeInt64, TypeFloat, TypeDouble, TypeByteArray = 1, 2, 4, 5, 6

	Required, Optional, repeated = 0, 1, 2
)

// TypeName returns what people call a physical type, with an article.
func TypeName(physical int32) string {
	names := [...]string{"a boolean", "a 32-bit integer", "a 64-bit integer", "a 96-bit timestamp", "a 32-bit float", "a 64-bit float", "text", "bytes of a fixed length"}
	if physical < 0 || int(physical) >= len(names) {
		return "nested"
	}
	return names[physical]
}

// PhysicalType returns the type that columns of t have in a file. Only the
// types of a capture have one here.
func PhysicalType(t columnar.Type) int32 {
	switch t {
	case columnar.Int64, columnar.TimestampUS:
		return TypeInt64
	case columnar.Int32:
		return TypeInt32
	case columnar.String:
		return TypeByteArray
	}
	return -1
}

// Codecs of parquet.thrift.
const (
	codecNone, codecSnappy, codecGzip, codecBrotli, codecZstd, codecLZ4Raw = 0, 1, 2, 4, 6, 7
)

// ErrUnread is a page in a codec or an encoding that is not read here. Nothing
// says that it is damaged.
var ErrUnread = errors.New("not read here; write the file with zstd, and with plain or dictionary encoding")

// ErrNulls is a page with values that are not there. A capture has none.
var ErrNulls = errors.New("nulls")

// ErrNoFooter is a file whose end is not there.
var ErrNoFooter = errors.New("the file has no footer: it was cut off, or its writing never ended")

// ReadFooter reads the footer of a file of size bytes.
func ReadFooter(r io.ReaderAt, size int64) (*Footer, error) {
	var head [4]byte
	var tail [8]byte
	if size < int64(len(head)+len(tail)) {
		return nil, ErrNoFooter
	}
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, err
	}
	if string(head[:]) != Magic || string(tail[4:]) != Magic {
		return nil, ErrNoFooter
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-int64(len(head)+len(tail)) {
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", n, size)
	}
	if n > maxFooterBytes {
		return nil, fmt.Errorf("footer of %d bytes, at most %d are read", n, int64(maxFooterBytes))
	}
	f := &Footer{Start: size - int64(len(tail)) - n}
	buf := make([]byte, n)
	if _, err := r.ReadAt(buf, f.Start); err != nil {
		return nil, err
	}
	if err := f.parse(buf); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return f, nil
}

func (f *Footer) parse(b []byte) error {
	t := &thrift{b: b}
	f.Rows = -1
	t.fields(func(id int, typ byte) {
		switch {
		case id == 2 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) { f.Schema = append(f.Schema, parseNode(t)) })
		case id == 3 && t.want(typ, thriftI64):
			f.Rows = t.i64()
		case id == 4 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) {
				if f.Groups == nil {
					f.Groups = make([]Group, 0, min(n, 1<<10))
				}
				f.Groups = append(f.Groups, f.parseGroup(t))
				if len(f.Groups)*(len(f.Schema)-1) > maxFooterChunks {
					t.fail(fmt.Errorf("more than %d column chunks", maxFooterChunks))
				}
			})
		case id == 5 && t.want(typ, thriftList):
			t.list(thriftStruct, func(int) {
				var p columnar.Pair
				t.fields(func(id int, typ byte) {
					switch {
					case id == 1 && t.want(typ, thriftBinary):
						p.Key = string(t.bytes())
					case id == 2 && t.want(typ, thriftBinary):
						p.Value = string(t.bytes())
					default:
						t.skip(typ)
					}
				})
				f.Meta = append(f.Meta, p)
			})
		case id == 6 && t.want(typ, thriftBinary):
			f.Creator = string(t.bytes())
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
	if err := f.flatten(); err != nil {
		return err
	}
	return f.validate()
}

// flatten keeps the leaves of the schema. Another program may have added nested
// columns: their leaves keep their places among the chunks, and can't be read.
func (f *Footer) flatten() error {
	const maxDepth = 100
	if len(f.Schema) == 0 {
		return errNoTable
	}
	leaves := f.Schema[:1]
	left := []int{int(f.Schema[0].children)} // elements that each group on the way still has
	for _, s := range f.Schema[1:] {
		for len(left) > 0 && left[len(left)-1] == 0 {
			left = left[:len(left)-1]
		}
		if len(left) == 0 || len(left) > maxDepth || s.children < 0 || s.children == 0 && s.Type < 0 {
			return errNoTable
		}
		left[len(left)-1]--
		if s.children > 0 {
			left = append(left, int(s.children))
			continue
		}
		if len(left) > 1 || s.Repetition == repeated {
			s.Type, s.nested = -1, true
		}
		leaves = append(leaves, s)
	}
	for _, n := range left {
		if n != 0 {
			return errNoTable
		}
	}
	f.Schema = leaves
	return nil
}

var errNoTable = errors.New("its columns make no table")

func parseNode(t *thrift) Node {
	s := Node{Type: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1 && t.want(typ, thriftI32):
			s.Type = t.i32()
		case id == 3 && t.want(typ, thriftI32):
			s.Repetition = t.i32()
		case id == 4 && t.want(typ, thriftBinary):
			s.Name = string(t.bytes())
		case id == 5 && t.want(typ, thriftI32):
			s.children = t.i32()
		case id == 6 && t.want(typ, thriftI32):
			s.converted(t.i32())
		case id == 10 && t.want(typ, thriftStruct):
			s.logical(t)
		default:
			t.skip(typ)
		}
	})
	return s
}

// converted takes in a ConvertedType of parquet.thrift.
func (s *Node) converted(c int32) {
	switch {
	case c == 9:
		s.Unit = 1e6
	case c == 10:
		s.Unit = 1e3
	case c == 5:
		s.Other = "a decimal"
	case c == 6:
		s.Other = "a date"
	case c == 7 || c == 8:
		s.Other = "a time of day"
	case c >= 11 && c <= 14:
		s.Other = "unsigned"
	}
}

// logical takes in a LogicalType of parquet.thrift.
func (s *Node) logical(t *thrift) {
	t.fields(func(id int, typ byte) {
		switch {
		case id == 5:
			s.Other = "a decimal"
		case id == 6:
			s.Other = "a date"
		case id == 7:
			s.Other = "a time of day"
		case id == 8 && t.want(typ, thriftStruct):
			t.fields(func(id int, typ byte) {
				if id != 2 || !t.want(typ, thriftStruct) {
					t.skip(typ)
					return
				}
				t.fields(func(id int, typ byte) {
					s.Unit = map[int]int64{1: 1e6, 2: 1e3, 3: 1}[id]
					t.skip(typ)
				})
				if s.Unit == 0 {
					s.Other = "a timestamp of an unknown unit"
				}
			})
			return
		case id == 10 && t.want(typ, thriftStruct):
			t.fields(func(id int, typ byte) {
				if id == 2 && typ == thriftFalse {
					s.Other = "unsigned"
				}
				t.skip(typ)
			})
			return
		}
		t.skip(typ)
	})
}

func (f *Footer) parseGroup(t *thrift) Group {
	g := Group{Rows: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1 && t.want(typ, thriftList):
			t.list(thriftStruct, func(n int) {
				if g.Chunks == nil {
					g.Chunks = make([]Chunk, 0, min(n, 64))
				}
				if len(g.Chunks) >= len(f.Schema)-1 {
					t.fail(errors.New("more column chunks than columns"))
					return
				}
				g.Chunks = append(g.Chunks, parseChunk(t))
			})
		case id == 3 && t.want(typ, thriftI64):
			g.Rows = t.i64()
		default:
			t.skip(typ)
		}
	})
	return g
}

func parseChunk(t *thrift) Chunk {
	c := Chunk{Values: -1, Type: -1}
	t.fields(func(id int, typ byte) {
		switch {
		case id == 1:
			t.fail(errors.New("column data in another file"))
		case id == 3 && t.want(typ, thriftStruct):
			t.fields(func(id int, typ byte) {
				switch {
				case id == 1 && t.want(typ, thriftI32):
					c.Type = t.i32()
				case id == 4 && t.want(typ, thriftI32):
					c.Codec = t.i32()
				case id == 5 && t.want(typ, thriftI64):
					c.Values = t.i64()
				case id == 7 && t.want(typ, thriftI64):
					c.Size = t.i64()
				case id == 9 && t.want(typ, thriftI64):
					c.Data = t.i64()
				case id == 11 && t.want(typ, thriftI64):
					c.Dict = t.i64()
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
func (c *Chunk) parseStats(t *thrift) {
	t.fields(func(id int, typ byte) {
		if (id != 5 && id != 6) || !t.want(typ, thriftBinary) {
			t.skip(typ)
			return
		}
		var v int64
		switch b := t.bytes(); { // statistics come after the type
		case len(b) == 4 && c.Type == TypeInt32:
			v = int64(int32(binary.LittleEndian.Uint32(b)))
		case len(b) == 8 && c.Type == TypeInt64:
			v = int64(binary.LittleEndian.Uint64(b))
		default:
			return
		}
		if id == 5 {
			c.Max, c.HasMax = v, true
		} else {
			c.Min, c.HasMin = v, true
		}
	})
}

// validate checks that the numbers of a footer can be true together. After
// it, every chunk lies inside the file and rows add up.
func (f *Footer) validate() error {
	leaves := len(f.Schema) - 1
	if leaves == 0 || f.Rows < 0 {
		return errors.New("no columns or no row count")
	}
	var rows int64
	for g := range f.Groups {
		group := &f.Groups[g]
		if group.Rows < 0 || group.Rows > math.MaxInt32 || len(group.Chunks) != leaves {
			return fmt.Errorf("row group %d: %d rows in %d columns, the file has %d columns", g, group.Rows, len(group.Chunks), leaves)
		}
		rows += group.Rows
		for i := range group.Chunks {
			c := &group.Chunks[i]
			if c.Values != group.Rows && !f.Schema[i+1].nested {
				return fmt.Errorf("row group %d: column %s has %d values, the group %d rows", g, f.Schema[i+1].Name, c.Values, group.Rows)
			}
			if group.Rows == 0 { // some write places that mean nothing
				continue
			}
			if c.Size < 0 || c.Start() < int64(len(Magic)) || c.Start() > f.Start-c.Size {
				return fmt.Errorf("row group %d: column %s lies outside the file", g, f.Schema[i+1].Name)
			}
		}
	}
	if rows != f.Rows {
		return fmt.Errorf("%d rows in the row groups, the footer says %d", rows, f.Rows)
	}
	return nil
}

// Sum returns the checksum of everything that is taken from the footer, except
// the metadata key that holds it. FORMAT.md defines its bytes.
func (f *Footer) Sum(except string) uint32 {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	var b []byte
	num := func(v ...int64) {
		b = b[:0]
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
		h.Write(b)
	}
	num(f.Rows, int64(len(f.Schema)), int64(len(f.Groups)))
	for _, s := range f.Schema {
		num(int64(s.Type), int64(s.Repetition), int64(s.children), int64(len(s.Name)))
		io.WriteString(h, s.Name)
	}
	for _, g := range f.Groups {
		num(g.Rows)
		for _, c := range g.Chunks {
			flags := int64(0)
			if c.HasMin {
				flags |= 1
			}
			if c.HasMax {
				flags |= 2
			}
			num(c.Values, c.Dict, c.Data, c.Size, int64(c.Type), int64(c.Codec), flags, c.Min, c.Max)
		}
	}
	for _, p := range f.Meta {
		if p.Key != except {
			num(int64(len(p.Key)), int64(len(p.Value)))
			io.WriteString(h, p.Key)
			io.WriteString(h, p.Value)
		}
	}
	return h.Sum32()
}
