package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"systape/format/internal/columnar"
)

// A stream is a sequence of encapsulated messages (Arrow, Columnar.md):
//
//	continuation 0xffffffff | metadata length int32 | metadata, padded to 8 | body
//
// and ends with a metadata length of 0. Arrow has no checksum, so ours goes
// into the last 8 bytes of the padding, which every reader skips: the letters
// "STP1" and the CRC-32C of all the message's other bytes after the length.
const (
	continuation = 0xffffffff
	sealMark     = "STP1"
	sealBytes    = 8

	maxFrameMeta = 17 << 20 // bytes of a message's metadata
	maxFrameBody = 48 << 20 // bytes of a message's body
)

var endMark = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameWriter writes the messages that arrow's writer makes, each with one
// call of Write, and with our checksum.
type frameWriter struct {
	out *columnar.Output
	buf []byte
}

var _ ipc.PayloadWriter = (*frameWriter)(nil)

func (f *frameWriter) Start() error { return nil }

// Write collects a message's body.
func (f *frameWriter) Write(p []byte) (int, error) {
	f.buf = append(f.buf, p...)
	return len(p), nil
}

func (f *frameWriter) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	padded := (meta.Len() + 7) &^ 7
	f.buf = binary.LittleEndian.AppendUint32(f.buf[:0], continuation)
	f.buf = binary.LittleEndian.AppendUint32(f.buf, uint32(padded+sealBytes))
	f.buf = append(f.buf, meta.Bytes()...)
	f.buf = append(f.buf, make([]byte, padded-meta.Len())...)
	seal := len(f.buf)
	f.buf = append(append(f.buf, sealMark...), 0, 0, 0, 0)
	if err := p.SerializeBody(f); err != nil {
		return err
	}
	if body := len(f.buf) - seal - sealBytes; padded > maxFrameMeta || body > maxFrameBody {
		return fmt.Errorf("%w: %d bytes of metadata, %d of data", columnar.ErrTooLarge, padded, body)
	}
	binary.LittleEndian.PutUint32(f.buf[seal+4:], frameSum(f.buf[8:seal], f.buf[seal+sealBytes:]))
	_, err := f.out.Write(f.buf)
	return err
}

// Close writes the end mark.
func (f *frameWriter) Close() error {
	_, err := f.out.Write(endMark)
	return err
}

func frameSum(meta, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(meta, castagnoli), castagnoli, body)
}

// What can be wrong with the next message.
var (
	ErrTorn     = errors.New("the last message is not whole")
	ErrChecksum = errors.New("checksum does not match")
	ErrFraming  = errors.New("no message where one should begin")
)

// FrameReader reads messages and checks them before anyone looks inside.
type FrameReader struct {
	R    io.Reader
	N    int64                 // bytes of whole messages so far
	At   func(int64) io.Reader // reads from that place of the stream on; nil: R only goes on
	Gap  int64                 // bytes of the message before that were given back; -1: it was no gap
	head [8]byte
	meta []byte
	body []byte

	searching bool // for a message that is whole, which a gap does not tell
}

