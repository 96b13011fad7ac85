package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"systape/format/internal/columnar"
	"systape/format/internal/parquet"
)

// The head of a Parquet capture lies between the magic number and the first
// page, where no reader of Parquet looks:
//
//	"STPH" | length uint32 | CRC-32C uint32 | key \0 value \0 …
const headMark = "STPH"

func appendHead(dst []byte, pairs []columnar.Pair) []byte {
	var body []byte
	for _, p := range pairs {
		body = append(append(append(append(body, p.Key...), 0), p.Value...), 0) // JSON has no zero bytes
	}
	dst = append(dst, headMark...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(body, castagnoli))
	return append(dst, body...)
}

// readHead returns the metadata in the head of a Parquet file and where its
// pages begin. A file of another program has no head.
func readHead(r io.ReaderAt, size int64) (pairs []columnar.Pair, pages int64, err error) {
	pages = int64(len(parquet.Magic))
	var fixed [12]byte
	if size < pages+int64(len(fixed)) {
		return nil, pages, errNoHead
	}
	if _, err := r.ReadAt(fixed[:], pages); err != nil {
		return nil, pages, err
	}
	n := int64(binary.LittleEndian.Uint32(fixed[4:]))
	if string(fixed[:4]) != headMark || n > maxMetaBytes+1<<10 || n > size-pages-int64(len(fixed)) {
		return nil, pages, errNoHead
	}
	body := make([]byte, n)
	if _, err := r.ReadAt(body, pages+int64(len(fixed))); err != nil {
		return nil, pages, err
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(fixed[8:]) {
		return nil, pages, fmt.Errorf("head of the file: %w", errChecksum)
	}
	var words []string
	for from, i := 0, 0; i < len(body); i++ {
		if body[i] == 0 {
			words = append(words, string(body[from:i]))
			from = i + 1
		}
	}
	for i := 0; i+1 < len(words); i += 2 {
		pairs = append(pairs, columnar.Pair{Key: words[i], Value: words[i+1]})
	}
	return pairs, pages + int64(len(fixed)) + n, nil
}

// HeadError is the warning that the copy of the metadata at the beginning of a
// Parquet capture is damaged. The capture is read by the metadata at its end,
// which has a checksum of its own.
type HeadError struct {
	Path string
	Err  error
}

func (e *HeadError) Error() string {
	return fmt.Sprintf("%s is damaged: %v; what is at its end is read", e.Path, e.Err)
}

func (e *HeadError) Unwrap() error { return e.Err }

// headDamage says what is wrong with the head of a part, nil if it is whole or
// the part has none.
func (p *part) headDamage() error {
	if p.pq == nil {
		return nil
	}
	if _, _, err := readHead(p.pq.file, p.size); err != nil && err != errNoHead {
		return err
	}
	return nil
}

var (
	errNoHead   = errors.New("the file has no head as systape writes it")
	errChecksum = errors.New("checksum does not match")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)
