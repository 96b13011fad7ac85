package importer

import (
	"errors"
	"fmt"
	"io"

	"systape/format"
)

// importDump reads what systape dump has written: the capture again, with all
// that it says about itself. A text without metadata, such as a test case, is
// taken as well.
func importDump(ins []*input, write func(*format.Batch) error) (*Result, error) {
	res := &Result{}
	if len(ins) != 1 {
		return res, errors.New("one dump at a time is one capture")
	}
	in := ins[0]
	d := format.NewDumpReader(in.r)
	batch := format.NewBatch(format.NewSymbolTable(), batchRows)
	for {
		batch.Reset()
		err := d.Read(batch, batchRows)
		for i, k := range batch.Kind {
			if k == format.Enter {
				if res.Calls == 0 {
					res.ABI = batch.ABI[i]
				}
				res.Calls++
			}
		}
		if batch.N > 0 {
			if res.Events == 0 {
				res.From = batch.TS[0]
			}
			res.Events += int64(batch.N)
			res.To = batch.TS[batch.N-1]
			if err := write(batch); err != nil {
				return res, fmt.Errorf("%s: %w", in.src.Name, err)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return res, fmt.Errorf("%s: %w", in.src.Name, err)
		}
	}
	meta, err := d.Meta()
	if err != nil {
		return res, fmt.Errorf("%s: %w", in.src.Name, err)
	}
	res.Meta, res.Lines = meta, res.Events
	res.Whole = meta != nil && (meta.Part.Rows < 0 || res.Events == meta.Part.Rows)
	res.Exact = res.Whole
	return res, nil
}
