package views

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"systape/cmd/systape/internal/picture"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/units"
)

const (
	ink   = "#b2182b"
	pale  = "#f4a582"
	ghost = "#d0d0d0"
	grey  = "#999999"
	gap   = "#dcdcf2" // where events were lost
)

// newPicture begins a picture with what it is about.
func (l *Latency) newPicture(title string) *picture.Picture {
	p := &picture.Picture{Y: 36}
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
		p.Rect(scale.At(start), y-1, max(1, scale.At(longest.NS)-scale.At(start)), 2, ghost)
		p50, p90, p99, p999 := g.P[0], g.P[1], g.P[2], g.P[3]
		p.Rect(scale.At(p50.NS), y-5, max(1, scale.At(p99.NS)-scale.At(p50.NS)), 10, pale)
		p.Rect(scale.At(p90.NS)-1, y-5, 2, 10, "#d6604d")
		p.Rect(scale.At(p999.NS)-1, y-5, 2, 10, "#888888")
		p.Dot(scale.At(p50.NS), y, 5, ink)
		if longest.Above {
			p.Arrow(scale.At(longest.NS), y, "#555555")
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
	for x, n := range m.Lost {
		if n > 0 {
			p.Rect(picture.Left+float64(x)*column, top, column, height, gap)
		}
	}
	scale := heatScale(&m.HeatMap, bottom, top)
	const line = 14.0                                     // a label takes
	free := math.Inf(-1)                                  // above it, labels stand
	for _, ns := range slices.Backward(scale.Decades()) { // below 64 ns a row is wide, and decades stand close
		if y, ok := scale.At(ns); ok {
			p.Line(picture.Left, y, picture.Right, y, "grid")
			if y >= free {
				p.Text(picture.Left-10, y+4, "end dim", units.Power(ns))
				free = y + line
			}
		}
	}
	p.Cells(picture.Left, top, width, height, cols, rows, func(x, y int) int { return picture.Step(m.Counts[x][rows-1-y], m.Max, len(picture.Ramp)) })
	p.Line(picture.Left, bottom, picture.Right, bottom, "axis")
	p.Line(picture.Left, top, picture.Left, bottom, "axis")
	for _, tick := range units.Ticks(m.SpanNS(), 8) {
		x := picture.Left + float64(tick)/float64(m.SpanNS())*width
		p.Line(x, bottom, x, bottom+5, "axis")
		p.Text(x, bottom+18, "mid dim", units.Offset(tick))
	}
	p.Y = bottom + 40
	p.Text(picture.Left, p.Y, "dim small", "calls in a cell: 1")
	x := picture.Left + 100
	for _, colour := range picture.Ramp {
		p.Rect(x, p.Y-10, 14, 11, colour)
		x += 14
	}
	p.Text(x+8, p.Y, "dim small", units.Count(int64(m.Max)))
	if m.Lost != nil {
		x += 100
		p.Rect(x, p.Y-10, 14, 11, gap)
		p.Text(x+20, p.Y, "dim small", "events were lost: more calls were made")
	}
	p.Text(picture.Right, p.Y, "end dim small", "from "+origin)
}

// drawHistograms draws the histogram of each group, two beside each other,
// over the same durations.
func (l *Latency) drawHistograms(rows []latency.Row) error {
	p := l.newPicture("System-call latency")
	shown, rest := l.pictured(rows)
	low, high := 63, 0
	bars := make([][]latency.Bar, len(shown))
	open := false
	for i := range shown {
		bars[i] = shown[i].Bars()
		for _, b := range bars[i] {
			low, high = min(low, bits.Len64(uint64(b.LowNS))), max(high, bits.Len64(uint64(b.LowNS)))
			open = open || b.Open > 0
		}
	}
	const space, height, panel = 40.0, 110.0, 190.0
	width := (picture.Width - 2*picture.Margin - space) / 2
	begin := p.Y + 20
	for i := range shown {
		x := picture.Margin + float64(i%2)*(width+space)
		y := begin + float64(i/2)*panel
		p.Text(x, y+16, "head", l.groupTitle(&shown[i]))
		p.Text(x, y+32, "dim small", groupSummary(&shown[i]))
		drawBars(p, bars[i], low, high, x, y+42, width, height)
		p.Y = y + panel - 20
	}
	var legend []string
	if open {
		legend = append(legend, "grey: calls that had not ended when last seen")
	}
	if rest > 0 {
		legend = append(legend, countInt(rest)+" more groups not shown")
	}
	if len(legend) > 0 {
		p.Y += 14
		p.Text(picture.Margin, p.Y, "dim small", strings.Join(legend, "; "))
	}
	return p.Write(l.Out, l.Form)
}

// drawBars draws bars for the powers of two from low to high.
func drawBars(p *picture.Picture, bars []latency.Bar, low, high int, x, y, width, height float64) {
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.Done+b.Open)
	}
	step := width / float64(high-low+1)
	bottom := y + height
	for _, b := range bars {
		left := x + float64(bits.Len64(uint64(b.LowNS))-low)*step
		h := float64(b.Done) / float64(most) * height
		if b.Done > 0 {
			h = max(h, 1)
		}
		p.Rect(left+1, bottom-h, max(1, step-2), h, ink)
		if b.Open > 0 {
			o := max(1, float64(b.Open)/float64(most)*height)
			p.Rect(left+1, bottom-h-o, max(1, step-2), o, grey)
		}
	}
	p.Line(x, bottom, x+width, bottom, "axis")
	every := max(1, (high-low+1)/6)
	for e := low; e <= high; e += every {
		ns := int64(0)
		if e > 0 {
			ns = 1 << (e - 1)
		}
		at := x + float64(e-low)*step
		p.Line(at, bottom, at, bottom+4, "axis")
		p.Text(at, bottom+16, "mid dim small", units.Duration(ns))
	}
	p.Text(x+width, y+2, "end dim small", "highest bar: "+units.Count(most))
}
