package graph

import (
	"fmt"
	"math"
	"strings"

	"systape/replay/escape"
	"systape/replay/units"
)

// Picture is where the parts of a graph are drawn, in px from its top left.
type Picture struct {
	Graph         *Graph // what is drawn: the most frequent edges, if there are many
	Width, Height float64
	Boxes         []Box  // by Node of the graph
	Lines         []Line // by Edge of the graph
}

// Box is where a node is drawn.
type Box struct{ X, Y, W, H float64 }

// Line is how an edge is drawn.
type Line struct {
	Path   string // as the d of an SVG path has it, from the border of one node to that of the other
	Stroke float64
	Back   bool // it runs against the direction of the others
	// LabelX and LabelY are the middle of the base line of its label, which is
	// how probable it is.
	LabelX, LabelY float64
}

// maxDrawn bounds the edges of a picture: beyond it nobody sees anything.
const maxDrawn = 150

const charWidth = 7.3 // of the 12 px monospace font that names are set in

func isMark(i int) bool { return i == Start || i == End }

// Draw lays the graph out.
func (g *Graph) Draw() *Picture {
	g = g.Limit(maxDrawn)
	l := arrange(g, func(i int) (float64, float64) {
		if isMark(i) {
			return 64, 24
		}
		n := &g.Nodes[i]
		return max(float64(len([]rune(escape.Text(n.Name))))*charWidth, float64(len([]rune(n.Figures())))*6.2) + 22, 40
	})
	p := &Picture{Graph: g, Width: l.width, Height: l.height, Lines: make([]Line, len(g.Edges))}
	labels := labeller{}
	for i := range g.Nodes {
		at := &l.items[i]
		b := Box{at.x - at.w/2, at.y - at.h/2, at.w, at.h}
		p.Boxes = append(p.Boxes, b)
		labels.block(b)
	}
	most := int64(1)
	for _, e := range g.Edges {
		most = max(most, e.Count)
	}
	for i := len(g.Edges) - 1; i >= 0; i-- {
		e, r, line := g.Edges[i], &l.routes[i], &p.Lines[i]
		line.Back = r.back
		line.Stroke = 0.8 + 3.4*math.Log1p(float64(e.Count))/math.Log1p(float64(most))
		at := point{}
		if r.loop {
			n := &l.items[e.From]
			x, y := n.x+n.w/2, n.y
			line.Path = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x, y-9, x+30, y-20, x+30, y+20, x+1, y+9)
			at = point{x + 24, y - 14}
		} else {
			line.Path, at = curve(r.points)
		}
		at = labels.place(r, at, float64(len(units.ShareCell(e.P)))*6)
		line.LabelX, line.LabelY = at.x, at.y
	}
	return p
}

// labeller finds places for labels that do not lie on nodes or on each other.
type labeller struct{ taken []Box }

func (l *labeller) block(b Box) { l.taken = append(l.taken, b) }

func (l *labeller) free(b Box) bool {
	for _, t := range l.taken {
		if b.X < t.X+t.W && t.X < b.X+b.W && b.Y < t.Y+t.H && t.Y < b.Y+b.H {
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
		if b := (Box{p.x - w/2, p.y - 10, w, 12}); l.free(b) {
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

// Figures are a node's count and, where it is known, the time in its calls.
func (n *Node) Figures() string {
	s := units.Count(n.Count)
	if n.Timed > 0 {
		s += " · " + units.Duration(n.TimedNS)
	}
	return s
}

// Time says how long a node's calls took, in all and each; "": it is not known.
func (n *Node) Time() string {
	if n.Timed == 0 {
		return ""
	}
	return fmt.Sprintf("%s in all, %s each", units.Duration(n.TimedNS), units.Duration(n.TimedNS/n.Timed))
}

// LeftOut says what of the whole graph is not in this one; "": nothing.
func (g *Graph) LeftOut() string {
	if g.LeftOutEdges == 0 {
		return ""
	}
	shown := 1.0
	if g.Transitions > 0 {
		shown = float64(g.Transitions-g.LeftOutTransitions) / float64(g.Transitions)
	}
	return fmt.Sprintf("shown: %s of the transitions, without %d rarer edges and %d nodes", units.ShareCell(shown), g.LeftOutEdges, g.LeftOutNodes)
}
