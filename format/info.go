package format

import (
	"errors"
	"io"
)

// Info is what a capture is made of: what it says about itself and what was
// counted in it.
type Info struct {
	Meta       *Meta
	Files      []FileInfo
	Rows       int64
	Bytes      int64
	FirstNS    int64 // capture time of the first and the last row; 0 without rows
	LastNS     int64
	Kinds      [NumKinds]int64
	Lost       int64 // events that the lost rows tell of
	LostEnters int64
	LostExits  int64
	Columns    []ColumnInfo // of the Parquet files; empty for spools
	Complete   bool
	Problem    error // what ended reading, if it was not the end of a complete capture
}

// FileInfo describes one file of a capture.
type FileInfo struct {
	Path   string `json:"path"`
	Form   string `json:"form"` // "parquet" or "spool"
	Part   int    `json:"part"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	Groups int    `json:"row_groups"` // of a Parquet file, batches of a spool
}

// ColumnInfo says what a column takes in the Parquet files of a capture.
type ColumnInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"` // compressed
}

// Events returns how many rows are of the kernel's events: not those that the
// recorder itself tells, of losses, of the capture, of calls without rows and of
// descriptors that were open at the start.
func (in *Info) Events() int64 {
	n := in.Rows
	for _, k := range []Kind{Lost, Mark, Count, FD} {
		n -= in.Kinds[k]
	}
	return n
}

// BytesPerEvent returns 0 for a capture without events.
func (in *Info) BytesPerEvent() float64 {
	n := in.Events()
	if n == 0 {
		return 0
	}
	return float64(in.Bytes) / float64(n)
}

// DurationNS returns the time from the first to the last row.
func (in *Info) DurationNS() int64 { return in.LastNS - in.FirstNS }

// ReadInfo reads a capture to its end and counts. A capture that was cut off
// or is damaged is no error: Problem says what is wrong, and the numbers are
// about the rows before it. Only the options' Warn, Names and Stdin are used.
func ReadInfo(paths []string, opt ReadOptions) (*Info, error) {
	opt.Columns, opt.From, opt.To = ColTS|ColKind|ColArg0|ColArg3|ColArg4, 0, 0
	r, err := Open(paths, opt)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := new(Info)
	var b Batch
	for err = r.Next(&b); err == nil; err = r.Next(&b) {
		if in.Rows == 0 && b.N > 0 {
			in.FirstNS = b.TS[0]
		}
		if b.N > 0 {
			in.LastNS = b.TS[b.N-1]
		}
		in.Rows += int64(b.N)
		for i, k := range b.Kind {
			in.Kinds[k]++
			if k == Lost {
				in.Lost += b.Args[LostCount][i]
				in.LostEnters += b.Args[LostEnters][i]
				in.LostExits += b.Args[LostExits][i]
			}
		}
	}
	if err == io.EOF {
		in.Complete = r.Meta().Selection == nil
	} else {
		in.Problem = err
	}
	r.done.Wait() // the parts are ours again
	in.Meta = r.Meta()
	for _, p := range r.parts {
		in.addFile(p)
	}
	if c, ok := errors.AsType[*CorruptError](in.Problem); ok && c.File == "" {
		c.File = r.parts[0].name
	}
	return in, nil
}

func (in *Info) addFile(p *part) {
	f := FileInfo{Path: p.name, Form: "spool", Part: p.meta.Part.Number, Bytes: p.size}
	if p.pq == nil {
		if p.sp != nil {
			f.Rows, f.Groups = p.sp.start+int64(p.sp.rows.N), p.sp.batch
			f.Bytes += p.sp.given.sealed - p.sp.given.bytes
			if p.file == nil {
				f.Bytes = p.sp.frames.N
			}
		}
	} else {
		foot := p.pq.foot
		f.Form, f.Rows, f.Groups = "parquet", foot.Rows, len(foot.Groups)
		if in.Columns == nil {
			for _, c := range columns {
				in.Columns = append(in.Columns, ColumnInfo{Name: c.Name, Type: c.Type.String()})
			}
		}
		for pos := range columns {
			leaf, _, err := p.pq.leaf(pos)
			if err != nil {
				continue
			}
			for i := range foot.Groups {
				in.Columns[pos].Bytes += foot.Groups[i].Chunks[leaf].Size
			}
		}
	}
	in.Bytes += f.Bytes
	in.Files = append(in.Files, f)
}
