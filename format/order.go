package format

import "fmt"

// order checks that rows continue a capture: seq without holes, or rising in a
// selection, ts never back. The zero value accepts any first row.
type order struct {
	gaps  bool // rows may be left out
	rows  int64
	first int64 // seq of the first row
	last  int64 // seq of the last row
	ts    int64 // of the last row
}

// check returns the order after b, or says which row breaks it. A writer that
// is given such rows, or columns of unequal length, refuses the batch whole.
func (o order) check(b *Batch, version int) (order, error) {
	if err := b.check(version); err != nil {
		return o, err
	}
	return o.follow(b)
}

// follow is check without a look at anything but the order.
func (o order) follow(b *Batch) (order, error) {
	if b.N == 0 {
		return o, nil
	}
	if o.rows == 0 {
		o.first, o.last, o.ts = b.Seq[0], b.Seq[0]-1, b.TS[0]
	}
	for i, s := range b.Seq {
		if s != o.last+1 && (s <= o.last || !o.gaps) {
			return o, &CorruptError{Rule: RuleSeq, Group: -1, Row: o.rows + int64(i), Column: "seq", Err: fmt.Errorf("%d, want %d", s, o.last+1)}
		}
		o.last = s
	}
	for i, ts := range b.TS {
		if ts < o.ts {
			return o, &CorruptError{Rule: RuleTime, Group: -1, Row: o.rows + int64(i), Column: "ts_ns", Err: fmt.Errorf("%d after %d", ts, o.ts)}
		}
		o.ts = ts
	}
	o.rows += int64(b.N)
	return o, nil
}

// closing returns a copy of m that says which rows the part holds.
func (o order) closing(m *Meta) *Meta {
	c := *m
	c.Part.Rows = o.rows
	if o.rows > 0 {
		c.Part.FirstSeq = o.first
	}
	return &c
}
