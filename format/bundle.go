package format

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// BundleCapture is the name of the capture in a bundle: a zip file with the
// capture, stored as it is, and what was said about it.
const BundleCapture = "capture.parquet"

// zipMagic begins a zip file that holds something.
const zipMagic = "PK\x03\x04"

// What a bundle may hold at most, so that a hostile one costs nothing: nobody
// unpacks it, and its list of contents is all that is read beside the capture.
const (
	maxBundleFiles = 256
	maxBundleList  = 1 << 20
)

// partFile is what the rows of a part are read from.
type partFile interface {
	io.ReaderAt
	io.Closer
}

// bundled is the capture within a bundle.
type bundled struct {
	*io.SectionReader
	io.Closer
}

// openBundle finds the capture in a zip file.
func openBundle(name string, f *os.File, size int64) (*bundled, error) {
	z, err := readBundle(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	e := z.find(BundleCapture)
	if e == nil {
		return nil, fmt.Errorf("%s: %w: a zip file without %s", name, ErrNotCapture, BundleCapture)
	}
	s, err := z.stored(e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &bundled{s, f}, nil
}

// Bundle is a zip file with a capture in it.
type Bundle struct {
	list []*zip.File
	r    io.ReaderAt
	size int64
}

// readBundle reads the list of contents of a zip file, and judges it before
// anything else is done.
func readBundle(r io.ReaderAt, size int64) (*Bundle, error) {
	if err := checkBundleEnd(r, size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("%w: the zip file is damaged: %w", ErrNotCapture, err)
	}
	seen := map[string]bool{}
	for _, e := range z.File {
		switch {
		case e.Name == "" || path.Base(e.Name) != e.Name || strings.ContainsAny(e.Name, "\\:\x00"):
			return nil, fmt.Errorf("%w: the zip file names %.80q, which is no plain name", ErrNotCapture, e.Name)
		case !e.Mode().IsRegular():
			return nil, fmt.Errorf("%w: %.80q in the zip file is a link or a device, not a file", ErrNotCapture, e.Name)
		case seen[e.Name]:
			return nil, fmt.Errorf("%w: the zip file has two files %.80q", ErrNotCapture, e.Name)
		}
		seen[e.Name] = true
	}
	return &Bundle{z.File, r, size}, nil
}

// ErrBundleCut is in the error of a zip file that has no end, where it tells what
// is in it.
var ErrBundleCut = errors.New("the zip file is cut off")

// checkBundleEnd reads the record at the end of a zip file, which says how long
// its list of contents is (APPNOTE.TXT 4.3.16).
func checkBundleEnd(r io.ReaderAt, size int64) error {
	const fixed, comment = 22, 1 << 16
	tail := make([]byte, min(size, fixed+comment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	for i := len(tail) - fixed; i >= 0; i-- {
		if string(tail[i:i+4]) != "PK\x05\x06" {
			continue
		}
		files, list := uint64(binary.LittleEndian.Uint16(tail[i+10:])), uint64(binary.LittleEndian.Uint32(tail[i+12:]))
		if large, n, bytes := largeBundleEnd(r, size-int64(len(tail)-i)); large {
			files, list = n, bytes
		}
		if files > maxBundleFiles || list > maxBundleList {
			return fmt.Errorf("%w: a zip file of more than %d files", ErrNotCapture, maxBundleFiles)
		}
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotCapture, ErrBundleCut)
}

// largeBundleEnd reads the record of a zip file of 4 GiB or more, whose place stands
// before the end of it; it counts in place of that (APPNOTE.TXT 4.3.14, 4.3.15).
func largeBundleEnd(r io.ReaderAt, end int64) (large bool, files, list uint64) {
	var at [20]byte
	var record [56]byte
	if _, err := r.ReadAt(at[:], end-int64(len(at))); err != nil || string(at[:4]) != "PK\x06\x07" {
		return false, 0, 0
	}
	if _, err := r.ReadAt(record[:], int64(binary.LittleEndian.Uint64(at[8:]))); err != nil || string(record[:4]) != "PK\x06\x06" {
		return false, 0, 0
	}
	return true, binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:])
}

func (z *Bundle) find(name string) *zip.File {
	for _, e := range z.list {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// stored returns the bytes of a file that lies in the bundle as it is. What is
// compressed or encrypted is refused: it would have to be unpacked, to whatever
// size it says or does not say.
func (z *Bundle) stored(e *zip.File) (*io.SectionReader, error) {
	at, err := e.DataOffset()
	n := int64(e.UncompressedSize64)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the zip file is damaged: %w", ErrNotCapture, err)
	case e.Method != zip.Store || e.Flags&1 != 0 || e.CompressedSize64 != e.UncompressedSize64:
		return nil, fmt.Errorf("%w: %s in the zip file is compressed or encrypted: unpack it and give the file itself", ErrNotCapture, e.Name)
	case n < 0 || at < 0 || at > z.size || n > z.size-at:
		return nil, fmt.Errorf("%w: %s in the zip file is cut off", ErrNotCapture, e.Name)
	}
	return io.NewSectionReader(z.r, at, n), nil
}

// maxBundleText bounds what [Bundle.Read] unpacks.
const maxBundleText = 64 << 20

// OpenBundle opens a bundle for its other files. Files is nil for a file that
// is no zip file.
func OpenBundle(name string) (b *Bundle, done func() error, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	var head [4]byte
	if err == nil {
		_, err = f.ReadAt(head[:], 0)
	}
	if err == io.EOF {
		err = nil // shorter than that, and no zip file
	}
	if err != nil || string(head[:]) != zipMagic {
		f.Close()
		return nil, nil, err
	}
	if b, err = readBundle(f, st.Size()); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, f.Close, nil
}

// Names are the files of the bundle, in its order.
func (z *Bundle) Names() []string {
	var names []string
	for _, e := range z.list {
		names = append(names, e.Name)
	}
	return names
}

// Open returns the bytes of a file, of which there are at most 64 MiB unless it
// lies in the bundle as it is. The checksum of what is compressed is checked.
func (z *Bundle) Open(name string) (io.Reader, error) {
	e := z.find(name)
	if e == nil {
		return nil, fmt.Errorf("no %s in the zip file", name)
	}
	if e.Method == zip.Store {
		return z.stored(e)
	}
	if e.UncompressedSize64 > maxBundleText {
		return nil, fmt.Errorf("%s in the zip file is larger than %d MiB", name, maxBundleText>>20)
	}
	r, err := e.Open()
	if err != nil {
		return nil, err
	}
	return io.LimitReader(r, maxBundleText+1), nil
}
