package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	rfile "systape/format/internal/parquet"
)

// rewritten is how another program writes a capture again.
type rewritten struct {
	column  string             // one that has
	logical schema.LogicalType // a logical type of its own,
	unit    int64              // by which its numbers are divided
	nulls   string             // a column of 64-bit integers that has a null in every third row
	lists   []int              // a column of lists in front, of so many numbers each; nil: there is none
	props   []parquet.WriterProperty
}

// of returns a capture of b.
func (w rewritten) of(t *testing.T, b *Batch) []byte {
	t.Helper()
	name, logical, unit, lists := w.column, w.logical, w.unit, w.lists
	var nodes schema.FieldList
	if lists != nil {
		list, err := schema.ListOf(schema.NewInt32Node("element", parquet.Repetitions.Required, -1), parquet.Repetitions.Required, -1)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, schema.MustGroup(schema.NewGroupNode("notes", parquet.Repetitions.Required, schema.FieldList{list}, -1)))
	}
	for _, c := range columns {
		kind := map[ColumnType]parquet.Type{Int64: parquet.Types.Int64, Int32: parquet.Types.Int32, String: parquet.Types.ByteArray}[c.Type]
		l := schema.LogicalType(schema.NoLogicalType{})
		if c.Type == String {
			l = schema.StringLogicalType{}
		}
		if c.Name == name {
			l = logical
		}
		repetition := parquet.Repetitions.Required
		if c.Name == w.nulls {
			repetition = parquet.Repetitions.Optional
		}
		node, err := schema.NewPrimitiveNodeLogical(c.Name, repetition, l, kind, -1, -1)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		t.Fatal(err)
	}
	kv := metadata.NewKeyValueMetadata()
	pairs, err := (&Meta{Version: Version, CaptureID: strings.Repeat("a", 32), Tool: "t", Complete: true, Part: Part{Number: 1, Rows: int64(b.N), Last: true}}).pairs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		kv.Append(p.Key, p.Value)
	}
	var out bytes.Buffer
	writer := file.NewParquetWriter(&out, root, file.WithWriteMetadata(kv), file.WithWriterProps(parquet.NewWriterProperties(w.props...)))
	group := writer.AppendRowGroup()
	if lists != nil {
		col, err := group.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		var defs, reps []int16
		var values []int32
		for _, n := range lists {
			if n == 0 {
				defs, reps = append(defs, 0), append(reps, 0)
			}
			for i := range n {
				defs, reps, values = append(defs, 1), append(reps, int16(min(i, 1))), append(values, int32(i))
			}
		}
		_, err = col.(*file.Int32ColumnChunkWriter).WriteBatch(values, defs, reps)
		if err = errors.Join(err, col.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range columns {
		col, err := group.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		switch v := c.values(b); col := col.(type) {
		case *file.Int64ColumnChunkWriter:
			rows := append([]int64(nil), v.Int64...)
			if c.Name == name {
				for i := range rows {
					rows[i] /= unit
				}
			}
			var defs []int16
			if c.Name == w.nulls {
				there := rows[:0]
				for i, v := range rows {
					if defs = append(defs, int16(min(i%3, 1))); i%3 > 0 {
						there = append(there, v)
					}
				}
				rows = there
			}
			_, err = col.WriteBatch(rows, defs, nil)
		case *file.Int32ColumnChunkWriter:
			_, err = col.WriteBatch(v.Int32, nil, nil)
		case *file.ByteArrayColumnChunkWriter:
			off, text, terr := v.AppendText([]int32{0}, nil)
			var rows []parquet.ByteArray
			for i := range b.N {
				rows = append(rows, text[off[i]:off[i+1]])
			}
			_, err = col.WriteBatch(rows, nil, nil)
			err = errors.Join(err, terr)
		}
		if err = errors.Join(err, col.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(group.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Notebooks make timestamps of ts_ns, and other things of other columns: what
// says so is converted or refused, and never taken for nanoseconds.
func TestOtherUnitsAreConvertedOrRefused(t *testing.T) {
	b := NewBatch(NewSymbolTable(), 100)
	for i := range 100 {
		b.Append(Event{TS: int64(1_790_000_000+i) * 1e9, Seq: int64(i), Kind: Rename, PID: 7, TID: 8, Nr: -1, Comm: fmt.Sprint("c", i)})
	}
	stamp := func(unit schema.TimeUnitType, utc bool) schema.LogicalType {
		return schema.NewTimestampLogicalType(utc, unit)
	}
	for _, c := range []struct {
		name, column string
		logical      schema.LogicalType
		unit         int64
		refused      string
	}{
		{"plain", "ts_ns", schema.NoLogicalType{}, 1, ""},
		{"timestamp[ns, UTC]", "ts_ns", stamp(schema.TimeUnitNanos, true), 1, ""},
		{"timestamp[ns]", "ts_ns", stamp(schema.TimeUnitNanos, false), 1, ""},
		{"timestamp[us, UTC]", "ts_ns", stamp(schema.TimeUnitMicros, true), 1e3, ""},
		{"timestamp[ms]", "ts_ns", stamp(schema.TimeUnitMillis, false), 1e6, ""},
		{"int64, signed", "ts_ns", schema.NewIntLogicalType(64, true), 1, ""},
		{"uint64", "ts_ns", schema.NewIntLogicalType(64, false), 1, "unsigned"},
		{"time of day", "ts_ns", schema.NewTimeLogicalType(true, schema.TimeUnitNanos), 1, "time of day"},
		{"decimal", "ret", schema.NewDecimalLogicalType(10, 2), 1, "decimal"},
		{"timestamp in another column", "ret", stamp(schema.TimeUnitMicros, true), 1, "timestamp"},
		{"uint32", "pid", schema.NewIntLogicalType(32, false), 1, "unsigned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := rewritten{column: c.column, logical: c.logical, unit: c.unit}.of(t, b)
			for _, opt := range []ReadOptions{{}, {From: b.TS[40], To: b.TS[60]}, {From: b.TS[99] + 1}} {
				want := 100
				if opt.From != 0 {
					want = 0
				}
				if opt.To != 0 {
					want = 20
				}
				r, err := OpenBytes(data, opt)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				var got Batch
				for err = r.Next(&got); err == nil; err = r.Next(&got) {
					for i := range got.N {
						if e := got.At(i); e != b.At(int(e.Seq)) {
							t.Errorf("got %+v, want %+v", e, b.At(int(e.Seq)))
						}
						n++
					}
				}
				r.Close()
				if c.refused != "" {
					if corrupt, ok := errors.AsType[*CorruptError](err); !ok || corrupt.Rule != RuleTable || corrupt.Column != c.column || !strings.Contains(err.Error(), c.refused) {
						t.Errorf("got %v, want that %s is refused: %s", err, c.column, c.refused)
					}
				} else if err != io.EOF || n != want {
					t.Errorf("%d rows and %v, want %d and io.EOF", n, err, want)
				}
			}
		})
	}
}

// Whatever another program uses of Parquet when it writes a capture again, its
// rows are read, or it is said what is not read; none of it is damage.
func TestOtherFormsAreRead(t *testing.T) {
	b := NewBatch(NewSymbolTable(), 300)
	var lists []int
	for i := range 300 {
		b.Append(Event{TS: 1_790_000_000e9 + int64(i*i), Seq: int64(i), Kind: Rename, PID: int32(i % 7), TID: int32(i), Nr: -1, Ret: 0, Comm: fmt.Sprint("c", i%9)})
		lists = append(lists, i%4)
	}
	with := func(codec compress.Compression, more ...parquet.WriterProperty) []parquet.WriterProperty {
		return append(more, parquet.WithCompression(codec))
	}
	for _, c := range []struct {
		name  string
		lists []int
		props []parquet.WriterProperty
	}{
		{"as it is", nil, nil},
		{"snappy", nil, with(compress.Codecs.Snappy)},
		{"gzip", nil, with(compress.Codecs.Gzip)},
		{"brotli", nil, with(compress.Codecs.Brotli)},
		{"brotli, pages of version 2", nil, with(compress.Codecs.Brotli, parquet.WithDataPageVersion(parquet.DataPageV2))},
		{"zstd", nil, with(compress.Codecs.Zstd)},
		{"many pages, without dictionaries", nil, with(compress.Codecs.Brotli, parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(64), parquet.WithBatchSize(16))},
		{"a column of lists", lists, with(compress.Codecs.Snappy)},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := rewritten{lists: c.lists, props: c.props}.of(t, b)
			r, err := OpenBytes(data, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var got Batch
			n := 0
			for err = r.Next(&got); err == nil; err = r.Next(&got) {
				for i := range got.N {
					if e := got.At(i); e != b.At(n) {
						t.Fatalf("row %d: got %+v, want %+v", n, e, b.At(n))
					}
					n++
				}
			}
			if err != io.EOF || n != b.N {
				t.Errorf("%d rows and %v, want %d and io.EOF", n, err, b.N)
			}
			for cut := range len(data) { // damage is still damage
				if cut%97 != 0 {
					continue
				}
				if r, err := OpenBytes(data[:cut], ReadOptions{}); err == nil {
					r.Close()
					t.Errorf("opened with only %d of %d bytes", cut, len(data))
				}
			}
		})
	}
	t.Run("a codec that is not read", func(t *testing.T) {
		data := rewritten{props: with(compress.Codecs.Brotli)}.of(t, b)
		foot, err := rfile.ReadFooter(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		// LZO, which nobody writes any more: codec 3 in the metadata of each chunk.
		lzo := bytes.ReplaceAll(data[foot.Start:], []byte{0x15, 0x08, 0x16}, []byte{0x15, 0x06, 0x16})
		r, err := OpenBytes(append(data[:foot.Start:foot.Start], lzo...), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Next(new(Batch)); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "codec 3") {
			t.Errorf("got %v, want ErrForeign that names codec 3", err)
		}
	})
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		t.Run(fmt.Sprint("nulls, pages of version ", version+1), func(t *testing.T) {
			r, err := OpenBytes(rewritten{nulls: "ret", props: []parquet.WriterProperty{parquet.WithDataPageVersion(version)}}.of(t, b), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := r.Next(new(Batch)); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "column ret: ") || !strings.Contains(err.Error(), "nulls") {
				t.Errorf("got %v, want ErrForeign that names ret and its nulls", err)
			}
		})
	}
}
