package views

import (
	"fmt"
	"math"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// Heat is latency over time.
func (l *Latency) Heat() View {
	h := latency.NewHeat(l.Options)
	return View{
		Add: func(calls []replay.Call) error { h.Add(calls); return nil },
		Render: func() error {
			switch {
			case l.people():
				return l.printHeat(h)
			case out.IsPicture(l.Form):
				return l.drawHeat(h)
			}
			return l.writeHeat(h)
		},
	}
}

// heatSection is the map of the calls of one section.
type heatSection struct {
	title string
	waits bool
	latency.HeatMap
}

// heatSections are the maps of calls that work and of calls that wait, where
// there are any.
func (l *Latency) heatSections(h *latency.Heat, cols int, fine bool) (list []heatSection) {
	for _, waits := range []bool{false, true} {
		m := h.Map(waits, cols, fine)
		if m.Total == 0 {
			continue
		}
		m.MarkLost(l.Losses())
		list = append(list, heatSection{l.sectionTitle(waits), waits || l.Options.Waits == latency.WaitOnly, m})
	}
	return list
}

const (
	heatMargin = 9 // columns at the left, for the labels of the rows
	heatWidth  = 80
)

func (l *Latency) printHeat(h *latency.Heat) error {
	width := heatWidth
	if l.Style.Width > 0 {
		width = min(max(l.Style.Width, 40), 160)
	}
	maps := l.heatSections(h, width-heatMargin-1, l.Style.Colour)
	if len(maps) == 0 {
		l.println("no calls")
		return nil
	}
	lost := false
	for i := range maps {
		l.printHeatMap(&maps[i])
		l.println()
		lost = lost || maps[i].Lost != nil
	}
	if lost {
		l.note("×: events were lost then, so that more calls were made than are shown")
	}
	return nil
}

// printHeatMap prints a map: in colour with two rows to a line, or with one
// and shades for the counts.
func (l *Latency) printHeatMap(m *heatSection) {
	s := l.Style
	l.println(s.Bold(m.title) + s.Dim(fmt.Sprintf(": %s by latency and time, from %s", units.Count(int64(m.Total)), l.date(m.OriginNS))))
	lines := heatLabels(&m.HeatMap, s.Colour)
	rows := len(m.LowNS) - 1
	for i, label := range lines {
		var b strings.Builder
		for _, col := range m.Counts {
			if s.Colour {
				top := rows - 1 - 2*i
				b.WriteString(s.Cell(heatStep(col[top], m.Max, out.Steps), heatStep(col[top-1], m.Max, out.Steps)))
			} else {
				b.WriteString(heatShade(col[rows-1-i], m.Max))
			}
		}
		l.println(s.Dim(out.Pad(label, heatMargin-2)+" │") + strings.TrimRight(b.String(), " "))
	}
	if m.Lost != nil {
		var b strings.Builder
		for _, n := range m.Lost {
			if n > 0 {
				b.WriteString("×")
			} else {
				b.WriteByte(' ')
			}
		}
		l.println(s.Dim(out.Pad("lost", heatMargin-2)+" │") + s.Alarm(strings.TrimRight(b.String(), " ")))
	}
	for _, line := range heatAxis(&m.HeatMap) {
		l.println(s.Dim(line))
	}
	l.println(l.heatLegend(&m.HeatMap))
}

// heatLabels returns a label for each line, from the top: the decade that
// begins in it, or nothing.
func heatLabels(m *latency.HeatMap, half bool) []string {
	rows := len(m.LowNS) - 1
	per := 1
	if half {
		per = 2
	}
	labels := make([]string, rows/per)
	for i := range labels {
		low, high := m.LowNS[rows-(i+1)*per], m.LowNS[rows-i*per]
		for decade := int64(1); decade > 0 && decade < high; decade *= 10 {
			if decade >= low {
				labels[i] = units.Power(decade)
			}
			if decade > math.MaxInt64/10 {
				break
			}
		}
	}
	return labels
}

// heatStep maps a count to one of n steps of equal ratio up to most, -1 for none.
func heatStep(count, most uint64, n int) int {
	switch {
	case count == 0:
		return -1
	case most == 1:
		return n - 1
	}
	return min(n-1, int(math.Log(float64(count))/math.Log(float64(most))*float64(n-1)+0.5))
}

var heatShades = []rune("·░▒▓█")

func heatShade(count, most uint64) string {
	if s := heatStep(count, most, len(heatShades)); s >= 0 {
		return string(heatShades[s])
	}
	return " "
}

// heatAxis draws the axis of time with marks at round times.
func heatAxis(m *latency.HeatMap) [2]string {
	cols := len(m.Counts)
	line := []rune(strings.Repeat(" ", heatMargin-1) + "└" + strings.Repeat("─", cols))
	text := []rune(strings.Repeat(" ", heatMargin+cols+12))
	free := 0
	for _, tick := range units.Ticks(m.SpanNS(), max(1, cols/12)) {
		at := heatMargin + int(tick/m.StepNS)
		label := []rune(units.Offset(tick))
		if at >= len(line) || at < free || at+len(label) > len(line) && tick > 0 {
			continue
		}
		line[at] = '┴'
		copy(text[at:], label)
		free = at + len(label) + 1
	}
	return [2]string{string(line), strings.TrimRight(string(text), " ")}
}

// heatLegend tells how many calls a cell stands for.
func (l *Latency) heatLegend(m *latency.HeatMap) string {
	s := l.Style
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", heatMargin))
	b.WriteString(s.Dim("calls in " + units.Duration(m.StepNS) + ": "))
	if s.Colour {
		b.WriteString(s.Dim("1 "))
		for i := range out.Steps {
			b.WriteString(s.Cell(i, i))
		}
		b.WriteString(s.Dim(" " + units.Count(int64(m.Max))))
		return b.String()
	}
	last := uint64(0)
	for i, shade := range heatShades {
		// The largest count that has this shade, by the rule of heatStep.
		high := uint64(math.Ceil(math.Pow(float64(m.Max), (float64(i)+0.5)/float64(len(heatShades)-1)))) - 1
		if i == len(heatShades)-1 || m.Max == 1 {
			high = m.Max
		}
		if high > last {
			fmt.Fprintf(&b, "%c ", shade)
			if high == last+1 {
				fmt.Fprintf(&b, "%s  ", units.Count(int64(high)))
			} else {
				fmt.Fprintf(&b, "%s–%s  ", units.Count(int64(last+1)), units.Count(int64(high)))
			}
			last = high
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// heatCell is a cell in which there are calls.
type heatCell struct {
	start, step, low, high, count int64
	waits                         bool
	lost                          int64
}

func (l *Latency) writeHeat(h *latency.Heat) error {
	fields := []out.Field[heatCell]{
		out.Int("start_ns", func(c *heatCell) int64 { return c.start }),
		out.Int("step_ns", func(c *heatCell) int64 { return c.step }),
		out.Int("low_ns", func(c *heatCell) int64 { return c.low }),
		out.Int("high_ns", func(c *heatCell) int64 { return c.high }),
		out.Int("count", func(c *heatCell) int64 { return c.count }),
		out.Bool("waits", func(c *heatCell) bool { return c.waits }),
		out.Int("lost_events", func(c *heatCell) int64 { return c.lost }),
	}
	var cells []heatCell
	for _, m := range l.heatSections(h, 512, true) {
		for x, col := range m.Counts {
			for y, n := range col {
				if n == 0 {
					continue
				}
				c := heatCell{m.OriginNS + int64(x)*m.StepNS, m.StepNS, m.LowNS[y], m.LowNS[y+1], int64(n), m.waits, 0}
				if m.Lost != nil {
					c.lost = m.Lost[x]
				}
				cells = append(cells, c)
			}
		}
	}
	return writeRecords(&l.Frame, "cells", fields, cells, l.head(l.losses())...)
}
