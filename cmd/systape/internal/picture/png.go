package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"systape/replay/escape"
)

// pngScale is how many pixels of the image a pixel of the picture has, so that
// text is sharp on today's screens.
const pngScale = 2

// maxPNGPixels bounds the memory of an image to 200 MB.
const maxPNGPixels = 50 << 20

// TooLargeError says that a picture has more pixels than an image may have.
type TooLargeError struct{ Width, Height int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a picture of %d by %d pixels is too large for PNG", e.Width, e.Height)
}

// pngCanvas draws the marks of a picture.
type pngCanvas struct {
	*image.RGBA
	theme  *Theme
	shades [Shades]color.RGBA
	faces  map[string]font.Face
}

// writePNG writes the picture as an image twice its size, in the Go fonts.
func (p *Picture) writePNG(w io.Writer) error {
	width, height := int(Width*pngScale), int(math.Ceil(p.height()*pngScale))
	if width*height > maxPNGPixels {
		return &TooLargeError{width, height}
	}
	c := &pngCanvas{RGBA: image.NewRGBA(image.Rect(0, 0, width, height)), theme: p.Theme, faces: map[string]font.Face{}}
	for i, s := range p.Theme.Shades() {
		c.shades[i] = pngColor(s)
	}
	draw.Draw(c, c.Bounds(), image.NewUniform(pngColor(p.Theme.Paper)), image.Point{}, draw.Src)
	for i := range p.marks {
		if err := c.mark(&p.marks[i]); err != nil {
			return err
		}
	}
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, c)
}

func (c *pngCanvas) mark(m *mark) error {
	switch m.kind {
	case markRect:
		c.fill(m.x, m.y, m.x+m.w, m.y+m.h, pngColor(m.fill))
	case markLine:
		c.line(m)
	case markDot:
		c.shape(m.x-m.w, m.y-m.w, m.x+m.w, m.y+m.w, pngColor(m.fill), func(x, y float64) bool { return math.Hypot(x-m.x, y-m.y) <= m.w })
	case markArrow:
		c.shape(m.x, m.y-5, m.x+6, m.y+5, pngColor(m.fill), func(x, y float64) bool { return math.Abs(y-m.y) <= 5*(1-(x-m.x)/6) })
	case markCells:
		for y := range m.rows {
			for x := range m.cols {
				if s := m.shade(x, y); s >= 0 {
					w, h := m.w/float64(m.cols), m.h/float64(m.rows)
					c.fill(m.x+float64(x)*w, m.y+float64(y)*h, m.x+float64(x+1)*w, m.y+float64(y+1)*h, c.shades[s])
				}
			}
		}
	case markHatch:
		c.shape(m.x, m.y, m.x+m.w, m.y+m.h, pngColor(m.fill), func(x, y float64) bool {
			at := math.Mod(x+y-m.y-m.h-m.firstHatch(), HatchStep)
			return x >= m.x && x < m.x+m.w && y >= m.y && y < m.y+m.h && min(at, HatchStep-at) <= math.Sqrt2/2 // half a pixel across
		})
	case markText:
		return c.text(m)
	}
	return nil
}

// line draws a line that is upright or level.
func (c *pngCanvas) line(m *mark) {
	switch m.class {
	case "axis":
		c.fill(m.x-0.5, m.y-0.5, m.w+0.5, m.h+0.5, pngColor(c.theme.Rest))
	case "note":
		const dash = 3.0
		for y := m.y; y < m.h; y += 2 * dash {
			c.fill(m.x-0.5, y, m.x+0.5, min(y+dash, m.h), pngColor(c.theme.Ink))
		}
	default:
		c.fill(m.x-0.5, m.y-0.5, m.w+0.5, m.h+0.5, pngColor(c.theme.Grid))
	}
}

// fill fills the pixels whose middle lies in a rectangle, and at least one in
// each direction.
func (c *pngCanvas) fill(x1, y1, x2, y2 float64, ink color.RGBA) {
	px := func(v float64) int { return int(math.Round(v * pngScale)) }
	r := image.Rect(px(x1), px(y1), max(px(x2), px(x1)+1), max(px(y2), px(y1)+1))
	draw.Draw(c, r, image.NewUniform(ink), image.Point{}, draw.Src)
}

// shape fills what inside tells, with its edge smoothed from 16 samples of
// each pixel.
func (c *pngCanvas) shape(x1, y1, x2, y2 float64, ink color.RGBA, inside func(x, y float64) bool) {
	const side = 4
	for py := int(y1 * pngScale); py <= int(y2*pngScale); py++ {
		for px := int(x1 * pngScale); px <= int(x2*pngScale); px++ {
			hits := 0
			for i := range side * side {
				if inside((float64(px)+(float64(i%side)+0.5)/side)/pngScale, (float64(py)+(float64(i/side)+0.5)/side)/pngScale) {
					hits++
				}
			}
			a := uint8(hits * 255 / (side * side))
			over := image.NewUniform(color.NRGBA{ink.R, ink.G, ink.B, a})
			draw.Draw(c, image.Rect(px, py, px+1, py+1), over, image.Point{}, draw.Over)
		}
	}
}

func (c *pngCanvas) text(m *mark) error {
	class := strings.Fields(m.class)
	size, data := float64(TextSize), goregular.TTF
	switch {
	case slices.Contains(class, "title"):
		size, data = TitleSize, gobold.TTF
	case slices.Contains(class, "head"):
		size, data = HeadSize, gobold.TTF
	case slices.Contains(class, "small"):
		size = SmallSize
	}
	ink, dim := pngColor(c.theme.Ink), pngColor(c.theme.Faint)
	if slices.Contains(class, "dim") {
		ink = dim
	}
	face, err := c.face(size, data)
	if err != nil {
		return err
	}
	d := font.Drawer{Dst: c, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(int(m.x*pngScale), int(m.y*pngScale))}
	text := escape.Text(m.text)
	switch width := d.MeasureString(text); {
	case slices.Contains(class, "end"):
		d.Dot.X -= width
	case slices.Contains(class, "mid"):
		d.Dot.X -= width / 2
	}
	d.DrawString(text)
	if m.remark == "" {
		return nil
	}
	if d.Face, err = c.face(TextSize, goregular.TTF); err != nil {
		return err
	}
	d.Src = image.NewUniform(dim)
	d.Dot.X += fixed.I(10 * pngScale)
	d.DrawString(escape.Text(m.remark))
	return nil
}

func (c *pngCanvas) face(size float64, data []byte) (font.Face, error) {
	key := fmt.Sprint(size, len(data))
	if f := c.faces[key]; f != nil {
		return f, nil
	}
	parsed, err := opentype.Parse(data)
	if err != nil {
		return nil, err
	}
	f, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size * pngScale, DPI: 72, Hinting: font.HintingNone})
	if err == nil {
		c.faces[key] = f
	}
	return f, err
}

// pngColor reads #rrggbb.
func pngColor(s string) color.RGBA {
	c := parseColour(s)
	return color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 0xff}
}
