package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"systape/format/internal/ipc"
)

// The framing of a spool, as FORMAT.md has it.
const (
	continuation = 0xffffffff
	sealMark     = "STP1"
	sealBytes    = 8
	maxBody      = 48 << 20
)

func frameSum(meta, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(meta, castagnoli), castagnoli, body)
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
		"message body longer than allowed": frame(flatBody(maxBody+8), nil),
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
	b[28] = 1                  // a schema
	le.PutUint32(b[32:], 8)    // header, at 40
	le.PutUint64(b[40:], uint64(n))
	return b
}

// FuzzCapture reads whole captures. Their checksums are repaired first, so
// that the fuzzer gets past them.
func FuzzCapture(f *testing.F) {
	for _, n := range []int{0, 3, 40} {
		b := NewBatch(NewSymbolTable(), n)
		for i := range n {
			b.Append(Event{TS: int64(i * i), Seq: int64(i), Kind: Kind(i % int(NumKinds)), Syscall: "read", Ret: int64(i % 5), Comm: fmt.Sprint("c", i%3), Detail: fmt.Sprint(i % 2)})
		}
		var pq, sp writeBuffer
		w, _ := NewParquetWriter(&pq, nil)
		w.Write(b)
		w.Close(&Meta{Version: 1})
		f.Add(fmt.Sprint("parquet-", n), []byte(pq))
		s, _ := NewSpoolWriter(&sp, &Meta{Version: 1})
		s.Write(b)
		s.Close(&Meta{Version: 1})
		f.Add(fmt.Sprint("spool-", n), []byte(sp))
	}
	for _, name := range []string{"v1/torn.spool", "v2/torn.spool", "v2/compact-torn.spool", "v2/story.parquet"} {
		data, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, _ string, data []byte) {
		repairFrames(data)
		r, err := openUnchecked(data)
		if err != nil {
			return
		}
		defer r.Close()
		var b Batch
		rows := int64(0)
		for err = r.Next(&b); err == nil; err = r.Next(&b) {
			if rows += int64(b.N); rows > 1<<22 {
				return
			}
			if e := b.check(Version); e != nil {
				t.Fatal(e)
			}
		}
		if strings.Contains(err.Error(), "internal error") {
			t.Fatal(err) // a panic that was caught
		}
	})
}

type writeBuffer []byte

func (w *writeBuffer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }

// repairFrames sets the checksum of every message that can be found.
func repairFrames(b []byte) {
	for len(b) >= 16 && binary.LittleEndian.Uint32(b) == continuation {
		size := int(binary.LittleEndian.Uint32(b[4:]))
		if size == 0 {
			b = b[8:]
			continue
		}
		if size < 24 || size > len(b)-8 {
			return
		}
		n, err := ipc.ParseMessage(b[8 : 8+size-sealBytes]).BodyLen()
		if err != nil || n < 0 || n > int64(len(b)-8-size) {
			return
		}
		end := 8 + size + int(n)
		seal := b[size : size+8]
		copy(seal, sealMark)
		binary.LittleEndian.PutUint32(seal[4:], frameSum(b[8:size], b[8+size:end]))
		b = b[end:]
	}
}
