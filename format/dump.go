package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"systape/format/internal/columnar"
)

// dumpMark begins a line of metadata in a dump: to [ParseText] it is a comment.
const dumpMark = "#: "

// maxTextLine bounds a line of an event: longer ones are errors.
const maxTextLine = 1 << 20

// WriteDump writes the whole capture as text that loses nothing: first what it
// says about itself, each key of FORMAT.md with its JSON document,
//
//	#: systape.format 2
//	#: systape.capture "258f0488236f826c7727a1ee7869cd56"
//
// then the events as [ParseText] has them, and last the metadata that only the
// end of a spool tells. An incomplete capture is dumped as far as it goes, and
// the error that ended it returned. [NewDumpReader] reads it back.
func WriteDump(w io.Writer, r *Reader) error {
	out := bufio.NewWriterSize(w, 1<<16)
	told := map[string]string{}
	meta := func() error {
		pairs, err := r.Meta().pairs()
		for _, p := range pairs {
			if told[p.Key] != p.Value {
				told[p.Key] = p.Value
				fmt.Fprintf(out, "%s%s %s\n", dumpMark, p.Key, printable(p.Value))
			}
		}
		return err
	}
	if err := meta(); err != nil {
		return err
	}
	var b Batch
	var line []byte
	position := int64(0)
	for {
		err := r.Next(&b)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return errors.Join(err, meta(), out.Flush())
		}
		for i := range b.N {
			line = append(appendText(line[:0], b.At(i), position), '\n')
			position++
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
	}
}

// printable returns a JSON document with everything in its strings that could
// act on a terminal as \u escapes.
func printable(doc string) string {
	var b strings.Builder
	for _, r := range doc {
		switch {
		case r < 0x7f || strconv.IsPrint(r):
			b.WriteRune(r)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// DumpReader reads a dump, or any text of events.
type DumpReader struct {
	lines    *bufio.Scanner
	line     int
	position int64
	pairs    []columnar.Pair
	version  int // of the kinds that may come
	err      error
}

// NewDumpReader reads what [WriteDump] has written, and every text that
// [ParseText] reads.
func NewDumpReader(r io.Reader) *DumpReader {
	d := &DumpReader{lines: bufio.NewScanner(r), version: Version}
	d.lines.Buffer(nil, maxMetaBytes+maxTextLine)
	return d
}

// Meta returns what has been read of the capture's metadata so far, nil if
// there was none.
func (d *DumpReader) Meta() (*Meta, error) {
	if len(d.pairs) == 0 {
		return nil, nil
	}
	return parseMeta(d.pairs)
}

// Read appends at most n events to b. It returns io.EOF after the last of
// them; an error names the line.
func (d *DumpReader) Read(b *Batch, n int) error {
	for range n {
		e, err := d.event()
		if err != nil {
			return err
		}
		b.Append(e)
	}
	return nil
}

// event returns the next event.
func (d *DumpReader) event() (e Event, err error) {
	for d.err == nil && d.lines.Scan() {
		d.line++
		text := d.lines.Text()
		if rest, ok := strings.CutPrefix(text, dumpMark); ok {
			d.err = d.meta(rest)
			continue
		}
		if len(text) > maxTextLine {
			d.err = bufio.ErrTooLong
			break
		}
		p := textParser{rest: text}
		p.space()
		if p.rest == "" {
			continue
		}
		if e = p.event(d.position); p.err == nil && int(e.Kind) >= kindsOf(d.version) {
			p.fail("version %d has no kind %q", d.version, e.Kind)
		}
		if p.err == nil {
			d.position++
			return e, nil
		}
		d.err = p.err
	}
	if d.err == nil {
		if d.err = d.lines.Err(); d.err == nil {
			d.err = io.EOF
			return Event{}, io.EOF
		}
		d.line++
	}
	if d.err == io.EOF {
		return Event{}, io.EOF
	}
	return Event{}, fmt.Errorf("line %d: %w", d.line, d.err)
}

// meta takes in a line of metadata; a later one of the same key counts.
func (d *DumpReader) meta(line string) error {
	key, value, ok := strings.Cut(line, " ")
	if !ok || !strings.HasPrefix(key, metaPrefix) {
		return fmt.Errorf("want a key of %s… and its value at %q", metaPrefix, line[:min(len(line), 60)])
	}
	for i := range d.pairs {
		if d.pairs[i].Key == key {
			d.pairs[i].Value = value
			return nil
		}
	}
	d.pairs = append(d.pairs, columnar.Pair{Key: key, Value: value})
	if key == metaPrefix+"format" {
		m, err := parseMeta(d.pairs)
		if err != nil {
			return err
		}
		d.version = m.Version
	}
	return nil
}
