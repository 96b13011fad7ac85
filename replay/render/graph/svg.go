package graph

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"systape/replay/escape"
	"systape/replay/units"
)

// Caption is what stands above a picture.
type Caption struct{ Title, Subtitle string }

// maxDrawn bounds the edges of a picture: beyond it nobody sees anything.
const maxDrawn = 150

const (
	charWidth = 7.3 // of the 12 px monospace font that names are set in
	margin    = 28.0
	headSpace = 66.0
)

func isMark(i int) bool { return i == Start || i == End }

// writeSVG draws the graph. The picture needs no script and no other file.
func (g *Graph) writeSVG(w io.Writer, cap Caption) error {
	g = g.Limit(maxDrawn)
	l := arrange(g, func(i int) (float64, float64) {
		if isMark(i) {
			return 64, 24
		}
		n := &g.Nodes[i]
		return max(float64(len([]rune(escape.Text(n.Name))))*charWidth, float64(len([]rune(nodeText(n))))*6.2) + 22, 40
	})
	var b bytes.Buffer
	width, height := max(l.width+2*margin+40, 560), l.height+2*margin+headSpace
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="system-ui, sans-serif" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", escape.XML(cap.Title))
	b.WriteString(svgStyle)
	fmt.Fprintf(&b, `<rect class="paper" width="%.0f" height="%.0f"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text class="title" x="%g" y="32">%s</text>`+"\n", margin, escape.XML(fit(escape.Text(cap.Title), width)))
	fmt.Fprintf(&b, `<text class="sub" x="%g" y="52">%s</text>`+"\n", margin, escape.XML(fit(g.summary(cap), width*1.2)))
	fmt.Fprintf(&b, `<g transform="translate(%.1f %.1f)">`+"\n", max(margin, (width-l.width)/2), margin+headSpace)
	g.drawEdges(&b, l)
	g.drawNodes(&b, l)
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
	add := func(t string) {
		if s != "" {
			s += "; "
		}
		s += t
	}
	if g.LeftOutEdges > 0 {
		shown := 1.0
		if g.Transitions > 0 {
			shown = float64(g.Transitions-g.LeftOutTransitions) / float64(g.Transitions)
		}
		add(fmt.Sprintf("shown: %s of the transitions, without %d rarer edges and %d nodes", units.ShareCell(shown), g.LeftOutEdges, g.LeftOutNodes))
	}
	return s
}

