package parquet

import (
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// zstdLevel is the level of captures: 1 is 4 % larger, 7 only 1 % smaller.
const zstdLevel = 3

// zstdCodec replaces arrow v17's codec, which makes a new encoder for every
// page and lets a page decompress to any size.
type zstdCodec struct{}

func init() { compress.RegisterCodec(compress.Codecs.Zstd, zstdCodec{}) }

// zstdEncoders returns encoders of a level.
func zstdEncoders(level zstd.EncoderLevel) *sync.Pool {
	return &sync.Pool{New: func() any {
		return must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true), zstd.WithAllLitEntropyCompression(true),
			zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(true)))
	}}
}

var (
	encoders = zstdEncoders(zstd.EncoderLevelFromZstd(zstdLevel))
	fast     = zstdEncoders(zstd.SpeedFastest)
	// A decoder never writes more than the capacity it is given: the reader
	// decides how large a page may get.
	decoders = sync.Pool{New: func() any {
		return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true)))
	}}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("parquet: internal error: " + err.Error())
	}
	return v
}

// compressZstd appends src in compressed form to dst.
func compressZstd(dst, src []byte) []byte { return compress1(encoders, dst, src) }

// compressBits is compressZstd for values packed as bits: in those the fastest
// level finds nearly as much (captures of a loop get 3.5 % larger, of a mix 0.01 %) in a
// quarter of the time.
func compressBits(dst, src []byte) []byte { return compress1(fast, dst, src) }

func compress1(from *sync.Pool, dst, src []byte) []byte {
	e := from.Get().(*zstd.Encoder)
	defer from.Put(e)
	return e.EncodeAll(src, dst)
}

// decompressZstd fills dst, which must have exactly the length of the data.
func decompressZstd(dst, src []byte) error {
	d := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(d)
	out, err := d.DecodeAll(src, dst[:0:len(dst)])
	if err == nil && len(out) != len(dst) {
		err = fmt.Errorf("%d bytes after decompression, want %d", len(out), len(dst))
	}
	return err
}

// The methods of arrow's codec interface. Arrow uses them for dictionary
// pages, and to read pages of files that our own decoders do not handle.

func (zstdCodec) Encode(dst, src []byte) []byte             { return compressZstd(dst[:0], src) }
func (zstdCodec) EncodeLevel(dst, src []byte, _ int) []byte { return compressZstd(dst[:0], src) }

func (zstdCodec) Decode(dst, src []byte) []byte {
	if err := decompressZstd(dst, src); err != nil {
		panic(fmt.Errorf("decompress page: %w", err)) // arrow's interface has no error
	}
	return dst
}

func (zstdCodec) CompressBound(n int64) int64 { return n + n>>8 + 128<<10>>11 + 64 }

func (zstdCodec) NewReader(r io.Reader) io.ReadCloser {
	return must(zstd.NewReader(r)).IOReadCloser()
}

func (zstdCodec) NewWriter(w io.Writer) io.WriteCloser { return must(zstd.NewWriter(w)) }

func (zstdCodec) NewWriterLevel(w io.Writer, level int) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
}

var _ compress.Codec = zstdCodec{}
