// Package picture draws pictures of panels below each other, as SVG or PNG. It
// knows marks, colours and scales, and nothing of what they stand for.
package picture

import (
	"fmt"
	"io"
	"math"
)

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
	marks []mark
}

type mark struct {
	kind       markKind
	x, y, w, h float64 // of a line, w and h are its other end; of a dot, w is its radius
	fill       string  // #rrggbb
	class      string  // of text: title head small dim, end or mid for where x is, mono; of a line: grid axis
	text       string
	remark     string // beside a heading
	cols, rows int
	step       func(x, y int) int // colour of a cell, a step of Ramp; -1: none
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

// Text puts text at x, y, its left end there unless the class says end or mid.
func (p *Picture) Text(x, y float64, class, t string) {
	p.marks = append(p.marks, mark{kind: markText, x: x, y: y, class: class, text: t})
}

// Line draws an upright or level line of the class grid or axis.
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

// Cells fills an area with a grid of cells, row 0 at the top. step gives each
// a colour of Ramp, or none (-1).
func (p *Picture) Cells(x, y, w, h float64, cols, rows int, step func(x, y int) int) {
	p.marks = append(p.marks, mark{kind: markCells, x: x, y: y, w: w, h: h, cols: cols, rows: rows, step: step})
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

// Ramp are the colours of counts on white paper, from few, which must still be
// seen, to many.
var Ramp = func() (ramp [13]string) {
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

// Step maps a count to one of n steps of equal ratio up to most, -1 for none.
func Step(count, most uint64, n int) int {
	if count == 0 {
		return -1
	}
	if most == 1 {
		return n - 1
	}
	return min(n-1, int(math.Log(float64(count))/math.Log(float64(most))*float64(n-1)+0.5))
}
