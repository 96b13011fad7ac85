package main

import (
	"fmt"
	"math/bits"
	"strings"

	"systape/replay/latency"
)

// drawHistograms draws the log2 histogram of each group, two beside each
// other, over the same durations.
func (r *latencyRun) drawHistograms(rows []latency.Row) error {
	s := r.newPicture("System-call latency")
	shown, rest := r.picture(rows)
	low, high := 63, 0
	bars := make([][]latencyBar, len(shown))
	open := false
	for i := range shown {
		bars[i] = latencyBars(&shown[i])
		for _, b := range bars[i] {
			low, high = min(low, bits.Len64(uint64(b.low))), max(high, bits.Len64(uint64(b.low)))
			open = open || b.open > 0
		}
	}
	const gap, height, panel = 40.0, 110.0, 190.0
	width := (svgWidth - 2*svgMargin - gap) / 2
	begin := s.y + 20
	for i := range shown {
		x := svgMargin + float64(i%2)*(width+gap)
		y := begin + float64(i/2)*panel
		s.text(x, y+16, "head", r.groupTitle(&shown[i]))
		s.text(x, y+32, "dim small", groupSummary(&shown[i]))
		s.drawBars(bars[i], low, high, x, y+42, width, height)
		s.y = y + panel - 20
	}
	var legend []string
	if open {
		legend = append(legend, "grey: calls that had not ended when last seen")
	}
	if rest > 0 {
		legend = append(legend, fmt.Sprintf("%s more groups not shown", formatCount(int64(rest))))
	}
	if len(legend) > 0 {
		s.y += 14
		s.text(svgMargin, s.y, "dim small", strings.Join(legend, "; "))
	}
	return s.writeTo(r.out, r.kind)
}

// drawBars draws bars for the powers of two from low to high.
func (s *latencyPicture) drawBars(bars []latencyBar, low, high int, x, y, width, height float64) {
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.done+b.open)
	}
	step := width / float64(high-low+1)
	bottom := y + height
	for _, b := range bars {
		left := x + float64(bits.Len64(uint64(b.low))-low)*step
		h := float64(b.done) / float64(most) * height
		if b.done > 0 {
			h = max(h, 1)
		}
		s.rect(left+1, bottom-h, max(1, step-2), h, svgInk)
		if b.open > 0 {
			o := max(1, float64(b.open)/float64(most)*height)
			s.rect(left+1, bottom-h-o, max(1, step-2), o, "#999999")
		}
	}
	s.line(x, bottom, x+width, bottom, "axis")
	every := max(1, (high-low+1)/6)
	for e := low; e <= high; e += every {
		ns := int64(0)
		if e > 0 {
			ns = 1 << (e - 1)
		}
		at := x + float64(e-low)*step
		s.line(at, bottom, at, bottom+4, "axis")
		s.text(at, bottom+16, "mid dim small", strings.TrimSpace(formatDuration(ns)))
	}
	s.text(x+width, y+2, "end dim small", "highest bar: "+formatCount(most))
}
