package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"

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

	// Workers is how many columns are encoded at once; 0: one.
	Workers  int
	encoders []columnEncoder // of the columns
	keys     appearances
	waiting  int // rows of the row group that is being made
}

// NewWriter writes the magic number. Creator becomes the file's created_by.
func NewWriter(w io.Writer, cols []columnar.Column, creator string) (*Writer, error) {
	f := &Writer{out: columnar.Output{W: w}, cols: cols, encoders: make([]columnEncoder, len(cols))}
	nodes := make(schema.FieldList, len(cols))
	opts := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy(creator),
	}
	for i, c := range cols {
		f.encoders[i].column = c
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

// Add takes n rows, of each column's values the first, and keeps nothing of them
// but strings. They become part of the row group that EndGroup writes; rows that
// Add has refused leave the writer unusable.
func (f *Writer) Add(values []columnar.Values, n int) error {
	f.waiting += n
	f.keys.look(values, n)
	return f.each(n, func(e *columnEncoder, i int) error { return e.add(&values[i], n, f.keys.order(&values[i])) })
}

// Waiting returns how many rows the row group has that is being made.
func (f *Writer) Waiting() int { return f.waiting }

// WriteGroup writes n rows, of each column's values the first, as one row
// group, behind those that wait.
func (f *Writer) WriteGroup(values []columnar.Values, n int) error {
	if err := f.Add(values, n); err != nil {
		return err
	}
	return f.EndGroup()
}

// EndGroup writes the rows that wait as one row group; there must be one at least.
func (f *Writer) EndGroup() error {
	if err := f.each(f.waiting, func(e *columnEncoder, _ int) error { e.finish(); return nil }); err != nil {
		return err
	}
	return f.write()
}

// alone is how many rows are not worth waking others for.
const alone = 1 << 10

// each does work for every column. Workers take the columns in turn, so that the file
// does not depend on how many there are.
func (f *Writer) each(rows int, work func(e *columnEncoder, i int) error) error {
	workers := min(max(f.Workers, 1), len(f.cols))
	if rows < alone {
		workers = 1
	}
	var next atomic.Int32
	errs := make([]error, len(f.cols))
	take := func() {
		for i := int(next.Add(1)) - 1; i < len(f.cols); i = int(next.Add(1)) - 1 {
			if err := work(&f.encoders[i], i); err != nil {
				errs[i] = fmt.Errorf("column %s: %w", f.cols[i].Name, err)
			}
		}
	}
	var others sync.WaitGroup
	for range workers - 1 {
		others.Go(take)
	}
	take()
	others.Wait()
	return errors.Join(errs...)
}

// write writes the row group that is finished.
func (f *Writer) write() error {
	start := f.out.N
	group := f.meta.AppendRowGroup()
	for i := range f.cols {
		if err := f.writeChunk(group, &f.encoders[i].out); err != nil {
			return fmt.Errorf("column %s: %w", f.cols[i].Name, errors.Join(f.out.Err, err))
		}
	}
	group.SetNumRows(f.waiting)
	// The ordinal is of 16 bits and needed only by encrypted files.
	if err := group.Finish(f.out.N-start, int16(f.groups)); err != nil {
		return err
	}
	f.rows += int64(f.waiting)
	f.waiting = 0
	f.groups++
	return f.out.Err
}

// writeChunk writes one column of a row group.
func (f *Writer) writeChunk(group *metadata.RowGroupMetaDataBuilder, c *encodedChunk) error {
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
	if c.hasDict {
		page := file.NewDictionaryPage(memory.NewBufferBytes(c.dict), int32(c.entries), f.props.DictionaryPageEncoding())
		_, err := f.pager.WriteDictionaryPage(page)
		page.Release()
		if err != nil {
			return err
		}
	}
	rest := c.data
	for _, p := range c.pages {
		page := file.NewDataPageV1(memory.NewBufferBytes(rest[:p.bytes:p.bytes]), int32(p.rows), c.encoding, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(p.raw))
		rest = rest[p.bytes:]
		_, err := f.pager.WriteDataPage(page)
		page.Release()
		if err != nil {
			return err
		}
	}
	if c.stats {
		s := metadata.EncodedStatistics{Signed: c.signed}
		if c.lowest != nil {
			s.SetMin(c.lowest).SetMax(c.highest)
		}
		chunk.SetStats(*s.SetNullCount(0))
	}
	return f.pager.Close(c.hasDict, false)
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
	for _, group := range footer.RowGroups {
		setSorting(&group.SortingColumns, f.cols)
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

// setSorting declares the columns by which rows are sorted (parquet.thrift:
// SortingColumn). Arrow v17 has no way to do so but through its thrift, and that
// in a package whose types only it can name.
func setSorting[T any](dst *[]*T, cols []columnar.Column) {
	*dst = nil
	for i, c := range cols {
		if c.Sorted {
			s := new(T)
			reflect.ValueOf(s).Elem().FieldByName("ColumnIdx").SetInt(int64(i))
			*dst = append(*dst, s)
		}
	}
}
