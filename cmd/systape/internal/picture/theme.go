package picture

import (
	"fmt"
	"math"
)

// Theme are the colours of pictures and of the page, as #rrggbb. The page's
// style sheet is generated from them.
type Theme struct {
	Paper  string // behind everything
	Panel  string // behind rows and code
	Plot   string // behind data
	Ink    string // text
	Faint  string // text beside it, and labels of axes
	Grid   string
	Accent string // what is looked at: the selection, calls that work
	Alarm  string // errors, lost events
	Rest   string // what it is compared with
	Wait   string // calls that wait by nature
	Good   string
	Warn   string
	Fill   float64   // opacity of an area below a line of its colour
	Veil   float64   // opacity of Paper over what is not looked at
	Ramp   [6]string // counts, from few to many
}

// Light is for white paper, Dark for a dark screen. Their ramps go from what
// can just be told from Plot to the utmost, and get darker, or lighter, all the
// way: so they are read without seeing hues.
var (
	Light = &Theme{
		Paper: "#ffffff", Panel: "#f6f7f9", Plot: "#f3f5f8", Ink: "#1b1f24", Faint: "#5b6470", Grid: "#dde1e7",
		Accent: "#0067b1", Alarm: "#c8450a", Rest: "#9aa4b1", Wait: "#b9c1cb", Good: "#1a6b4f", Warn: "#7a5200", Fill: 0.2, Veil: 0.6,
		Ramp: [...]string{"#cfdff0", "#9cc3e4", "#5a9bd0", "#1f6cae", "#0b3c70", "#041c3a"},
	}
	Dark = &Theme{
		Paper: "#14171b", Panel: "#1b1f25", Plot: "#1a1e24", Ink: "#e6e9ed", Faint: "#9aa5b1", Grid: "#2d333b",
		Accent: "#5fb0f2", Alarm: "#f8743c", Rest: "#66717e", Wait: "#4a535e", Good: "#6fd0aa", Warn: "#e3b55a", Fill: 0.25, Veil: 0.6,
		Ramp: [...]string{"#22364f", "#2f5f87", "#4f7d92", "#97a283", "#dcc055", "#fdf5a0"},
	}
)

// Sizes of text in pixels, and of the marks that pictures and the page share.
const (
	TitleSize = 18
	HeadSize  = 13
	TextSize  = 12
	SmallSize = 11
	HatchStep = 6 // between the lines where events were lost
	Shades    = 64
)

// Shades are the colours of a map, from few calls to many.
func (t *Theme) Shades() (colours [Shades]string) {
	for i := range colours {
		at := float64(i) / (Shades - 1) * float64(len(t.Ramp)-1)
		k := min(int(at), len(t.Ramp)-2)
		colours[i] = Mix(t.Ramp[k], t.Ramp[k+1], at-float64(k))
	}
	return colours
}

// Shade is which of the colours of a map stands for a count where the largest
// count is most; -1 for none.
func Shade(count, most uint64) int {
	if count == 0 {
		return -1
	}
	return min(Shades-1, int(math.Round((Shades-1)*math.Log1p(float64(count))/math.Log1p(float64(most)))))
}

// Mix is the colour at a share of the way from one to another.
func Mix(from, to string, share float64) string {
	a, b := parseColour(from), parseColour(to)
	var c [3]int
	for i := range c {
		c[i] = int(math.Round(a[i] + (b[i]-a[i])*share))
	}
	return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2])
}

func parseColour(s string) (rgb [3]float64) {
	var c [3]uint8
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &c[0], &c[1], &c[2]); err != nil {
		panic("picture: internal error: colour " + s)
	}
	for i := range c {
		rgb[i] = float64(c[i])
	}
	return rgb
}
