package replay_test

import (
	"cmp"
	"math"
	"slices"

	"systape/format"
)

// A recording is what a recorder that loses events made of a simulation.
type recording struct {
	sim    *simulation
	meta   *format.Meta
	events []format.Event
	source []int // events[i] is sim.events[source[i]]; -1: a lost row
	enters int64 // first and last time of enters being recorded
	last   int64
}

// window is when the probes were attached; the zero value is all the time.
type window struct{ exits, enters, entersEnd, exitsEnd int64 }

// record makes a recording. lost names the events that the recorder lost;
// coarse makes one lost row of neighbouring losses of a CPU, though events of
// that CPU between them were recorded; late delays the rows.
func (s *simulation) record(w window, lost func(i int) bool, coarse bool, late func() int64) *recording {
	r := &recording{sim: s, meta: &format.Meta{Complete: true}}
	if w == (window{}) {
		w = window{math.MinInt64 / 2, s.events[0].TS - 1, math.MaxInt64 / 2, math.MaxInt64 / 2}
		r.meta.Probes = []format.Probe{{Name: "sys_enter", AttachNS: w.enters}}
	} else {
		r.meta.Probes = []format.Probe{
			{Name: "sys_exit", AttachNS: w.exits, DetachNS: w.exitsEnd},
			{Name: "sys_enter", AttachNS: w.enters, DetachNS: w.entersEnd},
		}
	}
	r.enters, r.last = w.enters, w.entersEnd
	counts := map[int32]*format.CPUCounts{}
	type row struct {
		ts     int64
		order  int // among rows of the same time: losses first
		source int
		loss   *format.Event
	}
	var rows []row
	open := map[int32]*format.Event{} // the lost row of each CPU that may still grow
	since := map[int32]int{}          // events of the CPU recorded after it
	for i, e := range s.events {
		if e.TS < w.exits || e.TS > w.exitsEnd || e.Kind == format.Enter && (e.TS < w.enters || e.TS > w.entersEnd) {
			continue
		}
		c := counts[e.CPU]
		if c == nil {
			c = &format.CPUCounts{CPU: e.CPU}
			counts[e.CPU] = c
		}
		gone := lost(i)
		tally(c, e.Kind, gone)
		if !gone {
			rows = append(rows, row{e.TS, 1, i, nil})
			if since[e.CPU]++; !coarse || since[e.CPU] > 3 {
				delete(open, e.CPU)
			}
			continue
		}
		l := open[e.CPU]
		if l == nil {
			l = &format.Event{TS: e.TS, Kind: format.Lost, CPU: e.CPU, Nr: -1}
			l.Args[format.LostFirst] = e.TS
			open[e.CPU] = l
			rows = append(rows, row{e.TS + late(), 0, -1, l})
		}
		since[e.CPU] = 0
		l.Args[format.LostCount]++
		l.Args[format.LostLast] = e.TS
		switch e.Kind {
		case format.Enter:
			l.Args[format.LostEnters]++
		case format.Exit:
			l.Args[format.LostExits]++
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.ts, b.ts), a.order-b.order) })
	for seq, row := range rows {
		e := format.Event{}
		if row.loss != nil {
			e = *row.loss
			e.TS = row.ts
		} else {
			e = s.events[row.source]
		}
		e.Seq = int64(seq)
		r.events = append(r.events, e)
		r.source = append(r.source, row.source)
	}
	r.meta.Counts = &format.Counts{Lost: new(int64)}
	for _, row := range rows {
		if row.loss != nil {
			*r.meta.Counts.Lost += row.loss.Args[format.LostCount]
		}
	}
	for cpu := range int32(2) {
		if c := counts[cpu]; c != nil {
			r.meta.Counts.PerCPU = append(r.meta.Counts.PerCPU, *c)
		}
	}
	return r
}

func tally(c *format.CPUCounts, k format.Kind, gone bool) {
	seen, lost := &c.Lifecycle, &c.LostLifecycle
	switch k {
	case format.Enter:
		seen, lost = &c.Enters, &c.LostEnters
	case format.Exit:
		seen, lost = &c.Exits, &c.LostExits
	}
	*seen++
	if gone {
		*lost++
	}
}
