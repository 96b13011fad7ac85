package format

import (
	"fmt"
	"io"
)

// ParquetWriter writes a capture as a Parquet file, in row groups of 131,072
// rows. Until Close has succeeded the file is none: use a [Sealer] to get a
// file that appears whole or not at all. Errors of the underlying writer
// stick.
type ParquetWriter struct {
	file   *parquetFile
	buf    *Batch
	order  order
	err    error
	closed bool
	names  *SymbolTable // of the rows in buf
	moved  []Symbol     // by Symbol of the table from: the Symbol in the table into, plus one
	from   *SymbolTable
	into   *SymbolTable
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
	f, err := newParquetFile(w, Table())
	if err == nil && head != nil {
		_, err = f.out.Write(head)
	}
	if err != nil {
		return nil, fmt.Errorf("begin capture: %w", err)
	}
	return &ParquetWriter{file: f, buf: &Batch{}}, nil
}

// Write appends all rows of b and keeps nothing of it. The rows must continue
// the capture: seq by one for each, ts never back. A batch that does not is
// refused whole, and the writer stays usable.
func (w *ParquetWriter) Write(b *Batch) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return fmt.Errorf("write capture: %w", errClosed)
	}
	next, err := w.order.check(b)
	if err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	if w.buf.N == 0 {
		w.names = b.Symbols // of no batch is the table needed once its rows are written
	}
	for from := 0; from < b.N; {
		to := min(from+groupRows-w.buf.N, b.N)
		if err := w.take(b, from, to); err != nil {
			w.err = fmt.Errorf("write capture: %w", err)
			return w.err
		}
		if w.buf.N == groupRows {
			if err := w.flush(); err != nil {
				w.err = fmt.Errorf("write capture: %w", err)
				return w.err
			}
		}
		from = to
	}
	w.order = next
	return nil
}

// take copies rows from…to into the buffer.
func (w *ParquetWriter) take(b *Batch, from, to int) error {
	d := w.buf
	if b.Symbols != w.names {
		if err := w.translate(b, from, to); err != nil {
			return err
		}
	} else {
		d.Syscall = append(d.Syscall, b.Syscall[from:to]...)
		d.Comm = append(d.Comm, b.Comm[from:to]...)
		d.Container = append(d.Container, b.Container[from:to]...)
	}
	d.N += to - from
	d.TS = append(d.TS, b.TS[from:to]...)
	d.Seq = append(d.Seq, b.Seq[from:to]...)
	d.Kind = append(d.Kind, b.Kind[from:to]...)
	d.CPU = append(d.CPU, b.CPU[from:to]...)
	d.PID = append(d.PID, b.PID[from:to]...)
	d.TID = append(d.TID, b.TID[from:to]...)
	d.ABI = append(d.ABI, b.ABI[from:to]...)
	d.Nr = append(d.Nr, b.Nr[from:to]...)
	d.Ret = append(d.Ret, b.Ret[from:to]...)
	for k := range d.Args {
		d.Args[k] = append(d.Args[k], b.Args[k][from:to]...)
	}
	d.Detail = append(d.Detail, b.Detail[from:to]...)
	return nil
}

// translate appends the names of b, which are of another table, as ours.
func (w *ParquetWriter) translate(b *Batch, from, to int) error {
	if w.from != b.Symbols || w.into != w.names {
		w.from, w.into, w.moved = b.Symbols, w.names, w.moved[:0]
	}
	for _, pos := range []int{posSyscall, posComm, posContainer} {
		dst := w.buf.syms(pos)
		for _, s := range (*b.syms(pos))[from:to] {
			for int(s) >= len(w.moved) {
				w.moved = append(w.moved, 0)
			}
			if w.moved[s] == 0 {
				ours, err := w.names.Intern([]byte(b.Symbols.String(s)))
				if err != nil {
					return err
				}
				w.moved[s] = ours + 1
			}
			*dst = append(*dst, w.moved[s]-1)
		}
	}
	return nil
}

// flush writes the buffered rows as a row group.
func (w *ParquetWriter) flush() error {
	if w.buf.N == 0 {
		return nil
	}
	var data [len(columns)]colData
	w.buf.columnData(&data)
	err := w.file.writeGroup(data[:], w.buf.N, w.names)
	w.buf.Reset()
	if err != nil {
		return fmt.Errorf("row group %d: %w", w.file.groups, err)
	}
	return nil
}

// Rows returns how many rows have been given to Write.
func (w *ParquetWriter) Rows() int64 { return w.order.rows }

// Bytes returns how many bytes have been written; up to a row group's rows
// are still in memory.
func (w *ParquetWriter) Bytes() int64 { return w.file.out.n }

// Close writes the last row group and the footer with meta, in which it fills
// the part's first seq and rows. It does not close the underlying writer, and
// makes nothing durable.
func (w *ParquetWriter) Close(meta *Meta) error {
	if w.err != nil || w.closed {
		return w.err
	}
	w.closed = true
	pairs, err := w.order.closing(meta).pairs()
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		err = w.file.close(pairs)
	}
	if err != nil {
		w.err = fmt.Errorf("close capture: %w", err)
	}
	return w.err
}
