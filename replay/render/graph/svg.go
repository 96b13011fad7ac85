package graph

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"systape/replay/escape"
	"systape/replay/units"
)

// Caption is what stands above a picture.
type Caption struct{ Title, Subtitle string }

const (
	margin    = 28.0
	headSpace = 66.0
)

// writeSVG draws the graph. The picture needs no script and no other file.
func (g *Graph) writeSVG(w io.Writer, cap Caption) error {
	p := g.Draw()
	g = p.Graph
	var b bytes.Buffer
	width, height := max(p.Width+2*margin+40, 560), p.Height+2*margin+headSpace
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="system-ui, sans-serif" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", escape.XML(cap.Title))
	b.WriteString(svgStyle)
	fmt.Fprintf(&b, `<rect class="paper" width="%.0f" height="%.0f"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text class="title" x="%g" y="32">%s</text>`+"\n", margin, escape.XML(fit(escape.Text(cap.Title), width)))
	fmt.Fprintf(&b, `<text class="sub" x="%g" y="52">%s</text>`+"\n", margin, escape.XML(fit(g.summary(cap), width*1.2)))
	fmt.Fprintf(&b, `<g transform="translate(%.1f %.1f)">`+"\n", max(margin, (width-p.Width)/2), margin+headSpace)
	p.edges(&b)
	p.nodes(&b)
	b.WriteString("</g>\n</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

const svgStyle = `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 .8 7.5 4 0 7.2z" fill="#5b6b7b"/></marker></defs>
<style>
.paper{fill:#fff}.title{font-size:17px;font-weight:600;fill:#1b2733}.sub{font-size:12px;fill:#5b6b7b}
.edge path{fill:none;stroke:#5b6b7b}.edge.back path{stroke:#9a5b2d}.edge text{font-size:10.5px;fill:#33414e;text-anchor:middle}.edge .halo{stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.node rect{stroke:#2c5a86;stroke-width:1}.node .name{font:600 12px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle}.node .more{font-size:10.5px;text-anchor:middle}
.mark rect{fill:#eef1f4;stroke:#9aa7b3}.mark text{font-size:11px;fill:#5b6b7b;text-anchor:middle}
</style>
`

func (g *Graph) summary(cap Caption) string {
	s := cap.Subtitle
	if t := g.LeftOut(); t != "" {
		if s != "" {
			s += "; "
		}
		s += t
	}
	return s
}

func (p *Picture) nodes(b *bytes.Buffer) {
	g := p.Graph
	most := int64(1)
	for i, n := range g.Nodes {
		if !isMark(i) {
			most = max(most, n.Count)
		}
	}
	for i := range g.Nodes {
		n, at := &g.Nodes[i], &p.Boxes[i]
		x, y := at.X+at.W/2, at.Y+at.H/2
		if isMark(i) {
			fmt.Fprintf(b, `<g class="mark"><title>%s of %s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="12"/><text x="%.1f" y="%.1f">%s</text></g>`+"\n",
				n.Name, units.Counted(n.Count, "sequence"), at.X, at.Y, at.W, at.H, x, y+4, n.Name)
			continue
		}
		share := math.Log1p(float64(n.Count)) / math.Log1p(float64(most))
		fill, ink := shade(share)
		fmt.Fprintf(b, `<g class="node" data-n="%d"><title>%s: %s%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6" fill="%s"/>`,
			i, escape.XML(n.Name), units.Counted(n.Count, "call"), escape.XML(timeText(n)), at.X, at.Y, at.W, at.H, fill)
		fmt.Fprintf(b, `<text class="name" x="%.1f" y="%.1f" fill="%s">%s</text><text class="more" x="%.1f" y="%.1f" fill="%s">%s</text></g>`+"\n",
			x, y-2, ink, escape.XML(n.Name), x, y+13, ink, escape.XML(n.Figures()))
	}
}

// shade returns a blue that is the darker the larger x, and an ink that can
// be read on it.
func shade(x float64) (fill, ink string) {
	x = x * x
	mix := func(a, b float64) int { return int(math.Round(a + (b-a)*x)) }
	ink = "#14222f"
	if x > 0.55 {
		ink = "#fff"
	}
	return fmt.Sprintf("#%02x%02x%02x", mix(236, 44), mix(243, 98), mix(250, 148)), ink
}

func (p *Picture) edges(b *bytes.Buffer) {
	g := p.Graph
	var text bytes.Buffer
	for i := len(g.Edges) - 1; i >= 0; i-- { // the most frequent on top
		e, line := g.Edges[i], &p.Lines[i]
		class := "edge"
		if line.Back {
			class += " back"
		}
		from, to := g.Nodes[e.From].Name, g.Nodes[e.To].Name
		fmt.Fprintf(b, `<g class="%s" data-f="%d" data-t="%d"><title>%s → %s: %s, %s</title><path d="%s" stroke-width="%.1f" stroke-opacity=".75" marker-end="url(#tip)"/></g>`+"\n",
			class, e.From, e.To, escape.XML(from), escape.XML(to), units.Counted(e.Count, "time"), units.ShareCell(e.P), line.Path, line.Stroke)
		fmt.Fprintf(&text, `<g class="edge" data-f="%d" data-t="%d"><text class="halo" x="%.1[3]f" y="%.1[4]f">%[5]s</text><text x="%.1[3]f" y="%.1[4]f">%[5]s</text></g>`+"\n",
			e.From, e.To, line.LabelX, line.LabelY, units.ShareCell(e.P))
	}
	b.Write(text.Bytes())
}

// timeText is a node's Time behind its count.
func timeText(n *Node) string {
	if t := n.Time(); t != "" {
		return ", " + t
	}
	return ""
}

// fit cuts text that would run over the edge of the picture.
func fit(s string, width float64) string {
	r := []rune(s)
	if n := int(width / 8); len(r) > n && n > 1 {
		return string(r[:n-1]) + "…"
	}
	return s
}
