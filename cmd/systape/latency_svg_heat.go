package main

import (
	"fmt"
	"math"
	"strings"

	"systape/replay/latency"
)

// svgRamp are the colours of counts on white paper, from few, which must
// still be seen, to many.
var svgRamp = func() (ramp [13]string) {
	anchors := [...][3]float64{{0xff, 0xd0, 0x80}, {0xfd, 0x8d, 0x3c}, {0xe3, 0x1a, 0x1c}, {0x80, 0x00, 0x26}, {0x2b, 0x00, 0x14}}
	for i := range ramp {
		x := float64(i) / float64(len(ramp)-1) * float64(len(anchors)-1)
		k := min(int(x), len(anchors)-2)
		var c [3]int
		for j := range c {
			c[j] = int(math.Round(anchors[k][j] + (anchors[k+1][j]-anchors[k][j])*(x-float64(k))))
		}
		ramp[i] = fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2])
	}
	return ramp
}()

func (r *latencyRun) drawHeat(h *latency.Heat) error {
	s := r.newPicture("System-call latency over time")
	titles, maps := r.heatSections(h, 200, true)
	for i := range maps {
		s.drawHeatMap(titles[i], &maps[i])
	}
	return s.writeTo(r.out, r.kind)
}

// drawHeatMap draws one map with its axes and its legend.
func (s *latencyPicture) drawHeatMap(title string, m *latency.HeatMap) {
	s.heading(title+" over time", fmt.Sprintf("%s; a cell is %s wide and a factor of √2 high", counted(int64(m.Total), "call"), strings.TrimSpace(formatDuration(m.StepNS))))
	cols, rows := len(m.Counts), len(m.LowNS)-1
	top, height, width := s.y+4, float64(rows)*8, svgRight-svgLeft
	// The decades are not on the borders of rows: their place is between.
	low, high := m.LowNS[0], m.LowNS[rows]
	at := func(ns int64) float64 {
		f := math.Log(float64(ns)/float64(max(low, 1))) / math.Log(float64(high)/float64(max(low, 1)))
		return top + height*(1-f)
	}
	for d := int64(1); d <= high && d < math.MaxInt64/10; d *= 10 {
		if d >= low {
			s.line(svgLeft, at(d), svgRight, at(d), "grid")
			s.text(svgLeft-10, at(d)+4, "end dim", strings.TrimSpace(heatDecade(d)))
		}
	}
	s.cells(svgLeft, top, width, height, cols, rows, func(x, y int) int { return heatStep(m.Counts[x][rows-1-y], m.Max, len(svgRamp)) })
	bottom := top + height
	s.line(svgLeft, bottom, svgRight, bottom, "axis")
	s.line(svgLeft, top, svgLeft, bottom, "axis")
	for _, tick := range timeTicks(int64(cols)*m.StepNS, 8) {
		x := svgLeft + float64(tick)/float64(int64(cols)*m.StepNS)*width
		s.line(x, bottom, x, bottom+5, "axis")
		s.text(x, bottom+18, "mid dim", latencyOffset(tick))
	}
	s.y = bottom + 40
	s.text(svgLeft, s.y, "dim small", "calls in a cell: 1")
	x := svgLeft + 100
	for i := range svgRamp {
		s.rect(x+float64(i)*14, s.y-10, 14, 11, svgRamp[i])
	}
	s.text(x+14*float64(len(svgRamp))+8, s.y, "dim small", formatCount(int64(m.Max)))
	s.text(svgRight, s.y, "end dim small", "from "+latencyDate(m.OriginNS))
}

// timeTicks returns about n round times from 0 to span.
func timeTicks(span int64, n int) (ticks []int64) {
	step := int64(1)
	for i := 0; span/step >= int64(n) && i < len(roundTimes); i++ {
		step = roundTimes[i]
	}
	for t := int64(0); t <= span; t += step {
		ticks = append(ticks, t)
	}
	return ticks
}

// roundTimes are steps of an axis of time, up to a year.
var roundTimes = func() (t []int64) {
	for ns := int64(1); ns < 1e10; ns *= 10 {
		t = append(t, ns, 2*ns, 5*ns)
	}
	t = t[:len(t)-2] // up to a second
	for _, s := range []int64{2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 7 * 86400, 30 * 86400, 90 * 86400, 365 * 86400} {
		t = append(t, s*1e9)
	}
	return t
}()
