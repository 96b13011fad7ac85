package format

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"systape/format/internal/columnar"
	"systape/format/internal/parquet"
)

// ErrForeign means that another program wrote a file in a way in which it is
// no capture any more: without a column, with a column of another meaning, or
// with its rows in another order. Nothing is damaged; it can be written again.
var ErrForeign = errors.New("as another program wrote it")

// Selection says that a file holds some rows of a capture, in their order:
// seq rises and has gaps. What was left out is in no count of it.
type Selection struct {
	By        string  `json:"by"`             // program that chose the rows: "systape", or what a Parquet file names as its creator
	Of        int64   `json:"of"`             // rows that the capture had; -1: not known
	Calls     bool    `json:"calls"`          // a call is here whole or not at all, and rows about losses and the recording are all here
	Threads   bool    `json:"threads"`        // within its time, of a thread that is here no row is missing
	Processes bool    `json:"processes"`      // likewise, of a process
	Begin     int64   `json:"begin_ns"`       // capture time of the capture's first row; 0: not known
	End       int64   `json:"end_ns"`         // capture time of the capture's last row; 0: not known
	From      int64   `json:"from_ns"`        // capture time: calls that began before are left out; 0: none for that
	To        int64   `json:"to_ns"`          // capture time: calls that began then or later are left out; 0: none for that
	Filter    string  `json:"filter"`         // the other filters, as 'systape copy' takes them; "": none, or not known
	Seen      []int64 `json:"seen,omitempty"` // seq of exits without an enter whose threads were seen before, in rows that were left out
}

// strangerMeta is what is known of an events table that another program wrote
// without metadata. None is an error that says why a file is no capture.
func strangerMeta(foot *parquet.Footer, none error) (*Meta, error) {
	has := map[string]bool{}
	for _, n := range foot.Schema[1:] {
		has[n.Name] = true
	}
	for _, c := range columns {
		if !has[c.Name] {
			return nil, fmt.Errorf("%w, and no column %s", none, c.Name)
		}
	}
	m := nothingMeta()
	m.Tool = strangerName(foot)
	return m, nil
}

// strangerName is the program that wrote a Parquet file, as it calls itself.
func strangerName(foot *parquet.Footer) string {
	const keep = 60
	name := columnar.CleanText(strings.TrimSpace(foot.Creator))
	if name == "" {
		name = "unknown"
	}
	if r := []rune(name); len(r) > keep {
		name = string(r[:keep-1]) + "…"
	}
	return name
}

// adopt finds out what another program made of a capture: the same rows in
// another form, or a selection of them.
func (p *parquetReader) adopt() error {
	m := p.meta
	seq, ts, ok := p.firstRow()
	if ok {
		if err := p.plausible(ts); err != nil {
			return err
		}
	}
	of := m.Part.Rows
	if of == p.foot.Rows || of < 0 && !p.stranger && p.gapless() {
		return nil
	}
	m.Selection = &Selection{By: strangerName(p.foot), Of: of}
	m.Counts = nil // they are of all rows
	m.Part.Rows, m.Part.FirstSeq = p.foot.Rows, seq
	return nil
}

// firstRow reads the first row. What keeps it from being read, reading will tell.
func (p *parquetReader) firstRow() (seq, ts int64, ok bool) {
	if p.foot.Rows == 0 {
		return 0, 0, false
	}
	q := *p // reading moves a reader
	q.lo, q.hi = math.MinInt64, math.MaxInt64
	var b Batch
	if q.choose(ColTS|ColSeq, NewSymbolTable()) != nil || q.next(&b, 1) != nil {
		return 0, 0, false
	}
	return b.Seq[0], b.TS[0], true
}

// gapless reports whether seq has no gaps, as far as the statistics tell.
func (p *parquetReader) gapless() bool {
	leaf, _, err := p.leaf(ColSeq.pos())
	if err != nil || len(p.foot.Groups) == 0 {
		return err == nil
	}
	first, last := &p.foot.Groups[0].Chunks[leaf], &p.foot.Groups[len(p.foot.Groups)-1].Chunks[leaf]
	return first.HasMin && last.HasMax && last.Max-first.Min == p.foot.Rows-1
}