func (g *Graph) drawNodes(b *bytes.Buffer, l *layout) {
	most := int64(1)
	for i, n := range g.Nodes {
		if !isMark(i) {
			most = max(most, n.Count)
		}
	}
	for i := range g.Nodes {
		n, p := &g.Nodes[i], &l.items[i]
		x, y := p.x-p.w/2, p.y-p.h/2
		if isMark(i) {
			fmt.Fprintf(b, `<g class="mark"><title>%s of %s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="12"/><text x="%.1f" y="%.1f">%s</text></g>`+"\n",
				n.Name, units.Counted(n.Count, "sequence"), x, y, p.w, p.h, p.x, p.y+4, n.Name)
			continue
		}
		share := math.Log1p(float64(n.Count)) / math.Log1p(float64(most))
		fill, ink := shade(share)
		fmt.Fprintf(b, `<g class="node" data-n="%d"><title>%s: %s%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6" fill="%s"/>`,
			i, escape.XML(n.Name), units.Counted(n.Count, "call"), escape.XML(timeText(n)), x, y, p.w, p.h, fill)
		fmt.Fprintf(b, `<text class="name" x="%.1f" y="%.1f" fill="%s">%s</text><text class="more" x="%.1f" y="%.1f" fill="%s">%s</text></g>`+"\n",
			p.x, p.y-2, ink, escape.XML(n.Name), p.x, p.y+13, ink, escape.XML(nodeText(n)))
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

func (g *Graph) drawEdges(b *bytes.Buffer, l *layout) {
	most := int64(1)
	for _, e := range g.Edges {
		most = max(most, e.Count)
	}
	labels := labeller{}
	for i := range g.Nodes {
		p := &l.items[i]
		labels.block(p.x-p.w/2, p.y-p.h/2, p.w, p.h)
	}
	var text bytes.Buffer
	for i := len(g.Edges) - 1; i >= 0; i-- { // the most frequent on top
		e, r := g.Edges[i], &l.routes[i]
		class := "edge"
		if r.back {
			class += " back"
		}
		stroke := 0.8 + 3.4*math.Log1p(float64(e.Count))/math.Log1p(float64(most))
		path, at := "", point{}
		if r.loop {
			p := &l.items[e.From]
			x, y := p.x+p.w/2, p.y
			path = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x, y-9, x+30, y-20, x+30, y+20, x+1, y+9)
			at = point{x + 24, y - 14}
		} else {
			path, at = curve(r.points)
		}
		from, to := g.Nodes[e.From].Name, g.Nodes[e.To].Name
		fmt.Fprintf(b, `<g class="%s" data-f="%d" data-t="%d"><title>%s → %s: %s, %s</title><path d="%s" stroke-width="%.1f" stroke-opacity=".75" marker-end="url(#tip)"/></g>`+"\n",
			class, e.From, e.To, escape.XML(from), escape.XML(to), units.Counted(e.Count, "time"), units.ShareCell(e.P), path, stroke)
		label := units.ShareCell(e.P)
		w := float64(len(label)) * 6
		at = labels.place(r, at, w)
		fmt.Fprintf(&text, `<g class="edge" data-f="%d" data-t="%d"><text class="halo" x="%.1[3]f" y="%.1[4]f">%[5]s</text><text x="%.1[3]f" y="%.1[4]f">%[5]s</text></g>`+"\n", e.From, e.To, at.x, at.y, label)
	}
	b.Write(text.Bytes())
}

// labeller finds places for labels that do not lie on nodes or on each other.
type labeller struct{ taken []box }

type box struct{ x, y, w, h float64 }

func (l *labeller) block(x, y, w, h float64) { l.taken = append(l.taken, box{x, y, w, h}) }

func (l *labeller) free(b box) bool {
	for _, t := range l.taken {
		if b.x < t.x+t.w && t.x < b.x+b.w && b.y < t.y+t.h && t.y < b.y+b.h {
			return false
		}
	}
	return true
}

func (l *labeller) place(r *route, at point, w float64) point {
	candidates := []point{at}
	for k := 1; k < len(r.points); k++ {
		a, c := r.points[k-1], r.points[k]
		for _, f := range []float64{0.5, 0.35, 0.65, 0.2, 0.8} {
			candidates = append(candidates, point{a.x + (c.x-a.x)*f, a.y + (c.y-a.y)*f + 3})
		}
	}
	for _, p := range candidates {
		if b := (box{p.x - w/2, p.y - 10, w, 12}); l.free(b) {
			l.taken = append(l.taken, b)
			return p
		}
	}
	return at
}

// curve draws a smooth line through the points, vertical at both ends, and
// returns a place for its label.
func curve(p []point) (path string, label point) {
	var b strings.Builder
	fmt.Fprintf(&b, "M%.1f %.1f", p[0].x, p[0].y)
	for i := 1; i < len(p); i++ {
		a, c := p[i-1], p[i]
		dy := (c.y - a.y) / 2
		fmt.Fprintf(&b, "C%.1f %.1f %.1f %.1f %.1f %.1f", a.x, a.y+dy, c.x, c.y-dy, c.x, c.y)
	}
	return b.String(), point{(p[0].x + p[1].x) / 2, (p[0].y+p[1].y)/2 + 3}
}

func nodeText(n *Node) string {
	s := units.Count(n.Count)
	if n.Timed > 0 {
		s += " · " + units.Duration(n.TimedNS)
	}
	return s
}

func timeText(n *Node) string {
	if n.Timed == 0 {
		return ""
	}
	return fmt.Sprintf(", %s in all, %s each", units.Duration(n.TimedNS), units.Duration(n.TimedNS/n.Timed))
}

// fit cuts text that would run over the edge of the picture.
func fit(s string, width float64) string {
	r := []rune(s)
	if n := int(width / 8); len(r) > n && n > 1 {
		return string(r[:n-1]) + "…"
	}
	return s
}
