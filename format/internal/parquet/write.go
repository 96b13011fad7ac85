package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"systape/format/internal/columnar"
)

// GroupRows is how many rows a row group has, the last one excepted: 512 Ki
// saves no byte, 32 Ki costs 7 %.
const GroupRows = 1 << 17

const (
	pageBytes    = 1 << 20 // of strings in one page, a single string excepted
	dictMaxBytes = 1 << 20 // of strings in a dictionary
)

// Writer writes one table as a Parquet file. It lays out pages by itself
// and takes arrow's thrift for their headers and the footer: arrow's typed
// column writers would hash every value again that we know as a number.
type Writer struct {
	out    columnar.Output
	cols   []columnar.Column
	props  *parquet.WriterProperties
	schema *schema.Schema
	meta   *metadata.FileMetaDataBuilder
	pager  file.PageWriter
	rows   int64
	groups int

	i64   intDict[int64]
	i32   intDict[int32]
	words wordDict
	idx   []uint32
	raw   []byte // a page before compression
	comp  []byte
}

// NewWriter writes the magic number. Creator becomes the file's created_by.
func NewWriter(w io.Writer, cols []columnar.Column, creator string) (*Writer, error) {
	f := &Writer{out: columnar.Output{W: w}, cols: cols}
	nodes := make(schema.FieldList, len(cols))
	opts := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy(creator),
	}
	for i, c := range cols {
		if c.Delta && c.Type != columnar.Int64 && c.Type != columnar.TimestampUS {
			return nil, fmt.Errorf("column %s: arrow v17 miswrites deltas of 32 bits", c.Name)
		}
		var err error
		switch c.Type {
		case columnar.String:
			nodes[i], err = schema.NewPrimitiveNodeLogical(c.Name, parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
		case columnar.TimestampUS:
			nodes[i], err = schema.NewPrimitiveNodeLogical(c.Name, parquet.Repetitions.Required, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, -1, -1)
		default:
			nodes[i], err = schema.NewPrimitiveNode(c.Name, parquet.Repetitions.Required, parquetTypes[c.Type], -1, -1)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		if c.Delta {
			opts = append(opts, parquet.WithEncodingFor(c.Name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	// Arrow v17 would write the root as REPEATED, which several readers refuse.
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		return nil, err
	}
	f.schema = schema.NewSchema(root)
	f.props = parquet.NewWriterProperties(opts...)
	f.meta = metadata.NewFileMetadataBuilder(f.schema, f.props, nil)
	_, err = io.WriteString(&f.out, Magic)
	return f, err
}

var parquetTypes = [...]parquet.Type{
	columnar.Int64: parquet.Types.Int64, columnar.Int32: parquet.Types.Int32, columnar.Float64: parquet.Types.Double,
	columnar.String: parquet.Types.ByteArray, columnar.TimestampUS: parquet.Types.Int64, columnar.Bool: parquet.Types.Boolean,
}

// Insert writes bytes where no reader of Parquet looks: between the magic
// number, or a row group, and what comes next.
func (f *Writer) Insert(b []byte) error { _, err := f.out.Write(b); return err }

// Bytes returns how many bytes have been written.
func (f *Writer) Bytes() int64 { return f.out.N }

// Groups returns how many row groups have been written.
func (f *Writer) Groups() int { return f.groups }

// WriteGroup writes n rows, of each column's values the first, as one row
// group.
func (f *Writer) WriteGroup(values []columnar.Values, n int) error {
	if cap(f.idx) < n {
		f.idx = make([]uint32, n)
	}
	start := f.out.N
	group := f.meta.AppendRowGroup()
	for i := range f.cols {
		if err := f.writeChunk(group, i, &values[i], n); err != nil {
			return fmt.Errorf("column %s: %w", f.cols[i].Name, errors.Join(f.out.Err, err))
		}
	}
	group.SetNumRows(n)
	// The ordinal is of 16 bits and needed only by encrypted files.
	if err := group.Finish(f.out.N-start, int16(f.groups)); err != nil {
		return err
	}
	f.rows += int64(n)
	f.groups++
	return f.out.Err
}

// writeChunk writes one column of a row group.
func (f *Writer) writeChunk(group *metadata.RowGroupMetaDataBuilder, col int, v *columnar.Values, n int) error {
	c := f.cols[col]
	chunk := group.NextColumnChunk()
	if f.pager == nil {
		p, err := file.NewPageWriter(&f.out, compress.Codecs.Zstd, zstdLevel, chunk, 0, 0, memory.DefaultAllocator, false, nil, nil)
		if err != nil {
			return err
		}
		f.pager = p
	} else if err := f.pager.Reset(&f.out, compress.Codecs.Zstd, zstdLevel, chunk, 0, 0, nil, nil); err != nil {
		return err
	}
	dict, err := false, error(nil)
	switch {
	case c.Delta:
		f.raw = appendDelta(f.raw[:0], v.Int64[:n])
		err = f.dataPage(n, parquet.Encodings.DeltaBinaryPacked)
		setStats(chunk, c, v.Int64[:n])
	case c.Type == columnar.Int64 || c.Type == columnar.TimestampUS:
		if dict = !c.NoDict && f.i64.encode(v.Int64[:n], f.idx, intDictLimit(n)); dict {
			err = f.dictChunk(columnar.Bytes(f.i64.values), len(f.i64.values), n)
			setStats(chunk, c, f.i64.values)
		} else {
			f.raw = append(f.raw[:0], columnar.Bytes(v.Int64[:n])...)
			err = f.dataPage(n, parquet.Encodings.Plain)
			setStats(chunk, c, v.Int64[:n])
		}
	case c.Type == columnar.Int32:
		if dict = !c.NoDict && f.i32.encode(v.Int32[:n], f.idx, intDictLimit(n)); dict {
			err = f.dictChunk(columnar.Bytes(f.i32.values), len(f.i32.values), n)
			setStats(chunk, c, f.i32.values)
		} else {
			f.raw = append(f.raw[:0], columnar.Bytes(v.Int32[:n])...)
			err = f.dataPage(n, parquet.Encodings.Plain)
			setStats(chunk, c, v.Int32[:n])
		}
	case c.Type == columnar.Float64:
		f.raw = append(f.raw[:0], columnar.Bytes(v.Float64[:n])...)
		err = f.dataPage(n, parquet.Encodings.Plain)
	case c.Type == columnar.Bool:
		f.raw = columnar.AppendBits(f.raw[:0], v.Bools[:n])
		err = f.dataPage(n, parquet.Encodings.Plain)
	case c.Type == columnar.String:
		dict, err = f.words.encode(v, f.idx[:n], n, dictMaxBytes)
		switch {
		case err != nil:
		case dict && !c.NoDict:
			f.raw = f.raw[:0]
			for _, w := range f.words.words {
				f.raw = appendPlainString(f.raw, w)
			}
			err = f.dictChunk(f.raw, len(f.words.words), n)
		default:
			dict = false
			err = f.plainStrings(v, n)
		}
	}
	if err != nil {
		return err
	}
	return f.pager.Close(dict, false)
}

// intDictLimit is how many distinct integers make a dictionary worth while.
func intDictLimit(n int) int { return max(n/4, 16) }

// dictChunk writes a dictionary of entries in PLAIN form and n indices into it.
func (f *Writer) dictChunk(plain []byte, entries, n int) error {
	page := file.NewDictionaryPage(memory.NewBufferBytes(plain), int32(entries), f.props.DictionaryPageEncoding())
	_, err := f.pager.WriteDictionaryPage(page)
	page.Release()
	if err != nil {
		return err
	}
	width := indexWidth(entries)
	f.raw = appendHybrid(append(f.raw[:0], byte(width)), f.idx[:n], width)
	return f.dataPage(n, f.props.DictionaryIndexEncoding())
}

// plainStrings writes strings that make no good dictionary.
func (f *Writer) plainStrings(v *columnar.Values, n int) error {
	f.raw = f.raw[:0]
	rows := 0
	for i := range n {
		var s string
		switch {
		case v.Codes != nil:
			s = v.Words.Word(v.Codes[i])
		case v.IDs != nil:
			s = v.List[v.IDs[i]] // wordDict.encode has checked them
		default:
			s = columnar.CleanText(v.Strings[i])
		}
		if rows > 0 && len(f.raw)+len(s) > pageBytes {
			if err := f.dataPage(rows, parquet.Encodings.Plain); err != nil {
				return err
			}
			f.raw, rows = f.raw[:0], 0
		}
		f.raw = appendPlainString(f.raw, s)
		rows++
	}
	if rows > 0 {
		return f.dataPage(rows, parquet.Encodings.Plain)
	}
	return nil
}

func appendPlainString(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// dataPage compresses and writes f.raw as a data page of n values.
func (f *Writer) dataPage(n int, enc parquet.Encoding) error {
	f.comp = compressZstd(f.comp[:0], f.raw)
	page := file.NewDataPageV1(memory.NewBufferBytes(f.comp), int32(n), enc, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(len(f.raw)))
	_, err := f.pager.WriteDataPage(page)
	page.Release()
	return err
}

// setStats stores minimum and maximum of the chunk.
func setStats[T int32 | int64](chunk *metadata.ColumnChunkMetaDataBuilder, c columnar.Column, v []T) {
	if !c.Stats || len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	s := metadata.EncodedStatistics{Signed: true}
	s.SetMin(append([]byte(nil), columnar.Bytes([]T{lo})...)).SetMax(append([]byte(nil), columnar.Bytes([]T{hi})...)).SetNullCount(0)
	chunk.SetStats(s)
}

// Close writes the footer with the metadata, and under sumKey the checksum of
// everything else in it ([Footer.Sum]). It does not close what is below.
func (f *Writer) Close(meta []columnar.Pair, sumKey string) error {
	for _, p := range meta {
		if err := f.meta.AppendKeyValueMetadata(p.Key, p.Value); err != nil {
			return err
		}
	}
	sum, err := f.footerSum(sumKey)
	if err != nil {
		return err
	}
	if err := f.meta.AppendKeyValueMetadata(sumKey, SumText(sum)); err != nil {
		return err
	}
	start := f.out.N
	if err := f.writeFooter(&f.out); err != nil {
		return errors.Join(f.out.Err, err)
	}
	var tail [8]byte
	binary.LittleEndian.PutUint32(tail[:], uint32(f.out.N-start))
	copy(tail[4:], Magic)
	_, err = f.out.Write(tail[:])
	return err
}

// SumText is the form in which a footer holds its checksum: a JSON string of
// eight hex digits.
func SumText(sum uint32) string { return fmt.Sprintf(`"%08x"`, sum) }

func (f *Writer) writeFooter(w io.Writer) error {
	footer, err := f.meta.Snapshot()
	if err != nil {
		return err
	}
	_, err = footer.WriteTo(w, nil)
	return err
}

// footerSum returns the checksum of the footer, read back the way that a
// reader will see it.
func (f *Writer) footerSum(sumKey string) (uint32, error) {
	var b bytes.Buffer
	if err := f.writeFooter(&b); err != nil {
		return 0, err
	}
	back := Footer{Start: f.out.N}
	if err := back.parse(b.Bytes()); err != nil {
		return 0, fmt.Errorf("read back what would be written: %w", err)
	}
	return back.Sum(sumKey), nil
}