// plausible refuses times that are in another unit, or of another time zone,
// without saying so: numbers that lie in the recording only when they are
// multiplied, timestamps that lie hours beside it, and without metadata
// numbers that are of our days only when they are multiplied.
func (p *parquetReader) plausible(ts int64) error {
	const slack = 60 // s: what is told of the time before the recording
	wrong := func(what string) error {
		return p.corrupt("ts_ns", fmt.Errorf("%w: the first row is of %d, which is %s; it must be ns since the epoch in UTC, or a timestamp that says its unit", ErrForeign, ts, what))
	}
	from, to := int64(1_420_070_400), int64(2_208_988_800) // s: the years 2015 and 2040 begin
	known := false
	for _, probe := range p.meta.Probes {
		if probe.DetachNS > probe.AttachNS {
			if !known {
				from, to, known = math.MaxInt64, math.MinInt64, true
			}
			from, to = min(from, probe.AttachNS/1e9-slack), max(to, probe.DetachNS/1e9+slack)
		}
	}
	const day = 24 * 3600
	_, node, err := p.leaf(ColTS.pos())
	if err == nil && node.Unit != 0 {
		if s := ts / 1e9; known && (s < from && s > from-day || s > to && s < to+day) {
			return wrong("hours beside the recording, as in another time zone")
		}
		return nil
	}
	for _, unit := range []struct {
		second int64
		name   string
	}{{1, "s"}, {1e3, "ms"}, {1e6, "µs"}} {
		if unit.second == 1 && !known {
			continue // a capture whose time begins with it may have rows of any second
		}
		if from > 1e6 && ts >= from*unit.second && ts < to*unit.second {
			return wrong("of the recording's time in " + unit.name)
		}
	}
	return nil
}

// notes are what whoever reads the part is to know of what another program
// made of it.
func (p *part) notes() (notes []error) {
	if s := p.meta.Selection; s != nil && !s.Calls {
		rows := fmt.Sprintf("%d rows", p.meta.Part.Rows)
		if s.Of >= 0 {
			rows = fmt.Sprintf("%d of %d rows", p.meta.Part.Rows, s.Of)
		}
		notes = append(notes, fmt.Errorf("%s: a selection by another program (%s): %s; what was left out is in no count, and calls are right where both of their rows were kept", p.name, s.By, rows))
	}
	if p.pq == nil || p.pq.ours() {
		return notes
	}
	if _, node, err := p.pq.leaf(ColTS.pos()); err == nil && node.Unit > 1 {
		unit := map[int64]string{1e3: "µs", 1e6: "ms"}[node.Unit]
		notes = append(notes, fmt.Errorf("%s: times and durations are to the %s only: ts_ns is a timestamp of that unit", p.name, unit))
	}
	return notes
}

// resized reads the column at pos, which holds numbers of another type.
func resized(pos int, physical int32, budget *parquet.Budget, optional bool) chunkReader {
	switch c := columns[pos].cells.(type) {
	case numbers[int32]:
		return resizedTo(pos, c.rowsOf, physical, budget, optional)
	case numbers[int64]:
		return resizedTo(pos, c.rowsOf, physical, budget, optional)
	}
	return nil
}

func resizedTo[T int32 | int64](pos int, rows rowsOf[T], physical int32, budget *parquet.Budget, optional bool) chunkReader {
	narrow := chunksOf[int32]{pos: pos, from: parquet.NewInt32(budget, optional)}
	wide := chunksOf[int64]{pos: pos, from: parquet.NewInt64(budget, optional)}
	switch physical {
	case parquet.TypeInt32:
		return &resizedChunks[int32, T]{chunksOf: narrow, rows: rows, integer: wholly[int32]}
	case parquet.TypeFloat:
		return &resizedChunks[int32, T]{chunksOf: narrow, rows: rows, integer: func(bits int32) (int64, error) {
			return integral(float64(math.Float32frombits(uint32(bits))), 1<<24)
		}}
	case parquet.TypeDouble:
		return &resizedChunks[int64, T]{chunksOf: wide, rows: rows, integer: func(bits int64) (int64, error) {
			return integral(math.Float64frombits(uint64(bits)), 1<<53)
		}}
	}
	return &resizedChunks[int64, T]{chunksOf: wide, rows: rows, integer: wholly[int64]}
}

func wholly[F int32 | int64](v F) (int64, error) { return int64(v), nil }

// ErrNull is a value that another program left out of a column, in which a
// capture has none; NaN among floats is one.
var ErrNull = parquet.ErrNulls

var errFloat = errors.New("a float")

// integral is the integer that a float is. What pandas makes of a column with
// values that are not there are floats; from some size on they are no longer
// the integers that they were.
func integral(v, exact float64) (int64, error) {
	switch {
	case v != v:
		return 0, fmt.Errorf("%w, as NaN", ErrNull)
	case v != math.Trunc(v):
		return 0, fmt.Errorf("%w that is no integer: %v", errFloat, v)
	case v > exact || v < -exact:
		return 0, fmt.Errorf("%w that may be rounded: %v", errFloat, v)
	}
	return int64(v), nil
}

// resizedChunks reads numbers of one type into a column of another.
type resizedChunks[F, T int32 | int64] struct {
	chunksOf[F]
	rows    rowsOf[T]
	integer func(F) (int64, error)
	buf     []F
}

func (c *resizedChunks[F, T]) read(b *Batch, n int) error {
	c.buf = columnar.Resize(c.buf, n)
	if err := c.from.Read(c.buf); err != nil {
		return err
	}
	c.rows.resize(b, n)
	dst := *c.rows.of(b)
	for i, raw := range c.buf {
		v, err := c.integer(raw)
		if err != nil {
			return err
		}
		if dst[i] = T(v); int64(dst[i]) != v {
			return fmt.Errorf("%d does not fit", v)
		}
	}
	return nil
}
