// Package graph draws the directly-follows graph of a capture: a node for each
// system call, an edge for each pair of calls that followed upon each other in
// one thread, both with how often. The name and the idea are those of process
// mining.
package graph

import (
	"cmp"
	"slices"

	"systape/replay/sequences"
)

// Graph is a directly-follows graph. Node 0 stands for the start of the
// sequences and node 1 for their end.
type Graph struct {
	Nodes []Node
	Edges []Edge // by count, the most frequent first

	// What a filter left out; zeros in a whole graph.
	LeftOutNodes       int
	LeftOutEdges       int
	LeftOutTransitions int64
	Transitions        int64 // of the whole graph, starts and ends not included
}

// Start and End are the positions of these two nodes.
const (
	Start = 0
	End   = 1
)

// Node is a symbol.
type Node struct {
	Name    string
	Count   int64 // calls; of Start and End: sequences
	TimedNS int64 // time inside the calls whose enter and exit are known
	Timed   int64 // how many these are
}

// Edge says how often one node followed upon another.
type Edge struct {
	From, To int // positions in Nodes
	Count    int64
	P        float64 // of all that followed upon From
}

// New makes the graph of what a counter has counted.
func New(c *sequences.Counter, a *sequences.Alphabet) *Graph {
	g := &Graph{Nodes: []Node{{Name: "start"}, {Name: "end"}}}
	at := func(id sequences.ID) int { return int(id) + 1 }
	for id := sequences.ID(1); int(id) <= a.Len(); id++ {
		s := c.Symbol(id)
		g.Nodes = append(g.Nodes, Node{Name: a.Name(id), Count: s.Calls, TimedNS: s.TimedNS, Timed: s.Timed})
		if s.Starts > 0 {
			g.Edges = append(g.Edges, Edge{From: Start, To: at(id), Count: s.Starts})
			g.Nodes[Start].Count += s.Starts
		}
		if s.Ends > 0 {
			g.Edges = append(g.Edges, Edge{From: at(id), To: End, Count: s.Ends})
			g.Nodes[End].Count += s.Ends
		}
	}
	for _, t := range c.Transitions() {
		g.Edges = append(g.Edges, Edge{From: at(t.From), To: at(t.To), Count: t.Count})
		g.Transitions += t.Count
	}
	out := make([]int64, len(g.Nodes))
	for _, e := range g.Edges {
		out[e.From] += e.Count
	}
	for i := range g.Edges {
		g.Edges[i].P = float64(g.Edges[i].Count) / float64(out[g.Edges[i].From])
	}
	g.sortEdges()
	return g
}

func (g *Graph) sortEdges() {
	slices.SortStableFunc(g.Edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(g.Nodes[a.From].Name, g.Nodes[b.From].Name),
			cmp.Compare(g.Nodes[a.To].Name, g.Nodes[b.To].Name))
	})
}

// Cover returns the graph with the most frequent edges only: as few as carry
// the given share of the transitions, and of the starts and the ends. Nodes
// without an edge are left out. Counts and probabilities stay those of the
// whole graph.
func (g *Graph) Cover(share float64) *Graph {
	kinds := [3]struct{ total, seen int64 }{}
	kind := func(e Edge) int {
		switch {
		case e.From == Start:
			return 1
		case e.To == End:
			return 2
		}
		return 0
	}
	for _, e := range g.Edges {
		kinds[kind(e)].total += e.Count
	}
	var keep []Edge
	for _, e := range g.Edges {
		k := &kinds[kind(e)]
		if float64(k.seen) < share*float64(k.total) {
			k.seen += e.Count
			keep = append(keep, e)
		}
	}
	return g.only(keep)
}

// Limit returns the graph with its n most frequent edges.
func (g *Graph) Limit(n int) *Graph {
	if len(g.Edges) <= n {
		return g
	}
	return g.only(g.Edges[:n])
}

func (g *Graph) only(edges []Edge) *Graph {
	used := make([]bool, len(g.Nodes))
	used[Start], used[End] = true, true
	kept := int64(0)
	for _, e := range edges {
		used[e.From], used[e.To] = true, true
		if e.From != Start && e.To != End {
			kept += e.Count
		}
	}
	out := &Graph{Transitions: g.Transitions, LeftOutTransitions: g.Transitions - kept,
		LeftOutEdges: g.LeftOutEdges + len(g.Edges) - len(edges), LeftOutNodes: g.LeftOutNodes}
	to := make([]int, len(g.Nodes))
	for i, n := range g.Nodes {
		if !used[i] {
			out.LeftOutNodes++
			continue
		}
		to[i] = len(out.Nodes)
		out.Nodes = append(out.Nodes, n)
	}
	for _, e := range edges {
		e.From, e.To = to[e.From], to[e.To]
		out.Edges = append(out.Edges, e)
	}
	return out
}
