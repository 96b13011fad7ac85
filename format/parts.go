package format

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
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
			inside, err := openFolder(path, opt.Warn, damaged)
			parts = append(parts, inside...)
			if err != nil {
				return parts, err
			}
			continue
		}
		p, err := openFile(path)
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
// takes them. Files that cannot be opened are left out: [Verify] tells of them.
func Parts(paths []string, opt ReadOptions) ([]PartFile, error) {
	opt.Warn = func(error) {}
	parts, err := openParts(paths, &opt, func(error) bool { return true })
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := newPart(path, f)
	if err != nil {
		f.Close()
	}
	return p, err
}

// newPart finds out what f is.
func newPart(path string, f *os.File) (*part, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: not a regular file", path, ErrNotCapture)
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
		return nil, fmt.Errorf("%s: %w: neither Parquet nor a spool", path, ErrNotCapture)
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

// arrange puts the parts of one recording in order, drops spools whose
// capture is there too, and warns about parts that are missing.
func arrange(parts []*part, opt *ReadOptions) ([]*part, error) {
	for _, p := range parts[1:] {
		if p.meta.CaptureID != parts[0].meta.CaptureID {
			return parts, &SeveralError{First: parts[0].name, Other: p.name, Nodes: nodesOf(parts)}
		}
	}
	slices.SortStableFunc(parts, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.meta.Part.Number, b.meta.Part.Number), cmpBool(a.spool, b.spool),
			cmp.Compare(a.meta.Part.FirstSeq, b.meta.Part.FirstSeq), cmp.Compare(a.name, b.name))
	})
	out := parts[:0]
	for _, p := range parts {
		if n := len(out); n > 0 && out[n-1].meta.Part.Number == p.meta.Part.Number {
			if p.spool && !out[n-1].spool {
				p.close() // sealed, and the recorder was stopped before it could delete the spool
				continue
			}
			if p.meta.Selection != nil && out[n-1].meta.Selection != nil {
				out = append(out, p)
				continue
			}
			return append(out, parts[len(out):]...), fmt.Errorf("%s and %s are the same part %d of the recording", out[n-1].name, p.name, p.meta.Part.Number)
		}
		out = append(out, p)
	}
	for _, gap := range missingParts(out) {
		opt.Warn(gap)
	}
	if n := out[0].meta.Part; n.Rotation && n.Number > 1 {
		opt.Warn(fmt.Errorf("%s is part %d of the recording: calls that began before are cut", out[0].name, n.Number))
	}
	for _, p := range out {
		for _, note := range p.notes() {
			opt.Warn(note)
		}
	}
	return out, nil
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// missingParts names the parts that are not there. Of a recording that was cut
// into parts on purpose the first ones need not be.
func missingParts(parts []*part) (missing []error) {
	if selected(parts) {
		return nil // whoever chose rows may have chosen among the parts
	}
	want := 1
	if parts[0].meta.Part.Rotation {
		want = parts[0].meta.Part.Number
	}
	for _, p := range parts {
		n := p.meta.Part.Number
		switch {
		case n == 0: // the only one
		case n == want+1:
			missing = append(missing, fmt.Errorf("%w: part %d of the recording is missing", ErrIncomplete, want))
		case n > want:
			missing = append(missing, fmt.Errorf("%w: parts %d to %d of the recording are missing", ErrIncomplete, want, n-1))
		}
		want = n + 1
	}
	return missing
}

// selected reports whether any of the parts is a selection of rows.
func selected(parts []*part) bool {
	return slices.ContainsFunc(parts, func(p *part) bool { return p.meta.Selection != nil })
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

// wholeness returns io.EOF if the parts are a complete capture, and otherwise
// says what they lack.
func wholeness(parts []*part) error {
	last := parts[len(parts)-1]
	var rows int64
	for _, p := range parts {
		if p.pq != nil {
			rows += p.pq.foot.Rows
		} else {
			rows += p.sp.start
		}
	}
	inc := &IncompleteError{File: last.name, Rows: rows}
	sel := last.meta.Selection
	recovered := recoveredPart(parts)
	switch missing := missingParts(parts); {
	case sel != nil && sel.Of < 0:
		return io.EOF // nothing is said about what it was taken from
	case len(missing) > 0:
		inc.Why = strings.TrimPrefix(missing[0].Error(), ErrIncomplete.Error()+": ")
	case recovered != nil:
		inc.File, inc.Why = recovered.name, recovered.meta.Recovered
	case last.meta.Part.Number != 0 && !last.meta.Part.Last && !last.meta.Part.Rotation && sel == nil:
		inc.Why = fmt.Sprintf("part %d is not the last of the recording", last.meta.Part.Number)
	case !last.meta.Complete:
		inc.Why = "the recorder did not end properly"
	default:
		return io.EOF
	}
	return inc
}

// recoveredPart returns the last part that says that it was recovered, nil if
// there is none.
func recoveredPart(parts []*part) *part {
	for _, p := range slices.Backward(parts) {
		if p.meta.Recovered != "" {
			return p
		}
	}
	return nil
}

// mergeMeta returns the metadata of a capture of several parts.
func mergeMeta(parts []*part) *Meta {
	first, last := parts[0].meta, parts[len(parts)-1].meta
	m := *first
	if len(parts) == 1 {
		return &m
	}
	m.Clock.Anchors = nil
	for _, p := range parts {
		m.Clock.Anchors = append(m.Clock.Anchors, p.meta.Clock.Anchors...)
		if p.meta.Part.Rows >= 0 && m.Part.Rows >= 0 && p.meta != first {
			m.Part.Rows += p.meta.Part.Rows
		} else if p.meta.Part.Rows < 0 {
			m.Part.Rows = -1
		}
	}
	m.Probes, m.Counts, m.Cost = last.Probes, last.Counts, last.Cost
	m.Complete, m.Recovered, m.Part.Last = last.Complete, last.Recovered, last.Part.Last
	if p := recoveredPart(parts); p != nil && p.meta != last {
		m.Complete, m.Recovered = false, p.meta.Recovered
		m.Counts = nil // they are of all events
	}
	if len(missingParts(parts)) > 0 {
		m.Complete, m.Counts = false, nil
	}
	return &m
}
