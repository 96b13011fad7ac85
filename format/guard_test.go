package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/klauspost/compress/zstd"
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
		col, err := r.RowGroup(0).Column(pos)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			var got, want any
			switch col := col.(type) {
			case *file.Int64ColumnChunkReader:
				var v [1]int64
				_, _, err = col.ReadBatch(1, v[:], nil, nil)
				got, want = v[0], (*b.int64s(pos))[i]
			case *file.Int32ColumnChunkReader:
				var v [1]int32
				_, _, err = col.ReadBatch(1, v[:], nil, nil)
				got, want = v[0], (*b.int32s(pos))[i]
			case *file.ByteArrayColumnChunkReader:
				var v [1]parquet.ByteArray
				_, _, err = col.ReadBatch(1, v[:], nil, nil)
				got = string(v[0])
				switch pos {
				case posKind:
					want = b.Kind[i].String()
				case posABI:
					want = b.ABI[i].String()
				case posDetail:
					want = b.Detail[i]
				default:
					want = b.Symbols.String((*b.syms(pos))[i])
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
		if pos == posTID && int32(binary.LittleEndian.Uint32(s.EncodeMin())) != b.TID[b.N-1] {
			t.Errorf("minimum of tid is %x", s.EncodeMin())
		}
	}
}

// Arrow v17 makes a zstd encoder of every page, and lets a page decompress to
// any size.
func TestZstdIsOurs(t *testing.T) {
	c, err := compress.GetCodec(compress.Codecs.Zstd)
	if _, ok := c.(zstdCodec); !ok || err != nil {
		t.Errorf("arrow uses %T (%v)", c, err)
	}
	bomb := must(zstd.NewWriter(nil)).EncodeAll(make([]byte, 256<<20), nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := decompressZstd(make([]byte, 1000), bomb); err == nil {
		t.Error("a page of 1000 bytes decompressed to 256 MiB")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
		t.Errorf("took %d bytes", got)
	}
}

// limits of hostile files: each claims more than it has.
func TestHostileSizesAreRefusedBeforeAllocation(t *testing.T) {
	good, _ := guardCapture(t, 100)
	varint := func(v uint64) []byte { return binary.AppendUvarint(nil, v) }
	footerFile := func(body ...byte) []byte {
		f := append([]byte("PAR1"), body...)
		f = binary.LittleEndian.AppendUint32(f, uint32(len(body)))
		return append(f, "PAR1"...)
	}
	frame := func(meta, body []byte) []byte {
		for len(meta)%8 != 0 {
			meta = append(meta, 0)
		}
		f := binary.LittleEndian.AppendUint32(nil, continuation)
		f = binary.LittleEndian.AppendUint32(f, uint32(len(meta)+sealBytes))
		f = append(append(f, meta...), sealMark...)
		f = binary.LittleEndian.AppendUint32(f, frameSum(meta, body))
		return append(f, body...)
	}
	longFooter := bytes.Clone(good)
	binary.LittleEndian.PutUint32(longFooter[len(good)-8:], 1<<31)
	for name, data := range map[string][]byte{
		"footer longer than the file":      longFooter,
		"schema of a billion nodes":        footerFile(append([]byte{0x29, 0xfc}, varint(1e9)...)...),
		"row groups by the billion":        footerFile(append([]byte{0x49, 0xfc}, varint(1e9)...)...),
		"message metadata of 2 GiB":        {0xff, 0xff, 0xff, 0xff, 0xf8, 0xff, 0xff, 0x7f, 1, 2, 3},
		"message body of 1 EiB":            frame(flatBody(1<<60), nil),
		"message body longer than allowed": frame(flatBody(maxFrameBody+8), nil),
		"message whose vtable is nowhere":  frame(bytes.Repeat([]byte{0xff}, 64), nil),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := OpenBytes(data, ReadOptions{})
			if err == nil {
				var b Batch
				for err = r.Next(&b); err == nil; err = r.Next(&b) {
				}
				r.Close()
			}
			runtime.ReadMemStats(&after)
			if err == io.EOF {
				t.Error("read as a complete capture")
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
				t.Errorf("took %d bytes before it failed with %v", got, err)
			}
		})
	}
}

// flatBody is a message with a schema and a body of n bytes.
func flatBody(n int64) []byte {
	b := make([]byte, 64)
	le := binary.LittleEndian
	le.PutUint32(b, 24)        // root table
	le.PutUint16(b[8:], 12)    // vtable: its size,
	le.PutUint16(b[10:], 24)   // the table's size,
	le.PutUint16(b[12:], 0)    // version,
	le.PutUint16(b[14:], 4)    // kind,
	le.PutUint16(b[16:], 8)    // header,
	le.PutUint16(b[18:], 16)   // body length
	le.PutUint32(b[24:], 24-8) // table: back to its vtable
	b[28] = messageSchema      //
	le.PutUint32(b[32:], 8)    // header, at 40
	le.PutUint64(b[40:], uint64(n))
	return b
}

// A page that claims to be larger than any is refused by the budget, and so
// are many pages that are too large together.
func TestPagesHaveABudget(t *testing.T) {
	b := budget{1 << 20}
	var err error
	var kept [][]byte
	for range 20 {
		var buf []byte
		if buf, err = b.grow(nil, 100_000); err != nil {
			break
		}
		kept = append(kept, buf)
	}
	if err == nil || len(kept) != 10 {
		t.Errorf("%d buffers of 100,000 bytes in a budget of 1 MiB, %v", len(kept), err)
	}
	if buf, err := b.grow(kept[0], 50_000); err != nil || len(buf) != 50_000 {
		t.Errorf("memory that is there is not reused: %v", err)
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
