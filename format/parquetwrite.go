package format

import (
	"fmt"
	"io"

	"systape/format/internal/columnar"
	"systape/format/internal/parquet"
)

// ParquetWriter writes a capture as a Parquet file, in row groups of 131,072
// rows. Until Close has succeeded the file is none: use a [Sealer] to get a
// file that appears whole or not at all. Errors of the underlying writer
// stick.
type ParquetWriter struct {
	file    *parquet.Writer
	version int // of the rows
	values  []columnar.Values
	order   order
	names   *SymbolTable // of the row group that is being made
	moved   *translator  // of names that are of another table
	renamed []uint32     // memory of them
	err     error
	closed  bool
}

// NewParquetWriter starts a capture on w. What meta says at the start goes to
// the head of the file, from where [Recover] takes it when the file is cut off
// and has no footer; it may be nil when nothing is known yet.
func NewParquetWriter(w io.Writer, meta *Meta) (*ParquetWriter, error) {
	var head []byte
	if meta != nil {
		pairs, err := meta.pairs()
		if err != nil {
			return nil, fmt.Errorf("begin capture: %w", err)
		}
		head = appendHead(nil, pairs)
	}
	version := Version
	if meta != nil && meta.Version > 0 {
		version = meta.Version
	}
	f, err := parquet.NewWriter(w, tableOf(version), creator)
	if err == nil && head != nil {
		err = f.Insert(head)
	}
	if err != nil {
		return nil, fmt.Errorf("begin capture: %w", err)
	}
	return &ParquetWriter{file: f, version: version, order: order{gaps: meta != nil && meta.Selection != nil}}, nil
}

// Write appends all rows of b and keeps nothing of it. The rows must continue
// the capture: seq by one for each, or by more if the metadata at the start says
// that it is a [Selection], ts never back. A batch that does not is
// refused whole, and the writer stays usable.
func (w *ParquetWriter) Write(b *Batch) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return fmt.Errorf("write capture: %w", errClosed)
	}
	next, err := w.order.check(b, w.version)
	if err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	for from := 0; from < b.N; {
		to := min(from+parquet.GroupRows-w.file.Waiting(), b.N)
		err := w.take(b, from, to)
		if err == nil && w.file.Waiting() == parquet.GroupRows {
			err = w.file.EndGroup()
		}
		if err != nil {
			w.err = fmt.Errorf("write capture: row group %d: %w", w.file.Groups(), err)
			return w.err
		}
		from = to
	}
	w.order = next
	return nil
}

// take gives rows from…to to the row group. All its names must be of one table.
func (w *ParquetWriter) take(b *Batch, from, to int) error {
	if w.file.Waiting() == 0 {
		w.names = b.Symbols
	}
	w.values = b.values(w.values, w.version)
	if from > 0 {
		for i := range w.values {
			w.values[i] = w.values[i].Run(from, to)
		}
	}
	if b.Symbols != w.names {
		if err := w.rename(b.Symbols, to-from); err != nil {
			return err
		}
	}
	return w.file.Add(w.values, to-from)
}

// rename has the first n rows of w.values, whose names are from's, say the same in
// the row group's.
func (w *ParquetWriter) rename(from *SymbolTable, n int) error {
	if w.moved == nil || w.moved.from != from || w.moved.into != w.names {
		w.moved = &translator{from: from, into: w.names}
	}
	w.renamed = w.renamed[:0]
	for i := range w.values {
		v := &w.values[i]
		if v.IDs == nil {
			continue
		}
		if v.Keys == nil {
			v.IDs = v.IDs[:n]
		}
		at := len(w.renamed)
		for _, id := range v.IDs {
			ours, err := w.moved.translate(Symbol(id))
			if err != nil {
				return err
			}
			w.renamed = append(w.renamed, uint32(ours))
		}
		v.IDs, v.List = w.renamed[at:], *w.names.list.Load()
	}
	return nil
}

// Rows returns how many rows have been given to Write.
func (w *ParquetWriter) Rows() int64 { return w.order.rows }

// Bytes returns how many bytes have been written; up to a row group's rows
// are still in memory.
func (w *ParquetWriter) Bytes() int64 { return w.file.Bytes() }

// Close writes the last row group and the footer with meta, in which it fills
// the part's first seq and rows. It does not close the underlying writer, and
// makes nothing durable.
func (w *ParquetWriter) Close(meta *Meta) error {
	if w.err != nil || w.closed {
		return w.err
	}
	w.closed = true
	pairs, err := w.order.closing(meta).pairs()
	if err == nil && w.file.Waiting() > 0 {
		err = w.file.EndGroup()
	}
	if err == nil {
		err = w.file.Close(pairs, checkKey)
	}
	if err != nil {
		w.err = fmt.Errorf("close capture: %w", err)
	}
	return w.err
}
