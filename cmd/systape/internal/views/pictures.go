package views

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"systape/cmd/systape/internal/picture"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/units"
)

// newPicture begins a picture with what it is about.
func (l *Latency) newPicture(title string) *picture.Picture {
	p := &picture.Picture{Y: 36, Theme: picture.Light}
	if l.Dark {
		p.Theme = picture.Dark
	}
	p.Text(picture.Margin, p.Y, "title", title)
	from, to := l.span()
	about := []string{l.date(from), units.Duration(to - from)}
	m := l.Meta()
	if m.Host.Name != "" {
		about = append(about, m.Host.Name)
	}
	if m.Host.Kernel != "" {
		about = append(about, "Linux "+m.Host.Kernel+" "+m.Host.Arch)
	}
	if c := escape.Command(m.Request.Command); c != "" {
		if len([]rune(c)) > 60 {
			c = string([]rune(c)[:59]) + "…"
		}
		about = append(about, c)
	}
	p.Y += 20
	p.Text(picture.Margin, p.Y, "dim", strings.Join(about, " · "))
	p.Y += 18
	p.Text(picture.Margin, p.Y, "dim", "coverage: "+l.Coverage().String())
	return p
}

// Poster is the picture of latency as such: percentiles of the groups with
// most time, and a heat map of all calls.
func (l *Latency) Poster() View {
	t, h := latency.NewTable(l.Options), latency.NewHeat(l.Options)
	return View{
		From: t.From,
		Add: func(calls []replay.Call) error {
			t.Add(calls)
			h.Add(calls)
			return nil
		},
		Render: func() error {
			rows := t.Rows(l.spanNS(), l.Sort)
			l.warnJoined(t)
			p := l.newPicture("System-call latency")
			l.drawPercentiles(p, latency.Sections(rows))
			for _, m := range l.heatSections(h, 200, true) {
				drawHeatMap(p, &m, l.date(m.OriginNS))
			}
			return p.Write(l.Out, l.Form)
		},
	}
}

// drawPercentiles draws a line for each group: from min to max, thick from
// p50 to p99, in all sections on one scale.
func (l *Latency) drawPercentiles(p *picture.Picture, sections []latency.Section) {
	low, high, name := int64(math.MaxInt64), int64(1), 0
	rest := make([]int, len(sections))
	for i := range sections {
		rows := sections[i].Rows
		sections[i].Rows = rows[:min(len(rows), l.limit(12))]
		rest[i] = len(rows) - len(sections[i].Rows)
		for j := range sections[i].Rows {
			row := &sections[i].Rows[j]
			if row.Count > 0 {
				low = min(low, row.MinNS)
			}
			high = max(high, row.Longest().NS)
			name = max(name, len([]rune(l.groupTitle(row))))
		}
	}
	left := min(max(picture.Left, picture.Margin+float64(name)*7+12), 380)
	scale := picture.NewLogScale(min(low, high), high, left, picture.Right-190)
	for i := range sections {
		l.drawSection(p, &sections[i], scale, rest[i])
	}
}

func (l *Latency) drawSection(p *picture.Picture, section *latency.Section, scale picture.LogScale, rest int) {
	rows, left, right := section.Rows, scale.From, scale.To
	p.Heading(l.sectionTitle(section.Waits), l.sectionSum(section))
	const row = 22.0
	top, bottom := p.Y+20, p.Y+20+row*float64(len(rows))
	for _, ns := range scale.Decades() {
		x := scale.At(ns)
		p.Line(x, top, x, bottom, "grid")
		p.Text(x, top-6, "mid dim small", units.Power(ns))
	}
	p.Text(right+80, top-6, "end dim small", "calls")
	p.Text(right+135, top-6, "end dim small", "total")
	p.Text(picture.Right, top-6, "end dim small", "errors")
	for i := range rows {
		g := &rows[i]
		y := top + row*(float64(i)+0.5)
		p.Text(left-10, y+4, "end", strings.TrimSuffix(l.groupTitle(g), " (waits)"))
		longest := g.Longest()
		start := g.MinNS
		if g.Count == 0 {
			start = longest.NS
		}
		theme := p.Theme
		p.Rect(scale.At(start), y-1, max(1, scale.At(longest.NS)-scale.At(start)), 2, theme.Rest)
		p50, p90, p99, p999 := g.P[0], g.P[1], g.P[2], g.P[3]
		p.Rect(scale.At(p50.NS), y-5, max(1, scale.At(p99.NS)-scale.At(p50.NS)), 10, picture.Mix(theme.Paper, theme.Accent, 0.35))
		p.Rect(scale.At(p90.NS)-1, y-5, 2, 10, theme.Accent)
		p.Rect(scale.At(p999.NS)-1, y-5, 2, 10, theme.Faint)
		p.Dot(scale.At(p50.NS), y, 5, theme.Accent)
		if longest.Above {
			p.Arrow(scale.At(longest.NS), y, theme.Faint)
		}
		p.Text(right+80, y+4, "end mono", units.Count(g.Count))
		p.Text(right+135, y+4, "end mono", units.Duration(g.TotalNS+g.CensoredNS))
		p.Text(picture.Right, y+4, "end mono", units.ShareCell(g.ErrorRate))
	}
	p.Y = bottom + 20
	legend := "dot: p50 · bar: to p99 · marks: p90, p99.9 · line: min to max"
	if section.Open > 0 {
		legend += " · arrow: not ended when last seen"
	}
	if rest > 0 {
		legend += fmt.Sprintf(" · %s more not shown", countInt(rest))
	}
	p.Text(left, p.Y, "dim small", legend)
}

