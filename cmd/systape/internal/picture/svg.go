package picture

import (
	"fmt"
	"io"
	"math"
	"strings"

	"systape/replay/escape"
)

// svgStyle is the style sheet of a theme.
func svgStyle(t *Theme) string {
	return fmt.Sprintf(`text{font:%dpx system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:%s}
.title{font-size:%dpx;font-weight:600}.head{font-size:%dpx;font-weight:600}.dim{fill:%s}.small{font-size:%dpx}
.end{text-anchor:end}.mid{text-anchor:middle}.mono{font-variant-numeric:tabular-nums}
.grid{stroke:%s;stroke-width:1}.axis{stroke:%s;stroke-width:1}.note{stroke:%s;stroke-width:1;stroke-dasharray:3 3}`,
		TextSize, t.Ink, TitleSize, HeadSize, t.Faint, SmallSize, t.Grid, t.Rest, t.Ink)
}

// writeSVG writes the picture as one SVG document that refers to nothing
// outside itself.
func (p *Picture) writeSVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">
<style>%s</style>
<rect width="100%%" height="100%%" fill="%s"/>
`, Width, p.height(), Width, p.height(), svgStyle(p.Theme), p.Theme.Paper)
	shades := p.Theme.Shades()
	for i := range p.marks {
		p.marks[i].svg(&b, &shades)
		b.WriteByte('\n')
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *mark) svg(b *strings.Builder, shades *[Shades]string) {
	switch m.kind {
	case markRect:
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, m.x, m.y, m.w, m.h, m.fill)
	case markLine:
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, m.x, m.y, m.w, m.h, m.class)
	case markText:
		if m.remark != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f"><tspan class="%s">%s</tspan><tspan class="dim" dx="10">%s</tspan></text>`,
				m.x, m.y, m.class, escape.XML(m.text), escape.XML(m.remark))
			return
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, m.x, m.y, m.class, escape.XML(m.text))
	case markDot:
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`, m.x, m.y, m.w, m.fill)
	case markArrow:
		fmt.Fprintf(b, `<path d="M%.1f %.1fl6 5l-6 5z" fill="%s"/>`, m.x, m.y-5, m.fill)
	case markCells:
		m.svgCells(b, shades)
	case markHatch:
		m.svgHatch(b)
	}
}

// svgCells draws one path for each colour, in units of cells, stretched to
// the size of the area: thousands of cells take a few bytes each.
func (m *mark) svgCells(b *strings.Builder, shades *[Shades]string) {
	var paths [Shades]strings.Builder
	for y := range m.rows {
		for x := 0; x < m.cols; {
			shade := m.shade(x, y)
			end := x + 1
			for end < m.cols && m.shade(end, y) == shade {
				end++
			}
			if shade >= 0 {
				fmt.Fprintf(&paths[shade], "M%d %dh%dv1h-%dz", x, y, end-x, end-x)
			}
			x = end
		}
	}
	fmt.Fprintf(b, `<svg x="%.1f" y="%.1f" width="%.1f" height="%.1f" viewBox="0 0 %d %d" preserveAspectRatio="none" shape-rendering="crispEdges">`,
		m.x, m.y, m.w, m.h, m.cols, m.rows)
	for i := range paths {
		if paths[i].Len() > 0 {
			fmt.Fprintf(b, `<path fill="%s" d="%s"/>`, shades[i], paths[i].String())
		}
	}
	b.WriteString(`</svg>`)
}

// svgHatch draws one path of lines that end where the area does.
func (m *mark) svgHatch(b *strings.Builder) {
	var path strings.Builder
	for at := m.firstHatch(); at < m.x+m.w; at += HatchStep {
		from, to := max(at, m.x), min(at+m.h, m.x+m.w)
		if from < to {
			fmt.Fprintf(&path, "M%.1f %.1fL%.1f %.1f", from, m.y+m.h-(from-at), to, m.y+m.h-(to-at))
		}
	}
	fmt.Fprintf(b, `<path fill="none" stroke="%s" d="%s"/>`, m.fill, path.String())
}

// firstHatch is where the first line begins at the foot of a hatched area; the
// lines of all areas are in step.
func (m *mark) firstHatch() float64 { return math.Floor((m.x-m.h)/HatchStep) * HatchStep }
