package latency

import "systape/replay"

// Heat counts calls by the time at which they ended and by their latency, in
// memory that does not depend on the length of the capture: when the columns
// run out, neighbours are joined.
type Heat struct {
	sel    selector
	begun  bool
	origin int64 // capture time of the left edge
	step   int64 // ns of a column
	cols   [2][]*heatSlot
}

const (
	heatSlots = 2048
	heatFirst = 100_000 // ns of a column at the beginning
	heatRows  = NumBuckets / 16
)

// heatSlot counts by quarters of a power of two.
type heatSlot [heatRows]uint32

// NewHeat returns an empty map. Of opt, Names, Waits and Use are used. Lower
// bounds are not shown, because the end of the capture is not when the call
// ended.
func NewHeat(opt Options) *Heat {
	if opt.Use == 0 {
		opt.Use = Finished()
	}
	return &Heat{sel: newSelector(opt.Symbols, opt.Use&^LowerBounds(), opt.Waits), step: heatFirst}
}

// Add counts calls.
func (h *Heat) Add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		cl, waits := h.sel.pick(c)
		if cl == skipped {
			continue
		}
		end := c.StartNS + c.DurNS
		if !h.begun {
			h.begun, h.origin = true, end
		}
		if end < h.origin && h.origin-end > 0 { // else they are further apart than time is long
			h.extend(end)
		}
		at := max(0, end-h.origin) / h.step
		for at >= heatSlots {
			h.halve()
			at = max(0, end-h.origin) / h.step
		}
		cols := &h.cols[h.sel.section(waits)]
		for int64(len(*cols)) <= at {
			*cols = append(*cols, nil)
		}
		if (*cols)[at] == nil {
			(*cols)[at] = new(heatSlot)
		}
		cell := &(*cols)[at][Bucket(c.DurNS)/16]
		if *cell != 1<<32-1 {
			*cell++
		}
	}
}

// extend makes room for a time before the origin: calls of another machine, or
// such as were told late.
func (h *Heat) extend(end int64) {
	width := int64(max(len(h.cols[0]), len(h.cols[1])))
	for width+(h.origin-end)/h.step+1 > heatSlots {
		h.halve()
		width = int64(max(len(h.cols[0]), len(h.cols[1])))
	}
	more := (h.origin - end + h.step - 1) / h.step
	for s, cols := range h.cols {
		if len(cols) > 0 {
			h.cols[s] = append(make([]*heatSlot, more, int(more)+len(cols)), cols...)
		}
	}
	h.origin -= more * h.step
}

func (h *Heat) halve() {
	for s, cols := range h.cols {
		half := cols[:0]
		for i := 0; i < len(cols); i += 2 {
			a := cols[i]
			if i+1 < len(cols) && cols[i+1] != nil {
				if a == nil {
					a = cols[i+1]
				} else {
					for r, n := range cols[i+1] {
						a[r] = uint32(min(uint64(a[r])+uint64(n), 1<<32-1))
					}
				}
			}
			half = append(half, a)
		}
		clear(cols[len(half):])
		h.cols[s] = half
	}
	h.step *= 2
}

// HeatMap is a picture of latency over time.
type HeatMap struct {
	OriginNS int64      // capture time of the left edge
	StepNS   int64      // width of a column
	LowNS    []int64    // shortest latency of each row, from the bottom; one more than there are rows
	Counts   [][]uint64 // by column, then by row
	Max      uint64     // the largest count
	Lost     []int64    // events lost in the time of each column, see [HeatMap.MarkLost]; nil: none
	Total    uint64
}

// Map returns a picture of at most cols columns, with rows of half a power of
// two if fine and of one otherwise, cut to the latencies that occur.
func (h *Heat) Map(waits bool, cols int, fine bool) HeatMap {
	per := 4
	if fine {
		per = 2
	}
	src := h.cols[section(waits)]
	width := 0
	for _, c := range h.cols {
		width = max(width, len(c)) // both sections have the same axis
	}
	group := max(1, (width+cols-1)/max(1, cols))
	m := HeatMap{OriginNS: h.origin, StepNS: h.step * int64(group)}
	low, high := heatRows, 0
	for _, c := range src {
		if c == nil {
			continue
		}
		for r, n := range c {
			if n != 0 {
				low, high = min(low, r), max(high, r+1)
			}
		}
	}
	if high == 0 {
		return m
	}
	low, high = low/4*4, (high+3)/4*4 // whole powers of two
	rows := (high - low) / per
	for r := range rows + 1 {
		ns, _ := BucketRange(min((low+r*per)*16, NumBuckets-1))
		m.LowNS = append(m.LowNS, ns)
	}
	for at := 0; at < width; at += group {
		col := make([]uint64, rows)
		for _, c := range src[min(at, len(src)):min(at+group, len(src))] {
			if c == nil {
				continue
			}
			for r := low; r < high; r++ {
				col[(r-low)/per] += uint64(c[r])
			}
		}
		for _, n := range col {
			m.Max = max(m.Max, n)
			m.Total += n
		}
		m.Counts = append(m.Counts, col)
	}
	return m
}