// Next returns the next message's metadata and body, valid until the next
// call, or io.EOF at an end mark. At the end of the input it returns ErrTorn,
// with eof telling whether it was between two messages.
func (f *FrameReader) Next() (meta, body []byte, eof bool, err error) {
	f.Gap = -1
	switch n, err := io.ReadFull(f.R, f.head[:]); {
	case err == io.EOF:
		return nil, nil, true, ErrTorn
	case err == io.ErrUnexpectedEOF && n < len(f.head):
		return nil, nil, false, ErrTorn
	case err != nil:
		return nil, nil, false, err
	}
	if string(f.head[:]) == string(endMark) {
		f.N += int64(len(f.head))
		return nil, nil, false, io.EOF
	}
	size := binary.LittleEndian.Uint32(f.head[4:])
	if binary.LittleEndian.Uint32(f.head[:]) != continuation || size%8 != 0 || size < sealBytes+16 {
		return nil, nil, false, ErrFraming
	}
	if size > maxFrameMeta {
		return nil, nil, false, fmt.Errorf("message metadata of %d bytes, at most %d are read", size, maxFrameMeta)
	}
	if f.meta, err = readBytes(f.R, f.meta, int(size)); err != nil {
		return nil, nil, false, err
	}
	seal := f.meta[size-sealBytes:]
	meta = f.meta[:size-sealBytes]
	mark := string(seal[:4])
	if mark != sealMark && mark != gapMark {
		return nil, nil, false, ErrFraming
	}
	msg := ParseMessage(meta)
	if msg.err != nil {
		return nil, nil, false, msg.err
	}
	if mark == gapMark {
		return meta, nil, false, f.passGap(msg, seal)
	}
	if msg.bodyLen < 0 || msg.bodyLen > maxFrameBody {
		return nil, nil, false, fmt.Errorf("message body of %d bytes, at most %d are read", msg.bodyLen, maxFrameBody)
	}
	if f.body, err = readBytes(f.R, f.body, int(msg.bodyLen)); err != nil {
		return nil, nil, false, err
	}
	if frameSum(meta, f.body) != binary.LittleEndian.Uint32(seal[4:]) {
		return nil, nil, false, ErrChecksum
	}
	f.N += 8 + int64(size) + msg.bodyLen
	return meta, f.body, false, nil
}

// readBytes reads n bytes into buf, growing it as they arrive: a length that
// lies allocates no more than what is there.
func readBytes(r io.Reader, buf []byte, n int) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < n {
		step := min(n-len(buf), max(1<<20, len(buf)))
		if cap(buf)-len(buf) < step {
			grown := make([]byte, len(buf), min(max(2*cap(buf), len(buf)+step), max(n, cap(buf))))
			copy(grown, buf)
			buf = grown
			step = min(n-len(buf), cap(buf)-len(buf))
		}
		got, err := io.ReadFull(r, buf[len(buf):len(buf)+step])
		buf = buf[:len(buf)+got]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return buf, ErrTorn
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Resync looks for the next whole message at or after from, in a file of size
// bytes of which parts are damaged. It knows one by its checksum. Schema tells
// that it is a schema, with which a stream begins.
func Resync(f io.ReaderAt, from, size int64) (at int64, schema, ok bool) {
	const window = 1 << 20
	buf := make([]byte, window)
	for from < size {
		n, err := f.ReadAt(buf[:min(window, size-from)], from)
		if err != nil && err != io.EOF {
			return 0, false, false
		}
		b := buf[:n]
		for i := 0; ; i++ {
			k := bytes.Index(b[i:], endMark[:4])
			if k < 0 {
				break
			}
			i += k
			r := FrameReader{R: io.NewSectionReader(f, from+int64(i), size-from-int64(i)), searching: true}
			if meta, _, _, err := r.Next(); err == nil {
				return from + int64(i), ParseMessage(meta).kind == messageSchema, true
			}
		}
		if from += int64(n); from < size {
			from -= 3 // a mark may lie across two windows
		}
		if n < 4 {
			break
		}
	}
	return 0, false, false
}

// IsBatch reports whether the bytes from…to of a file are by their head a record
// batch of cols columns, though their checksum may be wrong: then no dictionary
// was among them.
func IsBatch(f io.ReaderAt, from, to int64, cols int) bool {
	var head [8]byte
	if _, err := f.ReadAt(head[:], from); err != nil || binary.LittleEndian.Uint32(head[:]) != continuation {
		return false
	}
	size := int64(binary.LittleEndian.Uint32(head[4:]))
	if size < sealBytes || size > maxFrameMeta || from+8+size > to {
		return false
	}
	meta := make([]byte, size-sealBytes)
	if _, err := f.ReadAt(meta, from+8); err != nil {
		return false
	}
	m := ParseMessage(meta)
	if m.kind != messageBatch || m.err != nil || from+8+size+m.bodyLen != to {
		return false
	}
	_, _, _, err := m.buffers(m.header, cols, int(m.bodyLen), nil)
	return err == nil
}
