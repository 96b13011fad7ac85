package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// SealOptions says how a spool becomes a capture.
type SealOptions struct {
	FileOptions
	KeepSpool bool                    // do not delete the spool in the end
	Progress  func(done, total int64) // bytes of the spool, after every batch; may be nil
}

// SealResult says what became of a spool.
type SealResult struct {
	Rows       int64
	Bytes      int64 // of the capture
	SpoolBytes int64
	Meta       *Meta
}

// Sealer turns a spool into a Parquet capture, while the spool still grows or
// afterwards. It writes NAME.partial and gives it its name only when it is
// whole, on the disk and read back; the spool is deleted after that, and not
// before. Whatever happens in between, the spool is enough to begin again, or
// what is left of it and the partial file are: see [Sealer.GiveBack].
//
// While recording goes on: call Step with [SpoolWriter.Bytes], again as long
// as it reports more. In the end: close the spool's writer, then Finish.
type Sealer struct {
	spoolPath string
	opt       SealOptions
	spool     *os.File
	in        *limitReader
	src       *spoolReader
	out       *Unfinished
	buf       *bufio.Writer
	w         *ParquetWriter
	giver     giver
	ended     bool
	err       error
}

// maxSealNames is how many names a sealer keeps: a recording of threads that
// name themselves anew all the time must not end at the limit of a table.
const maxSealNames = 1 << 16

