package latency

import (
	"errors"
	"math"

	"systape/replay"
)

// Intervals counts calls by interval of time as [Table] does. Intervals begin
// at multiples of their length since the UNIX epoch, so that those of several
// captures, and of SQL, are the same. A call belongs to the interval in which
// it ended or was last seen; an interval without calls does not appear.
type Intervals struct {
	every int64
	table *Table
	emit  func(Interval) error
	start int64 // of the current interval
	begun bool
}

// Interval is one interval with its table. The table is valid until the
// function that was handed it returns.
type Interval struct {
	StartNS int64
	EndNS   int64 // where the next one begins; the end of time where there is none
	Last    bool  // no call came after it
	Table   *Table
}

// RecordedNS returns how much of the interval lies between two instants: those
// at which the capture began and ended. Rates are of this time.
func (v *Interval) RecordedNS(from, to int64) int64 {
	return max(0, min(v.EndNS, to)-max(v.StartNS, from))
}

// NewIntervals returns intervals of everyNS nanoseconds, each handed to emit
// when the first call of a later one arrives.
func NewIntervals(everyNS int64, opt Options, emit func(Interval) error) (*Intervals, error) {
	if everyNS <= 0 {
		return nil, errors.New("the interval must be longer than 0")
	}
	return &Intervals{every: everyNS, table: NewTable(opt), emit: emit}, nil
}

// From is [Table.From].
func (v *Intervals) From(node int) { v.table.From(node) }

// Add counts calls, which must come in the order in which they ended, as
// package replay delivers them. One that is late counts in the current
// interval.
func (v *Intervals) Add(calls []replay.Call) error {
	for len(calls) > 0 {
		n := 0
		for n < len(calls) {
			end := calls[n].StartNS + calls[n].DurNS
			if !v.begun {
				v.begun, v.start = true, floor(end, v.every)
			}
			if end > v.start && uint64(end)-uint64(v.start) >= uint64(v.every) {
				break
			}
			n++
		}
		v.table.Add(calls[:n])
		calls = calls[n:]
		if len(calls) == 0 {
			return nil
		}
		end := calls[0].StartNS + calls[0].DurNS
		if err := v.flush(false); err != nil {
			return err
		}
		v.start = floor(end, v.every)
	}
	return nil
}

// Close hands the last interval to emit.
func (v *Intervals) Close() error {
	if !v.begun {
		return nil
	}
	return v.flush(true)
}

func (v *Intervals) flush(last bool) error {
	var err error
	if v.table.any {
		end := v.start + v.every
		if end < v.start {
			end = math.MaxInt64
		}
		err = v.emit(Interval{StartNS: v.start, EndNS: end, Last: last, Table: v.table})
	}
	v.table.Reset()
	return err
}

// floor returns the largest multiple of step that is not above ns, or the
// beginning of time.
func floor(ns, step int64) int64 {
	m := ns % step
	if m < 0 {
		m += step
	}
	if ns < math.MinInt64+m {
		return math.MinInt64
	}
	return ns - m
}