func (l *Latency) drawHeat(h *latency.Heat) error {
	p := l.newPicture("System-call latency over time")
	for _, m := range l.heatSections(h, 200, true) {
		drawHeatMap(p, &m, l.date(m.OriginNS))
	}
	return p.Write(l.Out, l.Form)
}

// heatScale is where durations stand in the cells of a map whose bottom and
// top are at these positions.
func heatScale(m *latency.HeatMap, bottom, top float64) picture.RowScale {
	return picture.RowScale{From: bottom, To: top, Low: m.LowNS}
}

// drawHeatMap draws one map with its axes and its legend; origin is when it
// begins, in words.
func drawHeatMap(p *picture.Picture, m *heatSection, origin string) {
	p.Heading(m.title+" over time", fmt.Sprintf("%s; a cell is %s wide and about a factor of √2 high", units.Counted(int64(m.Total), "call"), units.Duration(m.StepNS)))
	cols, rows := len(m.Counts), len(m.LowNS)-1
	top, height, width := p.Y+4, float64(rows)*8, picture.Right-picture.Left
	bottom := top + height
	column := width / float64(cols)
	p.Rect(picture.Left, top, width, height, p.Theme.Plot)
	scale := heatScale(&m.HeatMap, bottom, top)
	const line = 14.0                                     // a label takes
	free := math.Inf(-1)                                  // above it, labels stand
	for _, ns := range slices.Backward(scale.Decades()) { // below 64 ns a row is wide, and decades stand close
		if y, ok := scale.At(ns); ok {
			p.Line(picture.Left, y, picture.Right, y, "grid")
			if y >= free {
				p.Text(picture.Left-10, y+4, "end dim small", units.Power(ns))
				free = y + line
			}
		}
	}
	p.Cells(picture.Left, top, width, height, cols, rows, func(x, y int) int { return picture.Shade(m.Counts[x][rows-1-y], m.Max) })
	for x := 0; x < len(m.Lost); x++ {
		if m.Lost[x] == 0 {
			continue
		}
		end := x + 1
		for end < len(m.Lost) && m.Lost[end] > 0 {
			end++
		}
		p.Hatch(picture.Left+float64(x)*column, top, float64(end-x)*column, height)
		x = end
	}
	p.Line(picture.Left, bottom, picture.Right, bottom, "axis")
	p.Line(picture.Left, top, picture.Left, bottom, "axis")
	for _, tick := range units.Ticks(m.SpanNS(), 8) {
		x := picture.Left + float64(tick)/float64(m.SpanNS())*width
		p.Line(x, bottom, x, bottom+5, "axis")
		p.Text(x, bottom+18, "mid dim small", units.Offset(tick))
	}
	p.Y = bottom + 40
	p.Text(picture.Left, p.Y, "dim small", "calls in a cell: 1")
	x := picture.Left + 100
	shades := p.Theme.Shades()
	for _, colour := range shades[picture.Shade(1, m.Max):] {
		p.Rect(x, p.Y-10, 3, 11, colour)
		x += 3
	}
	p.Text(x+8, p.Y, "dim small", units.Count(int64(m.Max)))
	if m.Lost != nil {
		x += 100
		p.Hatch(x, p.Y-10, 14, 11)
		p.Text(x+20, p.Y, "dim small", "events were lost: more calls were made")
	}
	p.Text(picture.Right, p.Y, "end dim small", "from "+origin)
}
