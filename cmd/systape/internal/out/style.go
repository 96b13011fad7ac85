package out

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Style is how text for people looks: how wide, and with which colours.
type Style struct {
	Colour   bool
	Width    int // columns of the terminal, or those that COLUMNS tells of another file; 0: nobody says
	Terminal bool
}

// StyleOf returns the style of what is written to w. It is as wide as the
// terminal, elsewhere as COLUMNS says (POSIX.1-2024, Environment Variables,
// 8.3). Terminals have colours,
// unless NO_COLOR (no-color.org) is set or TERM is dumb; CLICOLOR_FORCE
// switches them on elsewhere.
func StyleOf(w io.Writer) Style {
	var s Style
	f, ok := w.(*os.File)
	switch {
	case ok && term.IsTerminal(int(f.Fd())):
		s.Terminal = true
		s.Colour = os.Getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			s.Width = width
		}
	case ok:
		if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil {
			s.Width = max(columns, 0)
		}
	}
	if v := os.Getenv("CLICOLOR_FORCE"); v != "" && v != "0" {
		s.Colour = true
	}
	if os.Getenv("NO_COLOR") != "" {
		s.Colour = false
	}
	return s
}

// widthElsewhere is how wide lines of words are where nobody says how wide the
// terminal is.
const widthElsewhere = 100

// TableWidth returns how many columns lines of words may take.
func (s Style) TableWidth() int {
	if s.Width > 0 {
		return s.Width
	}
	return widthElsewhere
}

func (s Style) wrap(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for headings.
func (s Style) Bold(text string) string { return s.wrap("1", text) }

// Dim is for what stands beside.
func (s Style) Dim(text string) string { return s.wrap("2", text) }

// Alarm is for what failed or was lost.
func (s Style) Alarm(text string) string { return s.wrap("31", text) }

// Note is for what must be told apart.
func (s Style) Note(text string) string { return s.wrap("33", text) }

// Bar is for bars of a chart.
func (s Style) Bar(text string) string { return s.wrap("38;5;37", text) }

// Steps is how many steps the colours of counts have.
const Steps = len(ramp)

// ramp are colours of the 256 that terminals have, from few to many: blue
// over magenta and orange to pale yellow, ever brighter, so that they keep
// their order for the colour-blind and in print.
var ramp = [...]int{25, 61, 97, 133, 169, 205, 204, 203, 209, 215, 221, 228, 230}

// Cell paints two half cells, the upper one and the lower one, each with a
// step from 0 to Steps-1; -1 is empty.
func (s Style) Cell(upper, lower int) string {
	switch {
	case upper < 0 && lower < 0:
		return " "
	case lower < 0:
		return fmt.Sprintf("\x1b[38;5;%dm▀\x1b[0m", ramp[upper])
	case upper < 0:
		return fmt.Sprintf("\x1b[38;5;%dm▄\x1b[0m", ramp[lower])
	}
	return fmt.Sprintf("\x1b[38;5;%d;48;5;%dm▀\x1b[0m", ramp[upper], ramp[lower])
}
