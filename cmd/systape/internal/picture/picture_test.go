package picture

import (
	"bytes"
	"encoding/xml"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

// Whatever text a picture shows, its SVG is well-formed and refers to nothing
// outside of it.
func TestSVGIsWellFormed(t *testing.T) {
	for _, text := range []string{"plain", "<&\">'", "\x00\x1b[31m\n\r\t\x7f", "\u009b\u202e\ufffe\uffff", "\xff\xfe", "]]>", "\U000e0001"} {
		p := Picture{Theme: Dark}
		p.Heading(text, text)
		p.Text(1, 2, "end dim", text)
		p.Cells(0, 0, 10, 10, 2, 2, func(x, y int) int { return x*2 + y - 1 })
		p.Hatch(0, 0, 10, 10)
		p.Line(1, 2, 1, 9, "note")
		var b bytes.Buffer
		if err := p.Write(&b, "svg"); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(&b)
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				for _, a := range e.Attr {
					if strings.Contains(a.Value, "://") && a.Name.Local != "xmlns" || a.Name.Local == "href" {
						t.Errorf("<%s> refers to %s", e.Name.Local, a.Value)
					}
				}
			}
		}
		if err := p.Write(io.Discard, "png"); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPNGHasTheMarks(t *testing.T) {
	for _, theme := range []*Theme{Light, Dark} {
		shades := theme.Shades()
		if shades[0] != theme.Ramp[0] || shades[Shades-1] != theme.Ramp[len(theme.Ramp)-1] {
			t.Errorf("the shades go from %s to %s", shades[0], shades[Shades-1])
		}
		p := Picture{Y: 100, Theme: theme}
		p.Rect(10, 10, 20, 20, theme.Accent)
		p.Cells(100, 10, 20, 20, 1, 2, func(_, y int) int { return y*12 - 1 + (1 - y) })
		p.Hatch(200, 10, 40, 20)
		var b bytes.Buffer
		if err := p.Write(&b, "png"); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		at := func(x, y int) color.RGBA {
			return color.RGBAModel.Convert(img.At(x*pngScale, y*pngScale)).(color.RGBA)
		}
		if img.Bounds().Dx() != Width*pngScale {
			t.Errorf("%d pixels wide", img.Bounds().Dx())
		}
		for _, c := range []struct {
			x, y int
			want string
		}{{20, 20, theme.Accent}, {50, 20, theme.Paper}, {110, 15, shades[0]}, {110, 25, shades[11]}} {
			if got := at(c.x, c.y); got != pngColor(c.want) {
				t.Errorf("at %d, %d is %v, want %v", c.x, c.y, got, c.want)
			}
		}
		hatched, plain := 0, 0
		for x := 200; x < 240; x++ {
			if at(x, 20) == pngColor(theme.Paper) {
				plain++
			} else {
				hatched++
			}
		}
		if hatched < 40/HatchStep || plain < 40/2 {
			t.Errorf("of 40 pixels of a hatched line %d are drawn, %d are not", hatched, plain)
		}
	}
	p := Picture{Theme: Light}
	p.Y = 1e6
	if err := p.Write(io.Discard, "png"); err == nil {
		t.Error("a picture of gigabytes is drawn")
	}
}

func TestScales(t *testing.T) {
	l := NewLogScale(250, 90_000, 100, 400) // 100 ns to 100 µs
	for ns, want := range map[int64]float64{100: 100, 1000: 200, 10_000: 300, 100_000: 400, 1: 100, 1 << 62: 400} {
		if got := l.At(ns); math.Abs(got-want) > 1e-9 {
			t.Errorf("%d ns is at %v, want %v", ns, got, want)
		}
	}
	if got := len(l.Decades()); got != 4 {
		t.Errorf("%d decades", got)
	}
	if d := NewLogScale(1, math.MaxInt64, 0, 1).Decades(); d[len(d)-1] != 1e18 {
		t.Errorf("decades of all durations: %v", d)
	}
	r := RowScale{From: 80, To: 0, Low: []int64{0, 32, 64, 96, 128, 192, 256, 384, 512}}
	for v, want := range map[int64]float64{0: 80, 16: 75, 32: 70, 64: 60, 96: 50, 100: 48.75, 128: 40, 224: 25, 512: 0} {
		if got, ok := r.At(v); !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("%d is at %v, want %v", v, got, want)
		}
	}
	for _, v := range []int64{-1, 513, math.MaxInt64} {
		if _, ok := r.At(v); ok {
			t.Errorf("%d is on the scale", v)
		}
	}
	if _, ok := (RowScale{}).At(0); ok {
		t.Error("an empty scale has a position")
	}
}
