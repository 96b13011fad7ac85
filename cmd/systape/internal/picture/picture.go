// Package picture draws pictures of panels below each other, as SVG or PNG. It
// knows marks, colours and scales, and nothing of what they stand for.
package picture

import "io"

// The page, in pixels: its width, the area that data is drawn in, and what is
// free around it.
const (
	Width  = 960.0
	Left   = 130.0
	Right  = 940.0
	Margin = 20.0
)

// Picture is a list of what is to be drawn, in pixels of a page that is Width
// wide and as high as it needs. Text may be whatever a capture holds.
type Picture struct {
	Y     float64 // where the next panel begins
	Theme *Theme
	marks []mark
}

type mark struct {
	kind       markKind
	x, y, w, h float64 // of a line, w and h are its other end; of a dot, w is its radius
	fill       string  // #rrggbb
	class      string  // of text: title head small dim, end or mid for where x is, mono; of a line: grid axis note
	text       string
	remark     string // beside a heading
	cols, rows int
	shade      func(x, y int) int // colour of a cell, one of [Theme.Shades]; -1: none
}

type markKind uint8

const (
	markRect markKind = iota
	markLine
	markText
	markDot
	markArrow
	markCells
	markHatch
)

// Text puts text at x, y, its left end there unless the class says end or mid.
func (p *Picture) Text(x, y float64, class, t string) {
	p.marks = append(p.marks, mark{kind: markText, x: x, y: y, class: class, text: t})
}

// Line draws an upright or level line of the class grid, axis or, dashed, note.
func (p *Picture) Line(x1, y1, x2, y2 float64, class string) {
	p.marks = append(p.marks, mark{kind: markLine, x: x1, y: y1, w: x2, h: y2, class: class})
}

// Rect fills a rectangle.
func (p *Picture) Rect(x, y, w, h float64, fill string) {
	p.marks = append(p.marks, mark{kind: markRect, x: x, y: y, w: w, h: h, fill: fill})
}

// Dot draws a disc around x, y.
func (p *Picture) Dot(x, y, radius float64, fill string) {
	p.marks = append(p.marks, mark{kind: markDot, x: x, y: y, w: radius, fill: fill})
}

// Arrow points to the right from x, y.
func (p *Picture) Arrow(x, y float64, fill string) {
	p.marks = append(p.marks, mark{kind: markArrow, x: x, y: y, fill: fill})
}

// Cells fills an area with a grid of cells, row 0 at the top. shade gives each
// one of the colours of [Theme.Shades], or none (-1).
func (p *Picture) Cells(x, y, w, h float64, cols, rows int, shade func(x, y int) int) {
	p.marks = append(p.marks, mark{kind: markCells, x: x, y: y, w: w, h: h, cols: cols, rows: rows, shade: shade})
}

// Hatch draws slanting lines over an area: what lies there is not all there was.
func (p *Picture) Hatch(x, y, w, h float64) {
	p.marks = append(p.marks, mark{kind: markHatch, x: x, y: y, w: w, h: h, fill: p.Theme.Alarm})
}

// Heading puts the title of a panel and a remark beside it.
func (p *Picture) Heading(title, remark string) {
	p.Y += 34
	p.marks = append(p.marks, mark{kind: markText, x: Margin, y: p.Y, class: "head", text: title, remark: remark})
	p.Y += 12
}

func (p *Picture) height() float64 { return p.Y + Margin }

// Write writes the picture as "svg" or "png".
func (p *Picture) Write(w io.Writer, form string) error {
	if form == "png" {
		return p.writePNG(w)
	}
	return p.writeSVG(w)
}
