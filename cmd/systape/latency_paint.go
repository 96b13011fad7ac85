package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// latencyPaint decides how a result looks: how wide, and with which colours.
// NO_COLOR (no-color.org) switches colours off, CLICOLOR_FORCE switches them
// on where standard output is no terminal.
type latencyPaint struct {
	color    bool
	width    int // columns of the terminal; 0: not a terminal
	terminal bool
}

func newLatencyPaint(w io.Writer) latencyPaint {
	p := latencyPaint{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
		p.color = os.Getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.width = width
		}
	}
	if v := os.Getenv("CLICOLOR_FORCE"); v != "" && v != "0" {
		p.color = true
	}
	if os.Getenv("NO_COLOR") != "" {
		p.color = false
	}
	return p
}

func (p latencyPaint) wrap(code, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p latencyPaint) bold(s string) string  { return p.wrap("1", s) }
func (p latencyPaint) dim(s string) string   { return p.wrap("2", s) }
func (p latencyPaint) alarm(s string) string { return p.wrap("31", s) }
func (p latencyPaint) note(s string) string  { return p.wrap("33", s) }

// latencyRamp are colours of the 256 that terminals have, from few to many:
// blue over magenta and orange to pale yellow, ever brighter, so that
// they keep their order for the colour-blind and in print.
var latencyRamp = [...]int{25, 61, 97, 133, 169, 205, 204, 203, 209, 215, 221, 228, 230}

// cell paints two half cells, the upper one and the lower one; -1 is empty.
func (p latencyPaint) cell(upper, lower int) string {
	switch {
	case upper < 0 && lower < 0:
		return " "
	case lower < 0:
		return fmt.Sprintf("\x1b[38;5;%dm▀\x1b[0m", latencyRamp[upper])
	case upper < 0:
		return fmt.Sprintf("\x1b[38;5;%dm▄\x1b[0m", latencyRamp[lower])
	}
	return fmt.Sprintf("\x1b[38;5;%d;48;5;%dm▀\x1b[0m", latencyRamp[upper], latencyRamp[lower])
}
