package parquet

import (
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

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

// A page that claims to be larger than any is refused by the budget, and so
// are many pages that are too large together.
func TestPagesHaveABudget(t *testing.T) {
	b := Budget{1 << 20}
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
