package importer

import (
	"errors"
	"fmt"
	"io"

	"systape/format"
	"systape/replay/convert/jsonl"
)

// importJSONL reads what systape itself wrote (export --format jsonl, replay
// --events --format jsonl): nothing is missing and nothing is guessed, so a
// line that cannot be read is an error. Rows are numbered anew, which changes
// nothing when all of a capture's are there. Result.Meta is what the text says
// about the capture, and Result.Whole that its rows are all there.
func importJSONL(ins []*input, write func(*format.Batch) error) (*Result, error) {
	res := &Result{}
	batch := format.NewBatch(format.NewSymbolTable(), batchRows)
	for _, in := range ins {
		r := jsonl.NewReader(in.r)
		next := int64(-1) // seq of the next row if none is left out
		read := int64(0)
		whole := len(ins) == 1
		for {
			err := r.Read(batch, batchRows)
			for i := range batch.N {
				if read == 0 {
					next = batch.Seq[i]
					whole = whole && r.Meta() != nil && r.Meta().Part.FirstSeq == next
				}
				whole = whole && batch.Seq[i] == next
				read++
				next++
				batch.Seq[i] = res.Events
				res.Events++
				if batch.Kind[i] == format.Enter {
					if res.Calls == 0 {
						res.ABI = batch.ABI[i]
					}
					res.Calls++
				}
			}
			if batch.N > 0 {
				if res.From == 0 {
					res.From = batch.TS[0]
				}
				res.To = batch.TS[batch.N-1]
				if err := write(batch); err != nil {
					return res, fmt.Errorf("%s: %w", in.src.Name, err)
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return res, fmt.Errorf("%s: %w", in.src.Name, err)
			}
		}
		switch m := r.Meta(); {
		case m == nil, res.Meta != nil && res.Meta.CaptureID != m.CaptureID: // rows of several captures are none of theirs
			res.Meta = nil
		default:
			res.Meta = m
			res.Whole = whole && read >= m.Part.Rows
		}
	}
	res.Lines = res.Events
	return res, nil
}
