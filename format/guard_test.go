package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// What arrow v17 gets wrong, and that we do not let it.

// guardCapture returns a capture of n rows and its batch.
func guardCapture(t testing.TB, n int) ([]byte, *Batch) {
	t.Helper()
	b := NewBatch(NewSymbolTable(), n)
	for i := range n {
		b.Append(Event{TS: 1e18 + int64(i*i), Seq: int64(i), Kind: Kind(i % 2), TID: int32(-i), PID: int32(i % 9), Nr: int32(i % 50), Syscall: fmt.Sprint("call_", i%50),
			Ret: int64(i%700) - 9, Args: [6]int64{int64(i), 1 << 62, -int64(i) << 40, 7}, Comm: fmt.Sprint("c", i/100), Detail: strings.Repeat("x", i%3)})
	}
	var out writeBuffer
	w, err := NewParquetWriter(&out, nil)
	if err == nil {
		err = w.Write(b)
	}
	if err == nil {
		err = w.Close(&Meta{Version: 1, Complete: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, b
}

// Arrow's reader shares no code with our writer and reads every cell as ours.
func TestArrowReadsEveryCell(t *testing.T) {
	data, b := guardCapture(t, 3000)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for pos, c := range columns {
		v := c.values(b)
		col, err := r.RowGroup(0).Column(pos)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			var got, want any
			switch col := col.(type) {
			case *file.Int64ColumnChunkReader:
				var cell [1]int64
				_, _, err = col.ReadBatch(1, cell[:], nil, nil)
				got, want = cell[0], v.Int64[i]
			case *file.Int32ColumnChunkReader:
				var cell [1]int32
				_, _, err = col.ReadBatch(1, cell[:], nil, nil)
				got, want = cell[0], v.Int32[i]
			case *file.ByteArrayColumnChunkReader:
				var cell [1]parquet.ByteArray
				_, _, err = col.ReadBatch(1, cell[:], nil, nil)
				got = string(cell[0])
				switch {
				case v.Codes != nil:
					want = v.Words.Word(v.Codes[i])
				case v.IDs != nil:
					want = v.List[v.IDs[i]]
				default:
					want = v.Strings[i]
				}
			}
			if err != nil || got != want {
				t.Fatalf("column %s, row %d: got %v, want %v (%v)", c.Name, i, got, want, err)
			}
		}
	}
}

func TestFooterIsAsOtherReadersNeedIt(t *testing.T) {
	data, b := guardCapture(t, 3000)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if rep := r.MetaData().Schema.Root().RepetitionType(); rep != parquet.Repetitions.Required {
		t.Errorf("the root is %v: arrow v17 writes REPEATED, which Snowflake and hyparquet refuse", rep)
	}
	for pos, c := range columns {
		node := r.MetaData().Schema.Column(pos)
		if node.MaxDefinitionLevel() != 0 || strings.Contains(fmt.Sprint(node.LogicalType()), "false") && c.Type != String {
			t.Errorf("column %s is not a required signed column: %v", c.Name, node)
		}
		chunk, err := r.RowGroup(0).MetaData().ColumnChunk(pos)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range chunk.Encodings() {
			if e == parquet.Encodings.DeltaBinaryPacked && c.Type != Int64 {
				t.Errorf("column %s: delta on 32 bits, which arrow v17 miswrites", c.Name)
			}
		}
		set, _ := chunk.StatsSet()
		if set != c.Stats {
			t.Errorf("column %s: statistics %v, want %v", c.Name, set, c.Stats)
		}
		if !set {
			continue
		}
		s, err := chunk.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		if s.NullCount() != 0 || !s.HasMinMax() {
			t.Errorf("column %s: null count %d, min and max %v", c.Name, s.NullCount(), s.HasMinMax())
		}
		if pos == ColTID.pos() && int32(binary.LittleEndian.Uint32(s.EncodeMin())) != b.TID[b.N-1] {
			t.Errorf("minimum of tid is %x", s.EncodeMin())
		}
	}
}

// Names may hold any bytes; columns of text may not.
func TestTextIsAlwaysUTF8(t *testing.T) {
	names := NewSymbolTable()
	sym, err := names.Intern([]byte("a\xff\x00b\xc3"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names.String(sym), "a\\xff\x00b\\xc3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if again, _ := names.Intern([]byte("a\xff\x00b\xc3")); again != sym {
		t.Errorf("the same bytes got %d and %d", sym, again)
	}
	b := NewBatch(names, 1)
	b.Append(Event{Detail: "/tmp/\xfe", Syscall: "read"})
	for name, write := range map[string]func(w io.Writer) error{
		"parquet": func(w io.Writer) error {
			pw, err := NewParquetWriter(w, nil)
			if err == nil {
				err = pw.Write(b)
			}
			if err == nil {
				err = pw.Close(&Meta{Version: 1, Complete: true})
			}
			return err
		},
		"spool": func(w io.Writer) error {
			sw, err := NewSpoolWriter(w, &Meta{Version: 1})
			if err == nil {
				err = sw.Write(b)
			}
			if err == nil {
				err = sw.Close(&Meta{Version: 1, Complete: true})
			}
			return err
		},
	} {
		var out writeBuffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		r, err := OpenBytes(out, ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.Events() {
			if err != nil || e.Detail != `/tmp/\xfe` {
				t.Errorf("%s: got %q, %v", name, e.Detail, err)
			}
		}
		r.Close()
	}
}
