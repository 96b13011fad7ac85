package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A gap is the message by which the begin of a stream in a file is given back:
// its body is what was there, which nobody reads any more. To other readers it
// is a dictionary without entries, which the real one replaces. (Not a batch:
// pyarrow wants all dictionaries before the first.) Its checksum, behind a mark
// of its own, is of the metadata alone.
const gapMark = "STPG"

// GapAlign is where the gap of a stream begins: at a multiple of this, so that
// it lies within one page of the file, and is written there whole or not at all.
const GapAlign = 4096

// Gap returns the message of a gap that ends bytes after its own begin. Fields
// are the stream's. It is the same number of bytes for every end; ends that are
// nearer make one without a body.
func Gap(fields []Field, bytes int64) ([]byte, error) {
	for i := len(fields) - 1; i >= 0; i-- {
		if id := fields[i].Dictionary; id != NoDictionary {
			return gap(id, fields[i], bytes), nil
		}
	}
	return nil, errors.New("a stream without dictionaries has no gap")
}

func gap(id int64, f Field, bytes int64) []byte {
	spans := make([]span, 2, 3) // validity, values
	if f.text() {
		spans = append(spans, span{})
	}
	meta := noEntries(id, spans)
	size := int64(8 + len(meta.b) + sealBytes)
	binary.LittleEndian.PutUint64(meta.b[meta.bodyLen:], uint64(max(bytes-size, 0)))
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, size), continuation)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(meta.b)+sealBytes))
	out = append(append(out, meta.b...), gapMark...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(meta.b, castagnoli))
}

// passGap goes on behind a gap whose metadata has been read.
func (f *FrameReader) passGap(m *Message, seal []byte) error {
	switch {
	case crc32.Checksum(m.b, castagnoli) != binary.LittleEndian.Uint32(seal[4:]):
		return ErrChecksum
	case m.kind != messageDictionary || m.bodyLen < 0 || f.searching:
		return ErrFraming
	}
	f.N += int64(8+len(m.b)+sealBytes) + m.bodyLen
	f.Gap = m.bodyLen
	if m.bodyLen == 0 {
		return nil
	}
	if f.At != nil {
		f.R = f.At(f.N)
		return nil
	}
	if _, err := io.CopyN(io.Discard, f.R, m.bodyLen); err != nil {
		if err == io.EOF {
			err = ErrTorn
		}
		return fmt.Errorf("pass over what was given back: %w", err)
	}
	return nil
}
