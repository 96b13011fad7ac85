package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// rewritten returns a capture of b as another program writes it, where one
// column has a logical type of its own and its numbers are divided by unit.
func rewritten(t *testing.T, b *Batch, name string, logical schema.LogicalType, unit int64) []byte {
	t.Helper()
	var nodes schema.FieldList
	for _, c := range columns {
		kind := map[ColumnType]parquet.Type{Int64: parquet.Types.Int64, Int32: parquet.Types.Int32, String: parquet.Types.ByteArray}[c.Type]
		l := schema.LogicalType(schema.NoLogicalType{})
		if c.Type == String {
			l = schema.StringLogicalType{}
		}
		if c.Name == name {
			l = logical
		}
		node, err := schema.NewPrimitiveNodeLogical(c.Name, parquet.Repetitions.Required, l, kind, -1, -1)
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
	w := file.NewParquetWriter(&out, root, file.WithWriteMetadata(kv))
	group := w.AppendRowGroup()
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
			_, err = col.WriteBatch(rows, nil, nil)
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
	if err := errors.Join(group.Close(), w.Close()); err != nil {
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
			data := rewritten(t, b, c.column, c.logical, c.unit)
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
