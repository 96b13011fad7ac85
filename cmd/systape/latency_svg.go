package main

import (
	"fmt"
	"math"
	"strings"

	"systape/replay"
	"systape/replay/latency"
)

// newPicture begins a picture with what it is about.
func (r *latencyRun) newPicture(title string) *latencyPicture {
	s := &latencyPicture{y: 36}
	s.text(svgMargin, s.y, "title", title)
	from, to := r.span()
	about := []string{latencyDate(from), strings.TrimSpace(formatDuration(to - from))}
	m := r.in.Meta()
	if m.Host.Name != "" {
		about = append(about, m.Host.Name)
	}
	if m.Host.Kernel != "" {
		about = append(about, "Linux "+m.Host.Kernel+" "+m.Host.Arch)
	}
	if c := strings.Join(m.Request.Command, " "); c != "" {
		if len([]rune(c)) > 60 {
			c = string([]rune(c)[:59]) + "…"
		}
		about = append(about, c)
	}
	s.y += 20
	s.text(svgMargin, s.y, "dim", strings.Join(about, " · "))
	s.y += 18
	s.text(svgMargin, s.y, "dim", "coverage: "+r.in.coverage.String())
	return s
}

// logScale maps durations to positions, by decades.
type logScale struct {
	low, high float64 // log10 of the ends
	from, to  float64 // positions of them
}

func newLogScale(low, high int64, from, to float64) logScale {
	l := math.Floor(math.Log10(float64(max(low, 1))))
	h := math.Ceil(math.Log10(float64(max(high, 2))))
	return logScale{l, max(h, l+1), from, to}
}

func (l logScale) at(ns int64) float64 {
	x := math.Log10(float64(max(ns, 1)))
	x = min(max(x, l.low), l.high)
	return l.from + (x-l.low)/(l.high-l.low)*(l.to-l.from)
}

// decades calls f for every power of ten on the scale.
func (l logScale) decades(f func(pos float64, label string)) {
	for e := l.low; e <= l.high; e++ {
		ns := int64(math.Round(math.Pow(10, e)))
		f(l.at(ns), strings.TrimSpace(heatDecade(ns)))
	}
}

// posterView is the picture of latency as such: percentiles of the groups with
// most time, and a heat map of all calls.
func (r *latencyRun) posterView() latencyView {
	t, h := latency.NewTable(r.opt), latency.NewHeat(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error {
			t.Add(calls)
			h.Add(calls)
			return nil
		},
		render: func() error {
			rows := t.Rows(r.spanNS(), r.order)
			r.noteFolded(t)
			s := r.newPicture("System-call latency")
			r.drawPercentiles(s, r.sections(rows))
			titles, maps := r.heatSections(h, 200, true)
			for i := range maps {
				s.drawHeatMap(titles[i], &maps[i])
			}
			return s.writeTo(r.out, r.kind)
		},
	}
}

const (
	svgInk   = "#b2182b"
	svgPale  = "#f4a582"
	svgGhost = "#d0d0d0"
)

// drawPercentiles draws a line for each group: from min to max, thick from
// p50 to p99, in all sections on one scale.
func (r *latencyRun) drawPercentiles(s *latencyPicture, sections []latencySection) {
	low, high, name := int64(math.MaxInt64), int64(1), 0
	for i := range sections {
		rows := sections[i].rows
		sections[i].rows = rows[:min(len(rows), r.limit(12))]
		sections[i].rest = len(rows) - len(sections[i].rows)
		for j := range sections[i].rows {
			row := &sections[i].rows[j]
			if row.Count > 0 {
				low = min(low, row.MinNS)
			}
			high = max(high, row.Longest().NS)
			name = max(name, len([]rune(r.groupTitle(row))))
		}
	}
	left := min(max(svgLeft, svgMargin+float64(name)*7+12), 380)
	scale := newLogScale(min(low, high), high, left, svgRight-190)
	for i := range sections {
		r.drawSection(s, &sections[i], scale)
	}
}

func (r *latencyRun) drawSection(s *latencyPicture, section *latencySection, scale logScale) {
	rows, left, right := section.rows, scale.from, scale.to
	s.heading(section.title, fmt.Sprintf("%s in %s", strings.TrimSpace(formatDuration(section.ns)), counted(section.calls, "call")))
	const row = 22.0
	top, bottom := s.y+20, s.y+20+row*float64(len(rows))
	scale.decades(func(x float64, label string) {
		s.line(x, top, x, bottom, "grid")
		s.text(x, top-6, "mid dim small", label)
	})
	s.text(right+80, top-6, "end dim small", "calls")
	s.text(right+135, top-6, "end dim small", "total")
	s.text(svgRight, top-6, "end dim small", "errors")
	for i := range rows {
		g := &rows[i]
		y := top + row*(float64(i)+0.5)
		s.text(left-10, y+4, "end", strings.TrimSuffix(r.groupTitle(g), " (waits)"))
		longest := g.Longest()
		start := g.MinNS
		if g.Count == 0 {
			start = longest.NS
		}
		s.rect(scale.at(start), y-1, max(1, scale.at(longest.NS)-scale.at(start)), 2, svgGhost)
		p50, p90, p99, p999 := g.P[0], g.P[1], g.P[2], g.P[3]
		s.rect(scale.at(p50.NS), y-5, max(1, scale.at(p99.NS)-scale.at(p50.NS)), 10, svgPale)
		s.rect(scale.at(p90.NS)-1, y-5, 2, 10, "#d6604d")
		s.rect(scale.at(p999.NS)-1, y-5, 2, 10, "#888888")
		s.dot(scale.at(p50.NS), y, 5, svgInk)
		if longest.Above {
			s.arrow(scale.at(longest.NS), y, "#555555")
		}
		s.text(right+80, y+4, "end mono", formatCount(g.Count))
		s.text(right+135, y+4, "end mono", strings.TrimSpace(formatDuration(g.TotalNS+g.CensoredNS)))
		s.text(svgRight, y+4, "end mono", formatPercent(g.ErrorRate))
	}
	s.y = bottom + 20
	legend := "dot: p50 · bar: to p99 · marks: p90, p99.9 · line: min to max"
	if section.open > 0 {
		legend += " · arrow: not ended when last seen"
	}
	if section.rest > 0 {
		legend += fmt.Sprintf(" · %s more not shown", formatCount(int64(section.rest)))
	}
	s.text(left, s.y, "dim small", legend)
}
