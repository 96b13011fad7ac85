package importer

import (
	"errors"
	"fmt"
	"io"

	"systape/format"
	"systape/replay/convert/jsonl"
)

// importJSONL reads what systape itself wrote (export --to jsonl, replay
// --events --format jsonl): nothing is missing and nothing is guessed, so a
// line that cannot be read is an error. Rows are numbered anew, which changes
// nothing when all of a capture's are there.
func importJSONL(sources []Source, write func(*format.Batch) error) (*Result, error) {
	res := &Result{}
	batch := format.NewBatch(format.NewSymbolTable(), batchRows)
	for _, src := range sources {
		r := jsonl.NewReader(src.R)
		for {
			err := r.Read(batch, batchRows)
			for i := range batch.N {
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
					return res, fmt.Errorf("%s: %w", src.Name, err)
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return res, fmt.Errorf("%s: %w", src.Name, err)
			}
		}
	}
	res.Lines = res.Events
	return res, nil
}
