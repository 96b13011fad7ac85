package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"systape/format/internal/parquet"
)

// RecoverResult says what [Recover] saved.
type RecoverResult struct {
	Rows     int64
	FirstNS  int64 // capture time of the first and the last row saved; 0 without rows
	LastNS   int64
	Read     int64 // bytes of the input that were of use
	Unusable int64 // bytes that were not
	Complete bool  // nothing was wrong: the capture is complete
	Why      error // what ended the input, nil if Complete
	Meta     *Meta // of the new capture
}

// Recover makes the valid capture out from what is left of one: from a spool
// that was cut off, or from a Parquet capture or NAME.partial that lost its
// end. The input stays as it is. What is saved ends with the last whole batch
// of a spool, or the last whole row group of a Parquet file. The new capture
// says of itself that it is not complete, unless nothing was wrong with its
// spool.
func Recover(path, out string, opt FileOptions) (*RecoverResult, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	src, meta, read, err := openRemains(f, path, st.Size())
	if err != nil {
		return nil, err
	}
	file, err := CreateUnfinished(out, opt)
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(file, 1<<18)
	res, err := saveRows(src, meta, buf)
	if err != nil {
		file.Abort()
		return nil, fmt.Errorf("recover %s: %w", path, err)
	}
	res.Read = read()
	res.Unusable = st.Size() - res.Read
	if err = res.close(src, filepath.Base(path)); err == nil {
		err = buf.Flush()
	}
	if err != nil {
		file.Abort()
		return nil, fmt.Errorf("recover %s: %w", path, err)
	}
	if err := file.Publish(func(f *os.File) error { return readBack(f, res.w) }); err != nil {
		return nil, fmt.Errorf("recover %s: %w", path, err)
	}
	return &res.RecoverResult, nil
}

// rescue is a recovery under way.
type rescue struct {
	RecoverResult
	w *ParquetWriter
}

// close ends the new capture with metadata that tells what happened.
func (r *rescue) close(src fileReader, name string) error {
	meta := *r.Meta
	switch s := src.(type) {
	case *spoolReader:
		meta = *s.meta
		r.Complete = s.whole && r.Why == io.EOF
	case *parquetReader:
		r.Complete = !s.scanned && r.Why == io.EOF
	}
	if r.Complete {
		r.Why = nil
	} else {
		meta.Complete = false
		meta.Recovered = fmt.Sprintf("recovered from %s: %d events, %d bytes of no use", name, r.Rows, r.Unusable)
		var inc *IncompleteError
		var corrupt *CorruptError
		switch why := r.Why; {
		case errors.As(why, &inc):
			meta.Recovered += "; " + inc.Why
		case errors.As(why, &corrupt):
			place := *corrupt
			place.File = ""
			meta.Recovered += "; " + place.Error()
		case why != io.EOF:
			meta.Recovered += "; " + why.Error()
		}
	}
	r.Meta = r.w.order.closing(&meta)
	return r.w.Close(&meta)
}

// openRemains opens a damaged capture. Read tells how many bytes were of use.
func openRemains(f *os.File, path string, size int64) (src fileReader, meta *Meta, read func() int64, err error) {
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, nil, nil, err
	}
	switch string(head) {
	case "\xff\xff\xff\xff":
		s, err := openSpool(path, bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<18), AllColumns, NewSymbolTable())
		if err != nil {
			return nil, nil, nil, fmt.Errorf("nothing can be recovered: %w", err)
		}
		return s, s.meta, func() int64 { return s.frames.N }, nil
	case parquet.Magic:
	default:
		return nil, nil, nil, fmt.Errorf("%s: %w: neither Parquet nor a spool", path, ErrNotCapture)
	}
	p, err := openParquet(path, f, size)
	if err != nil {
		if p, err = scanParquet(path, f, size); err != nil {
			return nil, nil, nil, fmt.Errorf("nothing can be recovered from %s: %w", path, err)
		}
	}
	if err := p.choose(AllColumns, NewSymbolTable()); err != nil {
		return nil, nil, nil, err
	}
	return p, p.meta, func() int64 {
		if n := len(p.foot.Groups); p.group < n {
			return p.foot.Groups[max(p.group, 0)].Chunks[0].Start()
		}
		return p.foot.Start
	}, nil
}

// saveRows writes the rows of src, up to the first that is damaged.
func saveRows(src fileReader, meta *Meta, to io.Writer) (r *rescue, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	r = &rescue{RecoverResult: RecoverResult{Meta: meta}}
	if r.w, err = NewParquetWriter(to, meta); err != nil {
		return nil, err
	}
	var b Batch
	for r.Why = src.next(&b, chunkRows); r.Why == nil; r.Why = src.next(&b, chunkRows) {
		if err := r.w.Write(&b); err != nil {
			if r.w.err != nil {
				return nil, err
			}
			r.Why = err // rows out of order: those before are saved
			break
		}
		if b.N == 0 {
			continue
		}
		if r.Rows == 0 {
			r.FirstNS = b.TS[0]
		}
		r.Rows += int64(b.N)
		r.LastNS = b.TS[b.N-1]
	}
	return r, nil
}
