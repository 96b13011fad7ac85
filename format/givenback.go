package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"systape/format/internal/ipc"
)

// The begin of a spool in a file may have been given back: a gap (FORMAT.md,
// "The spool") stands there, and its rows are in NAME.partial, in whole row
// groups without a footer. The recorder may go on giving back while somebody
// reads: who finds nothing where a message should be looks at the gap again.

// givenBack is what a reader knows of that.
type givenBack struct {
	path   string      // of the spool; "": it is in no file of a known name
	file   io.ReaderAt // the spool
	at     int64       // where the gap stands; 0: it has none
	bytes  int64       // that it takes the place of
	sealed int64       // bytes of their rows in NAME.partial
	rows   *sealedRows // that come next; nil: those of the spool do
	behind bool        // the spool's next batches may have rows that have been read already
}

// restart is where a reader of a spool can begin.
type restart struct {
	at   int64 // byte of the spool
	rows int64 // before it
}

// SpoolTail is what [ReadOptions].Stdin may be, to follow a spool that is still
// being written: reading waits at its end for more.
type SpoolTail interface {
	io.ReadSeeker
	io.ReaderAt
	Name() string // of the spool's file
}

// stored says in which file the spool is, and how to read it from a place on.
func (s *spoolReader) stored(path string, f io.ReaderAt, from func(at int64) io.Reader) {
	s.given.path, s.given.file, s.frames.At = path, f, from
}

// storedIn is stored for a file that is read up to end.
func (s *spoolReader) storedIn(path string, f io.ReaderAt, end int64) {
	s.stored(path, f, func(at int64) io.Reader { return bufio.NewReaderSize(io.NewSectionReader(f, at, end-at), 1<<18) })
}

// foundGap goes on after the gap at the given place, which has been read.
func (s *spoolReader) foundGap(at int64) error {
	s.given.at, s.given.bytes = at, s.frames.Gap
	if s.given.bytes == 0 {
		return nil
	}
	if err := s.openSealed(); err != nil {
		return s.corrupt(RuleData, err)
	}
	return nil
}

// overtaken reports whether the message that could not be read, for err, has been
// given back meanwhile. Then the reader goes on where its rows are.
func (s *spoolReader) overtaken(err error) bool {
	if err == nil || s.given.at == 0 || s.given.path == "" || errors.Is(err, ipc.ErrTorn) || errors.Is(err, io.EOF) {
		return false
	}
	for range 3 { // it may be being written
		r := ipc.FrameReader{N: s.given.at, R: io.NewSectionReader(s.given.file, s.given.at, ipc.GapAlign), At: func(int64) io.Reader { return nil }}
		if _, _, _, err := r.Next(); err != nil || r.Gap <= s.given.bytes {
			continue
		}
		s.given.bytes = r.Gap
		if s.openSealed() != nil {
			return false
		}
		s.frames.N, s.frames.R = r.N, s.frames.At(r.N)
		s.tables = 0
		return true
	}
	return false
}

// openSealed opens the rows that were given back, of which those before the
// reader's place are passed over.
func (s *spoolReader) openSealed() error {
	if s.given.path == "" {
		return errors.New("its first events are in the unfinished capture beside it; read the file by its name")
	}
	rows, err := findSealed(s.given.path, s.meta)
	if err != nil {
		return err
	}
	if err := rows.choose(s.cols|ColSeq, s.names); err != nil {
		rows.close()
		return err
	}
	s.closeSealed()
	s.given.rows, s.given.sealed = rows, rows.foot.Start
	for passed := int64(0); rows.group+1 < len(rows.foot.Groups); rows.group++ {
		if passed += rows.foot.Groups[rows.group+1].Rows; passed > s.start {
			break
		}
	}
	return nil
}

func (s *spoolReader) closeSealed() {
	if s.given.rows != nil {
		s.given.rows.close()
		s.given.rows = nil
	}
}

// expected returns the seq that the next row must have.
func (s *spoolReader) expected() int64 { return s.meta.Part.FirstSeq + s.start }

// readSealed reads the next rows that were given back into s.rows; false: there
// are no more.
func (s *spoolReader) readSealed() (more bool, err error) {
	for s.rows.N == 0 {
		err := s.given.rows.next(&s.rows, chunkRows)
		if err == io.EOF {
			s.closeSealed()
			s.given.behind = true
			return false, nil
		}
		if err != nil {
			s.rows.N = 0
			return false, err
		}
		s.passRead()
	}
	return true, nil
}

// passRead drops the rows of s.rows that have been read already.
func (s *spoolReader) passRead() {
	old, next := 0, s.expected()
	for old < s.rows.N && s.rows.Seq[old] < next {
		old++
	}
	if old > 0 {
		s.rows.keep(old, s.rows.N)
	}
}

// behindGap is told that a batch of the spool has been read.
func (s *spoolReader) behindGap() {
	if s.given.behind {
		s.passRead()
		s.given.behind = s.rows.N == 0
	}
}

// sealedRows are the whole row groups of a file that has no footer yet.
type sealedRows struct {
	*parquetReader
	f *os.File
}

// passGroup leaves out the rest of the row group.
func (r *sealedRows) passGroup() { r.inGroup = 0 }

func (r *sealedRows) close() { r.f.Close() }

// findSealed opens the file that holds the rows which the spool gave back. It may
// have become a finished capture meanwhile.
func findSealed(spool string, meta *Meta) (*sealedRows, error) {
	name := strings.TrimSuffix(spool, SpoolSuffix)
	var err error
	for _, path := range []string{PartialName(name), name} {
		f, openErr := os.Open(path)
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		st, statErr := f.Stat()
		if statErr == nil {
			var pq *parquetReader
			if pq, statErr = scanParquet(path, f, st.Size()); statErr == nil {
				if pq.meta.CaptureID == meta.CaptureID && pq.meta.Part.Number == meta.Part.Number {
					return &sealedRows{pq, f}, nil
				}
				statErr = errors.New("it is of another recording")
			}
		}
		f.Close()
		err = errors.Join(err, fmt.Errorf("%s: %w", path, statErr))
	}
	return nil, fmt.Errorf("its first events are not to be had from %s: %w", filepath.Base(PartialName(name)), err)
}

// gapOf returns how many bytes a spool has given back.
func gapOf(spool string) int64 {
	f, err := os.Open(spool)
	if err != nil {
		return 0
	}
	defer f.Close()
	s, err := openSpool(spool, f, 0, nil)
	if err != nil {
		return 0
	}
	s.frames.At = func(int64) io.Reader { return nil }
	if _, _, _, err := s.frames.Next(); err != nil {
		return 0
	}
	return max(s.frames.Gap, 0)
}
