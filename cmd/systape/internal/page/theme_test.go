package page

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"systape/cmd/systape/internal/picture"
	"systape/replay/units"
)

// The page and the pictures of latency have the same colours, sizes and marks of
// axes: with -run Theme and UPDATE=1, this writes them down for the page.
func TestThemeIsThatOfThePage(t *testing.T) {
	generatedIs(t, "theme.css", themeStyle(), "package picture says", "Theme")
	generatedIs(t, "theme.ts", themeScript(), "package picture says", "Theme")
}

const generated = "Code generated from cmd/systape/internal/picture/theme.go by a test of package page; DO NOT EDIT."

// themeStyle writes the themes as properties of a style sheet.
func themeStyle() string {
	scheme := func(t *picture.Theme) string {
		var b strings.Builder
		alpha := func(x float64) int { return int(math.Round(255 * x)) }
		for _, p := range [][2]string{{"bg", t.Paper}, {"panel", t.Panel}, {"plot", t.Plot}, {"ink", t.Ink}, {"faint", t.Faint}, {"grid", t.Grid},
			{"accent", t.Accent}, {"accent-fill", fmt.Sprintf("%s%02x", t.Accent, alpha(t.Fill))}, {"alarm", t.Alarm},
			{"rest", t.Rest}, {"rest-fill", fmt.Sprintf("%s%02x", t.Rest, alpha(t.Fill))}, {"wait", t.Wait}, {"good", t.Good}, {"warn", t.Warn},
			{"veil", fmt.Sprintf("%s%02x", t.Paper, alpha(t.Veil))}, {"ramp", strings.Join(t.Ramp[:], ", ")}} {
			fmt.Fprintf(&b, " --%s: %s;", p[0], p[1])
		}
		return b.String()
	}
	return fmt.Sprintf(`/* %s */
:root { --title-size: %dpx; --head-size: %dpx; --text-size: %dpx; --hatch-step: %dpx;%s }
@media (prefers-color-scheme: dark) { :root {%s } }
@media print { :root {%[6]s } }
:root.printing {%[6]s }
`, generated, picture.TitleSize, picture.HeadSize, picture.TextSize, picture.HatchStep, scheme(picture.Light), scheme(picture.Dark))
}

// themeScript writes down what is drawn by the page's program.
func themeScript() string {
	var powers []string
	for ns := int64(1); ns > 0 && ns <= math.MaxInt64/10; ns *= 10 {
		powers = append(powers, fmt.Sprintf("%q", units.Power(ns)))
	}
	return fmt.Sprintf(`// %s

/** Text beside axes, px. */
export const SMALL = %d;
/** How far lines are apart where events were lost, px. */
export const HATCH = %d;
/** Colours of a map, from few calls to many. */
export const SHADES = %d;
/** How powers of ten nanoseconds are written beside an axis, from 1 ns. */
export const POWERS = [%s];
/** Steps of an axis of time, ns. */
export const ROUND_TIMES = %s;
`, generated, picture.SmallSize, picture.HatchStep, picture.Shades, strings.Join(powers, ", "), strings.ReplaceAll(fmt.Sprint(units.RoundTimes), " ", ", "))
}
