package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"

	"systape/format/abi"
)

// spoolSource reads a spool, whole, torn or still growing, batch by batch.
type spoolSource struct {
	name   string
	frames frameReader
	meta   *Meta // as known at the start; the closing one after the end
	whole  bool  // the closing stream was there
	cols   Columns
	names  *SymbolTable
	lz     *lz4.Reader
	src    bytes.Reader
	bufs   []span
	batch  int   // record batches read
	start  int64 // rows before the current batch

	rows Batch // the current batch
	at   int   // rows of it delivered

	off    []int32
	text   []byte
	lookup [3]symCache
}

// openSpool reads a spool's first message.
func openSpool(name string, r io.Reader, cols Columns, names *SymbolTable) (*spoolSource, error) {
	s := &spoolSource{name: name, frames: frameReader{r: r}, cols: cols, names: names, lz: lz4.NewReader(nil)}
	meta, err := s.readSchema()
	if err != nil {
		return nil, err
	}
	s.meta = meta
	return s, nil
}

func (s *spoolSource) readSchema() (*Meta, error) {
	meta, body, _, err := s.frames.next()
	if err == io.EOF {
		err = errFraming
	}
	if errors.Is(err, errTorn) {
		return nil, &IncompleteError{File: s.name, Why: "the head of the spool is not whole"}
	}
	if err == nil && len(body) != 0 {
		err = errFlat
	}
	var pairs []metaPair
	if err == nil {
		pairs, err = flatMessage(meta).schema()
	}
	if err != nil {
		return nil, &CorruptError{File: s.name, Group: -1, Row: -1, Err: err}
	}
	m, err := parseMeta(pairs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return m, nil
}

// next sets b's columns to the next rows, at most n; they are valid until the
// next call. It ends with io.EOF after the closing stream, and with an
// IncompleteError where the spool was cut off.
func (s *spoolSource) next(b *Batch, n int) error {
	for s.at == s.rows.N {
		if err := s.readBatch(); err != nil {
			return err
		}
	}
	from, to := s.at, min(s.at+n, s.rows.N)
	s.at = to
	b.Symbols, b.N = s.names, to-from
	for pos, c := range columns {
		if s.cols&c.set == 0 {
			continue
		}
		switch {
		case pos == posKind:
			b.Kind = append(b.Kind[:0], s.rows.Kind[from:to]...)
		case pos == posABI:
			b.ABI = append(b.ABI[:0], s.rows.ABI[from:to]...)
		case pos == posDetail:
			b.Detail = append(b.Detail[:0], s.rows.Detail[from:to]...)
		case c.Type == Int64:
			*b.int64s(pos) = append((*b.int64s(pos))[:0], (*s.rows.int64s(pos))[from:to]...)
		case c.Type == Int32:
			*b.int32s(pos) = append((*b.int32s(pos))[:0], (*s.rows.int32s(pos))[from:to]...)
		default:
			*b.syms(pos) = append((*b.syms(pos))[:0], (*s.rows.syms(pos))[from:to]...)
		}
	}
	return nil
}

// forgetNames makes the source go on with a new table of names.
func (s *spoolSource) forgetNames() {
	s.names, s.lookup = NewSymbolTable(), [3]symCache{}
}

// readBatch reads the next record batch into s.rows, or the end.
func (s *spoolSource) readBatch() error {
	s.start += int64(s.rows.N)
	s.rows.N, s.at = 0, 0
	meta, body, between, err := s.frames.next()
	switch {
	case err == io.EOF:
		return s.readClosing()
	case errors.Is(err, errTorn) && between:
		return s.incomplete("the recorder did not end properly")
	case errors.Is(err, errTorn):
		return s.incomplete("it ends within a batch")
	case errors.Is(err, errFraming), errors.Is(err, errChecksum):
		// After a power cut, what was not yet on the disk reads as zeros.
		if s.zerosFollow() {
			return s.incomplete("it ends in unwritten blocks")
		}
	}
	if err == nil {
		err = s.decode(meta, body)
	}
	if err != nil {
		return s.corrupt(err)
	}
	s.batch++
	return nil
}

func (s *spoolSource) corrupt(err error) error {
	var c *CorruptError
	if errors.As(err, &c) {
		c.File, c.Group = s.name, s.batch
		if c.Row >= 0 {
			c.Row += s.start
		}
		return c
	}
	return &CorruptError{File: s.name, Group: s.batch, Row: s.start, Err: err}
}

func (s *spoolSource) incomplete(why string) error {
	return &IncompleteError{File: s.name, Rows: s.start, Why: why}
}

// zerosFollow reports whether nothing but zeros follows up to the end of the
// input.
func (s *spoolSource) zerosFollow() bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.frames.r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// readClosing reads the second stream, which says what the recorder knew in
// the end.
func (s *spoolSource) readClosing() error {
	meta, err := s.readSchema()
	var torn *IncompleteError
	switch {
	case errors.As(err, &torn):
		return s.incomplete("it ends before the closing metadata")
	case err != nil:
		return err
	}
	if _, _, _, err := s.frames.next(); errors.Is(err, errTorn) {
		return s.incomplete("it ends before the last end mark")
	} else if err != io.EOF {
		return s.corrupt(cmpErr(err, errFraming))
	}
	var one [1]byte
	if n, _ := io.ReadFull(s.frames.r, one[:]); n != 0 {
		return s.corrupt(errors.New("data after the end of the spool"))
	}
	if meta.CaptureID != s.meta.CaptureID {
		return s.corrupt(fmt.Errorf("closing metadata of another capture, %q", meta.CaptureID))
	}
	if meta.Part.Rows != s.start {
		return s.corrupt(fmt.Errorf("%d rows, the metadata says %d", s.start, meta.Part.Rows))
	}
	s.meta, s.whole = meta, true
	return io.EOF
}

func cmpErr(err, fallback error) error {
	if err != nil {
		return err
	}
	return fallback
}

// decode fills s.rows from a record batch.
func (s *spoolSource) decode(meta, body []byte) error {
	m := flatMessage(meta)
	if m.kind != messageBatch {
		return errors.New("a message that is no record batch")
	}
	rows, bufs, err := m.batchBuffers(len(body), s.bufs[:0])
	s.bufs = bufs
	if err != nil {
		return err
	}
	if rows < 0 || rows > spoolBatchRows {
		return fmt.Errorf("batch of %d rows, at most %d are read", rows, spoolBatchRows)
	}
	n := int(rows)
	next := func() (span, error) {
		if len(bufs) == 0 {
			return span{}, errFlat
		}
		b := bufs[0]
		bufs = bufs[1:]
		return b, nil
	}
	for pos, c := range columns {
		validity, err := next()
		if err == nil && validity.size != 0 {
			err = errors.New("nulls")
		}
		values, err2 := next()
		text := span{}
		if c.Type == String && err2 == nil {
			text, err2 = next()
		}
		if err = cmpErr(err, err2); err == nil && s.cols&c.set != 0 {
			err = s.column(pos, n, body, values, text)
		}
		if err != nil {
			return &CorruptError{Row: -1, Column: c.Name, Err: err}
		}
	}
	s.rows.N = n
	return nil
}

// column decodes one column of n rows.
func (s *spoolSource) column(pos, n int, body []byte, values, text span) error {
	b := &s.rows
	switch columns[pos].Type {
	case Int64:
		dst := b.int64s(pos)
		*dst = resize(*dst, n)
		return s.inflate(bytesOf(*dst), body, values)
	case Int32:
		dst := b.int32s(pos)
		*dst = resize(*dst, n)
		return s.inflate(bytesOf(*dst), body, values)
	}
	if n == 0 {
		return nil
	}
	s.off = resize(s.off, n+1)
	if err := s.inflate(bytesOf(s.off), body, values); err != nil {
		return err
	}
	last := int32(0)
	for _, o := range s.off {
		if o < last {
			return errors.New("text offsets run back")
		}
		last = o
	}
	if s.off[0] != 0 || last > maxTextBytes {
		return fmt.Errorf("text from %d to %d, at most %d bytes are read", s.off[0], last, maxTextBytes)
	}
	s.text = resize(s.text, int(last))
	if err := s.inflate(s.text, body, text); err != nil {
		return err
	}
	switch pos {
	case posKind:
		b.Kind = resize(b.Kind, n)
		return words(s.off, s.text, b.Kind, ParseKind, errUnknownKind)
	case posABI:
		b.ABI = resize(b.ABI, n)
		return words(s.off, s.text, b.ABI, abi.Parse, errUnknownABI)
	case posDetail:
		b.Detail = resize(b.Detail, n)
		for i := range n {
			b.Detail[i] = string(s.text[s.off[i]:s.off[i+1]])
		}
		return nil
	}
	dst := b.syms(pos)
	*dst = resize(*dst, n)
	cache := &s.lookup[map[int]int{posSyscall: 0, posComm: 1, posContainer: 2}[pos]]
	return cache.rows(s.names, s.off, s.text, *dst)
}

// inflate fills dst from a compressed buffer of the body: the length after
// decompression, then an lz4 frame; or -1, then the bytes as they are.
func (s *spoolSource) inflate(dst, body []byte, at span) error {
	if len(dst) == 0 {
		return nil
	}
	src := body[at.off : at.off+at.size]
	if len(src) < 8 {
		return errFlat
	}
	size := int64(binary.LittleEndian.Uint64(src))
	src = src[8:]
	if size == -1 {
		if len(src) != len(dst) {
			return fmt.Errorf("%d bytes, want %d", len(src), len(dst))
		}
		copy(dst, src)
		return nil
	}
	if size != int64(len(dst)) {
		return fmt.Errorf("%d bytes, want %d", size, len(dst))
	}
	s.src.Reset(src)
	s.lz.Reset(&s.src)
	if _, err := io.ReadFull(s.lz, dst); err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	return nil
}

// words turns text into codes. Codes repeat, and mostly the text of the row
// before the last comes again.
func words[T ~uint8](off []int32, text []byte, dst []T, parse func(string) (T, bool), unknown error) error {
	var known [2][]byte
	var codes [2]T
	for i := range dst {
		w := text[off[i]:off[i+1]]
		switch {
		case i > 0 && string(w) == string(known[0]):
			dst[i] = codes[0]
		case i > 1 && string(w) == string(known[1]):
			dst[i] = codes[1]
			known[0], known[1], codes[0], codes[1] = known[1], known[0], codes[1], codes[0]
		default:
			c, ok := parse(string(w))
			if !ok {
				return &CorruptError{Row: int64(i), Err: fmt.Errorf("%w %q", unknown, clip(w))}
			}
			known[1], codes[1] = known[0], codes[0]
			known[0], codes[0] = w, c
			dst[i] = c
		}
	}
	return nil
}

func clip(w []byte) []byte { return w[:min(len(w), 40)] }

// symCache finds the Symbols of words without going through the table's lock.
type symCache struct {
	slots [1 << 8]struct {
		word string
		sym  Symbol
		ok   bool
	}
}

// rows sets dst to the Symbols of the words in text.
func (c *symCache) rows(names *SymbolTable, off []int32, text []byte, dst []Symbol) error {
	var last []byte
	var sym Symbol
	for i := range dst {
		w := text[off[i]:off[i+1]]
		if i == 0 || string(w) != string(last) {
			var err error
			if sym, err = c.sym(names, w); err != nil {
				return err
			}
			last = w
		}
		dst[i] = sym
	}
	return nil
}

func (c *symCache) sym(names *SymbolTable, w []byte) (Symbol, error) {
	h := uint64(len(w)) * 0x9e3779b97f4a7c15
	for p := w; len(p) > 0; {
		var x uint64
		if len(p) >= 8 {
			x = binary.LittleEndian.Uint64(p)
			p = p[8:]
		} else {
			for i, b := range p {
				x |= uint64(b) << (8 * i)
			}
			p = nil
		}
		h = (h ^ x) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	slot := &c.slots[h>>32%uint64(len(c.slots))]
	if slot.ok && slot.word == string(w) {
		return slot.sym, nil
	}
	sym, err := names.Intern(w)
	if err == nil {
		slot.word, slot.sym, slot.ok = names.String(sym), sym, true
		if slot.word != string(w) {
			slot.ok = false // not UTF-8: stored in another form
		}
	}
	return sym, err
}

// resize returns s with length n, its contents undefined.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
