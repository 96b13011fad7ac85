package picture

import (
	"math"
	"testing"
)

// visions are how colours are seen, as matrices of linear RGB: Machado, Oliveira
// and Fernandes, A Physiologically-based Model for Simulation of Color Vision
// Deficiency (2009), at severity 1.
var visions = map[string][3][3]float64{
	"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// lab is a colour as somebody sees it, in CIE L*a*b*, where a distance of 2 can
// just be told.
func lab(colour string, vision [3][3]float64) (out [3]float64) {
	var rgb [3]float64
	for i, c := range parseColour(colour) {
		if c /= 255; c <= 0.04045 {
			rgb[i] = c / 12.92
		} else {
			rgb[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	times := func(m [3][3]float64, v [3]float64) (out [3]float64) {
		for i := range m {
			out[i] = min(max(m[i][0]*v[0]+m[i][1]*v[1]+m[i][2]*v[2], 0), 1.1)
		}
		return out
	}
	xyz := times([3][3]float64{{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}, times(vision, rgb))
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x, y, z := f(xyz[0]/0.9505), f(xyz[1]), f(xyz[2]/1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// Whoever lacks a kind of cones can tell the marks of a picture apart, and reads
// the map by lightness alone.
func TestThemesForTheColourBlind(t *testing.T) {
	for theme, c := range map[string]*Theme{"light": Light, "dark": Dark} {
		for name, vision := range visions {
			for _, pair := range []struct {
				what, a, b string
				least      float64
			}{
				{"what is looked at, and the rest", c.Accent, c.Rest, 20},
				{"what is looked at, and errors", c.Accent, c.Alarm, 40},
				{"work and waiting", c.Accent, c.Wait, 25},
				{"errors and waiting", c.Alarm, c.Wait, 30},
				{"errors and the rest", c.Alarm, c.Rest, 25},
				{"waiting and nothing", c.Wait, c.Plot, 15},
				{"the fewest calls and none", c.Shades()[10], c.Plot, 8},
				{"text and paper", c.Ink, c.Paper, 70},
				{"labels and paper", c.Faint, c.Paper, 45},
				{"losses and the densest spot", c.Alarm, c.Ramp[len(c.Ramp)-1], 30},
				{"losses and nothing", c.Alarm, c.Plot, 40},
			} {
				a, b := lab(pair.a, vision), lab(pair.b, vision)
				if far := math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2])); far < pair.least {
					t.Errorf("%s, %s: %s are %.1f apart, want %g", theme, name, pair.what, far, pair.least)
				}
			}
			shades := c.Shades()
			up := lab(shades[Shades-1], vision)[0] > lab(shades[0], vision)[0]
			for i := range shades[1:] {
				if from, to := lab(shades[i], vision)[0], lab(shades[i+1], vision)[0]; up != (to > from) || math.Abs(to-from) < 0.5 {
					t.Errorf("%s, %s: shade %d has lightness %.1f, the next %.1f", theme, name, i, from, to)
				}
			}
		}
	}
}
