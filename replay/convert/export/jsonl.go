package export

import (
	"bufio"
	"systape/format"
	"systape/replay"
	"systape/replay/convert/jsonl"
)

// events writes every row as package jsonl does. It holds everything, so it
// has no notes, and no filter of calls.
type events struct {
	w    *bufio.Writer
	line []byte
	o    Options
}

func newJSONL(w *bufio.Writer, o Options) Exporter { return &events{w: w, o: o} }

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
	return notes, e.w.Flush()
}
