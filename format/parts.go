package format

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"systape/format/internal/ipc"
	"systape/format/internal/parquet"
)

// The names of files that belong to a capture NAME, such as trace.parquet.
const (
	SpoolSuffix   = ".spool"   // NAME.spool: the spool of a recording that is not sealed yet
	PartialSuffix = ".partial" // NAME.partial: a capture that is being written; never a capture by itself
)

// part is one file of a capture.
type part struct {
	name   string
	file   partFile // nil for standard input that is a stream
	lent   bool     // file is the caller's to close
	size   int64
	stream io.Reader // standard input
	spool  bool
	meta   *Meta
	pq     *parquetReader
	sp     *spoolReader
	whole  bool
	empty  string // why there is nothing in it; "" if there may be
}

func (p *part) close() error {
	if p.sp != nil {
		p.sp.closeSealed()
	}
	if p.file == nil || p.lent {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}

func closeAll(parts []*part) {
	for _, p := range parts {
		p.close()
	}
}

// openParts opens the files and puts them in order. Damaged, if not nil, is told
// of files that cannot be opened, and says whether to go on without them.
func openParts(paths []string, opt *ReadOptions, damaged func(error) bool) (parts []*part, err error) {
	if parts, err = openAll(paths, opt, damaged); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeAll(parts)
			parts = nil
		}
	}()
	if len(parts) == 0 {
		return nil, nil // all were damaged
	}
	if parts, err = ofNodes(parts, opt.Nodes); err != nil {
		return parts, err
	}
	return arrange(parts, opt)
}

