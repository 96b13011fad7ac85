package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// latencyPicture is a picture of panels below each other, as a list of what is
// to be drawn, in pixels of a page that is svgWidth wide. It is written as SVG
// (here) or PNG (latency_png.go).
type latencyPicture struct {
	marks []pictureMark
	y     float64 // where the next panel begins
}

const (
	svgWidth  = 960.0
	svgLeft   = 130.0 // of the area that data is drawn in
	svgRight  = 940.0
	svgMargin = 20.0
)

type pictureMark struct {
	kind       markKind
	x, y, w, h float64 // of a line, w and h are its other end; of a dot, w is its radius
	fill       string  // #rrggbb
	class      string  // of text: title head small dim, end or mid for where x is, mono; of a line: grid axis
	text       string
	remark     string // beside a heading
	cols, rows int
	step       func(x, y int) int // colour of a cell, an index of svgRamp; -1: none
}

type markKind uint8

const (
	markRect markKind = iota
	markLine
	markText
	markDot
	markArrow
	markCells
)

func (p *latencyPicture) text(x, y float64, class, t string) {
	p.marks = append(p.marks, pictureMark{kind: markText, x: x, y: y, class: class, text: t})
}

func (p *latencyPicture) line(x1, y1, x2, y2 float64, class string) {
	p.marks = append(p.marks, pictureMark{kind: markLine, x: x1, y: y1, w: x2, h: y2, class: class})
}

func (p *latencyPicture) rect(x, y, w, h float64, fill string) {
	p.marks = append(p.marks, pictureMark{kind: markRect, x: x, y: y, w: w, h: h, fill: fill})
}

func (p *latencyPicture) dot(x, y, radius float64, fill string) {
	p.marks = append(p.marks, pictureMark{kind: markDot, x: x, y: y, w: radius, fill: fill})
}

// arrow points to the right from x, y.
func (p *latencyPicture) arrow(x, y float64, fill string) {
	p.marks = append(p.marks, pictureMark{kind: markArrow, x: x, y: y, fill: fill})
}

// cells fills an area with a grid of coloured cells.
func (p *latencyPicture) cells(x, y, w, h float64, cols, rows int, step func(x, y int) int) {
	p.marks = append(p.marks, pictureMark{kind: markCells, x: x, y: y, w: w, h: h, cols: cols, rows: rows, step: step})
}

// heading puts the title of a panel and a remark beside it.
func (p *latencyPicture) heading(title, remark string) {
	p.y += 34
	p.marks = append(p.marks, pictureMark{kind: markText, x: svgMargin, y: p.y, class: "head", text: title, remark: remark})
	p.y += 12
}

func (p *latencyPicture) height() float64 { return p.y + svgMargin }

func (p *latencyPicture) writeTo(w io.Writer, kind string) error {
	if kind == "png" {
		return p.writePNG(w)
	}
	return p.writeSVG(w)
}

const latencySVGStyle = `text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#222}
.title{font-size:20px;font-weight:600}.head{font-size:14px;font-weight:600}.dim{fill:#666}.small{font-size:11px}
.end{text-anchor:end}.mid{text-anchor:middle}.mono{font-variant-numeric:tabular-nums}
.grid{stroke:#e3e3e3;stroke-width:1}.axis{stroke:#999;stroke-width:1}`

// writeSVG writes the picture as one SVG document that refers to nothing
// outside itself.
func (p *latencyPicture) writeSVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">
<style>%s</style>
<rect width="100%%" height="100%%" fill="#fff"/>
`, svgWidth, p.height(), svgWidth, p.height(), latencySVGStyle)
	for i := range p.marks {
		p.marks[i].svg(&b)
		b.WriteByte('\n')
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *pictureMark) svg(b *strings.Builder) {
	switch m.kind {
	case markRect:
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, m.x, m.y, m.w, m.h, m.fill)
	case markLine:
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, m.x, m.y, m.w, m.h, m.class)
	case markText:
		if m.remark != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f"><tspan class="%s">%s</tspan><tspan class="dim" dx="10">%s</tspan></text>`,
				m.x, m.y, m.class, html.EscapeString(m.text), html.EscapeString(m.remark))
			return
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, m.x, m.y, m.class, html.EscapeString(m.text))
	case markDot:
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`, m.x, m.y, m.w, m.fill)
	case markArrow:
		fmt.Fprintf(b, `<path d="M%.1f %.1fl6 5l-6 5z" fill="%s"/>`, m.x, m.y-5, m.fill)
	case markCells:
		m.svgCells(b)
	}
}

// svgCells draws one path for each colour, in units of cells, stretched to
// the size of the area: thousands of cells take a few bytes each.
func (m *pictureMark) svgCells(b *strings.Builder) {
	var paths [len(svgRamp)]strings.Builder
	for y := range m.rows {
		for x := 0; x < m.cols; {
			step := m.step(x, y)
			end := x + 1
			for end < m.cols && m.step(end, y) == step {
				end++
			}
			if step >= 0 {
				fmt.Fprintf(&paths[step], "M%d %dh%dv1h-%dz", x, y, end-x, end-x)
			}
			x = end
		}
	}
	fmt.Fprintf(b, `<svg x="%.1f" y="%.1f" width="%.1f" height="%.1f" viewBox="0 0 %d %d" preserveAspectRatio="none" shape-rendering="crispEdges">`,
		m.x, m.y, m.w, m.h, m.cols, m.rows)
	for i := range paths {
		if paths[i].Len() > 0 {
			fmt.Fprintf(b, `<path fill="%s" d="%s"/>`, svgRamp[i], paths[i].String())
		}
	}
	b.WriteString(`</svg>`)
}
