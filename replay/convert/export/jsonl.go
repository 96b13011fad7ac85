package export

import (
	"bufio"
	"bytes"

	"systape/format"
	"systape/replay"
	"systape/replay/convert/jsonl"
)

// events writes every row as package jsonl does, after a line with what the
// capture says about itself. It holds everything, so it has no notes, and no
// filter of calls.
type events struct {
	w    *bufio.Writer
	line []byte
	meta []byte // as written
	o    Options
}

func newJSONL(w *bufio.Writer, o Options) Exporter {
	e := &events{w: w, o: o}
	e.about(o.Meta)
	return e
}

// about writes what the capture says about itself, unless it has been said.
func (e *events) about(m *format.Meta) {
	if line := jsonl.AppendMeta(nil, m); m.Version != 0 && !bytes.Equal(line, e.meta) {
		e.meta = line
		e.w.Write(line) // an error sticks in e.w
	}
}

func (e *events) Push(b *format.Batch, _ []replay.Call) error {
	for i := range b.N {
		e.line = jsonl.AppendEvent(e.line[:0], b, i)
		if _, err := e.w.Write(e.line); err != nil {
			return err
		}
	}
	return nil
}

func (e *events) Finish([]replay.Call) (notes []string, err error) {
	if e.o.Filter != nil && !e.o.Filter.Empty() {
		notes = append(notes, "jsonl holds all events: filters of calls do not apply")
	}
	if e.o.Closing != nil {
		e.about(e.o.Closing())
	}
	return notes, e.w.Flush()
}
