package format

import (
	"bytes"
	"io"

	"systape/format/internal/parquet"
)

// OpenBytes is Open for a capture in memory: tests that read thousands of
// damaged ones would wait for the file system.
func OpenBytes(data []byte, opt ReadOptions) (*Reader, error) {
	if opt.Columns == 0 {
		opt.Columns = AllColumns
	}
	opt.Symbols, opt.Warn = NewSymbolTable(), func(error) {}
	p := &part{name: "capture", size: int64(len(data))}
	if bytes.HasPrefix(data, []byte(parquet.Magic)) {
		pq, err := openParquet(p.name, bytes.NewReader(data), p.size)
		if err != nil {
			return nil, err
		}
		p.pq, p.meta = pq, pq.meta
	} else {
		sp, err := openSpool(p.name, io.Reader(bytes.NewReader(data)), 0, nil)
		if err != nil {
			return nil, err
		}
		p.sp, p.meta, p.spool = sp, sp.meta, true
	}
	return newReader([]*part{p}, opt), nil
}

// OpenAsVersion is OpenBytes of a Parquet capture that claims another version.
func OpenAsVersion(data []byte, version int) (*Reader, error) {
	r, err := openUnchecked(data)
	if err == nil {
		p := r.parts[0]
		p.meta.Version, p.pq.version = version, version
	}
	return r, err
}

// openUnchecked is OpenBytes without looking at the footer's checksum, so that
// a fuzzer gets past it.
func openUnchecked(data []byte) (*Reader, error) {
	if !bytes.HasPrefix(data, []byte(parquet.Magic)) {
		return OpenBytes(data, ReadOptions{})
	}
	foot, err := parquet.ReadFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	pq, err := newParquetReader("capture", bytes.NewReader(data), foot)
	if err != nil {
		return nil, err
	}
	p := &part{name: pq.name, size: int64(len(data)), pq: pq, meta: pq.meta}
	return newReader([]*part{p}, ReadOptions{Columns: AllColumns, Symbols: NewSymbolTable()}), nil
}

// EncodeUnchecked returns a Parquet capture of any rows, in any order.
func EncodeUnchecked(ev []Event, m *Meta) ([]byte, error) {
	var out writeBuffer
	w, err := NewParquetWriter(&out, m)
	if err != nil {
		return nil, err
	}
	b := NewBatch(NewSymbolTable(), len(ev))
	for _, e := range ev {
		b.Append(e)
	}
	if err := w.take(b, 0, b.N); err != nil {
		return nil, err
	}
	w.order.rows = int64(b.N)
	err = w.Close(m)
	return out, err
}
