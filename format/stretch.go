package format

import (
	"fmt"
	"io"

	"systape/format/internal/ipc"
)

// Stretch is a run of batches that a writer of [NewStretchWriter] made. Its
// first batch tells the tables anew, so a spool may begin with it.
type Stretch struct {
	First   int64    // seq of the first row
	Rows    int64    //
	FirstTS int64    // of the first and the last row; 0 without rows
	LastTS  int64    //
	Bytes   [][]byte // what was written, in pieces of any length
}

// Add counts the rows of a batch that goes on in the stretch.
func (s *Stretch) Add(b *CodedBatch) {
	if b.N == 0 {
		return
	}
	if s.Rows == 0 {
		s.First, s.FirstTS = b.Seq, b.TS[0]
	}
	s.Rows += int64(b.N)
	s.LastTS = b.TS[b.N-1]
}

// NewStretchWriter returns a writer whose batches are to become part of spools
// later, if ever: w gets no head, and there is nothing to close. Call
// [SpoolWriter.Anew] where a stretch begins.
func NewStretchWriter(w io.Writer, meta *Meta) (*SpoolWriter, error) {
	s := &SpoolWriter{version: meta.Version}
	var err error
	if s.stream, err = ipc.NewCompactWriter(w, compactColumns(meta.Version)); err == nil {
		err = s.stream.Describe()
	}
	if err != nil {
		return nil, fmt.Errorf("begin stretches: %w", err)
	}
	return s, nil
}

// Anew has the next batch tell the tables again, whatever was told before.
func (s *SpoolWriter) Anew() { s.fresh, s.told = s.stream.Bytes(), [2]told{} }

// WriteStretch appends the rows of a stretch, which must continue the capture as
// those of [SpoolWriter.Write] must, and be of the same format version.
func (s *SpoolWriter) WriteStretch(st *Stretch) error {
	if err := s.usable(); err != nil || st.Rows == 0 {
		return err
	}
	if s.order.rows == 0 {
		s.order.first, s.order.last, s.order.ts = st.First, st.First-1, st.FirstTS
	}
	if st.First != s.order.last+1 || st.FirstTS < s.order.ts {
		return fmt.Errorf("write spool: a stretch that begins with seq %d at %d after %d at %d", st.First, st.FirstTS, s.order.last, s.order.ts)
	}
	for _, piece := range st.Bytes {
		if err := s.stream.Append(piece); err != nil {
			s.err = fmt.Errorf("write spool: %w", err)
			return s.err
		}
	}
	s.whole = s.stream.Bytes()
	s.order.rows += st.Rows
	s.order.last += st.Rows
	s.order.ts = st.LastTS
	s.told = [2]told{}
	if s.fresh >= 0 {
		s.fresh = s.whole
	}
	return nil
}
