package picture

import (
	"fmt"
	"io"
	"strings"

	"systape/replay/escape"
)

const svgStyle = `text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#222}
.title{font-size:20px;font-weight:600}.head{font-size:14px;font-weight:600}.dim{fill:#666}.small{font-size:11px}
.end{text-anchor:end}.mid{text-anchor:middle}.mono{font-variant-numeric:tabular-nums}
.grid{stroke:#e3e3e3;stroke-width:1}.axis{stroke:#999;stroke-width:1}`

// writeSVG writes the picture as one SVG document that refers to nothing
// outside itself.
func (p *Picture) writeSVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">
<style>%s</style>
<rect width="100%%" height="100%%" fill="#fff"/>
`, Width, p.height(), Width, p.height(), svgStyle)
	for i := range p.marks {
		p.marks[i].svg(&b)
		b.WriteByte('\n')
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *mark) svg(b *strings.Builder) {
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
		m.svgCells(b)
	}
}

// svgCells draws one path for each colour, in units of cells, stretched to
// the size of the area: thousands of cells take a few bytes each.
func (m *mark) svgCells(b *strings.Builder) {
	var paths [len(Ramp)]strings.Builder
	for y := range m.rows {
		for x := 0; x < m.cols; {
			step := m.step(x, y)
			end := x + 1
			for end < m.cols && m.step(end, y) == step {
				end++
			}
			if step >= 0 {
				fmt.Fprintf(&paths[step], "M%d %dh%dv1h-%dz", x, y, end-x, end-x)
			}
			x = end
		}
	}
	fmt.Fprintf(b, `<svg x="%.1f" y="%.1f" width="%.1f" height="%.1f" viewBox="0 0 %d %d" preserveAspectRatio="none" shape-rendering="crispEdges">`,
		m.x, m.y, m.w, m.h, m.cols, m.rows)
	for i := range paths {
		if paths[i].Len() > 0 {
			fmt.Fprintf(b, `<path fill="%s" d="%s"/>`, Ramp[i], paths[i].String())
		}
	}
	b.WriteString(`</svg>`)
}
