package page

import (
	"slices"

	"systape/cmd/systape/internal/views"
	"systape/replay/escape"
	"systape/replay/render/graph"
	"systape/replay/sequences"
	"systape/replay/units"
)

// Bounds of what is shown of sequences.
const (
	sequencesEach = 12   // of either end
	graphShare    = 0.95 // of the transitions, as that of systape sequences --graph
	graphEdges    = 80   // more cannot be followed at the width of a page
)

// SequencesLength is how many calls make a sequence, unless others are asked for.
const SequencesLength = 3

// NewSequences describes what was counted of a part of a capture that begins at
// originNS.
func NewSequences(v *views.Sequences, originNS int64) Sequences {
	p := Sequences{N: v.N, Calls: v.Taken.Calls, Windows: v.Counter.Windows(), Distinct: v.Counter.Distinct(), Facts: []string{}}
	for _, line := range v.Summary() {
		p.Facts = append(p.Facts, escape.Text(line))
	}
	list := func(order sequences.Order) []Sequence {
		list, _ := v.Counter.Sequences(order, sequencesEach, nil)
		out := []Sequence{}
		for _, s := range list {
			q := Sequence{Count: s.Count, Share: s.Share, Text: escape.Text(sequences.FoldNames(v.Alphabet.Names(s.IDs))),
				FirstNS: s.First.TS - originNS, PID: s.First.PID, TID: s.First.TID}
			for _, name := range v.Alphabet.Names(s.IDs) {
				q.Calls = append(q.Calls, escape.Text(name))
			}
			out = append(out, q)
		}
		return out
	}
	p.Top, p.Rare = list(sequences.MostFirst), list(sequences.RarestFirst)
	p.Rare = slices.DeleteFunc(p.Rare, func(r Sequence) bool { // what is both is shown once
		return slices.ContainsFunc(p.Top, func(t Sequence) bool { return slices.Equal(t.Calls, r.Calls) })
	})
	p.Graph = newGraph(graph.New(v.Counter, v.Alphabet).Cover(graphShare).Limit(graphEdges))
	return p
}

func newGraph(g *graph.Graph) Graph {
	drawn := g.Draw()
	g = drawn.Graph
	out := Graph{Width: drawn.Width, Height: drawn.Height, LeftOut: g.LeftOut(), Nodes: []GraphNode{}, Edges: []GraphEdge{}}
	for i := range g.Nodes {
		n, b := &g.Nodes[i], drawn.Boxes[i]
		out.Nodes = append(out.Nodes, GraphNode{Name: escape.Text(n.Name), Count: n.Count, Figures: n.Figures(), Time: n.Time(),
			Mark: i == graph.Start || i == graph.End, X: tenth(b.X), Y: tenth(b.Y), W: tenth(b.W), H: tenth(b.H)})
	}
	for i, e := range g.Edges {
		l := &drawn.Lines[i]
		out.Edges = append(out.Edges, GraphEdge{From: e.From, To: e.To, Count: e.Count, P: e.P, Label: units.ShareCell(e.P), Path: l.Path,
			Stroke: tenth(l.Stroke), Back: l.Back, X: tenth(l.LabelX), Y: tenth(l.LabelY)})
	}
	slices.Reverse(out.Edges) // so that the most frequent is drawn on top
	return out
}

// tenth rounds to tenths of a px, which is less to send.
func tenth(x float64) float64 { return float64(int64(x*10)) / 10 }