// limitReader reads a growing file up to where it is known to be whole.
type limitReader struct {
	f        *os.File
	at, upTo int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	if l.at >= l.upTo {
		return 0, io.EOF
	}
	n, err := l.f.ReadAt(p[:min(int64(len(p)), l.upTo-l.at)], l.at)
	l.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// NewSealer opens the spool, whose head must have been written, and begins
// out.partial. It fails when out exists, unless it may be replaced.
func NewSealer(spool, out string, opt SealOptions) (*Sealer, error) {
	f, err := os.Open(spool)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &Sealer{spoolPath: spool, opt: opt, spool: f, in: &limitReader{f: f, upTo: st.Size()}}
	if err := s.begin(out); err != nil {
		f.Close()
		return nil, fmt.Errorf("seal %s: %w", spool, err)
	}
	return s, nil
}

func (s *Sealer) begin(out string) (err error) {
	if s.src, err = openSpool(s.spoolPath, s.in, AllColumns, NewSymbolTable()); err != nil {
		return err
	}
	s.src.keyed = true
	if s.out, err = CreateUnfinished(out, s.opt.FileOptions); err != nil {
		return err
	}
	s.buf = bufio.NewWriterSize(s.out, 1<<18)
	if s.w, err = NewParquetWriter(s.buf, s.src.meta); err != nil {
		s.out.Abort()
	}
	return err
}

// OnProgress has f called from now on as SealOptions.Progress is; nil ends that.
func (s *Sealer) OnProgress(f func(done, total int64)) { s.opt.Progress = f }

// Step seals the next batch of the spool, of which the first committed bytes
// are known to be whole. It reports whether more can be sealed at once. When
// it fails, the partial file is gone and its space is free: go on recording,
// and seal again later. After GiveBack it stays, for [Recover], and sealing
// cannot begin again.
func (s *Sealer) Step(committed int64) (more bool, err error) {
	if s.err != nil || s.ended {
		return false, s.err
	}
	s.in.upTo = committed
	if s.src.frames.N >= committed {
		return false, nil
	}
	b, err := s.src.nextBatch()
	switch {
	case err == io.EOF:
		s.ended = true
		return false, nil
	case errors.Is(err, ErrIncomplete) && s.src.frames.N >= committed:
		return false, nil // a batch without rows was the last
	case err != nil:
		return false, s.fail(err)
	}
	if err := s.w.Write(b); err != nil {
		return false, s.fail(err)
	}
	s.giver.at = s.src.given.at
	s.giver.saw(s.src.fresh)
	if s.src.names.Len() > maxSealNames {
		s.src.forgetNames()
	}
	if s.opt.Progress != nil {
		s.opt.Progress(s.src.frames.N, committed)
	}
	return s.src.frames.N < committed, nil
}

// fail gives up: it removes the partial file, unless rows are in no other, and
// keeps the error.
func (s *Sealer) fail(err error) error {
	s.err = fmt.Errorf("seal %s: %w", s.spoolPath, err)
	if s.GaveBack() {
		s.out.leave()
	} else {
		s.out.Abort()
	}
	s.giver.close()
	s.spool.Close()
	return s.err
}

// GaveBack reports whether rows of the spool are in the partial file only.
func (s *Sealer) GaveBack() bool { return s.giver.given > 0 }

// Abort gives up sealing and removes the partial file, unless rows are in no
// other. The spool stays.
func (s *Sealer) Abort() {
	if s.err == nil {
		s.fail(errClosed)
	}
}

// Finish seals the rest of the spool, which must have been closed properly,
// and publishes the capture. On success the spool is deleted, unless it was to
// be kept; on failure it is untouched.
func (s *Sealer) Finish() (*SealResult, error) {
	st, err := s.spool.Stat()
	if err != nil && s.err == nil {
		return nil, s.fail(err)
	}
	if s.err == nil {
		s.rest(st.Size())
	}
	if s.err != nil {
		return nil, s.err
	}
	if !s.ended {
		return nil, s.fail(s.src.incomplete("the recorder did not end properly"))
	}
	return s.publish(s.src.meta)
}

// rest seals the rest of the spool with all CPUs: one reads, the others encode.
func (s *Sealer) rest(size int64) {
	if s.ended {
		return
	}
	s.in.upTo = size
	s.w.file.Workers = runtime.GOMAXPROCS(0)
	const ahead = 4
	type read struct {
		b    *Batch
		done int64
		err  error
	}
	batches, free := make(chan read, ahead), make(chan *Batch, ahead)
	for range ahead {
		free <- new(Batch)
	}
	quit := make(chan struct{})
	go func() {
		defer close(batches)
		for {
			b, err := s.src.nextBatch()
			next := read{nil, s.src.frames.N, err}
			if err == nil {
				select {
				case next.b = <-free:
				case <-quit:
					return
				}
				*next.b, *b = *b, *next.b
				b.N = next.b.N // what the reader counts by
				s.src.at = b.N
				if s.src.names.Len() > maxSealNames {
					s.src.forgetNames()
				}
			}
			batches <- next
			if err != nil {
				return
			}
		}
	}()
	for next := range batches {
		switch {
		case s.err != nil: // the reader has still to end
		case next.err == io.EOF:
			s.ended = true
		case errors.Is(next.err, ErrIncomplete) && next.done >= size:
		case next.err != nil:
			s.fail(next.err)
		default:
			if err := s.w.Write(next.b); err != nil {
				s.fail(err)
				close(quit)
				continue
			}
			free <- next.b
			if s.opt.Progress != nil {
				s.opt.Progress(next.done, size)
			}
		}
	}
}

// publish closes the capture with meta.
func (s *Sealer) publish(meta *Meta) (*SealResult, error) {
	err := s.w.Close(meta)
	if err == nil {
		err = s.buf.Flush()
	}
	if err == nil {
		err = s.out.Publish(func(f *os.File) error { return readBack(f, s.w) })
	}
	if err != nil {
		return nil, s.fail(err)
	}
	res := &SealResult{Rows: s.w.Rows(), Bytes: s.w.Bytes(), SpoolBytes: s.src.frames.N, Meta: s.w.order.closing(meta)}
	s.err = errClosed
	s.giver.close()
	if err := s.spool.Close(); err != nil {
		return res, err
	}
	if !s.opt.KeepSpool {
		if err := os.Remove(s.spoolPath); err != nil {
			return res, fmt.Errorf("the capture is whole, its spool could not be deleted: %w", err)
		}
	}
	return res, nil
}

// readBack checks that the file on the disk is the capture that w wrote: its
// footer, its number of rows, every column of its last row group, and its last
// row.
func readBack(f *os.File, w *ParquetWriter) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	p, err := openParquet(f.Name(), f, size)
	if err == nil {
		err = p.choose(AllColumns, NewSymbolTable())
	}
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if p.foot.Rows != w.Rows() {
		return fmt.Errorf("read back: %d rows, %d were written", p.foot.Rows, w.Rows())
	}
	var b Batch
	p.group = max(len(p.foot.Groups)-2, -1)
	for err = p.next(&b, chunkRows); err == nil; err = p.next(&b, chunkRows) {
	}
	if err != io.EOF {
		return fmt.Errorf("read back: %w", err)
	}
	if o := w.order; o.rows > 0 && (b.Seq[b.N-1] != o.last || b.TS[b.N-1] != o.ts) {
		return errors.New("read back: the last row is not the one that was written last")
	}
	return nil
}

// Seal turns a spool that was closed properly into the capture out.
func Seal(spool, out string, opt SealOptions) (*SealResult, error) {
	s, err := NewSealer(spool, out, opt)
	if err != nil {
		return nil, err
	}
	return s.Finish()
}