// openAll opens the files, in no order.
func openAll(paths []string, opt *ReadOptions, damaged func(error) bool) (parts []*part, err error) {
	defer func() {
		if err != nil {
			closeAll(parts)
			parts = nil
		}
	}()
	if len(paths) == 0 {
		return nil, errors.New("no capture given")
	}
	for _, path := range paths {
		if path == "-" {
			p, err := openStdin(opt)
			if err != nil {
				return parts, err
			}
			parts = append(parts, p)
			continue
		}
		st, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, SpoolSuffix) {
			if s, serr := os.Stat(SpoolName(path)); serr == nil && s.Mode().IsRegular() {
				opt.Warn(fmt.Errorf("%s does not exist yet; reading %s", path, SpoolName(path)))
				path, st, err = SpoolName(path), s, nil
			}
		}
		if err != nil {
			return parts, err
		}
		if st.IsDir() {
			inside, err := openFolder(path, opt, damaged)
			parts = append(parts, inside...)
			if err != nil {
				return parts, err
			}
			continue
		}
		p, err := opt.open(path)
		if err != nil && damaged != nil && damaged(err) {
			continue
		}
		if err != nil {
			return parts, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// PartFile is a file of a capture, and what it says about itself.
type PartFile struct {
	Path  string
	Spool bool // not a finished part
	Meta  *Meta
}

// Parts returns the files of a capture in the order of their parts, as [Open]
// takes them. Files that cannot be opened are left out, and opt.Warn is told of
// each; [Verify] says more of them.
func Parts(paths []string, opt ReadOptions) ([]PartFile, error) {
	warn := opt.Warn
	opt.Warn = func(error) {}
	parts, err := openParts(paths, &opt, func(err error) bool {
		if warn != nil {
			warn(err)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	files := make([]PartFile, len(parts))
	for i, p := range parts {
		files[i] = PartFile{p.name, p.spool, p.meta}
		err = errors.Join(err, p.close())
	}
	return files, err
}

// openFile opens one file and reads its metadata.
func openFile(path string) (*part, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() { // to open a pipe would wait for a writer
		return nil, irregular(path, st)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := newPart(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if p.pq != nil && p.file == partFile(f) {
		if t, err := takeTurns(path, f); err == nil {
			p.file, p.pq.file = t, t
		}
	}
	return p, nil
}

// open is openFile, and closes it again where only the metadata is asked for.
func (opt *ReadOptions) open(path string) (*part, error) {
	p, err := openFile(path)
	if err == nil && opt.metaOnly {
		err = p.close()
	}
	return p, err
}

// irregular is the error for what has no contents that can be read twice.
func irregular(path string, st os.FileInfo) error {
	if st.Mode()&fs.ModeNamedPipe != 0 {
		return fmt.Errorf("%s: %w: a pipe; what comes out of it is read on standard input, by the name -", path, ErrNotCapture)
	}
	return fmt.Errorf("%s: %w: not a regular file", path, ErrNotCapture)
}

// newPart finds out what f is.
func newPart(path string, f *os.File) (*part, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, irregular(path, st)
	}
	p := &part{name: path, file: f, size: st.Size()}
	var head [4]byte
	if n, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, err
	} else if n == 0 && strings.HasSuffix(path, SpoolSuffix) {
		p.nothing("the spool is empty")
		return p, nil
	}
	if string(head[:]) == zipMagic {
		b, err := openBundle(path, f, p.size)
		if err != nil {
			return nil, err
		}
		p.file, p.size = b, b.Size()
		if n, err := b.ReadAt(head[:], 0); n < len(head) || string(head[:]) != parquet.Magic {
			return nil, fmt.Errorf("%s: %w: %s in it is no capture (%w)", path, ErrNotCapture, BundleCapture, cmp.Or(err, io.ErrUnexpectedEOF))
		}
	}
	if string(head[:]) == parquet.Magic {
		p.pq, err = openParquet(path, p.file, p.size)
		if err != nil {
			return nil, err
		}
		p.meta = p.pq.meta
		return p, nil
	}
	p.spool = true
	if string(head[:]) != "\xff\xff\xff\xff" {
		return nil, otherFile(path, f)
	}
	s, err := openSpool(path, io.NewSectionReader(f, 0, p.size), 0, nil)
	if errors.Is(err, ErrIncomplete) && strings.HasSuffix(path, SpoolSuffix) {
		p.nothing("the head of the spool is not whole")
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.meta = s.meta
	return p, nil
}

// nothing makes p a capture of nothing: the recorder was killed before it had
// written the head of the spool.
func (p *part) nothing(why string) {
	p.spool, p.meta = true, nothingMeta()
	p.sp = &spoolReader{decoding: decoding{version: Version}, name: p.name, meta: p.meta, frames: ipc.FrameReader{R: strings.NewReader("")}, empty: why}
	p.empty = why
}

// nothingMeta is what is known of a capture of which nothing is known.
func nothingMeta() *Meta {
	return &Meta{Version: Version, CaptureID: strings.Repeat("0", 32), Tool: "unknown", Part: Part{Number: 1, Rows: -1}}
}

// IsParquet reports whether f begins as a Parquet file does, which a spool does
// not.
func IsParquet(f io.ReaderAt) bool {
	var head [len(parquet.Magic)]byte
	_, err := f.ReadAt(head[:], 0)
	return err == nil && string(head[:]) == parquet.Magic
}

// openStdin opens what comes from standard input: a spool, or any capture when
// it is a file.
func openStdin(opt *ReadOptions) (*part, error) {
	in := opt.Stdin
	if in == nil {
		in = os.Stdin
	}
	name := "standard input"
	if f, ok := in.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			p, err := newPart(name, f)
			if err == nil {
				p.lent = true
			}
			return p, err
		}
	} else if file, ok := in.(interface{ Name() string }); ok {
		name = file.Name() // a file that is read as it grows
	}
	r := bufio.NewReaderSize(in, 1<<16)
	head, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch string(head) {
	case "\xff\xff\xff\xff":
	case parquet.Magic:
		return nil, fmt.Errorf("%s: a Parquet file cannot be read from a pipe; give it as a file, or redirect it", name)
	default:
		return nil, fmt.Errorf("%s: %w: not a spool", name, ErrNotCapture)
	}
	p := &part{name: name, stream: r, spool: true}
	if p.sp, err = openSpool(name, r, 0, nil); err != nil {
		return nil, err
	}
	if t, ok := in.(SpoolTail); ok {
		p.sp.stored(t.Name(), t, func(at int64) io.Reader {
			t.Seek(at, io.SeekStart)
			return bufio.NewReaderSize(t, 1<<16)
		})
	}
	p.meta = p.sp.meta
	return p, nil
}

// blame says of what is wrong with the part's rows that another program wrote
// them, if so.
func (p *part) blame(err error) error {
	if p.pq == nil {
		return err
	}
	return p.pq.blame(err)
}

// open starts reading the part.
func (p *part) open(cols Columns, names *SymbolTable, lo, hi int64) (fileReader, error) {
	if p.pq != nil {
		p.pq.lo, p.pq.hi = lo, hi
		return p.pq, p.pq.choose(cols, names)
	}
	if p.sp == nil {
		s, err := openSpool(p.name, bufio.NewReaderSize(io.NewSectionReader(p.file, 0, 1<<62), 1<<18), cols, names)
		if err != nil {
			return nil, err
		}
		p.sp = s
		path := p.name
		if p.lent {
			path = ""
		}
		s.storedIn(path, p.file, 1<<62)
	}
	if p.file != nil {
		p.sp.inUse = func() bool {
			f, ok := p.file.(*os.File)
			return ok && inUse(f)
		}
	}
	p.sp.cols, p.sp.names = cols, names
	return p.sp, nil
}

// finished is told that all rows of the part were read.
func (p *part) finished(src fileReader, last bool) error {
	if s, ok := src.(*spoolReader); ok {
		p.meta = s.meta
		p.whole = s.whole
	}
	if !last && p.meta.Part.Last && p.meta.Selection == nil {
		return &CorruptError{Rule: RuleParts, File: p.name, Group: -1, Row: -1, Err: errors.New("it says it is the last part, and another follows")}
	}
	return nil
}
