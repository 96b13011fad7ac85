package format

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
)

const (
	groupRows = 1 << 17 // rows of a row group: 512 Ki saves no byte, 32 Ki costs 7 %

	pageBytes    = 1 << 20 // of strings in one page, a single string excepted
	dictMaxBytes = 1 << 20 // of strings in a dictionary
)

var parquetMagic = []byte("PAR1")

// parquetFile writes one table as a Parquet file. It lays out pages by itself
// and takes arrow's thrift for their headers and the footer: arrow's typed
// column writers would hash every value again that we know as a number.
type parquetFile struct {
	out    sink
	cols   []Column
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

// newParquetFile writes the magic number.
func newParquetFile(w io.Writer, cols []Column) (*parquetFile, error) {
	f := &parquetFile{out: sink{w: w}, cols: cols}
	nodes := make(schema.FieldList, len(cols))
	opts := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy(creatorPrefix + "(parquet-go version 17.0.0)"),
	}
	for i, c := range cols {
		if c.Delta && c.Type != Int64 && c.Type != TimestampUS {
			return nil, fmt.Errorf("column %s: arrow v17 miswrites deltas of 32 bits", c.Name)
		}
		var err error
		switch c.Type {
		case String:
			nodes[i], err = schema.NewPrimitiveNodeLogical(c.Name, parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
		case TimestampUS:
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
	_, err = f.out.Write(parquetMagic)
	return f, err
}

var parquetTypes = [...]parquet.Type{
	Int64: parquet.Types.Int64, Int32: parquet.Types.Int32, Float64: parquet.Types.Double,
	String: parquet.Types.ByteArray, TimestampUS: parquet.Types.Int64, Bool: parquet.Types.Boolean,
}

// writeGroup writes n rows as one row group.
func (f *parquetFile) writeGroup(data []colData, n int, names *SymbolTable) error {
	if cap(f.idx) < n {
		f.idx = make([]uint32, n)
	}
	start := f.out.n
	group := f.meta.AppendRowGroup()
	for i := range f.cols {
		if err := f.writeChunk(group, i, &data[i], n, names); err != nil {
			return fmt.Errorf("column %s: %w", f.cols[i].Name, errors.Join(f.out.err, err))
		}
	}
	group.SetNumRows(n)
	// The ordinal is of 16 bits and needed only by encrypted files.
	if err := group.Finish(f.out.n-start, int16(f.groups)); err != nil {
		return err
	}
	f.rows += int64(n)
	f.groups++
	return f.out.err
}

// writeChunk writes one column of a row group.
func (f *parquetFile) writeChunk(group *metadata.RowGroupMetaDataBuilder, col int, d *colData, n int, names *SymbolTable) error {
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
		f.raw = appendDelta(f.raw[:0], d.i64[:n])
		err = f.dataPage(n, parquet.Encodings.DeltaBinaryPacked)
		setStats(chunk, c, d.i64[:n])
	case c.Type == Int64 || c.Type == TimestampUS:
		if dict = !c.NoDict && f.i64.encode(d.i64[:n], f.idx, intDictLimit(n)); dict {
			err = f.dictChunk(bytesOf(f.i64.values), len(f.i64.values), n)
			setStats(chunk, c, f.i64.values)
		} else {
			f.raw = append(f.raw[:0], bytesOf(d.i64[:n])...)
			err = f.dataPage(n, parquet.Encodings.Plain)
			setStats(chunk, c, d.i64[:n])
		}
	case c.Type == Int32:
		if dict = !c.NoDict && f.i32.encode(d.i32[:n], f.idx, intDictLimit(n)); dict {
			err = f.dictChunk(bytesOf(f.i32.values), len(f.i32.values), n)
			setStats(chunk, c, f.i32.values)
		} else {
			f.raw = append(f.raw[:0], bytesOf(d.i32[:n])...)
			err = f.dataPage(n, parquet.Encodings.Plain)
			setStats(chunk, c, d.i32[:n])
		}
	case c.Type == Float64:
		f.raw = append(f.raw[:0], bytesOf(d.f64[:n])...)
		err = f.dataPage(n, parquet.Encodings.Plain)
	case c.Type == Bool:
		f.raw = appendBits(f.raw[:0], d.bools[:n])
		err = f.dataPage(n, parquet.Encodings.Plain)
	case c.Type == String:
		dict, err = f.words.encode(d, f.idx[:n], names, n, dictMaxBytes)
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
			err = f.plainStrings(d, n, names)
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
func (f *parquetFile) dictChunk(plain []byte, entries, n int) error {
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
func (f *parquetFile) plainStrings(d *colData, n int, names *SymbolTable) error {
	f.raw = f.raw[:0]
	rows := 0
	for i := range n {
		var s string
		switch {
		case d.codes != nil:
			s = d.words.words[d.codes[i]]
		case d.syms != nil:
			s = names.String(d.syms[i])
		default:
			s = d.strs[i]
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
func (f *parquetFile) dataPage(n int, enc parquet.Encoding) error {
	f.comp = compressZstd(f.comp[:0], f.raw)
	page := file.NewDataPageV1(memory.NewBufferBytes(f.comp), int32(n), enc, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(len(f.raw)))
	_, err := f.pager.WriteDataPage(page)
	page.Release()
	return err
}

// setStats stores minimum and maximum of the chunk.
func setStats[T int32 | int64](chunk *metadata.ColumnChunkMetaDataBuilder, c Column, v []T) {
	if !c.Stats || len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	s := metadata.EncodedStatistics{Signed: true}
	s.SetMin(append([]byte(nil), bytesOf([]T{lo})...)).SetMax(append([]byte(nil), bytesOf([]T{hi})...)).SetNullCount(0)
	chunk.SetStats(s)
}

// close writes the footer. The caller asks the sink for errors and closes
// what is below it.
func (f *parquetFile) close(meta []metaPair) error {
	for _, p := range meta {
		if err := f.meta.AppendKeyValueMetadata(p.key, p.value); err != nil {
			return err
		}
	}
	check, err := f.footerSum()
	if err != nil {
		return err
	}
	if err := f.meta.AppendKeyValueMetadata(checkKey, fmt.Sprintf(`"%08x"`, check)); err != nil {
		return err
	}
	start := f.out.n
	if err := f.writeFooter(&f.out); err != nil {
		return errors.Join(f.out.err, err)
	}
	var tail [8]byte
	binary.LittleEndian.PutUint32(tail[:], uint32(f.out.n-start))
	copy(tail[4:], parquetMagic)
	_, err = f.out.Write(tail[:])
	return err
}

func (f *parquetFile) writeFooter(w io.Writer) error {
	footer, err := f.meta.Snapshot()
	if err != nil {
		return err
	}
	_, err = footer.WriteTo(w, nil)
	return err
}

// footerSum returns the checksum of the footer, read back the way that a
// reader will see it.
func (f *parquetFile) footerSum() (uint32, error) {
	var b bytes.Buffer
	if err := f.writeFooter(&b); err != nil {
		return 0, err
	}
	back := footer{start: f.out.n}
	if err := back.parse(b.Bytes()); err != nil {
		return 0, fmt.Errorf("read back what would be written: %w", err)
	}
	return back.sum(), nil
}
